"""Fidelity: how far single columns and pairs of columns are from the source's, SDMetrics' scores on all rows.

`compare` computes what SDMetrics 0.32 reports as Column Shapes and Column Pair Trends, on codes instead of data
frames, without subsampling, and for every delete-a-group replicate at once: each statistic is taken over an
array whose first axis is "all rows, then without group 1, 2, ...".

Two rules are stricter than SDMetrics, which leaves a score out where it is undefined: a column or pair that the
source defines and the synthetic table does not (all null, or constant) counts as wholly wrong (1.0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofset.evidence import Direction
from quality.base import Context, Family, MeasureCard, Observed, UnsupportedError
from quality.encoding import Column, Part
from quality.stats import GROUPS, Estimate, Floats, groups, jackknife, leave_out

Ints = npt.NDArray[np.int64]

MIN_CORRELATION = 0.5
MIN_ASSOCIATION = 0.3
"""SDMetrics' defaults: only pairs that the source relates more strongly than this count as trends."""

_DIGITS = 14
"""SDMetrics rounds numbers to this many decimals before it compares them."""

_WIDE = 1 << 16
"""Contingency tables with more cells than this are compressed to the cells that occur."""

SHAPE = MeasureCard(
    "fidelity.shape_error",
    "Column shapes: mean distance",
    Direction.LOWER,
    "Mean over columns of the Kolmogorov–Smirnov (numbers) or total variation (categories) distance to the training"
    " table; 1 − SDMetrics Column Shapes; jackknife interval",
    "Dankar, Ibrahim 2021, doi:10.3390/app11052158",
)
PAIR = MeasureCard(
    "fidelity.pair_error",
    "Column pairs: mean distance",
    Direction.LOWER,
    "Mean over related pairs of columns of the distance between correlations or contingency tables;"
    " 1 − SDMetrics Column Pair Trends; jackknife interval",
    "Zhang et al. 2024 (TabSyn), doi:10.48550/arXiv.2310.09656",
)
EVERY_PAIR = MeasureCard(
    "fidelity.every_pair_error",
    "Every column pair: mean distance",
    Direction.LOWER,
    "As pair_error over every pair, so that a relation the source does not have counts too; jackknife interval",
    "Zhang et al. 2024 (TabSyn), doi:10.48550/arXiv.2310.09656",
)


@dataclass(frozen=True)
class Comparison:
    """One table against another. Arrays have shape (1 + G,): all rows, then without each group.

    shapes, pairs, every_pair: mean errors (NaN where there is nothing to compare).
    columns, related: errors of single columns and of the related pairs, on all rows.
    """

    shapes: Floats
    pairs: Floats
    every_pair: Floats
    columns: dict[str, float]
    related: dict[str, float]

    @property
    def quality(self) -> Floats:
        """SDMetrics' overall score: the mean of its two properties, 1 is perfect."""
        return np.asarray(1 - np.nanmean(np.stack([self.shapes, self.pairs]), axis=0), dtype=np.float64)


class _Table:
    """The rows of one table in groups, and its counts by group."""

    def __init__(self, rows: int, rng: np.random.Generator) -> None:
        self.rows = rows
        self.group = groups(rows, rng)

    def counts(self, codes: Ints, size: int) -> Floats:
        """How often each code occurs: shape (1 + G, size)."""
        flat = np.bincount(self.group * size + codes, minlength=GROUPS * size)
        return leave_out(flat.reshape(GROUPS, size))

    def correlation(self, x: Floats, y: Floats) -> Floats:
        """Pearson's correlation over rows where both are known: shape (1 + G,); NaN where undefined."""
        known = ~(np.isnan(x) | np.isnan(y))
        if not known.any():
            return np.full(1 + GROUPS, np.nan)
        x, y, group = x[known], y[known], self.group[known]
        x, y = _standard(x), _standard(y)
        sums = [np.bincount(group, w, minlength=GROUPS) for w in (np.ones(len(x)), x, y, x * x, y * y, x * y)]
        n, sx, sy, sxx, syy, sxy = (leave_out(s) for s in sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = (sxx - sx * sx / n) * (syy - sy * sy / n)
            result = (sxy - sx * sy / n) / np.sqrt(spread)
        result[~(spread > 1e-12)] = np.nan
        return np.clip(result, -1, 1)


def _standard(values: Floats) -> Floats:
    """Centred and scaled, so that sums of squares lose no digits."""
    centred = values - values.mean()
    scale = float(np.sqrt((centred**2).mean()))
    return np.asarray(centred / scale if scale else centred, dtype=np.float64)


def compare(columns: tuple[Column, ...], real: Part, other: Part, rng: np.random.Generator) -> Comparison:
    """Compare two of the three tables, SDMetrics' way. O(columns² · rows)."""
    tables = {p: _Table(len(columns[0].values[p]), rng) for p in (real, other)}
    codes = {c.name: c.codes((real, other)) for c in columns}
    shapes = {c.name: _shape(c, codes[c.name], tables[real], tables[other], real, other) for c in columns}
    binned = {c.name: codes[c.name] if c.discrete else [_bins(c.values[p]) for p in (real, other)] for c in columns}
    pairs: dict[str, Floats] = {}
    related = []
    for i, a in enumerate(columns):
        for b in columns[i + 1 :]:
            if a.discrete or b.discrete:
                error, strong = _contingency(binned[a.name], binned[b.name], tables[real], tables[other])
            else:
                error, strong = _trend(a, b, tables[real], tables[other], real, other)
            name = f"{a.name} × {b.name}"
            pairs[name] = error
            if strong:
                related.append(name)
    return Comparison(
        _mean(list(shapes.values())),
        _mean([pairs[n] for n in related]),
        _mean(list(pairs.values())),
        {n: float(s[0]) for n, s in shapes.items() if not np.isnan(s[0])},
        {n: float(pairs[n][0]) for n in related},
    )


def _mean(errors: list[Floats]) -> Floats:
    """Mean over what is defined on all rows; NaN where nothing is."""
    defined = [e for e in errors if not np.isnan(e[0])]
    return np.mean(defined, axis=0) if defined else np.full(1 + GROUPS, np.nan)


def _shape(column: Column, codes: list[Ints], real: _Table, other: _Table, a: Part, b: Part) -> Floats:
    """KS distance for ordered columns, total variation for categories; nulls are left out, as SDMetrics does."""
    if not column.discrete:
        rounded = [np.round(column.values[p], _DIGITS) for p in (a, b)]
        codes = Column(column.name, column.kind, {a: rounded[0], b: rounded[1]}).codes((a, b))
    size = int(max(c.max() for c in codes)) + 1
    p, q = real.counts(codes[0], size)[:, 1:], other.counts(codes[1], size)[:, 1:]
    if not p[0].sum():
        return np.full(1 + GROUPS, np.nan)
    if not q[0].sum():
        return np.ones(1 + GROUPS)
    difference = _shares(p) - _shares(q)
    if column.discrete:
        return np.asarray(np.abs(difference).sum(axis=1) / 2)
    return np.asarray(np.abs(np.cumsum(difference, axis=1)).max(axis=1))


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _bins(values: Floats) -> Ints:
    """SDMetrics' ten bins of equal width, over each table's own range; null joins the topmost edge's bin."""
    edges = np.histogram_bin_edges(values[~np.isnan(values)])
    return np.asarray(np.digitize(values, edges), dtype=np.int64)


def _contingency(a: list[Ints], b: list[Ints], real: _Table, other: _Table) -> tuple[Floats, bool]:
    """Total variation between two contingency tables, and whether the real one shows an association."""
    width = int(max(c.max() for c in b)) + 1
    size = (int(max(c.max() for c in a)) + 1) * width
    joint = [x * width + y for x, y in zip(a, b, strict=True)]
    strong = cramer(joint[0], width) > MIN_ASSOCIATION
    if size > _WIDE:
        cells, dense = np.unique(np.concatenate(joint), return_inverse=True)
        joint, size = np.split(dense, [len(joint[0])]), len(cells)
    p, q = _shares(real.counts(joint[0], size)), _shares(other.counts(joint[1], size))
    return np.asarray(np.abs(p - q).sum(axis=1) / 2), strong


def cramer(cells: Ints, width: int) -> float:
    """Cramér's V of a contingency table given as cell numbers row · width + column; NaN below 2 × 2.

    Cramér 1946, Mathematical Methods of Statistics, chapter 21.
    """
    if cells.max() < _WIDE:
        every = np.bincount(cells)
        occupied = np.flatnonzero(every)
        counts = every[occupied]
    else:
        occupied, counts = np.unique(cells, return_counts=True)
    rows, row_of = np.unique(occupied // width, return_inverse=True)
    columns, column_of = np.unique(occupied % width, return_inverse=True)
    least = min(len(rows), len(columns)) - 1
    if least < 1:
        return float("nan")
    expected = np.bincount(row_of, counts)[row_of] * np.bincount(column_of, counts)[column_of]
    return float(np.sqrt(max((counts**2 / expected).sum() - 1, 0) / least))


def _trend(x: Column, y: Column, real: _Table, other: _Table, a: Part, b: Part) -> tuple[Floats, bool]:
    """Half the difference of two correlations, and whether the real one is strong; NaN where it is undefined."""
    r = real.correlation(x.values[a], y.values[a])
    if np.isnan(r[0]):
        return np.full(1 + GROUPS, np.nan), False
    s = other.correlation(x.values[b], y.values[b])
    error = np.where(np.isnan(s), 1.0, np.abs(r - s) / 2) if np.isnan(s[0]) else np.abs(r - np.nan_to_num(s)) / 2
    return error, abs(r[0]) > MIN_CORRELATION


def comparisons(context: Context) -> tuple[Comparison, Comparison]:
    """Synthetic against train, and holdout against train; computed once per context."""

    def make() -> tuple[Comparison, Comparison]:
        columns = context.encoded.columns
        if not columns:
            raise UnsupportedError("no column is modelled")
        return (
            compare(columns, "train", "synthetic", context.rng("fidelity", "synthetic")),
            compare(columns, "train", "holdout", context.rng("fidelity", "holdout")),
        )

    return context.once("comparisons", make)


def _measure(context: Context) -> Observed:
    synthetic, holdout = comparisons(context)
    rows = context.synthetic.num_rows

    def estimate(replicates: Floats) -> Estimate | None:
        return None if np.isnan(replicates[0]) else jackknife(replicates, rows)

    measures = []
    for card, value, reference in (
        (SHAPE, synthetic.shapes, holdout.shapes),
        (PAIR, synthetic.pairs, holdout.pairs),
        (EVERY_PAIR, synthetic.every_pair, holdout.every_pair),
    ):
        found = estimate(value)
        measures.append(
            card.ok(found, estimate(reference)) if found else card.unsupported("the source has nothing to compare here")
        )
    return Observed(
        tuple(measures),
        {
            "shape_error_by_column": _rounded(synthetic.columns),
            "shape_reference_by_column": _rounded(holdout.columns),
            "pair_error_by_pair": _rounded(synthetic.related),
        },
    )


def _rounded(errors: dict[str, float]) -> dict[str, float]:
    return {name: round(error, 10) for name, error in errors.items()}


FAMILY = Family("fidelity", (SHAPE, PAIR, EVERY_PAIR), _measure)
