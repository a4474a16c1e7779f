"""Predicates: conditions on dense codes, read off one table and counted in another by index.

A condition is a range of codes of one column, or what lies outside it. Code 0 is null.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]

_BATCH = 4_000
_ATTEMPTS = 10
"""Batches of predicates that are tried until there are enough."""


@dataclass(frozen=True)
class Index:
    """A table's codes, rows × columns, and for each column its rows in the order of its codes.

    ordered: which columns are numbers.  starts: of one column after the other, the first place of each code in its
    `order`, and the number of rows.  offsets: where each column's begin.  tops: how many codes each column has.
    """

    codes: Codes
    order: Codes
    starts: Places
    offsets: Places
    tops: Places
    ordered: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, codes: Codes, ordered: npt.NDArray[np.bool_], sizes: Places) -> Index:
        """Index a table.  codes: columns × rows.  sizes: how many codes each column has."""
        order = np.stack([np.argsort(c, kind="stable") for c in codes]).astype(np.int32)
        counts = [np.bincount(c, minlength=int(n)) for c, n in zip(codes, sizes, strict=True)]
        starts = np.concatenate([np.r_[0, np.cumsum(c)] for c in counts]).astype(np.int64)
        offsets = np.r_[0, np.cumsum(sizes + 1)[:-1]].astype(np.int64)
        return cls(np.ascontiguousarray(codes.T), order, starts, offsets, sizes.astype(np.int64), ordered)

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return len(self.codes)

    @cached_property
    def counts(self) -> list[Places]:
        """For each column, how many rows have each code."""
        ends = self.offsets + self.tops + 1
        return [np.diff(self.starts[a:b]) for a, b in zip(self.offsets, ends, strict=True)]


@dataclass(frozen=True)
class Predicates:
    """conditions: predicates × conditions × (column, lowest code, highest code, 1 where these are excluded)."""

    conditions: Places

    def count(self, table: Index, limit: int) -> Places:
        """How many rows of the table fulfil each, counted up to `limit`."""
        from quality.neighbours_compiled import matches

        found = np.zeros(len(self), np.int64)
        conditions = np.ascontiguousarray(self.conditions)
        matches(table.codes, table.order, table.starts, table.offsets, table.tops, conditions, limit, found)
        return found

    def alone(self, table: Index) -> Predicates:
        """Those that exactly one row of the table fulfils."""
        return Predicates(self.conditions[self.count(table, 2) == 1])

    def __len__(self) -> int:
        return len(self.conditions)


def multivariate(table: Index, width: int, wanted: int, rng: np.random.Generator) -> Predicates:
    """Different predicates over `width` columns that one row of the table fulfils alone; at most `wanted`.

    A row drawn at random says which values: equal to its category, at least its number where that is above the
    column's median, at most its number where it is not.
    """
    middle = _medians(table)
    seen: set[bytes] = set()
    kept: list[Places] = []
    for _ in range(_ATTEMPTS):
        rows = rng.integers(0, table.rows, _BATCH)
        columns = np.sort(np.argsort(rng.random((_BATCH, len(table.tops))), axis=1)[:, :width], axis=1)
        code = table.codes[rows[:, None], columns].astype(np.int64)
        number = table.ordered[columns] & (code > 0)
        above = code > middle[columns]
        low = np.where(number & ~above, 1, code)
        high = np.where(number & above, table.tops[columns] - 1, code)
        made = Predicates(np.stack([columns, low, high, np.zeros_like(low)], axis=2))
        for condition in made.alone(table).conditions:
            key = condition.tobytes()
            if key not in seen:
                seen.add(key)
                kept.append(condition)
        if len(kept) >= wanted or not kept:
            break
    return _of(kept[:wanted], width)


def univariate(table: Index, wanted: int, rng: np.random.Generator) -> Predicates:
    """Predicates on one column that one row fulfils alone: its single null, a value that occurs once, and the least
    and the greatest number; at most `wanted`, drawn at random."""
    made: list[tuple[int, int, int, int]] = []
    for c, counts in enumerate(table.counts):
        single = np.flatnonzero(counts == 1)
        made += [(c, int(code), int(code), 0) for code in single]
        present = np.flatnonzero(counts[1:]) + 1
        if table.ordered[c] and len(present):
            made += [(c, 1, int(present[0]), 0)] if counts[present[0]] == 1 else []
            made += [(c, int(present[-1]), int(table.tops[c]) - 1, 0)] if counts[present[-1]] == 1 else []
    made = list(dict.fromkeys(made))
    chosen = rng.permutation(len(made))[:wanted]
    return _of([np.array([made[i]], np.int64) for i in chosen], 1)


def at_random(table: Index, width: int, wanted: int, rng: np.random.Generator) -> Predicates:
    """Predicates that no row suggests: random columns, a random one of the table's values, a random comparison."""
    columns = np.argsort(rng.random((wanted, len(table.tops))), axis=1)[:, :width]
    values = [np.flatnonzero(c) for c in table.counts]
    drawn = rng.random((wanted, width))
    code = np.array(
        [[values[c][int(u * len(values[c]))] for c, u in zip(own, us, strict=True)]
         for own, us in zip(columns, drawn, strict=True)], np.int64,
    ).reshape(wanted, width)  # fmt: skip
    sign = np.where(table.ordered[columns] & (code > 0), rng.integers(0, 6, (wanted, width)),
                    rng.integers(0, 2, (wanted, width)))  # fmt: skip
    top = table.tops[columns] - 1
    # equal, unequal, >, <, ≥, ≤
    low = np.choose(sign, [code, code, code + 1, np.ones_like(code), code, np.ones_like(code)])
    high = np.choose(sign, [code, code, top, code - 1, top, code])
    return Predicates(np.stack([columns, low, high, (sign == 1).astype(np.int64)], axis=2))


def _medians(table: Index) -> npt.NDArray[np.float64]:
    """The median code of each column, nulls left out."""
    found = []
    for counts in table.counts:
        total = np.cumsum(counts[1:])
        rows = int(total[-1]) if len(total) else 0
        # The two middle rows of an even number, and twice the same of an odd one.
        middle = np.searchsorted(total, [(rows + 1) // 2, rows // 2 + 1]) + 1
        found.append(float(middle.mean()) if rows else 0.0)
    return np.array(found)


def _of(kept: list[Places], width: int) -> Predicates:
    return Predicates(np.stack(kept) if kept else np.zeros((0, width, 4), np.int64))
