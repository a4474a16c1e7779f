"""The audit pack: whole or not at all, the same bytes again, entered in the ledger; what it holds and leaves out."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

import lineage.audit as audit_module
from lineage.audit import Pack, audit
from lineage.audit_manifest import MANIFEST, Question
from lineage.audit_select import select
from lineage.kinds import AUDIT, CANDIDATE
from lineage.ledger import open_ledger
from lineage.record import SECTIONS, read_record
from lineage.recording import record_now
from lineage.revoking import revoke
from proofset.digest import sha256_file
from proofset.errors import DeniedError, LedgerError, SpecError, UnknownNameError, WorkspaceError
from proofset.workspace import Workspace
from tests.lineage.audit_world import NEXT, export, flip, names_in, unpacked, verified
from tests.lineage.shop import DAY, HOUR, NOW, Evidence, Place, make_place, make_table


@pytest.fixture
def released(tmp_path: Path) -> Place:
    place = make_place(tmp_path / "shop")
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    place.release()
    return place


def release_again(place: Place, at: int = 3) -> str:
    """A second release of the dataset, `at` hours after the first."""
    base = place.evidence
    live = place.ledger.entries(CANDIDATE)[0].body["candidate"]["synthetic_digest"]
    changed = Evidence(base.spec, base.policy, make_table(seed=9), union=(live,))
    candidate, _ = place.record(changed, NOW + at * HOUR)
    place.sign(candidate, "ben", "cho", at=NOW + at * HOUR)
    place.release(candidate.digest, NOW + (at + 1) * HOUR)
    return candidate.digest


def test_it_holds_what_an_auditor_needs_and_not_the_table(released: Place, tmp_path: Path) -> None:
    pack = export(released, tmp_path / "pack.zip")
    names = names_in(pack.path)
    assert {"verify.py", "verify_ledger.py", "README.txt", "report.html", "record.json", "roster.yaml", "roster.json",
            "revocations.dsse.json", MANIFEST, "ledger/checkpoint.txt", "ledger/key.txt", "release/passport.dsse.json",
            "release/inclusion.json", "release/evidence/scorecard.json", "release/approvals/ben.dsse.json",
            "release/exports/prov.json"} <= names  # fmt: skip
    assert not [n for n in names if n.endswith(".parquet")]
    assert pack.manifest.releases[0].withheld == ("data/visits.parquet",)
    assert pack.manifest.releases[0].findings == ()
    assert {f.path for f in pack.manifest.files} == names - {MANIFEST}


def test_with_data_holds_the_table_and_nothing_is_withheld(released: Place, tmp_path: Path) -> None:
    pack = export(released, tmp_path / "pack.zip", with_data=True)
    assert "release/data/visits.parquet" in names_in(pack.path)
    assert pack.manifest.releases[0].withheld == ()
    code, said = verified(unpacked(pack, tmp_path / "out"))
    assert (code, "NOT HERE" in said) == (0, False)


def test_the_same_ledger_files_and_moment_give_the_same_bytes(released: Place, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(released.workspace.root, tmp_path / "twin"))
    other = Place(Workspace(twin), open_ledger(Workspace(twin)), released.signers)
    first, second = export(released, tmp_path / "a.zip"), export(other, tmp_path / "b.zip")
    assert first.digest == second.digest == sha256_file(tmp_path / "b.zip")
    with zipfile.ZipFile(first.path) as pack:
        infos = pack.infolist()
    assert [i.filename for i in infos] == sorted(i.filename for i in infos)
    assert {(i.date_time, i.compress_type) for i in infos} == {((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)}


def test_who_exported_what_for_which_question_is_in_the_ledger(released: Place, tmp_path: Path) -> None:
    pack = export(released, tmp_path / "pack.zip", asked="Who approved it?")
    entry = released.ledger.entries(AUDIT)[-1]
    assert entry == pack.entry
    assert (entry.actor, entry.subject) == ("ben", pack.manifest.releases[0].candidate)
    assert entry.body["pack"] == sha256_file(pack.path)
    assert entry.body["question"] == {"asked": "Who approved it?", "release": "shop"}
    readers = record_now(released.workspace, released.ledger, "shop", NEXT).readers.audits
    assert [(r.index, r.actor) for r in readers] == [(entry.seq, "ben")]
    assert "Who approved it?" in readers[0].detail


def test_the_next_pack_tells_of_the_one_before(released: Place, tmp_path: Path) -> None:
    first = export(released, tmp_path / "a.zip")
    folder = unpacked(export(released, tmp_path / "b.zip"), tmp_path / "out")
    told = read_record((folder / "record.json").read_bytes()).readers.audits
    assert [r.index for r in told] == [first.entry.seq]
    assert (folder / f"ledger/entries/{first.entry.seq:06d}.json").is_file()


def test_the_entry_comes_before_the_pack(released: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(released.ledger, "append", _broken)
    with pytest.raises(LedgerError):
        export(released, tmp_path / "out" / "pack.zip")
    assert list((tmp_path / "out").iterdir()) == []


def _broken(*_: object, **__: object) -> None:
    raise LedgerError("The database is gone.")


def test_a_full_disk_leaves_neither_pack_nor_entry(
    released: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise WorkspaceError(f"Cannot write in the folder {path.parent}.")

    monkeypatch.setattr(audit_module, "write_bytes", full)
    with pytest.raises(WorkspaceError, match="Cannot write"):
        export(released, tmp_path / "pack.zip")
    assert not (tmp_path / "pack.zip").exists()
    assert released.ledger.entries(AUDIT) == []


def test_nothing_is_overwritten(released: Place, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_text("mine")
    with pytest.raises(WorkspaceError, match="already"):
        export(released, tmp_path / "pack.zip")
    assert (tmp_path / "pack.zip").read_text() == "mine"
    assert released.ledger.entries(AUDIT) == []


def test_only_a_releaser_signs_a_pack(released: Place, tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match="may not sign"):
        audit(released.workspace, released.ledger, Question(release="shop"), tmp_path / "p.zip", released.roster,
              released.signers["ben"], "ben", NEXT)  # fmt: skip
    assert released.ledger.entries(AUDIT) == []


def test_a_damaged_release_is_included_and_named(released: Place, tmp_path: Path) -> None:
    folder = next((released.workspace.releases / "shop").iterdir())
    flip(folder / "evidence" / "scorecard.json")
    (folder / "secret.csv").write_text("a row of the source")
    pack = export(released, tmp_path / "pack.zip")
    findings = " ".join(pack.manifest.releases[0].findings)
    assert "evidence/scorecard.json" in findings
    assert "secret.csv" in findings
    assert not [n for n in names_in(pack.path) if "secret" in n]  # what no release lists is named, not passed on
    out = unpacked(pack, tmp_path / "out")
    assert "does not verify" in (out / "report.html").read_text()
    code, said = verified(out)
    assert code == 1
    assert "evidence/scorecard.json" in said
    assert pack.entry.body["findings"] == len(pack.manifest.releases[0].findings)


def test_a_release_that_is_gone_or_revoked_is_told(released: Place, tmp_path: Path) -> None:
    revoke(released.workspace, released.ledger, "release", "shop", "wrong source", "ben", NOW + 4 * HOUR)
    out = unpacked(export(released, tmp_path / "a.zip"), tmp_path / "a")
    assert "wrong source" in (out / "report.html").read_text()
    code, said = verified(out)
    assert (code, "withdrawn" in said) == (1, True)
    shutil.rmtree(next(p for p in (released.workspace.releases / "shop").iterdir() if p.is_dir()))
    pack = export(released, tmp_path / "b.zip")
    assert "is gone" in " ".join(pack.manifest.releases[0].findings)
    assert "cannot be read" in (unpacked(pack, tmp_path / "b") / "report.html").read_text()


def test_several_releases_have_a_folder_a_record_and_a_page_each(released: Place, tmp_path: Path) -> None:
    release_again(released)
    pack = audit(released.workspace, released.ledger, Question(dataset="shop"), tmp_path / "p.zip", released.roster,
                 released.signers["platform"], "ben", NEXT)  # fmt: skip
    assert [r.state for r in pack.manifest.releases] == ["superseded", "released"]
    folder = unpacked(pack, tmp_path / "out")
    for one in pack.manifest.releases:
        short = one.candidate[:12]
        assert (folder / one.folder / "passport.dsse.json").is_file()
        assert read_record((folder / f"records/{short}.json").read_bytes()).identity.candidate == one.candidate
        assert f"reports/{short}.html" in (folder / "report.html").read_text()
    assert verified(folder)[0] == 0
    assert pack.entry.body["subjects"] == [r.candidate for r in pack.manifest.releases]


def test_releases_are_chosen_by_dataset_source_time_and_all_of_these(released: Place) -> None:
    second = release_again(released)

    def chosen(**asked: str) -> list[str]:
        return [s.candidate for s in select(released.ledger, Question(**asked), NEXT)]

    first = chosen(dataset="shop")[0]
    source = json.loads((next((released.workspace.releases / "shop").iterdir()) / "record.json").read_bytes())["source"]
    assert chosen(dataset="shop") == chosen(source="shop") == chosen(source=source["snapshot_digest"][:8])
    assert chosen(release="shop") == chosen(release=second[:8]) == [second]
    assert chosen(release=first) == [first]
    assert chosen(since="2026-03-01T15:30:00.000000Z") == [second]
    assert chosen(since="2026-03-01T15:30:00.000000Z", dataset="shop", source="shop") == [second]
    for wrong in ({"dataset": "shoq"}, {"release": "ffffff"}, {"release": "ab"}, {"source": "0000000"},
                  {"since": "2027-01-01T00:00:00.000000Z"}):  # fmt: skip
        with pytest.raises(UnknownNameError):
            chosen(**wrong)
    with pytest.raises(SpecError, match="names no release"):
        chosen()


def test_the_record_in_the_pack_is_complete(released: Place, tmp_path: Path) -> None:
    record = read_record((unpacked(export(released, tmp_path / "p.zip"), tmp_path / "o") / "record.json").read_bytes())
    assert len(SECTIONS) == 13
    assert record.as_of.startswith((NOW + DAY).date().isoformat())


def test_a_pack_needs_an_outcome_of_the_ledger(released: Place, tmp_path: Path) -> None:
    pack: Pack = export(released, tmp_path / "pack.zip")
    assert pack.manifest.ledger.size == pack.entry.seq - 1  # everything before the export is covered


def test_the_documentation_names_every_file(released: Place, tmp_path: Path) -> None:
    told = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    readme = (Path(__file__).parents[2] / "lineage" / "audit_pack" / "README.txt").read_text()
    for name in names_in(export(released, tmp_path / "pack.zip").path):
        first = name.split("/")[0]
        shown = re.sub(r"/\d{6}\.json$", "/N.json", re.sub(r"consistency/[0-9a-f]{12}", "consistency/ID", name))
        assert f"`{'release/' if first == 'release' else shown}`" in told, name
        assert first in readme or first == "README.txt"
