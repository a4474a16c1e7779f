"""The functions of the expression language, each over whole columns."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from proofset.values import Values, any_missing, filled, texts

INTEGER_ROOM = 2.0**62
DAY = 86_400.0
MOST_PLACES = 15
MAX_TEXT = 10_000
"""Characters in a text that a function makes: texts put into each other would grow without end."""


class Misuse(Exception):
    """A function was given what it cannot take; the message is the reason."""


Apply = Callable[[Sequence[Values]], Values]


@dataclass(frozen=True)
class Function:
    """A function of the language. low, high: the fewest and the most values it takes."""

    low: int
    high: int
    apply: Apply


def need(kind: str, *values: Values) -> None:
    """Raise Misuse where a value is of another kind."""
    for value in values:
        if value.kind != kind:
            raise Misuse(f"a {value.kind} stands where a {kind} is needed")


def call(word: str, values: Sequence[Values]) -> Values:
    """Return a known function's value for every row. Raises Misuse."""
    function = FUNCTIONS[word]
    if not function.low <= len(values) <= function.high:
        raise Misuse(f"'{word}' was given {len(values)} values")
    return function.apply(values)


def whole(numbers: np.ndarray, missing: np.ndarray) -> Values:
    """Floats without a fraction as integers; what is not finite is null. Raises Misuse where one is too large."""
    gone = missing | ~np.isfinite(numbers)
    safe = np.where(gone, 0.0, numbers)
    if (np.abs(safe) > INTEGER_ROOM).any():
        raise Misuse("a number is too large to be rounded to a whole one")
    return Values(safe.astype(np.int64), gone)


def _rounding(round_: Callable[[np.ndarray], np.ndarray]) -> Apply:
    def apply(values: Sequence[Values]) -> Values:
        need("number", *values)
        if values[0].data.dtype.kind == "i":
            return values[0]
        return whole(round_(values[0].data), values[0].missing)

    return apply


def _round(values: Sequence[Values]) -> Values:
    need("number", *values)
    if len(values) == 1:
        return _rounding(np.round)(values)
    data = values[0].data
    # The places are one constant, which Expression has checked.
    rounded = np.round(data, int(values[1].data[0]) if len(data) else 0)
    # A number so large that scaling it overflows has no decimals to round.
    return Values(np.where(np.isfinite(rounded), rounded, data), any_missing(values) | ~np.isfinite(data))


def _number(function: Callable[[np.ndarray], np.ndarray]) -> Apply:
    def apply(values: Sequence[Values]) -> Values:
        need("number", *values)
        return Values(function(values[0].data.astype(float)), values[0].missing)

    return apply


def _abs(values: Sequence[Values]) -> Values:
    need("number", *values)
    return Values(np.abs(values[0].data), values[0].missing)


def _log(values: Sequence[Values]) -> Values:
    need("number", *values)
    result = np.log(values[0].data.astype(float))
    return Values(result / np.log(values[1].data) if len(values) == 2 else result, any_missing(values))


def _extreme(pick: np.ufunc) -> Apply:
    def apply(values: Sequence[Values]) -> Values:
        _alike(values)
        need("number", *(v for v in values if v.kind != "moment"))
        return Values(pick.reduce([v.data for v in values]), any_missing(values))

    return apply


def _clip(values: Sequence[Values]) -> Values:
    _alike(values)
    need("number", *(v for v in values if v.kind != "moment"))
    value, low, high = values
    return Values(np.minimum(np.maximum(value.data, low.data), high.data), any_missing(values))


def _alike(values: Sequence[Values]) -> None:
    need(values[0].kind, *values[1:])


def _coalesce(values: Sequence[Values]) -> Values:
    _alike(values)
    data, missing = values[0].data, values[0].missing
    for other in values[1:]:
        data, missing = np.where(missing, other.data, data), missing & other.missing
    return Values(data, missing)


def _is_null(values: Sequence[Values]) -> Values:
    gone = values[0].missing.copy()
    if values[0].data.dtype.kind == "f":
        gone |= ~np.isfinite(values[0].data)
    return Values(gone, np.zeros(len(gone), bool))


def _to_number(values: Sequence[Values]) -> Values:
    if values[0].kind == "number":
        return values[0]
    need("truth", *values)
    return Values(values[0].data.astype(np.int64), values[0].missing)


def _concat(values: Sequence[Values]) -> Values:
    missing = any_missing(values)
    rows = zip(zip(*(texts(v) for v in values), strict=True), missing, strict=True)
    return Values(filled(["" if gone else _joined(row) for row, gone in rows]), missing)


def _joined(parts: Sequence[str]) -> str:
    _short(sum(map(len, parts)))
    return "".join(parts)


def _short(length: int) -> None:
    if length > MAX_TEXT:
        raise Misuse(f"a text in it becomes longer than {MAX_TEXT:,} characters")


def _text(function: Callable[[str], object], dtype: type | None = None) -> Apply:
    def apply(values: Sequence[Values]) -> Values:
        need("text", *values)
        made = ["" if gone else value for value, gone in zip(values[0].data, values[0].missing, strict=True)]
        result = [function(t) for t in made]
        return Values(filled(result) if dtype is None else np.array(result, dtype=dtype), values[0].missing)

    return apply


def _asks(function: Callable[[str, str], bool]) -> Apply:
    def apply(values: Sequence[Values]) -> Values:
        need("text", *values)
        missing = any_missing(values)
        pairs = zip(values[0].data, values[1].data, missing, strict=True)
        return Values(np.array([not gone and function(a, b) for a, b, gone in pairs], dtype=bool), missing)

    return apply


def _substring(values: Sequence[Values]) -> Values:
    need("text", values[0])
    need("number", *values[1:])
    missing = any_missing(values)
    starts = np.where(missing, 1, values[1].data).astype(np.int64)
    if (starts < 1).any():
        raise Misuse("'substring' starts counting at 1")
    lengths = np.full(len(starts), 2**31) if len(values) == 2 else np.where(missing, 0, values[2].data).astype(np.int64)
    if (lengths < 0).any():
        raise Misuse("'substring' was given a length below 0")
    rows = zip(values[0].data, starts.tolist(), lengths.tolist(), missing, strict=True)
    return Values(filled(["" if gone else t[s - 1 : s - 1 + n] for t, s, n, gone in rows]), missing)


def _replace(values: Sequence[Values]) -> Values:
    need("text", *values)
    missing = any_missing(values)
    rows = zip(*(v.data for v in values), missing, strict=True)
    return Values(filled(["" if gone else _replaced(t, a, b) for t, a, b, gone in rows]), missing)


def _replaced(text: str, old: str, new: str) -> str:
    _short(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _part(part: Callable[[np.ndarray], np.ndarray]) -> Apply:
    def apply(values: Sequence[Values]) -> Values:
        need("moment", *values)
        return Values(part(values[0].data).astype(np.int64), values[0].missing | np.isnat(values[0].data))

    return apply


def _months(moments: np.ndarray) -> np.ndarray:
    return moments.astype("datetime64[M]").astype(np.int64)


def _days(moments: np.ndarray) -> np.ndarray:
    return moments.astype("datetime64[D]").astype(np.int64)


def _of_day(unit: int, count: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda moments: (moments.astype("datetime64[s]").astype(np.int64) // unit) % count


def _date(values: Sequence[Values]) -> Values:
    """The day a moment lies in; or the moment that a text in ISO form names."""
    value = values[0]
    if value.kind == "moment":
        return Values(value.data.astype("datetime64[D]").astype("datetime64[us]"), value.missing)
    need("text", value)
    known: dict[str, np.datetime64] = {}
    for text in set(value.data[~value.missing]):
        try:
            moment = datetime.datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
        except (ValueError, TypeError):
            raise Misuse("'date' was given a text that is no ISO date, such as \"2024-01-31\"") from None
        except OverflowError:
            raise Misuse("'date' was given a moment that lies outside the years 1 to 9999 in UTC") from None
        known[text] = np.datetime64(moment, "us")
    nothing = np.datetime64(0, "us")
    rows = zip(value.data, value.missing, strict=True)
    return Values(np.array([nothing if gone else known[t] for t, gone in rows], "datetime64[us]"), value.missing)


FUNCTIONS: dict[str, Function] = {
    "min": Function(2, 64, _extreme(np.minimum)),
    "max": Function(2, 64, _extreme(np.maximum)),
    "clip": Function(3, 3, _clip),
    "round": Function(1, 2, _round),
    "floor": Function(1, 1, _rounding(np.floor)),
    "ceil": Function(1, 1, _rounding(np.ceil)),
    "abs": Function(1, 1, _abs),
    "sqrt": Function(1, 1, _number(np.sqrt)),
    "exp": Function(1, 1, _number(np.exp)),
    "log": Function(1, 2, _log),
    "number": Function(1, 1, _to_number),
    "coalesce": Function(2, 64, _coalesce),
    "is_null": Function(1, 1, _is_null),
    "concat": Function(1, 64, _concat),
    "lower": Function(1, 1, _text(str.lower)),
    "upper": Function(1, 1, _text(str.upper)),
    "trim": Function(1, 1, _text(str.strip)),
    "length": Function(1, 1, _text(len, int)),
    "substring": Function(2, 3, _substring),
    "replace": Function(3, 3, _replace),
    "contains": Function(2, 2, _asks(lambda text, part: part in text)),
    "starts_with": Function(2, 2, _asks(str.startswith)),
    "ends_with": Function(2, 2, _asks(str.endswith)),
    "date": Function(1, 1, _date),
    "year": Function(1, 1, _part(lambda m: _months(m) // 12 + 1970)),
    "month": Function(1, 1, _part(lambda m: _months(m) % 12 + 1)),
    "day": Function(1, 1, _part(lambda m: _days(m) - _days(m.astype("datetime64[M]")) + 1)),
    "weekday": Function(1, 1, _part(lambda m: (_days(m) + 3) % 7)),
    "hour": Function(1, 1, _part(_of_day(3_600, 24))),
    "minute": Function(1, 1, _part(_of_day(60, 60))),
    "second": Function(1, 1, _part(_of_day(1, 60))),
}
