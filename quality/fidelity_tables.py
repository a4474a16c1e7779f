"""Tables made ready for counting: rows sorted by random group, columns as cells of few bytes.

Groups and signs are drawn by named streams, one of each part, so that every measure of every column and pair shares
them and no result depends on the order of columns, on threads, or on how the rows were read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from proofset.codes import Coded, Part, Small
from quality.fidelity_noise import Signs, signs
from quality.stats import GROUPS, Floats, groups

Counts = dict[Part, npt.NDArray[np.int32]]
"""Part -> groups × cells."""
Given = TypeVar("Given")
Made = TypeVar("Made")

_DENSE = 1 << 15
"""Tables of more cells than this keep the cells that occur alone."""
_FLAGS = 1 << 26
"""Up to so many cells are looked up in a list of flags, more are sorted."""
_MOST = 1e120
"""Squares of greater numbers, and sums of them, would leave the range of doubles."""
BINS = 10
"""SDMetrics' bins of equal width for numbers in contingency tables."""


@dataclass(frozen=True)
class Tables:
    """Columns of two or three tables.

    rows: part -> number of rows.  order: part -> rows sorted by group.  bounds: part -> where groups begin and end.
    drawn: part -> signs.  rng: named streams.  workers: threads.
    """

    columns: tuple[Coded, ...]
    rows: dict[Part, int]
    order: dict[Part, npt.NDArray[np.uint32]]
    bounds: dict[Part, npt.NDArray[np.int64]]
    drawn: dict[Part, Signs]
    rng: Callable[..., np.random.Generator]
    workers: int = 2
    _sorted: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that are there."""
        return tuple(self.rows)

    @property
    def others(self) -> tuple[Part, ...]:
        """What is compared with the training table."""
        return tuple(p for p in self.rows if p != "train")

    def signs(self, other: Part) -> Signs:
        """Signs of the groups of train and of another part together."""
        return np.ascontiguousarray(np.concatenate([self.drawn["train"], self.drawn[other]]))

    def by_group(self, what: str, name: str, make: Callable[[Part], npt.NDArray[Any]]) -> dict[Part, npt.NDArray[Any]]:
        """A row-wise array of each part, sorted by group; made on first use and kept."""
        if (what, name) not in self._sorted:
            self._sorted[what, name] = {p: np.ascontiguousarray(make(p)[self.order[p]]) for p in self.parts}
        found: dict[Part, npt.NDArray[Any]] = self._sorted[what, name]
        return found

    def forget(self, what: str) -> None:
        """Drop what `by_group` kept under this word."""
        for key in [k for k in self._sorted if k[0] == what]:
            del self._sorted[key]

    def each(self, function: Callable[[Given], Made], over: Iterable[Given]) -> list[Made]:
        """The function of each item, on `workers` threads, in the order of the items."""
        with ThreadPoolExecutor(max(1, self.workers)) as pool:
            return list(pool.map(function, over))


def prepared(
    columns: tuple[Coded, ...], rows: dict[Part, int], rng: Callable[..., np.random.Generator], workers: int
) -> Tables:
    """Draw groups and signs. rng: a named stream, such as `Context.rng`."""
    order, bounds, drawn = {}, {}, {}
    for part, count in rows.items():
        group = groups(count, rng("fidelity", part)).astype(np.uint8)
        order[part] = np.argsort(group, kind="stable").astype(np.uint32)
        bounds[part] = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=GROUPS))]).astype(np.int64)
        drawn[part] = signs(rng("fidelity", "signs", part))
    return Tables(columns, rows, order, bounds, drawn, rng, workers)


def values(column: Coded) -> Floats:
    """The distinct values of an ordered column; infinite ones as the nearest finite one, none beyond ±_MOST."""
    distinct = column.distinct if column.distinct is not None else np.empty(0)
    finite = distinct[np.isfinite(distinct)].clip(-_MOST, _MOST)
    return np.clip(distinct, finite[0], finite[-1]) if len(finite) else np.zeros(len(distinct))


def bins(column: Coded, part: Part) -> tuple[npt.NDArray[np.int64], int]:
    """The cell of each code in contingency tables, and how many cells there are.

    Categories as they are; numbers in SDMetrics' bins of equal width over each table's own range, null in the bin
    of the topmost edge.
    """
    if column.discrete:
        return np.arange(column.size), column.size
    points = values(column)
    there = points[column.totals[part][1:] > 0]
    return binned(points, there[[0, -1]] if len(there) else there), binned_size(column)


def binned_size(column: Coded) -> int:
    """How many cells a column has in contingency tables."""
    return column.size if column.discrete else BINS + 2


def binned(points: Floats, ends: Floats) -> npt.NDArray[np.int64]:
    """The bin of null, then of each value, between these two ends; none: between 0 and 1."""
    try:
        edges = np.histogram_bin_edges(ends, BINS)
    except ValueError:  # too narrow for doubles to divide: everything lies in the middle, where a constant does
        return np.concatenate([[BINS + 1], np.full(len(points), BINS // 2 + 1)])
    return np.concatenate([[len(edges)], np.digitize(points, edges)])


def cells(tables: Tables, column: Coded) -> tuple[dict[Part, npt.NDArray[Any]], int]:
    """The cells of a column in contingency tables, rows sorted by group, and how many there are."""
    size = binned_size(column)
    kind = np.uint16 if size <= 1 << 16 else np.uint32

    def make(part: Part) -> npt.NDArray[Any]:
        return bins(column, part)[0].astype(kind)[column.codes[part]]

    return tables.by_group("cells", column.name, make), size


def pair_counts(tables: Tables, a: Coded, b: Coded) -> tuple[Counts, npt.NDArray[np.int64], int]:
    """Counts by group of the cells of a pair that occur; which cells these are, a · width + b; and the width."""
    from quality.fidelity_compiled import count_cells, count_pairs

    (first, height), (second, width) = cells(tables, a), cells(tables, b)
    size = height * width
    if size <= _DENSE:
        counts = {p: np.zeros((GROUPS, size), np.int32) for p in tables.parts}
        for part, table in counts.items():
            count_pairs(first[part], second[part], width, tables.bounds[part], table)
        seen = np.zeros(size, bool)
        for table in counts.values():
            seen |= table.any(axis=0)
        which = np.flatnonzero(seen)
        return {p: t[:, which] for p, t in counts.items()}, which, width
    joint = {p: first[p].astype(np.int64) * width + second[p] for p in tables.parts}
    which, places = _compressed(joint, size)
    counts = {p: np.zeros((GROUPS, len(which)), np.int32) for p in tables.parts}
    for part, table in counts.items():
        count_cells(places[part], tables.bounds[part], table)
    return counts, which, width


def _compressed(
    joint: dict[Part, npt.NDArray[np.int64]], size: int
) -> tuple[npt.NDArray[np.int64], dict[Part, npt.NDArray[np.uint32]]]:
    """The cells that occur, ascending, and every row's place among them."""
    if size <= _FLAGS:
        seen = np.zeros(size, bool)
        for cell in joint.values():
            seen[cell] = True
        place = (np.cumsum(seen) - 1).astype(np.uint32)
        return np.flatnonzero(seen), {p: place[c] for p, c in joint.items()}
    which, inverse = np.unique(np.concatenate(list(joint.values())), return_inverse=True)
    cuts = np.cumsum([len(c) for c in joint.values()])[:-1]
    return which, dict(zip(joint, np.split(inverse.astype(np.uint32), cuts), strict=True))


def code_rows(tables: Tables, column: Coded) -> dict[Part, npt.NDArray[np.uint32]]:
    """The codes of a column, rows sorted by group."""
    return tables.by_group("codes", column.name, lambda p: column.codes[p].astype(np.uint32))


def small_rows(tables: Tables, column: Coded, place: Small) -> dict[Part, npt.NDArray[np.uint8]]:
    """Few cells by code, rows sorted by group."""
    return tables.by_group("small", column.name, lambda p: place[column.codes[p]])
