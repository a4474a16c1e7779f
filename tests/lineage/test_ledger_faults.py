"""What goes wrong around a ledger: full disk, read-only folder, clock set back, lost server. Nothing is lost."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lineage import ledger_database
from lineage.ledger import Draft, Ledger
from lineage.times import utc_text
from proofset.errors import LedgerError, ProofsetError
from tests.lineage.ledgers import Home, Server

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(home: Home) -> Ledger:
    """A ledger with three entries."""
    ledger = home.open()
    for number in range(3):
        ledger.append("k", "s", {"n": number}, AT)
    return ledger


def whole(home: Home, entries: int) -> None:
    """The ledger holds, has so many entries, and goes on."""
    assert home.open().verify() == entries
    assert home.open().append("next", "s", {}).seq == entries + 1


def test_a_full_database(sqlite_home: Home) -> None:
    ledger = sqlite_home.open()
    ledger.append("k", "s", {})

    def small(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA max_page_count = 30")

    with ledger.database.reading():
        pass
    assert ledger.database._engine is not None
    sa.event.listen(ledger.database._engine, "checkout", small)
    done = 1
    with pytest.raises(LedgerError, match="disk is full") as caught:
        while True:
            ledger.append("k", "s", {"x": "y" * 5000})
            done += 1
    assert "Make room" in caught.value.fix
    assert done > 3
    assert ledger.entries("k")[-1].seq == done  # the ledger that met the full disk can still be read
    whole(sqlite_home, done)


def test_a_full_disk(sqlite_home: Home) -> None:
    """The operating system refuses to let any file grow beyond a size: database, log and head alike."""
    sqlite_home.open().append("k", "s", {})
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"nothing was refused"
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            ledger = sqlite_home.open()
            for _ in range(1000):
                ledger.append("k", "s", {"x": "y" * 5000})
        except ProofsetError as error:
            said = f"{type(error).__name__}: {error.what}".encode()
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said = repr(error).encode()
        finally:
            os.write(writing, said)
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 4096) == b"LedgerError: The ledger ledger.db cannot be written: its disk is full."
    whole(sqlite_home, sqlite_home.open().verify())
    assert sqlite_home.open().verify() > 3


def test_no_room_for_the_head_loses_no_entry(ledger: Ledger, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is committed, with its signed checkpoint; the head lags, as after a crash."""

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("proofset.files.tempfile.mkstemp", full)
        assert ledger.append("k", "s", {}).seq == 4
        assert len(home.open().entries()) == 4
    assert (home.folder / "private" / "ledger.head").read_text().split("\n")[1] == "3"
    whole(home, 4)


def test_no_room_to_begin(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("proofset.files.tempfile.mkstemp", full)
        with pytest.raises(LedgerError, match="private folder cannot be written"):
            home.open().append("k", "s", {})
    assert home.open().verify() == 0
    whole(home, 0)


def test_a_read_only_database(sqlite_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SQLite says it where the file may not be written; root may write everywhere, so the mode alone would not."""
    sqlite_home.open().append("k", "s", {})
    real = ledger_database._settled

    def settled(connection: Any, record: Any) -> None:
        real(connection, record)
        connection.execute("PRAGMA query_only = ON")

    with monkeypatch.context() as patch:
        patch.setattr(ledger_database, "_settled", settled)
        with pytest.raises(LedgerError, match="cannot be opened for writing") as caught:
            sqlite_home.open().append("k", "s", {})
        assert "permission" in caught.value.fix
        assert sqlite_home.open().verify() == 1
    whole(sqlite_home, 1)


def test_a_read_only_folder(sqlite_home: Home) -> None:
    """In a child that is not root, since root may write everywhere."""
    sqlite_home.open().append("k", "s", {})  # loads what a child without rights could not
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory() as place:
        home = Home(f"sqlite:///{place}/state/ledger.db", Path(place))
        Path(place).chmod(0o777)
        child = os.fork()
        if child == 0:
            said = []
            try:
                if os.geteuid() == 0:
                    os.setuid(65534)
                home.open().append("k", "s", {})
                home.file.chmod(0o400)
                home.file.parent.chmod(0o500)
                try:
                    home.open().append("k", "s", {})
                except ProofsetError as error:
                    said.append(f"{type(error).__name__}: {error.what}")
                home.file.parent.chmod(0o700)
                home.file.chmod(0o600)
                said.append(str(home.open().append("k", "s", {}).seq))
            except BaseException as error:  # noqa: BLE001 - told to the parent
                said.append(repr(error))
            finally:
                os.write(writing, "|".join(said).encode())
                os._exit(0)
        os.waitpid(child, 0)
    assert os.read(reading, 4096) == b"LedgerError: The ledger ledger.db cannot be opened for writing.|2"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProofsetError, match="Cannot write in the folder"):
        Ledger(f"sqlite:///{tmp_path}/file/state/ledger.db", tmp_path / "private").append("k", "s", {})


def test_a_clock_set_back_is_refused_and_named(ledger: Ledger, home: Home) -> None:
    back = AT - timedelta(minutes=5, seconds=1)
    for use in (lambda: ledger.append("k", "s", {}, back), lambda: home.open().append("k", "s", {}, back)):
        with pytest.raises(LedgerError, match="clock was set back") as caught:
            use()
        assert utc_text(back) in caught.value.what
        assert utc_text(AT) in caught.value.what
    with pytest.raises(LedgerError, match="clock was set back"):
        drafts = [Draft(kind="k", subject="s", body={}), Draft(kind="k", subject="s", body={}, at=utc_text(back))]
        ledger.append_many(drafts)
    whole(home, 3)


def test_the_machines_own_clock_is_what_counts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Early(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return AT - timedelta(hours=1)

    ledger = home.open()
    ledger.append("k", "s", {}, AT)
    monkeypatch.setattr("lineage.ledger.datetime", Early)
    with pytest.raises(LedgerError, match="clock was set back"):
        ledger.append("k", "s", {})


@pytest.mark.parametrize("seconds", [0.000001, 1, 299, 300])
def test_a_clock_that_is_a_little_behind_stands_still(seconds: float, ledger: Ledger, home: Home) -> None:
    assert ledger.append("k", "s", {}, AT - timedelta(seconds=seconds)).at == utc_text(AT)
    assert ledger.append("k", "s", {}, AT + timedelta(seconds=1)).at == utc_text(AT + timedelta(seconds=1))
    assert home.open().verify() == 5


def test_an_appender_that_waits_too_long_says_so(ledger: Ledger, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_database, "WAIT_SECONDS", 0.1)
    holder = home.open()
    with holder.database.writing(), pytest.raises(LedgerError, match="another process"):
        home.open().append("k", "s", {})
    assert ledger.append("k", "s", {}).seq == 4


def test_a_vanished_file_is_noticed(sqlite_home: Home) -> None:
    ledger = sqlite_home.open()
    ledger.append("k", "s", {})
    for path in sqlite_home.file.parent.glob("ledger.db*"):
        path.unlink()
    for use in (sqlite_home.open().entries, ledger.entries, ledger.verify):
        with pytest.raises(LedgerError, match="The file is gone"):
            use()
    for book in (sqlite_home.open(), ledger):
        with pytest.raises(LedgerError, match="Entry 1 is missing"):
            book.append("k", "s", {})


def test_a_file_replaced_by_an_older_one_is_noticed(sqlite_home: Home) -> None:
    ledger = sqlite_home.open()
    ledger.append("k", "s", {})
    with (
        closing(sqlite3.connect(sqlite_home.file)) as new,
        closing(sqlite3.connect(sqlite_home.folder / "old")) as old,
    ):
        new.backup(old)
    ledger.append("k", "s", {})
    for leftover in sqlite_home.file.parent.glob("ledger.db-*"):
        leftover.unlink()
    shutil.move(sqlite_home.folder / "old", sqlite_home.file)
    for use in (ledger.entries, lambda: ledger.append("k", "s", {}), sqlite_home.open().verify):
        with pytest.raises(LedgerError, match="Entry 2 is missing"):
            use()


def test_a_file_that_is_no_database(sqlite_home: Home) -> None:
    sqlite_home.file.parent.mkdir()
    sqlite_home.file.write_bytes(b"no database at all" * 100)
    for use in (sqlite_home.open().entries, lambda: sqlite_home.open().append("k", "s", {})):
        with pytest.raises(LedgerError, match="DatabaseError"):
            use()


def test_a_page_of_the_database_is_overwritten(sqlite_home: Home) -> None:
    ledger = sqlite_home.open()
    for number in range(50):
        ledger.append("k", "s", {"n": number, "x": "y" * 200})
    ledger.database.close()
    data = bytearray(sqlite_home.file.read_bytes())
    refused = 0
    for start in range(4096, len(data), 4096):
        spoiled = bytearray(data)
        spoiled[start : start + 4096] = b"\xa5" * 4096
        sqlite_home.file.write_bytes(bytes(spoiled))
        try:
            count = sqlite_home.open().verify()
        except LedgerError:
            refused += 1
        else:
            assert count == 50  # an index, which the check does not read
    assert refused > 5


EVENTS: dict[str, Callable[[sa.Engine, Callable[[], None]], None]] = {
    "before the entry is written": lambda engine, stop: _before(engine, "INSERT INTO entries", stop),
    "before the checkpoint is written": lambda engine, stop: _before(engine, "INSERT INTO checkpoints", stop),
    "at the commit": lambda engine, stop: sa.event.listen(engine, "commit", lambda _: stop()),
}


def _before(engine: sa.Engine, start: str, stop: Callable[[], None]) -> None:
    def watch(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith(start):
            stop()

    sa.event.listen(engine, "before_cursor_execute", watch)


@pytest.mark.parametrize("case", EVENTS)
def test_a_server_lost_in_mid_transaction(case: str, server: Server, tmp_path: Path) -> None:
    home = Home(server.new(), tmp_path)
    ledger = home.open()
    for number in range(3):
        ledger.append("k", "s", {"n": number}, AT)
    stopped: list[bool] = []

    def stop() -> None:
        if not stopped:
            stopped.append(True)
            server.stop()

    assert ledger.database._engine is not None
    EVENTS[case](ledger.database._engine, stop)
    with pytest.raises(LedgerError, match="lost on the way") as caught:
        ledger.append("last", "s", {}, AT)
    assert stopped
    assert "Start the server" in caught.value.fix
    for use in (ledger.entries, home.open().entries, lambda: ledger.append("k", "s", {})):
        with pytest.raises(LedgerError, match="cannot be reached"):
            use()
    server.start()
    assert [e.body.get("n") for e in ledger.entries()] == [0, 1, 2]  # the same object goes on
    assert ledger.append("next", "s", {}, AT).seq == 4
    assert home.open().verify() == 4


def test_a_url_never_shows_its_password(tmp_path: Path) -> None:
    ledger = Ledger("postgresql+psycopg://me:s3cret@/none?host=/nowhere", tmp_path)
    with pytest.raises(LedgerError) as caught:
        ledger.entries()
    assert "s3cret" not in str(caught.value)
