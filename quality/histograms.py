"""Histograms that disclose nothing about single rows: each bin holds at least MIN_COUNT of them.

Bins lie evenly between protected bounds, never at a row's own value, and are joined with their neighbours until each
holds enough. Counts are rounded to a multiple of STEP (random error beside it would cost reproducibility), so that
the counts of two bins, or of a bin and of a common value inside it, do not give away a few rows by subtraction.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from proofset.evidence import MIN_COUNT, Histogram
from quality.protect import MIN_ROWS, Bounds

Floats = npt.NDArray[np.float64]

BINS = 24
STEP = 5
_FINE = 1e-12
_TAIL = 3.0
"""How far beyond the middle nine tenths the even bins reach, in widths of these; the last bin takes what lies there."""


def histogram(values: Floats, shown: Bounds, rows: int, *, integral: bool) -> Histogram | None:
    """The histogram of the values without nulls; None with fewer than MIN_ROWS of them, where all are equal, or
    where no two round numbers lie between them.

    shown: their protected bounds.  rows: of the table, of which the shares are taken.
    integral: True where all are whole numbers: no bin is then narrower than one.
    """
    known = values[np.isfinite(values)]
    if len(known) < MIN_ROWS or shown.low is None or shown.high is None or not shown.low < shown.high:
        return None
    edges = _edges(shown, integral)
    if edges is None:
        return None
    counts = counted(known, edges)
    keep, total = [0], 0
    for place, count in enumerate(counts.tolist(), start=1):
        total += count
        if total >= MIN_COUNT:
            keep.append(place)
            total = 0
    keep[-1] = len(counts)  # what is left over joins the last bin that holds enough
    joined = np.add.reduceat(counts, keep[:-1])
    rounded = np.maximum(np.round(joined / STEP) * STEP, MIN_COUNT)
    return Histogram(
        edges=tuple(float(edges[i]) for i in keep),
        shares=tuple(round(float(count) / max(rows, 1), 10) for count in rounded),
    )


def counted(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """Rows in each bin, the left edge within; the first and the last also take what lies outside."""
    places = np.searchsorted(edges[1:-1], values, side="right")
    return np.bincount(places, minlength=len(edges) - 1).astype(np.int64)


def shares(values: Floats, like: Histogram, rows: int) -> tuple[float, ...]:
    """Shares of another table's rows in the bins of a histogram."""
    found = counted(values[np.isfinite(values)], np.array(like.edges))
    return tuple(float(n) / max(rows, 1) for n in found)


def _edges(shown: Bounds, integral: bool) -> Floats | None:
    """Multiples of a round width; None where floats cannot tell them apart, or their range is too wide.

    A long tail does not squeeze the rest: what lies there is in the outer bins.
    """
    low, high = float(shown.low or 0.0), float(shown.high or 0.0)
    line = dict(shown.quantiles)
    middle = line["0.95"] - line["0.05"] if line else 0.0
    if middle > 0:
        low, high = max(low, line["0.05"] - _TAIL * middle), min(high, line["0.95"] + _TAIL * middle)
    if not math.isfinite(high - low) or (high - low) / BINS <= _FINE * max(abs(low), abs(high)):
        return None
    width = _round((high - low) / BINS, integral)
    first, last = math.floor(low / width), math.floor(high / width) + 1
    return np.arange(first, last + 1, dtype=np.float64) * width


def _round(width: float, integral: bool) -> float:
    """The next round number: 1, 2, 2.5 or 5 times a power of ten; at least one for whole numbers."""
    if integral and width <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(width))
    steps = (1, 2, 5, 10) if integral and power < 10 else (1, 2, 2.5, 5, 10)
    return next((s * power for s in steps if s * power >= width * (1 - 1e-9)), 10 * power)


__all__ = ["BINS", "STEP", "counted", "histogram", "shares"]
