"""Entry: one thing that happened, as the ledger keeps it, and the bytes its hash is made of. Pure."""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

from lineage.merkle import leaf_hash
from proofset.digest import canonical
from proofset.errors import LedgerError
from proofset.spec import Frozen

_quoted: Callable[[str], str] = encode_basestring
"""A text as RFC 8785 writes it, by the encoder in C: the same escapes, and nothing else escaped."""


class Entry(Frozen):
    """One thing that happened.

    seq: from 1, without gaps. at: ISO, UTC. actor: a person's id, or whoever asked. subject: what it is about, usually
    a candidate's digest. evidence, policy: digests, "" where there is none. hash: see `entry_hash`.
    """

    seq: int
    at: str
    kind: str
    actor: str
    subject: str
    evidence: str
    policy: str
    body: dict[str, Any]
    hash: str

    def computed_hash(self) -> str:
        """The hash its content has, whatever `hash` says. Raises ValueError for what JSON cannot hold."""
        return leaf_hash(canonical({name: value for name, value in dict(self).items() if name != "hash"})).hex()


def text_in(entry: Entry, *path: str) -> str:
    """The text at this path of an entry's body. Raises LedgerError, naming entry and field, where there is none."""
    found: Any = entry.body
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise unreadable(entry, f"does not say its {'.'.join(path)}")
    return found


def unreadable(entry: Entry, flaw: str) -> LedgerError:
    """The error for an entry whose body is not what its kind asks for. flaw: what is wrong, without its values."""
    return LedgerError(
        f"Ledger entry {entry.seq} {flaw}.",
        why="Another version of the platform wrote it, or another program.",
        fix="Update the platform: it decides nothing on what it cannot read.",
    )


class Head(Frozen):
    """Number of entries, and the Merkle root over them: 64 hex digits."""

    size: int
    root: str


class Draft(Frozen):
    """What is to be appended. at: a time as `lineage.times` writes it; now where None."""

    kind: str
    subject: str
    body: dict[str, Any]
    at: str | None = None
    actor: str = ""
    evidence: str = ""
    policy: str = ""


def entry_hash(seq: int, at: str, kind: str, actor: str, subject: str, evidence: str, policy: str, body: str) -> bytes:
    """SHA-256(0x00 || canonical JSON of the eight fields): the entry's leaf in the tree, 32 bytes.

    body: canonical JSON already. The fields stand in the order that canonical JSON sorts them into.
    """
    text = (
        f'{{"actor":{_quoted(actor)},"at":{_quoted(at)},"body":{body},"evidence":{_quoted(evidence)},'
        f'"kind":{_quoted(kind)},"policy":{_quoted(policy)},"seq":{seq},"subject":{_quoted(subject)}}}'
    )
    return leaf_hash(text.encode())
