"""Conditions against constraints: what cannot hold is refused before anything is learned, what can holds in every
row."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators import Fitted, create
from generators.constraints_plan import plan
from proofset.constraints import violations
from proofset.errors import GeneratorError
from proofset.spec import GeneratorSpec, TableSpec
from proofset.steering import Steering
from tests.generators.conftest import profile_of
from tests.generators.shop import Columns, shop

ORDERS = shop(1_500)
STATUS: list[dict[str, Any]] = [
    {"kind": "not_null", "columns": ["paid_at"], "when": "status == 'paid'"},
    {"kind": "null_when", "columns": ["paid_at"], "when": "status == 'open'"},
]
PLACES = {"kind": "fixed_combinations", "columns": ["city", "country"]}
LISTED = PLACES | {"combinations": [["Köln", "DE"], ["Lyon", "FR"]]}
ADULT = {"kind": "range", "column": "age", "min": 21, "max": 80}


def spec(*constraints: dict[str, Any], **columns: Any) -> TableSpec:
    return TableSpec.model_validate({"constraints": list(constraints), "columns": columns})


def planned(where: dict[str, Any], table: TableSpec, rows: pa.Table = ORDERS) -> None:
    steer = Steering.model_validate({"where": where})
    plan(rows, rows.schema, (), table, profile_of(rows), 1, real=True, change=True, steer=steer)


def fit(where: dict[str, Any], table: TableSpec, rows: pa.Table = ORDERS) -> Fitted:
    steer = Steering.model_validate({"where": where})
    generator = create(GeneratorSpec(options={"trees_per_column": 1}, steer=steer))
    return generator.fit(rows, table, profile_of(rows), seed=1)


REFUSED: list[tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any], list[str]]] = [
    ({"age": "< 21"}, [ADULT], {}, ["where.age", "range(age)"]),
    ({"age": "90..94", "city": "Roma"}, [ADULT, PLACES], {}, ["where.age", "range(age)"]),
    ({"city": "Roma"}, [LISTED], {}, ["where.city", "fixed_combinations(city, country)"]),
    ({"city": "Roma", "country": "DE"}, [PLACES], {}, []),  # no row has both: what the generator knows is asked
    ({"status": "open", "paid_at": "> 2000-01-01"}, STATUS, {}, []),
    ({"status": ["open", "paid"], "paid_at": None}, [{"kind": "not_null", "columns": ["paid_at"]}], {},
     ["where.paid_at", "not_null(paid_at)"]),
    ({"shipped": "null"}, [{"kind": "not_null", "columns": ["shipped"]}], {}, ["where.shipped", "not_null(shipped)"]),
    ({"shipped": None}, [{"kind": "not_null", "columns": ["paid_at"]},
                         {"kind": "null_together", "columns": ["shipped", "paid_at"]}], {}, ["where.shipped"]),
    ({"ordered": ">= 2023-06-01"}, [{"kind": "range", "column": "ordered", "max": "2023-05-31"}], {},
     ["where.ordered", "range(ordered)"]),
    ({"ordered": "> 2023-06-01", "shipped": "< 2023-05-01"},
     [{"kind": "inequality", "low": "ordered", "high": "shipped"}], {}, ["inequality(ordered, shipped)"]),
    ({"by_post": True}, [{"kind": "check", "expression": "not by_post or age > 200", "name": "posted"}], {},
     ["where.by_post", "posted"]),
    ({"net": "> 100"}, [{"kind": "check", "expression": "total < 90"}], {}, ["where.net", "check(total)"]),
    ({"age": ">= 60"}, [], {"age": {"min": 18, "max": 50}}, ["where.age", "declares"]),
    ({"status": "open"}, [], {"status": {"values": ["paid", "sent"]}}, ["where.status", "declares"]),
    ({"status": "open"}, [{"kind": "format", "column": "status", "pattern": "p.*"}], {},
     ["where.status", "format(status)"]),
]  # fmt: skip


@pytest.mark.parametrize(("where", "constraints", "columns", "told"), REFUSED)
def test_a_contradiction_is_refused_before_anything_is_learned(
    where: dict[str, Any], constraints: list[dict[str, Any]], columns: dict[str, Any], told: list[str]
) -> None:
    table = spec(*constraints, **columns)
    if not told:
        planned(where, table)
        return
    with pytest.raises(GeneratorError) as caught:
        planned(where, table)
    said = str(caught.value)
    assert all(word in said for word in told), said
    assert "generator.steer.where." in said


def test_trees_are_not_grown_for_a_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(*_: Any) -> None:
        raise AssertionError("trees were grown")

    monkeypatch.setattr("generators.trees.grow_tree", trained)
    with pytest.raises(GeneratorError, match=r"generator\.steer\.where\.age and keep the constraint range\(age\)"):
        fit({"age": "< 21"}, spec(ADULT))


def test_only_what_clashes_is_named() -> None:
    where = {"age": "< 21", "status": "paid", "net": "> 1", "city": ["Roma", "Lyon"]}
    with pytest.raises(GeneratorError) as caught:
        planned(where, spec(ADULT, PLACES, *STATUS))
    said = caught.value.what
    assert "where.age" in said
    for word in ("where.status", "where.net", "where.city", "combinations", "null"):
        assert word not in said


def test_a_condition_beyond_the_train_part_is_left_to_the_generator() -> None:
    planned({"age": "> 300"}, spec(PLACES))
    planned({"city": "nowhere", "absent": 3}, spec(PLACES))
    planned({"age": "21..80", "net": "> 1e9"}, spec(ADULT))
    with pytest.raises(GeneratorError, match="range"):
        planned({"age": "> 300"}, spec(ADULT))  # bounds are compared even so
    with pytest.raises(GeneratorError, match="check"):
        planned({"age": "> 93", "net": "> 1e9"}, spec({"kind": "check", "expression": "age < 90"}))


def test_a_column_that_may_be_null_escapes_its_bounds() -> None:
    rows = pa.table({
        "start": pa.array([datetime.date(2024, 1, 1 + i % 28) for i in range(400)]),
        "end": pa.array([None if i % 2 else datetime.date(2024, 2, 1) for i in range(400)], pa.date32()),
    })  # fmt: skip
    cap = {"kind": "range", "column": "end", "max": "2024-01-10"}
    order = {"kind": "inequality", "low": "start", "high": "end"}
    planned({"start": "> 2024-01-20"}, spec(order, cap), rows)
    with pytest.raises(GeneratorError, match=r"where\.end, \S+where\.start and keep the constraints"):
        planned({"start": "> 2024-01-20", "end": ">= 2024-01-01"}, spec(order, cap), rows)


def test_a_generator_that_cannot_be_steered_is_asked_nothing() -> None:
    generator = Columns(steer=Steering(where={"age": "< 21"}))
    assert generator.fit(ORDERS, spec(ADULT), profile_of(ORDERS), seed=1).sample(50, seed=1).table.num_rows == 50


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"age": ">= 75", "city": "Roma"}, lambda t: ((t.age >= 75) & (t.city == "Roma")).all()),
        ({"shipped": None, "status": "paid"}, lambda t: (t.shipped.isna() & (t.status == "paid")).all()),
        ({"paid_at": ">= 2023-07-01"}, lambda t: (t.paid_at >= np.datetime64("2023-07-01")).all()),
        ({"by_post": True, "net": "10..20"}, lambda t: (t.by_post & t.net.between(10, 20)).all()),
    ],
)
def test_conditions_that_agree_with_the_constraints_hold_in_every_row_after_repair(
    where: dict[str, Any], holds: Any
) -> None:
    one = {"kind": "one_hot", "columns": ["by_post", "by_van", "by_bike"]}
    less = {"kind": "inequality", "low": "ordered", "high": "shipped"}
    total = {"kind": "sum", "columns": ["net", "tax", "fee"], "total": "total"}
    fitted = fit(where, spec(ADULT, PLACES, one, less, total, *STATUS))
    made = fitted.sample(600, seed=4)
    assert not violations(fitted._held.constraints, made.table).any()
    assert holds(made.table.to_pandas())
    assert made.repairs.resampled + made.repairs.repaired > 0
