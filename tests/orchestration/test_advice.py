"""Advice: which generator suits, why, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from home import POLICY, SPEC, command, make_workspace, people
from hypothesis import given, settings
from hypothesis import strategies as st

import generators
from orchestration.advice import SUITS, Advice, Facts, advise, facts_of
from orchestration.advising import advise_file, machine_memory
from orchestration.cli.advice_screens import memory, span
from orchestration.cli.app import run
from orchestration.costs import Cost, Costs, Law, Range, Size, calibrate, coded_width, estimate, fitted_law, measured
from proofset.evidence import ModelCard
from proofset.spec import Purpose, TableSpec
from proofset.workspace import Workspace
from quality.profile import profile_table

Answer = Callable[..., tuple[int, Any]]
Capture = pytest.CaptureFixture[str]
FACTS = Facts(
    rows=30_000, made=30_000, kinds={"number": 6, "category": 9}, categories={f"c{i}": 10 for i in range(9)}, faked=0,
    purpose=Purpose.SHARING, memory=16_000.0,
)  # fmt: skip


def a_card(name: str, licence: str = "Apache-2.0") -> ModelCard:
    return ModelCard(generator=name, version="1", title=name, method="m", licence=licence, use_when="u",
                     avoid_when="a", privacy="p")  # fmt: skip


CARDS = {
    "trees": a_card("trees"),
    "rules": a_card("rules"),
    "sdv_gaussian_copula": a_card("sdv_gaussian_copula", "BUSL-1.1"),
    "sdv_ctgan": a_card("sdv_ctgan", "BUSL-1.1"),
    "stranger": a_card("stranger", "MIT"),
}
LAW = Law(constant=0.5, cells=2.0, coded=0.0, pairs=0.0, spread=1.5)
COSTS = Costs(
    machine="a test",
    speed=1000.0,
    generators={
        "trees": Cost(
            fit=LAW, sample=LAW, memory=Law(constant=100, cells=50, coded=0, pairs=0, spread=1.5), rows=(100, 10**6),
        ),
        "sdv_ctgan": Cost(
            fit=Law(constant=5, cells=0, coded=1.0, pairs=0, spread=2.0), sample=LAW,
            memory=Law(constant=500, cells=0, coded=100, pairs=0, spread=2.0), rows=(100, 10**4), epochs=True,
        ),
    },
)  # fmt: skip


def advised(facts: Facts = FACTS, **more: Any) -> dict[str, Advice]:
    return {a.generator: a for a in advise(facts, CARDS, COSTS, **more)}


def said(advice: Advice) -> str:
    return "\n".join(text for _, text in advice.reasons)


def test_an_ordinary_table_gets_trees() -> None:
    ranked = advise(FACTS, CARDS, COSTS)
    assert ranked[0].generator == "trees"
    assert ranked[0].suits == "best"
    assert ranked[0].options == {"privacy": "medium"}
    assert advised(replace(FACTS, purpose=Purpose.PUBLIC_RELEASE))["trees"].options == {"privacy": "high"}
    assert {a.generator for a in ranked} == set(CARDS)


def test_a_control_that_must_fail_is_never_advised() -> None:
    control = a_card("mine").model_copy(update={"control": True})
    assert [a.generator for a in advise(FACTS, CARDS | {"mine": control}, COSTS)] == [
        a.generator for a in advise(FACTS, CARDS, COSTS)
    ]
    cards = {name: generators.REGISTRY[name].card for name in generators.REGISTRY}
    controls = {name for name, card in cards.items() if card.control}
    assert controls == {name for name in cards if name.startswith("control_")} != set()
    assert {a.generator for a in advise(FACTS, cards, COSTS)} == set(cards) - controls


def test_a_forbidden_licence_rules_out_and_comes_last() -> None:
    ranked = advise(replace(FACTS, forbidden=("BUSL-1.1",)), CARDS, COSTS)
    assert {a.generator for a in ranked[-2:]} == {"sdv_gaussian_copula", "sdv_ctgan"}
    assert all(a.suits == "no" and "does not accept its licence" in said(a) for a in ranked[-2:])
    assert all(a.suits != "no" for a in ranked[:-2])


def test_without_a_source_only_rules_are_left() -> None:
    found = advised(replace(FACTS, has_source=False, rows=0))
    assert [n for n, a in found.items() if a.suits != "no"] == ["rules"]
    assert found["rules"].suits == "best"
    assert "needs no real rows" in said(found["rules"])
    assert found["trees"].estimate is None


def test_test_data_speak_for_rules_and_closeness_for_trees() -> None:
    here, there = advised(replace(FACTS, purpose=Purpose.TEST_DATA)), advised(replace(FACTS, purpose=Purpose.ANALYTICS))
    assert here["rules"].points > there["rules"].points
    assert there["trees"].points > here["trees"].points
    assert "lives from closeness" in said(there["sdv_gaussian_copula"])
    assert "can remember rows" in said(advised(replace(FACTS, purpose=Purpose.PUBLIC_RELEASE))["sdv_ctgan"])


def test_shape_speaks() -> None:
    plain = advised()
    few = advised(replace(FACTS, rows=250))
    assert few["sdv_ctgan"].points < plain["sdv_ctgan"].points
    assert "250 rows are few for a network" in said(few["sdv_ctgan"])
    assert few["sdv_gaussian_copula"].points > plain["sdv_gaussian_copula"].points
    assert "little evidence" in said(few["trees"])
    wide = advised(replace(FACTS, categories={"town": 5_000}))
    assert "5,000 categories" in said(wide["sdv_ctgan"])
    assert "blocks of rows" in said(advised(replace(FACTS, rows=10**6))["trees"])
    assert "orders by force" in said(plain["sdv_gaussian_copula"])


def test_effort_speaks() -> None:
    slow = advised(epochs={"sdv_ctgan": 5_000})["sdv_ctgan"]
    quick = advised(epochs={"sdv_ctgan": 1})["sdv_ctgan"]
    assert slow.points < quick.points
    assert "it takes long" in said(slow)
    assert slow.estimate is not None
    assert quick.estimate is not None
    assert slow.estimate.fit.value > 1_000 * quick.estimate.fit.value / 10
    assert advised(replace(FACTS, memory=50.0))["trees"].suits == "no"
    assert "GB of memory" in said(advised(replace(FACTS, memory=50.0))["trees"])
    assert "may not fit" in said(advised(replace(FACTS, memory=200.0))["trees"])
    assert advised()["stranger"].estimate is None
    assert "another package" in said(advised()["stranger"])
    assert "not installed" in said(advised(replace(FACTS, missing={"sdv_ctgan": "`pip`"}))["sdv_ctgan"])


@given(
    st.integers(1, 10**8), st.integers(1, 10**8), st.sampled_from(list(Purpose)), st.booleans(),
    st.dictionaries(st.text("abc", min_size=1), st.integers(1, 10**6), max_size=9), st.integers(0, 50),
    st.sampled_from([(), ("BUSL-1.1",), ("Apache-2.0", "MIT")]), st.none() | st.floats(1, 1e6), st.floats(0.1, 50),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_every_table_gets_every_generator_ranked_with_reasons(
    rows: int, made: int, purpose: Purpose, has_source: bool, categories: dict[str, int], numbers: int,
    forbidden: tuple[str, ...], ram: float | None, slower: float,
) -> None:  # fmt: skip
    kinds = {"category": len(categories), "number": numbers}
    facts = Facts(rows, made, kinds, categories, 0, purpose, has_source, forbidden, {}, ram)
    ranked = advise(facts, CARDS, COSTS, slower=slower)
    assert sorted(a.generator for a in ranked) == sorted(CARDS)
    assert [a.suits == "no" for a in ranked] == sorted(a.suits == "no" for a in ranked)
    open_to = [a.points for a in ranked if a.suits != "no"]
    assert open_to == sorted(open_to, reverse=True)
    for a in ranked:
        assert a.suits in SUITS
        assert a.reasons
        if a.licence in forbidden or (not has_source and a.generator != "rules"):
            assert a.suits == "no"
        if a.estimate is not None:
            for taken in (a.estimate.fit, a.estimate.sample, a.estimate.memory):
                assert 0 < taken.low <= taken.value <= taken.high


# Costs.


def test_a_law_is_found_again_from_what_it_made() -> None:
    rng = np.random.default_rng(0)
    sizes = [
        Size(int(10 ** rng.uniform(3, 6)), int(rng.integers(2, 90)), int(rng.integers(20, 900))) for _ in range(12)
    ]
    true = Law(constant=0.3, cells=2.0, coded=0.1, pairs=0.02, spread=1.3)
    law = fitted_law(sizes, [true.at(size) for size in sizes])
    assert (law.constant, law.cells, law.coded, law.pairs) == pytest.approx((0.3, 2.0, 0.1, 0.02), rel=1e-3)
    assert law.spread == 1.3
    noisy = fitted_law(sizes, [true.at(size) * np.exp(rng.normal(0, 0.5)) for size in sizes])
    assert min(noisy.constant, noisy.cells, noisy.coded, noisy.pairs) >= 0
    assert noisy.spread > 1.3
    assert Size(1_000, 200, 9).terms == (0.2, 0.009, 10.0)


def test_costs_grow_with_the_table_and_the_machine() -> None:
    cost = COSTS.generators["trees"]

    def fit(rows: int, slower: float = 1.0, epochs: int = 1) -> float:
        return estimate(cost, rows=rows, made=10, columns=10, width=50, epochs=epochs, slower=slower).fit.value

    assert fit(1_000) < fit(100_000) < fit(10_000_000)
    assert fit(100_000, slower=3.0) == pytest.approx(3 * fit(100_000))
    assert fit(1_000, epochs=300) == fit(1_000)
    far = estimate(cost, rows=10**8, made=10, columns=10, width=50)
    assert far.beyond
    assert far.fit.high / far.fit.value > 1.5
    assert coded_width(2, {"a": 3, "b": 10**6}) == 22 + 3 + 1_000
    assert calibrate(0.02) > 0


def test_the_measured_costs_are_about_generators_that_exist() -> None:
    costs = measured()
    assert set(costs.generators) <= set(generators.REGISTRY)
    assert {"trees", "sdv_gaussian_copula"} <= set(costs.generators)
    adult = {n: estimate(c, rows=32_561, made=32_561, columns=15, width=180, epochs=300 if c.epochs else 1)
             for n, c in costs.generators.items()}  # fmt: skip
    assert 0.1 < adult["trees"].fit.value < 60
    assert all(adult["trees"].fit.value < e.fit.value for n, e in adult.items() if n != "trees")


# The command.


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    table = pa.table({k: pa.array(v, from_pandas=True) for k, v in people(400).items()})
    pq.write_table(table, tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


def test_advice_about_a_file(csv: Path, capsys: Capture) -> None:
    assert run(["advise", str(csv), "--purpose", "ml_training", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["purpose"] == "ml_training"
    assert found["faked"] == 3
    assert found["rows"] == 267
    assert found["advice"][0]["generator"] == "trees"
    assert run(["advise", str(csv), "--rows", "5000"]) == 0
    text = capsys.readouterr().out
    for words in ("draws 5,000", "good fit", "learns in", "proofset try", "3 to fake", "Business Source"):
        assert words in text
    assert list(csv.parent.iterdir()) == [csv]


def test_advice_names_no_value_of_the_source(csv: Path, capsys: Capture) -> None:
    assert run(["advise", str(csv)]) == 0
    assert run(["advise", str(csv), "--json"]) == 0
    text = capsys.readouterr().out
    assert not any(value in text for column in ("name", "email", "city") for value in people(400)[column])


def test_advice_about_a_dataset_minds_its_policy_and_runs_nothing(fresh: Workspace, answer: Answer) -> None:
    (fresh.root / "policies" / "sharing.yaml").write_text(POLICY + "forbid: {licences: [BUSL-1.1]}\n")
    code, found = answer(fresh, "advise", "people")
    assert code == 0
    assert found["current"] == "trees"
    ruled_out = {a["generator"] for a in found["advice"] if a["suits"] == "no"}
    assert ruled_out == {n for n in generators.REGISTRY if n.startswith("sdv_")}
    assert not (fresh.root / ".proofset").exists()
    assert command(fresh, "advise", "people", "--purpose", "test_data") == 0
    assert command(fresh, "advise", "peopel") == 2


def test_advice_about_a_dataset_without_a_source(tmp_path: Path, answer: Answer, capsys: Capture) -> None:
    spec = SPEC.replace("    path: people.parquet\n    target: churned\n", "").replace("name: trees", "name: rules")
    spec = spec.replace("public_data", "no_source")
    workspace = make_workspace(tmp_path / "bare", people(100), spec)
    code, found = answer(workspace, "advise", "people")
    assert code == 0
    assert found["advice"][0]["generator"] == "rules"
    assert all(a["suits"] == "no" for a in found["advice"][1:])
    assert command(workspace, "advise", "people") == 0
    assert "← the spec's" in capsys.readouterr().out


def test_another_generator_than_the_specs_is_named_as_the_next_step(fresh: Workspace, capsys: Capture) -> None:
    spec = (fresh.root / "datasets" / "people.yaml").read_text()
    other = spec.replace("name: trees", "name: sdv_tvae, options: {epochs: 2}")
    (fresh.root / "datasets" / "people.yaml").write_text(other)
    assert command(fresh, "advise", "people") == 0
    assert "generator: {name: trees}" in capsys.readouterr().out


def test_a_bad_file_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert run(["advise", str(tmp_path / "no.csv")]) == 2
    assert run(["advise", "no.csv"]) == 2
    assert "no such file" in capsys.readouterr().err


def test_the_small_words() -> None:
    def taken(low: float, high: float) -> Range:
        return Range(low=low, value=(low + high) / 2, high=high)

    assert [span(taken(a, b)) for a, b in ((0.1, 0.5), (2, 8), (20, 300))] == [
        "less than 1 s", "2.0–8.0 s", "20 s – 5 min",
    ]  # fmt: skip
    assert [memory(m) for m in (1, 234, 2_300)] == ["under 100 MB", "230 MB", "2.3 GB"]
    assert (machine_memory() or 0) > 100


def test_facts_come_from_a_profile_alone(csv: Path) -> None:
    table = pq.read_table(csv)
    facts = facts_of(profile_table(table, "t", TableSpec(), "x"), Purpose.SHARING, holdout=0.25)
    assert facts.rows == 300
    assert facts.faked == 3
    assert facts.columns == 5
    assert set(facts.categories) == {"city", "member", "churned"}
    assert facts.width == 2 * 11 + 4 + 2 + 2
    assert facts.numbers_share == pytest.approx(0.4)
    assert advise_file(csv).facts.rows == 267
