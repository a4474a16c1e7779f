"""Whether constraints can hold together: found without data, never wrongly, with the fewest that cannot."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from proofset.constraints import Constraint, ConstraintBase, UniqueConstraint, violations
from proofset.constraints_bounds import Declared, capacity, impossible, smallest_conflict

SCHEMA = pa.schema([
    ("a", pa.int64()), ("b", pa.int64()), ("c", pa.float64()), ("t", pa.timestamp("s")), ("u", pa.date32()),
    ("s", pa.string()), ("w", pa.bool_()), ("z", pa.time32("s")),
])  # fmt: skip
ADAPTER: TypeAdapter[list[ConstraintBase]] = TypeAdapter(list[Constraint])


def made(*fields: dict[str, Any]) -> list[ConstraintBase]:
    constraints = ADAPTER.validate_python(list(fields))
    for constraint in constraints:
        constraint.check(SCHEMA)
    return constraints


def less(low: str, high: str, strict: bool = False) -> dict[str, Any]:
    return {"kind": "inequality", "low": low, "high": high, "strict": strict}


def between(column: str, low: Any = None, high: Any = None) -> dict[str, Any]:
    return {"kind": "range", "column": column, "min": low, "max": high}


ONE = {"kind": "one_hot", "columns": ["a", "b", "c"]}
PAIRS = {"kind": "fixed_combinations", "columns": ["a", "b"], "combinations": [[1, 2], [3, 4]]}
IMPOSSIBLE: list[tuple[list[dict[str, Any]], list[int], Declared]] = [
    ([less("a", "b", True), between("c", 0, 1), less("b", "a")], [0, 2], {}),
    ([less("a", "c"), less("c", "b"), less("b", "a", True)], [0, 1, 2], {}),
    ([between("a", 5), between("b", None, 5), less("a", "b", True)], [0, 1, 2], {}),
    ([between("c", 5), between("a", None, 5), less("c", "a", True), less("a", "b")], [0, 1, 2], {}),
    ([between("a", 1.2, 1.8)], [0], {}),
    ([between("a", "b"), between("b", 4), between("a", None, 3)], [0, 1, 2], {}),
    ([between("a", 4)], [0], {"a": (None, 3.0, None)}),
    ([between("a", 4)], [0], {"a": (None, None, ("1", "2"))}),
    ([], [], {"a": (4.0, 3.0, None)}),
    ([ONE, {"kind": "sum", "columns": ["a", "b", "c"], "total": 2}], [0, 1], {}),
    ([ONE, between("a", 1), between("b", 1)], [0, 1, 2], {}),
    ([{"kind": "sum", "columns": ["a", "b"], "total": "c"}, between("c", 10), between("a", 0, 4), between("b", 0, 5)],
     [0, 1, 2, 3], {}),
    ([PAIRS, less("b", "a")], [0, 1], {}),
    ([PAIRS, between("a", 2, 2)], [0, 1], {}),
    ([PAIRS, {"kind": "check", "expression": "a + b == 5"}], [0, 1], {}),
    ([less("t", "u"), between("t", "2020-01-01"), between("u", None, "2019-05-05")], [0, 1, 2], {}),
    ([between("z", "10:00"), between("z", None, "09:59:59")], [0, 1], {}),
    ([{"kind": "format", "column": "s", "pattern": "x+"}], [0], {"s": (None, None, ("y",))}),
    ([{"kind": "not_null", "columns": ["a"]}, {"kind": "null_together", "columns": ["a", "b"]},
      {"kind": "null_when", "columns": ["b"], "when": "c > 1"}], [0, 1, 2], {}),
    ([{"kind": "not_null", "columns": ["a"], "when": "c > 1"},
      {"kind": "null_when", "columns": ["a"], "when": "c > 1"}], [0, 1], {}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "places", "declared"), IMPOSSIBLE, ids=lambda v: str(v)[:40])
def test_what_cannot_hold_is_found_with_the_fewest_constraints(
    fields: list[dict[str, Any]], places: list[int], declared: Declared
) -> None:
    found = smallest_conflict(made(*fields), SCHEMA, declared)
    assert found is not None
    assert found[0] == places
    assert found[1]


POSSIBLE: list[tuple[list[dict[str, Any]], Declared]] = [
    ([less("a", "b"), less("b", "a")], {}),
    ([between("a", 5), between("b", None, 6), less("a", "b", True)], {}),
    ([between("c", 0.1, 0.1), {"kind": "sum", "columns": ["c"], "total": 0.1}], {}),
    ([ONE, {"kind": "sum", "columns": ["a", "b", "c"], "total": 1}, between("a", 1)], {}),
    ([PAIRS, between("a", 2), less("a", "b", True)], {}),
    ([{"kind": "format", "column": "s", "pattern": "x+"}], {"s": (None, None, ("y", "x"))}),
    ([{"kind": "not_null", "columns": ["a"], "when": "c > 1"},
      {"kind": "null_when", "columns": ["a"], "when": "c < 1"}], {}),
    ([less("t", "u", True), between("t", "2020-01-01"), between("u", None, "2020-01-02")], {"a": (0.0, 1.0, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "declared"), POSSIBLE, ids=lambda v: str(v)[:40])
def test_what_can_hold_is_let_through(fields: list[dict[str, Any]], declared: Declared) -> None:
    assert smallest_conflict(made(*fields), SCHEMA, declared) is None


NUMBER = st.integers(-1, 4)
NAMES = ("a", "b", "c")
PAIR = st.permutations(NAMES)
ORDERS = st.one_of(
    st.tuples(PAIR, st.booleans()).map(lambda p: less(p[0][0], p[0][1], p[1])),
    st.tuples(st.sampled_from(NAMES), NUMBER, st.integers(0, 3)).map(lambda p: between(p[0], p[1], p[1] + p[2])),
)
ANY = st.one_of(
    ORDERS,
    st.tuples(PAIR, st.integers(0, 1)).map(
        lambda p: {"kind": "sum", "columns": p[0][:2], "total": p[0][2], "tolerance": p[1]}
    ),
    st.tuples(PAIR, NUMBER).map(lambda p: {"kind": "sum", "columns": p[0][:2], "total": p[1]}),
    PAIR.map(lambda p: {"kind": "one_hot", "columns": p[:2]}),
    st.tuples(PAIR, st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=3)).map(
        lambda p: {"kind": "fixed_combinations", "columns": p[0][:2], "combinations": p[1]}
    ),
)
GRID = pa.table({n: [row[i] for row in itertools.product(range(-6, 10), repeat=3)] for i, n in enumerate(NAMES)})


@settings(max_examples=150, deadline=None)
@given(fields=st.lists(ANY, max_size=5))
def test_nothing_possible_is_called_impossible(fields: list[dict[str, Any]]) -> None:
    constraints = ADAPTER.validate_python(fields)
    if impossible(constraints, GRID.schema, {}) is not None:
        assert violations(constraints, GRID).any(axis=0).all()


@settings(max_examples=100, deadline=None)
@given(fields=st.lists(ORDERS, max_size=6))
def test_of_ranges_and_inequalities_everything_impossible_is_found(fields: list[dict[str, Any]]) -> None:
    constraints = ADAPTER.validate_python(fields)
    holds = bool((~violations(constraints, GRID).any(axis=0)).any())
    assert (impossible(constraints, GRID.schema, {}) is None) == holds


def test_room_of_unique_rows_is_counted_where_it_is_known() -> None:
    def room(columns: list[str], *fields: dict[str, Any], declared: Declared | None = None) -> int | None:
        (unique,) = made({"kind": "unique", "columns": columns})
        assert isinstance(unique, UniqueConstraint)
        return capacity(unique, made(*fields), SCHEMA, declared or {})

    assert room(["a", "b"], PAIRS) == 2
    assert room(["a", "w"], between("a", 1, 10)) == 20
    assert room(["a", "w"], PAIRS) == 4
    assert room(["s", "w"], declared={"s": (None, None, ("x", "y", "z"))}) == 6
    assert room(["a"]) is None
    assert room(["c", "w"], between("c", 0, 1)) is None
    assert room(["s"]) is None
