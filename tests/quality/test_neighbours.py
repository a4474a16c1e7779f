"""Nearest rows and predicates: brute-force twins, ties, threads, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.codes import PARTS, Column, Kind
from quality import neighbours
from quality.neighbours import FAR, Boxes, Near, Rows, how_near, joined, nearest, nearest_without, space
from quality.predicates import Index, Predicates, at_random, multivariate, univariate

STEP = 1 << 20


def some(rng: np.random.Generator, rows: int, ordered: int, words: int, values: int) -> Rows:
    numbers = rng.integers(0, values, (ordered, rows)) * STEP // max(values - 1, 1)
    numbers[rng.random(numbers.shape) < 0.1] = 2 * STEP
    named = rng.integers(-1, values, (words, rows))
    return Rows(np.concatenate([numbers, named]).astype(np.int32), ordered, STEP)


def distances(asked: Rows, among: Rows, left_out: int = -1) -> np.ndarray:
    total = np.zeros((len(asked), len(among)), np.int64)
    for c in range(len(asked.values)):
        gap = np.abs(asked.values[c][:, None].astype(np.int64) - among.values[c])
        if c != left_out:
            total += np.minimum(gap, STEP) if c < asked.ordered else STEP * (gap > 0)
    return total


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_nearest_is_the_naive_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(0, 4), rng.integers(1, 4), rng.integers(1, 6)
    asked, among = some(rng, 15, *shape), some(rng, int(rng.integers(1, 900)), *shape)
    total, count = distances(asked, among), 4
    order = np.argsort(total, axis=1, kind="stable")[:, :count]
    found = nearest(asked, among, count)
    width = order.shape[1]
    assert np.array_equal(found.place[:, :width], order)
    assert np.array_equal(found.distance[:, :width], np.take_along_axis(total, order, axis=1))
    assert (found.place[:, width:] == -1).all()
    assert (found.distance[:, width:] == FAR).all()
    assert how_near(asked, among) == pytest.approx(total.min(axis=1) / STEP)
    left = np.arange(-1, len(asked.values))
    without = nearest_without(asked, among, left)
    for i, c in enumerate(left):
        assert np.array_equal(without.place[:, i], distances(asked, among, c).argmin(axis=1))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_joining_two_tables_is_searching_both(seed: int) -> None:
    rng = np.random.default_rng(seed)
    asked, first, second = (some(rng, n, 1, 2, 3) for n in (10, 30, 8))
    turns = rng.permutation(38)
    before, after = np.sort(turns[:30]), np.sort(turns[30:])
    both = Rows(np.concatenate([first.values, second.values], axis=1), 1, STEP)
    order = np.argsort(np.r_[before, after], kind="stable")
    found = joined(nearest(asked, first, 5), nearest(asked, second, 5), before, after)
    straight = nearest(asked, both.taken(order), 5)
    assert np.array_equal(found.distance, straight.distance)
    assert np.array_equal(found.place, order[straight.place])


def test_neither_threads_nor_boxes_change_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    asked, among = some(rng, 700, 3, 4, 5), some(rng, 3000, 3, 4, 5)
    whole = nearest(asked, among, 3, 1)
    for workers, box in ((2, 256), (5, 17)):
        monkeypatch.setattr(neighbours, "_BOX", box)
        monkeypatch.setattr(neighbours, "_CHUNK", 100)
        again = nearest(asked, among, 3, workers)
        assert np.array_equal(again.place, whole.place)


def test_rows_that_are_all_alike_or_none_at_all() -> None:
    alike = Rows(np.ones((3, 1000), np.int32), 1, STEP)
    assert (nearest(alike, alike, 2).place == [0, 1]).all()
    nothing = alike.taken(np.zeros(0, np.int64))
    assert len(Boxes.of(nothing).ends) == 0
    assert np.isinf(how_near(alike, nothing)).all()
    assert isinstance(nearest(nothing, alike), Near)


def test_the_space_scales_numbers_and_keeps_nulls_apart() -> None:
    number = {"train": [0.0, 1.0, np.nan, 1e9], "holdout": [np.inf, 5e8], "synthetic": [-np.inf]}
    word = {"train": [0, 1, -1, 70_000], "holdout": [0, 1], "synthetic": [0]}
    columns = (
        Column("w", Kind.CATEGORY, {p: np.array(word[p], np.int32) for p in PARTS}),
        Column("n", Kind.NUMBER, {p: np.array(number[p]) for p in PARTS}),
        Column("empty", Kind.NUMBER, {p: np.full(len(word[p]), np.nan) for p in PARTS}),
    )
    for scale in ("range", "rank"):
        made = space(columns, scale)
        assert made.names == ("n", "empty", "w")
        train, step = made.rows["train"], made.rows["train"].step
        assert train.values[0, 2] == 2 * step
        assert distances_of(train, 2, 0) == step * 2  # null against a number, null against a word
        assert (train.values[1] == 2 * step).all()
        assert made.rows["holdout"].values[0].max() <= step
    assert space(columns, "range").rows["train"].values[0, 3] == step
    wide = tuple(Column(str(i), Kind.CATEGORY, columns[0].values) for i in range(3000))
    assert space(wide, "rank").rows["train"].step * 3000 < 2**31


def distances_of(rows: Rows, one: int, other: int) -> int:
    gap = np.abs(rows.values[:, one].astype(np.int64) - rows.values[:, other])
    gap[rows.ordered :] = rows.step * (gap[rows.ordered :] > 0)
    return int(np.minimum(gap, rows.step).sum())


def index(codes: np.ndarray, ordered: list[bool]) -> Index:
    return Index.of(codes.astype(np.int32), np.array(ordered), codes.max(axis=1).astype(np.int64) + 1)


def naive(codes: np.ndarray, predicates: Predicates) -> list[int]:
    found = []
    for predicate in predicates.conditions:
        good = np.ones(codes.shape[1], bool)
        for column, low, high, excluded in predicate:
            inside = (codes[column] >= low) & (codes[column] <= high)
            good &= ~inside & (codes[column] > 0) if excluded else inside
        found.append(int(good.sum()))
    return found


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_counting_is_the_naive_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, rng.integers(2, 30, 4)[:, None], (4, 60))
    table = index(codes, [True, False, True, False])
    for made in (at_random(table, 3, 50, rng), multivariate(table, 2, 50, rng), univariate(table, 50, rng)):
        counted = made.count(table, 40)
        assert list(counted) == [min(n, 40) for n in naive(codes, made)]
    for made in (multivariate(table, 2, 50, rng), univariate(table, 50, rng)):
        assert set(made.count(table, 3)) <= {1}
        assert len({p.tobytes() for p in made.conditions}) == len(made)


def test_a_single_null_and_both_ends_single_a_row_out() -> None:
    codes = np.array([[0, 1, 2, 2, 3], [1, 1, 1, 1, 1]])
    made = univariate(index(codes, [True, False]), 10, np.random.default_rng(0))
    assert sorted(map(tuple, made.conditions[:, 0])) == [
        (0, 0, 0, 0), (0, 1, 1, 0), (0, 3, 3, 0)
    ]  # fmt: skip
    nothing = index(np.ones((2, 5), int), [False, False])
    assert len(univariate(nothing, 10, np.random.default_rng(0))) == 0
    assert len(multivariate(nothing, 2, 10, np.random.default_rng(0))) == 0
