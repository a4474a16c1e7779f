"""Candidates: built only from evidence about the same bytes, deterministic, and read only when whole."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineage.candidate import build_candidate, read_candidate
from lineage.folders import checked_bytes, compare, entry_of, survey
from proofset.digest import canonical, sha256_bytes, sha256_file, table_digest
from proofset.errors import DeniedError, SourceError
from proofset.evidence import FileEntry, Outcome
from proofset.source import read_source
from proofset.spec import ColumnSpec, TableSpec
from tests.lineage.shop import Place, make_measures, make_table

OTHER = sha256_bytes(b"other")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_candidate_comes_back_as_it_was_built(place: Place) -> None:
    evidence = place.evidence
    candidate, folder = place.build(evidence)
    parts = evidence.parts()
    read = read_candidate(folder)
    assert read.candidate == candidate
    for name in ("provenance", "profile", "scorecard", "suite", "verdict", "policy", "spec"):
        assert getattr(read, name) == parts[name]
    assert table_digest(pq.read_table(folder / "data" / "visits.parquet")) == candidate.synthetic_digest
    assert sha256_file(folder / "candidate.json") == candidate.digest
    assert {f.path for f in candidate.files} == set(bytes_of(folder)) - {"candidate.json"}
    assert read.broken_links() == []


def test_the_same_inputs_give_the_same_bytes(place: Place, tmp_path: Path) -> None:
    first, folder = place.build()
    second = build_candidate(tmp_path / "again", **place.evidence.parts())
    assert second.digest == first.digest
    assert bytes_of(tmp_path / "again") == bytes_of(folder)


def test_building_again_returns_the_candidate_there_is(place: Place) -> None:
    candidate, folder = place.build()
    times = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    assert build_candidate(folder, **place.evidence.parts()) == candidate
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == times
    with pytest.raises(DeniedError, match="holds another candidate"):
        build_candidate(folder, **(place.evidence.parts() | {"report_html": "another"}))


def changed(part: Any, **fields: Any) -> Any:
    return part.model_copy(update=fields)


STALE: dict[str, tuple[str, dict[str, Any], str]] = {
    "scorecard of other bytes": ("scorecard", {"synthetic_digest": OTHER}, "scorecard is about another synthetic"),
    "scorecard of another train part": ("scorecard", {"train_digest": OTHER}, "another train part"),
    "scorecard of another holdout": ("scorecard", {"holdout_digest": OTHER}, "another holdout"),
    "another scorecard": ("scorecard", {"versions": {"other": "1"}}, "verdict is about another scorecard"),
    "verdict of other bytes": ("verdict", {"synthetic_digest": OTHER}, "verdict is about another synthetic"),
    "verdict of another policy": ("verdict", {"policy_digest": OTHER}, "another policy"),
    "verdict by hand": ("verdict", {"outcome": Outcome.FAIL}, "not what the policy says"),
    "another profile": ("profile", {"duplicate_rows": 3}, "profile is not the one"),
    "profile of another source": ("profile", {"source_digest": OTHER}, "profile is about another source"),
    "suite of other bytes": ("suite", {"synthetic_digest": OTHER}, "suite ran on another"),
    "another spec": ("spec", {"seed": 8}, "spec is not the one"),
    "another dataset": ("spec", {"dataset": "hop"}, "another dataset"),
    "another policy": ("policy", {"description": "laxer"}, "another policy"),
    "another purpose": ("provenance", {"purpose": "analytics"}, "another purpose"),
    "another owner": ("provenance", {"owner": "team:x"}, "another owner"),
    "another table": ("provenance", {"table": "sales"}, "another table"),
    "another count of rows": ("provenance", {"synthetic_rows": 299}, "other rows"),
    "provenance of other bytes": ("provenance", {"synthetic_digest": OTHER}, "provenance is about another synthetic"),
}


@pytest.mark.parametrize("case", STALE)
def test_stale_evidence_is_refused_and_named(case: str, place: Place) -> None:
    part, fields, expected = STALE[case]
    parts = place.evidence.parts()
    with pytest.raises(DeniedError, match=expected) as caught:
        place.build(**{part: changed(parts[part], **fields)})
    assert caught.value.what.startswith("Stale evidence")
    assert not (place.workspace.state / "candidates").exists() or not list(place.workspace.state.rglob("evidence"))


def test_a_table_of_other_bytes_is_refused(place: Place) -> None:
    with pytest.raises(DeniedError, match="Stale evidence"):
        place.build(synthetic=make_table(seed=1))


def test_a_table_that_parquet_changes_is_refused_by_column(place: Place) -> None:
    table = make_table().append_column("seen", pa.array([1] * 300, pa.timestamp("s")))
    with pytest.raises(SourceError, match=r"seen \(timestamp\[s\]\)"):
        place.build(replace(place.evidence, table=table))


def test_every_type_that_a_source_reads_is_stored_exactly(place: Place, tmp_path: Path) -> None:
    """Times in seconds, as CSV gives them, and in any zone; dates; decimals; words in a dictionary."""
    times = pa.array(range(300), pa.timestamp("s"))
    table = pa.table(
        {
            "seen": times,
            "zoned": times.cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("us", "Europe/Berlin")),
            "day": pa.array(range(300), pa.int32()).cast(pa.date32()).cast(pa.date64()),
            "hour": pa.array(range(300), pa.time32("s")),
            "price": pa.array(range(300)).cast(pa.decimal128(20, 0)),
            "word": pa.array(["a", "b", None] * 100).dictionary_encode(),
            "small": pa.array([1, 2, 3] * 100, pa.uint8()),
            "real": pa.array([0.5] * 300, pa.float32()),
            "yes": pa.array([True, None, False] * 100),
        }
    )
    pq.write_table(table, tmp_path / "source.parquet")
    source = read_source(tmp_path / "source.parquet")
    assert source.schema.field("seen").type == pa.timestamp("ms")
    candidate, _ = place.build(replace(place.evidence, table=source))
    assert candidate.synthetic_digest == table_digest(source)


def test_a_failing_candidate_is_built_too_and_a_missing_suite_is_kept_as_missing(place: Place) -> None:
    candidate, folder = place.build(replace(place.evidence, with_suite=False))
    assert candidate.outcome is Outcome.INCONCLUSIVE
    assert read_candidate(folder).suite is None
    candidate, _ = place.build(replace(place.evidence, suite_succeeds=False))
    assert candidate.outcome is Outcome.FAIL


def test_the_card_says_what_for_whose_and_how_close(place: Place) -> None:
    _, folder = place.build()
    card = (folder / "README.md").read_text()
    for text in (
        "Shop visits",
        "sharing",
        "CC-BY-4.0",
        "The Shop (2025)",
        "proofset verify",
        "0.01 to 0.03",
        "in euros",
    ):
        assert text in card
    assert "| spend | Money spent &#124; in euros | number | model |" in card


def test_no_text_in_the_card_passes_as_html_table_or_code(place: Place) -> None:
    evil = "x|</td><script>a()</script>\n\n<img src=y>\r\u2028`z`"
    spec = place.evidence.spec
    columns = {"spend": ColumnSpec(description=evil)}
    spec = spec.model_copy(
        update={
            "title": evil,
            "description": evil,
            "source": spec.source.model_copy(update={"licence": evil, "attribution": evil, "url": evil}),
            "tables": {"visits": TableSpec(columns=columns)},
        }
    )
    table = make_table().append_column(evil, pa.array([1] * 300))
    measure = changed(make_measures()[1], name="privacy.own", status="ok")
    evidence = replace(place.evidence, spec=spec, table=table, licence=evil, measures=(*make_measures(), measure))
    _, folder = place.build(evidence)
    card = (folder / "README.md").read_text()
    assert "<" not in card
    assert ">" not in card
    assert "\u2028" not in card
    assert "&lt;script&gt;" in card
    rows = [line for line in card.splitlines() if line.startswith("| ")]
    assert {row.count("|") for row in rows} == {5, 6}
    assert card.count("`") % 2 == 0
    assert "`z`" not in card
    assert len([line for line in card.splitlines() if line.startswith("# ")]) == 1


def test_the_card_of_data_from_rules_alone_says_so(place: Place) -> None:
    parts = place.evidence.parts()
    _, folder = place.build(provenance=changed(parts["provenance"], generations=0))
    assert "no real data went into it" in (folder / "README.md").read_text()


@pytest.mark.parametrize("path", ["README.md", "report.html", "evidence/scorecard.json", "data/visits.parquet"])
@pytest.mark.parametrize("how", ["flip", "remove", "link"])
def test_a_damaged_candidate_is_denied_by_name(path: str, how: str, place: Place) -> None:
    _, folder = place.build()
    target = folder / path
    data = bytearray(target.read_bytes())
    if how == "flip":
        data[len(data) // 2] ^= 1
        target.write_bytes(bytes(data))
    else:
        target.unlink()
        if how == "link":
            elsewhere = folder.parent / "elsewhere"
            elsewhere.write_bytes(bytes(data))
            target.symlink_to(elsewhere)
    with pytest.raises(DeniedError, match=path):
        read_candidate(folder)


@pytest.mark.parametrize("path", ["extra.txt", ".hidden", "evidence/.DS_Store", "data/.git/config"])
def test_a_file_too_many_is_denied_by_name(path: str, place: Place) -> None:
    _, folder = place.build()
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text("x")
    with pytest.raises(DeniedError, match=path):
        read_candidate(folder)


def test_a_missing_folder_or_manifest_is_denied(place: Place, tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match="no candidate folder"):
        read_candidate(tmp_path / "none")
    _, folder = place.build()
    manifest = folder / "candidate.json"
    for data in (b"", b"{}", json.dumps(json.loads(manifest.read_bytes()), indent=1).encode()):
        manifest.write_bytes(data)
        with pytest.raises(DeniedError, match=r"candidate\.json"):
            read_candidate(folder)


def rewritten(folder: Path, files: dict[str, bytes], **fields: Any) -> None:
    """Change files and the manifest together, as somebody with write access to the folder could."""
    manifest = json.loads((folder / "candidate.json").read_bytes())
    for path, data in files.items():
        (folder / path).write_bytes(data)
    entries = [FileEntry(**e) for e in manifest["files"] if (folder / e["path"]).exists()]
    manifest["files"] = [entry_of(folder, e.path).plain() for e in entries]
    (folder / "candidate.json").write_bytes(canonical(manifest | fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"evidence_digest": OTHER}, "evidence_digest does not follow"),
        ({"policy_digest": OTHER}, "policy_digest does not follow"),
        ({"synthetic_digest": OTHER}, "synthetic_digest does not follow"),
        ({"dataset": "hop", "requested_by": "eve@example.org"}, "dataset, requested_by do not follow"),
        ({"outcome": "fail"}, "outcome does not follow"),
    ],
)
def test_a_manifest_must_follow_from_the_evidence(fields: dict[str, str], expected: str, place: Place) -> None:
    _, folder = place.build()
    rewritten(folder, {}, **fields)
    with pytest.raises(DeniedError, match=expected):
        read_candidate(folder)


def test_evidence_changed_with_the_manifest_contradicts_the_evidence_digest(place: Place) -> None:
    _, folder = place.build()
    scorecard = json.loads((folder / "evidence/scorecard.json").read_bytes())
    scorecard["measures"] = scorecard["measures"][1:]
    rewritten(folder, {"evidence/scorecard.json": canonical(scorecard)})
    with pytest.raises(DeniedError, match="evidence_digest does not follow"):
        read_candidate(folder)


def test_evidence_of_another_form_or_missing_is_denied(place: Place) -> None:
    _, folder = place.build()
    rewritten(folder, {"evidence/policy.json": b'{"policy":"sharing"}'})
    with pytest.raises(DeniedError, match=r"evidence/policy\.json does not hold"):
        read_candidate(folder)
    (folder / "evidence/policy.json").unlink()
    rewritten(folder, {})
    with pytest.raises(DeniedError, match=r"evidence/policy\.json is not among"):
        read_candidate(folder)


def test_a_file_is_believed_only_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    entry = entry_of(tmp_path, "a")
    assert checked_bytes(tmp_path, entry) == b"abc"
    (tmp_path / "a").write_bytes(b"abd")
    with pytest.raises(DeniedError, match="a was changed"):
        checked_bytes(tmp_path, entry)
    (tmp_path / "a").unlink()
    with pytest.raises(DeniedError, match="a cannot be read"):
        checked_bytes(tmp_path, entry)


def test_comparing_a_folder_ignores_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"a")
    manifest = [entry_of(tmp_path, "in/a")]
    assert compare(tmp_path, manifest) == []
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    os.mkfifo(tmp_path / "pipe")
    found = {f.path: f.what for f in compare(tmp_path, [*manifest, FileEntry(path="../x", size=1, sha256=OTHER)])}
    assert found.keys() == {"empty", "link", "pipe", "../x"}
    assert found["../x"] == "is missing"
    assert survey(tmp_path)[0] == ["in/a"]
    assert {f.path for f in compare(tmp_path, manifest, ["manifest"])} >= {"manifest"}
