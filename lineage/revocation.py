"""Revocation: what was withdrawn, and everything that derives from it, through any number of generations. Pure.

A revocation names a source, a version of a generator, a key, or a release. It reaches
    - a source:     every candidate made from this snapshot, or, as "dataset:NAME", every one of NAME, and every one of
                    another dataset that was made from a snapshot which NAME used, too,
    - a generator:  every candidate made by that version (by all of them, where none is named),
    - a key:        every release whose passport or approval it signed at `since` or later,
    - a release:    that one,
and from each of these every candidate whose source came, in whole or in part, from one that is reached.
It is for good: nothing lifts a revocation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from lineage.times import parse_utc, utc_text
from proofset.errors import LedgerError
from proofset.spec import Frozen

Kind = Literal["source", "generator", "key", "release"]
KINDS: tuple[Kind, ...] = ("source", "generator", "key", "release")
UNKNOWN = ""
"""The key of a release that does not say which keys it rests on: it may be any, so every revoked key reaches it."""


class Revocation(Frozen):
    """One withdrawal. at: when it was recorded; since: from which moment on it holds, for a key.

    target: a source's or candidate's digest, "dataset:NAME" for every snapshot of its source, "NAME" or
    "NAME VERSION" of a generator, or a key's id.
    """

    kind: Kind
    target: str
    reason: str
    who: str
    at: datetime
    since: datetime | None = None

    def text(self) -> str:
        """In words."""
        named = self.kind == "generator" or self.target.startswith("dataset:")
        what = self.target.removeprefix("dataset:") if named else self.target[:12]
        return f"the {self.kind} {what} was revoked on {utc_text(self.at)[:10]}: {self.reason}"


class Made(Frozen):
    """What of a candidate decides whether a revocation reaches it.

    parents: candidates that its source came from, and digests of their tables, which several may share.
    signatures: (key id or UNKNOWN, when) of passport and approvals.
    tables: digests of its own table and files, by which a source may be known to be one.
    """

    candidate: str
    dataset: str
    sources: tuple[str, ...]
    generator: str
    generator_version: str
    parents: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    signatures: tuple[tuple[str, datetime], ...] = ()


def revocation_of(body: Mapping[str, Any], at: str, seq: int) -> Revocation:
    """Read a ledger entry's body. Raises LedgerError where it is none: an unreadable revocation is never skipped."""
    try:
        since = body.get("since")
        return Revocation(
            kind=body["kind"],
            target=str(body["target"]),
            reason=str(body["reason"]),
            who=str(body["who"]),
            at=parse_utc(at),
            since=parse_utc(since) if since else None,
        )
    except (KeyError, ValueError, TypeError):
        raise LedgerError(
            f"Ledger entry {seq} does not describe a revocation.",
            why="Another version of the platform wrote it.",
            fix="Update the platform: what it cannot read it cannot refuse.",
        ) from None


def reached(revocations: Sequence[Revocation], made: Iterable[Made]) -> dict[str, tuple[str, ...]]:
    """Every candidate that is reached, with the reasons: its own first, then those it inherits, by way of whom."""
    known = {m.candidate: m for m in made}
    used: dict[str, set[str]] = {}  # dataset -> the snapshots that it was made from
    for one in known.values():
        used.setdefault(f"dataset:{one.dataset}", set()).update(one.sources)
    reasons: dict[str, list[str]] = {}
    for one in known.values():
        own = [r.text() for r in revocations if _hits(r, one, used.get(r.target, set()))]
        if own:
            reasons[one.candidate] = own
    children = _children(known.values())
    root = {candidate: texts[0] for candidate, texts in reasons.items()}
    waiting = list(reasons)
    while waiting:  # breadth first; each is expanded once, so that a cycle cannot hang it
        parent = waiting.pop(0)
        for child in children.get(parent, ()):
            if child not in root:
                root[child] = root[parent]
                waiting.append(child)
            text = f"it derives from {known[parent].dataset} {parent[:12]}: {root[parent]}"
            if text not in reasons.setdefault(child, []):
                reasons[child].append(text)
    return {candidate: tuple(texts) for candidate, texts in reasons.items()}


def _hits(revocation: Revocation, made: Made, snapshots: set[str]) -> bool:
    """Whether it is about this candidate itself. snapshots: of the dataset that a source's revocation names."""
    if revocation.kind == "source":
        named = revocation.target in (f"dataset:{made.dataset}", *made.sources)
        return named or not snapshots.isdisjoint(made.sources)
    if revocation.kind == "generator":
        return revocation.target in (made.generator, f"{made.generator} {made.generator_version}")
    if revocation.kind == "release":
        return revocation.target == made.candidate
    since = revocation.since or revocation.at
    return any(key in (revocation.target, UNKNOWN) and at >= since for key, at in made.signatures)


def _children(made: Iterable[Made]) -> dict[str, list[str]]:
    """Candidate -> those whose source came from it, by its digest or by that of its table."""
    everyone = list(made)
    owners: dict[str, list[str]] = {}
    for one in everyone:
        for digest in (one.candidate, *one.tables):
            owners.setdefault(digest, []).append(one.candidate)
    children: dict[str, list[str]] = {}
    for one in everyone:
        for origin in (*one.parents, *one.sources):
            for owner in owners.get(origin, ()):
                if owner != one.candidate:
                    children.setdefault(owner, []).append(one.candidate)
    return children
