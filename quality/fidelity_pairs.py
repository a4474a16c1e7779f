"""What pairs of columns differ in: contingency tables where one of the two is counted, correlations of two numbers.

SDMetrics' column pair trends (see fidelity.py), with draws (see fidelity_noise.py), over all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofset.codes import Coded, Part
from quality.fidelity_edges import fine_rows, moved_by_ends
from quality.fidelity_noise import constant, distance, each, moves, shares
from quality.fidelity_tables import Tables, cells, code_rows, pair_counts, values
from quality.stats import GROUPS, Floats, leave_out

MIN_CORRELATION = 0.5
MIN_ASSOCIATION = 0.3
"""SDMetrics' defaults: only pairs that the source relates more strongly than this count as trends."""

FLAT = 1e-12
"""A product of two variances no greater than this, of standardised numbers, is that of a constant."""


Ends = dict[str, tuple[dict[Part, npt.NDArray[np.uint16]], dict[Part, npt.NDArray[np.int64]]]]


@dataclass(frozen=True)
class Pair:
    """Two columns compared. found: part -> distance and draws.  related: whether the source relates them.

    correlation: part -> difference of Pearson's correlations and draws; empty unless both are ordered.
    """

    names: tuple[str, str]
    found: dict[Part, Floats]
    related: bool
    correlation: dict[Part, Floats]

    @property
    def name(self) -> str:
        """As the parts of a measure are named."""
        return " × ".join(self.names)


def pairs(tables: Tables) -> list[Pair]:
    """Every pair of columns. O(columns² · rows)."""
    ends: Ends = {}

    def ready(column: Coded) -> None:
        """Make what the pairs of a column share, before threads ask for it at once."""
        cells(tables, column)
        if column.distinct is not None:
            code_rows(tables, column)
            if not column.discrete:
                ends[column.name] = fine_rows(tables, column)

    tables.each(ready, tables.columns)
    todo = [(a, b) for i, a in enumerate(tables.columns) for b in tables.columns[i + 1 :]]
    found = tables.each(lambda pair: compared(tables, *pair, ends), todo)
    tables.forget("cells")
    tables.forget("fine")
    return found


def compared(tables: Tables, a: Coded, b: Coded, ends: Ends) -> Pair:
    """Compare one pair in every part with the training table. ends: of the numbers, see fidelity_edges.py."""
    names = (a.name, b.name)
    differences: dict[Part, Floats] = {}
    strong = False
    if a.distinct is not None and b.distinct is not None:
        differences, strong = _correlated(tables, a, b)
    if not (a.discrete or b.discrete):
        # SDMetrics' correlation similarity is 1 − half the difference; what is undefined here alone counts as 1.
        halves = {p: np.where(np.isnan(f), 1.0, f / 2) for p, f in differences.items()}
        return Pair(names, halves, strong, differences)
    counts, which, width = pair_counts(tables, a, b)
    p, moved = shares(counts["train"])
    found = {}
    for part in tables.others:
        q, others = shares(counts[part])
        difference = (p - q) / 2
        found[part] = distance(
            float(np.abs(difference).sum()), difference, np.concatenate([moved, others]) / 2, tables.signs(part)
        )
    if a.name in ends or b.name in ends:
        number, word = (a, b) if a.name in ends else (b, a)
        for part, drawn in moved_by_ends(tables, number, *ends[number.name], word).items():
            found[part] = found[part] + drawn
    return Pair(names, found, cramer(counts["train"].sum(axis=0), which, width) > MIN_ASSOCIATION, differences)


def _correlated(tables: Tables, a: Coded, b: Coded) -> tuple[dict[Part, Floats], bool]:
    """Differences of correlations (NaN throughout where only the other is undefined), and whether train's is strong.

    Empty where the training table's own is undefined.
    """
    real = correlation(tables, a, b, "train")
    if np.isnan(real[0]):
        return {}, False
    r, moved = moves(real[:, None])
    found = {}
    for part in tables.others:
        other = correlation(tables, a, b, part)
        if np.isnan(other[0]):
            found[part] = constant(np.nan)
            continue
        s, others = moves(other[:, None])
        found[part] = each(r - s, np.concatenate([moved, -others]), tables.signs(part))[0]
    return found, abs(float(r[0])) > MIN_CORRELATION


def correlation(tables: Tables, a: Coded, b: Coded, part: Part) -> Floats:
    """Pearson's correlation over rows where both are known, on all rows and without each group; NaN if undefined."""
    from quality.fidelity_compiled import sum_products

    sums = np.zeros((GROUPS, 6))
    first, second = code_rows(tables, a)[part], code_rows(tables, b)[part]
    sum_products(first, second, standard(a, part), standard(b, part), tables.bounds[part], sums)
    n, sx, sy, sxx, syy, sxy = leave_out(sums).T
    with np.errstate(invalid="ignore", divide="ignore"):
        left, right = sxx / n - (sx / n) ** 2, syy / n - (sy / n) ** 2
        result: Floats = (sxy / n - sx / n * (sy / n)) / np.sqrt(left * right)
    result[~((left > FLAT) & (right > FLAT))] = np.nan
    return np.asarray(np.clip(result, -1, 1))


def standard(column: Coded, part: Part) -> Floats:
    """The value of each code, centred and scaled by the part's own mean and deviation; 0 for null."""
    points, counts = values(column), column.totals[part][1:]
    n = max(int(counts.sum()), 1)
    centred = points - (counts * points).sum() / n
    scale = float(np.sqrt((counts * centred**2).sum() / n))
    return np.concatenate([[0.0], centred / scale if scale else centred])


def cramer(counts: npt.NDArray[np.int64], which: npt.NDArray[np.int64], width: int) -> float:
    """Cramér's V of a contingency table: counts of the cells row · width + column. NaN below 2 × 2.

    Cramér 1946, Mathematical Methods of Statistics, chapter 21.
    """
    which, counts = which[counts > 0], counts[counts > 0]
    rows, row_of = np.unique(which // width, return_inverse=True)
    columns, column_of = np.unique(which % width, return_inverse=True)
    least = min(len(rows), len(columns)) - 1
    if least < 1:
        return float("nan")
    expected = np.bincount(row_of, counts)[row_of] * np.bincount(column_of, counts)[column_of]
    return float(np.sqrt(max((counts.astype(np.float64) ** 2 / expected).sum() - 1, 0) / least))
