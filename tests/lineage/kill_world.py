"""A small workspace that goes from a candidate to a revoked release, and a child that dies somewhere on the way.

A child is forked, so that it starts at once with everything loaded. It tells through a pipe what it has finished, and
is killed for real: by itself, before or after the n-th call that reaches the operating system or the database; or by
its parent, after some time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from lineage import standing
from lineage.candidate import build_candidate
from lineage.folders import survey
from lineage.kinds import APPROVAL, CANDIDATE, RELEASE, REVOCATION
from lineage.ledger import open_ledger
from lineage.passport import INCLUSION, PASSPORT
from lineage.record import RECORD
from lineage.release import approve, record_candidate, release
from lineage.revoking import MARK, revoke
from lineage.verify import verify_release
from proofset.digest import sha256_file, table_digest
from proofset.workspace import Workspace
from tests.lineage.shop import HOUR, NOW, Place, make_place

STEPS = ("record", "approve ben", "approve cho", "release", "revoke")
KINDS = {"record": CANDIDATE, "approve": APPROVAL, "release": RELEASE, "revoke": REVOCATION}
LATER = NOW + 4 * HOUR
CALLS = ("fsync", "replace", "rename", "link", "mkdir", "unlink", "rmdir", "chmod", "open")
"""Functions of `os` before and after which a child may die, beside the database's statements and commits."""


@dataclass
class World:
    """A place, what its candidate is made from, and what there is before each step and at the end: state, outcome."""

    place: Place
    parts: dict[str, Any]
    kept: Path
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def state(self, step: str) -> Path:
        return self.kept / step.replace(" ", "-")

    def fresh(self, step: str, to: Path) -> Workspace:
        """A workspace as it is before `step`."""
        shutil.copytree(self.state(step), to)
        return Workspace(to)

    def do(self, workspace: Workspace, step: str) -> None:
        """One step, as the command line does it: everything is opened anew."""
        workspace = Workspace(workspace.root)
        ledger, signers = open_ledger(workspace), self.place.signers
        word, _, person = step.partition(" ")
        digest = table_digest(self.parts["synthetic"])
        if word == "record":
            target = workspace.state / "candidates" / "shop" / digest[:12]
            record_candidate(workspace, ledger, build_candidate(target, **self.parts), target, NOW)
        elif word == "approve":
            candidate = ledger.entries(CANDIDATE)[-1].subject
            approve(workspace, ledger, candidate, signers[person], "approve", "looked", NOW + HOUR)
        elif word == "release":
            release(workspace, ledger, "shop", signers["platform"], "ada@example.org", NOW + 2 * HOUR)
        else:
            revoke(workspace, ledger, "release", "shop", "a mistake", "ada", NOW + 3 * HOUR)


def make_world(root: Path) -> World:
    place = make_place(root / "shop")
    world = World(place, place.evidence.parts(), root / "kept")
    for step in STEPS:
        shutil.copytree(place.workspace.root, world.state(step))
        world.do(place.workspace, step)
    shutil.copytree(place.workspace.root, world.state("end"))
    world.outcomes = {step: outcome(Workspace(world.state(step))) for step in (*STEPS, "end")}
    return world


# Dying.


def _counted(call: Callable[..., Any], point: Callable[[], None]) -> Callable[..., Any]:
    @wraps(call)
    def watched(*given: Any, **named: Any) -> Any:
        point()
        done = call(*given, **named)
        point()
        return done

    return watched


def watch(point: Callable[[], None]) -> None:
    """Have `point` called before and after everything that others could see of this process."""
    for name in CALLS:
        setattr(os, name, _counted(getattr(os, name), point))
    for name in ("do_execute", "do_executemany", "do_commit", "do_begin"):
        setattr(DefaultDialect, name, _counted(getattr(DefaultDialect, name), point))


def forked(work: Callable[[], None], after: float | None = None) -> int:
    """Run in a child; kill it after so many seconds, where given. Its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    if after is not None:
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def points_of(world: World, step: str, home: Path) -> int:
    """How often a child could die during the step."""
    reading, writing = os.pipe()

    def work() -> None:
        count = 0

        def point() -> None:
            nonlocal count
            count += 1

        workspace = world.fresh(step, home)
        watch(point)
        world.do(workspace, step)
        os.write(writing, str(count).encode())

    assert forked(work) == 0
    total = int(os.read(reading, 99))
    os.close(reading)
    os.close(writing)
    return total


def die_at(world: World, step: str, workspace: Workspace, number: int) -> int:
    """Do the step in a child that kills itself at this point. Its exit status."""

    def work() -> None:
        left = number

        def point() -> None:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        watch(point)
        world.do(workspace, step)

    return forked(work)


def die_after(world: World, workspace: Workspace, seconds: float) -> tuple[int, list[str]]:
    """Do every step in a child that is killed after some time. Its exit status and the steps it said were done."""
    reading, writing = os.pipe()

    def work() -> None:
        for step in STEPS:
            world.do(workspace, step)
            os.write(writing, f"{step}\n".encode())

    status = forked(work, seconds)
    os.close(writing)
    with os.fdopen(reading) as told:
        return status, told.read().splitlines()


# Looking at what is left.


def flaws(workspace: Workspace, done: list[str]) -> list[str]:
    """What is wrong after a death. done: the steps that were told to be done."""
    ledger = open_ledger(Workspace(workspace.root))
    entries = ledger.entries()
    found = [] if ledger.verify() == len(entries) else ["the ledger counts otherwise"]
    for word, kind in KINDS.items():
        told = sum(step.split()[0] == word for step in done)
        if sum(e.kind == kind for e in entries) < told:
            found.append(f"lost: {kind}")
    roster = Place(workspace, ledger, {}).roster
    for path in [p for home in workspace.releases.glob("*") for p in home.iterdir()]:
        if path.is_dir():
            found += [f"{path.name}: {c.detail}" for c in verify_release(path, roster, LATER, table=True) if not c.ok]
            if not any(e.kind == RELEASE for e in entries):
                found.append(f"{path.name} is public and the ledger knows of none")
        elif not path.name.endswith(f"{MARK}.txt") or not standing.revocations(ledger):
            found.append(f"{path.name} is left over")
    return found


def outcome(workspace: Workspace) -> dict[str, Any]:
    """What the steps came to, without what a repeated one may add: the times of entries, the ledger's size."""
    ledger = open_ledger(Workspace(workspace.root))
    ledger.verify()
    folders = [p for home in workspace.releases.glob("*") for p in home.iterdir()]
    wrong = flaws(workspace, [])
    beside = {PASSPORT, INCLUSION, RECORD}  # they state the ledger's size
    return {
        "kinds": sorted({e.kind for e in ledger.entries()}),
        "candidates": [e.subject for e in ledger.entries(CANDIDATE)],
        "approved": sorted({e.actor for e in ledger.entries(APPROVAL)}),
        "releases": sorted(standing.releases(ledger)),
        "withdrawn": standing.withdrawn(ledger),
        "notes": sorted(p.name for p in workspace.releases.rglob(f"*.{MARK}.txt")),
        "wrong": wrong,
        "folders": {
            folder.name: {
                name: "" if name in beside or name.startswith("exports/") else sha256_file(folder / name)
                for name in survey(folder)[0]
            }
            for folder in folders
            if folder.is_dir()
        },
    }


def warm(world: World, home: Path) -> float:
    """Do everything once here, so that no child loads libraries; the seconds that a whole run takes after that."""
    took = 0.0
    for number in range(2):
        workspace = world.fresh("record", home / str(number))
        start = time.perf_counter()
        for step in STEPS:
            world.do(workspace, step)
        took = time.perf_counter() - start
        flaws(workspace, list(STEPS))
    return took
