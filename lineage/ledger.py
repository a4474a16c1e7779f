"""Ledger: the append-only record of everything that happened, as a Merkle tree log with signed checkpoints.

Each entry is a leaf of the tree of RFC 6962 (`lineage.merkle`). An append is one transaction that writes the entries,
the hashes of the subtrees they complete, and a checkpoint signed by the ledger's key (`lineage.checkpoint`). Triggers
refuse UPDATE and DELETE; who goes around them contradicts a signed root.

What is believed: entries whose root is the newest checkpoint's in the database, which must carry the ledger's signature
and continue the head, the newest checkpoint this machine saw (`lineage.ledger_keys`). The head is written after the
commit and may lag by a crash: the signed checkpoint covers what lies between, and nothing else does. A ledger checks
all entries once before it believes one, and then what is new; what it has checked it holds against what it reads later
(`lineage.ledger_reader`). Whoever has the ledger's key, the database and the head can write another history; a
checkpoint kept elsewhere, and the passports given out, contradict it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from lineage.checkpoint import Checkpoint, sign_checkpoint
from lineage.entry import Draft, Entry, Head, entry_hash
from lineage.ledger_keys import Keeper
from lineage.ledger_memory import Memory
from lineage.ledger_reader import Reader
from lineage.ledger_schema import CHECKPOINTS, ENTRIES, NODES
from lineage.times import parse_utc, utc_text
from proofset.digest import canonical
from proofset.errors import LedgerError
from proofset.workspace import Workspace

__all__ = ["Draft", "Entry", "Head", "Keeper", "Ledger", "open_ledger"]

CLOCK_SLACK = timedelta(minutes=5)
"""How far a clock may lie behind the last entry before an append is refused."""
MAX_BODY = 16 * 1024 * 1024
"""The largest body, in bytes of canonical JSON."""
MAX_FIELD = 1000
"""The longest kind, actor, subject, evidence or policy."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Ledger(Reader):
    """A ledger in a database. Opening it connects to nothing; the first append makes what is missing."""

    def append(
        self,
        kind: str,
        subject: str,
        body: dict[str, Any],
        at: datetime | None = None,
        *,
        actor: str = "",
        evidence: str = "",
        policy: str = "",
    ) -> Entry:
        """Add an entry and return it, see `append_many`. at: with time zone; now where None."""
        when = utc_text(at) if at is not None else None
        draft = Draft(kind=kind, subject=subject, body=body, at=when, actor=actor, evidence=evidence, policy=policy)
        return self.append_many([draft])[0]

    def append_many(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Add entries in one transaction, under one checkpoint, and return them. Safe with other processes appending.

        A time before the last entry's, by no more than five minutes, becomes the last entry's.

        Raises LedgerError where the log so far does not hold, the key is missing, the time lies further back, or the
        database cannot be written. Then nothing was added, unless the error says that it may have been.
        """
        bodies = [_fitting(draft) for draft in drafts]
        if not drafts:
            return []
        with self._turn:
            self.database.prepare()
            if not self._memory.size:
                with self._checked():  # the first check, of the whole log, holds up nobody else
                    pass
            signer = self.keeper.begin(empty=not self._memory.size)
            key, head, touched = self._key(), self.keeper.head(), False
            try:
                with self.database.writing() as connection:
                    if not self._bare(connection, head):
                        self._refresh(connection, head)
                    touched = True
                    rows, nodes = self._grown(drafts, bodies)
                    signed = Checkpoint(origin=key.name, size=self._memory.size, root=self._memory.root().hex())
                    note = sign_checkpoint(signed, signer)
                    connection.execute(sa.insert(ENTRIES), rows)
                    if nodes:
                        connection.execute(sa.insert(NODES), nodes)
                    connection.execute(sa.insert(CHECKPOINTS), [{"size": signed.size, "note": note}])
            except BaseException:
                if touched:
                    self._memory = Memory()  # it may hold what was not committed
                raise
            self._memory.mark()
            self._note = (note, signed)
            self._advance(note, signed)
        return [Entry.model_construct(**(row | {"body": json.loads(row["body"])})) for row in rows]

    def _grown(self, drafts: Sequence[Draft], bodies: Sequence[str]) -> tuple[list[dict[str, Any]], list[Any]]:
        """Rows of entries and of nodes for these drafts; the memory takes them."""
        rows: list[dict[str, Any]] = []
        nodes: list[dict[str, Any]] = []
        last = self._memory.last_at
        for draft, body in zip(drafts, bodies, strict=True):
            seq, last = self._memory.size + 1, _time(draft.at, last)
            fields = (seq, last, draft.kind, draft.actor, draft.subject, draft.evidence, draft.policy, body)
            leaf = entry_hash(*fields)
            rows.append(dict(zip(_COLUMNS, (*fields, leaf.hex()), strict=True)))
            made = self._memory.add(leaf, draft.kind, draft.subject, last)
            nodes += [{"level": level, "index": index, "hash": digest} for level, index, digest in made]
        return rows, nodes


_COLUMNS = tuple(column.name for column in ENTRIES.columns)


_OPENED: WeakKeyDictionary[Workspace, Ledger] = WeakKeyDictionary()


def open_ledger(workspace: Workspace) -> Ledger:
    """The ledger of a workspace, where its `proofset.yaml` says: `ledger.url`, `ledger.key`.

    One for each opened workspace, so that a command that asks for it many times checks the whole log once.
    """
    if workspace not in _OPENED:
        config = workspace.config
        home, root = workspace.private, workspace.root
        _OPENED[workspace] = Ledger(workspace.ledger_url, home, config.workspace, config.ledger.key, root)
    return _OPENED[workspace]


def _time(asked: str | None, last: str) -> str:
    """The entry's time: now, or as asked, but never before the last entry."""
    when = asked or utc_text(datetime.now(UTC))
    if when >= last:
        return when
    if parse_utc(last) - parse_utc(when) > CLOCK_SLACK:
        raise LedgerError(
            f"The clock was set back: it says {when}, and the last entry is of {last}.",
            why=f"Entries stand in the order of their times; {CLOCK_SLACK.seconds // 60} minutes are allowed for.",
            fix="Set the clock right, then do it again.",
        )
    return last


def _fitting(draft: Draft) -> str:
    """The body's canonical JSON. Raises LedgerError for what no ledger keeps, ValueError for what JSON cannot hold."""
    for name in ("kind", "actor", "subject", "evidence", "policy"):
        text = getattr(draft, name)
        if len(text) > MAX_FIELD or _CONTROL.search(text):
            raise LedgerError(
                f"The entry's {name} cannot be recorded.",
                why=f"It is longer than {MAX_FIELD} characters or has control characters.",
                fix="Shorten it to one plain line.",
            )
        text.encode()  # refuses half a surrogate pair
    if draft.at is not None:
        parse_utc(draft.at)
    body = canonical(draft.body)
    if len(body) > MAX_BODY:
        raise LedgerError(
            f"The entry is {len(body)} bytes long; at most {MAX_BODY} are kept.",
            fix="Record a digest, and keep the rest in a file.",
        )
    return body.decode()
