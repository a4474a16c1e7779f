"""Expectations from the spec's constraints, as far as Great Expectations has one that says the same.

Those it has none for (if_then, check, null_when, sums of a column or with a tolerance, combinations that are learned)
are left to `validity.constraints`, which knows all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from proofset.constraints import (
    ConstraintBase,
    FixedCombinationsConstraint,
    FormatConstraint,
    InequalityConstraint,
    NotNullConstraint,
    OneHotConstraint,
    RangeConstraint,
    SumConstraint,
    UniqueConstraint,
)
from quality.expectations_base import Expectation

_BOTH = {"ignore_row_if": "either_value_is_missing"}
_ANY = {"ignore_row_if": "any_value_is_missing"}


def of_constraints(constraints: Sequence[ConstraintBase], schema: pa.Schema) -> list[Expectation]:
    """The expectations that some constraints make of a table of this schema; a constraint whose columns are not all
    there makes none, as the order of columns already fails."""
    return [
        expectation
        for constraint in constraints
        if set(constraint.uses) <= set(schema.names)
        for expectation in _of(constraint, schema)
    ]


def _of(constraint: ConstraintBase, schema: pa.Schema) -> list[Expectation]:
    match constraint:
        case InequalityConstraint():
            return [_pair(constraint.low, constraint.high, strict=constraint.strict)]
        case RangeConstraint():
            return _range(constraint, schema)
        case SumConstraint() if _whole(schema, constraint.columns) and _exact(constraint):
            arguments: dict[str, Any] = {"column_list": list(constraint.columns), "sum_total": constraint.total, **_ANY}
            rule = f"{' + '.join(constraint.columns)} = {constraint.total}"
            return [Expectation("expect_multicolumn_sum_to_equal", rule, None, arguments)]
        case OneHotConstraint() if _whole(schema, constraint.columns):
            arguments = {"column_list": list(constraint.columns), "sum_total": 1, **_ANY}
            rule = f"exactly one of {', '.join(constraint.columns)} is 1"
            sets = [
                Expectation("expect_column_values_to_be_in_set", "0 or 1", c, {"value_set": [0, 1]})
                for c in constraint.columns
            ]
            return [*sets, Expectation("expect_multicolumn_sum_to_equal", rule, None, arguments)]
        case UniqueConstraint() if len(constraint.columns) == 1:
            return [Expectation("expect_column_values_to_be_unique", "no value twice", constraint.columns[0])]
        case UniqueConstraint():
            rule = f"no combination of {', '.join(constraint.columns)} twice"
            arguments = {"column_list": list(constraint.columns), **_ANY}
            return [Expectation("expect_compound_columns_to_be_unique", rule, None, arguments)]
        case FixedCombinationsConstraint() if constraint.combinations and len(constraint.columns) == 2:
            first, second = constraint.columns
            pairs = [tuple(row) for row in constraint.combinations]
            rule = f"{first} and {second} are one of the {len(pairs)} pairs the spec lists"
            arguments = {"column_A": first, "column_B": second, "value_pairs_set": pairs, **_BOTH}
            return [Expectation("expect_column_pair_values_to_be_in_set", rule, None, arguments)]
        case FormatConstraint():
            rule = f"the form of {constraint.format}" if constraint.format else "the spec's pattern"
            regex = {"regex": f"^(?:{constraint.regex})$"}
            return [Expectation("expect_column_values_to_match_regex", rule, constraint.column, regex)]
        case NotNullConstraint() if constraint.when is None:
            return [Expectation("expect_column_values_to_not_be_null", "never null", c) for c in constraint.columns]
        case _:
            return []


def _pair(low: str, high: str, *, strict: bool) -> Expectation:
    return Expectation(
        "expect_column_pair_values_a_to_be_greater_than_b",
        f"{low} {'<' if strict else '≤'} {high}",
        None,
        {"column_A": high, "column_B": low, "or_equal": not strict, **_BOTH},
    )


def _range(constraint: RangeConstraint, schema: pa.Schema) -> list[Expectation]:
    """Bounds that are numbers, of a column of numbers, and bounds that are columns."""
    found = []
    for bound, low in ((constraint.min, True), (constraint.max, False)):
        if isinstance(bound, str) and bound in constraint.uses:
            pair = (bound, constraint.column) if low else (constraint.column, bound)
            found.append(_pair(*pair, strict=False))
    limits = {
        key: bound
        for key, bound in (("min_value", constraint.min), ("max_value", constraint.max))
        if isinstance(bound, int | float)
    }
    if limits and _numeric(schema.field(constraint.column).type):
        rule = "within the constraint's bounds"
        found.append(Expectation("expect_column_values_to_be_between", rule, constraint.column, limits))
    return found


def _exact(constraint: SumConstraint) -> bool:
    return constraint.tolerance == 0 and not isinstance(constraint.total, str)


def _numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _whole(schema: pa.Schema, columns: Sequence[str]) -> bool:
    """Whether a sum of the columns is exact."""
    return all(pa.types.is_integer(schema.field(c).type) for c in columns)
