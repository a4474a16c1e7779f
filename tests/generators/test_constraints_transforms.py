"""Transforms: turned back exactly, used only where they cost nothing, and no way around the protection of rare rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators.constraints_plan import plan
from generators.constraints_transforms import MOST, TRANSFORMS, Gap, Joint, Total, TransformedRows
from proofset.constraints import violations
from proofset.rows import whole_table
from proofset.spec import TableSpec
from proofset.steering import Steering
from tests.generators.conftest import profile_of

RNG = np.random.default_rng(5)
N = 600
LOW = RNG.integers(0, 10**6, N)
BACK = RNG.permutation(N) % 3 == 0


def planned(table: pa.Table, *constraints: dict[str, Any], **settings: Any) -> Any:
    spec = TableSpec.model_validate({"constraints": constraints, "target": table.column_names[0]})
    options = {"real": True, "change": True, **settings}
    return plan(table, table.schema, (), spec, profile_of(table), 1, **options)


def kinds(table: pa.Table, *constraints: dict[str, Any], **settings: Any) -> list[str]:
    return [t.kind for t in planned(table, *constraints, **settings).held.transforms]


def round_trip(table: pa.Table, *constraints: dict[str, Any]) -> Any:
    """What is shown, turned back, is the table; also after the transforms are saved and rebuilt."""
    made = planned(table, *constraints)
    shown = whole_table(made.rows)
    assert shown.schema == made.held.shown(table.schema)
    assert made.held.back(shown, table.schema).equals(table)
    for transform in made.held.transforms:
        again = TRANSFORMS[transform.kind].rebuild(json.loads(json.dumps(transform.plain())), table.schema)
        assert again.plain() == transform.plain()
    assert {c.name for c in made.profile.columns} == set(shown.column_names)
    return made


def test_combinations_become_one_category_and_come_back() -> None:
    place = RNG.integers(0, 3, N)
    table = pa.table({
        "city": pa.array([["Köln", "Rome", None][p] for p in place], pa.dictionary(pa.int8(), pa.string())),
        "day": pa.array([[1, 2, 3][p] for p in place], pa.date32()),
        "x": RNG.random(N),
    })  # fmt: skip
    made = round_trip(table, {"kind": "fixed_combinations", "columns": ["city", "day"]})
    assert whole_table(made.rows).column_names == ["x", "city & day"]
    assert made.table.target is None, "the target is part of the category"
    assert made.table.constraints == ()


def test_rare_combinations_are_never_shown() -> None:
    cities = ["Köln"] * 300 + ["Rome"] * 295 + ["Secret"] * 5
    table = pa.table({"city": cities, "land": ["DE"] * 300 + ["IT"] * 300})
    fixed = {"kind": "fixed_combinations", "columns": ["city", "land"]}
    made = planned(table, fixed)
    assert "Secret" not in json.dumps(made.held.plain())
    back = made.held.back(whole_table(made.rows), table.schema)
    assert set(back["city"].to_pylist()) == {"Köln", "Rome"}
    assert not violations(made.held.constraints, back).any()
    listed = planned(table, fixed | {"combinations": [["Köln", "DE"], ["Rome", "IT"], ["Secret", "IT"]]})
    back = listed.held.back(whole_table(listed.rows), table.schema)
    assert back.equals(table), "what the spec lists is public"


def test_what_a_generator_makes_up_stands_for_the_most_frequent_combination() -> None:
    joint = Joint(pa.table({"a": [1, 2], "b": ["x", "y"]}), [3, 9], seed=1)
    table = pa.table({"a & b": pa.array(["00000", "77777", None], pa.large_string())})
    assert [a.to_pylist() for a in joint.back(table)] == [[1, 2, 2], ["x", "y", "y"]]


def test_one_hot_columns_become_one_category() -> None:
    how = RNG.integers(0, 3, N)
    table = pa.table({"p": how == 0, "q": (how == 1).astype(np.int8), "r": pa.array((how == 2) * 1.0, mask=BACK)})
    made = round_trip(table, {"kind": "one_hot", "columns": ["p", "q", "r"]})
    assert made.held.transforms[0].kind == "joint"


@pytest.mark.parametrize("total", ["d", 100])
def test_a_total_or_the_last_part_is_computed(total: Any) -> None:
    a, b = np.round(RNG.random(N) * 30, 2), RNG.integers(0, 30, N)
    last = np.round(a + b, 2) if total == "d" else np.round(100 - a - b, 2)
    table = pa.table({"a": pa.array(a, mask=BACK), "b": b, "d": pa.array(last, mask=BACK)})
    columns = ["a", "b"] if total == "d" else ["a", "b", "d"]
    made = round_trip(table, {"kind": "sum", "columns": columns, "total": total})
    assert whole_table(made.rows).column_names == ["a", "b"]
    (transform,) = made.held.transforms
    assert isinstance(transform, Total)
    with pytest.raises(KeyError):
        transform.shown(table)


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.date32(), pa.int64(), pa.timestamp("ns", "UTC")], ids=str)
def test_a_gap_is_added_back_exactly(kind: pa.DataType) -> None:
    def cast(values: np.ndarray, mask: Any = None) -> pa.Array:
        if not pa.types.is_temporal(kind):
            return pa.array(values, kind, mask=mask)
        return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64(), mask=mask).view(kind)

    gap = RNG.integers(1, 50, N)
    end = LOW + gap + RNG.integers(1, 50, N)
    table = pa.table({"a": cast(LOW), "b": cast(LOW + gap, BACK), "c": cast(end, BACK)})
    made = round_trip(
        table,
        {"kind": "inequality", "low": "a", "high": "b", "strict": True},
        {"kind": "inequality", "low": "b", "high": "c"},
    )
    assert whole_table(made.rows).column_names == ["a", "c - b", "b - a"]
    rows = TransformedRows(table, made.held.transforms[0]).select(["c - b"])
    assert rows.column_names == ["c - b"]


def test_a_gap_that_was_drawn_too_small_is_raised() -> None:
    gap = Gap(pa.field("b", pa.int64()), "a", 1)
    table = pa.table({"a": [5, 5, None, 5], "b - a": [-3, 2, 1, None]})
    assert gap.back(table)[0].to_pylist() == [6, 7, None, None]


FIXED = {"kind": "fixed_combinations", "columns": ["s", "z"], "combinations": [["x", "y"], ["x", "q"]]}
SUM = {"kind": "sum", "columns": ["a", "b"], "total": "d"}
LESS = {"kind": "inequality", "low": "a", "high": "b"}
HALF = np.arange(N) % 2 == 0
GOOD = {"a": LOW, "b": LOW + 7, "d": 2 * LOW + 7, "s": ["x"] * N, "z": ["y", "q"] * (N // 2)}


@pytest.mark.parametrize(
    ("constraint", "changed"),
    [
        pytest.param(FIXED, {"s": np.where(HALF, "x", "w")}, id="too few rows have a combination that is kept"),
        pytest.param(SUM, {"d": np.where(HALF, 2 * LOW, 2 * LOW + 7)}, id="too few rows add up"),
        pytest.param(SUM, {"d": pa.array(2 * LOW + 7, mask=BACK)}, id="the total is null where no part is"),
        pytest.param(LESS, {"b": LOW + 7.0}, id="two types"),
        pytest.param(LESS, {"a": LOW * 1.0, "b": LOW + 7.0}, id="floats"),
        pytest.param(LESS, {"a": pa.array(LOW, mask=BACK)}, id="low is null where high is not"),
        pytest.param(LESS, {"b": LOW + RNG.integers(1, 10**7, N)}, id="the gap is as wide as the column"),
        pytest.param(LESS, {"a": LOW % 90, "b": LOW % 90 + 7}, id="few values"),
        pytest.param(
            LESS, {"b": np.where(np.arange(N) % 4 == 0, LOW + 7, LOW // 90_000 * 90_000 + 90_000)}, id="heaps"
        ),
        pytest.param(LESS, {"b": np.where(BACK, LOW - 1, LOW + 7)}, id="too few rows keep the order"),
    ],
)
def test_columns_are_left_as_they_are_where_a_change_would_lose_something(
    constraint: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert len(kinds(pa.table(GOOD), constraint)) == 1, "a control: they are changed otherwise"
    assert kinds(pa.table(GOOD | changed), constraint) == []
    assert kinds(pa.table(GOOD), constraint, change=False) == []


def test_a_sum_of_one_part_is_no_sum() -> None:
    assert kinds(pa.table({"a": [3] * N}), {"kind": "sum", "columns": ["a"], "total": 3}) == []


def test_too_many_combinations_are_not_one_category() -> None:
    table = pa.table({"a": [str(n // 10) for n in range(10 * MOST + 10)], "b": ["x"] * (10 * MOST + 10)})
    assert kinds(table, {"kind": "fixed_combinations", "columns": ["a", "b"]}) == []
    assert kinds(table.slice(10), {"kind": "fixed_combinations", "columns": ["a", "b"]}) == ["joint"]


def test_no_column_is_changed_twice_and_steered_ones_not_at_all() -> None:
    table = pa.table(
        {"a": LOW, "b": LOW + 7, "c": LOW + 9, "d": 2 * LOW + 7, "s": ["x"] * N, "z": ["y", "q"] * (N // 2)}
    )
    chain = {"kind": "inequality", "low": "b", "high": "c"}
    assert kinds(table, SUM, LESS) == ["total"], "what a total is computed from stays as it is"
    assert kinds(table, SUM, LESS, steer=Steering(where={"d": "> 5"})) == ["gap"]
    assert kinds(table, FIXED, FIXED) == ["joint"]
    assert [t.takes for t in planned(table, LESS, chain).held.transforms] == [("c",), ("b",)]
    equal = table.set_column(1, "b", pa.array(LOW))
    circle = ({"kind": "inequality", "low": "b", "high": "a"}, LESS)
    assert kinds(equal, *circle) == [], "each would be counted from the other"
