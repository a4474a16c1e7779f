"""The suite's multi-column rules, dates far away, and pages that are the same for the same evidence."""

from __future__ import annotations

import datetime as dt
import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from proofset.errors import InternalError
from proofset.evidence import Profile, SuiteResult
from proofset.spec import TableSpec
from quality import gx_docs
from quality.expectations import expectations
from quality.gx_docs import data_docs
from quality.gx_suite import moment, run_suite
from quality.profile import profile_table

PAIRS = [[p, c] for p in ("low", "medium", "high") for c in ("gone", "here")]
CONSTRAINTS = [
    {"kind": "inequality", "low": "age", "high": "person_id"},
    {"kind": "range", "column": "age", "min": 18, "max": "person_id"},
    {"kind": "unique", "columns": ["person_id", "email"]},
    {"kind": "unique", "columns": ["email"]},
    {"kind": "fixed_combinations", "columns": ["plan", "churned"], "combinations": PAIRS},
    {"kind": "format", "column": "email", "pattern": "[a-z0-9.]+@example[.]org"},
    {"kind": "not_null", "columns": ["city"]},
    {"kind": "sum", "columns": ["age", "visits"], "total": 7},
    {"kind": "check", "expression": "age > 0"},
]
SPEC = TableSpec.model_validate({"constraints": CONSTRAINTS})


def replaced(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def wrong(result: SuiteResult) -> set[str]:
    return {f"{e.column}: {e.detail}" if e.column else e.detail for e in result.expectations if not e.success}


def test_constraints_become_expectations_that_find_their_fault(fresh: pa.Table, profile: Profile) -> None:
    rows = fresh.num_rows
    assert wrong(run_suite(fresh, "", profile, SPEC, rows)) == {"age + visits = 7"}
    faults = {
        "age ≤ person_id": replaced(fresh, "person_id", pc.subtract(fresh["person_id"], 100_000)),
        "no combination of person_id, email twice": pa.concat_tables([fresh.slice(0, rows - 1), fresh.slice(0, 1)]),
        "plan and churned are one of the 6 pairs the spec lists": replaced(fresh, "churned", pa.array(["lost"] * rows)),
        "email: the spec's pattern": replaced(fresh, "email", pa.array([f"A{i}@example.com" for i in range(rows)])),
        "city: never null": replaced(fresh, "city", pa.array([None] + ["Bonn"] * (rows - 1))),
        "age: within the constraint's bounds": replaced(fresh, "age", pc.subtract(fresh["age"], 5)),
        f"the {rows:,} rows asked for": fresh.slice(1),
    }
    for fault, table in faults.items():
        assert fault in wrong(run_suite(table, "", profile, SPEC, rows)), fault


def test_sums_and_one_hot_hold_where_they_hold() -> None:
    table = pa.table({"a": [1, 0, 0] * 50, "b": [0, 1, 1] * 50, "t": [4, 5, 6] * 50, "u": [6, 5, 4] * 50})
    spec = TableSpec.model_validate(
        {
            "constraints": [
                {"kind": "one_hot", "columns": ["a", "b"]},
                {"kind": "sum", "columns": ["t", "u"], "total": 10},
                {"kind": "sum", "columns": ["a", "b"], "total": "t", "tolerance": 9},
                {"kind": "inequality", "low": "a", "high": "gone"},
            ]
        }
    )
    profile = profile_table(table, "t", spec, "")
    assert run_suite(table, "", profile, spec).success
    both = replaced(table, "b", pa.array([1] * 150))
    assert "exactly one of a, b is 1" in wrong(run_suite(both, "", profile, spec))
    rules = [e.rule for e in expectations(profile, spec, table.schema)]
    assert "t + u = 10" in rules
    assert not [r for r in rules if "gone" in r]


def test_no_expectation_is_demanded_twice(profile: Profile, fresh: pa.Table) -> None:
    wanted = expectations(profile, SPEC, fresh.schema)
    seen = [(e.kind, e.column, repr(e.arguments)) for e in wanted]
    assert len(seen) == len(set(seen))


def test_dates_beyond_what_nanoseconds_hold_are_checked() -> None:
    days = [dt.date(2900 + i % 90, 1, 1) for i in range(300)]
    moments = [dt.datetime(9000 + i % 90, 1, 1) for i in range(300)]
    table = pa.table({"day": days, "moment": pa.array(moments, pa.timestamp("us"))})
    profile = profile_table(table, "t", TableSpec(), "")
    result = run_suite(table, "", profile, TableSpec())
    assert result.success, wrong(result)
    early = replaced(table, "day", pa.array([dt.date(1200, 1, 1)] * 300))
    assert any(w.startswith("day: near") for w in wrong(run_suite(early, "", profile, TableSpec())))
    assert re.search(r"2[89]\d\d-\d\d-\d\dT", data_docs(result, profile, TableSpec(), table.schema)["index.html"])
    assert (moment(1e15), moment(-1e15)) == (dt.datetime.max, dt.datetime.min)


def test_pages_are_still_whole_and_silent(fresh: pa.Table, profile: Profile) -> None:
    leaky = replaced(fresh, "city", pa.array(["canary-4711"] * fresh.num_rows))
    result = run_suite(leaky, "d" * 64, profile, SPEC, fresh.num_rows)
    pages = data_docs(result, profile, SPEC, fresh.schema, fresh.num_rows)
    assert data_docs(result, profile, SPEC, fresh.schema, fresh.num_rows) == pages
    assert set(pages) == {"index.html", "expectations.html"}
    for page in pages.values():
        assert not re.search(rf"https?://|<script|<link|<img|1970|{dt.date.today().year}-", page)
        assert "canary" not in page
        assert not [e for e in fresh["email"].to_pylist() if e in page]
    assert pages["index.html"].count("✗") or "fa-times" in pages["index.html"]
    assert 'href="expectations.html"' in pages["index.html"]
    for name in profile.columns:
        assert name.name in pages["index.html"]
    other = data_docs(run_suite(fresh, "e" * 64, profile, SPEC), profile, SPEC, fresh.schema)
    assert other["index.html"] != pages["index.html"]


def test_a_failing_renderer_says_nothing(fresh: pa.Table, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_suite(fresh, "", profile, SPEC)

    def broken(*_: object) -> None:
        raise ValueError("canary-4711")

    monkeypatch.setattr(gx_docs, "_pages", broken)
    with pytest.raises(InternalError) as caught:
        data_docs(result, profile, SPEC, fresh.schema)
    assert "canary" not in str(caught.value)
