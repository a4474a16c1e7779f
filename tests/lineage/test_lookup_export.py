"""Lookup and export: what the ledger knows, for people and for SQL."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from lineage.export import SCHEMAS, export_tables
from lineage.ledger import Ledger
from lineage.lookup import lookup
from lineage.passport import INCLUSION
from lineage.record import RECORD
from lineage.release import Released, record_candidate
from proofset.errors import DeniedError
from tests.lineage.shop import DAY, HOUR, NOW, Place, make_table

Pristine = tuple[Place, Released]


def test_every_name_of_a_release_leads_to_it(pristine: Pristine) -> None:
    place, released = pristine
    provenance = place.ledger.entries("candidate")[0].body["provenance"]
    queries = {
        "shop": "dataset name",
        released.candidate: "candidate digest",
        released.candidate[:6]: "candidate digest",
        provenance["synthetic_digest"]: "synthetic table",
        provenance["source_digest"][:10]: "source",
        released.passport_digest: "passport",
    }
    for query, matched_by in queries.items():
        [hit] = lookup(place.workspace, place.ledger, query)
        assert hit.matched_by == matched_by
        assert (hit.kind, hit.dataset, hit.candidate) == ("release", "shop", released.candidate)
        assert (hit.released, hit.purpose, hit.outcome) == (True, "sharing", "pass")
        assert place.workspace.root / hit.folder == released.folder


def test_every_file_of_a_release_leads_to_it(pristine: Pristine, tmp_path: Path) -> None:
    place, released = pristine
    for path in released.folder.rglob("*"):
        if path.is_file() and path.parent.name not in ("approvals", "exports") and path.name not in (RECORD, INCLUSION):
            copy = tmp_path / path.name
            copy.write_bytes(path.read_bytes())
            [hit] = lookup(place.workspace, place.ledger, str(copy))
            assert hit.candidate == released.candidate
    inside = released.folder.relative_to(place.workspace.root) / "README.md"
    assert lookup(place.workspace, place.ledger, str(inside))[0].matched_by == "digest of README.md"


def test_a_rewritten_table_is_known_by_its_content(pristine: Pristine, tmp_path: Path) -> None:
    place, released = pristine
    table = make_table()
    pq.write_table(table, tmp_path / "other.parquet", compression="gzip", row_group_size=50)
    pacsv.write_csv(table, tmp_path / "other.csv", pacsv.WriteOptions(quoting_style="needed"))
    pacsv.write_csv(table, tmp_path / "other.tsv", pacsv.WriteOptions(quoting_style="needed", delimiter="\t"))
    for name in ("other.parquet", "other.csv", "other.tsv"):
        [hit] = lookup(place.workspace, place.ledger, str(tmp_path / name))
        assert (hit.matched_by, hit.candidate) == ("synthetic table", released.candidate)


def test_nothing_is_found_for_what_is_not_recorded(pristine: Pristine, tmp_path: Path) -> None:
    place, released = pristine
    pq.write_table(make_table(seed=3), tmp_path / "new.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    (tmp_path / "text.txt").write_text("shop")
    for query in ("hop", "", released.candidate[:5], "f" * 64, "*", "../shop", str(tmp_path)):
        assert lookup(place.workspace, place.ledger, query) == []
    for name in ("new.parquet", "broken.parquet", "text.txt"):
        assert lookup(place.workspace, place.ledger, str(tmp_path / name)) == []


def test_an_unreleased_candidate_is_found_as_such_newest_first(place: Place) -> None:
    first, _ = place.record()
    second, folder = place.record(replace(place.evidence, table=make_table(seed=1)), NOW + HOUR)
    hits = lookup(place.workspace, place.ledger, "shop")
    assert [h.candidate for h in hits] == [second.digest, first.digest]
    assert not any(h.released or h.kind != "candidate" for h in hits)
    assert place.workspace.root / hits[0].folder == folder


@pytest.fixture
def busy(place: Place) -> Place:
    """A place where everything happened: records, a denial, approvals, a rejection, a release."""
    candidate, folder = place.record()
    with pytest.raises(DeniedError):
        place.release()
    place.sign(candidate, "ben", "cho", at=NOW + 3 * HOUR)
    place.sign(candidate, "dia", decision="reject", at=NOW + 3 * HOUR)
    place.release(now=NOW + 4 * HOUR)
    record_candidate(place.workspace, place.ledger, candidate, folder, NOW + 3 * DAY)
    place.record(replace(place.evidence, suite_succeeds=False, table=make_table(seed=1)), NOW + 4 * DAY)
    return place


def test_every_table_is_exported_with_its_schema(busy: Place, tmp_path: Path) -> None:
    counts = export_tables(busy.ledger, tmp_path / "out")
    assert counts == {
        "datasets": 1,
        "candidates": 2,
        "measures": 6,
        "findings": 8,
        "approvals": 3,
        "releases": 1,
        "denials": 1,
    }
    for name, schema in SCHEMAS.items():
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert table.schema.equals(schema)
        assert table.num_rows == counts[name]
        assert stat.S_IMODE((tmp_path / "out" / f"{name}.parquet").stat().st_mode) == 0o644
    assert {p.name for p in (tmp_path / "out").iterdir()} == {f"{n}.parquet" for n in SCHEMAS}


def test_the_exported_tables_join_and_say_what_happened(busy: Place, tmp_path: Path) -> None:
    export_tables(busy.ledger, tmp_path)

    def ask(question: str) -> list[tuple[object, ...]]:
        with duckdb.connect() as connection:
            for name in SCHEMAS:
                connection.execute(f"CREATE VIEW {name} AS SELECT * FROM '{tmp_path / name}.parquet'")
            return connection.execute(question).fetchall()

    assert ask("SELECT outcome, rows, generations FROM candidates ORDER BY recorded_at") == [
        ("pass", 300, 1),
        ("fail", 300, 1),
    ]
    assert ask("SELECT last_recorded_at - first_recorded_at = INTERVAL 4 DAY, modality, generator FROM datasets") == [
        (True, "table", "trees")
    ]
    assert ask("SELECT person, decision, comment_length FROM approvals JOIN candidates USING (candidate)") == [
        ("ben", "approve", 6),
        ("cho", "approve", 6),
        ("dia", "reject", 6),
    ]
    assert ask("SELECT reasons LIKE '%0 of 2 approvals%' FROM denials") == [(True,)]
    assert ask("SELECT check_name FROM findings WHERE outcome = 'fail'") == [("validation_suite",)]
    assert ask("SELECT DISTINCT value, status FROM measures WHERE measure = 'privacy.membership_auc'") == [
        (None, "unsupported")
    ]
    assert ask("SELECT folder LIKE 'releases/shop/%', released_by FROM releases") == [(True, "ada@example.org")]


def test_an_empty_ledger_gives_empty_tables_of_the_same_schemas(tmp_path: Path) -> None:
    counts = export_tables(Ledger(f"sqlite:///{tmp_path}/ledger.db", tmp_path), tmp_path / "out")
    assert set(counts.values()) == {0}
    for name, schema in SCHEMAS.items():
        assert pq.read_schema(tmp_path / "out" / f"{name}.parquet").equals(schema)


def test_exporting_twice_gives_the_same_bytes_and_no_comment_leaves(busy: Place, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        export_tables(busy.ledger, tmp_path / folder)
    for name in SCHEMAS:
        data = (tmp_path / "a" / f"{name}.parquet").read_bytes()
        assert data == (tmp_path / "b" / f"{name}.parquet").read_bytes()
        table = pq.read_table(pa.BufferReader(data))
        assert not any("looked" in str(value) for column in table.columns for value in column.to_pylist())
