"""Spelling: one text for each value, however a file writes it, so that a row keeps its fingerprint on its way through
Parquet, CSV and spreadsheets.

A column has one of five kinds, by its Arrow type in the table that is to be recognised:

    number    12 significant digits; 7, 7.0, "7" and "7.00" are one value
    boolean   true, t, yes, y, 1 and false, f, no, n, 0, in any case
    time      a moment in UTC, to the microsecond; a date is its midnight
    clock     a time of day, to the microsecond
    text      without spaces around it; what reads as a number or a truth value is spelled like one

Empty cells and the words for "missing" that common readers know are one thing: no value. What does not read as its
column's kind is spelled as text.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["number", "boolean", "time", "clock", "text"]
MISSING = ("", "#N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null")
"""Cells that mean "no value"."""
DIGITS = 12
"""Significant digits of a number that count."""
_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?$"
_TENS = np.array([float(f"1e{k}") for k in range(309)])
_SEPARATORS = (("\x1d", "\x1d1"), ("\x1e", "\x1d2"), ("\x1f", "\x1d3"))
"""Characters by which rows are put together, and what stands for them inside a text."""


def kind_of(stored: pa.DataType) -> Kind:
    """The kind of a column of this Arrow type."""
    if pa.types.is_dictionary(stored):
        stored = stored.value_type
    if pa.types.is_boolean(stored):
        return "boolean"
    if pa.types.is_integer(stored) or pa.types.is_floating(stored) or pa.types.is_decimal(stored):
        return "number"
    if pa.types.is_timestamp(stored) or pa.types.is_date(stored):
        return "time"
    return "clock" if pa.types.is_time(stored) else "text"


def spelled(column: pa.Array | pa.ChunkedArray, kind: Kind) -> pa.Array:
    """The values of a column as texts (large_string, null for no value), spelled as their kind asks.

    Equal values are spelled once, so that a column of few values costs little.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    if pa.types.is_null(whole.type):
        return pa.nulls(len(whole), pa.large_string())
    if pa.types.is_decimal(whole.type):
        whole = whole.cast(pa.float64())
    coded = pc.dictionary_encode(whole)
    values = _as(coded.dictionary, kind)
    return values.take(coded.indices)


def _as(values: pa.Array, kind: Kind) -> pa.Array:
    """Distinct values, spelled. A value that does not read as the kind is spelled as text."""
    words = _words(values)
    if kind == "text":
        return _text(values, words)
    made = {"number": _number, "boolean": _boolean, "time": _time, "clock": _clock}[kind](values, words)
    lost = pc.and_(pc.is_null(made), pc.is_valid(words))
    if not pc.any(lost).as_py():
        return made
    return pc.coalesce(made, pc.if_else(lost, _text(values, words), pa.scalar(None, pa.large_string())))


def _words(values: pa.Array) -> pa.Array:
    """The values as texts without spaces around them; null where there is no value."""
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        return values.cast(pa.large_string())
    if pa.types.is_large_binary(values.type) or pa.types.is_binary(values.type):
        return pa.array([None if v is None else v.hex() for v in values.to_pylist()], pa.large_string())
    try:
        words = values.cast(pa.large_string())
    except pa.ArrowException:  # nested values: their own notation
        words = pa.array([None if v is None else repr(v) for v in values.to_pylist()], pa.large_string())
    words = pc.utf8_trim_whitespace(words)
    missing = pc.is_in(words, value_set=pa.array(MISSING, pa.large_string()))
    return pc.if_else(missing, pa.scalar(None, pa.large_string()), words)


def _text(values: pa.Array, words: pa.Array) -> pa.Array:
    """Texts; those that read as a number or as true and false are spelled so, since a reader may have made them one."""
    if pa.types.is_temporal(values.type):  # no fraction where it is nought
        words = pc.replace_substring_regex(words, r"(\.[0-9]*?)0+(Z?)$", r"\1\2")
        words = pc.replace_substring_regex(words, r"\.(Z?)$", r"\1")
    looks = pc.fill_null(pc.match_substring_regex(words, _NUMBER), False)
    if pc.any(looks).as_py():
        numbers = _number(words, pc.if_else(looks, words, pa.scalar(None, pa.large_string())))
        words = pc.if_else(looks, numbers, words)
    truth = pc.is_in(pc.utf8_lower(words), value_set=pa.array(["true", "false"], pa.large_string()))
    words = pc.if_else(pc.fill_null(truth, False), pc.utf8_lower(words), words)
    if pc.any(pc.match_substring_regex(words, "[\x1d-\x1f]")).as_py():
        for mark, instead in _SEPARATORS:
            words = pc.replace_substring(words, mark, instead)
    return words


def _boolean(values: pa.Array, words: pa.Array) -> pa.Array:
    small = pc.utf8_lower(words)
    told = [
        pc.fill_null(pc.is_in(small, value_set=pa.array(known, pa.large_string())), False) for known in (_TRUE, _FALSE)
    ]
    no = pa.scalar(None, pa.large_string())
    return pc.if_else(told[0], pa.scalar("1", pa.large_string()), pc.if_else(told[1], "0", no).cast(pa.large_string()))


def _number(values: pa.Array, words: pa.Array) -> pa.Array:
    if pa.types.is_boolean(values.type):
        numbers = values.cast(pa.int8()).cast(pa.float64())
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        numbers = values.cast(pa.float64(), safe=False)
    else:
        looks = pc.fill_null(pc.match_substring_regex(words, _NUMBER), False)
        numbers = pc.if_else(looks, words, pa.scalar(None, pa.large_string())).cast(pa.float64())
    found = pc.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False)
    return number_texts(found)


def number_texts(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> pa.Array:
    """Numbers to DIGITS significant digits: a whole number as such, another as "mantissaEexponent"; null for NaN.

    The mantissa has exactly DIGITS digits, so that a number has one spelling.
    """
    finite = np.isfinite(numbers) & (numbers != 0)
    size = np.abs(np.where(finite, numbers, 1.0))
    power = np.floor(np.log10(size)).astype(np.int64)
    mantissa = _scaled(size, DIGITS - 1 - power)
    for wrong, step in ((mantissa < 10 ** (DIGITS - 1), -1), (mantissa >= 10**DIGITS, 1)):
        if wrong.any():  # the logarithm was one off, or rounding gained a digit
            power = np.where(wrong, power + step, power)
            mantissa = np.where(wrong, _scaled(size, DIGITS - 1 - power), mantissa)
    shift = DIGITS - 1 - power
    tens = 10 ** np.clip(shift, 0, DIGITS - 1)
    whole = (shift >= 0) & (shift < DIGITS) & (mantissa % tens == 0)
    signed = np.where(numbers < 0, -1, 1) * np.where(whole, mantissa // tens, mantissa)
    texts = pa.array(np.where(finite, signed, 0)).cast(pa.large_string())
    broken = finite & ~whole
    if broken.any():
        ends = pc.binary_join_element_wise("E", pa.array(-shift).cast(pa.string()), "").cast(pa.large_string())
        texts = pc.if_else(pa.array(broken), pc.binary_join_element_wise(texts, ends, pa.scalar("", pa.large_string())),
                           texts)  # fmt: skip
    for odd, word in ((np.isposinf(numbers), "inf"), (np.isneginf(numbers), "-inf"), (np.isnan(numbers), None)):
        if odd.any():
            texts = pc.if_else(pa.array(odd), pa.scalar(word, pa.large_string()), texts)
    return texts


def _scaled(size: np.ndarray[Any, Any], power: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """`size` times ten to a power, rounded to a whole number. Ten's powers up to 22 are exact, so that one rounding
    of the product is all the error there is, for numbers of everyday size."""
    up, down = np.clip(power, 0, 308), np.clip(-power, 0, 308)
    more = np.clip(power - 308, 0, 308)  # for the tiniest numbers
    with np.errstate(over="ignore"):
        scaled: np.ndarray[Any, Any] = np.rint(size * _TENS[more] * _TENS[up] / _TENS[down]).astype(np.int64)
    return scaled


def _time(values: pa.Array, words: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _microseconds(values)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            return _microseconds(words.cast(pa.timestamp("us")))
        except pa.ArrowException:
            moments = pd.to_datetime(words.to_pandas(), errors="coerce", format="mixed", utc=True)
            return _microseconds(pa.array(moments.dt.tz_localize(None).astype("datetime64[us]")))
    return pa.nulls(len(values), pa.large_string())


def _microseconds(moments: pa.Array) -> pa.Array:
    if pa.types.is_date32(moments.type):
        moments = moments.cast(pa.timestamp("s"))
    zone = moments.type.tz if pa.types.is_timestamp(moments.type) else None
    exact = moments.cast(pa.timestamp("us", tz=zone), safe=False)
    return exact.cast(pa.int64()).cast(pa.large_string())


def _clock(values: pa.Array, words: pa.Array) -> pa.Array:
    if pa.types.is_time(values.type):
        return values.cast(pa.time64("us"), safe=False).cast(pa.int64()).cast(pa.large_string())
    form = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"
    looks = pc.fill_null(pc.match_substring_regex(words, form), False)
    known = pc.if_else(looks, words, pa.scalar(None, pa.large_string()))
    first_day = pc.binary_join_element_wise(pa.scalar("1970-01-01", pa.large_string()), known,
                                            pa.scalar(" ", pa.large_string()))  # fmt: skip
    return first_day.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.large_string())
