"""Copies, membership, disclosure, distances: brute-force twins, planted leaks, and controls that must fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.evidence import MIN_COUNT, Measure, Profile
from proofset.spec import ColumnSpec, QualitySpec, TableSpec
from quality import copies, disclosure, distances, membership
from quality.base import Context, Family
from quality.disclosure import occurs, small_classes
from quality.membership_scores import Scores, found, found_at, strongest_auc, strongest_found
from quality.profile import profile_table

Parts = tuple[pa.Table, pa.Table]
FAMILIES = (copies.FAMILY, membership.FAMILY, disclosure.FAMILY, distances.FAMILY)


def by_name(family: Family, context: object) -> dict[str, Measure]:
    return {m.name.removeprefix("privacy."): m for m in family.observe(context).measures}  # type: ignore[arg-type]


def small(seed: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    rng = np.random.default_rng(seed)

    def table(rows: int) -> pa.Table:
        a, b = rng.integers(0, 6, rows), rng.choice(["x", "y", "z"], rows)
        return pa.table({"a": pa.array(a, mask=rng.random(rows) < 0.1), "b": b, "c": rng.integers(0, 9, rows) / 4})

    return table(60), table(60), table(80)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_copies_are_what_comparing_all_rows_says(seed: int) -> None:
    train, holdout, synthetic = small(seed)
    profile = profile_table(pa.concat_tables([train, holdout]), "t", TableSpec(), "")
    measured = by_name(copies.FAMILY, Context(train, holdout, synthetic, profile, TableSpec(), 1))
    rows = {n: [tuple(r.values()) for r in t.to_pylist()] for n, t in (("t", train), ("h", holdout), ("s", synthetic))}
    for name, allowed in (("exact", 0), ("near", 1)):
        measure = measured[f"{name}_copy_rate"]
        for value, other in ((measure.value, "s"), (measure.reference, "h")):
            apart = [min(sum(x != y for x, y in zip(r, t, strict=True)) for t in rows["t"]) for r in rows[other]]
            assert value == pytest.approx(np.mean([a <= allowed for a in apart]))


def test_a_copy_of_the_training_table_fails(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    at = make.context(*parts, parts[0], profile)
    copied = by_name(copies.FAMILY, at)
    assert copied["exact_copy_rate"].low > 0.99
    assert copied["exact_copy_rate"].reference < 0.01
    assert {p.part for p in copied["near_copy_rate"].parts} >= {"every column but one"}
    told = by_name(membership.FAMILY, at)
    assert told["membership_auc"].low > 0.95
    assert told["membership_tpr_at_1fpr"].low > 0.9
    near = by_name(distances.FAMILY, at)
    assert near["dcr_share"].value > near["dcr_share"].reference
    assert near["nndr"].value == 0
    assert not any(m.gates for m in near.values())


def test_a_partial_leak_is_seen(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    leaky = pa.concat_tables([fresh.slice(0, 900), parts[0].slice(0, 300)])
    told = by_name(membership.FAMILY, make.context(*parts, leaky, profile))
    assert told["membership_auc"].low > 0.53
    assert told["membership_tpr_at_1fpr"].value > 0.15
    assert {p.part for p in told["membership_auc"].parts} == {"distance", "density ratio", "classifier"}
    assert "positive control: AUC" in told["membership_auc"].detail


def test_unseen_rows_give_nothing_away(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    context = make.context(*parts, fresh, profile)
    told = by_name(membership.FAMILY, context)
    for measure, perfect in ((told["membership_auc"], 0.5), (told["membership_tpr_at_1fpr"], 0.01)):
        assert measure.low <= perfect + 0.01
        assert measure.value == pytest.approx(perfect, abs=0.07)
        assert measure.reference == pytest.approx(perfect, abs=0.07)
    rare = told["membership_tpr_at_01fpr"]
    assert (rare.status, rare.value) == ("inconclusive", None)
    assert "2,000 are needed" in rare.detail
    assert told == by_name(membership.FAMILY, replace(context, workers=5, _memo={}))
    near = by_name(distances.FAMILY, context)
    assert near["dcr_share"].low <= 0.5 <= near["dcr_share"].high


def test_an_attack_blind_to_a_planted_leak_reports_no_number(make: SimpleNamespace) -> None:
    """Two yes-or-no columns: everybody is everybody's twin, so nearness cannot tell even a copy."""
    rng = np.random.default_rng(0)
    table = pa.table({"a": rng.choice(["u", "v"], 600), "b": rng.choice(["u", "v"], 600)})
    train, holdout = make.split(table)
    profile = profile_table(table, "t", TableSpec(), "")
    for measure in membership.FAMILY.observe(make.context(train, holdout, train, profile)).measures:
        assert (measure.status, measure.value) == ("inconclusive", None)
        assert measure.detail


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_too_few_rows_and_columns(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, family: Family
) -> None:
    spec = TableSpec(columns={n: ColumnSpec(treatment="fake") for n in parts[0].column_names})
    nothing = make.context(*parts, parts[0], profile_table(parts[0], "t", spec, ""))
    assert {m.status for m in family.observe(nothing).measures} == {"unsupported"}
    few = make.context(parts[0], parts[1].slice(0, 30), fresh, profile)
    none = make.context(*parts, fresh.slice(0, 0), profile)
    for context in (few, none):
        for measure in family.observe(context).measures:
            assert measure.status in ("ok", "unsupported", "inconclusive"), (measure.name, measure.detail)
            assert measure.status == "ok" or measure.detail
    if family.name in ("membership", "distances"):
        assert {m.status for m in family.observe(few).measures} == {"inconclusive"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_empty_constant_and_crowded_columns_give_no_nan(family: Family) -> None:
    rng = np.random.default_rng(7)

    def table(rows: int) -> pa.Table:
        return pa.table(
            {
                "empty": pa.nulls(rows, pa.float64()),
                "constant": ["x"] * rows,
                "many": [f"v{i}" for i in rng.integers(0, 10_000, rows)],
                "number": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.3),
            }
        )

    train, holdout, synthetic = table(700), table(400), table(700)
    spec = TableSpec(
        columns={"many": ColumnSpec(type="category"), "empty": ColumnSpec(type="number")},
        quality=QualitySpec(quasi_identifiers=("many", "constant")),
    )
    profile = profile_table(pa.concat_tables([train, holdout]), "t", spec, "")
    for measure in family.observe(Context(train, holdout, synthetic, profile, spec, 1)).measures:
        assert measure.status in ("ok", "inconclusive"), (measure.name, measure.detail)
        if measure.status == "ok":
            assert np.isfinite([measure.value, measure.low, measure.high]).all()


def test_small_classes_are_counted(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    declared = QualitySpec(quasi_identifiers=("city", "plan", "age"))
    measure = by_name(disclosure.FAMILY, make.context(*parts, fresh, profile, quality=declared))["k_anonymity"]
    rows = [tuple(r.values()) for r in fresh.select(["city", "plan", "age"]).to_pylist()]
    size = Counter(rows)
    assert measure.value == pytest.approx(np.mean([size[r] < 5 for r in rows]))
    assert f"(k = {min(size.values())})" in measure.detail
    assert measure.low < measure.value < measure.high
    assert measure.reference == pytest.approx(measure.value, abs=0.1)
    without = by_name(disclosure.FAMILY, make.context(*parts, fresh, profile))["k_anonymity"]
    assert without.status == "unsupported"
    assert small_classes(np.repeat([0, 1], 10)).value == 0
    assert small_classes(np.arange(20)).value == 1


def test_rare_values_that_occur_are_counted(make: SimpleNamespace) -> None:
    words = [f"w{i}" for i in range(12)]
    train = pa.table({"trade": words * 3 + ["common"] * 600, "other": ["a", "b"] * 318})
    holdout = pa.table({"trade": words[:3] + ["common"] * 197, "other": ["a", "b"] * 100})
    profile = profile_table(pa.concat_tables([train, holdout]), "t", TableSpec(), "")
    for kept, expected in (([], 0.0), (words[:6], 0.5), (words, 1.0)):
        synthetic = pa.table({"trade": kept + ["common"] * (200 - len(kept)), "other": ["a", "b"] * 100})
        measure = by_name(disclosure.FAMILY, make.context(train, holdout, synthetic, profile))["rare_value_disclosure"]
        assert measure.value == pytest.approx(expected)
        assert measure.reference == pytest.approx(0.25)
        assert f"{len(kept)} of 12" in measure.detail
    plenty = pa.table({"trade": ["common"] * 300, "other": ["a", "b"] * 150})
    common = profile_table(plenty, "t", TableSpec(), "")
    nothing = by_name(disclosure.FAMILY, make.context(plenty, plenty, plenty, common))
    assert nothing["rare_value_disclosure"].value == 0
    assert str(MIN_COUNT) in nothing["rare_value_disclosure"].detail


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_a_value_occurs_as_often_as_in_all_parts_of_the_table(rows: int, count: int, drawn: int) -> None:
    count, drawn = min(count, rows), min(drawn, rows)
    every = [any(i < count for i in part) for part in combinations(range(rows), drawn)]
    assert occurs(np.array([count]), rows, drawn)[0] == pytest.approx(np.mean(every))


def test_rate_at_false_positives_is_on_the_roc_curve() -> None:
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(2)
    inside, outside = rng.integers(0, 30, 400) / 1.0, rng.integers(0, 25, 300) / 1.0
    false, true, _ = roc_curve(np.repeat([1, 0], [400, 300]), np.r_[inside, outside], drop_intermediate=False)
    for rate in (0.01, 0.1, 0.5):
        assert found_at(inside, outside, rate) == pytest.approx(np.interp(rate, false, true))
        share, variance = found(inside, outside, rate)
        assert share == found_at(inside, outside, rate)
        assert variance > 0


def test_the_best_of_many_blind_attackers_finds_nothing() -> None:
    """Choosing on the same rows would report the luckiest of thirty; choosing on the other half does not."""
    outcomes, rates = [], []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        scores = Scores(*({str(i): rng.normal(size=300) for i in range(30)} for _ in range(2)))
        outcome, _ = strongest_auc(scores)
        outcomes.append((outcome.value, outcome.low <= 0.5 <= outcome.high))
        tpr, _ = strongest_found(scores, 0.05)
        rates.append((tpr.value, tpr.low <= 0.05 <= tpr.high))
    assert np.mean([v for v, _ in outcomes]) == pytest.approx(0.5, abs=0.006)
    assert np.mean([c for _, c in outcomes]) >= 0.88
    assert np.mean([v for v, _ in rates]) == pytest.approx(0.05, abs=0.01)
    assert np.mean([c for _, c in rates]) >= 0.88
