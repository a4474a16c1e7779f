"""Functional dependencies are found, kept exactly, and not made up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import create, trees_walk
from generators.coding import CategoryCodec
from generators.trees_dependencies import find_parents, look_up, reorder
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec

MakeProfile = Callable[..., Profile]


def codec_of(codes: np.ndarray) -> CategoryCodec:
    weights = np.bincount(codes)
    return CategoryCodec([str(i) for i in range(len(weights))], weights, has_pool=False, has_missing=False)


def test_what_follows_from_another_column_is_never_broken(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(0)
    city = rng.integers(0, 40, 6_000)
    loose = np.where(rng.random(6_000) < 0.001, 3, city % 4)
    table = pa.table(
        {
            "state": np.char.add("s", (city // 5).astype(str)),
            "city": np.char.add("c", city.astype(str)),
            "number": city // 5 * 10,
            "loose": loose,
            "free": rng.integers(0, 9, 6_000),
        }
    )
    made = create(GeneratorSpec()).fit(table, TableSpec(), make_profile(table), 1).sample(6_000, 2).table.to_pandas()
    number = made.city.str[1:].astype(int)
    assert (made.state == "s" + (number // 5).astype(str)).all()
    assert (made.number == number // 5 * 10).all()
    # Control: a rule with exceptions is no rule.
    assert (made.loose != number % 4).any()


def test_parents_are_the_smallest_columns_that_determine() -> None:
    rng = np.random.default_rng(1)
    fine = rng.integers(0, 60, 4_000)
    codes = [fine // 20, fine, fine // 4, rng.integers(0, 3, 4_000), np.zeros(4_000, np.int64)]
    codecs = [codec_of(c) for c in codes]
    assert find_parents(codecs, codes) == {0: 2, 2: 1}
    # A code with too few rows could be told by what follows from it.
    rare = fine.copy()
    rare[:3] = 60
    assert find_parents([codec_of(c) for c in (fine // 20, rare)], [fine // 20, rare]) == {}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_determines_is_what_a_dictionary_says(parent: list[int], seed: int) -> None:
    child = np.random.default_rng(seed).integers(0, 2, len(parent))
    known: dict[int, set[int]] = {}
    for a, b in zip(parent, child.tolist(), strict=True):
        known.setdefault(a, set()).add(b)
    arguments = (np.array(parent, np.uint8), child.astype(np.uint8))
    assert trees_walk.determines(*arguments) == all(len(v) == 1 for v in known.values())
    assert trees_walk.determines.py_func(*arguments) == trees_walk.determines(*arguments)  # type: ignore[attr-defined]


def test_parents_come_before_the_first_column_that_follows() -> None:
    assert reorder([0, 1, 2, 3], {}) == ([0, 1, 2, 3], {})
    assert reorder([0, 1, 2, 3], {1: 3}) == ([0, 3, 1, 2], {1: 3})
    assert reorder([0, 1, 2, 3], {0: 1, 1: 3}) == ([3, 1, 0, 2], {0: 1, 1: 3})
    order, parents = reorder([0, 1, 2], {0: 1, 1: 0})  # each follows from the other: only one is looked up
    assert sorted(order) == [0, 1, 2]
    assert len(parents) == 1
    (child,) = parents
    assert order.index(parents[child]) < order.index(child)


@pytest.mark.parametrize("codes", [2, 3, 17, 200])
def test_looking_up_gives_the_one_code(codes: int) -> None:
    rng = np.random.default_rng(codes)
    parent = np.r_[np.arange(256), rng.integers(0, 256, 500)]
    rule = rng.permutation(np.arange(256) % codes)
    forest = look_up(codes, 1, parent, rule[parent])
    features = np.stack([np.zeros(256), np.arange(256)]).astype(np.uint8)
    assert (forest.draw(features, rng.random((256, 3), dtype=np.float32)) == rule).all()
    assert (forest.likelihood(features, rule) == 1).all()
