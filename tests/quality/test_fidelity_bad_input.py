"""Bad input to fidelity: a named reason or a number, never NaN, never silence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from proofset.evidence import Measure, Profile
from proofset.spec import ColumnSpec, TableSpec
from quality.base import Family, Observed
from quality.coverage import FAMILY as COVERAGE
from quality.fidelity import FAMILY
from quality.profile import profile_table

Parts = tuple[pa.Table, pa.Table]
each_family = pytest.mark.parametrize("family", [FAMILY, COVERAGE], ids=lambda f: f.name)


def sound(observed: Observed, family: Family) -> dict[str, Measure]:
    """Each card has its measure; what is ok is finite and in its range, what is not says why."""
    by_name = {m.name: m for m in observed.measures}
    assert set(by_name) == {c.name for c in family.cards}
    for measure in by_name.values():
        if measure.status == "ok":
            assert measure.value is not None
            assert measure.low is not None
            assert measure.high is not None
            assert np.isfinite([measure.low, measure.value, measure.high]).all()
            assert measure.floor <= measure.low <= measure.value <= measure.high <= measure.ceiling
            assert all(np.isfinite([s.value, s.low, s.high]).all() for s in measure.parts)
        else:
            assert measure.detail
    return by_name


@each_family
@pytest.mark.parametrize("rows", [1, 39])
def test_few_rows_are_inconclusive(
    make: SimpleNamespace, parts: Parts, profile: Profile, family: Family, rows: int
) -> None:
    found = sound(family.observe(make.context(*parts, parts[0].slice(0, rows), profile)), family)
    assert {(m.status, m.detail) for m in found.values()} == {
        ("inconclusive", "fewer than 40 synthetic rows: no interval")
    }
    found = sound(family.observe(make.context(parts[0].slice(0, rows), parts[1], parts[0], profile)), family)
    assert {m.status for m in found.values()} == {"inconclusive"}


@each_family
def test_a_small_holdout_gives_no_reference(
    make: SimpleNamespace, parts: Parts, profile: Profile, family: Family
) -> None:
    found = sound(family.observe(make.context(parts[0], parts[1].slice(0, 5), parts[1], profile)), family)
    assert {m.reference for m in found.values()} == {None}
    assert any(m.status == "ok" for m in found.values())


COLUMN = "column 'age' of the synthetic table"
FOREIGN = "is string, and not every value reads as int64"


@each_family
def test_missing_columns_and_foreign_types_are_named(
    make: SimpleNamespace, parts: Parts, profile: Profile, family: Family
) -> None:
    lacking = family.observe(make.context(*parts, parts[0].drop_columns(["age"]), profile))
    assert {(m.status, m.detail) for m in lacking.measures} == {
        ("inconclusive", "column 'age' of the synthetic table is missing")
    }
    words = parts[0].set_column(parts[0].column_names.index("age"), "age", pa.array(["x"] * len(parts[0])))
    foreign = family.observe(make.context(*parts, words, profile))
    assert {(m.status, m.detail) for m in foreign.measures} == {("inconclusive", f"{COLUMN} {FOREIGN}")}


@each_family
def test_nulls_constants_infinities_and_many_categories(make: SimpleNamespace, family: Family) -> None:
    rng = np.random.default_rng(0)
    rows = 12_000
    ends = rng.normal(size=rows)
    ends[:3] = [np.inf, -np.inf, 1e300]
    table = pa.table(
        {
            "null": pa.nulls(rows, pa.float64()),
            "constant": pa.array([3.0] * rows),
            "same": pa.array(["x"] * rows),
            "many": pa.array([f"w{i}" for i in rng.permutation(10_000)] + [f"w{i}" for i in range(rows - 10_000)]),
            "ends": pa.array(ends),
            "rare": pa.array([None] * (rows - 2) + [1.5, 2.5]),
        }
    )
    spec = TableSpec(columns={"many": ColumnSpec(type="category"), "rare": ColumnSpec(type="number")})
    train, holdout = make.split(table)
    known = profile_table(table, "odd", spec, "")
    sound(family.observe(make.context(train, holdout, make.shuffled(train), known)), family)
    empty = pa.table({f.name: pa.nulls(len(train), f.type) for f in table.schema})
    found = sound(family.observe(make.context(train, holdout, empty, known)), family)
    if family is FAMILY:
        assert found["fidelity.shape_error"].value == 1


def test_only_constants_have_no_numbers_to_compare(make: SimpleNamespace) -> None:
    table = pa.table({"a": pa.array([1.5] * 300), "b": pa.array(["x", "y", "z"] * 100)})
    spec = TableSpec(columns={"a": ColumnSpec(type="number")})
    train, holdout = make.split(table)
    found = sound(FAMILY.observe(make.context(train, holdout, train, profile_table(table, "t", spec, ""))), FAMILY)
    assert found["fidelity.wasserstein"].detail == "no column of numbers that varies"
    assert found["fidelity.correlation_error"].detail == "no two columns of numbers that vary"
    assert found["fidelity.category_coverage"].value == 1
