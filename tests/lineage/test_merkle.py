"""Merkle trees: the published vectors, a twin by the book, and proofs that fail when anything in them changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_ranges,
    consistent,
    cover,
    includes,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    path_of,
)

# The eight leaves of Certificate Transparency's tests (google/certificate-transparency, transparency-dev/merkle).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (1, 1): [],
}
CT_INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
}
LEAVES = [leaf_hash(data) for data in CT_LEAVES]


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word, on leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return [*path(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*proof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], False), mth(leaves[:k])]


def made(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def stored(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """What a log stores: the leaves and every complete subtree the frontier reports."""
    frontier, nodes = Frontier(), {}
    for index, leaf in enumerate(leaves):
        nodes[0, index] = leaf
        nodes |= {(level, place): digest for level, place, digest in frontier.add(leaf)}
    return nodes


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    return path_of(inclusion_ranges(index, len(leaves)), stored(leaves).__getitem__)


def consistency(leaves: Sequence[bytes], first: int) -> list[bytes]:
    return path_of(consistency_ranges(first, len(leaves)), stored(leaves).__getitem__)


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(leaf)
    assert frontier.root().hex() == CT_ROOTS[size] == mth(LEAVES[:size]).hex()
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]


@pytest.mark.parametrize(("first", "second"), CT_CONSISTENCY)
def test_published_consistency_proofs(first: int, second: int) -> None:
    expected = [bytes.fromhex(text) for text in CT_CONSISTENCY[first, second]]
    assert consistency(LEAVES[:second], first) == expected
    assert consistent(first, second, mth(LEAVES[:first]), mth(LEAVES[:second]), expected)


@pytest.mark.parametrize(("index", "size"), CT_INCLUSION)
def test_published_inclusion_proofs(index: int, size: int) -> None:
    expected = [bytes.fromhex(text) for text in CT_INCLUSION[index, size]]
    assert inclusion(LEAVES[:size], index) == expected
    assert includes(LEAVES[index], index, size, expected, mth(LEAVES[:size]))


def test_every_path_up_to_forty_leaves_is_that_of_the_book_and_verifies() -> None:
    for size in range(1, 41):
        leaves = made(size)
        root, nodes = mth(leaves), stored(leaves)
        for index in range(size):
            steps = path_of(inclusion_ranges(index, size), nodes.__getitem__)
            assert steps == path(index, leaves)
            assert includes(leaves[index], index, size, steps, root)
        for first in range(1, size + 1):
            steps = path_of(consistency_ranges(first, size), nodes.__getitem__)
            assert steps == proof(first, leaves)
            assert consistent(first, size, mth(leaves[:first]), root, steps)


def test_a_frontier_reports_every_complete_subtree_once_and_right() -> None:
    for size in range(0, 70, 3):
        leaves = made(size)
        nodes = stored(leaves)
        assert len(nodes) == sum(size >> level for level in range(8))
        for (level, index), digest in nodes.items():
            assert digest == mth(leaves[index << level : (index + 1) << level])


def test_a_copy_of_a_frontier_grows_alone() -> None:
    frontier = Frontier()
    for leaf in made(5):
        frontier.add(leaf)
    before, twin = frontier.root(), frontier.copy()
    twin.add(b"x" * 32)
    assert frontier.root() == before
    assert (frontier.size, twin.size) == (5, 6)


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_a_proof_needs_a_logarithm_of_hashes(size: int, at: int) -> None:
    index, first = at % size, 1 + at % size
    bound = size.bit_length()
    assert len(inclusion_ranges(index, size)) <= bound
    assert len(consistency_ranges(first, size)) <= bound + 1
    for ranges in (inclusion_ranges(index, size), consistency_ranges(first, size)):
        places = [place for found in ranges for place in cover(*found)]
        assert len(places) <= 2 * bound + 1
        assert all((place + 1) << level <= size for level, place in places)  # each is stored by then


SIZES = st.integers(1, 70)


@given(SIZES, st.data())
def test_any_change_of_an_inclusion_proof_fails(size: int, data: st.DataObject) -> None:
    leaves = made(size)
    index = data.draw(st.integers(0, size - 1))
    root, steps = mth(leaves), inclusion(leaves, index)
    assert includes(leaves[index], index, size, steps, root)
    other = data.draw(st.integers(-2, 80).filter(lambda n: n != index))
    assert not includes(leaves[index], other, size, steps, root)
    assert not includes(leaves[index], index, size, [*steps, b"\x00" * 32], root)
    assert not includes(_flipped(leaves[index], data), index, size, steps, root)
    assert not includes(leaves[index], index, size, steps, _flipped(root, data))
    if steps:
        assert not includes(leaves[index], index, size, steps[:-1], root)
        assert not includes(leaves[index], index, size, steps[1:], root)
        place = data.draw(st.integers(0, len(steps) - 1))
        bent = [*steps[:place], _flipped(steps[place], data), *steps[place + 1 :]]
        assert not includes(leaves[index], index, size, bent, root)


@given(SIZES, st.data())
def test_a_path_never_leads_from_a_place_it_was_not_made_for(size: int, data: st.DataObject) -> None:
    """Another size is refused unless the path has the same shape there; then the root still decides."""
    leaves = made(size)
    index, wrong = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, 140).filter(lambda n: n != size))
    steps = inclusion(leaves, index)
    accepted = includes(leaves[index], index, wrong, steps, mth(leaves))
    same_shape = index < wrong and _turns(index, wrong) == _turns(index, size)
    assert accepted == same_shape


@given(st.integers(2, 70), st.data())
def test_any_change_of_a_consistency_proof_fails(size: int, data: st.DataObject) -> None:
    leaves = made(size)
    first = data.draw(st.integers(1, size - 1))
    old, new, steps = mth(leaves[:first]), mth(leaves), consistency(leaves, first)
    assert consistent(first, size, old, new, steps)
    assert not consistent(first, size, _flipped(old, data), new, steps)
    assert not consistent(first, size, old, _flipped(new, data), steps)
    assert not consistent(first, size, old, new, steps[:-1])
    assert not consistent(first, size, old, new, [*steps, steps[0]])
    place = data.draw(st.integers(0, len(steps) - 1))
    bent = [*steps[:place], _flipped(steps[place], data), *steps[place + 1 :]]
    assert not consistent(first, size, old, new, bent)
    changed = [*leaves]
    changed[data.draw(st.integers(0, first - 1))] = b"\x01" * 32
    assert not consistent(first, size, old, mth(changed), consistency(changed, first))


def test_the_edges_of_consistency() -> None:
    leaves = made(4)
    root = mth(leaves)
    assert consistent(0, 4, EMPTY_ROOT, root, [])
    assert not consistent(0, 4, root, root, [])
    assert not consistent(0, 4, EMPTY_ROOT, root, [root])
    assert consistent(4, 4, root, root, [])
    assert not consistent(4, 4, root, EMPTY_ROOT, [])
    assert not consistent(4, 4, root, root, [root])
    assert not consistent(5, 4, root, root, [])
    assert not consistent(3, 4, mth(leaves[:3]), root, [])
    for wrong in ((-1, 4), (4, 4)):
        with pytest.raises(ValueError, match="not in a tree"):
            inclusion_ranges(*wrong)
    with pytest.raises(ValueError, match="does not grow"):
        consistency_ranges(5, 4)


def test_a_leaf_is_never_taken_for_a_node() -> None:
    """Second preimage: the content of an inner node, offered as a leaf, hashes otherwise."""
    left, right = made(2)
    assert leaf_hash(left + right) != node_hash(left, right)
    assert not includes(leaf_hash(left + right), 0, 1, [], node_hash(left, right))


def _flipped(digest: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, 255))
    return (int.from_bytes(digest, "big") ^ 1 << bit).to_bytes(32, "big")


def _turns(index: int, size: int) -> list[bool]:
    """For each step of the path, whether the sibling stands to the left."""
    return [start < index for start, _ in inclusion_ranges(index, size)]
