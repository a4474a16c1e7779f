"""Constraints: each against a twin that looks at one row after another, and what is refused before any row is seen."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from proofset.constraints import Constraint, ConstraintBase, RepairReport, learned, titles, violations
from proofset.constraints_formats import FORMATS
from proofset.constraints_values import listed, row_hashes, typed, values_of
from proofset.errors import GeneratorError

Row = dict[str, Any]
ADAPTER: TypeAdapter[ConstraintBase] = TypeAdapter(Constraint)


def made(**fields: Any) -> ConstraintBase:
    return ADAPTER.validate_python(fields)


DAY = datetime.datetime(2024, 1, 1)
SMALL = st.none() | st.integers(0, 3)
MOMENTS = st.none() | st.integers(0, 3).map(lambda h: DAY + datetime.timedelta(hours=12 * h))
ROWS = st.lists(
    st.fixed_dictionaries({
        "a": SMALL,
        "b": SMALL,
        "c": st.none() | st.sampled_from([0.0, -0.0, 0.5, 1.0, 3.0, float("nan")]),
        "d": st.none() | st.sampled_from([decimal.Decimal("0.10"), decimal.Decimal("1.00"), decimal.Decimal("2.00")]),
        "t": MOMENTS,
        "u": MOMENTS.map(lambda m: m and m.date()),
        "s": st.none() | st.sampled_from(["x", "y", "xx", "é"]),
        "w": st.none() | st.booleans(),
    }),
    max_size=25,
)  # fmt: skip
SCHEMA = pa.schema([
    ("a", pa.int8()), ("b", pa.int64()), ("c", pa.float32()), ("d", pa.decimal128(6, 2)),
    ("t", pa.timestamp("ms")), ("u", pa.date32()), ("s", pa.dictionary(pa.int8(), pa.string())), ("w", pa.bool_()),
])  # fmt: skip


def known(row: Row, *names: str) -> bool:
    """Whether none of the columns is missing; NaN is."""
    return all(row[n] is not None and row[n] == row[n] for n in names)


def moment(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day)


def hot(row: Row) -> bool:
    values = [float(row[n]) for n in "abw"]
    return sorted(values) == [0.0, 0.0, 1.0]


TWINS: list[tuple[dict[str, Any], Callable[[Row], bool]]] = [
    ({"kind": "inequality", "low": "a", "high": "b"}, lambda r: known(r, "a", "b") and not r["a"] <= r["b"]),
    ({"kind": "inequality", "low": "a", "high": "c", "strict": True},
     lambda r: known(r, "a", "c") and not r["a"] < r["c"]),
    ({"kind": "inequality", "low": "d", "high": "a"}, lambda r: known(r, "d", "a") and not r["d"] <= r["a"]),
    ({"kind": "inequality", "low": "t", "high": "u", "strict": True},
     lambda r: known(r, "t", "u") and not r["t"] < moment(r["u"])),
    ({"kind": "range", "column": "a", "min": 1, "max": 2}, lambda r: known(r, "a") and not 1 <= r["a"] <= 2),
    ({"kind": "range", "column": "c", "min": 0.25}, lambda r: known(r, "c") and not r["c"] >= 0.25),
    ({"kind": "range", "column": "d", "max": 1}, lambda r: known(r, "d") and not r["d"] <= 1),
    ({"kind": "range", "column": "t", "min": "2024-01-01T12:00:00", "max": "u"},
     lambda r: known(r, "t") and (r["t"] < DAY + datetime.timedelta(hours=12)
                                  or (known(r, "u") and r["t"] > moment(r["u"])))),
    ({"kind": "sum", "columns": ["a", "b"], "total": 3}, lambda r: known(r, "a", "b") and r["a"] + r["b"] != 3),
    ({"kind": "sum", "columns": ["a", "b"], "total": "c", "tolerance": 0.5},
     lambda r: known(r, "a", "b", "c") and abs(r["a"] + r["b"] - r["c"]) > 0.5),
    ({"kind": "fixed_combinations", "columns": ["a", "s"], "combinations": [[1, "x"], [2, "é"], [0, "q"]]},
     lambda r: known(r, "a", "s") and (r["a"], r["s"]) not in [(1, "x"), (2, "é"), (0, "q")]),
    ({"kind": "fixed_combinations", "columns": ["u", "d"], "combinations": [["2024-01-01", "1.00"]]},
     lambda r: known(r, "u", "d") and (str(r["u"]), str(r["d"])) != ("2024-01-01", "1.00")),
    ({"kind": "one_hot", "columns": ["a", "b", "w"]}, lambda r: known(r, "a", "b", "w") and not hot(r)),
    ({"kind": "if_then", "when": "a > 1", "then": "s == 'x'"},
     lambda r: known(r, "a", "s") and r["a"] > 1 and r["s"] != "x"),
    ({"kind": "check", "expression": "a + b < 4 or w"},
     lambda r: known(r, "a", "b", "w") and not (r["a"] + r["b"] < 4 or r["w"])),
    ({"kind": "check", "expression": "t - u <= 0.5"},
     lambda r: known(r, "t", "u") and (r["t"] - moment(r["u"])).total_seconds() > 43_200),
    ({"kind": "format", "column": "s", "pattern": "x+"}, lambda r: known(r, "s") and not re.fullmatch("x+", r["s"])),
    ({"kind": "not_null", "columns": ["a", "c"]}, lambda r: not known(r, "a", "c")),
    ({"kind": "not_null", "columns": ["s"], "when": "a == 1"}, lambda r: r["a"] == 1 and r["s"] is None),
    ({"kind": "null_when", "columns": ["s", "b"], "when": "w"},
     lambda r: r["w"] is True and (r["s"] is not None or r["b"] is not None)),
    ({"kind": "null_together", "columns": ["a", "c", "t"]},
     lambda r: len({known(r, n) for n in ("a", "c", "t")}) == 2),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "twin"), TWINS, ids=lambda v: v["kind"] if isinstance(v, dict) else "")
@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_a_constraint_agrees_with_its_twin(
    fields: dict[str, Any], twin: Callable[[Row], bool], rows: list[Row]
) -> None:
    constraint = made(**fields)
    table = pa.Table.from_pylist(rows, SCHEMA)
    constraint.check(SCHEMA)
    said = constraint.violations(table)
    assert said.dtype == bool
    rows = table.to_pylist()
    assert said.tolist() == [bool(twin(row)) for row in rows]
    assert ADAPTER.validate_python(constraint.plain()) == constraint


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_unique_agrees_with_its_twin(rows: list[Row]) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    seen: set[Any] = set()
    expected = []
    for row in table.to_pylist():
        key = (row["s"], row["c"])
        expected.append(known(row, "s", "c") and key in seen)
        if known(row, "s", "c"):
            seen.add(key)
    assert made(kind="unique", columns=["s", "c"]).violations(table).tolist() == expected
    assert made(kind="unique", columns=["s", "c"]).violations(table.slice(0, 0)).tolist() == []


def test_every_kind_has_a_twin() -> None:
    kinds = {fields["kind"] for fields, _ in TWINS} | {"unique"}
    assert kinds == set(ADAPTER.json_schema()["discriminator"]["mapping"])


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_equal_rows_have_equal_hashes_and_others_do_not(rows: list[Row]) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    keys = [
        tuple((None if not known(r, n) else r[n] + 0.0 if n == "c" else r[n]) for n in SCHEMA.names)
        for r in table.to_pylist()
    ]
    hashes = row_hashes(table, SCHEMA.names, 1).tolist()
    assert len(set(hashes)) == len(set(keys)) == len(set(zip(keys, hashes, strict=True)))
    assert not set(hashes) & set(row_hashes(table, SCHEMA.names, 2).tolist())


def test_large_numbers_and_different_units_are_compared_exactly() -> None:
    table = pa.table({
        "i": pa.array([2**60, 2**60 + 1]), "j": pa.array([2**60 + 1, 2**60]),
        "d": pa.array([decimal.Decimal("123456789012345.6"), decimal.Decimal("123456789012345.7")]),
        "e": pa.array([decimal.Decimal("123456789012345.65")] * 2),
        "u": pa.array([2**63 + 1, 2**63], pa.uint64()), "v": pa.array([2**63, 2**63 + 1], pa.uint64()),
        "n": pa.array([1, 2], pa.timestamp("ns")), "m": pa.array([2, 1], pa.timestamp("ns")),
        "s": pa.array([-62_135_596_800, 253_402_300_799], pa.timestamp("s")),
        "y": pa.array([datetime.date.min, datetime.date.max]),
        "h": pa.array([2**80, 1], pa.decimal128(38, 0)), "k": pa.array([1, 2**80], pa.decimal128(38, 0)),
    })  # fmt: skip
    for low, high, expected in [
        ("i", "j", [False, True]), ("d", "e", [False, True]), ("u", "v", [True, False]), ("n", "m", [False, True]),
        ("s", "y", [False, True]), ("h", "k", [True, False]),
    ]:  # fmt: skip
        assert made(kind="inequality", low=low, high=high).violations(table).tolist() == expected, low
    assert made(kind="sum", columns=["i"], total=2**60).violations(table).tolist() == [False, True]
    huge = pa.table({"x": [2**62], "y": [2**62], "z": [0.1]})
    assert made(kind="sum", columns=["x", "y"], total=2**63).violations(huge).tolist() == [False]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "inequality", "low": "a", "high": "a"},
        {"kind": "range", "column": "a"},
        {"kind": "range", "column": "a", "min": 2, "max": 1},
        {"kind": "range", "column": "a", "min": "a"},
        {"kind": "sum", "columns": ["a", "a"], "total": 1},
        {"kind": "sum", "columns": ["a", "b"], "total": "a"},
        {"kind": "sum", "columns": ["a"], "total": 1, "tolerance": -1},
        {"kind": "fixed_combinations", "columns": ["a"]},
        {"kind": "fixed_combinations", "columns": ["a", "b"], "combinations": [[1]]},
        {"kind": "fixed_combinations", "columns": ["a", "b"], "combinations": []},
        {"kind": "unique", "columns": []},
        {"kind": "unique", "columns": ["a", "a"]},
        {"kind": "one_hot", "columns": ["a"]},
        {"kind": "check", "expression": "__import__('os')"},
        {"kind": "if_then", "when": "a >", "then": "b"},
        {"kind": "format", "column": "s"},
        {"kind": "format", "column": "s", "pattern": "("},
        {"kind": "format", "column": "s", "pattern": "(?=x)x"},
        {"kind": "format", "column": "s", "format": "ibann"},
        {"kind": "format", "column": "s", "format": "iban", "pattern": "x"},
        {"kind": "null_when", "columns": ["a"]},
        {"kind": "nonsense"},
    ],
    ids=str,
)
def test_nonsense_is_refused_when_the_spec_is_read(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**fields)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"kind": "range", "column": "aa", "min": 1}, r"no column 'aa'\. Did you mean 'a'"),
        ({"kind": "range", "column": "a", "min": "bb"}, r"no column 'bb'"),
        ({"kind": "range", "column": "s", "min": 1}, "a number or a moment"),
        ({"kind": "range", "column": "t", "min": 5}, "ISO 8601"),
        ({"kind": "range", "column": "t", "min": "2024-13-01"}, "does not fit"),
        ({"kind": "range", "column": "t", "min": "2024-01-01T00:00:00+01:00"}, "does not fit"),
        ({"kind": "range", "column": "a", "min": "u"}, "cannot be compared"),
        ({"kind": "inequality", "low": "a", "high": "t"}, "a number cannot be compared with a moment"),
        ({"kind": "inequality", "low": "t", "high": "z"}, "time zone"),
        ({"kind": "sum", "columns": ["a"], "total": "s"}, "needed is a number"),
        ({"kind": "one_hot", "columns": ["a", "s"]}, "truth or a number"),
        ({"kind": "format", "column": "a", "format": "iban"}, "needed is a text"),
        ({"kind": "check", "expression": "a + b"}, "not a truth"),
        ({"kind": "check", "expression": "a > s"}, "a text stands where a number is needed"),
        ({"kind": "not_null", "columns": ["a"], "when": "b"}, "not a truth"),
        ({"kind": "fixed_combinations", "columns": ["a", "u"], "combinations": [["one", "2024-01-01"]]}, "type int8"),
        ({"kind": "unique", "columns": ["l"]}, "nested"),
    ],
    ids=str,
)
def test_unknown_columns_and_wrong_types_are_refused_with_the_reason(fields: dict[str, Any], match: str) -> None:
    schema = SCHEMA.append(pa.field("z", pa.timestamp("s", "UTC"))).append(pa.field("l", pa.list_(pa.int8())))
    with pytest.raises(GeneratorError, match=match) as error:
        made(**fields).check(schema)
    assert "cannot be used" in error.value.what
    assert "tables.*.constraints" in error.value.fix


GOOD = {
    "iban": ["DE89370400440532013000", "GB82WEST12345698765432"],
    "bic": ["DEUTDEFF", "DEUTDEFF500"],
    "lei": ["5493001KJTIIGC8Y1R12"],
    "isin": ["US0378331005", "DE000BAY0017"],
    "card_number": ["4111111111111111"],
    "ean13": ["4006381333931"],
    "isbn13": ["9780306406157"],
    "uuid": ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    "email": ["a.b+c@example.org"],
    "url": ["https://example.org:8080/a?b=c"],
    "ipv4": ["10.0.0.255"],
    "e164": ["+4930123456"],
    "iso_date": ["2024-02-29"],
    "iso_time": ["23:59:59.5"],
    "iso_datetime": ["2024-02-29T23:59:59Z", "2023-01-01 00:00:00+01:00"],
    "country": ["DE"],
    "currency": ["EUR"],
}
BAD = {
    "iban": ["DE89370400440532013001", "DE8937040044053201300", "de89370400440532013000"],
    "bic": ["DEUTDEF"],
    "lei": ["5493001KJTIIGC8Y1R13"],
    "isin": ["US0378331006"],
    "card_number": ["4111111111111112", "411111111111111"],
    "ean13": ["4006381333930"],
    "isbn13": ["9780306406158", "9770306406157"],
    "uuid": ["f81d4fae-7dec-91d0-a765-00a0c91e6bf6", "f81d4fae7dec11d0a76500a0c91e6bf6"],
    "email": ["a@b", "a b@example.org", ".a@example.org"],
    "url": ["example.org", "ftp://example.org"],
    "ipv4": ["10.0.0.256", "10.0.0"],
    "e164": ["030123456", "+0301234567"],
    "iso_date": ["2023-02-29", "2024-2-9", "0000-01-01"],
    "iso_time": ["24:00:00"],
    "iso_datetime": ["2023-02-29T00:00:00"],
    "country": ["DEU", "de"],
    "currency": ["EURO"],
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_tells_right_texts_from_wrong_ones(name: str) -> None:
    constraint = made(kind="format", column="x", format=name)
    table = pa.table({"x": [*GOOD[name], *BAD[name], None, GOOD[name][0] + "\n", ""]})
    expected = [False] * len(GOOD[name]) + [True] * len(BAD[name]) + [False, True, True]
    assert constraint.violations(table).tolist() == expected


def test_combinations_are_learned_only_where_enough_rows_share_them() -> None:
    table = pa.table({
        "city": ["Köln"] * 12 + ["Rome"] * 9 + ["Oslo"] * 11 + [None] * 20,
        "day": pa.array([1] * 12 + [2] * 9 + [3] * 11 + [4] * 20, pa.date32()),
    })  # fmt: skip
    constraint = made(kind="fixed_combinations", columns=["city", "day"])
    with pytest.raises(GeneratorError, match="lists no combinations"):
        constraint.violations(table)
    bound = learned(constraint, table, 10)
    assert bound.plain()["combinations"] == [["Köln", "1970-01-02"], ["Oslo", "1970-01-04"]]
    assert bound.violations(table).tolist() == [False] * 12 + [True] * 9 + [False] * 31
    assert learned(bound, table, 10) is bound
    with pytest.raises(GeneratorError, match="shared by 100 rows"):
        learned(constraint, table, 100)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1, None, 2**60]), pa.array([True, None]), pa.array([0.1, None]), pa.array(["x", None]),
        pa.array([decimal.Decimal("1.50"), None]), pa.array([1, None], pa.date32()),
        pa.array([1, None], pa.duration("ms")),
        pa.array([1, None], pa.timestamp("us", "UTC")), pa.array([1, None], pa.time32("s")),
        pa.array(["x", None]).dictionary_encode(),
    ],
    ids=lambda a: str(a.type),
)  # fmt: skip
def test_listed_values_come_back_as_they_were(array: pa.Array) -> None:
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    assert typed(listed(array), array.type).equals(array.cast(kind))


def test_columns_are_read_as_the_expression_language_knows_them() -> None:
    kinds = {
        "number": [pa.array([1], pa.uint8()), pa.array([2**63], pa.uint64()), pa.array([1], pa.duration("s"))],
        "truth": [pa.array([True])],
        "moment": [pa.array([1], pa.date64()), pa.array([1], pa.timestamp("ns", "UTC"))],
        "text": [pa.array(["x"]), pa.nulls(1)],
    }
    for kind, arrays in kinds.items():
        for array in arrays:
            assert values_of(array).kind == kind, array.type
    assert values_of(pa.array([43_200], pa.time32("s"))).data.tolist() == [0.5]
    assert values_of(pa.nulls(1)).missing.all()


def test_titles_are_different_and_a_name_wins() -> None:
    constraints = [
        made(kind="unique", columns=["a"]),
        made(kind="unique", columns=["a"]),
        made(kind="unique", columns=["a"], name="key"),
    ]
    assert titles(constraints) == ["unique(a)", "unique(a) #2", "key"]
    table = pa.table({"a": [1, 1]})
    assert violations(constraints, table).tolist() == [[False, True]] * 3
    assert violations([], table).shape == (0, 2)
    assert RepairReport().plain()["resampled"] == 0.0


def test_no_error_quotes_a_value() -> None:
    with pytest.raises(GeneratorError) as error:
        made(kind="fixed_combinations", columns=["a", "s"], combinations=[["secret", "x"]]).check(SCHEMA)
    assert "secret" not in str(error.value)
    assert np.array_equal(made(kind="unique", columns=["a"]).violations(pa.table({"a": [None, None]})), [False, False])
