"""Protected values: what may be said about a column without saying something about one row.

The rule is microaggregation (Domingo-Ferrer, Mateo-Sanz 2002, doi:10.1109/69.979982). Sorted values are cut into
fixed blocks of at least MIN_COUNT rows; a bound or quantile is the mean of the block it falls into, never of the
first or last block, so that the most extreme rows are not even averaged in. Blocks do not overlap: two published
means never differ by a few rows. A value that MIN_COUNT rows share (an atom) may be quoted as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from proofset.evidence import MIN_COUNT, TopValue

Floats = npt.NDArray[np.float64]

STEPS = tuple(round(0.05 * i, 2) for i in range(1, 20))
"""The quantiles a profile shows."""

MIN_ROWS = 3 * MIN_COUNT
"""Below this a middle block would be left with nothing around it: no bound, no quantile."""

_DIGITS = 10
"""Significant digits of a published mean: enough for seconds since 1970."""


@dataclass(frozen=True)
class Bounds:
    """Protected bounds and quantiles of a column; None and {} where it has fewer than MIN_ROWS values."""

    low: float | None = None
    high: float | None = None
    quantiles: tuple[tuple[str, float], ...] = ()


def bounds(values: Floats) -> Bounds:
    """Protected bounds and quantiles of the values without nulls, non-decreasing from low to high."""
    ordered = np.sort(values[~np.isnan(values)])
    rows = len(ordered)
    if rows < MIN_ROWS:
        return Bounds()
    edges = np.linspace(0, rows, rows // MIN_COUNT + 1).astype(np.int64)
    last = len(edges) - 2

    def shown(place: int) -> float:
        value = ordered[place]
        if np.searchsorted(ordered, value, "right") - np.searchsorted(ordered, value, "left") >= MIN_COUNT:
            return float(value)
        block = min(max(int(np.searchsorted(edges, place, "right")) - 1, 1), last - 1)
        inside = ordered[edges[block] : edges[block + 1]]
        with np.errstate(over="ignore"):
            mean = inside.mean()
        return float(f"{mean if np.isfinite(mean) else (inside / len(inside)).sum():.{_DIGITS}g}")

    places = [0, *(min(int(q * rows), rows - 1) for q in STEPS), rows - 1]
    # An atom inside a block may lie above the block's mean: keep the order all the same.
    line = np.maximum.accumulate([shown(p) for p in places])
    return Bounds(
        float(line[0]),
        float(line[-1]),
        tuple((f"{q:.2f}", float(v)) for q, v in zip(STEPS, line[1:-1], strict=True)),
    )


@dataclass(frozen=True)
class Counts:
    """How often each value of a column occurs, most frequent first; equals in the order of their text."""

    words: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    rows: int

    @property
    def distinct(self) -> int:
        """Number of distinct values, null not counted."""
        return len(self.counts)

    def rare_rows(self, public: frozenset[str] = frozenset()) -> int:
        """Rows whose value fewer than MIN_COUNT rows share and that is not declared public."""
        few = np.flatnonzero(self.counts < MIN_COUNT)
        if not public:
            return int(self.counts[few].sum())
        return int(sum(self.counts[i] for i in few if self.words[i] not in public))

    def top(self, limit: int) -> tuple[TopValue, ...]:
        """The most frequent values among those that at least MIN_COUNT rows share, with their share of all rows."""
        enough = int((self.counts >= MIN_COUNT).sum())
        return tuple(
            TopValue(value=self.words[i], share=round(float(self.counts[i]) / self.rows, 10))
            for i in range(min(enough, limit))
        )


def counts(column: pa.ChunkedArray) -> Counts:
    """Count the values of a column, nulls left out; values are written as text."""
    found = pc.value_counts(column.drop_null().combine_chunks())
    words = as_text(found.field("values"))
    number = np.asarray(found.field("counts"), dtype=np.int64)
    order = np.array(sorted(range(len(words)), key=lambda i: (-number[i], words[i])), dtype=np.int64)
    return Counts(tuple(words[i] for i in order), number[order], len(column))


def as_text(array: pa.Array) -> list[str]:
    """Values as text: true and false in lower case, whole floats without a fraction."""
    if pa.types.is_floating(array.type):
        return [f"{v:.15g}" for v in array.to_pylist()]
    if pa.types.is_boolean(array.type):
        return ["true" if v else "false" for v in array.to_pylist()]
    return [str(v) for v in array.to_pylist()]
