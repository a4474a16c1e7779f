"""Intervals against their brute-force twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, rankdata

from quality.stats import Estimate, Z, auc, auc_variance, groups, jackknife, leave_out, mean_auc, midranks, wilson

few = st.lists(st.integers(0, 6).map(float), min_size=2, max_size=25).map(np.array)


@given(few)
def test_midranks_are_scipys(values: np.ndarray) -> None:
    assert midranks(values) == pytest.approx(rankdata(values))


@given(few, few)
def test_auc_counts_pairs(positive: np.ndarray, negative: np.ndarray) -> None:
    wins = (positive[:, None] > negative).mean() + (positive[:, None] == negative).mean() / 2
    assert auc_variance(positive, negative)[0] == pytest.approx(wins)


@given(few, few)
def test_delong_is_the_variance_of_placements(positive: np.ndarray, negative: np.ndarray) -> None:
    value, variance = auc_variance(positive, negative)
    wins = (positive[:, None] > negative) + (positive[:, None] == negative) / 2
    direct = wins.mean(axis=1).var(ddof=1) / len(positive) + wins.mean(axis=0).var(ddof=1) / len(negative)
    if 0 < value < 1:
        assert variance == pytest.approx(direct)
    else:
        assert variance == pytest.approx((3 / Z / min(len(positive), len(negative))) ** 2)


def test_delong_covers_the_truth() -> None:
    """Normal scores one standard deviation apart have an AUC of Φ(1/√2) = 0.7602; 95 % intervals hold it as often."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        found = auc(rng.normal(1, 1, 60), rng.normal(0, 1, 80))
        held += found.low <= 0.76025 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_mean_auc_of_one_fold_is_auc() -> None:
    rng = np.random.default_rng(1)
    fold = (rng.normal(1, 1, 50), rng.normal(0, 1, 50))
    one, other = mean_auc([fold]), auc(*fold)
    assert (one.value, one.low, one.n) == pytest.approx((other.value, other.low, other.n))


@given(st.integers(0, 200), st.integers(1, 200))
@settings(max_examples=40)
def test_wilson_is_scipys(hits: int, more: int) -> None:
    found = wilson(hits, hits + more)
    truth = binomtest(hits, hits + more).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((truth.low, truth.high), abs=1e-9)


def test_wilson_of_nothing_knows_nothing() -> None:
    assert wilson(0, 0) == Estimate(0.0, 0.0, 1.0, 0)


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    rng = np.random.default_rng(2)
    values, group = rng.normal(5, 2, 4000), groups(4000, rng)
    sums = np.stack([np.bincount(group, minlength=20), np.bincount(group, values, minlength=20)], axis=1)
    totals = leave_out(sums)
    found = jackknife(totals[:, 1] / totals[:, 0], 4000)
    by_hand = [values.mean(), *(values[group != g].mean() for g in range(20))]
    assert found == jackknife(np.array(totals[:, 1] / totals[:, 0]), 4000)
    assert totals[:, 1] / totals[:, 0] == pytest.approx(by_hand)
    assert (found.high - found.low) / 2 == pytest.approx(2.093 * 2 / np.sqrt(4000), rel=0.45)


def test_an_estimate_stays_in_its_range_and_order() -> None:
    assert Estimate(1.2, 0.9, 1.4, 3).within(0, 1) == (1.0, 0.9, 1.0)
    assert Estimate(0.5, 0.6, 0.4, 3).within(0, 1) == (0.5, 0.5, 0.5)
