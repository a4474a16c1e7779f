"""Tables that are wrong in a known way: a named reason for each measure, never NaN, never a bare exception."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from proofset.evidence import Measure, Profile
from proofset.spec import ColumnSpec, TableSpec
from quality import ON_REQUEST, REGISTRY, copies, disclosure, linkability, singling_out
from quality.base import Context
from quality.neighbours import space
from quality.profile import profile_table
from quality.quick import quick_score
from quality.scoring import score
from quality.singling_out import distinct

Parts = tuple[pa.Table, pa.Table]
EVERY = {card.name for name in REGISTRY if name not in ON_REQUEST for card in REGISTRY[name].cards}


def put(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def same(name: str, value: object) -> Callable[[pa.Table], pa.Table]:
    return lambda t: put(t, name, pa.array([value] * len(t), t.schema.field(name).type))


SYNTHETIC: dict[str, Callable[[pa.Table], pa.Table]] = {
    "a column is missing": lambda t: t.drop_columns(["age"]),
    "a column is there twice": lambda t: t.append_column("age", t["age"]),
    "whole numbers are fractions": lambda t: put(t, "age", pa.array(np.arange(len(t)) + 0.5)),
    "numbers are texts": lambda t: put(t, "age", pa.array(["many"] * len(t))),
    "a column is null": lambda t: put(t, "income", pa.nulls(len(t), pa.float64())),
    "every column is null": lambda t: pa.table({f.name: pa.nulls(len(t), f.type) for f in t.schema}),
    "one day": same("day", dt.date(2020, 1, 1)),
    "one moment": same("since", dt.datetime(2020, 1, 1)),
    "one class": same("churned", "gone"),
    "no row": lambda t: t.slice(0, 0),
    "one row": lambda t: t.slice(0, 1),
    "few rows": lambda t: t.slice(0, 39),
    "one row over and over": lambda t: t.take(pa.array([0] * len(t))),
    "infinite and huge": lambda t: put(t, "income", pa.array([np.inf, -np.inf, 1e308, -1e308] + [5.0] * (len(t) - 4))),
    "every category is new": lambda t: put(t, "city", pa.array([f"c{i}" for i in range(len(t))])),
}
NAMED = {
    "a column is missing": "column 'age' of the synthetic table is missing",
    "a column is there twice": "column 'age' of the synthetic table is there 2 times",
    "whole numbers are fractions": "column 'age' of the synthetic table is double, and not every value reads as int64",
    "numbers are texts": "column 'age' of the synthetic table is string, and not every value reads as int64",
    "no row": "the synthetic table has no rows",
}


def checked(measures: tuple[Measure, ...]) -> dict[str, Measure]:
    for measure in measures:
        assert measure.status != "error", (measure.name, measure.detail)
        if measure.status == "ok":
            assert np.isfinite([measure.value, measure.low, measure.high]).all(), measure.name
        else:
            assert measure.detail, measure.name
            assert measure.value is None
    return {m.name: m for m in measures}


@pytest.mark.slow
@pytest.mark.parametrize("case", list(SYNTHETIC))
def test_every_measure_has_a_number_or_a_reason(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, case: str
) -> None:
    table = SYNTHETIC[case](fresh)
    card = score(*parts, table, profile=profile, table=make.spec, seed=1, digests=make.digests)
    found = checked(card.measures)
    assert set(found) == EVERY
    if case in NAMED:
        assert NAMED[case] in {m.detail for m in found.values() if m.status == "inconclusive"}
        assert found["privacy.exact_copy_rate"].status == "inconclusive"
    quick = quick_score(*parts, table, profile=profile, target="churned", seed=1)
    assert {m.status for m in quick.measures} <= {"ok", "unsupported", "inconclusive"}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 1, 50])
def test_a_holdout_of_few_rows_gives_no_false_comfort(
    make: SimpleNamespace, parts: Parts, profile: Profile, rows: int
) -> None:
    card = score(
        parts[0], parts[1].slice(0, rows), parts[0], profile=profile, table=make.spec, seed=1, digests=make.digests
    )
    found = checked(card.measures)
    for name in ("rare_value_disclosure", "membership_auc", "linkability_risk"):
        assert found[f"privacy.{name}"].status == "inconclusive", name
    assert (found["privacy.exact_copy_rate"].reference is None) == (rows == 0)


def test_one_absurd_row_does_not_move_where_the_others_are(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    odd = {n: fresh[n][0].as_py() for n in fresh.column_names} | {"age": 10**15, "income": 1e18}
    more = pa.concat_tables([fresh, pa.table({n: pa.array([v]).cast(fresh[n].type) for n, v in odd.items()})])
    one, other = (
        space(make.context(*parts, t, profile).encoded.columns, "range").rows["synthetic"].values for t in (fresh, more)
    )
    assert np.array_equal(one, other[:, : len(fresh)])


def measured(context: Context, family: object) -> dict[str, Measure]:
    return {m.name: m for m in family.observe(context).measures}  # type: ignore[attr-defined]


def test_a_leak_is_not_hidden_by_doubling_it(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    twice = pa.concat_tables([parts[0], parts[0]])
    found = [
        measured(make.context(*parts, t, profile), singling_out.FAMILY)["privacy.singling_out_risk"]
        for t in (parts[0], twice)
    ]
    assert min(m.low for m in found) > 0.1
    table = np.array([[1, 1, 2, 1], [0, 0, 0, 3]], np.int32)
    assert distinct(table, np.array([3, 4]), np.random.default_rng(1)).tolist() == [0, 2, 3]


def test_a_leak_is_not_hidden_by_publishing_more(
    make: SimpleNamespace, parts: Parts, profile: Profile, fresh: pa.Table
) -> None:
    padded = pa.concat_tables([parts[0].slice(0, 120), *[fresh] * 40])
    found = measured(make.context(*parts, padded, profile), copies.FAMILY)
    assert found["privacy.exact_copy_rate"].value < 0.01
    share = found["privacy.published_row_share"]
    assert share.value == pytest.approx(0.1)
    assert share.reference == 0


def test_whole_numbers_beyond_doubles_stay_apart() -> None:
    rng = np.random.default_rng(1)
    for low in (4_500_000_000_000_000_000, -9_223_372_036_854_775_808, 9_223_372_036_854_774_807):
        table = pa.table({"account": low + rng.integers(0, 1000, 900), "x": rng.normal(size=900).round(1)})
        spec = TableSpec(columns={"account": ColumnSpec(type="number")})
        profile = profile_table(table, "t", spec, "")
        at = Context(table.slice(0, 600), table.slice(600), table.slice(0, 600), profile, spec, 1)
        column = next(c for c in at.encoded.columns if c.name == "account")
        for part, rows in (("train", table.slice(0, 600)), ("holdout", table.slice(600))):
            told = rows["account"].to_pylist()
            assert [a - b for a, b in zip(told[1:], told, strict=False)] == np.diff(column.values[part]).tolist()


def test_bytes_that_are_no_text_are_categories() -> None:
    rng = np.random.default_rng(1)
    table = pa.table({"flag": pa.array([bytes([200 + i]) for i in rng.integers(0, 4, 900)]), "x": rng.normal(size=900)})
    spec = TableSpec(columns={"flag": ColumnSpec(type="category")})
    at = Context(*(table.slice(i, 300) for i in (0, 300, 600)), profile_table(table, "t", spec, ""), spec, 1)
    assert [c.name for c in at.encoded.columns] == ["flag", "x"]
    assert checked(disclosure.FAMILY.observe(at).measures)
    assert checked(linkability.FAMILY.observe(at).measures)
