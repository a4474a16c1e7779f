"""Tampering: every named case is refused with a reason that names the file or the fact, by both verifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.verify import verify_release
from tests.lineage.shop import Place
from tests.lineage.tampering_cases import STRANGERS, Case
from tests.lineage.tampering_forgeries import FORGERIES
from tests.lineage.tampering_world import World, copy_of, independent, two_releases

CASES = [*STRANGERS, *(Case(f"forged: {c.name}", c.tamper, c.check, c.file, c.says, c.also) for c in FORGERIES)]
Both = tuple[Place, Path, Path]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A place and two releases of it; tests copy them."""
    return two_releases(tmp_path_factory.mktemp("tampering") / "shop")


@pytest.fixture
def world(both: Both, tmp_path: Path) -> World:
    """A copy of the first release, to be tampered with."""
    return copy_of(*both, tmp_path)


def test_there_are_enough_cases_and_no_two_of_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 140
    assert sum(not case.also for case in CASES) <= 4  # what only the platform's verifier notices


def test_the_controls_pass(both: Both, world: World) -> None:
    """Both releases as they are, and the first with passport and proof made anew: it is no case's helper that fails."""
    place, first, second = both
    for folder in (first, second):
        assert [c for c in verify_release(folder, place.roster, table=True) if not c.ok] == []
        assert independent(folder, place.roster, world.outside)[0] == 0
    world.refit()
    world.seal_again()
    assert [c for c in verify_release(world.folder, world.roster, table=True) if not c.ok] == []
    code, said = independent(world.folder, world.roster, world.outside)
    assert code == 0, said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused_with_the_reason(case: Case, world: World) -> None:
    case.tamper(world)
    checks = verify_release(world.folder, world.roster, table=True)
    failed = [c for c in checks if not c.ok]
    told = [c for c in failed if c.name == case.check and case.file in (c.file, None) and case.says in c.detail]
    assert told, failed
    assert all(c.name != "folder" for c in failed), failed  # noticed by a check, not by an accident
    assert all(c.detail.isprintable() for c in failed)
    code, said = independent(world.folder, world.roster, world.outside)
    assert (code, "FAIL" in said) == ((1, True) if case.also else (0, False)), said
