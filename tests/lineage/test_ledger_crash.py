"""A death at any moment of an append: what was told to be recorded is there, the ledger holds, and it goes on."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import numpy as np
import pytest

from lineage.checkpoint import Checkpoint
from lineage.ledger import Ledger
from proofset.errors import LedgerError
from tests.lineage.ledgers import Home

AT = datetime(2026, 1, 1, tzinfo=UTC)
POINTS = 70


class PowerCut(BaseException):
    """The process dies here."""


@pytest.fixture
def ledger(home: Home) -> Ledger:
    """A ledger with three entries."""
    ledger = home.open()
    for number in range(3):
        ledger.append("k", "s", {"n": number}, AT)
    return ledger


def die_at(point: int) -> None:
    """Kill this process, for real, when the ledger's own files have called or returned from `point` functions."""
    seen = 0

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal seen
        if "/lineage/" in frame.f_code.co_filename or "/proofset/files.py" in frame.f_code.co_filename:
            seen += 1
            if seen >= point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def forked(work: Any) -> int:
    """Run `work` in a forked child; return its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            work()
            status = 0
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def calls_of_one_append(home: Home) -> int:
    """How many points there are."""
    count = 0

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        count += "/lineage/" in frame.f_code.co_filename or "/proofset/files.py" in frame.f_code.co_filename

    ledger = home.open()
    sys.setprofile(watch)
    ledger.append("counted", "s", {})
    sys.setprofile(None)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("begun", [True, False])
def test_a_kill_at_each_of_seventy_points(begun: bool, home: Home, request: pytest.FixtureRequest) -> None:
    """From the opening of the ledger to the last write of its head; with a ledger there, and while it is made."""
    places = itertools.count()

    def fresh() -> Home:
        if home.kind == "postgresql":
            return Home(request.getfixturevalue("server").new(), home.folder / str(next(places)))
        folder = home.folder / str(next(places))
        return Home(f"sqlite:///{folder}/ledger.db", folder)

    scout = fresh()
    if begun:
        scout.open().append("k", "s", {})
    total = calls_of_one_append(scout)
    tried = killed = kept = 0
    for point in np.linspace(1, total, POINTS).astype(int).tolist():
        place = fresh()
        if begun:
            place.open().append("k", "s", {})

        def work(place: Home = place, point: int = point) -> None:
            ledger = place.open()
            die_at(point)
            ledger.append("last", "s", {"point": point})

        status = forked(work)
        tried += 1
        killed += status == -signal.SIGKILL
        found = place.open().verify()
        kept += found - begun
        assert found in (begun, begun + 1)
        assert place.open().append("next", "s", {}).seq == found + 1
        assert place.open().verify() == found + 1
    print(f"\n{home.kind}, {'begun' if begun else 'new'}: {tried} points, {killed} killed, {kept} kept their entry")
    assert (tried, killed) == (POINTS, POINTS)
    assert 0 < kept < POINTS  # deaths before and after the commit were among them


@pytest.mark.slow
@pytest.mark.parametrize(("home", "runs"), [("sqlite", 100), ("postgresql", 30)], indirect=["home"])
def test_kills_at_random_moments_lose_nothing_that_was_told(home: Home, runs: int) -> None:
    rng = np.random.default_rng(7)
    told = 0
    for run in range(runs):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                ledger = home.open()
                for number in range(10_000):
                    ledger.append("k", f"run{run}", {"n": number})
                    os.write(writing, b".")
            os._exit(1)
        os.close(writing)
        os.read(reading, 1)  # it is under way
        time.sleep(float(rng.uniform(0, 0.03)))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        mine = 1
        while more := os.read(reading, 65536):
            mine += len(more)
        os.close(reading)
        entries = home.open().entries(subject=f"run{run}")
        assert [e.body["n"] for e in entries] == list(range(len(entries)))
        assert mine <= len(entries) <= mine + 1
        told += mine
    ledger = home.open()
    total = ledger.verify()
    assert told <= total <= told + runs
    assert ledger.append("k", "s", {}).seq == total + 1
    print(f"\n{home.kind}: {runs} kills, {told} entries told, {total} there, 0 lost")


def cut(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, written: bool) -> None:
    """Append, and die after the commit, before or just after the head is written."""
    real = ledger.keeper.advance

    def dying(note: str, signed: Checkpoint) -> None:
        if written:
            real(note, signed)
        raise PowerCut

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(ledger.keeper, "advance", dying)
        ledger.append("last", "s", {})


@pytest.mark.parametrize("written", [False, True])
def test_a_head_that_lags_is_covered_by_the_signed_checkpoint(
    written: bool, ledger: Ledger, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(ledger, monkeypatch, written=written)
    head = home.folder / "private" / "ledger.head"
    assert head.read_text().split("\n")[1] == ("4" if written else "3")
    again = home.open()
    assert again.verify() == 4
    assert head.read_text().split("\n")[1] == "4"  # a reader moves the head, too
    assert again.append("k", "s", {}).seq == 5


def test_a_head_that_lags_admits_no_entry_that_nobody_signed(
    ledger: Ledger, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(ledger, monkeypatch, written=False)
    columns = "at, kind, actor, subject, evidence, policy, body, hash"
    home.sql(f"INSERT INTO entries SELECT 5, {columns} FROM entries WHERE seq = 4")
    with pytest.raises(LedgerError, match="Entry 5 was added by hand"):
        home.open().entries()


def test_a_death_before_the_first_commit_leaves_an_empty_ledger(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ("prepare", "begin", "_grown"):
        ledger = home.open()
        owner = {"prepare": ledger.database, "begin": ledger.keeper, "_grown": ledger}[step]
        real = getattr(owner, step)

        def dying(*given: Any, real: Any = real, **named: Any) -> None:
            real(*given, **named)
            raise PowerCut

        monkeypatch.setattr(owner, step, dying)
        with pytest.raises(PowerCut):
            ledger.append("k", "s", {})
        assert home.open().verify() == 0
    name = (home.folder / "private" / "ledger.vkey").read_text()
    assert home.open().append("k", "s", {}).seq == 1
    assert home.open().vkey + "\n" == name


def test_an_empty_file_is_an_empty_ledger(sqlite_home: Home) -> None:
    sqlite_home.file.parent.mkdir()
    sqlite_home.file.touch()
    assert sqlite_home.open().entries() == []
    sqlite_home.open().append("k", "s", {})
    assert sqlite_home.open().verify() == 1


def test_an_append_that_fails_leaves_memory_and_ledger_as_they_were(
    ledger: Ledger, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lineage.ledger.sign_checkpoint", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ledger.append("k", "s", {})
    assert [e.body.get("n") for e in ledger.entries()] == [0, 1, 2]
    assert ledger.append("k", "s", {}).seq == 4
    assert home.open().verify() == 4


def test_readers_beside_a_writer_see_a_whole_ledger_every_time(ledger: Ledger, home: Home) -> None:
    """Readers take no lock: head file and database are read one after the other while both move on."""
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            seen.append(home.open().verify())
        seen.append(-1)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(40):
        ledger.append("k", "s", {"n": number})
    done.set()
    for thread in threads:
        thread.join(timeout=60)
    assert seen.count(-1) == 2  # neither died of a LedgerError
    assert len(set(seen)) > 2


def test_one_ledger_in_two_threads(home: Home) -> None:
    ledger = home.open()

    def write(name: str) -> None:
        for number in range(20):
            ledger.append("k", name, {"n": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert home.open().verify() == 40
    assert json.dumps([e.body["n"] for e in ledger.entries(subject="a")]) == json.dumps(list(range(20)))


def test_a_forked_child_appends_with_connections_of_its_own(ledger: Ledger, home: Home) -> None:
    assert forked(lambda: ledger.append("child", "s", {})) == 0
    assert ledger.append("parent", "s", {}).seq == 5
    assert [e.kind for e in home.open().entries()][3:] == ["child", "parent"]
