"""The ledger's database, SQLite or PostgreSQL: transactions for reading and for appending, and errors in plain words.

SQLite runs in WAL mode with synchronous=FULL, so that what is committed is on the disk; an appender begins IMMEDIATE.
In PostgreSQL an appender takes an advisory lock for its transaction; a reader sees one snapshot.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from lineage.ledger_schema import revision_of, upgrade
from proofset.errors import LedgerError, MissingExtraError
from proofset.files import make_dir

WAIT_SECONDS = 60.0
"""How long an appender waits for others."""
_LOCK = 0x70726F6F66736574
"""The advisory lock's number: "proofset" in ASCII."""
_FULL = ("database or disk is full", "no space left", "could not extend file", "disk i/o error", "53100")
_READ_ONLY = ("readonly database", "read-only", "unable to open database")
_BUSY = ("database is locked", "lock timeout", "busy")
_GONE = ("no such table", "42p01")
_AWAY = ("connection", "server closed", "terminating", "starting up", "shutting down")


class Database:
    """A database by its URL. Opening connects to nothing and makes nothing."""

    def __init__(self, url: str) -> None:
        try:
            self.url = sa.make_url(url)
        except ArgumentError:
            raise LedgerError(
                "The ledger's URL is not one.", fix="Write ledger.url as sqlite:///PATH or postgresql+psycopg://…"
            ) from None
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(self.url.database) if self.is_sqlite and self.url.database else None
        if not (self.path or self.url.drivername == "postgresql+psycopg"):
            raise LedgerError(
                f"The ledger cannot be kept in '{self.url.drivername}'.",
                why="Known: sqlite:///PATH and postgresql+psycopg://USER@HOST/DATABASE.",
                fix="Correct ledger.url in proofset.yaml.",
            )
        self.name = self.path.name if self.path else f"in the database '{self.url.database}'"
        self._engine: sa.Engine | None = None
        self._of: tuple[int, int] = (0, 0)
        self._ready = False

    @property
    def exists(self) -> bool:
        """Whether there is a file, or a server's database at all."""
        return self.path is None or self.path.exists()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._told():
            engine = self._opened()
            if self.is_sqlite:
                with engine.connect() as connection, connection.begin():
                    yield connection
            else:
                options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                with engine.connect().execution_options(**options) as connection, connection.begin():
                    yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction of the only appender; committed when the block ends well."""
        with self._told(), self._opened().connect() as connection:
            connection.execution_options(ledger_writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    wait = f"SET LOCAL lock_timeout = '{int(WAIT_SECONDS * 1000)}ms'"
                    connection.exec_driver_sql(f"{wait}; SET LOCAL synchronous_commit = on")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                yield connection

    def prepare(self) -> None:
        """Make the tables where they are not there. Safe with other processes doing the same."""
        if self._ready and self.exists:
            return
        if self.path is None:
            with self.writing() as connection:
                self._upgraded(connection)
            return
        make_dir(self.path.parent)
        with self._alone(self.path):
            with self._told():
                raw = self._opened().raw_connection()
                try:
                    raw.cursor().execute("PRAGMA journal_mode=WAL")
                finally:
                    raw.close()
            with self.writing() as connection:
                self._upgraded(connection)

    def _upgraded(self, connection: sa.Connection) -> None:
        if revision_of(connection) is None:
            upgrade(connection)
        self._ready = True

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """One process at a time: SQLite does not wait for others while it changes the journal's mode."""
        try:
            with filelock.FileLock(path.with_suffix(".lock"), timeout=WAIT_SECONDS):
                yield
        except filelock.Timeout:
            raise LedgerError("The ledger is being made by another process.", fix="Try again.") from None

    def has_tables(self) -> bool:
        """Whether the ledger's tables are there. Raises LedgerError for those of another version."""
        if not self._ready:
            with self.reading() as connection:
                self._ready = revision_of(connection) is not None
        return self._ready

    def close(self) -> None:
        """Close the connections that are kept."""
        if self._engine is not None:
            self._engine.dispose()
        self._engine, self._ready = None, False

    def _opened(self) -> sa.Engine:
        """The engine; a new one in a forked process, and where another file has taken the database's place."""
        inode = self.path.stat().st_ino if self.path is not None and self.path.exists() else 0
        if self._engine is not None and self._of != (os.getpid(), inode):
            self._engine.dispose(close=self._of[0] == os.getpid())
            self._engine, self._ready = None, False
        if self._engine is None:
            self._engine = self._made()
            if self.path is not None:
                self._engine.connect().close()  # makes the file, whose inode is noted
                inode = self.path.stat().st_ino
            self._of = (os.getpid(), inode)
        return self._engine

    def _made(self) -> sa.Engine:
        common: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 8}
        if not self.is_sqlite:
            try:
                return sa.create_engine(self.url, pool_pre_ping=True, isolation_level="READ COMMITTED", **common)
            except ModuleNotFoundError:
                raise MissingExtraError(
                    "A ledger in PostgreSQL needs the package psycopg.", fix="pip install 'proofset[postgres]'"
                ) from None
        engine = sa.create_engine(self.url, connect_args={"timeout": WAIT_SECONDS}, **common)
        sa.event.listen(engine, "connect", _settled)
        sa.event.listen(engine, "begin", _begun)
        return engine

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in plain words what a database's or the system's error means."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> LedgerError:
        original = getattr(error, "orig", None) or error
        text = f"{original} {getattr(original, 'sqlstate', '') or ''}".lower()
        kind = type(original).__name__

        def said(*words: tuple[str, ...]) -> bool:
            return any(word in text for group in words for word in group)

        if said(_BUSY):
            return LedgerError("The ledger is being written by another process.", fix="Try again.")
        if said(_FULL):
            return LedgerError(
                f"The ledger {self.name} cannot be written: its disk is full.",
                why="Nothing of the entry was kept; what was there before is whole.",
                fix="Make room, then do it again.",
            )
        if said(_READ_ONLY):
            return LedgerError(
                f"The ledger {self.name} cannot be opened for writing.",
                why="Its file or its folder is read-only, is not there, or belongs to somebody else.",
                fix="Give yourself write permission for the folder, or name another in ledger.url.",
            )
        if not self.is_sqlite and said(_AWAY):
            return LedgerError(
                f"The ledger {self.name} cannot be reached, or was lost on the way.",
                why=f"The driver raised {kind}. An entry that was being committed is there whole or not at all.",
                fix="Start the server, look for the entry with `proofset ledger log`; do it again if it is not there.",
            )
        if said(_GONE):
            self._ready = False
            return broken(self.name, "Entry 1 is missing: a table is gone, though there was one.")
        return broken(self.name, f"The database raised {kind}.")


def _settled(connection: Any, _: Any) -> None:
    """Settings of a new SQLite connection. Transactions are begun by `_begun`, not by the driver."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begun(connection: sa.Connection) -> None:
    """An appender takes the write lock at once, so that what it has read still holds when it writes."""
    writes = connection.get_execution_options().get("ledger_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def broken(name: str, why: str) -> LedgerError:
    """The error of a ledger that does not add up."""
    return LedgerError(
        f"The ledger {name} does not add up.",
        why=why,
        fix="Keep the files as evidence, restore the ledger and its head file from one backup, and run what came "
        "after it again. Without a backup, move both away: a new ledger begins, and releases stay verifiable.",
    )
