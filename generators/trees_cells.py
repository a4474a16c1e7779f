"""Cells: a column's codes, cut where a condition cuts a bin or the pool.

A code's values are a function, never falling, of a share in [0, 1) (see `Codec.at`), so the part of a code that meets
a condition is a set of spans of that share. Codes and spans that meet the same conditions make a cell. Drawing a cell
and then a share within it respects every condition exactly, and without rejection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from generators.trees_conditions import Column, Wanted

END = float(np.nextafter(1.0, 0.0))
HALVINGS = 90
"""Enough to find a bound in [0, 1) to the last bit, but for shares that no stream of random numbers gives."""


@dataclass(frozen=True)
class Cells:
    """Cells of one column.

    code: of each cell.  fraction: of the code's rows that it holds, in (0, 1].  member: (cells, conditions).
    first: where each cell's spans start, one more at the end.  start, stop: spans of the share, both ends included.
    """

    code: np.ndarray
    fraction: np.ndarray
    member: np.ndarray
    first: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def __len__(self) -> int:
        return len(self.code)

    def only(self, kept: np.ndarray) -> Cells:
        """The cells `kept`, a mask."""
        spans = np.repeat(kept, np.diff(self.first))
        first = np.concatenate([[0], np.cumsum(np.diff(self.first)[kept])])
        return Cells(
            self.code[kept], self.fraction[kept], self.member[kept], first, self.start[spans], self.stop[spans]
        )

    def place(self, cells: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return, for rows in `cells`, the share of their code that a share in [0, 1) of their cell is."""
        length = self.stop - self.start
        before = np.concatenate([[0.0], np.cumsum(length)])
        low, high = self.first[cells], self.first[cells + 1] - 1
        way = before[low] + share * (before[high + 1] - before[low])
        span = np.clip(np.searchsorted(before, way, side="right") - 1, low, high)
        placed: np.ndarray = np.clip(self.start[span] + (way - before[span]), self.start[span], self.stop[span])
        return placed

    def weights(self, codes: int) -> np.ndarray:
        """The fraction of each of `codes` codes that lies in the cells."""
        return np.bincount(self.code, weights=self.fraction, minlength=codes)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the cells as arrays."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def rebuild(cls, arrays: Mapping[str, np.ndarray]) -> Cells:
        """Return the cells of these arrays."""
        return cls(**{f.name: arrays[f.name] for f in fields(cls)})


def cut(column: Column, conditions: Sequence[Wanted]) -> Cells:
    """Cut a column's codes where the conditions do."""
    codes = np.arange(column.codec.codes)
    lowest, missing = column.values(codes, np.zeros(len(codes)))
    highest, _ = column.values(codes, np.full(len(codes), END))
    wide = (lowest != highest) & ~missing
    edges = np.unique(np.concatenate([_edges(w, lowest.dtype) for w in conditions] or [np.zeros(0, lowest.dtype)]))
    code = [codes[~wide]]
    start, stop = [np.zeros(int((~wide).sum()))], [np.full(int((~wide).sum()), END)]
    for each in codes[wide]:
        inner = edges[(edges > lowest[each]) & (edges <= highest[each])]
        before, after = _reach(column, np.full(len(inner), each), inner)
        code.append(np.full(len(inner) + 1, each))
        start.append(np.concatenate([[0.0], after]))
        stop.append(np.concatenate([before, [END]]))
    return _grouped(column, conditions, np.concatenate(code), np.concatenate(start), np.concatenate(stop))


def _edges(wanted: Wanted, kind: np.dtype) -> np.ndarray:
    """The values at which membership changes, going up: where a span starts, and just after it ends."""
    ends = wanted.spans[:, 1]
    after = ends[ends < np.iinfo(kind).max] + 1 if kind.kind == "i" else np.nextafter(ends, np.inf)
    return np.concatenate([wanted.spans[:, 0], after]).astype(kind)


def _reach(column: Column, codes: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last share at which each code's value lies below its edge, and the first at which it does not."""
    before, after = np.zeros(len(codes)), np.full(len(codes), END)
    for _ in range(HALVINGS if len(codes) else 0):
        middle = (before + after) / 2
        reached = column.values(codes, middle)[0] >= edges
        after = np.where(reached, middle, after)
        before = np.where(reached, before, middle)
    return before, after


def _grouped(
    column: Column, conditions: Sequence[Wanted], code: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> Cells:
    """Join the spans of a code that meet the same conditions."""
    values, missing = column.values(code, start)
    member = np.stack([np.ones(len(code), bool), *(w.holds(values, missing) for w in conditions)], axis=1)
    signs = np.unique(member, axis=0, return_inverse=True)[1].reshape(-1)
    there = stop > start
    order = np.lexsort((start, signs, code))
    order = order[there[order]]
    key = np.stack([code[order], signs[order]])
    new = np.append(True, (key[:, 1:] != key[:, :-1]).any(axis=0)) if len(order) else np.zeros(0, bool)
    heads = np.flatnonzero(new)
    fraction = np.add.reduceat(stop[order] - start[order], heads) if len(heads) else np.zeros(0)
    return Cells(
        code[order][heads], np.minimum(fraction, 1.0), member[order][heads][:, 1:],
        np.append(heads, len(order)), start[order], stop[order],
    )  # fmt: skip
