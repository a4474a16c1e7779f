"""How the bounds of groups of numbers and times are written: as briefly as keeps them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from quality.stats import Floats

_DAY = 86_400


def written(bounds: Floats, kind: pa.DataType | None) -> list[str]:
    """Distinct bounds as distinct words.

    kind: of a column of times, whose bounds are seconds since 1970, since midnight, or long; None for numbers.
    """
    ways = list(_ways(kind, bounds))
    for way in ways:
        words = [way(float(b)) for b in bounds]
        if len(set(words)) == len(words):
            return words
    return [repr(float(b)) for b in bounds]


def _ways(kind: pa.DataType | None, bounds: Floats) -> Iterator[Callable[[float], str]]:
    """From the briefest to the longest."""
    if kind is not None and pa.types.is_dictionary(kind):
        kind = kind.value_type
    if kind is None:
        yield from (_number(digits) for digits in (6, 9, 12, 17))
    elif pa.types.is_duration(kind):
        if len(bounds) and float(np.abs(bounds).min()) >= _DAY:
            yield lambda seconds: f"{seconds / _DAY:.4g} days"
        yield from (_number(digits, " s") for digits in (6, 9, 12, 17))
    elif pa.types.is_time(kind):
        yield from (_clock(unit, time_only=True) for unit in ("m", "s", "us", "ns"))
    else:
        yield from (_clock(unit) for unit in ("D", "m", "s", "us"))


def _number(digits: int, unit: str = "") -> Callable[[float], str]:
    return lambda value: f"{value:.{digits}g}{unit}"


def _clock(unit: Any, *, time_only: bool = False) -> Callable[[float], str]:
    def way(seconds: float) -> str:
        whole = int(seconds // 1)
        moment = np.datetime64(whole, "s")
        if unit in ("us", "ns"):
            scale = 1_000_000 if unit == "us" else 1_000_000_000
            moment = np.datetime64(whole, "s") + np.timedelta64(round((seconds - whole) * scale), unit)
        text = str(moment.astype(f"datetime64[{unit}]")).replace("T", " ")
        return text.partition(" ")[2] if time_only else text

    return way
