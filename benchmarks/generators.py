"""Generators side by side: python -m benchmarks.generators --data FOLDER --json FILE [--only adult,...]

Each generator runs in a process of its own, peers in environments of their own, and all are scored alike.
See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from benchmarks.checks import printed, verdicts
from benchmarks.environments import PEERS, find_peer
from benchmarks.running import Runner
from benchmarks.session import LEVELS, Session
from benchmarks.tables import find_table
from proofset.errors import ProofsetError, unknown_name

SECTIONS = {
    "adult": "benchmarks.fidelity_sections:adult",
    "census": "benchmarks.fidelity_sections:census",
    "frontier": "benchmarks.frontier:frontier",
    "uplift": "benchmarks.uplift:uplift",
    "conditional": "benchmarks.conditional:conditional",
    "scale": "benchmarks.scale:scale",
    "peers": "benchmarks.fidelity_sections:peers",
}
"""`peers` only fills the folder of --reuse; all the others run by default."""


def section(name: str) -> Callable[[Session], None]:
    """The function of a section. Raises UnknownNameError."""
    if name not in SECTIONS:
        raise unknown_name("section", name, SECTIONS, "--only")
    module, _, function = SECTIONS[name].partition(":")
    found: Callable[[Session], None] = getattr(import_module(module), function)
    return found


def budgets(given: str) -> dict[str, float]:
    """`240` for every peer that trains in epochs, or `TVAE=300,CTGAN=300`."""
    if not given:
        return {}
    if "=" not in given:
        return {peer.name: float(given) for peer in PEERS.values() if peer.budgeted}
    pairs = [pair.partition("=") for pair in given.split(",")]
    return {find_peer(name).name: float(seconds) for name, _, seconds in pairs}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = arguments.add_argument
    add("--data", type=Path, required=True, help="folder that benchmarks.data filled; environments are made in it too")
    add("--json", type=Path, required=True, help="flat figures; those of other sections in it are kept")
    add("--only", default=",".join(n for n in SECTIONS if n != "peers"), help="sections, parted by commas")
    add("--tables", default="adult,census,compas,flights", help="tables of the frontier")
    add("--peers", default=",".join(PEERS), help="peers to run; empty for none")
    add("--seeds", type=int, default=3, help="seeds of our own generators")
    add("--splits", type=int, default=3, help="splits of Adult: the published one, then random ones")
    add("--reuse", type=Path, help="folder of peers' tables and times from earlier runs, read and added to")
    add("--fresh", default="", help="peers to run again although --reuse has them")
    add("--budget", default="", help="seconds of training per peer and table: 240, or TVAE=300,CTGAN=300")
    add("--threads", type=int, default=2, help="threads of a worker's numeric libraries")
    add("--nice", type=int, default=0, help="niceness of the workers")
    add("--privacy", default="medium", choices=LEVELS, help="the level that is judged")
    return arguments


def main() -> None:
    """Run the sections that were asked for and print which bounds are met."""
    given = parser().parse_args()
    words = {
        name: tuple(filter(None, getattr(given, name).split(","))) for name in ("only", "tables", "peers", "fresh")
    }
    try:
        todo = [section(name) for name in words["only"]]
        for name in words["tables"]:
            find_table(name)
        for name in (*words["peers"], *words["fresh"]):
            find_peer(name)
        runner = Runner(
            work=given.data / "work", environments=given.data / "environments", reuse=given.reuse,
            fresh=frozenset(words["fresh"]), budget=budgets(given.budget), threads=given.threads, nice=given.nice,
        )  # fmt: skip
        kept = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
        session = Session(
            given.data, runner, given.json, given.seeds, given.splits, words["tables"], words["peers"], kept
        )
        for run in todo:
            run(session)
    except ProofsetError as error:
        raise SystemExit(str(error)) from None
    print(printed(verdicts(session.figures, given.privacy)))


if __name__ == "__main__":
    main()
