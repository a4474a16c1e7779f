"""Planted secrets: unique words and numbers go in, and come out nowhere but in the private folder."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from home import SPEC, add_people, make_workspace, people

from proofset.workspace import Workspace

ROWS = 2500


def planted(seed: int = 5) -> tuple[dict[str, object], list[str], list[str]]:
    """A table with 200 unique words in id, name, e-mail and text columns, and 50 unique numbers."""
    rng = np.random.default_rng(seed)
    columns = people(ROWS)
    columns["note"] = [f"called on day {i % 28}, will call again about order {i * 17}" for i in range(ROWS)]
    words = [f"canary{rng.integers(10**11, 10**12)}" for _ in range(200)]
    for k, column in enumerate(("customer_id", "name", "email", "note")):
        for i in range(50):
            word = words[50 * k + i]
            columns[column][50 * k + i] = f"{word}@mail.example" if column == "email" else f"{word} said"
    whole = [int(v) for v in rng.choice(np.arange(10_000_019, 99_999_989, 7919), 25, replace=False)]
    broken = [round(float(v), 5) for v in rng.uniform(31_000, 99_000, 25)]
    columns["balance"] = rng.integers(0, 5000, ROWS)
    columns["balance"][100:125] = whole
    columns["income"][200:225] = broken
    numbers = [str(v) for v in whole] + [repr(v) for v in broken]
    return columns, words, numbers


def every_text(path: Path) -> bytes:
    """A file's bytes; a Parquet file's values as text; a SQLite or DuckDB file as it is (its text is not packed)."""
    data = path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path, partitioning=None)
        data += "\n".join(repr(v) for c in table.columns for v in c.to_pylist()).encode()
    if path.suffix == ".gz":
        data += zlib.decompress(data, wbits=31)
    return data


def leaks(folder: Path, private: Path, secrets: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_relative_to(private):
            text = every_text(path)
            hits = [s for s in secrets if s.encode() in text]
            if hits:
                found[str(path.relative_to(folder))] = hits[:3]
    return found


def proofset(workspace: Workspace, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from orchestration.cli import main; main()", "-w", str(workspace.root), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_no_planted_secret_leaves_the_private_folder(tmp_path: Path) -> None:
    columns, words, numbers = planted()
    secrets = words + numbers
    workspace = make_workspace(tmp_path / "home", columns)
    source = workspace.root / "people.parquet"
    outside = tmp_path / "source.parquet"
    source.rename(outside)  # the source is the user's own file, not one of the workspace
    (workspace.root / "datasets" / "people.yaml").write_text(SPEC.replace("path: people.parquet", f"path: {outside}"))
    add_people(workspace)

    said = ""
    for call in (
        ("plan", "people"),
        ("run", "people"),
        ("status",),
        ("show", "people"),
        ("approve", "people", "--as", "ada"),
        ("approve", "people", "--as", "grace"),
        ("release", "people"),
        ("lookup", "people"),
        ("mart",),
    ):
        code, text = proofset(workspace, *call)
        assert code == 0, (call, text)
        said += text
    assert [s for s in secrets if s in said] == []

    # The attack works: the private copy does hold every secret.
    private_text = b"".join(every_text(p) for p in (workspace.private / "tables").iterdir())
    assert all(s.encode() in private_text for s in secrets)
    assert leaks(workspace.root, workspace.private, secrets) == {}
    assert any(workspace.releases.rglob("passport.dsse.json"))
    # Nor does a release tell where the source lies on its owner's machine.
    assert leaks(workspace.releases, workspace.private, [str(tmp_path)]) == {}
    private_files = [workspace.private, *workspace.private.rglob("*")]
    assert all(p.stat().st_mode & 0o077 == 0 for p in private_files if p.is_file() or p == workspace.private)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["infinity", "mixed", "truncated"])
def test_no_planted_secret_is_in_an_error(tmp_path: Path, damage: str) -> None:
    columns, words, numbers = planted()
    if damage == "infinity":
        columns["income"][0] = np.inf
    elif damage == "mixed":
        columns["code"] = [str(i) for i in range(ROWS - 200)] + words
    workspace = make_workspace(tmp_path / "home", columns)
    source = workspace.root / "people.parquet"
    if damage == "truncated":
        source.write_bytes(source.read_bytes()[:-9])
    code, text = proofset(workspace, "run", "people")
    assert code == 2
    assert "Traceback" not in text
    assert [s for s in words + numbers if s in text] == []
    source.unlink()
    assert leaks(workspace.root, workspace.private, words + numbers) == {}
