"""Standing: what the ledger says of every candidate: made from what, released, withdrawn, and in which state.

Reads entries and decides nothing that a release rests on but revocations; the gate decides the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lineage.kinds import CANDIDATE, DENIAL, DRIFT, RELEASE, REVOCATION
from lineage.ledger import Entry, Ledger
from lineage.revocation import Made, Revocation, reached, revocation_of
from lineage.states import Event, State, walk
from lineage.times import parse_utc
from proofset.errors import LedgerError
from proofset.evidence import Outcome


def made(entries: Iterable[Entry]) -> list[Made]:
    """Every recorded candidate, from the entries of kinds candidate and release.

    Raises LedgerError where one does not say what it was made from: what is not known cannot be cleared.
    """
    latest: dict[str, Entry] = {}
    signatures: dict[str, list[tuple[str, datetime]]] = {}
    for entry in entries:
        if entry.kind == CANDIDATE:
            latest[entry.subject] = entry
        elif entry.kind == RELEASE:
            told = entry.body.get("signatures", [])
            signatures.setdefault(entry.subject, []).extend((key, parse_utc(at)) for key, at in told)
    return [_made(entry, tuple(signatures.get(digest, ()))) for digest, entry in latest.items()]


def _made(entry: Entry, signatures: tuple[tuple[str, datetime], ...]) -> Made:
    try:
        candidate, origin = entry.body["candidate"], entry.body["provenance"]
        tables = {f["sha256"] for f in candidate["files"] if f["path"].startswith("data/")}
        return Made(
            candidate=entry.subject,
            dataset=candidate["dataset"],
            sources=(origin["source_digest"],),
            generator=origin["generator"]["generator"],
            generator_version=origin["generator"]["version"],
            parents=tuple(p[name] for p in origin.get("parents", ()) for name in ("candidate", "synthetic_digest")),
            tables=(candidate["synthetic_digest"], *sorted(tables)),
            signatures=signatures,
        )
    except (KeyError, TypeError, ValueError):
        raise LedgerError(
            f"Ledger entry {entry.seq} does not say what its candidate was made from.",
            why="Another version of the platform wrote it.",
            fix="Record the candidate again.",
        ) from None


def revocations(ledger: Ledger) -> list[Revocation]:
    """Every revocation, oldest first. Raises LedgerError for one that cannot be read."""
    return [revocation_of(e.body, e.at, e.seq) for e in ledger.entries(REVOCATION)]


def withdrawn(ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """Every candidate that a revocation reaches, with the reasons."""
    gone = revocations(ledger)
    return reached(gone, made((*ledger.entries(CANDIDATE), *ledger.entries(RELEASE)))) if gone else {}


def releases(ledger: Ledger) -> dict[str, Entry]:
    """Candidate -> its last release, oldest first; without those that were recorded and never published."""
    never = {e.body.get("withdrawn") for e in ledger.entries(DENIAL)}
    return {e.subject: e for e in ledger.entries(RELEASE) if e.body["passport_digest"] not in never}


def drifted_at(ledger: Ledger, dataset: str, source_digest: str) -> datetime | None:
    """When the dataset's source was last seen to have drifted away from this snapshot, or None.

    A later comparison of the same snapshot that found no drift ends it.
    """
    about = [e for e in ledger.entries(DRIFT, dataset) if e.body.get("before") == source_digest]
    return parse_utc(about[-1].at) if about and about[-1].body.get("verdict") == "drifted" else None


@dataclass(frozen=True)
class Stood:
    """A candidate that is or was released. state: released, superseded, expired or revoked; why: for the last two."""

    candidate: str
    dataset: str
    state: State
    why: tuple[str, ...]
    entry: Entry


def released_states(ledger: Ledger, now: datetime) -> dict[str, Stood]:
    """Where every release stands, by candidate. now: with time zone."""
    gone = withdrawn(ledger)
    newest: dict[str, int] = {}
    live = releases(ledger)
    for entry in live.values():
        newest[entry.body["dataset"]] = max(entry.seq, newest.get(entry.body["dataset"], 0))
    return {
        digest: _stood(entry, now, gone.get(digest, ()), newer=newest[entry.body["dataset"]] > entry.seq)
        for digest, entry in live.items()
    }


def _stood(entry: Entry, now: datetime, reasons: Sequence[str], *, newer: bool) -> Stood:
    events = [Event.SCORED, Event.SUBMITTED, Event.APPROVED, Event.RELEASED]
    end = entry.body.get("expires_at")
    why: tuple[str, ...] = ()
    if newer:
        events.append(Event.SUPERSEDED)
    if end is not None and now > parse_utc(end):
        events.append(Event.LAPSED)
        why = (f"it was good until {end}",)
    if reasons:
        events.append(Event.REVOKED)
        why = tuple(reasons)
    return Stood(entry.subject, entry.body["dataset"], walk(events), why, entry)


def pending_state(outcome: Outcome, reasons: Sequence[str], *, allowed: bool, rejected: bool, stale: bool) -> State:
    """Where a candidate stands that was not released.

    Parameters
    ----------
    outcome: of its verdict.  reasons: of its revocation.  allowed: whether the gate would let it through now.
    rejected: whether a rejection stands.  stale: whether its evidence is too old.
    """
    events = [Event.SCORED]
    if outcome in (Outcome.PASS, Outcome.REVIEW):
        events.append(Event.SUBMITTED)
        if rejected:
            events.append(Event.REJECTED)
        elif stale:
            events.append(Event.LAPSED)
        elif allowed:
            events.append(Event.APPROVED)
    if reasons:
        events.append(Event.REVOKED)
    return walk(events)
