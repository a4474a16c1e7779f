"""Environments of the peers, made where they are missing: each peer keeps the versions it asks for to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from proofset.errors import MissingExtraError, unknown_name

FEW = 50_000
WORKERS = Path(__file__).resolve().parent / "peers"


@dataclass(frozen=True)
class Environment:
    """What is installed.  without: taken away again; installed beside a CPU build of torch they fail to load."""

    name: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()


SDV = Environment("sdv", ("sdv==2.0.*", "torch==2.13.0", "pyarrow"))
MOSTLY = Environment("mostlyai", ("mostlyai-engine==2.7.*", "torch==2.13.0", "pyarrow"), ("torchvision", "torchaudio"))
ANONYMETER = Environment("anonymeter", ("anonymeter==1.1.*", "pandas<3"))
IMBALANCED = Environment("imbalanced", ("imbalanced-learn==0.14.*", "pandas<3", "pyarrow"))


@dataclass(frozen=True)
class Peer:
    """A model of somebody else's.

    budgeted: trained in epochs, so that a time budget means something.  repeats: fits of a table of at most FEW rows,
    of which the median counts; a larger table is fitted once.
    """

    name: str
    environment: Environment
    worker: str
    budgeted: bool = True
    repeats: int = 1


PEERS = {
    peer.name: peer
    for peer in (
        Peer("TabularARGN", MOSTLY, "mostly_worker.py"),
        Peer("TVAE", SDV, "sdv_worker.py"),
        Peer("CTGAN", SDV, "sdv_worker.py"),
        Peer("GaussianCopula", SDV, "sdv_worker.py", budgeted=False, repeats=3),
    )
}


def find_peer(name: str) -> Peer:
    """The peer of this name. Raises UnknownNameError."""
    if name not in PEERS:
        raise unknown_name("peer", name, PEERS, "the peers of the benchmark")
    return PEERS[name]


def python_of(environment: Environment, folder: Path) -> Path:
    """The Python of an environment in `folder`, made where it is missing. Raises MissingExtraError."""
    home = folder / environment.name
    done, python = home / ".complete", home / "bin" / "python"
    wanted = "\n".join((*environment.packages, *environment.without))
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        raise MissingExtraError("The peers' environments are made with uv.", fix="Install it: pip install uv")
    # uv does not read pip's variable for a folder of local builds.
    settings = os.environ | {"UV_FIND_LINKS": os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS", "")}
    base = Path(sys.base_prefix) / "bin" / "python3"
    _call([str(base), "-m", "venv", "--clear", str(home)], settings, environment.name)
    _call(
        [str(uv), "pip", "install", "--quiet", "--python", str(python), *environment.packages],
        settings,
        environment.name,
    )
    if environment.without:
        _call(
            [str(uv), "pip", "uninstall", "--quiet", "--python", str(python), *environment.without],
            settings,
            environment.name,
        )
    done.write_text(wanted, encoding="utf-8")
    return python


def _call(call: list[str], settings: dict[str, str], name: str) -> None:
    found = subprocess.run(call, env=settings, capture_output=True, text=True)
    if found.returncode:
        raise MissingExtraError(
            f"The environment of the peer '{name}' could not be made.",
            why=(found.stderr.strip().splitlines() or ["The installer gave no reason."])[-1],
            fix="Check that a package registry is reached, or leave the peer out with --peers.",
        )
