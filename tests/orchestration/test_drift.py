"""`proofset drift`: snapshots, files and releases against the source as it is now, and its exit codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from home import command, people

from lineage.standing import drifted_at
from orchestration.chain import ledger
from orchestration.cli.common import console
from orchestration.drifting import since, snapshots
from orchestration.store import Store
from proofset.workspace import Workspace

Answer = Callable[..., tuple[int, Any]]


def rewrite(workspace: Workspace, columns: dict[str, Any], name: str = "people.parquet") -> None:
    table = pa.table({k: pa.array(v, from_pandas=True) for k, v in columns.items()})
    pq.write_table(table, workspace.root / name)


def shifted(rows: int = 1500, seed: int = 0) -> dict[str, Any]:
    """The same people fifteen years older, some of them in a new city."""
    columns = people(rows, seed)
    columns["age"] = columns["age"] + 15
    columns["city"] = ["Ghent" if i % 5 == 0 else c for i, c in enumerate(columns["city"])]
    return columns


def test_an_unchanged_source_and_its_like_are_stable(workspace: Workspace, answer: Answer) -> None:
    code, report = answer(workspace, "drift", "people")
    assert (code, report["verdict"], report.get("reasons", [])) == (0, "stable", [])
    assert report["before"] == report["after"]
    assert report["before_is"].startswith("the snapshot ")
    rewrite(workspace, people(1500, seed=7))
    code, report = answer(workspace, "drift", "people")
    assert (code, report["verdict"]) == (0, "stable")
    assert report["before"] != report["after"]


def test_a_changed_source_has_drifted(workspace: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(workspace, shifted())
    code, report = answer(workspace, "drift", "people")
    assert (code, report["verdict"]) == (1, "drifted")
    worst = {c["column"]: c for c in report["columns"]}
    assert worst["city"]["verdict"] == "drifted"
    assert [t["value"] for t in worst["city"]["new_categories"]] == ["Ghent"]
    assert worst["income"]["verdict"] == "stable"
    assert worst["name"]["kind"] == "nulls"
    assert any(r.startswith("age: ") for r in report["reasons"])
    assert command(workspace, "drift", "people") == 1
    printed = capsys.readouterr().out
    assert "✗ drifted" in printed
    assert "city" in printed


def test_a_file_and_an_older_snapshot_can_be_named(workspace: Workspace, answer: Answer) -> None:
    first = snapshots(workspace, "people")[0]
    rewrite(workspace, shifted(), "older.parquet")
    code, report = answer(workspace, "drift", "people", "--against", str(workspace.root / "older.parquet"))
    assert (code, report["before_is"]) == (1, "the file older.parquet")

    rewrite(workspace, shifted())
    assert command(workspace, "run", "people") in (0, 1)
    known = snapshots(workspace, "people")
    assert [s.digest for s in known][1] == first.digest
    assert known[1].seen
    code, report = answer(workspace, "drift", "people")
    assert (code, report["verdict"]) == (0, "stable")
    code, report = answer(workspace, "drift", "people", "--against", first.digest[:8])
    assert (code, report["verdict"]) == (1, "drifted")
    assert report["before"] == first.digest


def test_a_release_that_is_like_the_source_does_not_end_its_drift(workspace: Workspace, answer: Answer) -> None:
    """It is made to be like it: what drifted is the snapshot, and approvals were given for that."""
    for person in ("ada", "grace"):
        assert command(workspace, "approve", "people", "--as", person) == 0
    assert command(workspace, "release", "people") == 0
    source = (workspace.root / "people.parquet").read_bytes()
    rewrite(workspace, shifted())
    assert command(workspace, "drift", "people") == 1
    (workspace.root / "people.parquet").write_bytes(source)
    _, report = answer(workspace, "drift", "people", "--release", "people")
    assert report["verdict"] != "drifted"
    book = ledger(workspace)
    snapshot = book.entries("candidate")[-1].body["provenance"]["source_digest"]
    assert [e.body["verdict"] for e in book.entries("drift")] == ["drifted"]
    assert drifted_at(book, "people", snapshot) is not None
    assert command(workspace, "drift", "people") == 0
    assert drifted_at(book, "people", snapshot) is None


def test_a_release_is_compared_with_its_source(workspace: Workspace, answer: Answer) -> None:
    code, said = answer(workspace, "drift", "people", "--release", "people")
    assert (code, said["error"]["kind"]) == (1, "DeniedError")
    for person in ("ada", "grace"):
        assert command(workspace, "approve", "people", "--as", person) == 0
    assert command(workspace, "release", "people") == 0
    code, report = answer(workspace, "drift", "people", "--release", "people")
    assert report["before_is"].startswith("the release ")
    assert {c["column"]: c["verdict"] for c in report["columns"]}["city"] == "stable"
    rewrite(workspace, shifted())
    code, report = answer(workspace, "drift", "people", "--release", "people")
    assert (code, report["verdict"]) == (1, "drifted")


def test_a_column_that_came_or_went_is_named(workspace: Workspace, answer: Answer) -> None:
    columns = people(1500)
    columns["shoe"] = np.full(1500, 43)
    del columns["churned"]
    columns["income"] = [f"€ {v}" for v in columns["income"]]
    rewrite(workspace, columns)
    code, report = answer(workspace, "drift", "people")
    assert (code, report["verdict"]) == (1, "drifted")
    assert (report["missing"], report["added"], report["retyped"]) == (["churned"], ["shoe"], ["income"])
    assert "churned: the column is gone" in report["reasons"]


def test_a_narrow_screen_keeps_the_names_and_no_name_is_markup(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width, wide in ((80, False), (140, True)):
        odd = {"[/red]": "age", "[bold]x": "income", "bell\x07": "member"}
        columns = {**people(1500), **{name: people(1500)[of] for name, of in odd.items()}}
        rewrite(workspace, columns, "older.parquet")
        rewrite(workspace, {**columns, "[bold]x": columns["income"] * 9, "[/red]": columns["age"] + 50})
        monkeypatch.setattr(console, "_width", width)
        assert command(workspace, "drift", "people", "--against", str(workspace.root / "older.parquet")) == 1
        printed = capsys.readouterr().out
        lines = printed.splitlines()
        for name in (r"bell\x07", "[/red]", "[bold]x", "churned", "city", "income", "age"):
            assert any(line.strip().startswith(name) for line in lines), (name, printed)
        assert "\x07" not in printed
        assert max(map(len, lines)) <= width
        assert ("95 % interval" in printed, "vanished" in printed) == (wide, wide)
        assert "[bold]x: PSI" in printed


def test_a_missing_older_file_and_a_small_table_are_refused(workspace: Workspace, answer: Answer) -> None:
    code, said = answer(workspace, "drift", "people", "--against", str(workspace.root / "peopel.parquet"))
    assert code == 2
    assert said["error"]["fix"].startswith("Name an older file of this dataset")
    assert "Did you mean 'people.parquet'?" in said["error"]["what"]
    rewrite(workspace, people(60))
    code, said = answer(workspace, "drift", "people")
    assert (code, said["error"]["kind"]) == (2, "SourceError")
    assert "at least 100 are needed" in said["error"]["what"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("people", "--against", "gone.parquet"), "SourceError"),
        (("people", "--against", "abcdef0123"), "UnknownNameError"),
        (("people", "--against", "x.parquet", "--release", "people"), "SpecError"),
        (("nobody",), "SpecError"),
    ],
)
def test_what_is_not_there_is_named(workspace: Workspace, answer: Answer, words: tuple[str, ...], kind: str) -> None:
    code, said = answer(workspace, "drift", *words)
    assert code == 2
    assert said["error"]["kind"] == kind
    assert said["error"]["fix"]


def test_dagster_warns_of_a_source_that_drifted(workspace: Workspace) -> None:
    first = snapshots(workspace, "people")[0].digest
    spec = workspace.dataset("people")
    assert since(workspace, spec, first, first)[0]
    rewrite(workspace, shifted())
    table = pq.read_table(workspace.root / "people.parquet").replace_schema_metadata(None)
    newer = Store(workspace, "people").put_table(table, private=True)
    like, said = since(workspace, spec, first, newer)
    assert (like, said["verdict"], said["against"]) == (False, "drifted", first[:12])
    assert "city" in said["reasons"]
    assert since(workspace, spec, "0" * 64, newer)[1]["verdict"] == "inconclusive"


def test_without_a_run_there_is_no_snapshot(fresh: Workspace, answer: Answer) -> None:
    code, said = answer(fresh, "drift", "people")
    assert (code, said["error"]["kind"]) == (2, "WorkspaceError")
    assert "proofset run people" in said["error"]["fix"]
    path = fresh.root / "datasets" / "people.yaml"
    path.write_text(path.read_text().replace("path: people.parquet", "description: none"))
    code, said = answer(fresh, "drift", "people")
    assert (code, said["error"]["kind"]) == (2, "SpecError")
