"""Environment: what a run was made with, from the machine itself. No host name, no user name, no path.

`RunFacts.collect` reads: git (the commit, and whether the workspace differs from it), the lock file nearest to the
workspace, the metadata of every installed distribution, and the interpreter and the machine. What cannot be found out
is None. A candidate's folder holds none of it, since its bytes are the same on every machine; the ledger's entry does.
"""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Self

from pydantic import Field

from proofset.digest import sha256_file, sha256_json
from proofset.spec import Frozen

LOCKS = (
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "requirements.lock",
    "constraints.txt",
)  # fmt: skip
"""Files that pin every version, in the order they are looked for."""
UNKNOWN = "unknown"
_GIT_SECONDS = 5
_LICENCE_LENGTH = 100
_PREFIX = "License :: "


class Package(Frozen):
    """An installed distribution. licence: as its metadata states it, or "unknown"."""

    name: str
    version: str
    licence: str


class Lock(Frozen):
    """The file that pins the versions: its name and SHA-256."""

    name: str
    sha256: str


class Machine(Frozen):
    """What a run was made on. memory: in GiB, one decimal; None where the system does not say."""

    system: str
    architecture: str
    cpus: int | None = None
    memory: float | None = None


class RunFacts(Frozen):
    """What one run was made with.

    commit: of the repository the workspace lies in, 40 or 64 hex digits; None outside of one.
    modified: whether files of the workspace differ from it; None where there is no commit.
    packages_digest: SHA-256 of the canonical JSON of the sorted list of "name==version".
    dagster_run, mlflow_run: ids of the runs there, where there are any.
    """

    commit: str | None = None
    modified: bool | None = None
    lock: Lock | None = None
    packages_digest: str
    packages: tuple[Package, ...]
    python: str
    machine: Machine
    dagster_run: str | None = Field(default=None, max_length=100)
    mlflow_run: str | None = Field(default=None, max_length=100)

    @classmethod
    def collect(cls, root: Path, *, dagster_run: str | None = None, mlflow_run: str | None = None) -> Self:
        """Look at this process, this machine and the workspace in `root`. Never raises; takes tens of milliseconds."""
        commit = _commit(root)
        packages = installed()
        return cls(
            commit=commit,
            modified=_modified(root) if commit else None,
            lock=_lock(root),
            packages_digest=packages_digest(packages),
            packages=packages,
            python=f"{platform.python_implementation()} {platform.python_version()}",
            machine=machine(),
            dagster_run=dagster_run,
            mlflow_run=mlflow_run,
        )


def packages_digest(packages: tuple[Package, ...]) -> str:
    """SHA-256 over names and versions."""
    return sha256_json(sorted(f"{p.name}=={p.version}" for p in packages))


@cache
def installed() -> tuple[Package, ...]:
    """Every installed distribution, sorted by its normalised name; of two of one name, the one Python imports."""
    found: dict[str, Package] = {}
    for distribution in distributions():
        fields = _fields(distribution)
        name = "-".join("".join(c if c.isalnum() else " " for c in fields.get("Name", [""])[0]).split()).lower()
        version = fields.get("Version", [""])[0]
        if name and version and name not in found:
            found[name] = Package(name=name, version=version, licence=_licence(fields))
    return tuple(found[name] for name in sorted(found))


def _fields(distribution: Distribution) -> dict[str, list[str]]:
    """The header of a distribution's metadata: every field's values; a value's further lines are marked by a break.

    Read by hand: parsing the long descriptions below the header as an e-mail takes ten times as long.
    """
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    header = text.replace("\r\n", "\n").split("\n\n", 1)[0]
    fields: dict[str, list[str]] = {}
    last: list[str] = []
    for line in header.split("\n"):
        if line[:1] in (" ", "\t"):
            if last:
                last[-1] += "\n" + line.strip()
            continue
        name, colon, value = line.partition(":")
        last = fields.setdefault(name.strip(), []) if colon else []
        if colon:
            last.append(value.strip())
    return fields


def _licence(fields: dict[str, list[str]]) -> str:
    """The licence as stated: the SPDX expression, a short text, or the classifiers; else "unknown"."""
    stated = [*fields.get("License-Expression", []), *fields.get("License", [])]
    for text in stated:  # some put the whole licence here
        if text and "\n" not in text and len(text) <= _LICENCE_LENGTH and text.lower() not in (UNKNOWN, "none"):
            return text
    classified = [c.rsplit(" :: ", 1)[-1] for c in fields.get("Classifier", []) if c.startswith(_PREFIX)]
    return ", ".join(dict.fromkeys(c for c in classified if c != "OSI Approved")) or UNKNOWN


@cache
def machine() -> Machine:
    """What this process runs on."""
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = " ".join(w for w in (platform.system(), platform.release()) if w)
    return Machine(
        system=system or UNKNOWN, architecture=platform.machine() or UNKNOWN, cpus=os.cpu_count(), memory=_memory()
    )


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _lock(root: Path) -> Lock | None:
    """The lock file in the workspace or, where it has none, in the repository it lies in."""
    for folder in (root.resolve(), _repository(root)):
        for name in LOCKS if folder else ():
            path = (folder or root) / name
            try:
                if path.is_file():
                    return Lock(name=name, sha256=sha256_file(path))
            except OSError:
                continue
    return None


def _repository(root: Path) -> Path | None:
    here = root.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)


def _commit(root: Path) -> str | None:
    said = _git(root, "rev-parse", "--verify", "HEAD")
    commit = (said or "").strip()
    return commit if len(commit) in (40, 64) and set(commit) <= set("0123456789abcdef") else None


def _modified(root: Path) -> bool | None:
    """Whether a file of the workspace was changed, added or removed since the commit; ignored files do not count."""
    said = _git(root, "status", "--porcelain", "--", ".")
    return None if said is None else bool(said.strip())


def _git(root: Path, *words: str) -> str | None:
    """What git says about the workspace, or None. The repository's own settings start no program."""
    if _repository(root) is None:
        return None
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *words]
    try:
        done = subprocess.run(
            command, cwd=root, env=kept | quiet, capture_output=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
