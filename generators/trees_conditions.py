"""Conditions: what a spec's condition means for a column, as intervals of the values its codec can write.

A number's values are those of its codec (times in their unit, decimals in their last place), so that for all but
floats a bound is an exact integer. A category's value is its place among the codec's words.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.coding import CategoryCodec, Codec
from generators.coding_numbers import NumberCodec, from_arrow
from proofset.errors import GeneratorError, did_you_mean
from proofset.steering import Condition, Scalar

COMPARISON = re.compile(r"\s*(<=|>=|<|>|!=|==|=)\s*(.*?)\s*", re.DOTALL)
RANGE = re.compile(r"\s*(.+?)\s*\.\.\s*(.+?)\s*", re.DOTALL)
MISSING = "null"
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
INT = np.iinfo(np.int64)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MOST_DIGITS = 400
"""Places before or after the point beyond which a bound is refused: no type holds it, and its fraction never ends."""


@dataclass(frozen=True)
class Wanted:
    """Values that meet a condition: closed intervals (k, 2), sorted and apart, and whether missing does."""

    spans: np.ndarray
    missing: bool

    def holds(self, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Which values meet the condition."""
        after = np.searchsorted(self.spans[:, 0], values, side="right") - 1
        inside = np.zeros(len(values), bool)
        some = after >= 0
        inside[some] = values[some] <= self.spans[after[some], 1]
        return np.where(missing, self.missing, inside)


class Column:
    """A column's codec as conditions see it. name: for messages.  kind: its Arrow type."""

    def __init__(self, name: str, codec: Codec, kind: pa.DataType) -> None:
        self.name = name
        self.codec = codec
        self.kind = kind
        self.inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        self.words = list(codec.values) if isinstance(codec, CategoryCodec) else []
        self.counts = isinstance(codec, NumberCodec) and codec.atoms.dtype.kind == "i"

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers rather than places of words."""
        return isinstance(self.codec, NumberCodec)

    @property
    def unit(self) -> Fraction:
        """What a scenario's shift of 1 is in the column's values: a day for a date, a second for a time of day."""
        if pa.types.is_date(self.inner):
            return Fraction(1 if self.inner.bit_width == 32 else 86_400_000)
        if pa.types.is_temporal(self.inner):
            return Fraction(PER_SECOND[self.inner.unit] * (86_400 if pa.types.is_timestamp(self.inner) else 1))
        return Fraction(10**self.inner.scale if pa.types.is_decimal(self.inner) and self.counts else 1)

    def values(self, codes: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the codec writes for `codes` at `share`, as values and which are missing."""
        return self.read(self.codec.at(codes, share, self.kind))

    def read(self, array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """A written column as values and which are missing; -1 for a word the codec does not have."""
        if not self.is_number:
            words = array.cast(self.inner).cast(pa.large_string())
            found = pc.index_in(words, pa.array(self.words, pa.large_string()))
            return np.asarray(pc.fill_null(found, -1)).astype(np.int64), ~np.asarray(array.is_valid())
        if self.counts:
            values, missing = from_arrow(pa.chunked_array([array]))
            return values.astype(np.int64), missing
        floats = np.asarray(pc.fill_null(array.cast(self.inner).cast(pa.float64()), np.nan))
        missing = np.isnan(floats)
        return np.where(missing, 0.0, floats), missing

    def wanted(self, condition: Condition, place: str) -> Wanted:
        """What `condition` allows. place: the field of the spec, for messages. Raises GeneratorError."""
        options = condition if isinstance(condition, tuple) else (condition,)
        spans: list[tuple[float, float]] = []
        missing = False
        for option in options:
            if option is None or (option == MISSING and MISSING not in self.words):
                missing = True
            elif self.is_number:
                spans += self._number(option, place)
            else:
                spans += [(i, i) for i in self._word(option, place)]
        kind = np.int64 if self.counts or not self.is_number else np.float64
        return Wanted(_merged(spans, 1 if kind is np.int64 else 0, kind), missing)

    def _number(self, option: Scalar, place: str) -> list[tuple[float, float]]:
        if isinstance(option, str) and (match := COMPARISON.fullmatch(option)):
            sign, bound = match[1], self._bound(match[2], place)
            low, high = self._around(bound)
            bottom, top = self._limits()
            return {
                "<": [(bottom, low)],
                ">": [(high, top)],
                "<=": [(bottom, self._floor(bound))],
                ">=": [(self._ceil(bound), top)],
                "!=": [(bottom, low), (high, top)],
            }.get(sign, [(self._ceil(bound), self._floor(bound))])
        if isinstance(option, str) and (match := RANGE.fullmatch(option)):
            first, last = self._bound(match[1], place), self._bound(match[2], place)
            if first > last:
                raise GeneratorError(
                    f"{place}: the range '{option}' ends before it starts.", fix="Write the smaller bound first."
                )
            return [(self._ceil(first), self._floor(last))]
        bound = self._bound(option, place)
        return [(self._ceil(bound), self._floor(bound))]

    def _limits(self) -> tuple[float, float]:
        return (int(INT.min), int(INT.max)) if self.counts else (-math.inf, math.inf)

    def _around(self, bound: Fraction) -> tuple[float, float]:
        """The largest value below the bound and the smallest one above it."""
        if self.counts:
            return _held(math.ceil(bound) - 1), _held(math.floor(bound) + 1)
        near = self._near(bound)
        return math.nextafter(near, -math.inf), math.nextafter(near, math.inf)

    def _ceil(self, bound: Fraction) -> float:
        return _held(math.ceil(bound)) if self.counts else self._near(bound)

    def _floor(self, bound: Fraction) -> float:
        return _held(math.floor(bound)) if self.counts else self._near(bound)

    def _near(self, bound: Fraction) -> float:
        """The bound as the column would store it: 0.1 in a column of float32 is not 0.1 in one of float64."""
        try:
            near = float(bound)
        except OverflowError:
            near = math.inf if bound > 0 else -math.inf
        if not pa.types.is_floating(self.inner) or self.inner.bit_width == 64:
            return near
        with np.errstate(over="ignore"):
            return float(np.dtype(self.inner.to_pandas_dtype()).type(near))

    def _bound(self, option: Scalar, place: str) -> Fraction:
        """The number or moment that is meant, in the unit of the column's values."""
        try:
            return self._exact(option)
        except (ValueError, InvalidOperation, OverflowError, TypeError):
            kind = "date or time, such as 2024-01-31" if pa.types.is_temporal(self.inner) else "number"
            raise GeneratorError(
                f"{place}: {option!r} is not a {kind}.",
                why=f"Column '{self.name}' has the type {self.kind}.",
                fix='Write a value, a list, null, a comparison such as ">= 60", or a range such as "18..65".',
            ) from None

    def _exact(self, option: Scalar) -> Fraction:
        inner, text = self.inner, str(option).strip()
        if isinstance(option, bool):
            raise ValueError
        if pa.types.is_date(inner) or pa.types.is_timestamp(inner):
            return _seconds(text) / 86_400 * self.unit
        if pa.types.is_time(inner):
            clock = datetime.time.fromisoformat(text)
            whole = (clock.hour * 60 + clock.minute) * 60 + clock.second
            return (whole + Fraction(clock.microsecond, 10**6)) * self.unit
        number = Decimal(text)
        if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
            raise ValueError
        return Fraction(number) * self.unit

    def _word(self, option: Scalar, place: str) -> list[int]:
        text = {True: "true", False: "false"}[option] if isinstance(option, bool) else str(option)
        if text in self.words:
            return [self.words.index(text)]
        match = COMPARISON.fullmatch(text)
        if match and match[1] == "!=":
            without = set(self._word(match[2], place))
            return [i for i in range(len(self.words)) if i not in without]
        numeric = pa.types.is_integer(self.inner) or pa.types.is_floating(self.inner) or pa.types.is_decimal(self.inner)
        if numeric:
            return self._numeric_words(option, place)
        near = did_you_mean(text, self.words)
        raise GeneratorError(
            f"{place}: column '{self.name}' has no value '{text}' that may be written.",
            why=f"Rare values are pooled, and texts have no order, so that only = and != compare them.{near}",
            fix="Use a value that enough rows have; a public but rare one belongs in the column's `values`.",
        )

    def _numeric_words(self, option: Scalar, place: str) -> list[int]:
        """Numbers that stand for categories, compared as numbers."""
        twin = Column(self.name, NumberCodec(_NO_NUMBERS, decimals=None, step=1, has_missing=False), pa.float64())
        spans = _merged(twin._number(option, place), 0, np.float64)
        values = np.array([float(word) for word in self.words])
        return np.flatnonzero(Wanted(spans, False).holds(values, np.zeros(len(values), bool))).tolist()


_NO_NUMBERS = {name: np.zeros(0) for name in ("weights", "atoms", "start", "stop", "ranks", "knots")}


def _seconds(text: str) -> Fraction:
    """Seconds since 1970; a moment without a zone is taken as UTC, a date as its first moment."""
    moment = datetime.datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return Fraction((moment - EPOCH) // datetime.timedelta(microseconds=1), 10**6)


def _held(number: int) -> int:
    return min(max(number, int(INT.min)), int(INT.max))


def _merged(spans: Sequence[tuple[float, float]], gap: int, kind: type) -> np.ndarray:
    """Sorted spans without overlap; integers that follow each other join. Empty spans are left out."""
    merged: list[list[float]] = []
    for low, high in sorted(s for s in spans if s[0] <= s[1]):
        if merged and low <= merged[-1][1] + gap:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return np.array(merged, dtype=kind).reshape(-1, 2)
