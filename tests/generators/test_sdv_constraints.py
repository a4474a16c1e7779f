"""Constraints of the spec that SDV learns under: translated, on a twin that keeps them, and kept by what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators import create
from generators.blocks import Block
from generators.sdv_common import LearnedSdv
from generators.sdv_constraints import translated
from generators.sdv_twin import Twin
from generators.tables import TableCodec
from proofset.constraints import learned as known
from proofset.evidence import MIN_COUNT, Profile
from proofset.spec import GeneratorSpec, TableSpec
from tests.generators.test_sdv import NAMES, spec

ORDER = {"kind": "inequality", "low": "ordered", "high": "shipped"}
RANGE = {"kind": "range", "column": "mid", "min": "least", "max": "most"}
COMBINATIONS = {"kind": "fixed_combinations", "columns": ["country", "city"]}
HOT_NUMBERS = {"kind": "one_hot", "columns": ["h0", "h1", "h2"]}
HOT_TRUTHS = {"kind": "one_hot", "columns": ["t0", "t1"]}
ALL = [ORDER, RANGE, COMBINATIONS, HOT_NUMBERS, HOT_TRUTHS]


@pytest.fixture(scope="module")
def orders() -> pa.Table:
    rng = np.random.default_rng(2)
    rows = 600
    place = rng.integers(0, 4, rows)
    country = np.array(["FR", "FR", "JP", "JP"])[place].astype(object)
    city = np.array(["Paris", "Lyon", "東京", "大阪"])[place].astype(object)
    country[:3] = "JP"
    city[:3] = "Paris"  # a combination too rare to keep
    ordered = np.datetime64("2024-01-01", "ms") + rng.integers(0, 10**9, rows)
    least = rng.normal(0, 5, rows).round(2)
    mid = least + rng.exponential(1, rows).round(2)
    hot = rng.integers(0, 3, rows)
    truth = rng.random(rows) < 0.3
    return pa.table(
        {
            "ordered": pa.array(ordered.astype("datetime64[ms]")),
            "shipped": pa.array((ordered + rng.exponential(10**8, rows).astype(np.int64)).astype("datetime64[us]")),
            "least": least,
            "mid": mid.round(2),
            "most": pa.array((mid + rng.exponential(3, rows)).round(2), mask=rng.random(rows) < 0.2),
            "country": pa.array(country),
            "city": pa.array(city).dictionary_encode(),
            "h0": (hot == 0).astype(np.int8),
            "h1": (hot == 1).astype(np.int8),
            "h2": (hot == 2).astype(np.int8),
            "t0": truth,
            "t1": ~truth,
        }
    )


def planned(table: pa.Table, profile: Profile, *rules: dict[str, Any]) -> tuple[Twin, list[Any]]:
    constraints = TableSpec.model_validate({"constraints": list(rules)}).constraints
    codec, codes = TableCodec.learn(table, TableSpec(), profile)
    return translated(constraints, Twin.of(codec, codes, seed=1), table)


def test_every_kind_becomes_sdvs_own(orders: pa.Table, make_profile: Callable[..., Profile]) -> None:
    twin, rules = planned(orders, make_profile(orders), *ALL)
    names = ["Inequality", "Range", "FixedCombinations", "OneHotEncoding", "FixedCombinations"]
    assert [type(rule).__name__ for rule in rules] == names
    frame = twin.frame
    assert (frame["c0"] <= frame["c1"]).all()
    assert ((frame["c2"] <= frame["c3"]) & ((frame["c3"] <= frame["c4"]) | frame["c4"].isna())).all()
    assert 590 <= len(frame) <= 597, "the rows of the rare combination, and only those, are gone"
    assert len(set(zip(frame["c5"], frame["c6"], strict=True))) == 4


def test_one_bound_that_is_a_column_is_an_order(orders: pa.Table, make_profile: Callable[..., Profile]) -> None:
    for rule, first, second in (
        ({"kind": "range", "column": "mid", "min": "least", "max": 1000}, "c2", "c3"),
        ({"kind": "range", "column": "mid", "min": -1000, "max": "most"}, "c3", "c4"),
    ):
        twin, (made,) = planned(orders, make_profile(orders), rule)
        assert type(made).__name__ == "Inequality"
        assert ((twin.frame[first] <= twin.frame[second]) | twin.frame[second].isna()).all()


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "range", "column": "mid", "min": -100, "max": 100},
        {"kind": "sum", "columns": ["least", "mid"], "total": "most", "tolerance": 1e9},
        {"kind": "unique", "columns": ["country", "city"]},
        {"kind": "inequality", "low": "country", "high": "city"},
        {"kind": "inequality", "low": "least", "high": "person"},
        {"kind": "fixed_combinations", "columns": ["country", "mid"]},
        {"kind": "fixed_combinations", "columns": ["country", "city"], "combinations": [["FR", "Rome"]]},
        {"kind": "one_hot", "columns": ["h0", "t0"]},
        {"kind": "one_hot", "columns": ["most", "mid"]},
        {"kind": "inequality", "low": "t0", "high": "t1"},
    ],
    ids=str,
)
def test_what_sdv_does_not_know_or_would_cost_most_rows_is_left_to_the_enforcement(
    rule: dict[str, Any], orders: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    twin, rules = planned(orders, make_profile(orders), rule)
    assert rules == []
    assert twin.frame.equals(planned(orders, make_profile(orders))[0].frame)


def test_rows_that_break_a_one_hot_go(orders: pa.Table, make_profile: Callable[..., Profile]) -> None:
    twin, rules = planned(orders, make_profile(orders), {"kind": "one_hot", "columns": ["h0", "h1"]})
    assert len(rules) == 1
    assert len(twin.frame) < 450, "a third of the rows is of the third kind"


def test_pooled_categories_and_missing_marks_are_left_out_of_combinations(
    make_profile: Callable[..., Profile],
) -> None:
    words = np.array([*["a"] * 200, *["b"] * 200, *[f"rare {i}" for i in range(5)] * 3])
    other = np.array([*["x"] * 200, *["y"] * 200, *["z"] * 15])
    table = pa.table({"a": words, "b": other})
    twin, (_,) = planned(table, make_profile(table), {"kind": "fixed_combinations", "columns": ["a", "b"]})
    assert len(twin.frame) == 400


def test_a_column_stands_in_one_of_sdvs_constraints_only(
    orders: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    _, rules = planned(orders, make_profile(orders), ORDER, {"kind": "inequality", "low": "shipped", "high": "ordered"})
    assert len(rules) == 1


def test_too_few_shared_combinations_are_left(make_profile: Callable[..., Profile]) -> None:
    words = [f"{i:02d}" for i in range(20)]
    table = pa.table({"a": words * 20, "b": [w for w in words for _ in range(20)]})
    twin, rules = planned(table, make_profile(table), {"kind": "fixed_combinations", "columns": ["a", "b"]})
    assert (len(twin.frame), rules) == (400, [])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_keeps_them_already_before_the_enforcement(
    name: str, orders: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    table = TableSpec.model_validate({"constraints": ALL})
    fitted = create(spec(name)).fit(orders, table, make_profile(orders), seed=1)
    learned = fitted._learned
    assert isinstance(learned, LearnedSdv)
    made = learned.draw(Block(number=0, first=0, rows=300, seed=1))
    assert made.schema == orders.schema
    wrong = {c.title: int(c.violations(made).sum()) for c in table.constraints if c.kind != "fixed_combinations"}
    assert max(wrong.values()) <= 3, wrong  # what rounding to the column's step may do
    pairs = set(zip(made["country"].to_pylist(), made["city"].to_pylist(), strict=True))
    assert pairs <= {("FR", "Paris"), ("FR", "Lyon"), ("JP", "東京"), ("JP", "大阪")}


def test_what_is_sampled_breaks_none(orders: pa.Table, make_profile: Callable[..., Profile]) -> None:
    table = TableSpec.model_validate({"constraints": ALL})
    fitted = create(spec("sdv_tvae")).fit(orders, table, make_profile(orders), seed=1)
    made = fitted.sample(500, seed=1).table
    for constraint in table.constraints:
        rule = known(constraint, orders, MIN_COUNT)
        assert not rule.violations(made).any(), rule.title


def test_without_them_an_untrained_network_breaks_them(orders: pa.Table, make_profile: Callable[..., Profile]) -> None:
    fitted = create(GeneratorSpec(name="sdv_ctgan", options=spec("sdv_ctgan").options))
    made = fitted.fit(orders, TableSpec(), make_profile(orders), seed=1).sample(300, seed=1).table
    for rule in TableSpec.model_validate({"constraints": [ORDER, HOT_NUMBERS]}).constraints:
        assert rule.violations(made).sum() > 30
