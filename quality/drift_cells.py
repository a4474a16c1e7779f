"""Cells: a column of two tables counted into the same few cells, so that their distributions can be compared.

Numbers and times fall between the deciles of the earlier table, as the population stability index is usually taken;
up to MOST_VALUES distinct ones are cells themselves. Of categories, each of the MOST_CELLS most frequent that at least
MIN_COUNT rows of either table share is a cell, the rest is one together. Missing values are a cell of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from proofset.codes import numbers
from proofset.evidence import MIN_COUNT, TopValue
from quality.drift_stats import Counts
from quality.protect import as_text
from quality.stats import Estimate, Floats, Z, wilson

MOST_VALUES = 20
MOST_CELLS = 50
MOST_NAMED = 20
"""Most new or vanished categories that are named; more are counted."""
_DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Novel:
    """Categories of one table that the other lacks.

    share: of the known cells.  beyond: what of it chance does not give.  named: those that at least MIN_COUNT rows
    share.  unnamed: how many more.
    """

    share: Estimate
    beyond: Estimate
    named: tuple[TopValue, ...]
    unnamed: int


@dataclass(frozen=True)
class Words:
    """The categories of both tables in one order. before, after: rows that have each; distinct: their texts."""

    distinct: list[str]
    before: Counts
    after: Counts

    def cells(self) -> tuple[Counts, Counts]:
        """Counts by cell: the frequent categories, and the others together."""
        most = np.maximum(self.before, self.after)
        order = np.lexsort((np.arange(len(most)), -most))
        own = order[: int((most >= MIN_COUNT).sum())][:MOST_CELLS]
        rest = np.setdiff1d(np.arange(len(most)), own)
        found = [np.append(c[own], c[rest].sum()) for c in (self.before, self.after)]
        return found[0], found[1]

    def novel(self, *, later: bool) -> Novel:
        """New categories of the later table, or vanished ones of the earlier."""
        here, there = (self.after, self.before) if later else (self.before, self.after)
        only = np.flatnonzero((here > 0) & (there == 0))
        total = int(here.sum())
        shown = [i for i in only[np.argsort(-here[only], kind="stable")] if here[i] >= MIN_COUNT][:MOST_NAMED]
        named = tuple(TopValue(value=self.distinct[i], share=round(int(here[i]) / total, 10)) for i in shown)
        share = wilson(float(here[only].sum()), total)
        return Novel(share, _beyond(share, here, there), named, len(only) - len(shown))


def _beyond(share: Estimate, here: Counts, there: Counts) -> Estimate:
    """The share of rows whose category the other table lacks, less what chance gives in two tables of one population.

    Chance deals the rows of both tables again into tables of these sizes: a category of k rows lies wholly on this
    side with the probability P(k), and mean and variance over all deals are exact. So a column of names that occur
    once each has no share beyond chance, and one whose repeated names were all replaced has.
    """
    own, other = int(here.sum()), int(there.sum())
    if not own or not other:
        return Estimate(0.0, 0.0, 0.0, 0)
    sizes, many = np.unique((here + there).astype(np.int64), return_counts=True)
    most = 2 * int(sizes.max()) + 1
    steps = np.arange(most)
    alone = np.append(1.0, np.cumprod(np.maximum(own - steps, 0) / np.maximum(own + other - steps, 1)))
    chance = alone[sizes]
    both = alone[sizes[:, None] + sizes[None, :]] - np.outer(chance, chance)
    rows = (sizes * many).astype(np.float64)
    variance = float(rows @ both @ rows)
    # A category is always there together with itself.
    variance += float((sizes**2 * many * (chance - alone[2 * sizes])).sum())
    value = share.value - float(rows @ chance) / own
    half = Z * sqrt(max(variance, 0.0)) / own
    low, high = (sqrt(half**2 + d**2) for d in (share.value - share.low, share.high - share.value))
    return Estimate(value, value - low, value + high, own)


def words(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Words:
    """Count the categories of two columns; nulls left out. They are the same where their text is."""
    sides = [pc.value_counts(a.drop_null().combine_chunks()) for a in (before, after)]
    texts = [as_text(s.field("values")) for s in sides]
    distinct = sorted({*texts[0], *texts[1]})
    place = {word: i for i, word in enumerate(distinct)}
    counted = []
    for side, own in zip(sides, texts, strict=True):
        counts = np.zeros(len(distinct), np.int64)
        np.add.at(counts, [place[w] for w in own], np.asarray(side.field("counts"), dtype=np.int64))
        counted.append(counts)
    return Words(distinct, counted[0], counted[1])


def number_cells(before: Floats, after: Floats) -> tuple[Counts, Counts]:
    """Counts by cell of known numbers."""
    distinct = np.union1d(before, after)
    if len(distinct) <= MOST_VALUES:
        edges = distinct[:-1]
    elif len(before):
        edges = np.unique(np.quantile(before, _DECILES, method="inverted_cdf"))
    else:
        edges = np.empty(0)
    found = [_binned(side, edges) for side in (before, after)]
    return found[0], found[1]


def _binned(values: Floats, edges: Floats) -> Counts:
    return np.asarray(np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1), np.int64)


def known(array: pa.ChunkedArray) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The known, finite numbers of a column and the rows they stand in."""
    values = numbers(array)
    rows = np.flatnonzero(np.isfinite(values))
    return values[rows], rows


def with_nulls(cells: tuple[Counts, Counts], rows: tuple[int, int]) -> tuple[Counts, Counts]:
    """The counts with a last cell for the rows that are in none: those that are null."""
    found = [np.append(c, n - int(c.sum())) for c, n in zip(cells, rows, strict=True)]
    return found[0], found[1]
