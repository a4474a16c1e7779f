"""Standing: what the ledger says of every candidate: made from what, released, withdrawn, and in which state.

Reads entries and decides nothing that a release rests on but revocations; the gate decides the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lineage.entry import text_in, unreadable
from lineage.kinds import CANDIDATE, DENIAL, DRIFT, RELEASE, REVOCATION
from lineage.ledger import Entry, Ledger
from lineage.revocation import UNKNOWN, Made, Revocation, reached, revocation_of
from lineage.roster import Key, Roster
from lineage.states import Event, State, walk
from lineage.times import parse_utc, utc_text
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
            signatures.setdefault(entry.subject, []).extend(_signatures(entry))
    return [_made(entry, tuple(signatures.get(digest, ()))) for digest, entry in latest.items()]


def _signatures(entry: Entry) -> list[tuple[str, datetime]]:
    """The keys that a release rests on, and when each signed; where it does not say, a key that may be any."""
    try:
        told = entry.body.get("signatures") or [(UNKNOWN, entry.at)]
        return [(str(key), parse_utc(at)) for key, at in told]
    except (TypeError, ValueError):
        raise LedgerError(
            f"Ledger entry {entry.seq} does not say by which keys its release was signed.",
            why="Another version of the platform wrote it.",
            fix="Update the platform: what it cannot read it cannot clear.",
        ) from None


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
    """Candidate -> its last release, oldest first; without those that were recorded and never published.

    Raises LedgerError for an entry that does not say its dataset, its passport or its end as a release does.
    """
    last = {e.subject: e for e in _published(ledger)}
    return dict(sorted(last.items(), key=lambda pair: pair[1].seq))


def passports(ledger: Ledger, candidate: str) -> frozenset[str]:
    """The digests of all passports that a candidate was published with: more than one where it was released again."""
    return frozenset(e.body["passport_digest"] for e in _published(ledger) if e.subject == candidate)


def _published(ledger: Ledger) -> list[Entry]:
    never = {text_in(e, "withdrawn") for e in ledger.entries(DENIAL) if e.body.get("withdrawn") is not None}
    told = [(e, text_in(e, "passport_digest"), text_in(e, "dataset"), _end(e)) for e in ledger.entries(RELEASE)]
    return [entry for entry, passport, *_ in told if passport not in never]


def _end(entry: Entry) -> datetime | None:
    """When a release's life ends; None where it does not. Raises LedgerError for what is no time."""
    if entry.body.get("expires_at") is None:
        return None
    try:
        return parse_utc(text_in(entry, "expires_at"))
    except ValueError:
        raise unreadable(entry, "does not give its expires_at as a time") from None


def as_revoked(ledger: Ledger, roster: Roster) -> Roster:
    """The roster with every key revoked that the ledger says is: an older copy of the file brings none back."""
    since: dict[str, datetime] = {}
    for one in revocations(ledger):
        if one.kind == "key":
            moment = one.since or one.at
            since[one.target] = min(moment, since.get(one.target, moment))

    def marked(key: Key) -> Key:
        if key.id not in since:
            return key
        told = utc_text(since[key.id])
        return key.model_copy(update={"revoked_at": min(told, key.revoked_at or told)})

    if not since:
        return roster
    people = tuple(p.model_copy(update={"keys": tuple(map(marked, p.keys))}) for p in roster.people)
    return roster.model_copy(update={"people": people})


def drifted_at(ledger: Ledger, dataset: str, source_digest: str) -> datetime | None:
    """When the dataset's source was last seen to have drifted away from this snapshot, or None.

    A later comparison of the same snapshot that found it stable ends it; one that could not tell does not.
    """
    found: datetime | None = None
    for entry in ledger.entries(DRIFT, dataset):
        if entry.body.get("before") == source_digest:
            verdict = entry.body.get("verdict")
            found = parse_utc(entry.at) if verdict == "drifted" else None if verdict == "stable" else found
    return found


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
    end = _end(entry)
    why: tuple[str, ...] = ()
    if newer:
        events.append(Event.SUPERSEDED)
    if end is not None and now > end:
        events.append(Event.LAPSED)
        why = (f"it was good until {utc_text(end)}",)
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
