"""Shapes and pair trends: SDMetrics' own figures, brute-force replicates, and controls that must fail."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats.contingency import association

from proofset.evidence import Profile, SemanticType
from proofset.spec import ColumnSpec, TableSpec
from quality.base import Observed
from quality.fidelity import FAMILY
from quality.fidelity_pairs import cramer
from quality.profile import profile_table
from quality.sdmetrics_reports import DIAGNOSTIC, QUALITY, reports

Parts = tuple[pa.Table, pa.Table]


def values(observed: object) -> dict[str, float]:
    return {m.name: m.value for m in observed.measures}  # type: ignore[attr-defined]


@pytest.mark.parametrize("other", ["fresh", "shuffled", "small"])
def test_the_twin_is_sdmetrics(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, other: str
) -> None:
    synthetic = {"fresh": fresh, "shuffled": make.shuffled(parts[0]), "small": make.people(150, seed=4)}[other]
    at = make.context(*parts, synthetic, profile)
    report = reports(at, "quality")
    scores = dict(zip(*(report.get_properties()[k] for k in ("Property", "Score")), strict=True))
    found = values(FAMILY.observe(at))
    assert found["fidelity.shape_error"] == pytest.approx(1 - scores["Column Shapes"], abs=1e-9)
    assert found["fidelity.pair_error"] == pytest.approx(1 - scores["Column Pair Trends"], abs=1e-9)
    quality = values(QUALITY.observe(at))["fidelity.sdmetrics_quality"]
    assert quality == pytest.approx(report.get_score(), abs=1e-9)


def test_every_pair_is_sdmetrics_without_thresholds(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    from sdmetrics.reports.single_table import QualityReport

    from proofset.codes import modelled
    from quality.sdmetrics_reports import frame, metadata

    columns, schema = modelled(profile, parts[0]), parts[0].schema
    report = QualityReport()
    report.real_correlation_threshold = report.real_association_threshold = 0
    report.generate(
        frame(parts[0], columns, schema), frame(fresh, columns, schema), metadata(columns, schema), verbose=False
    )
    pairs = report.get_properties()["Score"][1]
    found = values(FAMILY.observe(make.context(*parts, fresh, profile)))
    assert found["fidelity.every_pair_error"] == pytest.approx(1 - pairs, abs=1e-9)


def test_cramer_is_scipys() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        a = rng.integers(0, 4, 300)
        b = np.where(rng.random(300) < 0.5, a, rng.integers(0, 5, 300))
        truth = association(pd.crosstab(a, b).to_numpy(), method="cramer")
        which, counts = np.unique(a * 7 + b, return_counts=True)
        assert cramer(counts, which, 7) == pytest.approx(truth)
    assert np.isnan(cramer(np.array([10]), np.array([0]), 3))


def test_wide_contingency_tables_are_compressed_without_loss(
    make: SimpleNamespace, parts: Parts, profile: Profile
) -> None:
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in rng.integers(0, 400, 3000)]
    table = pa.table({"a": words, "b": [f"{w}{i % 2}" for i, w in enumerate(words)], "target": ["x", "y"] * 1500})
    spec = TableSpec(columns={"a": ColumnSpec(type="category"), "b": ColumnSpec(type="category")})
    train, holdout = make.split(table)
    at = make.context(train, holdout, make.shuffled(train), profile_table(table, "wide", spec, ""))
    pairs = {tuple(r): s for *r, s in _details(at).itertuples(index=False)}
    found = parts_of(FAMILY.observe(at), "fidelity.pair_error")
    assert found["a × b"] == pytest.approx(1 - pairs["a", "b"], abs=1e-9)


def parts_of(found: Observed, name: str) -> dict[str, float]:
    """A measure's parts by name."""
    return {p.part: p.value for m in found.measures if m.name == name for p in m.parts}


def _details(at: object) -> pd.DataFrame:
    return reports(at, "quality").get_details("Column Pair Trends")[["Column 1", "Column 2", "Score"]]  # type: ignore[arg-type]


def test_independent_columns_fail_pairs_and_keep_shapes(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    found = values(FAMILY.observe(make.context(*parts, make.shuffled(parts[0]), profile)))
    assert found["fidelity.shape_error"] == 0
    assert found["fidelity.pair_error"] > 0.1


def test_the_training_table_itself_is_perfect(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    found = values(FAMILY.observe(make.context(*parts, parts[0], profile)))
    better = {"fidelity.range_coverage": 1.0, "fidelity.category_coverage": 1.0}
    assert found == {name: better.get(name, 0.0) for name in found}


def test_what_the_synthetic_table_leaves_undefined_is_wholly_wrong(
    make: SimpleNamespace, parts: Parts, profile: Profile
) -> None:
    train = parts[0]
    place = train.column_names.index("spend")
    constant = train.set_column(place, "spend", pa.array([7.0] * len(train)))
    empty = train.set_column(place, "spend", pa.nulls(len(train), pa.float64()))
    assert (
        parts_of(FAMILY.observe(make.context(*parts, constant, profile)), "fidelity.pair_error")["income × spend"] == 1
    )
    found = FAMILY.observe(make.context(*parts, empty, profile))
    assert parts_of(found, "fidelity.shape_error")["spend"] == 1
    assert parts_of(found, "fidelity.pair_error")["income × spend"] == 1


def test_a_single_column_has_no_pairs(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    train, holdout = (p.select(["age"]) for p in parts)
    observed = FAMILY.observe(make.context(train, holdout, holdout, profile))
    assert {m.name.partition(".")[2] for m in observed.measures if m.status == "unsupported" and m.detail} == {
        "pair_error", "every_pair_error", "triple_error", "correlation_error", "category_coverage",
    }  # fmt: skip
    assert {m.status for m in observed.measures} == {"ok", "unsupported"}


def test_diagnostic_sees_foreign_values_ranges_and_types(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    train, holdout = parts
    clean = values(DIAGNOSTIC.observe(make.context(train, holdout, train, profile)))
    assert clean == {"diagnostic.structure": 1.0, "diagnostic.validity": 1.0}
    place = train.column_names.index("city")
    foreign = train.set_column(place, "city", pa.array(["Atlantis"] * len(train)))
    assert values(DIAGNOSTIC.observe(make.context(train, holdout, foreign, profile)))["diagnostic.validity"] == 0.9
    text = train.set_column(place, "city", pa.array([1] * len(train)))
    observed = values(DIAGNOSTIC.observe(make.context(train, holdout, text, profile)))
    assert observed["diagnostic.structure"] == pytest.approx(9 / 11)
    missing = DIAGNOSTIC.observe(make.context(train, holdout, train.drop_columns(["city"]), profile))
    by_name = {m.name: m for m in missing.measures}
    assert by_name["diagnostic.validity"].status == "error"
    assert by_name["diagnostic.structure"].value == pytest.approx(9 / 10)


def test_clocks_and_durations_are_numbers(make: SimpleNamespace, parts: Parts) -> None:
    rng = np.random.default_rng(0)
    clock = pa.array(rng.integers(0, 86_400, 600), pa.int32()).cast(pa.time32("s"))
    spell = pa.array(rng.integers(0, 9_000, 600)).cast(pa.duration("s"))
    table = pa.table({"clock": clock, "spell": spell, "word": pa.array(["a", "b", "c"] * 200).dictionary_encode()})
    known = profile_table(table, "times", TableSpec(), "")
    assert known.column("clock").semantic == SemanticType.NUMBER
    train, holdout = make.split(table)
    at = make.context(train, holdout, holdout, known)
    assert {m.status for m in DIAGNOSTIC.observe(at).measures} == {"ok"}
    assert values(QUALITY.observe(at))["fidelity.sdmetrics_quality"] > 0.8
