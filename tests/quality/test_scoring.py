"""Scoring: the contract of every registered family, isolation of faults, determinism, and silence about rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from proofset.codes import PARTS
from proofset.evidence import Measure, Profile, Scorecard
from proofset.spec import TableSpec
from quality import REGISTRY
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed
from quality.profile import profile_table
from quality.scoring import score

Parts = tuple[pa.Table, pa.Table]
TOO_FEW = ("privacy.membership_tpr_at_01fpr", "privacy.outlier_membership_auc")
"""What 600 holdout rows are too few for."""
DOCS = Path(__file__).parents[2] / "docs" / "quality.md"


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_family_keeps_the_contract(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, name: str
) -> None:
    family = REGISTRY[name]
    observed = family.observe(make.context(*parts, fresh, profile))
    again = family.observe(make.context(*parts, fresh, profile))
    assert observed == again
    assert {m.name for m in observed.measures} == {c.name for c in family.cards}
    for measure in observed.measures:
        assert isinstance(measure, Measure)
        if measure.name in TOO_FEW:
            assert measure.status == "inconclusive"
        else:
            assert measure.status in ("ok", "unsupported"), measure.detail
        assert measure.title
        assert measure.method
        if measure.status == "ok":
            assert measure.n > 0
            assert measure.floor <= measure.low <= measure.value <= measure.high <= measure.ceiling
            if not measure.name.startswith("diagnostic."):
                assert measure.reference_low <= measure.reference <= measure.reference_high


def test_names_are_distinct_documented_and_have_sources() -> None:
    cards: list[MeasureCard] = [c for family in REGISTRY.values() for c in family.cards]
    assert len({c.name for c in cards}) == len(cards)
    text = DOCS.read_text(encoding="utf-8")
    for card in cards:
        assert f"`{card.name}`" in text
        assert "doi:" in card.paper
        assert card.paper.split("doi:")[1] in text
    for family in REGISTRY:
        assert f"`{family}`" in text


def test_the_card_is_whole_and_repeatable(
    card: Scorecard, parts: Parts, fresh: pa.Table, profile: Profile, make: SimpleNamespace
) -> None:
    seen: list[tuple[str, float]] = []
    again = score(
        *parts,
        fresh,
        profile=profile,
        table=make.spec,
        seed=3,
        digests=make.digests,
        progress=lambda message, share: seen.append((message, share)),
    )
    assert again.digest == card.digest
    alone = score(*parts, fresh, profile=profile, table=make.spec, seed=3, digests=make.digests, workers=1)
    assert alone.digest == card.digest
    assert [s for _, s in seen] == sorted(s for _, s in seen)
    assert seen[-1] == ("measured", 1.0)
    assert card.train_digest, card.synthetic_digest == ("1" * 64, "3" * 64)
    assert [m.name for m in card.measures] == sorted(m.name for m in card.measures)
    shapes = card.measure("fidelity.shape_error")
    assert shapes
    assert {p.part for p in shapes.parts} == {c.name for c in profile.columns} - {"person_id", "email"}
    assert {"sdmetrics", "scikit-learn", "proofset"} <= set(card.versions)
    other = score(*parts, fresh, profile=profile, table=make.spec, seed=4, digests=make.digests)
    assert other.digest != card.digest


def test_input_tables_stay_as_they_are(parts: Parts, fresh: pa.Table, make: SimpleNamespace, card: Scorecard) -> None:
    assert parts[0].equals(make.people().slice(0, 1200))
    assert fresh.equals(make.people(1200, seed=99))


def test_a_column_that_breaks_a_family_breaks_only_that(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    """A text that is no number where the source has numbers: what needs numbers is inconclusive, and quotes nothing."""
    place = fresh.column_names.index("spend")
    poisoned = fresh.set_column(place, "spend", pa.array(["canary-4711"] * len(fresh)))
    found = score(*parts, poisoned, profile=profile, table=make.spec, seed=3, digests=make.digests)
    by_name = {m.name: m for m in found.measures}
    assert by_name["fidelity.shape_error"].status == "inconclusive"
    assert "column 'spend' of the synthetic table is string" in by_name["fidelity.shape_error"].detail
    assert by_name["validity.schema"].status == "ok"
    assert by_name["validity.schema"].value < 1
    assert "canary-4711" not in found.model_dump_json()


def test_an_exception_becomes_its_type_alone(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    model: Family = REGISTRY["copies"]

    def broken(_: Context) -> Observed:
        raise ValueError("canary-4711")

    observed = Family("broken", model.cards, broken).observe(make.context(*parts, parts[0], profile))
    assert {(m.status, m.detail, m.value) for m in observed.measures} == {("error", "ValueError", None)}


def test_nothing_modelled_is_unsupported_everywhere(make: SimpleNamespace, parts: Parts) -> None:
    table = parts[0].select(["person_id", "email"])
    profile = profile_table(table, "t", make.spec.model_copy(update={"columns": {}}), "")
    holdout = parts[1].select(["person_id", "email"])
    found = score(table, holdout, table, profile=profile, table=TableSpec(), seed=0, digests=make.digests)
    of_every_column = ("validity.schema", "validity.keys", "privacy.pii_leak")
    assert {m.status for m in found.measures if m.name not in of_every_column} == {"unsupported"}


def test_canaries_are_not_in_the_card(make: SimpleNamespace, parts: Parts, card: Scorecard) -> None:
    text = card.model_dump_json()
    assert "@example.org" not in text
    for name in ("email", "income", "spend"):
        for value in parts[0][name].drop_null().slice(0, 200).to_pylist():
            assert str(value) not in text


def test_encoding_shares_codes_and_keeps_nulls(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    at = make.context(*parts, parts[0].slice(5, 50), profile)
    for column in at.encoded.columns:
        for part, table in zip(PARTS, (at.train, at.holdout, at.synthetic), strict=True):
            missing = column.values[part] != column.values[part]
            if column.values[part].dtype.kind == "i":
                missing = column.values[part] < 0
            assert missing.tolist() == [v is None for v in table[column.name].to_pylist()]
        assert np.array_equal(column.values["synthetic"], column.values["train"][5:55], equal_nan=True)
    with pytest.raises(InconclusiveError, match="column 'age' of the synthetic table is missing"):
        make.context(*parts, parts[0].drop_columns(["age"]), profile).encoded  # noqa: B018


def test_importing_quality_loads_nothing_heavy() -> None:
    code = (
        "import sys, quality, quality.scoring, quality.profile, quality.report, quality.gx_suite;"
        "from quality import REGISTRY; [REGISTRY[n] for n in REGISTRY];"
        "heavy = {'sklearn', 'sdmetrics', 'great_expectations', 'matplotlib', 'torch', 'scipy', 'jinja2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
