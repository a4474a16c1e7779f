"""The contract of every kind of rule: type, rows, the same bytes whatever the batches and threads; and its numbers."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from generators import create, load_fitted
from generators.blocks import BLOCK
from generators.rules_draw import drawer_of
from generators.rules_numbers import SMALLEST, marginal
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.rules import Rule
from proofset.spec import ColumnSpec, GeneratorSpec, TableSpec

NOTHING = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())
ROWS = BLOCK + 4_321
SPAN = {"start": "2024-01-01", "end": "2024-12-31"}
BASE = {"base": {"kind": "datetime"} | SPAN, "n": {"kind": "uniform", "low": 0, "high": 9, "decimals": 0}}
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "normal": ({"mean": 5, "sd": 2}, "double"),
    "uniform": ({"low": 1, "high": 6, "decimals": 0}, "int64"),
    "lognormal": ({"mean": 0, "sd": 0.5}, "double"),
    "exponential": ({"mean": 3}, "double"),
    "gamma": ({"shape": 2, "scale": 3}, "double"),
    "beta": ({"a": 2, "b": 5, "low": 10, "high": 20}, "double"),
    "triangular": ({"low": 0, "mode": 2, "high": 10}, "double"),
    "pareto": ({"shape": 3, "scale": 2}, "double"),
    "zipf": ({"exponent": 1.2, "size": 100}, "int64"),
    "poisson": ({"mean": 3}, "int64"),
    "binomial": ({"trials": 20, "p": 0.3}, "int64"),
    "bernoulli": ({"p": 0.2}, "bool"),
    "histogram": ({"edges": [0, 1, 5, 10], "weights": [1, 0, 3]}, "double"),
    "quantiles": ({"at": [0, 0.5, 1], "values": [0, 10, 100], "decimals": 0}, "int64"),
    "category": ({"weights": {"x": 3, "y": 1, "never": 0}}, "string"),
    "choice": ({"values": [1, 2.5], "weights": [1, 3]}, "double"),
    "constant": ({"value": "ok"}, "string"),
    "sequence": ({"start": 5, "step": 5}, "int64"),
    "uuid": ({}, "string"),
    "datetime": (SPAN | {"hours": [9, 17], "weekdays": {"mon": 2, "fri": 1}}, "timestamp[us]"),
    "date": (SPAN | {"weekdays": {"sat": 1, "sun": 1}}, "date32[day]"),
    "faker": ({"provider": "name", "locale": "de_DE", "pool": 50}, "string"),
    "mimesis": ({"provider": "person.full_name", "locale": "de", "pool": 50}, "string"),
    "regex": ({"pattern": r"[A-Z]{2}\d"}, "string"),
    "expression": ({"expression": "n * 2"}, "int64"),
    "case": ({"cases": [{"when": "n > 4", "rule": {"kind": "constant", "value": 1}}],
              "otherwise": {"kind": "uniform", "low": 0, "high": 1}}, "double"),
    "after": ({"column": "base", "delay": {"kind": "exponential", "mean": 2}}, "timestamp[us]"),
}  # fmt: skip


def table_of(kind: str, **more: Any) -> TableSpec:
    rules = {**BASE, "x": {"kind": kind} | KINDS[kind][0] | more}
    return TableSpec.model_validate({"columns": {n: {"rule": r} for n, r in rules.items()}})


def rule_of(kind: str, **fields: Any) -> Any:
    return ColumnSpec.model_validate({"rule": {"kind": kind} | fields}).rule


def values(kind: str, rows: int = 40_000, **fields: Any) -> np.ndarray:
    """Numbers at evenly spaced shares: the distribution without chance."""
    quantile = marginal("x", rule_of(kind, **fields))
    assert quantile is not None
    return quantile((np.arange(rows) + 0.5) / rows)


def test_every_kind_is_in_the_contract() -> None:
    union = get_args(get_args(Rule)[0])
    assert {get_args(k.model_fields["kind"].annotation)[0] for k in union} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_keeps_the_contract(kind: str, tmp_path: Path) -> None:
    fitted = create(GeneratorSpec(name="rules")).fit(pa.table({}), table_of(kind), NOTHING, seed=0)
    assert str(fitted.schema.field("x").type) == KINDS[kind][1]
    whole = fitted.sample(ROWS, seed=3, workers=1)
    assert whole.table.num_rows == ROWS
    assert whole.table["x"].null_count == 0
    whole.table.validate(full=True)
    batches = list(fitted.stream(ROWS, 3, workers=2, batch_rows=10_007))
    assert [b.num_rows for b in batches[:2]] == [10_007, 10_007]
    assert pa.Table.from_batches(batches).combine_chunks().equals(whole.table)
    fitted.save(tmp_path)
    assert load_fitted(tmp_path).sample(ROWS, seed=3).digest == whole.digest
    if kind != "constant":
        other = fitted.sample(ROWS, seed=4).table
        assert (kind == "sequence") == other["x"].equals(whole.table["x"])


@pytest.mark.parametrize(
    ("kind", "twin"),
    [
        ("normal", stats.norm(5, 2)),
        ("lognormal", stats.lognorm(0.5)),
        ("exponential", stats.expon(scale=3)),
        ("gamma", stats.gamma(2, scale=3)),
        ("beta", stats.beta(2, 5, loc=10, scale=10)),
        ("triangular", stats.triang(0.2, 0, 10)),
        ("pareto", stats.pareto(3, scale=2)),
    ],
)
def test_a_continuous_kind_has_its_textbook_quantiles(kind: str, twin: Any) -> None:
    u = np.array([SMALLEST, 1e-6, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-9])
    quantile = marginal("x", rule_of(kind, **KINDS[kind][0]))
    assert quantile is not None
    assert quantile(u) == pytest.approx(twin.ppf(u), rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "fields", "twin"),
    [
        ("poisson", {"mean": 3}, stats.poisson(3)),
        ("poisson", {"mean": 4_000}, stats.poisson(4_000)),
        ("binomial", {"trials": 20, "p": 0.3}, stats.binom(20, 0.3)),
        ("zipf", {"exponent": 1.2, "size": 100}, stats.zipfian(1.2, 100)),
        ("binomial", {"trials": 9, "p": 1.0}, stats.binom(9, 1.0)),
        ("binomial", {"trials": 9, "p": 0.0}, stats.binom(9, 0.0)),
    ],
)
def test_a_discrete_kind_has_its_textbook_quantiles(kind: str, fields: dict[str, Any], twin: Any) -> None:
    u = np.array([1e-9, 0.013, 0.31, 0.5003, 0.77, 0.9991])
    quantile = marginal("x", rule_of(kind, **fields))
    assert quantile is not None
    assert quantile(u).tolist() == twin.ppf(u).tolist()


@pytest.mark.parametrize(
    ("kind", "twin"),
    [
        ("normal", stats.norm(5, 2)),
        ("gamma", stats.gamma(2, scale=3)),
        ("pareto", stats.pareto(3, scale=2)),
        ("exponential", stats.expon(scale=3)),
        ("lognormal", stats.lognorm(0.5)),
    ],
)
def test_truncation_is_the_distribution_given_that_it_lies_within(kind: str, twin: Any) -> None:
    drawn = values(kind, **KINDS[kind][0], low=2.5, high=4.0, bounds="truncate")
    assert (drawn.min() >= 2.5, drawn.max() <= 4.0) == (True, True)
    inside = (twin.cdf(3.0) - twin.cdf(2.5)) / (twin.cdf(4.0) - twin.cdf(2.5))
    assert (drawn < 3.0).mean() == pytest.approx(inside, abs=1e-4)
    assert not (drawn == 2.5).sum() > 1
    clipped = values(kind, **KINDS[kind][0], low=2.5, high=4.0)
    assert (clipped == 4.0).mean() == pytest.approx(1 - twin.cdf(4.0), abs=1e-4)


def test_counts_are_truncated_and_clipped() -> None:
    truncated = values("poisson", mean=3, low=5, bounds="truncate")
    assert truncated.min() == 5
    twin = stats.poisson(3)
    assert (truncated == 5).mean() == pytest.approx(twin.pmf(5) / (1 - twin.cdf(4)), abs=1e-3)
    assert values("binomial", trials=20, p=0.3, high=6).max() == 6
    assert values("poisson", mean=3, low=5).tolist().count(5) > 30_000


def test_weighted_kinds_keep_their_weights() -> None:
    fields = KINDS["histogram"][0]
    bins = np.histogram(values("histogram", **fields), [0, 1, 5, 10])[0] / 40_000
    assert bins.tolist() == pytest.approx([0.25, 0, 0.75], abs=1e-3)
    assert np.mean(values("quantiles", at=[0, 0.5, 1], values=[0, 10, 100]) < 10) == pytest.approx(0.5, abs=1e-3)
    assert np.mean(values("choice", values=["b", "a"], weights=[1, 3]) == "a") == pytest.approx(0.75, abs=1e-3)
    assert values("choice", values=[True, False]).mean() == pytest.approx(0.5, abs=1e-3)
    assert set(values("category", weights={"x": 3, "y": 1, "never": 0})) == {"x", "y"}
    assert values("bernoulli", p=0.2).mean() == pytest.approx(0.2, abs=1e-3)
    assert values("constant", value=4.5).tolist() == [4.5] * 40_000
    assert np.bincount(values("uniform", low=0.5, high=3.5, decimals=0))[1:] / 40_000 == pytest.approx(1 / 3, abs=1e-3)


def test_times_keep_to_hours_and_weekdays() -> None:
    drawn = values("datetime", **SPAN, hours=[9, 17.5], weekdays={"mon": 2, "fri": 1})
    seconds = drawn.astype("datetime64[s]").astype(int)
    of_day, weekday = seconds % 86_400, (seconds // 86_400 + 3) % 7
    assert (of_day.min() >= 9 * 3_600, of_day.max() < 17.5 * 3_600) == (True, True)
    # 53 Mondays at double weight and 52 Fridays.
    assert np.bincount(weekday, minlength=7)[[0, 4]] / 40_000 == pytest.approx([106 / 158, 52 / 158], abs=1e-3)
    days = values("date", start="2024-01-01", end="2024-01-03").astype("datetime64[D]").astype(str)
    assert dict(zip(*np.unique(days, return_counts=True), strict=True)) == pytest.approx(
        {"2024-01-01": 13_333, "2024-01-02": 13_333, "2024-01-03": 13_333}, abs=2
    )
    first = values("datetime", start="2024-01-01T23:00:00", end="2024-01-02T01:00:00", hours=[0, 24])
    assert (str(first.min()), str(first.max())) == ("2024-01-01T23:00:00.000000", "2024-01-02T01:00:00.000000")


def test_uuids_are_of_version_4_and_differ() -> None:
    fitted = create(GeneratorSpec(name="rules")).fit(pa.table({}), table_of("uuid"), NOTHING, seed=0)
    words = fitted.sample(20_000, 1).table["x"].to_pylist()
    assert len(set(words)) == 20_000
    assert {(uuid.UUID(w).version, uuid.UUID(w).variant, str(uuid.UUID(w)) == w) for w in words[:500]} == {
        (4, uuid.RFC_4122, True)
    }


@given(
    st.sampled_from(["normal", "gamma", "exponential", "pareto", "lognormal"]),
    st.floats(0.1, 5), st.floats(0.1, 5), st.sampled_from(["clip", "truncate"]), st.integers(0, 4) | st.none(),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_values_ascend_with_shares_and_stay_within_bounds(
    kind: str, a: float, b: float, bounds: str, decimals: int | None
) -> None:
    names = {"normal": ("mean", "sd"), "gamma": ("shape", "scale"), "exponential": ("mean", "mean"),
             "pareto": ("shape", "scale"), "lognormal": ("mean", "sd")}[kind]  # fmt: skip
    low, high = (b, b + 2.0) if kind == "pareto" else (0.5, 2.5)
    fields = {names[0]: a, names[1]: b, "low": low, "high": high, "bounds": bounds, "decimals": decimals}
    try:
        drawn = values(kind, 500, **fields)
    except GeneratorError:
        with pytest.raises(GeneratorError, match="billionth"):
            values(kind, 500, **fields)
        return
    assert (np.diff(drawn) >= 0).all()
    slack = 0.5 * 10.0 ** -(12 if decimals is None else decimals)
    assert low - slack <= drawn.min() <= drawn.max() <= high + slack


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "uniform", "low": 0.2, "high": 0.8, "decimals": 0}, "no integer|No integer"),
        ({"kind": "normal", "mean": 0, "sd": 1, "low": 90, "bounds": "truncate"}, "billionth"),
        ({"kind": "poisson", "mean": 3, "low": 900, "bounds": "truncate"}, "billionth"),
        ({"kind": "pareto", "shape": 0.01, "scale": 1}, "largest number"),
        ({"kind": "datetime", "start": "2024-01-01", "end": "2024-01-02", "weekdays": {"sun": 1}}, "no day to draw"),
        ({"kind": "date", "start": "0001-01-01", "end": "9999-01-01", "weekdays": {"sun": 1}}, "days"),
        ({"kind": "date", "start": "tomorrow", "end": "2024-01-02"}, "date that is none"),
        ({"kind": "after", "column": "n", "delay": {"kind": "constant", "value": 1}}, "'n', which is a number"),
        ({"kind": "after", "column": "base", "delay": {"kind": "constant", "value": "x"}}, "delay is a text"),
        ({"kind": "after", "column": "bse", "delay": {"kind": "constant", "value": 1}}, "Did you mean 'base'"),
        ({"kind": "case", "cases": [{"when": "n + 1", "rule": {"kind": "uuid"}}]}, "condition of its case 1 is a num"),
        ({"kind": "case", "cases": [{"when": "n > 1", "rule": {"kind": "uuid"}}],
          "otherwise": {"kind": "constant", "value": 1}}, "cases give number and text"),
        ({"kind": "case", "cases": [{"when": "x > 1", "rule": {"kind": "uuid"}}]}, "wait for each other"),
        ({"kind": "mimesis", "provider": "person.fullname"}, "Did you mean 'person.full_name'"),
        ({"kind": "mimesis", "provider": "person.full_name", "locale": "deu"}, "Did you mean 'de'"),
        ({"kind": "mimesis", "provider": "choice.choice"}, "does not work without settings"),
        ({"kind": "faker", "provider": "name", "by": "m"}, "'m', which is not a column"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_is_refused_while_fitting(rule: dict[str, Any], words: str) -> None:
    columns = {n: {"rule": r} for n, r in {**BASE, "x": rule}.items()}
    with pytest.raises(GeneratorError, match=words) as caught:
        create(GeneratorSpec(name="rules")).fit(
            pa.table({}), TableSpec.model_validate({"columns": columns}), NOTHING, 0
        )
    assert re.search(r"'x'|of x", str(caught.value))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "normal", "mean": 0, "sd": 1, "low": 2, "high": 1}, "low must not be above high"),
        ({"kind": "uniform", "low": 2, "high": 1}, "low must not be above high"),
        ({"kind": "beta", "a": 1, "b": 1, "low": 1, "high": 1}, "low must be below high"),
        ({"kind": "triangular", "low": 0, "mode": 3, "high": 2}, "low <= mode <= high"),
        ({"kind": "histogram", "edges": [0, 0, 1], "weights": [1, 1]}, "edges must ascend"),
        ({"kind": "histogram", "edges": [0, 1], "weights": [1, 1]}, "one fewer"),
        ({"kind": "histogram", "edges": [0, 1, 2], "weights": [0, 0]}, "at least one above 0"),
        ({"kind": "quantiles", "at": [0, 1], "values": [1, 2, 3]}, "equally many"),
        ({"kind": "quantiles", "at": [0, 0.5], "values": [1, 2]}, "from 0 to 1"),
        ({"kind": "quantiles", "at": [0, 1], "values": [2, 1]}, "values must ascend"),
        ({"kind": "category", "weights": {"a": -1, "b": 2}}, "weights must be >= 0"),
        ({"kind": "choice", "values": [1, "a"]}, "all be numbers"),
        ({"kind": "choice", "values": [1, 1.0]}, "twice"),
        ({"kind": "choice", "values": [1, 2], "weights": [1]}, "as many as"),
        ({"kind": "choice", "values": [1, 2], "weights": [0, 0]}, "at least one above 0"),
        ({"kind": "datetime", **SPAN, "hours": [17, 9]}, "ascending hours"),
        ({"kind": "datetime", **SPAN, "weekdays": {"mon": 0}}, "at least one above 0"),
        ({"kind": "date", **SPAN, "weekdays": {"monday": 1}}, "mon"),
        ({"kind": "faker", "provider": "name", "unique": True, "by": "a"}, "exclude each other"),
        ({"kind": "cauchy"}, "expected tags"),
    ],
)
def test_a_rule_that_makes_no_sense_is_no_rule(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ColumnSpec.model_validate({"rule": rule})


def test_a_case_without_otherwise_gives_null_and_one_that_never_applies_keeps_the_type() -> None:
    rule = {"kind": "case", "cases": [
        {"when": "n > 100", "rule": {"kind": "constant", "value": 2.5}},
        {"when": "n >= 5", "rule": {"kind": "sequence"}},
    ]}  # fmt: skip
    columns = {n: {"rule": r} for n, r in {**BASE, "x": rule}.items()}
    fitted = create(GeneratorSpec(name="rules")).fit(
        pa.table({}), TableSpec.model_validate({"columns": columns}), NOTHING, seed=0
    )
    frame = fitted.sample(1_000, 1).table.to_pandas()
    assert str(fitted.schema.field("x").type) == "double"
    assert (frame.x.isna() == (frame.n < 5)).all()
    assert (frame.x.dropna() == frame.index[frame.n >= 5] + 1).all()


def test_a_time_after_another_is_always_later_and_null_where_that_is() -> None:
    columns: dict[str, Any] = {
        "a": {"rule": {"kind": "datetime"} | SPAN, "null_share": 0.2},
        "b": {
            "rule": {"kind": "after", "column": "a", "delay": {"kind": "normal", "mean": 0, "sd": 1}, "unit": "hours"}
        },
        "c": {"rule": {"kind": "after", "column": "b", "delay": {"kind": "poisson", "mean": 2}, "unit": "minutes"}},
    }
    fitted = create(GeneratorSpec(name="rules")).fit(
        pa.table({}), TableSpec.model_validate({"columns": columns}), NOTHING, seed=0
    )
    frame = fitted.sample(20_000, 1).table.to_pandas()
    there = frame.dropna()
    assert ((there.b > there.a) & (there.c > there.b)).all()
    assert (frame.a.isna() == frame.c.isna()).all()
    assert (there.b - there.a).min().total_seconds() == 1.0


def test_an_empty_table_can_be_drawn_by_every_drawer() -> None:
    from generators.blocks import Block
    from generators.rules_draw import Cells, present

    nothing = {"n": present(np.zeros(0, int)), "base": present(np.zeros(0, "datetime64[us]"))}
    for kind, (fields, _) in KINDS.items():
        drawn = drawer_of("x", rule_of(kind, **fields)).draw(Cells(Block(0, 0, 0, 1), np.arange(0), nothing), ("x",))
        assert len(drawn.data) == len(drawn.missing) == 0
