"""Fixtures: a place to work in, and one release that tests copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.release import Released
from tests.lineage.shop import Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "shop")


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
