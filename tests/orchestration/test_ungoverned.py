"""What is marked ungoverned is never a source and never a release, whichever way it comes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from home import SPEC, command, make_workspace, people

from lineage.candidate import MANIFEST, build_candidate, read_candidate
from lineage.folders import entry_of
from lineage.kinds import CANDIDATE
from orchestration.chain import ledger
from orchestration.cli.app import run
from orchestration.states import find
from proofset.digest import canonical, table_digest
from proofset.errors import DeniedError, SourceError
from proofset.evidence import Candidate
from proofset.marks import is_ungoverned, mark
from proofset.source import read_source
from proofset.workspace import Workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def source() -> pa.Table:
    columns: dict[str, Any] = people(700)
    return pa.table({k: pa.array(v, from_pandas=True) for k, v in columns.items()})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: pa.Table) -> Path:
    """A folder with people.csv and people.parquet, and the current one."""
    monkeypatch.chdir(tmp_path)
    pacsv.write_csv(source, tmp_path / "people.csv")
    pq.write_table(source, tmp_path / "people.parquet")
    return tmp_path


def test_a_marked_file_is_no_source(here: Path, source: pa.Table, capsys: Capture) -> None:
    pq.write_table(mark(source, "trees"), here / "marked.parquet")
    pq.write_table(mark(source, "trees"), here / "marked.pq")
    for name in ("marked.parquet", "marked.pq"):
        with pytest.raises(SourceError, match="ungoverned synthetic table"):
            read_source(here / name)
        assert run(["try", name]) == 2
    words = ["--owner", "a@example.org", "--lawful-basis", "consent"]
    assert run(["init", "new", "--table", "marked.parquet", *words]) == 2
    assert not (here / "new").exists()
    workspace = make_workspace(here / "home", people(300), SPEC)
    pq.write_table(mark(source, "rules"), workspace.root / "people.parquet")
    assert command(workspace, "run", "people") == 2
    assert "ungoverned" in capsys.readouterr().err
    assert not is_ungoverned(here / "people.parquet")
    assert not is_ungoverned(here / "people.csv")
    assert not is_ungoverned(here / "absent.parquet")


def of_candidate(workspace: Workspace) -> tuple[Candidate, Path, Path]:
    candidate, folder = find(workspace, "people")
    return candidate, folder, folder / "data" / "people.parquet"


def test_a_candidate_is_not_built_of_a_marked_table(workspace: Workspace, tmp_path: Path) -> None:
    candidate, folder, data = of_candidate(workspace)
    held = read_candidate(folder, candidate)
    parts = {n: getattr(held, n) for n in ("provenance", "profile", "scorecard", "suite", "verdict", "policy", "spec")}
    table = pq.read_table(data).replace_schema_metadata(None)
    assert build_candidate(tmp_path / "fine", synthetic=table, report_html="<p>", **parts).synthetic_digest
    with pytest.raises(DeniedError, match="mark of an ungoverned table"):
        build_candidate(tmp_path / "marked", synthetic=mark(table, "trees"), report_html="<p>", **parts)
    assert not (tmp_path / "marked").exists()


def test_a_look_copied_over_a_candidate_denies_its_release(
    workspace: Workspace, tmp_path: Path, capsys: Capture
) -> None:
    _, _, data = of_candidate(workspace)
    out = tmp_path / "look.parquet"
    assert run(["try", str(workspace.root / "people.parquet"), "--out", str(out)]) == 0
    for person in ("ada", "grace"):
        assert command(workspace, "approve", "people", "--as", person) == 0
    data.chmod(0o644)
    pacsv.write_csv(pq.read_table(out), tmp_path / "look.csv")  # by way of CSV the mark is lost, the digest is not
    pq.write_table(pacsv.read_csv(tmp_path / "look.csv"), tmp_path / "washed.parquet")
    assert not is_ungoverned(tmp_path / "washed.parquet")
    for file in (out, tmp_path / "washed.parquet"):
        data.write_bytes(file.read_bytes())
        assert command(workspace, "release", "people") == 1
        assert "data/people.parquet was changed" in capsys.readouterr().err
        assert not (workspace.root / "releases").exists()


def test_even_a_forged_candidate_with_a_marked_file_is_denied(workspace: Workspace, capsys: Capture) -> None:
    candidate, folder, data = of_candidate(workspace)
    digest = table_digest(pq.read_table(data))
    data.chmod(0o644)
    pq.write_table(mark(pq.read_table(data), "trees"), data)  # the same rows, so every digest of evidence still fits
    assert table_digest(pq.read_table(data)) == digest
    files = tuple(entry_of(folder, e.path) for e in candidate.files)
    forged = candidate.model_copy(update={"files": files})
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_bytes(canonical(forged.plain()))
    with pytest.raises(DeniedError, match="mark of an ungoverned table"):
        read_candidate(folder, forged)
    book = ledger(workspace)
    body = book.entries(CANDIDATE)[-1].body | {"candidate": forged.plain()}
    book.append(CANDIDATE, forged.digest, body, datetime.now(UTC))
    assert command(workspace, "approve", forged.digest[:12], "--as", "ada") == 1
    assert command(workspace, "release", forged.digest[:12]) == 1
    assert "mark of an ungoverned table" in capsys.readouterr().err
    assert not (workspace.root / "releases").exists()
