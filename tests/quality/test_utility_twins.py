"""The fast figures of utility beside their obvious versions, over random tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.codes import PARTS, Column, Kind
from quality.augmentation import gained, half_width, widened
from quality.base import InconclusiveError
from quality.importance import agreement, kendall
from quality.stats import Estimate
from quality.utility_scores import Figures, Ranking, bootstrap, draws_of, r_squared, scored
from quality.utility_task import Task

SEEDS = st.integers(0, 10_000)


def task(truth: np.ndarray, classes: int) -> Task:
    kind = Kind.CATEGORY if classes else Kind.NUMBER
    column = Column("t", kind, dict.fromkeys(PARTS, truth))
    return Task(column, (column,), np.arange(classes) * 1.0, dict.fromkeys(PARTS, truth))


def random_scores(seed: int, rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with every class twice or more, and scores with ties."""
    rng = np.random.default_rng(seed)
    truth = np.r_[np.repeat(np.arange(classes), 2), rng.integers(0, classes, rows)]
    return truth, np.round(rng.random((len(truth), classes)) + 0.3 * np.eye(classes)[truth], int(rng.integers(1, 5)))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, rows=st.integers(0, 80))
def test_a_ranking_is_sklearns_under_any_counts(seed: int, rows: int) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth, scores = random_scores(seed, rows, 2)
    counts = np.random.default_rng(seed).integers(0, 4, size=(len(truth), 3)).astype(float)
    counts[:4] += 1  # each class is there
    area, precision = Ranking.of(scores[:, 1], truth == 1).under(counts)
    for i in range(3):
        assert area[i] == pytest.approx(roc_auc_score(truth, scores[:, 1], sample_weight=counts[:, i]))
        expected = average_precision_score(truth, scores[:, 1], sample_weight=counts[:, i])
        assert precision[i] == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, rows=st.integers(1, 40), classes=st.integers(2, 4))
def test_the_bootstrap_is_a_loop_over_drawn_rows(seed: int, rows: int, classes: int) -> None:
    """The same draws as counts, and as rows that are taken one by one."""
    truth, scores = random_scores(seed, rows, classes)
    here = task(truth, classes)
    figures = Figures(here, "holdout", np.arange(len(truth)), scores)
    counts = np.random.default_rng(seed).integers(0, 3, size=(len(truth), 4)).astype(float)
    counts[: 2 * classes] += 1
    fast = figures.under(counts)
    for i in range(4):
        drawn = np.repeat(np.arange(len(truth)), counts[:, i].astype(int))
        slow = Figures(task(truth[drawn], classes), "holdout", np.arange(len(drawn)), scores[drawn]).values()
        assert fast[:, i] == pytest.approx(slow)
    headline = Figures(here, "holdout", np.arange(len(truth)), scores, headline=True)
    if classes > 2:
        assert headline.values()[0] == pytest.approx(figures.values()[0])


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_draws_keep_classes_and_pairs(seed: int) -> None:
    truth, scores = random_scores(seed, 30, 2)
    figures = Figures(task(truth, 2), "holdout", np.arange(len(truth)), scores)
    seen: list[np.ndarray] = []

    class Spy:
        def under(self, counts: np.ndarray) -> np.ndarray:
            seen.append(counts.copy())
            return figures.under(counts)

    first, second, again = bootstrap([Spy(), figures, figures], truth, 40, np.random.default_rng(seed))  # type: ignore[list-item]
    assert np.array_equal(first, second)
    assert np.array_equal(second, again)
    counts = np.concatenate(seen, axis=1)
    assert counts.shape == (len(truth), 40)
    for c in (0, 1):
        assert (counts[truth == c].sum(axis=0) == (truth == c).sum()).all()
    assert counts.std() > 0


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, rows=st.integers(3, 60))
def test_r_squared_is_sklearns_under_any_counts(seed: int, rows: int) -> None:
    from sklearn.metrics import r2_score

    rng = np.random.default_rng(seed)
    truth = rng.normal(100, 5, rows)
    guess = truth + rng.normal(0, 4, rows)
    counts = rng.integers(0, 3, size=(rows, 3)).astype(float)
    counts[:2] += 1
    found = Figures(task(truth, 0), "holdout", np.arange(rows), guess).under(counts)[0]
    for i in range(3):
        expected = max(r2_score(truth, guess, sample_weight=counts[:, i]), -1.0)
        assert found[i] == pytest.approx(expected)


def test_a_draw_of_equal_rows_and_lost_guesses_are_the_worst() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    counts = np.array([[3.0], [0.0], [0.0]])
    assert Figures(task(truth, 0), "holdout", np.arange(3), truth + 1).under(counts).tolist() == [[-1.0]]
    assert Figures(task(truth, 0), "holdout", np.arange(3), np.full(3, np.nan)).values().tolist() == [-1.0]
    with pytest.raises(InconclusiveError, match="constant"):
        r_squared(np.ones(60), np.ones(60), np.arange(60) % 20)
    with pytest.raises(InconclusiveError, match="fewer than two classes"):
        scored(task(np.array([0, 1] * 5), 2), "synthetic", np.zeros((10, 2)), np.random.default_rng(0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12),
)
def test_kendall_is_scipys(pairs: list[tuple[int, int]]) -> None:
    from scipy.stats import kendalltau

    first, second = (np.array(v, float) for v in zip(*pairs, strict=True))
    expected = kendalltau(first, second).statistic
    found = kendall(first[None], second[None])[0]
    assert found == pytest.approx(0.0 if np.isnan(expected) else expected)


def test_agreement_of_importances() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (500, 5))
    strong = noise + np.array([1.0, 0.5, 0.2, 0.0, 0.0])
    same, error = agreement(strong, strong + rng.normal(0, 0.01, strong.shape), rng) or (0.0, 9.0)
    assert (same, error) == (1.0, pytest.approx(0.0, abs=0.2))
    assert (agreement(strong, strong[:, [2, 1, 0, 3, 4]], rng) or (9, 0))[0] < 0.6
    nothing = rng.normal(0, 1, strong.shape) * np.array([[1.0]])
    nothing -= nothing.mean(axis=0)
    assert (agreement(strong, nothing, rng) or (9, 9))[0] == 0
    assert agreement(nothing, strong, rng) is None


def test_widths_and_gains() -> None:
    wider = widened(Estimate(0.5, 0.4, 0.7, 9), 0.01)
    assert (wider.low, wider.high) == (
        pytest.approx(0.5 - np.hypot(0.1, 0.196), abs=1e-4),
        pytest.approx(0.78, abs=1e-3),
    )
    assert half_width(0.0, 0.0, 3) == 0
    assert half_width(1.0, 0.0, 3) == pytest.approx(1.96, abs=1e-3)
    assert half_width(0.0, 1.0, 3) == pytest.approx(3.182, abs=1e-3)
    assert half_width(1.0, 1.0, 3) == pytest.approx(2.179 * np.sqrt(2), abs=1e-3)  # 12 degrees of freedom
    draws = np.random.default_rng(0).normal(0, 0.1, (2, 1, 4_000))
    gain = gained((np.array([0.9]), np.array([0.7])), (draws[0], draws[1]), np.zeros(1), 3, 50)[0]
    assert gain.value == pytest.approx(0.2)
    assert gain.high - gain.value == pytest.approx(1.96 * 0.1 * np.sqrt(2), rel=0.05)
    assert [draws_of(n, c) for n, c in ((10, 2), (10**9, 2), (100_000, 2))] == [200, 60, 100]
