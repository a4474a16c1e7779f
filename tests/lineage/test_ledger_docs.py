"""docs/ledger.md: its script checks real proofs and refuses changed ones, and its tables name what there is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lineage.entry import Entry
from lineage.ledger import Ledger
from lineage.ledger_schema import TABLES

TEXT = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    """The page's script, and a ledger of nine entries."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "check.py").write_text(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0], encoding="utf-8")
    ledger = Ledger(f"sqlite:///{folder}/ledger.db", folder)
    for number in range(9):
        ledger.append(
            "release", f"s{number}", {"n": number, "half": 0.5, "none": None, "text": "é\n\u2028"}, actor="ada"
        )
    return folder, ledger


def run(folder: Path, proof: dict[str, Any], key: str) -> subprocess.CompletedProcess[str]:
    (folder / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    command = [sys.executable, "-I", str(folder / "check.py"), str(folder / "proof.json"), key]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("seq", [1, 2, 6, 8, 9])
def test_a_stranger_checks_a_proof(seq: int, made: tuple[Path, Ledger]) -> None:
    folder, ledger = made
    proof = json.loads(ledger.inclusion(seq).to_bytes())
    assert run(folder, proof, ledger.vkey).stdout == f"good: release is entry {seq} of 9\n"


def test_the_stranger_refuses_what_was_changed(made: tuple[Path, Ledger], tmp_path: Path) -> None:
    folder, ledger = made
    good = json.loads(ledger.inclusion(4).to_bytes())
    other = Ledger(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
    other.append("k", "s", {})
    wrong = [
        good | {"entry": good["entry"] | {"actor": "ben"}},
        good | {"entry": good["entry"] | {"seq": 5}},
        good | {"path": good["path"][1:]},
        good | {"path": [*good["path"], "00" * 32]},
        good | {"checkpoint": good["checkpoint"].replace("\n9\n", "\n8\n")},
    ]
    for proof in wrong:
        assert run(folder, proof, ledger.vkey).returncode != 0
    assert run(folder, good, other.vkey).returncode != 0
    assert run(folder, good, ledger.vkey).returncode == 0


def test_every_table_column_and_field_is_described() -> None:
    for table in TABLES:
        assert f"| `{table.name}` |" in TEXT
        for column in table.columns:
            assert f"`{column.name}`" in TEXT, column
    for field in Entry.model_fields:
        assert f"`{field}`" in TEXT
