"""Expectations: what a synthetic table must look like, from the profile and the spec. Pure: no library runs here."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from proofset.evidence import MIN_COUNT, ColumnProfile, Profile
from proofset.spec import IDENTIFYING, ColumnSpec, SemanticType, TableSpec, Treatment
from quality.expectations_base import Expectation
from quality.expectations_constraints import of_constraints

RANGE_SHARE = 0.97
"""Share of values that must lie in the protected range of a large table, see `range_share`."""
RANGE_SLACK = 0.1
"""By how much of its width the protected range is widened at both ends."""
SHARE_SLACK = 0.02
"""How far a share of nulls or of rare categories may lie above the source's."""

_FORMS = {
    SemanticType.EMAIL: r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
    SemanticType.URL: r"^(https?|ftp)://\S+$|^www\.\S+$",
    SemanticType.IP_ADDRESS: r"^(\d{1,3}\.){3}\d{1,3}$|^[0-9a-fA-F:]{2,39}$",
}
_COUNTED = {SemanticType.CATEGORY, SemanticType.ORDINAL, SemanticType.BOOLEAN, SemanticType.CONSTANT}


def expectations(profile: Profile, spec: TableSpec, schema: pa.Schema, rows: int | None = None) -> list[Expectation]:
    """What to expect of a table with this profile and spec.

    schema: of the synthetic table; categories are written in its types.  rows: how many were asked for, if known.
    """
    kept = [c for c in profile.columns if c.treatment != Treatment.DROP]
    names = [c.name for c in kept]
    found = [
        Expectation(
            "expect_table_columns_to_match_ordered_list",
            "the source's columns, in its order",
            arguments={"column_list": names},
        ),
        Expectation("expect_table_row_count_to_be_between", "at least one row", arguments={"min_value": 1})
        if rows is None
        else Expectation("expect_table_row_count_to_equal", f"the {rows:,} rows asked for", arguments={"value": rows}),
    ]
    for column in kept:
        declared = spec.columns.get(column.name, ColumnSpec())
        stored = schema.field(column.name).type if column.name in schema.names else pa.null()
        stored = stored.value_type if pa.types.is_dictionary(stored) else stored
        found += _types(column)
        found += _nulls(column)
        found += _categories(column, declared, stored)
        found += _ranges(column, declared, profile.rows)
        found += _forms(column, declared)
    unlike: list[Expectation] = []
    for expectation in found + of_constraints(spec.constraints, schema):
        if not any(_alike(expectation, other) for other in unlike):
            unlike.append(expectation)
    return unlike


def _alike(one: Expectation, other: Expectation) -> bool:
    """Whether two expectations demand the same; Great Expectations would run only one of them."""
    return (one.kind, one.column, one.arguments) == (other.kind, other.column, other.arguments)


def _types(column: ColumnProfile) -> list[Expectation]:
    """The kind of type stored, as pandas names it."""
    storage = column.storage.split("values=", 1)[-1].split(",", 1)[0]
    if storage.startswith(("int", "uint")):
        # A nullable whole number is held as a float by pandas.
        types = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)] + ["float64"] * column.nullable
        word = "whole numbers"
    elif storage.startswith(("float", "double", "halffloat", "decimal")):
        types, word = ["float16", "float32", "float64"], "numbers"
    elif storage.startswith(("string", "large_string")):
        types, word = ["str"], "texts"
    elif storage == "bool":
        types, word = ["bool"], "true or false"
    elif storage.startswith(("timestamp", "date")):
        types, word = [f"datetime64[{unit}]" for unit in ("us", "ns", "ms", "s")], "times"
    else:
        return []
    return [Expectation("expect_column_values_to_be_in_type_list", word, column.name, {"type_list": types})]


def _nulls(column: ColumnProfile) -> list[Expectation]:
    kind = "expect_column_values_to_not_be_null"
    if not column.nullable:
        return [Expectation(kind, "never null", column.name, {})]
    least = 1 - column.null_share - SHARE_SLACK
    if least <= 0:
        return []
    return [
        Expectation(kind, f"known in at least {100 * least:.1f}\u00a0% of rows", column.name, {"mostly": _down(least)})
    ]


def _categories(column: ColumnProfile, declared: ColumnSpec, stored: pa.DataType) -> list[Expectation]:
    kind = "expect_column_values_to_be_in_set"
    if column.treatment != Treatment.MODEL:
        return []
    if declared.values is not None:
        words = _typed(declared.values, stored)
        return [Expectation(kind, f"one of the {len(words)} values the spec lists", column.name, {"value_set": words})]
    if column.semantic not in _COUNTED or not column.top:
        return []
    words = _typed(tuple(t.value for t in column.top), stored)
    known = 1 - column.null_share
    least = sum(t.share for t in column.top) / known - SHARE_SLACK if known else 0.0
    if not words or least <= 0:
        return []
    rule = f"one of the source's {len(words)} common values in at least {100 * least:.1f}\u00a0% of rows"
    return [Expectation(kind, rule, column.name, {"value_set": words, "mostly": _down(least)})]


def range_share(rows: int) -> float:
    """The protected range ends inside the second block of MIN_COUNT rows from either end: leave room for both."""
    return _down(RANGE_SHARE - 4 * MIN_COUNT / max(rows, 1))


def _ranges(column: ColumnProfile, declared: ColumnSpec, rows: int) -> list[Expectation]:
    kind = "expect_column_values_to_be_between"
    found = []
    if declared.min is not None or declared.max is not None:
        limits = {"min_value": declared.min, "max_value": declared.max}
        found.append(Expectation(kind, "within the spec's min and max", column.name, limits))
    if column.treatment == Treatment.MODEL and column.low is not None and column.high is not None:
        slack = RANGE_SLACK * (column.high - column.low)
        limits = {"min_value": column.low - slack, "max_value": column.high + slack}
        share = range_share(rows)
        rule = f"near the source's protected range in at least {100 * share:.1f}\u00a0% of rows"
        found.append(Expectation(kind, rule, column.name, {**limits, "mostly": share}))
    return found


def _forms(column: ColumnProfile, declared: ColumnSpec) -> list[Expectation]:
    found = []
    if declared.unique or (column.unique and column.semantic in IDENTIFYING):
        found.append(Expectation("expect_column_values_to_be_unique", "no value twice", column.name))
    if column.semantic in _FORMS and declared.faker is None:
        rule = f"the form of {column.semantic.value.replace('_', ' ')}"
        form = {"regex": _FORMS[column.semantic]}
        found.append(Expectation("expect_column_values_to_match_regex", rule, column.name, form))
    return found


def _typed(words: tuple[str, ...], stored: pa.DataType) -> list[Any]:
    """Categories in the column's own type; a declared word that is not of that type is left out."""
    if pa.types.is_boolean(stored):
        return [w.strip().lower() in ("true", "1", "yes") for w in words]
    if not (pa.types.is_integer(stored) or pa.types.is_floating(stored) or pa.types.is_decimal(stored)):
        return list(words)
    typed: list[Any] = []
    for word in words:
        try:
            number = float(word)
        except ValueError:
            continue
        typed.append(int(word) if pa.types.is_integer(stored) and number.is_integer() and "." not in word else number)
    return typed


def _down(share: float) -> float:
    """Rounded down, so that rounding never makes a demand stricter."""
    return math.floor(max(share, 0.0) * 10_000) / 10_000
