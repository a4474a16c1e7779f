"""The validation suite: it passes for the source's like, fails for each kind of fault, and quotes nothing."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from proofset.errors import InternalError
from proofset.evidence import Profile, SuiteResult
from proofset.spec import ColumnSpec, TableSpec
from quality import gx_suite
from quality.expectations import expectations, range_share
from quality.gx_suite import run_suite
from quality.profile import profile_table

SPEC = TableSpec(columns={"visits": ColumnSpec(min=0), "city": ColumnSpec(values=("Aachen", "Bonn", "Celle", "Daun"))})


def failures(result: SuiteResult) -> set[tuple[str | None, str]]:
    return {(e.column, e.expectation.removeprefix("expect_")) for e in result.expectations if not e.success}


def replaced(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def test_the_source_and_its_like_hold(source: pa.Table, fresh: pa.Table, profile: Profile) -> None:
    for table in (source, fresh):
        result = run_suite(table, "d" * 64, profile, SPEC)
        assert failures(result) == set()
        assert result.success
        assert result.synthetic_digest == "d" * 64
        assert len(result.expectations) == len(expectations(profile, SPEC, table.schema)) > 30
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_each_fault_is_found(fresh: pa.Table, profile: Profile) -> None:
    rows = len(fresh)
    faults = {
        ("city", "column_values_to_be_in_set"): replaced(fresh, "city", pa.array(["Atlantis"] * rows)),
        ("visits", "column_values_to_be_between"): replaced(fresh, "visits", pc.subtract(fresh["visits"], 5)),
        ("age", "column_values_to_not_be_null"): replaced(fresh, "age", pa.array([None] + [40] * (rows - 1))),
        ("since", "column_values_to_be_between"): replaced(
            fresh, "since", pa.array([0] * rows).cast(pa.timestamp("us"))
        ),
        ("income", "column_values_to_not_be_null"): replaced(fresh, "income", pa.nulls(rows, pa.float64())),
        ("person_id", "column_values_to_be_unique"): replaced(fresh, "person_id", pa.array([1] * rows)),
        ("email", "column_values_to_match_regex"): replaced(fresh, "email", pa.array([f"no{i}" for i in range(rows)])),
        ("spend", "column_values_to_be_in_type_list"): replaced(fresh, "spend", pa.array(["much"] * rows)),
        (None, "table_columns_to_match_ordered_list"): fresh.drop_columns(["plan"]),
        (None, "table_row_count_to_be_between"): fresh.slice(0, 0),
    }
    for fault, table in faults.items():
        result = run_suite(table, "", profile, SPEC)
        assert fault in failures(result), fault
        assert not result.success
        text = result.model_dump_json()
        assert "Atlantis" not in text
        assert "much" not in text


def test_categories_are_written_in_the_columns_own_type() -> None:
    table = pa.table({"n": [1, 2, 3] * 40, "f": [1.5, 2.0, 3.0] * 40, "b": [True, False] * 60})
    spec = TableSpec(columns={"n": ColumnSpec(values=("1", "2", "3", "n/a")), "f": ColumnSpec(type="category")})
    profile = profile_table(table, "t", spec, "")
    assert run_suite(table, "", profile, spec).success
    sets = {
        e.column: e.arguments["value_set"] for e in expectations(profile, spec, table.schema) if e.kind.endswith("set")
    }
    assert sets == {"n": [1, 2, 3], "f": [1.5, 2.0, 3.0], "b": [False, True]}


def test_a_mostly_null_or_rare_column_is_not_demanded() -> None:
    table = pa.table({"a": pa.array([1.5, *[None] * 199]), "b": ["x"] * 10 + [f"r{i}" for i in range(190)]})
    spec = TableSpec(columns={"b": ColumnSpec(type="category")})
    profile = profile_table(table, "t", spec, "")
    kinds = {(e.column, e.kind) for e in expectations(profile, spec, table.schema)}
    assert ("a", "expect_column_values_to_not_be_null") not in kinds
    assert run_suite(table, "", profile, spec).success


def test_small_tables_leave_room_at_the_ends() -> None:
    assert range_share(1_000_000) > 0.969
    assert range_share(100) == pytest.approx(0.57, abs=1e-3)


def test_odd_types_run(make: SimpleNamespace) -> None:
    table = pa.table(
        {
            "clock": pa.array([i * 60 for i in range(600)], pa.int32()).cast(pa.time32("s")),
            "word": pa.array(["a", "b"] * 300).dictionary_encode(),
            "price": pa.array([f"{i % 90}.50" for i in range(600)]).cast(pa.decimal128(8, 2)),
            "day": pa.array(range(600), pa.int32()).cast(pa.date32()),
            "zone": pa.array([i * 10**9 for i in range(600)]).cast(pa.timestamp("us", "UTC")),
        }
    )
    result = run_suite(table, "", profile_table(table, "t", TableSpec(), ""), TableSpec())
    assert failures(result) == set()


def test_a_failing_library_says_nothing(fresh: pa.Table, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret-canary")

    monkeypatch.setattr(gx_suite, "_run", broken)
    with pytest.raises(InternalError) as caught:
        run_suite(fresh, "", profile, SPEC)
    assert "secret-canary" not in str(caught.value)
    assert caught.value.__cause__ is None
