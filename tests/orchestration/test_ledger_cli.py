"""`proofset ledger`: check, witness, proof and log, for people and for machines."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lineage.checkpoint import VerifierKey, cosignatures, read_checkpoint
from lineage.inclusion import Inclusion
from lineage.ledger import Ledger, open_ledger
from lineage.signing import Signer
from orchestration.cli import app
from proofset.files import write_bytes
from proofset.workspace import Workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose ledger has seven entries."""
    write_bytes(tmp_path / "proofset.yaml", b"workspace: bank\n")
    workspace = Workspace(tmp_path)
    ledger = open_ledger(workspace)
    for number in range(7):
        kind = "approval" if number % 2 else "candidate"
        digest = f"{number:02x}" * 32
        ledger.append(kind, digest, {"dataset": f"set{number}"}, actor="ada", evidence="e" * 64, policy="f" * 64)
    return workspace


@pytest.fixture
def run(workspace: Workspace, capsys: Capture) -> Any:
    """Runs `proofset ledger …`; returns exit code, what was printed, and what was said on standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        code = app.run(["--workspace", str(workspace.root), "ledger", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def sql(workspace: Workspace, *statements: str) -> None:
    with closing(sqlite3.connect(workspace.ledger_path)) as db:
        for table in ("entries", "nodes", "checkpoints"):
            for verb in ("update", "delete"):
                db.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_check(run: Any, workspace: Workspace) -> None:
    code, out, _ = run("check")
    ledger = open_ledger(workspace)
    assert code == 0
    assert "7 entries, each as it was signed" in out
    assert ledger.head.root in out
    assert ledger.vkey in out
    code, out, _ = run("check", "--json")
    assert json.loads(out) == {"entries": 7, "root": ledger.head.root, "key": ledger.vkey, "holds": True}


def test_check_names_the_entry_that_was_edited(run: Any, workspace: Workspace) -> None:
    sql(workspace, "UPDATE entries SET actor = 'ben' WHERE seq = 4")
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert "Entry 4 was changed" in err
    assert "restore" in err
    code, out, _ = run("check", "--json")
    assert (code, json.loads(out)["error"]["kind"]) == (2, "LedgerError")


def test_check_of_an_empty_ledger(tmp_path: Path, capsys: Capture) -> None:
    write_bytes(tmp_path / "proofset.yaml", b"workspace: empty\n")
    for words, expected in (
        (["check"], "no entry yet"),
        (["log"], "Nothing recorded"),
        (["check", "--json"], '"entries"'),
    ):
        assert app.run(["--workspace", str(tmp_path), "ledger", *words]) == 0
        assert expected in capsys.readouterr().out
    for words in (["witness"], ["proof", "1"]):
        assert app.run(["--workspace", str(tmp_path), "ledger", *words]) == 2
        assert "no entry" in capsys.readouterr().err


def test_a_witness_and_a_later_check_against_it(run: Any, workspace: Workspace, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    code, out, _ = run("witness", "--out", str(kept))
    assert code == 0
    assert "7 entries" in out
    key = VerifierKey.parse(open_ledger(workspace).vkey)
    assert read_checkpoint(kept.read_text(), key).size == 7
    open_ledger(workspace).append("denial", "s", {})
    code, out, _ = run("check", "--against", str(kept))
    assert code == 0
    assert "continues the checkpoint of 7 entries" in out
    assert json.loads(run("check", "--against", str(kept), "--json")[1])["continues"] == 7
    code, out, _ = run("witness")
    assert read_checkpoint(out, key).size == 8


def test_a_rewritten_history_is_caught_by_the_checkpoint(run: Any, workspace: Workspace, tmp_path: Path) -> None:
    """By somebody who holds the ledger's key, its database and its head."""
    kept = tmp_path / "kept.txt"
    run("witness", "--out", str(kept))
    old = open_ledger(Workspace(workspace.root)).entries()
    sql(workspace, "DELETE FROM entries", "DELETE FROM nodes", "DELETE FROM checkpoints")
    (workspace.private / "ledger.head").unlink()
    for entry in old:
        if entry.seq != 4:
            open_ledger(Workspace(workspace.root)).append(entry.kind, entry.subject, entry.body, actor=entry.actor)
    assert run("check")[0] == 0
    code, _, err = run("check", "--against", str(kept))
    assert code == 2
    assert "rewritten" in err
    open_ledger(Workspace(workspace.root)).append("more", "s", {})
    code, _, err = run("check", "--against", str(kept))
    assert code == 2
    assert "Its first 7 entries are not those" in err


def test_a_ledger_begun_anew_is_caught_by_the_checkpoint(run: Any, workspace: Workspace, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    run("witness", "--out", str(kept))
    for path in (*workspace.private.glob("ledger.*"), *workspace.state.glob("ledger.db*")):
        path.unlink()
    code, _, err = run("check", "--against", str(kept))
    assert code == 2
    assert "no entry, so no checkpoint" in err
    for _ in range(9):
        open_ledger(Workspace(workspace.root)).append("k", "s", {})
    assert run("check")[0] == 0
    code, _, err = run("check", "--against", str(kept))
    assert code == 2
    assert "rewritten, or the checkpoint is of another ledger" in err


@pytest.mark.parametrize("junk", [b"", b"\xff\xfe", b"x" * 70_000, b"a\n1\nb\n\n- c d\n"])
def test_junk_for_a_checkpoint(junk: bytes, run: Any, tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(junk)
    code, _, err = run("check", "--against", str(tmp_path / "junk"))
    assert code == 1
    assert "checkpoint" in err
    assert run("check", "--against", str(tmp_path / "none"))[0] == 1


def test_a_witness_cosigns(run: Any, workspace: Workspace, tmp_path: Path) -> None:
    signer = Signer.generate()
    signer.save(tmp_path / "w.pem", None)
    code, out, _ = run("witness", "--as", "auditor.example/w", "--key", str(tmp_path / "w.pem"), "--json")
    assert code == 0
    said = json.loads(out)
    [seen] = cosignatures(said["checkpoint"], [VerifierKey.parse(said["witness_key"])])
    assert (seen.name, seen.at is not None) == ("auditor.example/w", True)
    assert read_checkpoint(said["checkpoint"], VerifierKey.parse(said["key"])).size == 7
    (tmp_path / "kept.txt").write_text(said["checkpoint"])
    assert run("check", "--against", str(tmp_path / "kept.txt"))[0] == 0
    assert run("witness", "--key", str(tmp_path / "w.pem"))[0] == 2
    assert run("witness", "--as", "nobody")[0] == 2


def test_a_proof_by_number_and_by_digest(run: Any, workspace: Workspace, tmp_path: Path) -> None:
    key = open_ledger(workspace).vkey
    for ref, seq in (("3", 3), ("040404", 5), (open_ledger(workspace).entries()[5].hash[:12], 6)):
        out = tmp_path / "proof.json"
        code, printed, _ = run("proof", ref, "--out", str(out))
        assert code == 0
        assert f"Entry {seq} of 7" in printed
        proof = Inclusion.from_bytes(out.read_bytes(), "proof.json")
        assert proof.check(key).size == 7
        assert proof.entry.seq == seq
    assert Inclusion.from_bytes(run("proof", "1")[1].strip().encode(), "x").check(key)
    for ref, said in (
        ("8", "names no entry"),
        ("0", "names no entry"),
        ("abcdef", "names no entry"),
        ("ü", "names no"),
    ):
        code, _, err = run("proof", ref)
        assert code == 2
        assert said in err
    open_ledger(workspace).append("approval", "04" * 32, {})
    assert "names 2 entries" in run("proof", "040404")[2]


def test_log(run: Any) -> None:
    code, out, _ = run("log")
    assert code == 0
    for word in ("candidate", "approval", "ada", "set6 060606060606", "eeeeeeeeeeee"):
        assert word in out
    assert [e["seq"] for e in json.loads(run("log", "--json")[1])] == list(range(1, 8))
    assert [e["seq"] for e in json.loads(run("log", "--kind", "approval", "--limit", "2", "--json")[1])] == [4, 6]
    assert json.loads(run("log", "--since", "2200-01-01", "--json")[1]) == []
    assert len(json.loads(run("log", "--since", "2020-01-01", "--json")[1])) == 7
    assert "of the kind 'none'" in run("log", "--kind", "none")[1]
    code, _, err = run("log", "--since", "yesterday")
    assert code == 2
    assert "--since" in err


def test_the_workspace_names_another_database_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Signer.generate().save(tmp_path / "keys" / "log.pem", None)
    text = "workspace: bank\nledger:\n  url: env:BANK_LEDGER\n  key: file:keys/log.pem\n"
    write_bytes(tmp_path / "proofset.yaml", text.encode())
    monkeypatch.setenv("BANK_LEDGER", "sqlite:///elsewhere/log.db")
    ledger: Ledger = open_ledger(Workspace(tmp_path))
    assert ledger.append("k", "s", {}).seq == 1
    assert (tmp_path / "elsewhere" / "log.db").is_file()
    assert not (tmp_path / ".proofset" / "private" / "ledger.key").exists()
    assert app.run(["--workspace", str(tmp_path), "ledger", "check"]) == 0
    monkeypatch.delenv("BANK_LEDGER")
    assert app.run(["--workspace", str(tmp_path), "ledger", "check"]) == 2
