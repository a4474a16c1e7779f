"""Columns as constraints read them: numbers, moments and texts with a mask of what is missing."""

from __future__ import annotations

import datetime
import decimal
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from proofset.values import Values

ORDERED = ("number", "moment", "time", "duration")
"""Families whose values have an order that an inequality can ask about."""
DAY = 86_400e6
"""Microseconds."""
MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""Constants of the mixing function splitmix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195)."""


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values, also where they are dictionary-encoded."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def family(kind: pa.DataType) -> str:
    """What values of a type are to a constraint: number, truth, moment, time, duration, text or other."""
    inner = value_type(kind)
    tests = {
        "truth": (pa.types.is_boolean,),
        "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
        "moment": (pa.types.is_date, pa.types.is_timestamp),
        "time": (pa.types.is_time,),
        "duration": (pa.types.is_duration,),
        "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    }
    return next((name for name, checks in tests.items() if any(check(inner) for check in checks)), "other")


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One array, without dictionary encoding."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        column = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    return column


def nulls(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Which rows are missing: null, or not a number."""
    array = flat(column)
    missing = ~np.asarray(array.is_valid())
    if pa.types.is_floating(array.type):
        missing |= np.isnan(np.asarray(pc.fill_null(array, 0).cast(pa.float64())))
    return missing


def any_nulls(table: pa.Table, names: Iterable[str]) -> np.ndarray:
    """Which rows miss at least one of the columns."""
    missing = np.zeros(table.num_rows, bool)
    for name in names:
        missing |= nulls(table[name])
    return missing


def numbers(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """An ordered column as int64, uint64 or float64 that compare as its values do; 0 where it is null.

    Moments, times and durations are counted in the unit they are stored in.
    """
    array = flat(column)
    kind = array.type
    if pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    elif pa.types.is_temporal(kind):
        array = array.view(pa.int64() if kind.bit_width == 64 else pa.int32()).cast(pa.int64())
    elif pa.types.is_floating(kind):
        array = array.cast(pa.float64())
    elif pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and not pa.types.is_uint64(kind)):
        array = array.cast(pa.int64())
    return np.asarray(pc.fill_null(array, 0))


def ordered_pair(a: pa.ChunkedArray | pa.Array, b: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of one family so that numpy compares them row by row: exactly, but for fractions of a µs of moments
    stored in different units, and for whole numbers beyond 2**53 beside decimals or floats."""
    first, second = flat(a), flat(b)
    if pa.types.is_decimal(first.type) and pa.types.is_decimal(second.type):
        wide = max(first.type.scale, second.type.scale)
        try:
            return _whole(first, wide), _whole(second, wide)
        except (pa.ArrowInvalid, OverflowError):
            return numbers(first), numbers(second)
    if first.type != second.type and family(first.type) in ("moment", "time", "duration"):
        return microseconds(first), microseconds(second)
    return numbers(first), numbers(second)


def _whole(array: pa.Array, scale: int) -> np.ndarray:
    """Decimals as whole numbers of their last place."""
    scaled = pc.fill_null(array, 0).cast(pa.decimal128(38, scale))
    words = np.frombuffer(scaled.buffers()[1], dtype="<i8")[2 * scaled.offset : 2 * (scaled.offset + len(scaled))]
    low, high = words[::2], words[1::2]
    if (high != low >> 63).any():
        raise OverflowError("more digits than an int64 holds")
    return low.copy()


def microseconds(array: pa.Array) -> np.ndarray:
    """Moments, times or durations in microseconds (of UTC; since midnight, for times)."""
    kind = array.type
    counted = numbers(array)
    if pa.types.is_date32(kind):
        return counted * int(DAY)
    unit = "ms" if pa.types.is_date64(kind) else kind.unit
    return counted // 1_000 if unit == "ns" else counted * {"s": 1_000_000, "ms": 1_000, "us": 1}[unit]


def values_of(column: pa.ChunkedArray | pa.Array) -> Values:
    """A column as the expression language reads it; durations and times of day are numbers of days."""
    array = flat(column)
    kind = family(array.type)
    missing = nulls(array)
    if kind == "truth":
        return Values(np.asarray(pc.fill_null(array, False)), missing)
    if kind == "number":
        data = numbers(array)
        if data.dtype == np.uint64:
            data = data.astype(np.int64 if not len(data) or data.max() < 2**63 else float)
        return Values(np.where(missing, 0, data).astype(data.dtype), missing)
    if kind == "moment":
        return Values(microseconds(array).astype("datetime64[us]"), missing)
    if kind in ("time", "duration"):
        return Values(microseconds(array) / DAY, missing)
    words = array if kind == "text" else pa.nulls(len(array), pa.string())
    data = np.asarray(pc.fill_null(words.cast(pa.large_string()), "").to_numpy(zero_copy_only=False), dtype=object)
    return Values(data, missing)


def columns_of(table: pa.Table, names: Iterable[str]) -> dict[str, Values]:
    """Some columns of a table for the expression language."""
    return {name: values_of(table[name]) for name in names}


def literal(bound: float | str, kind: pa.DataType) -> pa.Scalar:
    """A bound as the spec writes it, in the widest type of a column's family. Raises ValueError, without the bound."""
    inner = value_type(kind)
    try:
        match family(inner):
            case "number" if isinstance(bound, int | float) and not isinstance(bound, bool):
                return pa.scalar(bound)
            case "moment" if isinstance(bound, str):
                moment = datetime.datetime.fromisoformat(bound)
                zone = getattr(inner, "tz", None)
                if moment.tzinfo is not None and zone is None:
                    raise ValueError("a moment with an offset stands beside moments without a time zone")
                return pa.scalar(moment, pa.timestamp("us", tz=zone and "UTC"))
            case "time" if isinstance(bound, str):
                return pa.scalar(datetime.time.fromisoformat(bound), pa.time64("us"))
            case "duration" if isinstance(bound, int | float) and not isinstance(bound, bool):
                return pa.scalar(datetime.timedelta(days=bound), pa.duration("us"))
    except (ValueError, OverflowError, pa.ArrowInvalid):
        pass
    raise ValueError("a number is needed beside numbers (days beside durations), an ISO 8601 text beside times")


def constant(bound: float | str, kind: pa.DataType, rows: int) -> pa.Array:
    """`rows` times a bound, comparable with a column of type `kind`."""
    return pa.repeat(literal(bound, kind), rows)


def typed(words: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Values as a spec lists them, in a column's type, without dictionary. Raises ValueError where one does not fit."""
    inner = value_type(kind)
    try:
        if pa.types.is_duration(inner):
            return pa.array(words, pa.int64()).cast(inner)
        if pa.types.is_time(inner):
            return pa.array([None if w is None else datetime.time.fromisoformat(str(w)) for w in words], inner)
        if pa.types.is_temporal(inner) or pa.types.is_decimal(inner):
            return pa.array([None if w is None else str(w) for w in words], pa.string()).cast(inner)
        if pa.types.is_integer(inner):
            return pa.array([w if w is None or isinstance(w, float) else int(w) for w in words], inner)  # type: ignore[call-overload]
        if family(inner) == "text":
            return pa.array([None if w is None else str(w) for w in words], inner)
        return pa.array(words, inner)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, decimal.InvalidOperation):
        raise ValueError(f"a listed value is not of the column's type {inner}") from None


def listed(array: pa.Array) -> list[bool | int | float | str | None]:
    """The values as a spec would list them, so that `typed` gives them back; durations in their own unit."""
    array = flat(array)
    kind = family(array.type)
    if kind == "duration":
        array = array.cast(pa.int64())
    elif kind in ("moment", "time") or pa.types.is_decimal(array.type):
        array = array.cast(pa.string())
    words: list[bool | int | float | str | None] = array.to_pylist()
    if pa.types.is_integer(array.type):  # JSON holds whole numbers up to 2**53 only
        words = [str(w) if isinstance(w, int) and abs(w) > 2**53 else w for w in words]
    return words


def row_hashes(table: pa.Table, names: Sequence[str], seed: int) -> np.ndarray:
    """A 64-bit number per row, keyed by `seed`: equal for equal rows, and for two others with a chance of 2**-64."""
    mixed = np.full(table.num_rows, np.uint64(_word(str(seed), "rows")), np.uint64)
    for name in names:
        mixed = _mix(mixed ^ _column_hashes(flat(table[name]), str(seed)))
    return mixed


def _column_hashes(array: pa.Array, key: str) -> np.ndarray:
    kind = family(array.type)
    if kind in ORDERED and not pa.types.is_decimal(array.type):
        data = numbers(array)
        data = data + 0.0 if data.dtype.kind == "f" else data  # one zero
        hashed = _mix(data.view(np.uint64) ^ np.uint64(_word(key, kind)))
    elif kind == "truth":
        hashed = _mix(numbers(array).view(np.uint64))
    else:
        coded = pc.dictionary_encode(array if kind == "text" else array.cast(pa.large_string()))
        words = np.array([_word(key, w) for w in coded.dictionary.to_pylist()] + [0], np.uint64)
        hashed = words[np.asarray(pc.fill_null(coded.indices, len(words) - 1))]
    hashed[nulls(array)] = np.uint64(_word(key, "null"))
    return hashed


def _word(key: str, text: str | None) -> int:
    digest = hashlib.blake2b((text or "").encode(), digest_size=8, key=key.encode()[:64])
    return int.from_bytes(digest.digest(), "little")


def _mix(words: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        words = words + MIX[0]
        words = (words ^ (words >> np.uint64(30))) * MIX[1]
        words = (words ^ (words >> np.uint64(27))) * MIX[2]
        return np.asarray(words ^ (words >> np.uint64(31)))
