"""Merkle trees by RFC 6962: roots, inclusion and consistency paths, and their verification. Pure.

    leaf(d)    = SHA-256(0x00 || d)
    node(l, r) = SHA-256(0x01 || l || r)
    a tree of n > 1 leaves = node(tree of the first k, tree of the rest), k the largest power of two below n
    the empty tree = SHA-256 of nothing

A subtree whose leaves are 2**level in number and begin at a multiple of that never changes: it is a *complete* subtree,
named (level, index), with index counted in its own width. Every other hash folds at most log2(n) of them, so whoever
keeps their hashes makes any proof with O(log n) of them. Verification follows RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Place = tuple[int, int]
"""(level, index) of a complete subtree."""
Range = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's content."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(peaks: Sequence[bytes]) -> bytes:
    """Join the hashes of complete subtrees, left to right, into the tree over all of them."""
    if not peaks:
        return EMPTY_ROOT
    joined = peaks[-1]
    for peak in reversed(peaks[:-1]):
        joined = node_hash(peak, joined)
    return joined


def cover(start: int, end: int) -> list[Place]:
    """The complete subtrees whose fold is the tree over the leaves [start, end).

    start: a multiple of the largest power of two in `end - start`, as it is for every subtree of a tree.
    """
    places, length = [], end - start
    while length:
        level = length.bit_length() - 1
        places.append((level, start >> level))
        start += 1 << level
        length -= 1 << level
    return places


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees of an inclusion path, from the leaf's sibling up to the root's child. 0 <= index < size."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """The subtrees of a consistency path between trees of `first` and `second` leaves. 0 <= first <= second."""
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} does not grow out of one of {first}")
    if first in (0, second):
        return []
    ranges: list[Range] = []
    start, end, whole = 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, end))
    return ranges[::-1]


def path_of(ranges: Iterable[Range], hash_at: Callable[[Place], bytes]) -> list[bytes]:
    """The hashes of these subtrees, from those of the complete ones."""
    return [fold([hash_at(place) for place in cover(*found)]) for found in ranges]


def root_after_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that the leaf's hash and its path lead to; None where the path's length is not that of this place."""
    if not 0 <= index < size:
        return None
    at, last, joined = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            joined = node_hash(step, joined)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            joined = node_hash(joined, step)
        at, last = at >> 1, last >> 1
    return joined if last == 0 else None


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf is number `index`, from 0, of the tree of `size` leaves with this root."""
    return root_after_inclusion(leaf, index, size, path) == root


def consistent(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the second tree begins with all leaves of the first, in their order."""
    if not 0 <= first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    if first == 0:
        return not path and first_root == EMPTY_ROOT
    steps = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not steps:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, step)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


class Frontier:
    """A growing tree, of which only the complete subtrees at its right edge are kept: at most log2(n) + 1 hashes."""

    def __init__(self) -> None:
        self.size = 0
        """Number of leaves."""
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Take one more leaf's hash; return (level, index, hash) of each complete subtree it finished, level >= 1."""
        made: list[tuple[int, int, bytes]] = []
        level, joined = 0, leaf
        while self.size >> level & 1:
            joined = node_hash(self._peaks.pop(), joined)
            level += 1
            made.append((level, self.size >> level, joined))
        self._peaks.append(joined)
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root of the tree so far."""
        return fold(self._peaks)

    def copy(self) -> Frontier:
        """Another frontier at the same place."""
        twin = Frontier()
        twin.size, twin._peaks = self.size, list(self._peaks)
        return twin


def _split(length: int) -> int:
    """The largest power of two below `length`, which is at least 2."""
    return 1 << ((length - 1).bit_length() - 1)
