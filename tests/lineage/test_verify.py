"""Verification: one changed byte in any file fails, and the message names the file; so does everything else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.checks import Check
from lineage.folders import survey
from lineage.passport import PASSPORT
from lineage.release import Released
from lineage.roster import add_key
from lineage.verify import verify_release
from proofset.errors import ProofsetError
from tests.lineage.shop import HOUR, LATER, NOW, Place, failing, named

Pristine = tuple[Place, Released]
Copied = Callable[[], Path]


def test_an_intact_release_passes_every_check(pristine: Pristine) -> None:
    place, released = pristine
    checks = verify_release(released.folder, place.roster, table=True)
    assert all(c.ok and c.file is None for c in checks)
    assert [c for c in checks if c.name != "table"] == verify_release(released.folder, place.roster)
    assert [c.name for c in checks] == [
        "passport",
        "date",
        "expiry",
        "files",
        "ledger",
        "candidate",
        "table",
        "evidence",
        "verdict",
        "approvals",
        "statement",
    ]


def test_a_flipped_byte_in_any_file_fails_and_names_it(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    rng = np.random.default_rng(5)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        good = path.read_bytes()
        for position in {0, len(good) - 1, *rng.integers(0, len(good), 5).tolist()}:
            bad = bytearray(good)
            bad[position] ^= 1 << int(rng.integers(8))
            path.write_bytes(bytes(bad))
            assert path.relative_to(folder).as_posix() in named(failing(folder, place)), (path, position)
        path.write_bytes(good)
    assert failing(folder, place) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.data())
def test_any_other_byte_in_the_passport_fails(pristine: Pristine, tmp_path: Path, data: st.DataObject) -> None:
    place, released = pristine
    folder = tmp_path / "passport"
    if not folder.exists():
        shutil.copytree(released.folder, folder)
    good = (released.folder / PASSPORT).read_bytes()
    position = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda v: v != good[position]))
    (folder / PASSPORT).write_bytes(good[:position] + bytes([value]) + good[position + 1 :])
    assert PASSPORT in named(failing(folder, place))


def test_every_missing_file_is_named(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    for name in survey(folder)[0]:
        data = (folder / name).read_bytes()
        (folder / name).unlink()
        assert name in named(failing(folder, place))
        (folder / name).write_bytes(data)
    assert failing(folder, place) == []


def add_file(name: str) -> Callable[[Path], str]:
    def add(folder: Path) -> str:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
        return name

    return add


def add_link(folder: Path) -> str:
    (folder / "data" / "more").symlink_to("visits.parquet")
    return "data/more"


def swap_for_link(folder: Path) -> str:
    shutil.move(folder / "report.html", folder.parent / "moved.html")
    (folder / "report.html").symlink_to(folder.parent / "moved.html")
    return "report.html"


def link_folder(folder: Path) -> str:
    shutil.move(folder / "evidence", folder.parent / "moved")
    (folder / "evidence").symlink_to(folder.parent / "moved")
    return "evidence"


def add_empty_folder(folder: Path) -> str:
    (folder / "approvals" / "empty").mkdir()
    return "approvals/empty"


def add_pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return "pipe"


ADDITIONS = [
    add_file("more.txt"),
    add_file(".hidden"),
    add_file(".git/config"),
    add_file("approvals/eve.dsse.json"),
    add_file("data/more.parquet"),
    add_link,
    swap_for_link,
    link_folder,
    add_empty_folder,
    add_pipe,
]


@pytest.mark.parametrize("number", range(len(ADDITIONS)))
def test_whatever_is_too_many_is_named(number: int, pristine: Pristine, copied: Copied) -> None:
    folder = copied()
    name = ADDITIONS[number](folder)
    assert name in named(failing(folder, pristine[0]))


def test_without_a_good_passport_the_candidates_own_manifest_still_names_files(
    pristine: Pristine, copied: Copied
) -> None:
    folder = copied()
    (folder / PASSPORT).write_bytes(b"{}")
    (folder / "report.html").write_text("x")
    assert named(failing(folder, pristine[0])) == {PASSPORT, "report.html"}
    (folder / "candidate.json").write_bytes(b"{}")
    assert named(failing(folder, pristine[0])) == {PASSPORT}


def test_a_folder_that_is_not_there_is_an_error_an_empty_one_is_not(pristine: Pristine, tmp_path: Path) -> None:
    with pytest.raises(ProofsetError, match="no folder"):
        verify_release(tmp_path / "none", pristine[0].roster)
    (tmp_path / "empty").mkdir()
    assert [c.detail for c in failing(tmp_path / "empty", pristine[0])] == [f"{PASSPORT} is missing."]


def test_a_release_from_the_future_fails(pristine: Pristine) -> None:
    place, released = pristine
    assert failing(released.folder, place, NOW + 2 * HOUR) == []
    assert [c.name for c in failing(released.folder, place, NOW)] == ["date"]


def test_the_roster_decides_whose_signature_counts(pristine: Pristine, tmp_path: Path) -> None:
    place, released = pristine
    other = tmp_path / "roster.yaml"

    def roster(*left_out: str, **roles: list[str]) -> list[Check]:
        other.unlink(missing_ok=True)
        for person in place.roster.people:
            if person.id not in left_out:
                held = roles.get(person.id, list(person.roles))
                made = add_key(other, person.id, person.name, person.email, held, person.keys[0].raw)
        return [c for c in verify_release(released.folder, made, LATER) if not c.ok]

    assert roster() == []
    assert [c.name for c in roster("platform")] == ["passport"]
    assert [c.name for c in roster(platform=["data_steward"])] == ["passport"]
    assert "approvals/cho.dsse.json" in named(roster("cho"))
    assert roster(cho=["data_steward"])[0].name == "approvals"
    assert roster(cho=["privacy_officer", "data_steward"]) == []  # who gained a role since still held it then
