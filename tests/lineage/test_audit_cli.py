"""`proofset audit`: what it prints and writes, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lineage.kinds import AUDIT
from orchestration.cli.app import run
from orchestration.keyring import key_path
from proofset.digest import sha256_file
from proofset.errors import EXIT_BAD_INPUT, EXIT_DENIED, EXIT_DONE
from tests.lineage.audit_world import flip, names_in
from tests.lineage.shop import Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = make_place(tmp_path / "shop")
    candidate, _ = made.record()
    made.sign(candidate, "ben", "cho")
    made.release()
    made.signers["platform"].save(key_path(made.workspace, "release"), None)
    return made


def asked(place: Place, out: Path, *arguments: str) -> int:
    return run(["-w", str(place.workspace.root), "audit", "--out", str(out), "--by", "ben", *arguments])


def test_it_writes_a_pack_and_says_how_to_check_it(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pack.zip"
    assert asked(place, out, "shop", "--question", "Who approved it?") == EXIT_DONE
    said = capsys.readouterr().out
    assert sha256_file(out) in said
    assert "python verify.py . --roster roster.json --without-data" in said
    assert place.ledger.entries(AUDIT)[-1].body["question"] == {"release": "shop", "asked": "Who approved it?"}


def test_as_json(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pack.zip"
    assert asked(place, out, "--since", "2026-01-01", "--source", "shop", "--with-data", "--json") == EXIT_DONE
    told = json.loads(capsys.readouterr().out)
    assert told["sha256"] == sha256_file(out)
    assert told["entry"] == place.ledger.entries(AUDIT)[-1].seq
    assert [r["state"] for r in told["releases"]] == ["released"]
    assert any(n.endswith("data/visits.parquet") for n in names_in(out))


def test_a_finding_is_printed_and_the_exit_code_tells(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(next((place.workspace.releases / "shop").rglob("verdict.json")))
    assert asked(place, tmp_path / "pack.zip", "shop") == EXIT_DENIED
    assert "evidence/verdict.json" in capsys.readouterr().out
    assert (tmp_path / "pack.zip").is_file()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "names no release"),
        (["shoq"], "shoq"),
        (["--dataset", "shoq"], "shop"),
        (["shop", "--question", "two\nlines"], "--question"),
        (["shop", "--question", "x" * 501], "--question"),
    ],
)
def test_it_refuses_what_it_cannot_answer(
    arguments: list[str], word: str, place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(place, tmp_path / "pack.zip", *arguments) == EXIT_BAD_INPUT
    assert word in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "pack.zip").exists()
    assert place.ledger.entries(AUDIT) == []


def test_who_exports_is_in_the_roster(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["-w", str(place.workspace.root), "audit", "shop", "--out", str(tmp_path / "p.zip"), "--by", "bem"])
    assert code == EXIT_BAD_INPUT
    assert "Did you mean 'ben'" in capsys.readouterr().err.replace("\n", " ")
    assert place.ledger.entries(AUDIT) == []
