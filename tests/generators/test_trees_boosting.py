"""Corrections: the compiled functions against their definitions, and what boosting wins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import trees_boosting
from generators.trees_corrections import Level, corrected
from generators.trees_forest import Forest, Target, grow_tree, plant

NAMES = (
    "gradients",
    "sort_by",
    "gather",
    "rank_codes",
    "best_level",
    "step_down",
    "grow_symmetric",
    "gain_of",
    "multiply",
    "values_of",
)


def chances_of(rng: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    p = rng.random((rows, classes)) + 0.1
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


def table(rows: int = 600, seed: int = 0) -> dict[str, Any]:
    """A target that follows a number and a category, not followed by its chances."""
    rng = np.random.default_rng(seed)
    features = np.stack([rng.integers(0, 9, rows), rng.integers(0, 5, rows)]).astype(np.uint8)
    target = ((features[0] > 4) + 2 * np.isin(features[1], [1, 3])) % 3
    target = np.where(rng.random(rows) < 0.2, rng.integers(0, 3, rows), target).astype(np.int32)
    return {
        "features": features,
        "sizes": np.array([9, 5]),
        "categorical": np.array([False, True]),
        "target": target,
        "chances": np.tile(np.bincount(target) / rows, (rows, 1)).astype(np.float32),
    }


def boosted(function: Any, given: dict[str, Any], rounds: int = 6, gain: float = 1e-4) -> tuple[Any, np.ndarray]:
    chances = given["chances"].copy()
    result = function(
        given["features"], given["sizes"], given["categorical"], given["target"], chances,
        rounds, 2, 0.3, 20.0, 5.0, 10, 200, gain,
    )  # fmt: skip
    return result, chances


def cell_of(features: np.ndarray, split: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Each row's cell, from the definition."""
    cells = np.zeros(features.shape[1], np.int64)
    for level, f in enumerate(split):
        for row, code in enumerate(features[f]):
            goes_left = bool(int(masks[level, code >> 6]) >> int(code & 63) & 1)
            cells[row] |= 0 if goes_left else 1 << level
    return cells


def log_likelihood(chances: np.ndarray, target: np.ndarray) -> float:
    return float(np.log(chances[np.arange(len(target)), target]).mean())


def test_corrections_raise_the_likelihood_and_are_what_they_say() -> None:
    given = table()
    (split, masks, factors), after = boosted(trees_boosting.boost, given)
    assert len(split) > 2
    assert log_likelihood(after, given["target"]) > log_likelihood(given["chances"], given["target"]) + 0.2
    again = given["chances"].astype(float)
    for correction in range(len(split)):
        again *= factors[correction][cell_of(given["features"], split[correction], masks[correction])]
        again /= again.sum(axis=1, keepdims=True)
    assert after == pytest.approx(again, abs=1e-5)


def test_noise_is_not_worth_a_correction() -> None:
    given = table()
    given["target"] = np.random.default_rng(3).integers(0, 3, 600).astype(np.int32)
    given["chances"] = np.full((600, 3), 1 / 3, np.float32)
    (split, _, _), after = boosted(trees_boosting.boost, given, gain=0.02)
    assert len(split) == 0
    assert (after == given["chances"]).all()


def test_compiled_boosting_is_the_python_it_was_compiled_from(monkeypatch: pytest.MonkeyPatch) -> None:
    given = table(90)
    fast, raised = boosted(trees_boosting.boost, given, rounds=2)
    for name in NAMES:
        monkeypatch.setattr(trees_boosting, name, getattr(trees_boosting, name).py_func)
    slow, plain = boosted(trees_boosting.boost.py_func, given, rounds=2)  # type: ignore[attr-defined]
    assert (fast[0] == slow[0]).all()
    assert (fast[1] == slow[1]).all()
    assert fast[2] == pytest.approx(slow[2], rel=1e-4)
    assert raised == pytest.approx(plain, rel=1e-4)


def test_where_nothing_can_be_split_nothing_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    given = table(90) | {"sizes": np.array([1, 1])}
    given["features"] = np.zeros((2, 90), np.uint8)
    none, same = boosted(trees_boosting.boost, given, rounds=2, gain=-1.0)
    assert len(none[0]) == 0
    assert (same == given["chances"]).all()
    for name in NAMES:
        monkeypatch.setattr(trees_boosting, name, getattr(trees_boosting, name).py_func)
    slow, _ = boosted(trees_boosting.boost.py_func, given, rounds=2, gain=-1.0)  # type: ignore[attr-defined]
    assert len(slow[0]) == 0


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 4), st.integers(1, 4), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_best_level_is_the_best_of_all_cuts(seed: int, codes: int, classes: int, cells: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, (codes, cells))
    sums = (rng.normal(size=(codes, cells, classes)) * (counts > 0)[:, :, None]).astype(np.float32)
    path = rng.permutation(codes).astype(np.int64)

    def score(left: np.ndarray) -> float:
        right = np.setdiff1d(path, left)
        return sum(
            float((sums[side, cell].sum(axis=0).astype(float) ** 2).sum() / (counts[side, cell].sum() + 20.0))
            for side in (left, right)
            for cell in range(cells)
        )

    best = max(
        (
            score(path[:place])
            for place in range(1, codes)
            if counts[path[place - 1]].any() and min(counts[path[:place]].sum(), counts[path[place:]].sum()) >= least
        ),
        default=-1.0,
    )
    total, left = sums.sum(axis=0), np.zeros((cells, classes), np.float32)
    got, place = trees_boosting.best_level(
        sums, counts, path, codes, cells, 20.0, least, total, counts.sum(axis=0), left, np.zeros(cells, np.int64)
    )
    assert got == pytest.approx(best, rel=1e-4, abs=1e-5)
    if place:
        assert score(path[:place]) == pytest.approx(got, rel=1e-4, abs=1e-5)


def test_gradients_are_observed_less_expected_over_the_spread() -> None:
    rng = np.random.default_rng(2)
    chances, target = chances_of(rng, 40, 3), rng.integers(0, 3, 40).astype(np.int32)
    got = np.zeros((20, 3), np.float32)
    trees_boosting.gradients(chances, target, 10, 30, got)
    some = chances[10:30].astype(float)
    spread = np.sqrt((some * (1 - some)).mean(axis=0) + trees_boosting.SOFT)
    assert got == pytest.approx((np.eye(3)[target[10:30]] - some) / spread, abs=1e-5)


def test_values_are_damped_newton_steps_and_small_cells_have_none() -> None:
    rng = np.random.default_rng(4)
    chances, target = chances_of(rng, 60, 3), rng.integers(0, 3, 60).astype(np.int32)
    place = np.r_[np.zeros(55, np.int64), np.ones(5, np.int64)]
    factors = np.zeros((2, 3), np.float32)
    trees_boosting.values_of(chances, target, place, 2, 0.3, 5.0, 10, factors)
    p = chances[:55].astype(float)
    step = 0.3 * (np.eye(3)[target[:55]] - p).sum(axis=0) / ((p * (1 - p)).sum(axis=0) + 5.0)
    assert factors[0] == pytest.approx(np.exp(step.clip(-1, 1)), rel=1e-4)
    assert (factors[1] == 1).all()
    gain = trees_boosting.gain_of(chances, target, place, factors, 0, 60)
    after = chances.copy()
    trees_boosting.multiply(after, place, factors)
    assert gain == pytest.approx(log_likelihood(after, target) - log_likelihood(chances, target), abs=1e-5)


@pytest.fixture(scope="module")
def planted() -> tuple[Forest, Target, np.ndarray, np.ndarray]:
    """A forest too coarse for its table."""
    rng = np.random.default_rng(0)
    features = rng.integers(0, 4, (12, 3_000)).astype(np.uint8)
    codes = (features.sum(axis=0, dtype=np.int64) + rng.integers(0, 4, 3_000)) // 6
    target = Target(codes.astype(np.uint8), np.arange(int(codes.max()) + 1))
    categorical = np.zeros(12, bool)
    tree = grow_tree(features, categorical, target, np.random.default_rng(1), 20, 50.0)
    return plant([tree], np.arange(12), target), target, features, categorical


def test_corrections_find_many_weak_hints(planted: tuple[Forest, Target, np.ndarray, np.ndarray]) -> None:
    forest, target, features, categorical = planted
    better = corrected(
        forest, target, features, categorical, np.arange(12), np.random.default_rng(2), Level(5.0, 20, 60, 1e-4)
    )
    fresh = np.random.default_rng(9)
    unseen = fresh.integers(0, 4, (12, 3_000)).astype(np.uint8)
    codes = np.minimum((unseen.sum(axis=0, dtype=np.int64) + fresh.integers(0, 4, 3_000)) // 6, target.kinds - 1)
    gained = np.log(better.likelihood(unseen, codes)).mean() - np.log(forest.likelihood(unseen, codes)).mean()
    assert gained > 0.1
    assert better.asks(3)
    assert not better.asks(-1)


@pytest.mark.parametrize("level", [Level(5.0, 20, 0, 0.0), Level(5.0, 20, 48, 0.0)], ids=["no rounds", "too few rows"])
def test_a_forest_without_corrections_stays_as_it_is(
    planted: tuple[Forest, Target, np.ndarray, np.ndarray], level: Level
) -> None:
    forest, target, features, categorical = planted
    rows = 3_000 if level.rounds == 0 else 200
    few = Target(target.codes[:rows], target.group)
    same = corrected(forest, few, features[:, :rows], categorical, np.arange(12), np.random.default_rng(0), level)
    assert same is forest


def test_a_level_follows_large_tables_closer_and_small_ones_less() -> None:
    level = Level(4.0, 20, 48, 1e-4)
    assert level.price_at(1_000) == level.price_at(50_000) == 4.0
    assert level.price_at(200_000) == 2.0
    assert level.rounds_at(30_000) == level.rounds_at(10**6) == 48
    assert level.rounds_at(7_500) == 24
