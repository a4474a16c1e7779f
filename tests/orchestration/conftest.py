"""A small workspace that has gone the whole way once; every test works on a copy of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from home import add_people, command, make_workspace, people

from proofset.workspace import Workspace


@pytest.fixture(scope="session")
def gone_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with keys and one passing candidate nobody signed yet."""
    workspace = make_workspace(tmp_path_factory.mktemp("once") / "home", people(1500))
    add_people(workspace)
    assert command(workspace, "run", "people") == 0
    return workspace.root


@pytest.fixture
def workspace(gone_once: Path, tmp_path: Path) -> Workspace:
    """A copy of that workspace."""
    return Workspace(shutil.copytree(gone_once, tmp_path / "home"))


@pytest.fixture
def fresh(tmp_path: Path) -> Workspace:
    """A workspace in which nothing has happened yet."""
    return make_workspace(tmp_path / "fresh", people(400))


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Run a command with --json and return its exit code and what it printed."""

    def ask(workspace: Workspace | Path, *words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = command(workspace, *words, "--json")
        return code, json.loads(capsys.readouterr().out)

    return ask
