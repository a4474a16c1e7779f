"""The ledger and its head: forged entries are refused, and a death at any moment of an append is survived."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lineage.ledger import Ledger, entry_hash
from proofset.digest import canonical
from proofset.errors import LedgerError

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger with three entries."""
    ledger = Ledger(tmp_path / "ledger.db")
    for number in range(3):
        ledger.append("k", "s", {"n": number}, AT)
    return ledger


def forge(ledger: Ledger, count: int = 1) -> None:
    """Append entries with plain SQL, chained as they must be; no trigger forbids it."""
    with closing(sqlite3.connect(ledger.path)) as connection:
        for _ in range(count):
            query = "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1"
            seq, previous = connection.execute(query).fetchone()
            digest = entry_hash(seq + 1, "t", "approval", "forged", b"{}", previous)
            row = (seq + 1, "t", "approval", "forged", "{}", previous, digest)
            connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()


@pytest.mark.parametrize("count", [1, 2])
def test_a_chained_entry_that_the_head_does_not_name_is_refused(count: int, ledger: Ledger) -> None:
    forge(ledger, count)
    for reader in (ledger, Ledger(ledger.path)):
        with pytest.raises(LedgerError, match="Entry 4 was added by hand"):
            reader.entries()
        with pytest.raises(LedgerError, match="Entry 4 was added by hand"):
            reader.append("k", "s", {})


class PowerCut(BaseException):
    """The process dies here."""


def head_of(ledger: Ledger) -> dict[str, Any]:
    return dict(json.loads(ledger.head_path.read_bytes()))


def cut_append(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, write: int, *, before: bool) -> None:
    """Append, and die just before or after the given write of the head file (1: before the commit, 2: after it)."""
    real, count = Ledger._write_head, iter(range(1, 9))

    def dying(self: Ledger, head: Any) -> None:
        now = next(count) == write
        if now and before:
            raise PowerCut
        real(self, head)
        if now:
            raise PowerCut

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(Ledger, "_write_head", dying)
        ledger.append("lost", "s", {})


@pytest.mark.parametrize(
    ("write", "before", "kept", "named"), [(1, True, 3, False), (1, False, 3, True), (2, True, 4, True)]
)
def test_a_death_within_an_append_is_survived(
    write: int, before: bool, kept: int, named: bool, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_append(ledger, monkeypatch, write, before=before)
    assert ("next" in head_of(ledger)) == named
    again = Ledger(ledger.path)
    assert again.verify() == kept
    assert again.append("k", "s", {}).seq == kept + 1
    assert head_of(ledger) == {"seq": kept + 1, "hash": again.head.hash}


@pytest.mark.parametrize("write", [1, 2])
def test_what_a_death_left_open_admits_no_other_entry(
    write: int, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_append(ledger, monkeypatch, write, before=write == 2)
    forge(ledger)
    with pytest.raises(LedgerError, match=f"Entry {3 + write} was added by hand"):
        Ledger(ledger.path).verify()


def test_the_first_append_survives_a_death_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for write, kept in [(1, 0), (2, 0), (3, 1)]:  # the head of an empty ledger, before the commit, after it
        ledger = Ledger(tmp_path / str(write) / "ledger.db")
        cut_append(ledger, monkeypatch, write, before=True)
        assert Ledger(ledger.path).verify() == kept
        assert Ledger(ledger.path).append("k", "s", {}).seq == kept + 1


KILLED = """
import os, signal, sys
from pathlib import Path
from lineage.ledger import Ledger
real, writes = Ledger._write_head, []
def dying(self, head):
    writes.append(head)
    if len(writes) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, head)
Ledger._write_head = dying
Ledger(Path(sys.argv[1])).append("last", "s", {})
"""


def test_a_real_kill_after_the_commit_keeps_the_entry(ledger: Ledger) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(ledger.path)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert head_of(ledger)["seq"] == 3
    assert [e.kind for e in ledger.entries()] == ["k", "k", "k", "last"]
    assert Ledger(ledger.path).append("k", "s", {}).seq == 5


@pytest.mark.parametrize("head", [{"seq": 3}, {"seq": 3, "hash": "0" * 64, "next": {"seq": 4}}])
def test_a_head_file_of_another_form_is_refused(head: dict[str, Any], ledger: Ledger) -> None:
    ledger.head_path.write_bytes(canonical(head))
    with pytest.raises(LedgerError, match="head file"):
        ledger.entries()


def test_readers_beside_a_writer_see_a_whole_ledger_every_time(ledger: Ledger) -> None:
    """Readers take no lock: head file and database are read one after the other while both move on."""
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            seen.append(Ledger(ledger.path).verify())
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
