"""The audit report: every field mapped, nothing claimed, what is unknown said to be unknown."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from lineage.audit_manifest import Manifest, Packed, Question
from lineage.audit_report import TITLES, overview_page, release_page
from lineage.audit_sections import FRAMES, NOT_CERTIFIED, served
from lineage.audit_show import LABELS, show
from lineage.entry import Head
from lineage.record import SECTIONS, Record
from tests.lineage.record_world import full, minimal

FIELDS = [
    f"{section}.{field}"
    for section in SECTIONS
    for field in Record.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
    if field != "unknown"
]
CLAIM = re.compile(r"anonym", re.IGNORECASE)


def manifest(*findings: str, state: str = "released") -> Manifest:
    packed = Packed(candidate="ab" * 32, dataset="shop", folder="release", state=state, findings=findings)
    return Manifest(workspace="shop", made_at="2026-03-02T12:00:00.000000Z", made_by="ben", software="proofset 0.1.0",
                    question=Question(release="shop", asked="<b>Why?</b>"), ledger=Head(size=4, root="cd" * 32),
                    ledger_key="k", releases=(packed,))  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return full(tmp_path_factory.mktemp("known") / "shop")[1]


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return minimal(tmp_path_factory.mktemp("unknown") / "shop")


def page(record: Record | None, told: Manifest | None = None) -> str:
    made = told or manifest()
    return release_page(made, made.releases[0], record).decode()


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_every_field_of_the_record_serves_a_requirement() -> None:
    assert len(FIELDS) > 110
    assert [field for field in FIELDS if not served(field)] == []


def test_every_cited_field_exists() -> None:
    cited = {path for frame in FRAMES for need in frame.requirements for path in need.fields}
    assert {path.partition("@")[0] for path in cited} <= set(FIELDS)
    assert set(LABELS) <= set(FIELDS)


def test_every_law_and_standard_asked_for_has_a_section() -> None:
    names = " ".join(f"{f.name} {f.title} " + " ".join(n.ref for n in f.requirements) for f in FRAMES)
    for word in ("2024/1689", "Art. 10", "Art. 12", "Art. 13", "Art. 50", "GDPR", "Art. 5(2)", "Art. 30", "Art. 35",
                 "Singling out", "Linkability", "Inference", "ISO/IEC 27559:2022", "ISO/IEC 42001:2023",
                 "NIST AI RMF 1.0", "Govern", "Map", "Measure", "Manage", "CC6", "CC7", "CC8", "164.514(b)(1)",
                 "(2024)", "(2025)"):  # fmt: skip
        assert word in names, word
    for frame in FRAMES:
        assert all(n.asks and n.remains and n.fields for n in frame.requirements)


def test_every_requirement_field_and_gap_is_on_the_page(known: Record, unknown: Record) -> None:
    for record in (known, unknown):
        told = " ".join(text_of(page(record)).split())
        for frame in FRAMES:
            assert " ".join(frame.title.split()) in told
            for need in frame.requirements:
                assert need.asks in told
                assert need.remains in told
        for line in (*NOT_CERTIFIED, *TITLES):
            assert line in told
        for section in SECTIONS:
            for gap in getattr(record, section).unknown:
                assert " ".join(gap.split()) in told
        for path in FIELDS:
            assert show(record, path).label in told


def test_it_never_claims_what_nobody_can(known: Record, unknown: Record) -> None:
    """The one exception is the name of a measure, which is no claim about the release."""
    pages = [
        page(known),
        page(unknown),
        page(None, manifest("files: it was changed")),
        overview_page(manifest()).decode(),
    ]
    for one in pages:
        assert CLAIM.search(one.replace("k-anonymity", "").replace("k_anonymity", "")) is None
        assert "No conformity with the laws and standards named here is declared or certified." in text_of(one)
        assert re.search(r"\b(compliant|complies|certified (as|by|under))\b", text_of(one)) is None


def test_the_search_for_claims_can_fail() -> None:
    assert CLAIM.search("This is Anonymised data.".replace("k-anonymity", ""))
    assert CLAIM.search("k-anonymity".replace("k-anonymity", "")) is None


def test_what_is_unknown_is_called_not_recorded(known: Record, unknown: Record) -> None:
    assert not show(unknown, "source.controller").known
    assert page(unknown).count("not recorded") > page(known).count("not recorded")
    assert show(known, "source.controller").known
    assert show(unknown, "risks.measures@linkability").lines == ("not recorded",)


def test_the_page_is_one_file_that_runs_nothing_and_escapes_what_it_quotes(known: Record) -> None:
    told = page(known)
    assert "<b>Why?</b>" not in told
    assert "&lt;b&gt;Why?" in told
    assert "default-src &#39;none&#39;" in told or "default-src 'none'" in told
    assert not re.search(r"<(script|img|link|iframe|object)\b", told)
    assert re.findall(r'href="(?!#|https://|reports/)', told) == []
    assert page(known) == told


def test_findings_stand_on_top(known: Record) -> None:
    told = page(known, manifest("files: evidence/verdict.json was changed", state="revoked"))
    assert told.index("evidence/verdict.json was changed") < told.index("What is not certified")
    assert "is revoked and does not verify" in told
    assert "does not verify" not in page(known)


def test_a_release_that_cannot_be_read_still_has_a_page(tmp_path: Path) -> None:
    told = page(None, manifest("files: the folder is gone"))
    assert "cannot be read" in told
    assert "the folder is gone" in told
