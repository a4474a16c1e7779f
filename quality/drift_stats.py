"""Distances between two distributions, with intervals. Pure numpy.

The divergences (PSI, KL, JS) are corrected for the noise of counting, so that they estimate what the populations have:
0 where there is no difference, whatever the number of rows. Between equal populations a divergence D over K cells is
c · s · χ²(K − 1) with s = 1/n + 1/m, so its mean is c · s · (K − 1) (Yurdakul, Naranjo 2020,
doi:10.21314/JRMV.2020.227). The interval holds every value x that the corrected figure does not reject at 5 %: its
variance is taken as the noise's own, plus a part that grows with x as the delta method says; it is found as Wilson's
is for a rate.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from quality.stats import GROUPS, Estimate, Floats, Z, around

Counts = npt.NDArray[np.int64]

_HALF = 0.5
"""Added to every cell (Jeffreys' prior), so that an empty one has a logarithm."""
_BEYOND = 2.0
"""Standard errors above what noise alone gives, from which a distance counts as one that is there."""

Divergence = Callable[[Floats, Floats], tuple[float, Floats, Floats]]
"""From two distributions p (before) and q (after): the divergence and its derivatives by p and by q."""


def _psi(p: Floats, q: Floats) -> tuple[float, Floats, Floats]:
    ratio = np.log(q / p)
    return float(((q - p) * ratio).sum()), -ratio - (q - p) / p, ratio + (q - p) / q


def _kl(p: Floats, q: Floats) -> tuple[float, Floats, Floats]:
    ratio = np.log(q / p)
    return float((q * ratio).sum()), -q / p, ratio + 1


def _js(p: Floats, q: Floats) -> tuple[float, Floats, Floats]:
    middle = (p + q) / 2
    by_p, by_q = (0.5 * np.log2(x / middle) for x in (p, q))
    return float((p * by_p + q * by_q).sum()), by_p, by_q


def psi(before: Counts, after: Counts) -> Estimate:
    """Population stability index, in nats: 0 for equal distributions, no upper end (Siddiqi 2006, ISBN 0471754510)."""
    return _estimate(_psi, 1.0, before, after)


def kl(before: Counts, after: Counts) -> Estimate:
    """Kullback–Leibler divergence of after from before, in nats, from 0 (Kullback, Leibler 1951,
    doi:10.1214/aoms/1177729694)."""
    return _estimate(_kl, 0.5, before, after)


def js(before: Counts, after: Counts) -> Estimate:
    """Jensen–Shannon divergence, in bits, 0 to 1 (Lin 1991, doi:10.1109/18.61115)."""
    return _estimate(_js, 1 / (8 * log(2)), before, after)


def _estimate(divergence: Divergence, curvature: float, before: Counts, after: Counts) -> Estimate:
    """The corrected divergence. curvature: c, with which it is c · Σ (q − p)² / p where p and q are near."""
    there = before + after > 0
    before, after = before[there], after[there]
    n, m, cells = int(before.sum()), int(after.sum()), int(there.sum())
    if cells < 2:
        return Estimate(0.0, 0.0, 0.0, n + m)
    p, q = ((c + _HALF) / (c.sum() + _HALF * cells) for c in (before, after))
    found, by_p, by_q = divergence(p, q)
    scale, freedom = 1 / n + 1 / m, cells - 1
    value = found - curvature * freedom * scale
    noise = 2 * freedom * (curvature * scale) ** 2
    spread = _variance(p, by_p) / n + _variance(q, by_q) / m
    slope = spread / found if found > 0 else 0.0  # of the variance by the divergence: 4 · c · s where it is small
    middle, under = 2 * value + Z * Z * slope, value * value - Z * Z * noise
    root = sqrt(max(middle * middle - 4 * under, 0.0))
    low, high = max((middle - root) / 2, 0.0), max((middle + root) / 2, 0.0)
    value = min(max(value, low), high)
    return Estimate(value, low, high, n + m)


def _variance(weights: Floats, values: Floats) -> float:
    """Variance of values under a distribution."""
    return max(float((weights * values**2).sum() - (weights * values).sum() ** 2), 0.0)


def distance(whole: float, by_group: Floats, delta: float, n: int) -> Estimate:
    """A distance that is 0 or more, with its interval.

    Where there is no difference, it scatters √GROUPS times as much between disjoint groups of rows as between the whole
    tables (Politis, Romano, Wolf 1999, doi:10.1007/978-1-4612-1554-7). Where there is one, the delta method holds; it
    would be too wide for none.

    Parameters
    ----------
    by_group: the distance between each of GROUPS disjoint groups.  delta: its standard error after the delta method.
    """
    scatter = float(np.std(by_group, ddof=1)) / sqrt(GROUPS)
    alone = float(np.mean(by_group)) / sqrt(GROUPS)
    return around(whole, max(scatter, delta) if whole > alone + _BEYOND * scatter else scatter, n)


def wasserstein(before: Floats, after: Floats, groups: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]) -> Estimate:
    """Wasserstein-1 distance in standard deviations of both tables' values together (Vallender 1974,
    doi:10.1137/1118101): 0 for equal distributions; two normal ones whose means are d standard deviations apart have d.

    Parameters
    ----------
    before, after: known values; neither may be empty.  groups: the group of each, 0 to GROUPS − 1.
    """
    values, group = np.concatenate([before, after]), np.concatenate(groups)
    first = np.arange(len(values)) < len(before)
    order = np.argsort(values, kind="stable")
    values, group, first = values[order], group[order], first[order]
    n = len(values)
    if values[0] == values[-1]:
        return Estimate(0.0, 0.0, 0.0, n)
    values = values / float(np.abs(values).max())  # squares of huge values would overflow
    values = values - values[n // 2]
    unit = float(np.std(values))
    gap = _gaps(first)
    whole = float((np.abs(gap) * np.diff(values)).sum()) / unit
    # What a value adds to the distance: the signed width of what lies below it.
    share = np.concatenate([[0.0], np.cumsum(np.sign(gap) * np.diff(values))]) / unit
    error = sqrt(float(np.var(share[first])) / len(before) + float(np.var(share[~first])) / len(after))
    by = np.argsort(group.astype(np.int16), kind="stable")
    parts = np.split(by, np.cumsum(np.bincount(group, minlength=GROUPS))[:-1])
    by_group = [
        float((np.abs(_gaps(first[rows])) * np.diff(values[rows])).sum()) / unit
        for rows in parts
        if first[rows].any() and not first[rows].all()
    ]
    if len(by_group) < GROUPS:
        return around(whole, error, n)
    return distance(whole, np.array(by_group), error, n)


def _gaps(first: npt.NDArray[np.bool_]) -> Floats:
    """Difference of the two distribution functions between neighbours of the sorted values."""
    n = int(first.sum())
    return np.cumsum(np.where(first, 1 / n, -1 / (len(first) - n)))[:-1]
