"""Checks of what a ledger's database holds, by row and by hash. Each raises LedgerError and names the entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from lineage.checkpoint import Checkpoint, VerifierKey, read_checkpoint
from lineage.entry import entry_hash
from lineage.ledger_database import broken
from lineage.ledger_memory import Memory
from lineage.ledger_schema import CHECKPOINTS, ENTRIES, NODES
from lineage.merkle import Frontier, Place, node_hash
from proofset.errors import DeniedError

_CHUNK = 2_000


def rows_after(connection: sa.Connection, seq: int) -> Iterator[Any]:
    """The entries behind number `seq`, in order, a few thousand in memory at a time."""
    query = sa.select(ENTRIES).where(ENTRIES.c.seq > seq).order_by(ENTRIES.c.seq)
    return iter(connection.execute(query, execution_options={"yield_per": _CHUNK}))


def checked_leaf(name: str, row: Any) -> bytes:
    """The leaf hash of a row, which must be the one it is stored with. name: the ledger's, for the error."""
    try:
        *fields, stated = row
        leaf = entry_hash(*fields)
    except (TypeError, ValueError, AttributeError):
        raise broken(name, f"Entry {row.seq} is not readable.") from None
    if leaf.hex() != stated:
        raise broken(name, f"Entry {row.seq} was changed: its content does not have the hash it is stored with.")
    return leaf


def take_rows(name: str, memory: Memory, rows: Iterable[Any], marks: set[int]) -> None:
    """Check rows that follow what is known, and remember them. marks: sizes whose roots will be asked for."""
    recent, expected = memory.size > 0, memory.size
    for row in rows:
        expected += 1
        seq, at, kind, _, subject, *_ = row
        if seq != expected:
            raise broken(name, f"Entry {expected} is missing: after {expected - 1} comes {seq}.")
        memory.add(checked_leaf(name, row), kind, subject, at)
        if recent or expected in marks:
            memory.mark()


def check_checkpoints(name: str, connection: sa.Connection, memory: Memory, key: VerifierKey) -> None:
    """Hold every stored checkpoint against the entries in memory.

    The first whose root is another one tells which entry was rewritten: it was not there when that root was signed.
    """
    grown = Frontier()
    for signed in _signed(name, connection, key):
        first = grown.size + 1
        while grown.size < min(signed.size, memory.size):
            grown.add(memory.leaf(grown.size + 1))
        if signed.size > memory.size:
            raise broken(name, f"Entry {memory.size + 1} is missing: a checkpoint says that there are {signed.size}.")
        if grown.root().hex() != signed.root:
            which = f"Entry {first}" if first >= signed.size else f"One of the entries {first} to {signed.size}"
            raise broken(name, f"{which} was changed with its hash: another one was signed. The log was rewritten.")


def _signed(name: str, connection: sa.Connection, key: VerifierKey) -> Iterator[Checkpoint]:
    query = sa.select(CHECKPOINTS).order_by(CHECKPOINTS.c.size)
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}):
        yield checked_note(name, row, key)


def checked_note(name: str, row: Any, key: VerifierKey) -> Checkpoint:
    """What a stored checkpoint says, after checking its signature."""
    try:
        signed = read_checkpoint(row.note, key)
    except (AttributeError, DeniedError, TypeError) as error:
        why = error.what if isinstance(error, DeniedError) else "It is not text."
        raise broken(name, f"The checkpoint at entry {row.size} was changed or forged: {why}") from None
    if signed.size != row.size:
        raise broken(name, f"The checkpoint at entry {row.size} was moved: it was signed at entry {signed.size}.")
    return signed


def check_nodes(name: str, connection: sa.Connection, memory: Memory) -> None:
    """Compute the whole tree and hold the stored hashes against it."""
    query = sa.select(NODES).order_by(NODES.c.level, NODES.c.index)
    rows = _readable(name, connection.execute(query, execution_options={"yield_per": _CHUNK}))
    for level, index, computed in _tree(memory):
        row = next(rows, None)
        if row is None or tuple(row) != (level, index, computed):
            first = (index << level) + 1
            last = (index + 1) << level
            raise broken(name, f"The stored hash over the entries {first} to {last} was changed or removed.")
    if next(rows, None) is not None:
        raise broken(name, "A stored hash is over entries that are not there: it was added by hand.")


def _readable(name: str, rows: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from rows
    except (TypeError, ValueError):
        raise broken(name, "A stored hash is not readable.") from None


def _tree(memory: Memory) -> Iterator[tuple[int, int, bytes]]:
    """Every complete subtree from level 1 up, by level and index."""
    below = b"".join(memory.leaf(seq) for seq in range(1, memory.size + 1))
    level = 0
    while len(below) >= 64:
        level += 1
        above = bytearray()
        for index in range(len(below) // 64):
            computed = node_hash(below[index * 64 : index * 64 + 32], below[index * 64 + 32 : index * 64 + 64])
            above += computed
            yield level, index, computed
        below = bytes(above)


def _at(level: int, places: Iterable[Place]) -> sa.ColumnElement[bool]:
    """Those of one level: a form that both databases look up by the key, which they do not for a list of pairs."""
    return sa.and_(NODES.c.level == level, NODES.c.index.in_([index for at, index in places if at == level]))


def stored_hashes(name: str, connection: sa.Connection, places: Iterable[Place]) -> dict[Place, bytes]:
    """The stored hashes of complete subtrees, not verified. Raises LedgerError where one is not there."""
    wanted = set(places)
    leaves = [index + 1 for level, index in wanted if level == 0]
    inner = [place for place in wanted if place[0] > 0]
    levels = sorted({level for level, _ in inner})
    found: dict[Place, bytes] = {}
    try:
        if leaves:
            rows = connection.execute(sa.select(ENTRIES.c.seq, ENTRIES.c.hash).where(ENTRIES.c.seq.in_(leaves)))
            found |= {(0, row.seq - 1): bytes.fromhex(row.hash) for row in rows}
        if inner:
            nodes = connection.execute(sa.select(NODES).where(sa.or_(*(_at(level, inner) for level in levels))))
            found |= {(level, index): bytes(digest) for level, index, digest in nodes.tuples()}
    except (TypeError, ValueError):
        raise broken(name, "A stored hash is not readable.") from None
    for level, index in sorted(wanted - set(found)):
        first, last = (index << level) + 1, (index + 1) << level
        raise broken(name, f"The stored hash over the entries {first} to {last} is missing.")
    return found
