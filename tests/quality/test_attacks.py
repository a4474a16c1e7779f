"""Singling out, linking, inferring: what a leak gives away is found, what is not there is not, and powerless attacks
say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.codes import PARTS, Column, Kind
from proofset.evidence import Measure, Profile
from proofset.spec import ColumnSpec, QualitySpec, TableSpec
from quality import inference, linkability, singling_out
from quality.attacks import Trial, Variant, concluded, excess, rate
from quality.base import Context
from quality.inference import blind, right
from quality.linkability import by_chance, halves, linked
from quality.neighbours import Near
from quality.profile import profile_table
from quality.stats import Estimate, wilson

Parts = tuple[pa.Table, pa.Table]
FAMILIES = {f.name: f for f in (singling_out.FAMILY, linkability.FAMILY, inference.FAMILY)}
QUALITY = QualitySpec(guesses=400)


def observed(name: str, context: Context) -> Measure:
    return FAMILIES[name].observe(context).measures[0]


@pytest.mark.parametrize("name", list(FAMILIES))
def test_copies_of_the_training_rows_are_found_and_fresh_rows_are_not(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, name: str
) -> None:
    copied = observed(name, make.context(*parts, parts[0], profile, quality=QUALITY))
    clean = observed(name, make.context(*parts, fresh, profile, quality=QUALITY))
    assert copied.status == clean.status == "ok", clean.detail
    assert copied.low > 0.2
    assert clean.low < 0.02
    assert clean.value < 0.15
    for measure in (copied, clean):
        assert measure.reference_low <= 0.02
        assert "positive control: risk" in measure.detail
        assert "on the control" in measure.detail
        assert "seed quality/" in measure.sampled


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_number_of_threads_changes_nothing(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, name: str
) -> None:
    context = make.context(*parts, fresh, profile, quality=QUALITY)
    assert observed(name, context) == observed(name, replace(context, workers=5, _memo={}))


def test_secrets_and_quasi_identifiers_are_those_declared(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    declared = QualitySpec(guesses=400, secrets=("income", "plan"), quasi_identifiers=("city", "age", "spend", "plan"))
    context = make.context(*parts, parts[0], profile, quality=declared)
    found = observed("inference", context)
    assert {p.part for p in found.parts} == {"income", "plan"}
    assert all(p.low <= p.value <= p.high for p in found.parts)
    whole = observed("inference", make.context(*parts, parts[0], profile, quality=QUALITY))
    assert {p.part for p in whole.parts} == {c.name for c in context.encoded.columns}
    lonely = QualitySpec(guesses=400, quasi_identifiers=("city",))
    assert observed("linkability", make.context(*parts, fresh, profile, quality=lonely)).status == "unsupported"
    for bad in (QualitySpec(secrets=("email",)), QualitySpec(secrets=("city",), quasi_identifiers=("city",))):
        assert observed("inference", make.context(*parts, fresh, profile, quality=bad)).status == "unsupported"


def tables(kind: str) -> Iterator[pa.Table]:
    rng = np.random.default_rng(3)
    for rows in (800, 500, 800):
        if kind == "constant":
            yield pa.table({"a": ["x"] * rows, "b": [1] * rows, "c": [2.5] * rows})
        elif kind == "null":
            yield pa.table({"a": pa.nulls(rows, pa.float64()), "b": pa.nulls(rows, pa.string()), "c": rng.random(rows)})
        elif kind == "coins":
            yield pa.table({n: rng.choice(["u", "v"], rows) for n in "ab"})
        else:
            yield pa.table({n: [f"{n}{i}" for i in rng.integers(0, 10_000, rows)] for n in "abc"})


@pytest.mark.parametrize("kind", ["constant", "null", "coins", "many"])
@pytest.mark.parametrize("name", list(FAMILIES))
def test_tables_that_tell_nothing_say_so(make: SimpleNamespace, name: str, kind: str) -> None:
    train, holdout, synthetic = tables(kind)
    spec = TableSpec(columns={n: ColumnSpec(type="category") for n in "abc"} if kind == "many" else {}, quality=QUALITY)
    profile = profile_table(pa.concat_tables([train, holdout]), "t", spec, "")
    measure = observed(name, Context(train, holdout, synthetic, profile, spec, 1))
    assert measure.status in ("ok", "unsupported", "inconclusive"), measure.detail
    if measure.status == "ok":
        assert np.isfinite([measure.value, measure.low, measure.high]).all()
    else:
        assert measure.detail
    if kind in ("constant", "coins"):
        assert measure.status in ("unsupported", "inconclusive")


@pytest.mark.parametrize("name", list(FAMILIES))
def test_too_few_rows_and_columns(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, name: str
) -> None:
    few = make.context(parts[0], parts[1].slice(0, 150), fresh, profile)
    assert observed(name, few).status == "inconclusive"
    assert "control" in observed(name, few).detail
    assert observed(name, make.context(*parts, fresh.slice(0, 0), profile)).status == "inconclusive"
    spec = TableSpec(columns={n: ColumnSpec(treatment="fake") for n in parts[0].column_names})
    nothing = make.context(*parts, fresh, profile_table(parts[0], "t", spec, ""))
    assert observed(name, nothing).status == "unsupported"


def trial(attack: float, control: float, naive: float = 0.0, count: int = 1000) -> Trial:
    made = (np.arange(count) < share * count for share in (attack, control))
    return Trial(*(m.astype(float) for m in made), naive)


def test_an_attack_without_power_reports_no_number() -> None:
    card = linkability.LINKABILITY
    good, none = trial(0.3, 0.1), trial(0.1, 0.1)
    found = concluded(card, [Variant("way", none, good, none)], [], "")
    assert (found.status, found.value) == ("ok", 0.0)
    for variant, word in (
        (Variant("way", trial(0.11, 0.1), none, none), "planted"),
        (Variant("way", none, trial(0.115, 0.1), none), "planted"),
        (Variant("way", trial(1, 1), trial(1, 0.5), none), "too alike"),
        (Variant("way", trial(0.1, 0.1, 0.4), good, none), "guessing"),
    ):
        measure = concluded(card, [variant], [], "")
        assert (measure.status, measure.value) == ("inconclusive", None)
        assert word in measure.detail
    lucky = Variant("weak", trial(0.12, 0.1), trial(0.12, 0.1), none)
    two = concluded(card, [lucky, Variant("strong", none, good, none)], [], "")
    assert two.value == 0.0  # the way that finds the planted rows counts, not the one with the greater risk
    assert {p.part for p in two.parts} == {"weak", "strong"}
    clear = concluded(card, [Variant("full", good, good, none), Variant("strong", none, good, none)], [], "")
    assert clear.value == pytest.approx(0.2 / 0.9)  # no chance: told, though planting adds nothing to it


def test_rates_and_risks() -> None:
    hits = np.r_[np.ones(30), np.zeros(70)]
    assert rate(hits) == wilson(30, 100)
    halves_of = rate(np.full(100, 0.5) + np.r_[np.full(50, 0.1), np.full(50, -0.1)])
    assert halves_of.high - halves_of.low < wilson(50, 100).high - wilson(50, 100).low
    assert rate(np.full(50, 0.25)).value == 0.25
    found = excess(wilson(300, 1000), wilson(100, 1000))
    assert found.value == pytest.approx((0.3 - 0.1) / 0.9)
    assert 0 < found.low < found.value < found.high < 1
    same = excess(wilson(100, 1000), wilson(100, 1000))
    assert same.low < 0 < same.high
    certain = excess(Estimate(0.5, 0.4, 0.6, 10), Estimate(1.0, 1.0, 1.0, 10))
    assert (certain.low, certain.value, certain.high) == (-1.0, 0.0, 1.0)


def test_halves_tell_about_equally_much() -> None:
    sizes = {"a": 9, "b": 8, "c": 7, "d": 6, "e": 5}
    columns = [Column(n, Kind.CATEGORY, {p: np.arange(s) for p in PARTS}) for n, s in sizes.items()]
    assert halves(columns) == (("a", "e", "d"), ("b", "c"))


@pytest.mark.parametrize(("rows", "count"), [(6, 2), (7, 1), (5, 3), (6, 3)])
def test_linking_by_chance_is_what_counting_all_draws_says(rows: int, count: int) -> None:
    draws = [set(c) for c in combinations(range(rows), count)]
    assert by_chance(rows, count) == pytest.approx(np.mean([bool(a & b) for a in draws for b in draws]))


def test_linked_means_a_neighbour_in_common() -> None:
    one = Near(np.zeros((3, 2), np.int32), np.array([[1, 2], [3, -1], [4, 5]]))
    other = Near(np.zeros((3, 2), np.int32), np.array([[2, 9], [-1, 8], [5, 4]]))
    assert list(linked(one, other, 2)) == [1, 0, 1]
    assert list(linked(one, other, 1)) == [0, 0, 0]


@given(st.integers(0, 10_000), st.sampled_from([Kind.NUMBER, Kind.TIME, Kind.ORDINAL, Kind.CATEGORY]))
@settings(max_examples=60, deadline=None)
def test_blind_guessing_is_the_mean_over_all_guesses(seed: int, kind: Kind) -> None:
    rng = np.random.default_rng(seed)

    def values(rows: int) -> np.ndarray:
        made = np.round(rng.normal(0, 30, rows)) if kind != Kind.CATEGORY else rng.integers(0, 4, rows) * 1.0
        return np.where(rng.random(rows) < 0.2, np.nan, made)

    pool, truth = values(int(rng.integers(1, 30))), values(12)
    column = Column("c", kind, dict.fromkeys(PARTS, truth))
    every = np.mean([right(column, np.full(len(truth), g), truth).mean() for g in pool])
    assert blind(column, pool, truth) == pytest.approx(every)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_what_gives_way_is_the_mean_over_all_choices(seed: int) -> None:
    """Attack and control by brute force: every set of training rows gives way to the holdout rows."""
    rng = np.random.default_rng(seed)
    rows, held = 6, int(rng.integers(1, 9))
    own, other = rng.random(rows) < 0.3, rng.random(held) < 0.3

    class Counted:
        def __init__(self, hits: np.ndarray) -> None:
            self.rows, self.hits = len(hits), hits

    class Asked:
        def count(self, table: Counted, limit: int) -> np.ndarray:
            return np.array([min(int(table.hits.sum()), limit)])

    attack, control = singling_out.attack(Asked(), Counted(own), Counted(other))  # type: ignore[arg-type]
    assert attack[0] == (own.sum() == 1)
    if held <= rows:
        choices = [
            other.sum() == 1 and not np.delete(own, list(gone)).any() for gone in combinations(range(rows), held)
        ]
        assert control[0] == pytest.approx(np.mean(choices) * rows / held)
    else:
        choices = [other[list(kept)].sum() == 1 for kept in combinations(range(held), rows)]
        assert control[0] == pytest.approx(np.mean(choices))
