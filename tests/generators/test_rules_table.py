"""Rules of a whole table: correlations, event logs, injected defects, schema drift, and the worked examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from generators import Fitted, create, load_fitted
from generators.blocks import BLOCK
from generators.rules_file import read_rules
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.rules_table import TableRules
from proofset.spec import GeneratorSpec, TableSpec

NOTHING = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())
EXAMPLES = Path(__file__).parents[2] / "examples" / "rules"
ROWS = BLOCK + 4_321


def fit_spec(spec: TableSpec, train: pa.Table | None = None) -> Fitted:
    return create(GeneratorSpec(name="rules")).fit(pa.table({}) if train is None else train, spec, NOTHING, seed=0)


def fit(rules: dict[str, Any], train: pa.Table | None = None, **columns: dict[str, Any]) -> Fitted:
    declared = {n: {"rule": c} if "kind" in c else c for n, c in columns.items()}
    return fit_spec(TableSpec.model_validate({"columns": declared, "rules": rules}), train)


def frame(rules: dict[str, Any], rows: int = 40_000, **columns: dict[str, Any]) -> pd.DataFrame:
    return fit(rules, **columns).sample(rows, seed=1).table.to_pandas()


NUMBERS: dict[str, dict[str, Any]] = {
    "age": {"kind": "normal", "mean": 40, "sd": 12},
    "income": {"kind": "lognormal", "mean": 10, "sd": 0.5},
    "visits": {"kind": "poisson", "mean": 40},
    "joined": {"kind": "datetime", "start": "2020-01-01", "end": "2024-12-31"},
    "grade": {"kind": "choice", "values": ["a", "b", "c", "d", "e", "f", "g", "h"]},
}


# Correlations.


def test_stated_rank_correlations_are_hit_and_marginals_kept() -> None:
    rules = {"correlations": [{"columns": ["age", "income"], "r": 0.6}, {"columns": ["age", "visits"], "r": -0.3},
                              {"columns": ["income", "joined", "grade"], "r": 0.4}]}  # fmt: skip
    drawn = frame(rules, **NUMBERS)
    drawn["joined"] = drawn.joined.astype("int64")
    ranks = drawn.assign(grade=drawn.grade.astype("category").cat.codes).rank().corr()
    wanted = {("age", "income"): 0.6, ("age", "visits"): -0.3, ("income", "joined"): 0.4, ("income", "grade"): 0.4,
              ("joined", "grade"): 0.4, ("age", "grade"): 0.0}  # fmt: skip
    error = 4 / np.sqrt(len(drawn))  # four standard errors of a rank correlation near 0
    for (a, b), r in wanted.items():
        assert ranks.loc[a, b] == pytest.approx(r, abs=error + 0.02 * abs(r)), (a, b)
    assert drawn.age.mean() == pytest.approx(40, abs=4 * 12 / 200)
    assert drawn.visits.var() == pytest.approx(40, rel=0.05)


def test_perfect_correlation_is_possible() -> None:
    drawn = frame({"correlations": [{"columns": ["age", "income"], "r": 1}]}, 2_000, **NUMBERS)
    assert (drawn.age.rank() == drawn.income.rank()).all()


@pytest.mark.parametrize(
    ("correlations", "words"),
    [
        ([{"columns": ["age", "income"], "r": 0.9}, {"columns": ["income", "visits"], "r": 0.9}],
         r"(?s)contradict.*positive semi-definite.*age and visits"),
        ([{"columns": ["age", "income", "visits"], "r": -0.9}], "(?s)contradict.*positive semi-definite"),
        ([{"columns": ["age", "income"], "r": 0.1}, {"columns": ["income", "age"], "r": 0.1}], "income and age twice"),
        ([{"columns": ["age", "incme"], "r": 0.1}], "Did you mean 'income'"),
        ([{"columns": ["age", "word"], "r": 0.1}], "(?s)'word' cannot be correlated.*choice"),
        ([{"columns": ["age", "id"], "r": 0.1}], "(?s)'id' cannot be correlated.*distribution"),
    ],
)  # fmt: skip
def test_correlations_that_cannot_be_are_refused(correlations: list[dict[str, Any]], words: str) -> None:
    more: dict[str, Any] = {"word": {"kind": "category", "weights": {"x": 1}}, "id": {"kind": "sequence"}}
    with pytest.raises(GeneratorError, match=words):
        fit({"correlations": correlations}, **NUMBERS, **more)


# Event logs.

EVENTS: dict[str, Any] = {
    "entity": "order", "state": "status", "at": "at", "start": {"placed": 3, "imported": 1},
    "moves": {"placed": {"paid": 0.9, "cancelled": 0.1}, "imported": {"paid": 1}, "paid": {"paid": 0.2, "sent": 0.8},
              "sent": {}},
    "delay": {"default": {"kind": "exponential", "mean": 3}, "paid": {"kind": "constant", "value": 2}},
    "unit": "hours", "per_entity": ["customer"], "max_events": 5,
}  # fmt: skip
LOG: dict[str, dict[str, Any]] = {
    "order": {"kind": "sequence", "format": "O-{:08d}"},
    "status": {},
    "at": {"kind": "datetime", "start": "2024-01-01", "end": "2024-12-31"},
    "customer": {"kind": "faker", "provider": "name", "pool": 50},
    "agent": {"kind": "choice", "values": ["x", "y"]},
    "slow": {"kind": "expression", "expression": "status == 'paid'"},
}


def test_an_event_log_makes_only_allowed_moves_in_order_of_time() -> None:
    fitted = fit({"events": EVENTS}, **LOG)
    table = fitted.sample(ROWS, seed=2, workers=2)
    assert table.table.num_rows == ROWS
    assert fitted.sample(ROWS, seed=2, workers=1).digest == table.digest
    log = table.table.to_pandas()
    assert log.columns.tolist() == list(LOG)
    same = log.order.eq(log.order.shift())
    assert log.order[~same].is_unique
    moves = set(zip(log.status.shift()[same], log.status[same], strict=True))
    paths = {"placed": ("paid", "cancelled"), "imported": ("paid",), "paid": ("paid", "sent")}
    assert moves == {(a, b) for a, after in paths.items() for b in after}
    assert set(log.status[~same]) == {"placed", "imported"}
    step = log["at"].diff()[same]
    assert step.min() >= pd.Timedelta(seconds=1)
    assert (step[log.status.shift()[same] == "paid"] == pd.Timedelta(hours=2)).all()
    assert step[log.status.shift()[same] == "placed"].dt.total_seconds().mean() == pytest.approx(3 * 3_600, rel=0.03)
    assert log.groupby("order").size().max() == 5
    assert log.groupby("order").customer.nunique().max() == 1
    assert log.groupby("order").agent.nunique().max() == 2
    assert log.status[~same].eq("placed").mean() == pytest.approx(0.75, abs=0.02)
    assert log.status[same & log.status.shift().eq("placed")].eq("paid").mean() == pytest.approx(0.9, abs=0.01)
    assert (log.slow == log.status.eq("paid")).all()


def test_only_the_last_entity_of_a_block_may_stop_early() -> None:
    log = fit({"events": EVENTS | {"max_events": 50}}, **LOG).sample(ROWS, seed=2).table.to_pandas()
    last = log.groupby("order").tail(1)
    unfinished = last[~last.status.isin(["sent", "cancelled"])]
    assert set(unfinished.index) <= {BLOCK - 1, ROWS - 1}


def test_entities_carry_correlations_and_unique_sets_of_their_own() -> None:
    events = EVENTS | {"per_entity": ["a", "b", "c"], "delay": {"default": {"kind": "expression", "expression": "a"}}}
    gamma = {"kind": "gamma", "shape": 2, "scale": 1}
    unique = {"rule": {"kind": "uniform", "low": 0, "high": 1e6, "decimals": 0}, "unique": True}
    columns = LOG | {"a": gamma, "b": gamma, "c": unique}
    log = fit({"events": events, "correlations": [{"columns": ["a", "b"], "r": 0.7}]}, **columns)
    one = log.sample(30_000, 1).table.to_pandas().groupby("order").first()
    assert one.a.rank().corr(one.b.rank()) == pytest.approx(0.7, abs=0.04)
    assert one.c.is_unique


@pytest.mark.parametrize(
    ("change", "columns", "words"),
    [
        ({"entity": "ordr"}, {}, "Did you mean 'order'"),
        ({"per_entity": ["custmer"]}, {}, "Did you mean 'customer'"),
        ({}, {"status": {"kind": "uuid"}}, "'status' has a rule, but rules.events makes it"),
        ({}, {"at": {"kind": "uuid"}}, "'at' is a text and no time"),
        ({}, {"customer": {"kind": "expression", "expression": "agent"}}, "uses 'agent', which is not"),
        ({"delay": {"default": {"kind": "expression", "expression": "length(agent)"}}}, {}, "delay uses 'agent'"),
        ({"delay": {"default": {"kind": "constant", "value": "x"}}}, {}, "delay is a text"),
        ({}, {"order": {"kind": "regex", "pattern": "[ab]", "unique": True}}, "'order' cannot be unique"),
    ],
)  # fmt: skip
def test_an_event_log_that_cannot_work_is_refused(change: dict[str, Any], columns: dict[str, Any], words: str) -> None:
    with pytest.raises(GeneratorError, match=words):
        fit({"events": EVENTS | change}, **(LOG | columns)).sample(100, 1)


def test_entities_and_events_cannot_be_tied() -> None:
    columns = LOG | {"a": NUMBERS["age"], "b": NUMBERS["age"]}
    events = EVENTS | {"per_entity": ["a"]}
    with pytest.raises(GeneratorError, match="correlations tie a, drawn once per entity"):
        fit({"events": events, "correlations": [{"columns": ["a", "b"], "r": 0.1}]}, **columns)
    columns = LOG | {n: {"kind": "uniform", "low": 0, "high": 9, "decimals": 0} for n in "ab"}
    with pytest.raises(GeneratorError, match="a, b mixes columns of entities and of events"):
        fit({"events": events, "unique": [["a", "b"]]}, **columns)


# Defects.

CLEAN: dict[str, dict[str, Any]] = {
    "id": {"kind": "sequence"},
    "word": {"kind": "choice", "values": ["Leipzig", "New York"]},
    "price": {"kind": "uniform", "low": 10, "high": 20, "decimals": 2},
    "count": {"kind": "uniform", "low": 1, "high": 9, "decimals": 0},
    "first": {"kind": "date", "start": "2024-01-01", "end": "2024-12-31"},
    "a": {"kind": "sequence", "start": 1_000_000},
    "b": {"kind": "sequence", "start": 5_000_000},
}
CHECKS: dict[str, tuple[list[str], Any]] = {
    "nulls": (["word", "count"], lambda new, old: new.isna()),
    "typos": (["word"], lambda new, old: new != old),
    "whitespace": (["word"], lambda new, old: (new != old) & (new.str.replace(" ", "") == old.str.replace(" ", ""))),
    "case": (["word"], lambda new, old: (new != old) & (new.str.lower() == old.str.lower())),
    "truncated": (["word"], lambda new, old: new.str.len() < old.str.len()),
    "new_category": (["word"], lambda new, old: ~new.isin(["Leipzig", "New York"])),
    "wrong_type_text": (["price", "first"], lambda new, old: ~new.str.fullmatch(r"[\d.]+|[\d-]+ [\d:]+")),
    "outliers": (["price", "count"], lambda new, old: np.isclose(new, old * 100) & (new != old)),
    "sign": (["price", "count"], lambda new, old: new == -old),
    "stale_date": (["first"], lambda new, old: pd.to_datetime(old) - pd.to_datetime(new) == pd.Timedelta(days=3650)),
    "future_date": (["first"], lambda new, old: pd.to_datetime(new) - pd.to_datetime(old) == pd.Timedelta(days=3650)),
    "swapped": (["a", "b"], lambda new, old: new != old),
    "duplicates": (["id"], lambda new, old: new != old),
}


@pytest.mark.parametrize("kind", CHECKS)
def test_defects_hit_at_the_stated_rate_and_the_log_tells_where(kind: str) -> None:
    columns, changed = CHECKS[kind]
    share = 0.03
    clean = fit({}, **CLEAN).sample(ROWS, seed=5).table.to_pandas()
    defects = [{"kind": kind, "columns": columns, "share": share}]
    fitted = fit({"defects": defects, "defect_log": "bad", "defect_cells": "what"}, **CLEAN)
    table = fitted.sample(ROWS, seed=5, workers=2)
    assert fitted.sample(ROWS, seed=5, workers=1).digest == table.digest
    dirty = table.table.to_pandas()
    assert dirty.columns.tolist() == [*CLEAN, "bad", "what"]
    told = pd.Series(False, index=dirty.index)
    for name in columns:
        hit = pd.Series(np.asarray(changed(dirty[name], clean[name])), index=dirty.index)
        spread = 4 * np.sqrt(share * (1 - share) / ROWS)
        assert hit.mean() == pytest.approx(share, abs=spread), name
        assert (dirty.what.str.contains(f"{kind}:{name}", regex=False).fillna(False) == hit).all()
        told |= hit
    assert (dirty.bad == told).all()
    assert (dirty.what.isna() == ~told).all()
    untouched = [n for n in CLEAN if n not in columns]
    pd.testing.assert_frame_equal(dirty[untouched], clean[untouched])


def test_duplicate_rows_repeat_a_whole_row() -> None:
    dirty = frame({"defects": [{"kind": "duplicates", "share": 0.05}]}, **CLEAN)
    assert dirty.duplicated().mean() == pytest.approx(0.05, abs=0.005)
    everything = frame({"defects": [{"kind": "duplicates", "share": 1}]}, 100, **CLEAN)
    assert everything.duplicated().sum() == 99


def test_defects_add_up_and_stay_within_a_types_room() -> None:
    schema = pa.schema([("n", pa.int8()), ("u", pa.uint16())])
    rules = {"defects": [{"kind": "outliers", "columns": ["n", "u"], "share": 1, "factor": 1e9},
                         {"kind": "sign", "columns": ["n", "u"], "share": 1}]}  # fmt: skip
    columns = {n: {"kind": "uniform", "low": 1, "high": 9, "decimals": 0} for n in schema.names}
    drawn = fit(rules, schema.empty_table(), **columns).sample(10, 1).table
    assert (set(drawn["n"].to_pylist()), set(drawn["u"].to_pylist())) == ({-127}, {0})
    assert drawn.schema == schema
    logged = fit({"defect_log": "bad"}, schema.empty_table(), **columns).sample(10, 1).table
    assert logged.column_names == ["n", "u", "bad"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"defects": [{"kind": "typos", "columns": ["price"], "share": 0.1}]}, "'price' is a number, and typos"),
        ({"defects": [{"kind": "sign", "columns": ["word"], "share": 0.1}]}, "needs a number"),
        ({"defects": [{"kind": "stale_date", "columns": ["word"], "share": 0.1}]}, "needs a moment"),
        ({"defects": [{"kind": "nulls", "columns": ["wrd"], "share": 0.1}]}, "Did you mean 'word'"),
        ({"defects": [{"kind": "swapped", "columns": ["a", "word"], "share": 0.1}]}, "different kinds"),
        ({"defect_log": "word"}, "cannot be called 'word'"),
        ({"drift": [{"kind": "renamed", "column": "wrd", "to": "z"}]}, "Did you mean 'word'"),
        ({"drift": [{"kind": "renamed", "column": "a", "to": "b"}]}, "'b' is there already"),
        ({"drift": [{"kind": "extra", "column": "a", "rule": {"kind": "uuid"}}]}, "'a' is there already"),
        ({"drift": [{"kind": "retyped", "column": "word", "type": "integer"}]}, "text and cannot become a number"),
        ({"drift": [{"kind": "missing", "column": n} for n in CLEAN]}, "leaves no column"),
    ],
)  # fmt: skip
def test_defects_and_drift_that_cannot_be_are_refused(rules: dict[str, Any], words: str) -> None:
    with pytest.raises(GeneratorError, match=words):
        fit(rules, **CLEAN)


# Drift.


def test_the_fitted_schema_is_the_drifted_one(tmp_path: Path) -> None:
    drift = [
        {"kind": "renamed", "column": "word", "to": "city"},
        {"kind": "renamed", "column": "first", "to": "first_day"},
        {"kind": "missing", "column": "b"},
        {"kind": "extra", "column": "channel", "rule": {"kind": "choice", "values": ["web", "app"]}},
        {"kind": "retyped", "column": "count", "type": "text"},
        {"kind": "retyped", "column": "price", "type": "integer"},
        {"kind": "retyped", "column": "id", "type": "number"},
        {"kind": "moved", "column": "a"},
    ]
    rules = {"drift": drift, "defects": [{"kind": "typos", "columns": ["word"], "share": 0.5}]}
    fitted = fit(rules, **CLEAN, who={"treatment": "fake", "type": "person_name"})
    assert [(f.name, str(f.type)) for f in fitted.schema] == [
        ("id", "double"), ("city", "string"), ("price", "int64"), ("count", "string"), ("first_day", "date32[day]"),
        ("channel", "string"), ("a", "int64"), ("who", "string"),
    ]  # fmt: skip
    drawn = fitted.sample(500, 1)
    before = fit({}, **CLEAN).sample(500, 1).table
    assert drawn.table["count"].to_pylist() == [str(v) for v in before["count"].to_pylist()]
    assert drawn.table["a"] == before["a"]
    assert drawn.table["first_day"] == before["first"]
    fitted.save(tmp_path)
    assert load_fitted(tmp_path).sample(500, 1).digest == drawn.digest


def test_drift_is_refused_where_a_source_says_what_the_schema_is() -> None:
    with pytest.raises(GeneratorError, match="made from the spec alone"):
        fit({"drift": [{"kind": "missing", "column": "id"}]}, pa.table({"id": pa.array([], pa.int64())}), **CLEAN)
    with pytest.raises(GeneratorError, match="'who' is there already"):
        fit({"drift": [{"kind": "renamed", "column": "a", "to": "who"}]}, **CLEAN, who={"treatment": "fake"})


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"correlations": [{"columns": ["a"], "r": 0.1}]}, "at least 2"),
        ({"correlations": [{"columns": ["a", "a"], "r": 0.1}]}, "'a' is named twice"),
        ({"correlations": [{"columns": ["a", "b"], "r": 1.1}]}, "less than or equal to 1"),
        ({"unique": [["a"], ["b", "a"]]}, "one set only"),
        ({"unique": [[]]}, "at least one column"),
        ({"unique": [["a", "a"]]}, "'a' is named twice"),
        ({"events": EVENTS | {"start": {"x": 0}}}, "at least one above 0"),
        ({"events": EVENTS | {"moves": {"paid": {"sent": -1}}}}, "moves.paid: weights"),
        ({"events": EVENTS | {"entity": "at"}}, "'at' is named twice"),
        ({"events": EVENTS | {"delay": {"sent": EVENTS["delay"]["default"]}}}, "neither 'default' nor 'imported'"),
        ({"events": EVENTS | {"delay": {"snt": EVENTS["delay"]["default"]}}}, "delay names 'snt'"),
        ({"events": EVENTS | {"moves": {"default": {"x": 1}}}}, "cannot be called 'default'"),
        ({"defects": [{"kind": "swapped", "columns": ["a"], "share": 0.1}]}, "exactly two"),
        ({"defects": [{"kind": "nulls", "share": 0.1}]}, "at least one column"),
        ({"defects": [{"kind": "outliers", "columns": ["a"], "share": 0.1, "factor": 1}]}, "neither 0 nor 1"),
        ({"drift": [{"kind": "renamed", "column": "a"}]}, "to belongs to renamed"),
        ({"drift": [{"kind": "missing", "column": "a", "type": "text"}]}, "type belongs to retyped"),
    ],
)
def test_table_rules_that_make_no_sense_are_none(rules: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TableRules.model_validate(rules)


# The worked examples.


def example(name: str, rows: int = 20_000) -> pd.DataFrame:
    path = EXAMPLES / f"{name}.yaml"
    _, spec, seed = read_rules(path.read_text(encoding="utf-8"), path.name)
    return fit_spec(spec).sample(rows, seed).table.to_pandas()


def test_loyal_shoppers_buy_at_least_5_times_a_week_and_spend_more_than_200() -> None:
    shoppers = example("shoppers")
    loyal = shoppers[shoppers.segment == "loyal"]
    others = shoppers[shoppers.segment != "loyal"]
    assert len(loyal) / len(shoppers) == pytest.approx(0.2, abs=0.015)
    assert (loyal.purchases_per_week >= 5).all()
    assert (loyal.spent > 200).all()
    assert (others.purchases_per_week < 5).all()
    assert (others.spent[others.purchases_per_week == 0] == 0).all()
    assert shoppers.shopper_id.is_unique
    assert shoppers.age.rank().corr(shoppers.income.rank()) == pytest.approx(0.4, abs=0.03)


def test_high_risk_is_more_than_8_credit_lines_and_a_default_in_the_past() -> None:
    applicants = example("credit")
    clean = applicants[~applicants.is_defect]
    assert ((clean.risk == "high") == ((clean.credit_lines > 8) & clean.past_default)).all()
    assert 0.005 < (clean.risk == "high").mean() < 0.05
    assert set(clean.limit[clean.risk == "high"]) == {500, 1000}
    decided = pd.to_datetime(clean.decided_at) - pd.to_datetime(clean.applied_on)
    assert decided.min() > pd.Timedelta(0)
    assert pd.to_datetime(clean.applied_on).dt.weekday.max() == 5
    assert applicants.is_defect.mean() == pytest.approx(0.025, abs=0.006)


def test_orders_go_through_their_states() -> None:
    log = example("orders")
    assert set(log.status) == {"placed", "paid", "cancelled", "shipped", "delivered", "refunded", "returned"}
    first = log.groupby("order_id").head(1)
    assert set(first.status) == {"placed"}
    assert first.happened_at.dt.hour.between(7, 21).all()
