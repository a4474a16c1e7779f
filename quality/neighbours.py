"""Nearest rows: tables as whole numbers, and an exact search among all of their rows.

The distance of two rows is the sum over columns of at most 1 each: a differing category counts 1, a number its
difference on a scale from 0 to 1, a null against a value 1 and against a null 0 (Gower 1971, doi:10.2307/2528823).
Scales: by the range of the three tables, as Gower has it, or by the rank among the training rows, which no outlier
can stretch. Both are taken in whole steps, as many as fit 32 bits, so that distances add up exactly.

The search is exact: it leaves out only rows that are known to be farther away. Its result depends neither on the number
of threads nor on how rows are put into boxes. Of equally near rows the one with the smaller place wins: shuffle the
rows by a named seed first (`taken`).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from proofset.codes import PARTS, Column, Kind, Part
from quality.stats import Floats

Steps = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]

FAR = np.iinfo(np.int32).max
"""The distance of a neighbour that there is not."""
_NOWHERE = np.iinfo(np.int64).max
_MAX_STEPS = 1 << 24
_CHUNK = 256
_BOX = 256
_LOOK = 64


@dataclass(frozen=True)
class Rows:
    """Rows as whole numbers. values: columns × rows; numbers first, in steps, nulls at twice `step`; then categories.

    ordered: how many columns are numbers.  step: the distance 1.
    """

    values: Steps
    ordered: int
    step: int

    def taken(self, rows: npt.NDArray[Any]) -> Rows:
        """Some of the rows, in this order."""
        return Rows(np.ascontiguousarray(self.values[:, rows]), self.ordered, self.step)

    def among(self, columns: list[int]) -> Rows:
        """Some of the columns, numbers still first."""
        kept = sorted(columns)
        return Rows(np.ascontiguousarray(self.values[kept]), sum(c < self.ordered for c in kept), self.step)

    def __len__(self) -> int:
        return int(self.values.shape[1])


@dataclass(frozen=True)
class Space:
    """The three tables as rows of one space.  names: of the columns, in the order of `Rows.values`."""

    names: tuple[str, ...]
    rows: dict[Part, Rows]

    def places(self, names: tuple[str, ...]) -> list[int]:
        """Where the columns of these names are."""
        return [self.names.index(n) for n in names]


@dataclass(frozen=True)
class Near:
    """Neighbours, nearest first: distance in steps (FAR where there is none) and place (-1), each questions × k."""

    distance: Steps
    place: Places


def space(columns: tuple[Column, ...], scale: Literal["range", "rank"]) -> Space:
    """The modelled columns of the three tables; a constant column is no distance and so does no harm."""
    numbers = [c for c in columns if c.kind != Kind.CATEGORY]
    words = [c for c in columns if c.kind == Kind.CATEGORY]
    step = max(1, min(_MAX_STEPS, (FAR // 2) // (len(columns) + 1)))
    scaled = [(_ranges if scale == "range" else _ranks)(c) for c in numbers]
    made = {}
    for part in PARTS:
        rows = len(columns[0].values[part]) if columns else 0
        values = np.empty((len(columns), rows), np.int32)
        for i, column in enumerate(scaled):
            known = np.clip(column[part], 0.0, 1.0) * step
            values[i] = np.where(np.isnan(known), 2 * step, np.rint(np.nan_to_num(known)))
        for i, named in enumerate(words, len(numbers)):
            values[i] = named.values[part]
        made[part] = Rows(values, len(numbers), step)
    return Space(tuple(c.name for c in (*numbers, *words)), made)


def _ranges(column: Column) -> dict[Part, Floats]:
    # Real rows alone: one absurd synthetic value would squeeze everybody else into one place.
    real = (v for part, v in column.values.items() if part != "synthetic")
    known = np.concatenate([v[np.isfinite(v)] for v in real])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    # Halved first: the range of doubles may be too great for a double.
    width = high / 2 - low / 2 or 1.0
    return {p: (v / 2 - low / 2) / width for p, v in column.values.items()}


def _ranks(column: Column) -> dict[Part, Floats]:
    known = np.sort(column.values["train"][~np.isnan(column.values["train"])])
    made: dict[Part, Floats] = {}
    for part, values in column.values.items():
        middle = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
        made[part] = np.where(np.isnan(values), np.nan, middle / max(len(known), 1))
    return made


@dataclass(frozen=True)
class Boxes:
    """Rows sorted into boxes of rows that are alike, so that a search can leave out whole boxes.

    places: where each row was before.  ends: where each box ends.  lows, highs: columns × boxes, the least and the
    greatest code.
    """

    rows: Rows
    places: Places
    ends: Places
    lows: Steps
    highs: Steps

    @classmethod
    def of(cls, rows: Rows) -> Boxes:
        """Split the rows in two along the column in which they differ most, again and again (Bentley 1975,
        doi:10.1145/361002.361007)."""
        made, todo = [], [np.arange(len(rows))]
        while todo:
            own = todo.pop()
            split = _split(rows, own) if len(own) > _BOX else None
            if split is None:
                made += [own[i : i + _BOX] for i in range(0, len(own), _BOX)]
            else:
                todo += [own[~split], own[split]]
        ends = np.cumsum([len(o) for o in made]).astype(np.int64)
        places = np.concatenate(made) if made else np.zeros(0, np.int64)
        kept = rows.taken(places)
        starts = np.r_[0, ends[:-1]].astype(np.int64) if made else ends
        lows, highs = (
            np.ascontiguousarray(f.reduceat(kept.values, starts, axis=1)) if made else kept.values
            for f in (np.minimum, np.maximum)
        )
        return cls(kept, places, ends, lows, highs)

    def asked(self, questions: Steps, *more: npt.NDArray[Any]) -> list[Any]:
        """What the compiled searches are given."""
        rows = self.rows
        known = [rows.values, self.places, rows.ordered, np.int32(rows.step), self.ends, self.lows, self.highs]
        return [questions, *known, *more]


def _split(rows: Rows, own: Places) -> npt.NDArray[np.bool_] | None:
    """Which of the rows go to one side, or None where no column tells them apart."""
    some = rows.values[:, own[:: max(1, len(own) // _LOOK)]]
    gap = np.minimum(np.abs(some - np.roll(some, 1, axis=1)), rows.step)
    gap[rows.ordered :] = np.where(gap[rows.ordered :] > 0, rows.step, 0)
    for column in np.argsort(-gap.mean(axis=1), kind="stable"):
        values = rows.values[column, own]
        middle = np.median(some[column])
        for side in (values > middle, values >= middle):
            if 0 < side.sum() < len(side):
                return np.asarray(side)
    return None


def nearest(asked: Rows, among: Rows | Boxes, count: int = 1, workers: int = 2) -> Near:
    """The `count` nearest rows of each asked row."""
    from quality.neighbours_compiled import closest

    boxes = among if isinstance(among, Boxes) else Boxes.of(among)

    def search(questions: Steps, distance: Steps, place: Places) -> None:
        if len(boxes.ends):
            closest(*boxes.asked(questions, distance, place))

    return _searched(asked, count, search, workers)


def how_near(asked: Rows, among: Rows | Boxes, workers: int = 2) -> Floats:
    """The distance of each asked row to its nearest one, in columns; infinite where there is none."""
    found = nearest(asked, among, 1, workers).distance[:, 0]
    return np.where(found == FAR, np.inf, found / (among if isinstance(among, Rows) else among.rows).step)


def nearest_without(asked: Rows, among: Rows | Boxes, left_out: Places, workers: int = 2) -> Near:
    """The nearest row of each asked row where one column is not known, for each of `left_out` (-1: all are known)."""
    from quality.neighbours_compiled import closest_without

    boxes = among if isinstance(among, Boxes) else Boxes.of(among)

    def search(questions: Steps, distance: Steps, place: Places) -> None:
        if len(boxes.ends):
            closest_without(*boxes.asked(questions, left_out, distance, place))

    return _searched(asked, len(left_out), search, workers)


def _searched(asked: Rows, width: int, search: Callable[[Steps, Steps, Places], None], workers: int) -> Near:
    questions = np.ascontiguousarray(asked.values.T)
    distance, place = np.full((len(asked), width), FAR, np.int32), np.full((len(asked), width), _NOWHERE, np.int64)
    chunks = [slice(i, i + _CHUNK) for i in range(0, len(asked), _CHUNK)]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        list(pool.map(lambda s: search(questions[s], distance[s], place[s]), chunks))
    return Near(distance, np.where(place == _NOWHERE, -1, place))


def joined(first: Near, second: Near, before: Places, after: Places) -> Near:
    """Neighbours among the rows of two tables, as if both were one.

    before, after: the turn of each row of the first and the second table, among which ties are broken. The places of
    the second table's rows go on where the first one's end.
    """
    keys, places = [], []
    for near, turn, start in ((first, before, 0), (second, after, len(before))):
        turns = np.where(near.place >= 0, np.r_[turn, 0][near.place], 0)
        keys.append((near.distance.astype(np.int64) << 32) + turns)
        places.append(np.where(near.place >= 0, near.place + start, -1))
    key, place = np.concatenate(keys, axis=1), np.concatenate(places, axis=1)
    order = np.argsort(key, axis=1, kind="stable")[:, : first.distance.shape[1]]
    kept = np.take_along_axis(key, order, axis=1)
    return Near((kept >> 32).astype(np.int32), np.take_along_axis(place, order, axis=1))
