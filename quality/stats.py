"""Intervals: Wilson for rates, DeLong for AUC, delete-a-group jackknife for everything else. Pure numpy.

All intervals are 95 % and two-sided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Z = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""

GROUPS = 20
"""Groups of rows for the jackknife."""

_T = 2.093024054408263
"""97.5 % quantile of Student's t with GROUPS - 1 degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval, and the number of rows it rests on."""

    value: float
    low: float
    high: float
    n: int

    def within(self, floor: float, ceiling: float) -> tuple[float, float, float]:
        """Value, low and high clipped to a measure's range, rounded to 10 decimals, in order."""
        value, low, high = (round(float(min(max(v, floor), ceiling)), 10) for v in (self.value, self.low, self.high))
        return value, min(low, value), max(high, value)


def exact(value: float, n: int) -> Estimate:
    """A count over the whole table in question: nothing was sampled, so the interval is the value itself."""
    return Estimate(value, value, value, n)


def wilson(hits: float, n: float) -> Estimate:
    """Wilson's score interval of a rate (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Good at 0 and at n hits, where the usual ± interval collapses.
    """
    if n == 0:
        return Estimate(0.0, 0.0, 1.0, 0)
    rate = hits / n
    scale = 1 + Z * Z / n
    centre = (rate + Z * Z / (2 * n)) / scale
    half = Z / scale * sqrt(rate * (1 - rate) / n + Z * Z / (4 * n * n))
    return Estimate(rate, centre - half, centre + half, int(n))


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean rank."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    start = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    size = np.diff(np.r_[start, len(values)])
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(start + (size + 1) / 2, size)
    return ranks


def auc_variance(positive: Floats, negative: Floats) -> tuple[float, float]:
    """AUC (probability that a positive scores above a negative; ties count half) and DeLong's variance of it.

    DeLong, DeLong, Clarke-Pearson 1988, doi:10.2307/2531595; midranks as in Sun, Xu 2014,
    doi:10.1109/LSP.2014.2337313. Both sides need at least two scores. Where the sides do not overlap at all, DeLong's
    variance is zero; the rule of three (half-width 3 / the smaller side) stands in for it.
    """
    m, n = len(positive), len(negative)
    together = midranks(np.concatenate([positive, negative]))
    above = (together[:m] - midranks(positive)) / n
    below = 1 - (together[m:] - midranks(negative)) / m
    value, variance = float(above.mean()), float(above.var(ddof=1) / m + below.var(ddof=1) / n)
    return value, (3 / Z / min(m, n)) ** 2 if value in (0.0, 1.0) else variance


def auc(positive: Floats, negative: Floats) -> Estimate:
    """AUC with DeLong's interval."""
    value, variance = auc_variance(positive, negative)
    return around(value, sqrt(variance), len(positive) + len(negative), Z)


def mean_auc(folds: Sequence[tuple[Floats, Floats]]) -> Estimate:
    """Mean of per-fold AUCs; the folds' test rows are disjoint, so their variances add."""
    parts = [auc_variance(positive, negative) for positive, negative in folds]
    value = float(np.mean([p[0] for p in parts]))
    error = sqrt(sum(p[1] for p in parts)) / len(parts)
    return around(value, error, sum(len(p) + len(n) for p, n in folds), Z)


def around(value: float, error: float, n: int, width: float = _T) -> Estimate:
    """value ± width standard errors."""
    return Estimate(value, value - width * error, value + width * error, n)


def groups(rows: int, rng: np.random.Generator, count: int = GROUPS) -> npt.NDArray[np.int64]:
    """Assign `rows` rows to `count` groups of equal size (± 1) at random."""
    return np.asarray(rng.permutation(rows) % count, dtype=np.int64)


def jackknife(replicates: Floats, n: int) -> Estimate:
    """Delete-a-group jackknife (Kott 2001; Shao, Tu 1995, doi:10.1007/978-1-4612-0795-5).

    replicates: shape (1 + G,): the statistic on all rows, then with each of G groups left out.
    """
    value, left = float(replicates[0]), replicates[1:]
    count = len(left)
    error = sqrt((count - 1) / count * float(((left - left.mean()) ** 2).sum()))
    return around(value, error, n)


def leave_out(by_group: npt.NDArray[Any]) -> Floats:
    """From sums by group, shape (G, ...), the sums over all groups and without each: shape (1 + G, ...)."""
    total = by_group.sum(axis=0, keepdims=True)
    return np.concatenate([total, total - by_group]).astype(np.float64)
