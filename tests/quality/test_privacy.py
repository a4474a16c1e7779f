"""Copies and membership: brute-force twins, planted leaks, and controls that must fail."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.evidence import Measure, Profile
from proofset.spec import ColumnSpec, TableSpec
from quality import copies, membership
from quality.membership import Points, found_at, nearest
from quality.profile import profile_table

Parts = tuple[pa.Table, pa.Table]


def by_name(observed: object) -> dict[str, Measure]:
    return {m.name: m for m in observed.measures}  # type: ignore[attr-defined]


def test_copies_are_what_sets_of_rows_say(make: SimpleNamespace) -> None:
    rng = np.random.default_rng(4)

    def table(rows: int) -> pa.Table:
        a, b = rng.integers(0, 6, rows), rng.choice(["x", "y", "z"], rows)
        return pa.table({"a": pa.array(a, mask=rng.random(rows) < 0.1), "b": b, "c": rng.integers(0, 9, rows) / 4})

    train, holdout, synthetic = table(60), table(60), table(80)
    profile = profile_table(pa.concat_tables([train, holdout]), "t", TableSpec(), "")
    found = by_name(copies.FAMILY.observe(make.context(train, holdout, synthetic, profile)))
    for name, columns in (("exact", ["a", "b", "c"]), ("near", ["a", "b"])):
        rows = {p: [tuple(r.values()) for r in t.select(columns).to_pylist()] for p, t in (("r", train),)}
        seen = set(rows["r"])
        measure = found[f"privacy.{name}_copy_rate"]
        for value, other in ((measure.value, synthetic), (measure.reference, holdout)):
            own = [tuple(r.values()) in seen for r in other.select(columns).to_pylist()]
            assert value == pytest.approx(np.mean(own))


def test_a_copy_of_the_training_table_fails(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    at = make.context(*parts, parts[0], profile)
    found = by_name(copies.FAMILY.observe(at))
    assert found["privacy.exact_copy_rate"].low > 0.99
    assert found["privacy.exact_copy_rate"].reference < 0.01
    found = by_name(membership.FAMILY.observe(at))
    assert found["privacy.membership_auc"].low > 0.95
    assert found["privacy.membership_tpr_at_1fpr"].low > 0.9


def test_a_partial_leak_is_seen(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    leaky = pa.concat_tables([fresh.slice(0, 900), parts[0].slice(0, 300)])
    found = by_name(membership.FAMILY.observe(make.context(*parts, leaky, profile)))
    assert found["privacy.membership_auc"].low > 0.53
    assert found["privacy.membership_tpr_at_1fpr"].value > 0.15


def test_unseen_rows_give_nothing_away(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    found = by_name(membership.FAMILY.observe(make.context(*parts, fresh, profile)))
    for measure, perfect in ((found["privacy.membership_auc"], 0.5), (found["privacy.membership_tpr_at_1fpr"], 0.01)):
        assert measure.value == pytest.approx(perfect, abs=0.06)
        assert measure.reference == pytest.approx(perfect, abs=0.06)


def test_an_attack_blind_to_a_planted_leak_reports_no_number(make: SimpleNamespace) -> None:
    """Two yes-or-no columns: everybody is everybody's twin, so nearness cannot tell even a copy."""
    rng = np.random.default_rng(0)
    table = pa.table({"a": rng.choice(["u", "v"], 600), "b": rng.choice(["u", "v"], 600)})
    train, holdout = make.split(table)
    profile = profile_table(table, "t", TableSpec(), "")
    for measure in membership.FAMILY.observe(make.context(train, holdout, train, profile)).measures:
        assert (measure.status, measure.value) == ("error", None)
        assert "planted leak" in measure.detail


def test_too_few_holdout_rows_and_columns(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    small = make.context(parts[0], parts[1].slice(0, 40), parts[0], profile)
    assert {m.status for m in membership.FAMILY.observe(small).measures} == {"unsupported"}
    spec = TableSpec(columns={n: ColumnSpec(treatment="fake") for n in parts[0].column_names})
    nothing = make.context(*parts, parts[0], profile_table(parts[0], "t", spec, ""))
    for family in (membership.FAMILY, copies.FAMILY):
        assert {m.status for m in family.observe(nothing).measures} == {"unsupported"}


def naive(asked: Points, among: Points) -> np.ndarray:
    """Nearest by squared distance over ranks in 64 steps, the first of equals; then the exact distance to it."""
    found = []
    for ranks, words in zip(asked.ranks, asked.words, strict=True):
        rough = ((np.round(among.ranks * 64) / 64 - np.round(ranks * 64) / 64) ** 2).sum(axis=1)
        place = int(np.argmin(rough + (among.words != words).sum(axis=1)))
        exact = np.minimum(np.abs(among.ranks[place] - ranks), 1).sum()
        found.append(exact + (among.words[place] != words).sum())
    return np.array(found)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_nearest_is_the_naive_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers, words = rng.integers(0, 4), rng.integers(1, 4)

    def some(rows: int) -> Points:
        ranks = np.where(rng.random((rows, numbers)) < 0.1, 2.0, rng.random((rows, numbers)))
        return Points(ranks, rng.integers(-1, 5, (rows, words)).astype(np.int32))

    asked, among = some(17), some(40)
    assert nearest(asked, among) == pytest.approx(naive(asked, among))


def test_blocks_do_not_change_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    asked, among = (Points(rng.random((n, 5)), rng.integers(0, 90, (n, 3)).astype(np.int32)) for n in (300, 200))
    whole = nearest(asked, among)
    monkeypatch.setattr(membership, "_BLOCK", 700)
    assert np.array_equal(nearest(asked, among), whole)


def test_rate_at_false_positives_is_on_the_roc_curve() -> None:
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(2)
    inside, outside = rng.integers(0, 30, 400) / 1.0, rng.integers(0, 25, 300) / 1.0
    false, true, _ = roc_curve(np.repeat([1, 0], [400, 300]), np.r_[inside, outside], drop_intermediate=False)
    for rate in (0.01, 0.1, 0.5):
        assert found_at(inside, outside, rate) == pytest.approx(np.interp(rate, false, true))
