"""Run facts: real, complete, fast, and without a name or a path of the machine."""

from __future__ import annotations

import getpass
import json
import os
import platform
import shutil
import socket
import subprocess
import time
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

from lineage import environment
from lineage.environment import LOCKS, RunFacts, installed, packages_digest
from proofset.digest import canonical, sha256_bytes, sha256_json

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *settings, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    workspace = root / "ws"
    workspace.mkdir(parents=True)
    git(root, "init", "-q")
    (workspace / "a.txt").write_text("a")
    (root / ".gitignore").write_text("*.tmp\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    return workspace


@needs_git
def test_the_commit_and_whether_the_workspace_differs(repository: Path) -> None:
    facts = RunFacts.collect(repository)
    assert facts.commit == git(repository, "rev-parse", "HEAD")
    assert facts.modified is False
    (repository / "ignored.tmp").write_text("x")
    (repository.parent / "beside.txt").write_text("not of the workspace")
    assert RunFacts.collect(repository).modified is False
    (repository / "a.txt").write_text("b")
    assert RunFacts.collect(repository).modified is True
    git(repository, "checkout", "-q", "a.txt")
    (repository / "new.txt").write_text("x")
    assert RunFacts.collect(repository).modified is True


def test_outside_of_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    facts = RunFacts.collect(tmp_path)
    assert (facts.commit, facts.modified, facts.lock) == (None, None, None)
    assert "commit" not in facts.plain()


@needs_git
def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert RunFacts.collect(tmp_path).commit is None


@needs_git
def test_the_environment_cannot_point_git_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-q", "--allow-empty", "-m", "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    facts = RunFacts.collect(repository)
    monkeypatch.delenv("GIT_DIR")
    assert facts.commit == git(repository, "rev-parse", "HEAD")


@needs_git
def test_the_repositorys_settings_start_no_program(repository: Path) -> None:
    hook = repository.parent / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {repository.parent / 'started'}\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(hook))
    assert RunFacts.collect(repository).commit
    assert not (repository.parent / "started").exists()


def test_a_git_that_hangs_or_is_missing_is_no_error(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = repository.parent / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nexec sleep 30\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setattr(environment, "_GIT_SECONDS", 0.2)
    monkeypatch.setenv("PATH", f"{slow}{os.pathsep}{os.environ['PATH']}")
    began = time.perf_counter()
    assert RunFacts.collect(repository).commit is None
    assert time.perf_counter() - began < 5
    monkeypatch.setenv("PATH", str(repository))
    assert RunFacts.collect(repository).commit is None


@needs_git
def test_the_lock_of_the_workspace_comes_before_that_of_the_repository(repository: Path) -> None:
    (repository.parent / "constraints.txt").write_bytes(b"numpy==2.0\n")
    found = RunFacts.collect(repository).lock
    assert found is not None
    assert (found.name, found.sha256) == ("constraints.txt", sha256_bytes(b"numpy==2.0\n"))
    for name in reversed(LOCKS):
        (repository / name).write_bytes(name.encode())
        found = RunFacts.collect(repository).lock
        assert found is not None
        assert (found.name, found.sha256) == (name, sha256_bytes(name.encode()))


def test_every_installed_distribution_is_there_with_its_licence() -> None:
    packages = {p.name: p for p in installed()}
    assert packages["pyarrow"].version == version("pyarrow")
    assert {"apache" in packages[n].licence.lower() for n in ("pyarrow", "cryptography")} == {True}
    twin = {(d.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-") for d in distributions()} - {""}
    assert set(packages) == twin
    assert packages_digest(installed()) == sha256_json(sorted(f"{p.name}=={p.version}" for p in installed()))
    assert list(packages) == sorted(packages)
    known = sum(p.licence != "unknown" for p in installed())
    assert known >= 0.9 * len(packages)
    assert all("\n" not in p.licence and len(p.licence) <= 300 for p in installed())


@pytest.mark.parametrize(
    ("header", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other", "MIT OR Apache-2.0"),
        ("License: BSD 3-Clause", "BSD 3-Clause"),
        ("License: Permission is\n  granted\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
        ("License: " + "x" * 101, "unknown"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved", "unknown"),
        ("Classifier: License :: OSI Approved :: X\nClassifier: License :: Public Domain", "X, Public Domain"),
        ("Summary: none", "unknown"),
    ],
)
def test_a_licence_is_what_the_metadata_states(header: str, licence: str) -> None:
    class Told:
        def read_text(self, name: str) -> str | None:
            return f"Name: x\n{header}\n\nLicense: in the description" if name == "METADATA" else None

    assert environment._licence(environment._fields(Told())) == licence  # type: ignore[arg-type]


def test_nothing_names_the_machine_or_its_people(tmp_path: Path) -> None:
    text = json.dumps(RunFacts.collect(tmp_path).plain())
    for name in (socket.gethostname(), getpass.getuser(), platform.node(), str(tmp_path), str(Path.home())):
        if len(name) > 4:  # "root" is part of other words
            assert name not in text
    assert str(Path(environment.__file__).parents[1]) not in text


def test_it_is_fast_and_canonical(tmp_path: Path) -> None:
    RunFacts.collect(tmp_path)
    took = []
    for _ in range(3):  # another process may have the machine for a moment
        began = time.perf_counter()
        facts = RunFacts.collect(tmp_path, dagster_run="a", mlflow_run="b")
        took.append(time.perf_counter() - began)
    assert min(took) < 0.3
    assert RunFacts.model_validate(json.loads(canonical(facts.plain()))) == facts
    assert (facts.dagster_run, facts.mlflow_run) == ("a", "b")
    assert facts.machine.cpus == os.cpu_count()
    assert facts.python.endswith(platform.python_version())


def test_the_first_look_at_the_packages_is_fast() -> None:
    installed.cache_clear()
    began = time.process_time()
    installed()
    assert time.process_time() - began < 0.3
