"""Fixtures: a place to work in, and one release that tests copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineage.release import Released
from tests.lineage.ledgers import Home, Server, postgres
from tests.lineage.shop import Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "shop")


@pytest.fixture
def released(place: Place) -> Place:
    """A place of one's own with one release."""
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    place.release()
    return place


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Released]:
    """A place with one release; tests copy its folder and never write in it."""
    place = make_place(tmp_path_factory.mktemp("pristine") / "shop")
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    return place, place.release()


@pytest.fixture
def copied(pristine: tuple[Place, Released], tmp_path: Path) -> Callable[[], Path]:
    """Makes fresh copies of the pristine release."""
    count = iter(range(1000))

    def copy() -> Path:
        return Path(shutil.copytree(pristine[1].folder, tmp_path / f"copy{next(count)}"))

    return copy


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real PostgreSQL."""
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """Where a ledger lives: each test that asks for it runs on both databases."""
    if request.param == "sqlite":
        return Home(f"sqlite:///{tmp_path / 'state' / 'ledger.db'}", tmp_path)
    return Home(request.getfixturevalue("server").new(), tmp_path)


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Home:
    """Where a ledger in a SQLite file lives."""
    return Home(f"sqlite:///{tmp_path / 'state' / 'ledger.db'}", tmp_path)
