"""Reading a ledger: what is believed, and when. See `lineage.ledger` for the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

import sqlalchemy as sa

from lineage.checkpoint import Checkpoint, VerifierKey, read_checkpoint
from lineage.entry import Entry, Head
from lineage.inclusion import Inclusion
from lineage.ledger_check import (
    check_checkpoints,
    check_nodes,
    checked_leaf,
    checked_note,
    rows_after,
    stored_hashes,
    take_rows,
)
from lineage.ledger_database import Database, broken
from lineage.ledger_keys import Keeper
from lineage.ledger_memory import Memory
from lineage.ledger_schema import CHECKPOINTS, ENTRIES
from lineage.merkle import Range, consistency_ranges, consistent, cover, includes, inclusion_ranges, path_of
from proofset.errors import LedgerError, ProofsetError


class Reader:
    """A ledger that is read.

    Parameters
    ----------
    url: of the database, see `lineage.ledger_database`. home: the private folder of its key and head.
    name, key, root: see `lineage.ledger_keys.Keeper`.
    """

    def __init__(
        self, url: str, home: Path, name: str = "ledger", key: str | None = None, root: Path | None = None
    ) -> None:
        self.database = Database(url)
        self.keeper = Keeper(home, name, key, root)
        self._memory = Memory()
        self._note: tuple[str, Checkpoint] | None = None
        self._turn = RLock()

    def entries(
        self, kind: str | None = None, subject: str | None = None, *, since: str = "", last: int | None = None
    ) -> list[Entry]:
        """The entries in order, all or those of a kind or subject, after checking the log.

        Parameters
        ----------
        since: a time as `lineage.times` writes it; older entries are left out. last: at most so many, the newest.

        Raises LedgerError where the log does not hold, or an entry is not the one that was checked.
        """
        with self._turn, self._checked() as connection:
            seqs = self._memory.find(kind, subject)
            if last is not None:
                seqs = seqs[max(len(seqs) - last, 0) :]
            if connection is None or not len(seqs):
                return []
            chosen = [c == v for c, v in ((ENTRIES.c.kind, kind), (ENTRIES.c.subject, subject)) if v is not None]
            query = sa.select(ENTRIES).where(ENTRIES.c.seq >= int(seqs[0]), *chosen).order_by(ENTRIES.c.seq)
            rows = iter(connection.execute(query, execution_options={"yield_per": 1000}))
            found = [self._same(next(rows, None), expected) for expected in seqs.tolist()]
            if (more := next(rows, None)) is not None:
                raise broken(self.database.name, f"Entry {more.seq} was changed after it was checked.")
            return [entry for entry in found if entry.at >= since]

    def verify(self) -> int:
        """Check everything anew: entries, hashes, every checkpoint, the head. Return the number of entries.

        Raises LedgerError where anything does not hold.
        """
        with self._turn:
            self._memory, self._note = Memory(), None
            with self._checked() as connection:
                if connection is not None and self._memory.size:
                    check_nodes(self.database.name, connection, self._memory)
                    check_checkpoints(self.database.name, connection, self._memory, self._key())
                return self._memory.size

    def holds(self, note: str) -> Checkpoint:
        """Check that the log of today continues a checkpoint kept elsewhere; return what it says.

        Raises DeniedError where the note is not one of this log, LedgerError where the log was cut or rewritten since.
        """
        kept = read_checkpoint(note, self._key())
        with self._turn, self._checked():
            if kept.size > self._memory.size:
                raise self._rewritten(f"It has {self._memory.size} entries; when the checkpoint was made, {kept.size}.")
            if self._memory.root_at(kept.size).hex() != kept.root:
                raise self._rewritten(f"Its first {kept.size} entries are not those the checkpoint was made of.")
        return kept

    @property
    def head(self) -> Head:
        """Number of entries and root, after checking the log."""
        with self._turn, self._checked():
            return Head(size=self._memory.size, root=self._memory.root().hex())

    @property
    def vkey(self) -> str:
        """The log's verifier key. Raises LedgerError where no ledger was begun."""
        return str(self._key())

    def checkpoint(self) -> str:
        """The newest checkpoint, after checking the log. Raises LedgerError where there is no entry yet."""
        with self._turn, self._checked():
            if self._note is None or not self._memory.size:
                raise LedgerError("The ledger has no entry yet.", fix="Record something first: `proofset run DATASET`.")
            return self._note[0]

    def inclusion(self, seq: int) -> Inclusion:
        """The proof that entry `seq` is in the log, from O(log n) stored hashes; it is checked before it is returned.

        Raises LedgerError where there is no such entry, or what is stored does not lead to the signed root.
        """
        with self._turn, self._newest() as (connection, note, signed):
            if not 1 <= seq <= signed.size:
                raise LedgerError(f"There is no entry {seq}.", why=f"The ledger has {signed.size} entries.")
            row = connection.execute(sa.select(ENTRIES).where(ENTRIES.c.seq == seq)).first()
            if row is None:
                raise broken(self.database.name, f"Entry {seq} is missing.")
            leaf = checked_leaf(self.database.name, row)
            path = self._path(connection, inclusion_ranges(seq - 1, signed.size))
            if not includes(leaf, seq - 1, signed.size, path, bytes.fromhex(signed.root)):
                raise broken(self.database.name, f"Entry {seq} or a hash above it was changed: another one was signed.")
            return Inclusion(entry=entry_of(row), size=signed.size, path=tuple(p.hex() for p in path), checkpoint=note)

    def consistency(self, size: int) -> list[str]:
        """The hashes that prove that the log of today begins with its first `size` entries; checked before.

        Raises LedgerError where there are fewer, or what is stored does not lead to the signed root.
        """
        with self._turn, self._newest() as (connection, _, signed):
            if not 0 <= size <= signed.size:
                raise LedgerError(f"There are no {size} entries.", why=f"The ledger has {signed.size}.")
            path = self._path(connection, consistency_ranges(size, signed.size))
            [old] = self._path(connection, [(0, size)])
            if not consistent(size, signed.size, old, bytes.fromhex(signed.root), path):
                raise broken(self.database.name, "A stored hash was changed: it does not lead to the signed root.")
            return [step.hex() for step in path]

    @contextmanager
    def _checked(self) -> Iterator[sa.Connection | None]:
        """A reading transaction whose entries were all checked; None where there is nothing to read."""
        before = self._memory.size
        with self._snapshot() as (connection, head):
            if connection is not None:
                self._refresh(connection, head)
            yield connection
        if self._note is not None and (self._memory.size > before or head is None or head.size < self._memory.size):
            self._advance(*self._note)

    @contextmanager
    def _newest(self) -> Iterator[tuple[sa.Connection, str, Checkpoint]]:
        """A reading transaction and the newest checkpoint, which continues the head; the entries are not checked."""
        with self._snapshot() as (connection, head):
            if connection is None:
                raise LedgerError("The ledger has no entry yet.", fix="Record something first: `proofset run DATASET`.")
            note, signed = self._signed(connection, head)
            if head is not None and head.size:
                path = self._path(connection, consistency_ranges(head.size, signed.size))
                roots = bytes.fromhex(head.root), bytes.fromhex(signed.root)
                if not consistent(head.size, signed.size, *roots, path):
                    raise self._not_the_head(head)
            yield connection, note, signed

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[sa.Connection | None, Checkpoint | None]]:
        """A reading transaction, where there is a ledger, and the head as it was just before it began."""
        if not self.database.exists:
            head = self.keeper.head()
            if (head is not None and head.size) or self._memory.size:
                raise broken(self.database.name, "The file is gone, though there were entries.")
            yield None, head
            return
        there = self.database.has_tables()
        head = self.keeper.head()
        with self.database.reading() as connection:
            if there:
                yield (None if self._bare(connection, head) else connection), head
            elif (head is not None and head.size) or self._memory.size:
                raise broken(self.database.name, "Entry 1 is missing: the tables are gone, though there were entries.")
            else:
                yield None, head  # a crash came before the tables were made

    def _bare(self, connection: sa.Connection, head: Checkpoint | None) -> bool:
        """Whether nothing was ever recorded, as far as anything here can tell."""
        if self._memory.size or (head is not None and head.size) or self._count(connection):
            return False
        return connection.execute(sa.select(CHECKPOINTS.c.size).limit(1)).first() is None

    def _refresh(self, connection: sa.Connection, head: Checkpoint | None) -> None:
        """Check what is new since the last time, or everything; then hold root and head against it."""
        name = self.database.name
        try:
            _, signed = self._signed(connection, head)
            if signed.size < self._memory.size:
                raise broken(name, f"Entry {signed.size + 1} is missing: it was there before.")
            marks = {head.size} if head is not None else set()
            take_rows(name, self._memory, rows_after(connection, self._memory.size), marks)
            if self._memory.root().hex() != signed.root:
                check_checkpoints(name, connection, self._memory, self._key())
                raise broken(name, "The entries are not those that were signed.")
            if head is not None and self._memory.root_at(head.size).hex() != head.root:
                raise self._not_the_head(head)
        except BaseException:
            self._memory = Memory()  # what it took last was not held against the signed root
            raise

    def _signed(self, connection: sa.Connection, head: Checkpoint | None) -> tuple[str, Checkpoint]:
        """The newest checkpoint of the database, which must be of its last entry and at or beyond the head."""
        name, count = self.database.name, self._count(connection)
        if head is not None and head.size > count:
            raise broken(name, f"Entry {count + 1} is missing: the head file says that there are {head.size}.")
        if head is None and count:
            raise broken(name, f"Its head file is missing: nobody can tell whether entry {count} is the last.")
        row = connection.execute(sa.select(CHECKPOINTS).order_by(CHECKPOINTS.c.size.desc()).limit(1)).first()
        size = row.size if row is not None else 0
        if count > size:
            raise broken(name, f"Entry {size + 1} was added by hand: no signed checkpoint covers it.")
        if row is None:
            raise broken(name, "Entry 1 is missing: there were entries, and none is left.")
        if self._note is None or self._note[0] != row.note:
            self._note = (row.note, checked_note(name, row, self._key()))
        if size > count:
            raise broken(name, f"Entry {count + 1} is missing: a signed checkpoint says that there are {size}.")
        return self._note

    def _count(self, connection: sa.Connection) -> int:
        found = connection.execute(sa.select(sa.func.max(ENTRIES.c.seq))).scalar()
        if found is not None and not isinstance(found, int):
            raise broken(self.database.name, "The number of an entry is not a number.")
        return found or 0

    def _path(self, connection: sa.Connection, ranges: Sequence[Range]) -> list[bytes]:
        places = {place for found in ranges for place in cover(*found)}
        return path_of(ranges, stored_hashes(self.database.name, connection, places).__getitem__)

    def _same(self, row: Any, expected: int) -> Entry:
        """The entry of a row that must be the one checked before."""
        if row is None or row.seq != expected:
            raise broken(self.database.name, f"Entry {expected} was changed or removed after it was checked.")
        if checked_leaf(self.database.name, row) != self._memory.leaf(expected):
            raise broken(self.database.name, f"Entry {expected} was changed after it was checked.")
        return entry_of(row)

    def _advance(self, note: str, signed: Checkpoint) -> None:
        """Move the head. Where that fails, it lags, as after a crash: the signed checkpoint is in the database."""
        with suppress(ProofsetError, OSError):
            self.keeper.advance(note, signed)

    def _key(self) -> VerifierKey:
        key = self.keeper.vkey()
        if key is None:
            raise LedgerError(
                "There is no ledger yet, or its verifier key is gone.",
                why=f"{self.keeper.vkey_path.name} is not in the private folder.",
                fix="Record something first, or restore the file together with the head and the database.",
            )
        return key

    def _not_the_head(self, head: Checkpoint) -> LedgerError:
        return broken(
            self.database.name,
            f"Entry {head.size} or one before it is not the one that the head file names: the log was rewritten.",
        )

    def _rewritten(self, why: str) -> LedgerError:
        return LedgerError(
            f"The ledger {self.database.name} was rewritten since the checkpoint was made.",
            why=why,
            fix="Keep ledger and checkpoint as evidence; restore the ledger from a backup that the checkpoint fits.",
        )


def entry_of(row: Any) -> Entry:
    """The entry of a checked row."""
    return Entry.model_construct(**(row._asdict() | {"body": json.loads(row.body)}))
