"""Faults under the command line: a full disk, a folder that is read-only, a clock set back, a database that is gone.

Each ends in one clear error and exit code 2, without a traceback; nothing is lost, and the next run completes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import lineage.release as release_module
from lineage.kinds import APPROVAL, RELEASE
from lineage.ledger import open_ledger
from lineage.roster import read_roster
from lineage.verify import verify_release
from orchestration.cli.app import run
from orchestration.policy_check import measure_cards
from proofset.errors import EXIT_BAD_INPUT, EXIT_DONE
from proofset.evidence import Direction, Measure
from proofset.policy_union import OF_UNION
from proofset.workspace import Workspace
from tests.lineage.ledgers import Server
from tests.lineage.shop import Place, make_measures, make_place

KEYS = {"ben": "ben", "cho": "cho", "platform": "release"}


def attacked() -> tuple[Measure, ...]:
    """Measures that name every attack there is, so that no newer one is missing."""
    made = make_measures()
    there = {m.name for m in made} | OF_UNION
    names = [c.name for c in measure_cards().values() if c.name.startswith("privacy.") and c.gates]
    none: dict[str, Any] = {"n": 300, "direction": Direction.LOWER, "floor": 0, "ceiling": 1}
    more = [
        Measure(name=n, title="An attack", status="unsupported", detail="too few rows", **none)
        for n in names
        if n not in there
    ]
    return (*made, *more)


def ready(root: Path, url: str = "") -> Path:
    """A workspace whose candidate lacks one approval, as of now, with everybody's key where the platform keeps it."""
    place = make_place(root)
    if url:
        place.write("proofset.yaml", f"workspace: shop\nledger: {{url: '{url}'}}\n")
        place = Place(Workspace(root), open_ledger(Workspace(root)), place.signers)
    for person, name in KEYS.items():
        place.signers[person].save(place.workspace.private / "keys" / f"{name}.pem", None)
    before = datetime.now(UTC) - timedelta(minutes=2)
    candidate, _ = place.record(replace(place.evidence, measures=attacked()), before)
    place.sign(candidate, "ben", at=before)
    return root


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace for tests to copy. A copy goes all the way first: a child without rights could load nothing more."""
    home = tmp_path_factory.mktemp("faults")
    root = ready(home / "shop")
    completes(Path(shutil.copytree(root, home / "control")))
    return root


@pytest.fixture
def shop(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "shop"))


def told(root: Path, *words: str) -> tuple[int, dict[str, str], str]:
    """Exit code of a command, its error in parts, and everything it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["-w", str(root), *words, "--json"])
    said = out.getvalue() + err.getvalue()
    try:
        answer = json.loads(out.getvalue())
        return code, answer.get("error", {}) if isinstance(answer, dict) else {}, said
    except json.JSONDecodeError:
        return code, {}, said


def refused(root: Path, *words: str) -> str:
    """A command that must fail with one error in plain words; what it says."""
    code, error, said = told(root, *words)
    assert code == EXIT_BAD_INPUT, said
    assert error["what"], said
    assert error["why"] or error["fix"], said
    assert "Traceback" not in said
    assert "InternalError" not in said
    return " ".join((error["what"], error["why"], error["fix"]))


APPROVE, PUBLISH = ("approve", "shop", "--as", "cho"), ("release", "shop")


def completes(root: Path, *, approved: bool = False) -> None:
    """Doing again what failed ends in one release that verifies, and a ledger that checks."""
    if not approved:
        assert told(root, *APPROVE)[0] == EXIT_DONE
    code, _, said = told(root, *PUBLISH)
    assert code == EXIT_DONE, said
    workspace = Workspace(root)
    ledger = open_ledger(workspace)
    assert ledger.verify() == len(ledger.entries())
    assert len(ledger.entries(RELEASE)) == 1
    assert {e.actor for e in ledger.entries(APPROVAL)} == {"ben", "cho"}
    assert verifies(root)


def verifies(root: Path) -> bool:
    """Whether there is one release, which verifies."""
    [folder] = (root / "releases" / "shop").iterdir()
    roster = read_roster(Workspace(root).roster_path)
    return all(c.ok for c in verify_release(folder, roster, table=True))


def nothing_public(root: Path) -> bool:
    return not [p for p in (root / "releases").rglob("*") if p.is_file()]


# A full disk.


@pytest.fixture
def small(kept: Path, tmp_path: Path) -> Iterator[Path]:
    """A workspace on a disk of its own, of four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False, capture_output=True
    ).returncode:
        pytest.skip("no right to mount a disk here; test_ledger_faults.py limits the size of files instead")
    try:
        yield Path(shutil.copytree(kept, disk / "shop"))
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill the disk up to so many bytes."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    room = free.f_bavail * free.f_frsize
    ballast.write_bytes(b"\0" * max(0, room - leave))
    return ballast


@pytest.mark.slow
@pytest.mark.parametrize("leave", [0, 40_000])
def test_a_full_disk_while_approving(leave: int, small: Path) -> None:
    ballast = fill(small.parent, leave)
    code, error, said = told(small, *APPROVE)
    assert code in (EXIT_DONE, EXIT_BAD_INPUT), said
    assert "Traceback" not in said
    if leave == 0:
        assert "full" in error["what"], said
    ballast.unlink()
    completes(small, approved=code == EXIT_DONE)


@pytest.mark.slow
def test_a_full_disk_while_releasing_wherever_it_fills_up(small: Path) -> None:
    """With more and more room, so that it gets further and further, until it is done."""
    assert told(small, *APPROVE)[0] == EXIT_DONE
    assert told(small, "status")[0] == EXIT_DONE
    full = 0
    for leave in range(0, 2_000_000, 60_000):
        ballast = fill(small.parent, leave)
        code, error, said = told(small, *PUBLISH)
        assert "Traceback" not in said
        ballast.unlink()
        assert open_ledger(Workspace(small)).verify() >= 3
        if code == EXIT_DONE:
            break
        assert code == EXIT_BAD_INPUT, said
        assert "full" in error["what"], said
        assert nothing_public(small) or verifies(small)  # there whole, and only Dagster could not note it
        full += 1
    print(f"\n{full} full disks, 0 lost")
    assert full >= 3
    assert code == EXIT_DONE
    completes(small, approved=True)


# A folder that is read-only. The child is not root, who may write everywhere.


def apart(work: Callable[[], object], root: Path | None = None) -> str:
    """Run in a child, without rights where its folder is given; "" or what went wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            if root is not None and os.geteuid() == 0:
                for path in (root, *root.rglob("*")):
                    os.chown(path, 65534, 65534)
                os.setuid(65534)
            work()
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said = repr(error)
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as given:
        return given.read()


@pytest.mark.parametrize(
    ("folder", "words"),
    [(".proofset", APPROVE), (".proofset", PUBLISH), (".proofset/dagster", PUBLISH), ("releases", PUBLISH)],
)
def test_a_folder_that_may_only_be_read(folder: str, words: tuple[str, ...], kept: Path) -> None:
    root = Path("/tmp") / f"proofset-faults-{os.getpid()}"  # nobody may pass through pytest's own folder
    shutil.copytree(kept, root)
    approved = words == PUBLISH
    (root / folder).mkdir(exist_ok=True)

    def work() -> None:
        if approved:
            assert told(root, *APPROVE)[0] == EXIT_DONE
        for path in (root / folder, *(root / folder).rglob("*")):
            path.chmod(0o500 if path.is_dir() else 0o400)
        said = refused(root, *words)
        assert "permission" in said, said
        assert nothing_public(root)

    try:
        assert apart(work, root) == ""
        for path in (root / folder, *(root / folder).rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        assert apart(lambda: completes(root, approved=approved), root) == ""
    finally:
        shutil.rmtree(root)


def refused_as_read_only(root: Path, *words: str) -> None:
    said = refused(root, *words)
    assert "read-only" in said.lower(), said


@pytest.mark.slow
@pytest.mark.parametrize("words", [APPROVE, PUBLISH])
def test_a_disk_that_may_only_be_read(words: tuple[str, ...], small: Path) -> None:
    if words == PUBLISH:
        assert told(small, *APPROVE)[0] == EXIT_DONE
    disk = small.parent
    subprocess.run(["mount", "--bind", disk, disk], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
        assert apart(lambda: refused_as_read_only(small, *words)) == ""  # SQLite remembers it as long as it lives
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    assert nothing_public(small)
    completes(small, approved=words == PUBLISH)


# A clock that was set back.


class Yesterday(datetime):
    """A clock that was set back by a day."""

    @classmethod
    def now(cls, tz: Any = None) -> Yesterday:
        return cls.fromtimestamp(datetime.now(tz).timestamp() - 86_400, tz)


@pytest.mark.parametrize(("module", "words"), [("lineage.records", APPROVE), ("orchestration.assets", PUBLISH)])
def test_a_clock_set_back(module: str, words: tuple[str, ...], shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if words == PUBLISH:
        assert told(shop, *APPROVE)[0] == EXIT_DONE
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.datetime", Yesterday)
        assert "clock" in refused(shop, *words)
    assert nothing_public(shop)
    completes(shop, approved=words == PUBLISH)


# A database that is gone.


def gone_before(part: str, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None]) -> None:
    """Have the database go just before this part of a release."""
    real = getattr(release_module, part)

    def going(*given: Any, **named: Any) -> Any:
        stop()
        return real(*given, **named)

    monkeypatch.setattr(release_module, part, going)


@pytest.mark.parametrize("part", ["stage", "_record", "add_inclusion"])
def test_a_database_file_that_goes_in_mid_release(part: str, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(shop, *APPROVE)[0] == EXIT_DONE
    state, away = shop / ".proofset", shop / "away"
    away.mkdir()

    def stop() -> None:
        for path in state.glob("ledger.db*"):
            path.rename(away / path.name)

    with monkeypatch.context() as patch:
        gone_before(part, patch, stop)
        assert "ledger" in refused(shop, *PUBLISH)
    assert nothing_public(shop)
    for path in away.iterdir():
        path.rename(state / path.name)
    completes(shop, approved=True)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["stage", "_record", "add_inclusion"])
def test_a_server_lost_in_mid_release(
    part: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ready(tmp_path / "shop", server.new())
    assert told(root, *APPROVE)[0] == EXIT_DONE
    with monkeypatch.context() as patch:
        gone_before(part, patch, server.stop)
        try:
            said = refused(root, *PUBLISH)
        finally:
            server.start()
    assert "cannot be reached" in said
    assert nothing_public(root)
    completes(root, approved=True)
