"""The expression language's functions, each against Python row by row, and nulls."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.errors import GeneratorError
from proofset.expressions import Expression
from proofset.values import Values, filled, texts

N = [5.5, -2.25, 0.0, 9.0]
I = [3, -7, 0, 12]  # noqa: E741 - a column of integers
W = [" Köln ", "rome", "NEW york", ""]
T = [True, False, True, False]
M = ["2024-02-29T23:59:58", "1969-12-31T00:00:01", "2000-01-01T12:30:00", "2026-07-05T08:00:00"]


def columns(missing: dict[str, list[bool]] | None = None) -> dict[str, Values]:
    arrays = {"n": np.array(N), "i": np.array(I), "w": filled(W), "t": np.array(T), "m": np.array(M, "datetime64[us]")}
    gone = missing or {}
    return {k: Values(v, np.array(gone.get(k, [False] * 4))) for k, v in arrays.items()}


def value(text: str, given: dict[str, Values] | None = None) -> list[Any]:
    result = Expression(text, "x").evaluate(given or columns(), 4)
    return [None if gone else v for v, gone in zip(result.data.tolist(), result.missing, strict=True)]


MOMENTS = [datetime.datetime.fromisoformat(m) for m in M]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("floor(n)", [math.floor(v) for v in N]),
        ("ceil(n)", [math.ceil(v) for v in N]),
        ("floor(i)", I),
        ("sqrt(n)", [math.sqrt(v) if v >= 0 else None for v in N]),
        ("exp(n)", [pytest.approx(math.exp(v)) for v in N]),
        ("log(n)", [pytest.approx(math.log(v)) if v > 0 else None for v in N]),
        ("log(n, 10)", [pytest.approx(math.log10(v)) if v > 0 else None for v in N]),
        ("clip(n, -1, 6)", [min(max(v, -1), 6) for v in N]),
        ("clip(m, date('2000-01-01'), m) >= date('2000-01-01')", [True, False, True, True]),
        ("number(t)", [1, 0, 1, 0]),
        ("number(i)", I),
        ("lower(w)", [w.lower() for w in W]),
        ("upper(w)", [w.upper() for w in W]),
        ("trim(w)", [w.strip() for w in W]),
        ("length(w)", [len(w) for w in W]),
        ("substring(w, 2)", [w[1:] for w in W]),
        ("substring(w, 2, 3)", [w[1:4] for w in W]),
        ("replace(w, 'o', '0')", [w.replace("o", "0") for w in W]),
        ("contains(w, 'ö')", ["ö" in w for w in W]),
        ("starts_with(w, 'r')", [w.startswith("r") for w in W]),
        ("ends_with(w, 'k')", [w.endswith("k") for w in W]),
        ("year(m)", [m.year for m in MOMENTS]),
        ("month(m)", [m.month for m in MOMENTS]),
        ("day(m)", [m.day for m in MOMENTS]),
        ("weekday(m)", [m.weekday() for m in MOMENTS]),
        ("hour(m)", [m.hour for m in MOMENTS]),
        ("minute(m)", [m.minute for m in MOMENTS]),
        ("second(m)", [m.second for m in MOMENTS]),
        ("date(m)", [m.replace(hour=0, minute=0, second=0) for m in MOMENTS]),
        ("m > date('2000-01-01T14:30:00+02:00')", [m > datetime.datetime(2000, 1, 1, 12, 30) for m in MOMENTS]),
        ("w in ('rome', '')", [w in ("rome", "") for w in W]),
        ("w not in ['rome']", [w != "rome" for w in W]),
        ("i in (3, -7, 1.5)", [v in (3, -7) for v in I]),
        ("is_null(n)", [False] * 4),
        ("coalesce(n, 1.0)", N),
        ("i + 1 if w in ('rome',) else i", [v + 1 if w == "rome" else v for v, w in zip(I, W, strict=True)]),
    ],
)
def test_a_function_agrees_with_python(text: str, expected: list[Any]) -> None:
    assert value(text) == expected


def test_only_coalesce_and_is_null_see_nulls() -> None:
    gone = columns({k: [True, False, False, False] for k in "nwtm"})
    assert value("is_null(n)", gone) == [True, False, False, False]
    assert value("is_null(1 / (i - i))", gone) == [True] * 4
    assert value("is_null(sqrt(-1.0 - n * n))", gone) == [True] * 4
    assert value("coalesce(n, 7.5)", gone) == [7.5, *N[1:]]
    assert value("coalesce(w, w, 'none')", gone)[0] == "none"
    assert value("coalesce(n, n)", gone)[0] is None
    for text in ("lower(w)", "length(w)", "contains(w, 'a')", "year(m)", "date(m)", "floor(n)", "number(t)",
                 "substring(w, 1, 2)", "replace(w, 'a', 'b')", "w in ('x',)", "clip(n, 0, 1)"):  # fmt: skip
        assert value(text, gone)[0] is None, text
        assert value(text, gone)[1] is not None, text


@given(st.lists(st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_date_parts_agree_with_python_on_any_day(moments: list[datetime.datetime]) -> None:
    given_ = columns() | {"m": Values(np.array(moments, "datetime64[us]"), np.zeros(4, bool))}
    for part in ("year", "month", "day", "hour", "minute", "second"):
        assert value(f"{part}(m)", given_) == [getattr(m, part) for m in moments]
    assert value("weekday(m)", given_) == [m.weekday() for m in moments]


# Thirty letters for each, forty times over: built before it is checked, it would fill any memory.
DOUBLING = "replace(" * 40 + "'aaaa'" + f", 'a', '{'a' * 30}')" * 40
JOINED = f"replace('{'a' * 100}', 'a', '{'b' * 60}')"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("floor(w)", "text stands where a number"),
        ("floor(n * 1e300)", "too large"),
        ("lower(n)", "number stands where a text"),
        ("contains(w, n)", "number stands where a text"),
        ("substring(w, 0)", "starts counting at 1"),
        ("substring(w, 1, -2)", "length below 0"),
        ("year(w)", "text stands where a moment"),
        ("date('soon')", "no ISO date"),
        ("date(n)", "number stands where a text"),
        ("number(w)", "text stands where a truth"),
        ("coalesce(n, w)", "text stands where a number"),
        ("clip(w, w, w)", "text stands where a number"),
        ("log(n, 2, 3)", "'log' was given 3"),
        ("n in ()", "must hold values"),
        ("n in (i, 2)", "must hold values, and no columns"),
        ("n in ('a',)", "text stands where a number"),
        ("n in (1,) in (2,)", "Compare"),
        ("(1, 2)", "Tuple"),
        ("lengt(w)", "did you mean 'length'"),
        ("sqrt(w)", "text stands where a number"),
        ("round(n, i)", "constant whole number from -15 to 15"),
        ("round(n, 4000000000)", "constant whole number"),
        ("round(n, -16)", "constant whole number"),
        ("round(n, 1.5)", "constant whole number"),
        ("round(n, True)", "constant whole number"),
        ("round(n, 1 + 1)", "constant whole number"),
        ("round(n, not 1)", "constant whole number"),
        ("date('9999-12-31T23:59:59-23:00')", "outside the years 1 to 9999"),
        ("date('0001-01-01T00:00:00+23:00')", "outside the years 1 to 9999"),
        (DOUBLING, "longer than 10,000 characters"),
        (f"concat({JOINED}, {JOINED})", "longer than 10,000 characters"),
    ],
)
def test_misuse_is_refused_and_names_the_column(text: str, words: str) -> None:
    with pytest.raises(GeneratorError, match=words) as caught:
        value(text)
    assert "column 'x'" in str(caught.value)
    assert "docs/rules.md" in str(caught.value)


def test_the_places_of_round_are_refused_before_anything_is_computed() -> None:
    with pytest.raises(GeneratorError, match="constant whole number"):
        Expression("1 + round(n, places)", "x")


@pytest.mark.parametrize("places", [-15, -2, -1, 0, 1, 2, 15])
def test_round_agrees_with_numpy_for_every_row(places: int) -> None:
    assert value(f"round(n, {places})") == np.round(N, places).tolist()
    assert value(f"round(i, {places})") == [round(v, places) for v in I]
    assert value("round(n, +1)") == value("round(n, 1)")


def test_rounding_keeps_a_number_too_large_to_be_scaled() -> None:
    assert value("round(n * 1e305, 15)") == [v * 1e305 for v in N]


def test_texts_up_to_the_limit_are_made() -> None:
    whole = f"concat({JOINED}, replace('{'c' * 80}', 'c', '{'d' * 50}'))"
    assert value(f"length({whole})") == [10_000] * 4
    assert value("replace(w, '', '-')") == [w.replace("", "-") for w in W]
    with pytest.raises(GeneratorError, match="longer than 10,000"):
        value(f"concat({whole}, 'e')")
    long = columns({"w": [True, False, False, False]}) | {
        "l": Values(filled(["a" * 10_001, *W[1:]]), np.zeros(4, bool))
    }
    assert value("concat(w, l)", long) == [None, *(w + w for w in W[1:])], "a row that is null is not measured"
    with pytest.raises(GeneratorError, match="longer than 10,000"):
        value("concat(l)", long)


@pytest.mark.parametrize("days", ["1e300", "1e9", "1000000000", "106751992", "1e400", "sqrt(-1.0)", "(1e300 - n * 0)"])
@pytest.mark.parametrize("sign", "+-")
def test_a_moment_out_of_range_is_null(days: str, sign: str) -> None:
    assert value(f"m {sign} {days}") == [None] * 4
    for part in ("year", "month", "day", "weekday", "hour", "minute", "second", "date"):
        assert value(f"{part}(m {sign} {days})") == [None] * 4
    assert value(f"is_null(m {sign} {days})") == [True] * 4
    assert value(f"coalesce(m {sign} {days}, m)") == MOMENTS


def test_moments_far_apart_and_no_moments() -> None:
    assert value("year(m + 36525)") == [(m + datetime.timedelta(36_525)).year for m in MOMENTS]
    assert value("(m + 100000000) - (m - 100000000)") == [2e8] * 4, "more microseconds than 64 bits hold"
    nothing = columns() | {"m": Values(np.array([*M[:3], "NaT"], "datetime64[us]"), np.zeros(4, bool))}
    for text in ("m + 1", "m - m", "year(m)", "date('2024-01-01') - m"):
        assert [v is None for v in value(text, nothing)] == [False, False, False, True], text


def test_an_expression_over_no_rows_gives_none() -> None:
    nothing = {n: Values(v.data[:0], v.missing[:0]) for n, v in columns().items()}
    for text in ("round(n, 1)", "w in ('a', 'b')", "n in (1, 2)", "date('2024-01-01')", "coalesce(n, 1.0)"):
        assert len(Expression(text, "x").evaluate(nothing, 0).data) == 0


def test_values_as_texts() -> None:
    whole = Values(np.array(["2024-01-01T00:00:01"], "datetime64[us]"), np.zeros(1, bool))
    part = Values(np.array(["2024-01-01T00:00:01.5"], "datetime64[us]"), np.zeros(1, bool))
    assert (texts(whole), texts(part)) == (["2024-01-01 00:00:01"], ["2024-01-01 00:00:01.500000"])
    assert texts(Values(np.array([1.5]), np.zeros(1, bool))) == ["1.5"]
