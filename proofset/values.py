"""Values: a column while rules and expressions are at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Values:
    """A column while rules are at work.

    data: int64, float64, bool, datetime64[us] or object (texts), one per row.  missing: which rows are null.
    """

    data: np.ndarray
    missing: np.ndarray

    @property
    def kind(self) -> str:
        """What the data are: "number", "truth", "moment" or "text"."""
        return {"i": "number", "f": "number", "b": "truth", "M": "moment"}.get(self.data.dtype.kind, "text")


def any_missing(values: Sequence[Values]) -> np.ndarray:
    """Which rows are null in at least one of the columns."""
    missing: np.ndarray = np.logical_or.reduce([v.missing for v in values])
    return missing


def texts(values: Values) -> list[str]:
    """Every value as text: numbers as Python writes them, times as "2024-01-31 09:30:00"."""
    if values.kind == "moment":
        seconds = (values.data.astype(np.int64) % 1_000_000 == 0).all()
        words = np.datetime_as_string(values.data, unit="s" if seconds else "us")
        return [w.replace("T", " ").removesuffix(".000000") for w in words.tolist()]
    return [str(v) for v in values.data.tolist()]


def filled(words: Sequence[object]) -> np.ndarray:
    """The words as an array of objects, whatever their lengths."""
    data = np.empty(len(words), dtype=object)
    data[:] = words
    return data
