"""Ledger: the append-only record of everything that happened, each entry chained to the one before by its hash.

    hash = SHA-256(canonical JSON of {seq, at, kind, subject, body, previous}); the first entry's `previous` is 64 zeros

Triggers refuse UPDATE and DELETE. Who goes around them changes a hash, leaves a gap, or ends otherwise than the head
file says, a small file that names the last entry. Before an entry is committed the head file names it, too, as the
next one, and after that as the last: a crash at any moment leaves a ledger that ends with one of the two, and nothing
else is accepted. Whoever can rewrite database and head together can rewrite the chain; the signed passports, which
name an entry by number and hash, and the signed approvals still contradict such a rewrite.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from lineage.times import utc_text
from proofset.digest import canonical, sha256_bytes
from proofset.errors import LedgerError
from proofset.files import make_dir, write_bytes
from proofset.spec import Frozen

GENESIS = "0" * 64
_WAIT_SECONDS = 60

_TABLE = sa.Table(
    "entries",
    sa.MetaData(),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)
_TRIGGERS = [
    f"CREATE TRIGGER IF NOT EXISTS no_{verb.lower()} BEFORE {verb} ON entries "
    f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for verb in ("UPDATE", "DELETE")
]


class Entry(Frozen):
    """One thing that happened. at: ISO, UTC. subject: what it is about, usually a candidate's digest."""

    seq: int
    at: str
    kind: str
    subject: str
    body: dict[str, Any]
    previous: str
    hash: str


class Head(Frozen):
    """Number and hash of the last entry."""

    seq: int
    hash: str


class _HeadFile(Head):
    """What the head file holds. next: the entry that is being committed, or was when the process died."""

    next: Head | None = None


NO_HEAD = Head(seq=0, hash=GENESIS)


def entry_hash(seq: int, at: str, kind: str, subject: str, body: bytes, previous: str) -> str:
    """The hash of an entry whose body is canonical JSON already; equal to hashing the canonical JSON of it all."""
    parts = [("at", canonical(at)), ("body", body), ("kind", canonical(kind)), ("previous", canonical(previous))]
    parts += [("seq", canonical(seq)), ("subject", canonical(subject))]
    return sha256_bytes(b"{" + b",".join(canonical(name) + b":" + value for name, value in parts) + b"}")


class Ledger:
    """The ledger in the SQLite file `path`; it and its head file are made by the first append.

    Parameters
    ----------
    head_path: where the head is kept; by default beside the database, with the ending .head.
    """

    def __init__(self, path: Path, head_path: Path | None = None) -> None:
        self.path = path
        self.head_path = head_path or path.with_suffix(".head")
        self._engine = sa.create_engine(
            f"sqlite:///{path}",
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",  # transactions are begun by hand, as IMMEDIATE
            connect_args={"timeout": _WAIT_SECONDS},
        )
        self._known: list[Entry] = []
        self._verified = False

    def append(self, kind: str, subject: str, body: dict[str, Any], at: datetime | None = None) -> Entry:
        """Add an entry and return it. Safe with other processes appending. at: with time zone; now where None.

        Raises LedgerError where the chain so far does not hold: a broken ledger is not written on.
        """
        text = canonical(body)
        when = utc_text(at or datetime.now(UTC))
        make_dir(self.path.parent)
        with self._locked(), self._connected(create=self._begin()) as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                last = self._checked(connection)
                seq = last.seq + 1
                digest = entry_hash(seq, when, kind, subject, text, last.hash)
                row = {"seq": seq, "at": when, "kind": kind, "subject": subject, "body": text.decode()}
                connection.execute(_TABLE.insert().values(**row, previous=last.hash, hash=digest))
                self._write_head(_HeadFile(seq=last.seq, hash=last.hash, next=Head(seq=seq, hash=digest)))
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            self._write_head(_HeadFile(seq=seq, hash=digest))
        entry = Entry(**(row | {"body": json.loads(text)}), previous=last.hash, hash=digest)
        self._known.append(entry)
        return entry

    def entries(self, kind: str | None = None, subject: str | None = None) -> list[Entry]:
        """The entries in order, all or those of a kind or subject. Raises LedgerError where the chain does not hold."""
        self._refresh()
        return [
            e for e in self._known if (kind is None or e.kind == kind) and (subject is None or e.subject == subject)
        ]

    def verify(self) -> int:
        """Check the whole chain anew and return how many entries it has. Raises LedgerError where it does not hold."""
        self._verified = False
        self._refresh()
        return len(self._known)

    @property
    def head(self) -> Head:
        """The last entry's number and hash, after checking the chain."""
        self._refresh()
        return Head(seq=self._known[-1].seq, hash=self._known[-1].hash) if self._known else NO_HEAD

    def _refresh(self) -> None:
        if not self.path.exists():
            if self._read_head() not in (None, _HeadFile(**NO_HEAD.plain())):
                raise _broken(self.path, "The file is gone, though its head file says that there were entries.")
            self._known, self._verified = [], True
            return
        with self._connected() as connection:
            while True:
                before = self._read_head()
                connection.exec_driver_sql("BEGIN")
                try:
                    self._checked(connection)
                    return
                except LedgerError:
                    # Readers hold no lock: only a head that stood still meanwhile can contradict what was read.
                    if self._read_head() == before:
                        raise
                finally:
                    connection.exec_driver_sql("ROLLBACK")

    def _checked(self, connection: sa.Connection) -> Head:
        """Bring `_known` up to date within a transaction; return the last entry's number and hash."""
        head = self._read_head()
        count, last = 0, None
        if sa.inspect(connection).has_table(_TABLE.name):  # a crash may have come before it was made
            count = connection.execute(sa.select(sa.func.count()).select_from(_TABLE)).scalar_one()
            newest = sa.select(_TABLE.c.seq, _TABLE.c.hash).order_by(_TABLE.c.seq.desc()).limit(1)
            last = connection.execute(newest).first()
        found = Head(seq=last.seq, hash=last.hash) if last else NO_HEAD
        known = Head(seq=self._known[-1].seq, hash=self._known[-1].hash) if self._known else NO_HEAD
        if not self._verified or found != known or count != len(self._known):
            rows = connection.execute(_TABLE.select().order_by(_TABLE.c.seq)).all() if count else []
            self._known = _chain(self.path, rows)
            self._verified = True
        _against_head(self.path, self._known, head)
        return found

    def _write_head(self, head: _HeadFile) -> None:
        """Replace the head file, so that it is on the disk before the caller goes on."""
        write_bytes(self.head_path, canonical(head.plain()), private=True)
        with suppress(OSError):  # not every system can bring a folder's entries to the disk
            folder = os.open(self.head_path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _read_head(self) -> _HeadFile | None:
        """The head file's content; None where there is no such file."""
        if not self.head_path.exists():
            return None
        try:
            data = self.head_path.read_bytes()
            head = _HeadFile.model_validate_json(data)
            if canonical(head.plain()) == data:
                return head
        except (OSError, ValueError):
            pass
        raise _broken(self.path, f"Its head file {self.head_path.name} is not readable.")

    def _begin(self) -> bool:
        """Write the head of an empty ledger before there is one, so that a missing head always means something."""
        if not self.path.exists() and not self.head_path.exists():
            self._write_head(_HeadFile(**NO_HEAD.plain()))
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One appender at a time, so that heads are replaced in the order of the entries."""
        try:
            with filelock.FileLock(self.path.with_suffix(".lock"), timeout=_WAIT_SECONDS):
                yield
        except filelock.Timeout:
            raise LedgerError("The ledger is being written by another process.", fix="Try again.") from None

    @contextmanager
    def _connected(self, *, create: bool = False) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                if create:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                    connection.exec_driver_sql("PRAGMA synchronous=FULL")
                    _TABLE.create(connection, checkfirst=True)
                    for trigger in _TRIGGERS:
                        connection.exec_driver_sql(trigger)
                yield connection
        except SQLAlchemyError as error:
            raise _broken(self.path, f"The database raised {type(getattr(error, 'orig', error)).__name__}.") from None


def _chain(path: Path, rows: Any) -> list[Entry]:
    """Check every row against the one before; name the first that does not fit."""
    entries: list[Entry] = []
    previous = GENESIS
    for expected, row in enumerate(rows, start=1):
        if row.seq != expected:
            raise _broken(path, f"Entry {expected} is missing: after {expected - 1} comes {row.seq}.")
        if row.previous != previous:
            raise _broken(path, f"Entry {row.seq} does not continue entry {row.seq - 1}: `previous` is another hash.")
        try:
            computed = entry_hash(row.seq, row.at, row.kind, row.subject, row.body.encode(), row.previous)
            body = json.loads(row.body)
        except (AttributeError, TypeError, ValueError):
            raise _broken(path, f"Entry {row.seq} is not readable.") from None
        if computed != row.hash:
            raise _broken(path, f"Entry {row.seq} was changed: its content does not have the hash it is stored with.")
        entries.append(Entry(**(row._asdict() | {"body": body})))
        previous = row.hash
    return entries


def _against_head(path: Path, entries: list[Entry], head: _HeadFile | None) -> None:
    """The last entry must be the head, or the one that was being committed after it."""
    if head is None:
        if entries:
            raise _broken(path, f"Its head file is missing: nobody can tell whether entry {len(entries)} is the last.")
    elif head.seq > len(entries):
        raise _broken(path, f"Entry {len(entries) + 1} is missing: the head file says that there are {head.seq}.")
    elif head.hash != (entries[head.seq - 1].hash if head.seq else GENESIS):
        raise _broken(path, f"Entry {head.seq} is not the one that the head file names: the chain was rewritten.")
    else:
        beyond = [Head(seq=entry.seq, hash=entry.hash) for entry in entries[head.seq :]]
        if beyond and beyond[0] == head.next:
            beyond = beyond[1:]
        if beyond:
            raise _broken(path, f"Entry {beyond[0].seq} was added by hand: the head file does not name it.")


def _broken(path: Path, why: str) -> LedgerError:
    return LedgerError(
        f"The ledger {path.name} does not add up.",
        why=why,
        fix="Keep the files as evidence, restore the ledger and its head file from one backup, and run what came "
        "after it again. Without a backup, move both away: a new ledger begins, and releases stay verifiable.",
    )
