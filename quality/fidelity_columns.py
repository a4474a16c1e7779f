"""What single columns differ in: distribution, distance, mean, spread, range and categories.

Each function compares one column of a part with that of the training table and returns the distance with its draws
(see fidelity_noise.py), or None where the training table leaves it without meaning. What the training table has and
the other has not (all null) is wholly wrong. Distances are exact, over every row; only their spread is replayed on at
most 2 · _GRID cells.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from proofset.codes import Coded, Part
from proofset.evidence import MIN_COUNT
from quality.fidelity_noise import constant, distance, each, moves, shares
from quality.fidelity_tables import Tables, code_rows, values
from quality.stats import GROUPS, Estimate, Floats, around, leave_out

MOST = 10.0
"""The greatest difference in standard deviations, or in logarithms of them, that is told."""
_DIGITS = 14
"""SDMetrics rounds numbers to this many decimals before it compares them."""
_GRID = 256


def known(column: Coded, part: Part) -> int:
    """Rows that are not null."""
    return int(column.totals[part][1:].sum())


def shape(tables: Tables, column: Coded, other: Part) -> Floats | None:
    """Total variation of what is counted, Kolmogorov–Smirnov's distance of what is ordered; nulls left out."""
    if not known(column, "train"):
        return None
    if not known(column, other):
        return constant(1.0)
    signs = tables.signs(other)
    if column.discrete:
        p, q = (shares(_by_code(tables, column, part)[:, 1:]) for part in ("train", other))
        difference = (p[0] - q[0]) / 2
        return distance(
            float(np.abs(difference).sum()), difference, np.concatenate([p[1], q[1]]) / 2, signs
        )  # fmt: skip
    points = np.round(column.distinct, _DIGITS) if column.distinct is not None else np.empty(0)
    last = np.append(points[1:] != points[:-1], True)
    value = float(np.abs(_gap(column, other)[last]).max())
    difference, moved = _cumulated(tables, column, other)[:2]
    return distance(value, difference, moved, signs, largest=True)


def wasserstein(tables: Tables, column: Coded, other: Part) -> Floats | None:
    """Wasserstein's distance of order 1, in standard deviations of the training column."""
    points, unit = values(column), _moments(column, "train")[1]
    if not unit:
        return None
    if not known(column, other):
        return constant(MOST)
    widths = np.diff(points, append=points[-1]) / unit
    value = float((np.abs(_gap(column, other)) * widths).sum())
    difference, moved, ends = _cumulated(tables, column, other)
    steps = np.diff(points[ends], append=points[-1]) / unit
    return np.minimum(distance(value, difference * steps, moved * steps, tables.signs(other)), MOST)


def moments(tables: Tables, column: Coded, other: Part) -> tuple[Floats, Floats] | None:
    """Difference of means in the training column's standard deviations, and |ln| of the ratio of the deviations."""
    centre, unit = _moments(column, "train")
    if not unit:
        return None
    if not known(column, other):
        return constant(MOST), constant(MOST)
    standard = np.concatenate([[0.0], (values(column) - centre) / unit])
    exact = {p: _moments(column, p) for p in ("train", other)}
    found, moved = [], []
    for part in ("train", other):
        rows, bounds = code_rows(tables, column)[part], tables.bounds[part]
        z = standard[rows]
        sums = np.stack([np.add.reduceat(np.append(w, 0.0), bounds[:-1]) for w in (rows != 0, z, z * z)], axis=1)
        sums[np.diff(bounds) == 0] = 0  # reduceat gives an empty group the next one's first row
        n, first, second = leave_out(sums).T
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = first / n
            deviation = np.log(second / n - mean**2) / 2
        mean[0] = (exact[part][0] - centre) / unit
        deviation[0] = np.log(exact[part][1] / unit) if exact[part][1] else -np.inf
        deviation[~np.isfinite(deviation)] = np.nan
        replicates = np.stack([mean, deviation], axis=1)
        found.append(replicates[0])
        moved.append(moves(replicates)[1])
    both = np.concatenate([moved[0], -moved[1]])
    difference = np.nan_to_num(found[0] - found[1], nan=MOST)  # no spread at all
    means, spreads = np.minimum(each(difference, np.nan_to_num(both), tables.signs(other)), MOST)
    return means, spreads if exact[other][1] else constant(MOST)


def range_coverage(tables: Tables, column: Coded, other: Part) -> Floats | None:
    """How much of the training range the other one covers, 0 to 1; None where the training table has too few values.

    An end of a range is the mean of the MIN_COUNT lowest or highest values, so that no single row can be told from it.
    """
    if known(column, "train") < 2 * MIN_COUNT:
        return None
    if not _width(column) > 0:
        return None
    if not known(column, other):
        return constant(0.0)
    points = np.concatenate([[np.nan], values(column)])
    low, low_moves, high, high_moves = [], [], [], []
    for part in ("train", other):
        ends = _ends(points, code_rows(tables, column)[part], tables.bounds[part])
        value, moved = moves(ends)
        low.append(value[0])
        high.append(value[1])
        low_moves.append(moved[:, 0])
        high_moves.append(moved[:, 1])
    width = high[0] - low[0]
    lost = np.array([low[1] - low[0], high[0] - high[1]]) / width
    moved = np.stack([np.concatenate([low_moves[0], -low_moves[1]]), np.concatenate([-high_moves[0], high_moves[1]])]).T
    noise = (moved / width).T @ tables.signs(other).astype(np.float64)
    spreads = (moved**2).sum(axis=0) / width**2
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(lost != 0, lost * np.sqrt(np.maximum(0, 1 - spreads / lost**2)), 0.0)
    every = np.concatenate([lost[:, None], kept[:, None] + noise], axis=1)
    covered: Floats = np.clip(1 - np.maximum(every, 0).sum(axis=0), 0, 1)
    return covered


def _width(column: Coded) -> float:
    """The training column's range between the means of its outermost values."""
    there = np.repeat(values(column), np.minimum(column.totals["train"][1:], 2 * MIN_COUNT))
    return float(there[-MIN_COUNT:].mean() - there[:MIN_COUNT].mean())


def category_coverage(column: Coded, other: Part, rows: int) -> Estimate | None:
    """Share of the training table's categories that the other table has.

    Interval: each category is there or not, with the chance that a Poisson count of its pooled share is not 0 (delta
    method for the ratio).
    """
    a, b = (column.totals[p][1:].astype(np.float64) for p in ("train", other))
    there = a > 0
    if not there.any():
        return None
    count = int(there.sum())
    value = float((b[there] > 0).sum()) / count
    rate = (a + b) / (a.sum() + b.sum())
    has, had = 1 - np.exp(-rate * a.sum()), 1 - np.exp(-rate * b.sum())
    mean = has * (had - value)
    variance = (has * (had * (1 - value) ** 2 + (1 - had) * value**2) - mean**2).sum() / count**2
    return around(value, float(np.sqrt(variance)), rows)


def _by_code(tables: Tables, column: Coded, part: Part) -> npt.NDArray[np.int64]:
    """Counts, groups × codes."""
    rows, bounds = code_rows(tables, column)[part], tables.bounds[part]
    return np.stack([np.bincount(rows[i:j], minlength=column.size) for i, j in pairwise(bounds)])


def _gap(column: Coded, other: Part) -> Floats:
    """Distribution function of train less that of the other, at every distinct value."""
    p, q = (column.totals[part][1:] / max(known(column, part), 1) for part in ("train", other))
    return np.asarray(np.cumsum(p - q), dtype=np.float64)


def _moments(column: Coded, part: Part) -> tuple[float, float]:
    """Mean and standard deviation; of nothing, 0 and 0."""
    counts, points, n = column.totals[part][1:], values(column), known(column, part)
    if not n:
        return 0.0, 0.0
    centre = float((counts * points).sum() / n)
    there = points[counts > 0]
    return centre, float(np.sqrt((counts * (points - centre) ** 2).sum() / n)) if there[0] < there[-1] else 0.0


def _cumulated(tables: Tables, column: Coded, other: Part) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """On a grid: difference of distribution functions, each group's move of it, and the place where each cell ends.

    The grid has cells of equal weight and cells of equal width, so that both a body and a long tail are seen.
    """
    points = values(column)
    weight = np.cumsum(sum(column.totals[p][1:] / max(known(column, p), 1) for p in ("train", other)))
    cuts = np.searchsorted(weight, np.linspace(0, 2, _GRID + 1)[1:-1])
    cuts = np.concatenate(
        [cuts, np.searchsorted(points, np.linspace(points[0], points[-1], _GRID + 1)[1:-1], "right") - 1]
    )
    ends = np.unique(np.append(np.clip(cuts, 0, len(points) - 1), len(points) - 1))
    cell = np.concatenate([[0], 1 + np.searchsorted(ends, np.arange(len(points)))])
    found = []
    for part in ("train", other):
        rows, bounds = code_rows(tables, column)[part], tables.bounds[part]
        kept = cell[rows]
        counts = np.stack([np.bincount(kept[i:j], minlength=len(ends) + 1)[1:] for i, j in pairwise(bounds)])
        found.append(shares(counts))
    (p, moved), (q, others) = found
    return np.cumsum(p - q), np.cumsum(np.concatenate([moved, -others]), axis=1), ends


def _ends(points: Floats, rows: npt.NDArray[np.uint32], bounds: npt.NDArray[np.int64]) -> Floats:
    """Means of the lowest and of the highest MIN_COUNT values: (1 + groups) × 2, all rows, then without each group."""
    low, high = [], []
    for i, j in pairwise(bounds):
        there = _outermost(rows[i:j])
        low.append(points[there[:MIN_COUNT]])
        high.append(points[there[-MIN_COUNT:]])

    def mean(ends: list[Floats], sign: int) -> float:
        ordered = np.sort(np.concatenate(ends))[::sign]
        return float(ordered[:MIN_COUNT].mean()) if len(ordered) else np.nan

    without = [(low[:g] + low[g + 1 :], high[:g] + high[g + 1 :]) for g in range(GROUPS)]
    return np.array([[mean(a, 1), mean(b, -1)] for a, b in ((low, high), *without)])


def _outermost(rows: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The lowest and highest MIN_COUNT codes that are no null, ascending."""
    there = rows[rows != 0]
    if len(there) <= 2 * MIN_COUNT:
        return np.sort(there)
    split = np.partition(there, (MIN_COUNT - 1, len(there) - MIN_COUNT))
    return np.sort(np.concatenate([split[:MIN_COUNT], split[-MIN_COUNT:]]))
