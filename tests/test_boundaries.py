"""The rooms' walls: who may import whom, and what an import may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "proofset": set(),
    "generators": {"proofset"},
    "quality": {"proofset"},
    "lineage": {"proofset"},
    "orchestration": {"proofset", "generators", "quality", "lineage"},
}
HOMES = {
    "dagster": "orchestration/",
    "dagster_dbt": "orchestration/governance.py",
    "mlflow": "lineage/mlflow_log.py",
    "great_expectations": "quality/gx_",
    "presidio_analyzer": "quality/pii_presidio.py",
    "spacy": "quality/pii_presidio.py",
    "sdmetrics": "quality/sdmetrics_reports.py",
    "sdv": "generators/sdv_",
    "torch": "generators/sdv_",
    "numba": ("generators/trees_growth.py", "quality/compiled.py"),
    "mimesis": "generators/rules_mimesis.py",
    "sqlglot": "generators/rules_infer_ddl.py",
}
LAZY = (*HOMES, "sklearn", "matplotlib", "faker", "sqlalchemy", "cryptography", "duckdb", "dbt")
FILES = sorted(p for room in ALLOWED for p in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    inside = path.relative_to(ROOT)
    room = inside.parts[0]
    names = imported(path)
    assert names & set(ALLOWED) <= ALLOWED[room] | {room}
    for library, home in HOMES.items():
        assert library not in names or inside.as_posix().startswith(home), f"{library} belongs to {home}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= 400


def loaded_by(code: str) -> set[str]:
    text = subprocess.check_output(
        [sys.executable, "-c", f"{code}; import sys; print(*{{m.split('.')[0] for m in sys.modules}})"],
        text=True, cwd=ROOT,
    )  # fmt: skip
    return set(text.split())


@pytest.mark.parametrize(
    "room", ["proofset", "generators", "quality", "lineage", "orchestration", "orchestration.cli.app"]
)
def test_importing_a_room_loads_no_heavy_library(room: str) -> None:
    assert loaded_by(f"import {room}") & set(LAZY) == set()


def test_the_vocabulary_loads_no_heavy_library() -> None:
    code = "import proofset.workspace, proofset.policy, proofset.source, proofset.seeds"
    assert loaded_by(code) & {*LAZY, "pandas"} <= {"pandas"}
