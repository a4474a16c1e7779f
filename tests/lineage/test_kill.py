"""Sudden death on the way from a candidate to a revoked release: nothing is half done, nothing that was told is lost.

After each death the ledger checks, what is public verifies, and doing the step again ends where it would have ended.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.lineage.kill_world import (
    STEPS,
    World,
    die_after,
    die_at,
    flaws,
    forked,
    make_world,
    outcome,
    points_of,
    warm,
)

POINTS = {"record": 10, "approve ben": 6, "approve cho": 6, "release": 28, "revoke": 10}
"""At how many points of each step a child dies, evenly chosen; there are a hundred to five hundred of them."""
LAST = 12
"""And at each of the last ones, where the ledger knows already and the folder is not in its place."""
RUNS, SEED = 100, 11


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """In memory where there is such a place: a killed process loses nothing that it has written, wherever that is."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def world(home: Path) -> World:
    world = make_world(home)
    warm(world, home / "warm")
    return world


def following(step: str) -> str:
    return (*STEPS, "end")[STEPS.index(step) + 1]


def died(world: World, step: str, number: int, shop: Path) -> list[str]:
    """Die there, look, do it again, look again; what was wrong."""
    workspace = world.fresh(step, shop)
    told = list(STEPS[: STEPS.index(step)])
    found = [] if die_at(world, step, workspace, number) == -signal.SIGKILL else ["it did not die"]
    found += flaws(workspace, told)
    world.do(workspace, step)
    if outcome(workspace) != world.outcomes[following(step)]:
        found.append("it ends otherwise")
    shutil.rmtree(shop)
    return [f"{step}, point {number}: {flaw}" for flaw in found]


@pytest.mark.parametrize("step", STEPS)
def test_a_death_in_the_middle_of_each_step(step: str, world: World, home: Path) -> None:
    middle = points_of(world, step, home / f"count {step}") // 2
    assert died(world, step, middle, home / "dying") == []


def test_the_control_a_child_that_lives_does_the_step(world: World, home: Path) -> None:
    workspace = world.fresh("release", home / "control")
    assert forked(lambda: world.do(workspace, "release")) == 0
    assert outcome(workspace) == world.outcomes["revoke"]
    assert flaws(workspace, ["release"]) == []
    assert all(one["wrong"] == [] for one in world.outcomes.values())
    next(p for p in workspace.releases.rglob("README.md")).write_text("x")
    assert flaws(workspace, ["release"]) != []
    assert flaws(workspace, ["revoke"]) != []


@pytest.mark.slow
def test_deaths_at_chosen_points(world: World, home: Path) -> None:
    found: list[str] = []
    tried = 0
    for step, wanted in POINTS.items():
        total = points_of(world, step, home / f"counted {step}")
        evenly = np.linspace(1, total, wanted).round().astype(int).tolist()
        numbers = sorted({*evenly, *range(total - LAST + 1, total + 1)})
        for number in numbers:
            found += died(world, step, number, home / "dying")
        tried += len(numbers)
    print(f"\n{tried} points, {len(found)} flaws")
    assert tried >= 50
    assert found == []


@pytest.mark.slow
def test_deaths_at_random_moments(world: World, home: Path) -> None:
    """By a parent's timer, from before the first step to after the last."""
    whole = warm(world, home / "again")
    rng = np.random.default_rng(SEED)
    found: list[str] = []
    killed, told_of = 0, []
    for run in range(RUNS):
        workspace = world.fresh("record", home / "dying")
        status, told = die_after(world, workspace, float(rng.uniform(0, 1.2 * whole)))
        killed += status == -signal.SIGKILL
        told_of.append(len(told))
        left = flaws(workspace, told)
        for step in STEPS[len(told) :]:
            world.do(workspace, step)
        if outcome(workspace) != world.outcomes["end"]:
            left.append("it ends otherwise")
        found += [f"run {run}, after {told}: {flaw}" for flaw in left]
        shutil.rmtree(home / "dying")
    print(f"\n{RUNS} runs, {killed} killed, after {np.bincount(told_of).tolist()} steps told, {len(found)} flaws")
    assert found == []
    assert killed >= 60
    assert len(set(told_of)) >= 4  # they died in different steps
