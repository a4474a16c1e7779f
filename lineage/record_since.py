"""Making sections 8 to 13 of the provenance record from approvals, the roster and the ledger's entries. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from lineage.candidate import SHORT, CandidateFolder
from lineage.decisions import Signed
from lineage.entry import Entry, Head
from lineage.inclusion import Inclusion
from lineage.kinds import (
    APPROVAL,
    AUDIT,
    CANDIDATE,
    DENIAL,
    DOWNLOAD,
    DRIFT,
    INCIDENT,
    RELEASE,
    REPRODUCTION,
    REVOCATION,
)  # fmt: skip
from lineage.record_made import Published, privacy_of
from lineage.record_people import Approvals, Approver, Budget, Event, History, Log, Proof, Readers, Separation, Use
from lineage.roster import RELEASER, Person, Roster
from lineage.times import utc_text
from proofset.evidence import FileEntry

_DUTIES = {
    "requester": "asked for this candidate",
    "robots": "is nothing but the platform's own key",
    "owner": "owns the dataset or its source",
    "policy_author": "wrote the policy or a waiver of it",
}
_TOLD = ("verdict", "outcome", "decision", "recipient", "purpose", "what", "reason")
"""Fields of an entry's body that are text for people, in the order they are shown."""


def approvals(
    parts: CandidateFolder,
    signed: Sequence[Signed],
    counted: Sequence[Signed],
    roster: Roster,
    files: Sequence[FileEntry],
) -> Approvals:
    """Section 8. signed: every decision about the candidate; counted: those that count towards the release."""
    rule = parts.policy.approvals
    people = {p.id: p for p in roster.people}
    listed = {f.path: f.sha256 for f in files}
    approvers = tuple(
        _approver(one, people.get(one.person), one in counted, rule.valid_days, listed)
        for one in sorted(signed, key=lambda s: (s.signed_at, s.person, s.key_id))
    )
    kept = [_separation(duty, duty in rule.separation, parts, counted, people) for duty in _DUTIES]
    return Approvals(
        required=rule.required,
        roles=rule.roles,
        valid_days=rule.valid_days,
        approvers=approvers,
        separation=tuple(kept),
        separated=all(s.held for s in kept if s.required),
        enough=len({s.person for s in counted if s.decision == "approve"}) >= rule.required
        and not any(s.decision == "reject" for s in counted),
        unknown=tuple(f"The roster does not know {a.person}." for a in approvers if a.name is None),
    )


def _approver(one: Signed, person: Person | None, counted: bool, days: int, listed: dict[str, str]) -> Approver:
    path = f"approvals/{one.person}.dsse.json"
    inside = counted and path in listed
    return Approver(
        person=one.person,
        name=person.name if person else None,
        roles=person.roles if person else (),
        decision=one.decision,
        counted=counted,
        key=one.key_id,
        signed_at=utc_text(one.signed_at),
        expires_at=utc_text(one.signed_at + timedelta(days=days)) if one.decision == "approve" else None,
        reason=one.comment,
        conditions=one.conditions,
        accepts=one.accepts,
        file=path if inside else None,
        sha256=listed[path] if inside else None,
    )


def _separation(
    duty: str, required: bool, parts: CandidateFolder, counted: Sequence[Signed], people: dict[str, Person]
) -> Separation:
    """Whether nobody whose approval counted has a duty. The requester and robots are kept apart in any case."""
    policy, made = parts.policy, parts.provenance
    names = {
        "requester": (made.requested_by,),
        "robots": tuple(p.id for p in people.values() if set(p.roles) == {RELEASER}),
        "owner": tuple(n for n in (made.owner, parts.spec.source.controller) if n),
        "policy_author": tuple(dict.fromkeys((*policy.authors, *(w.by for w in policy.waivers)))),
    }[duty]
    both = [
        one.person for one in counted if (person := people.get(one.person)) and any(person.is_called(n) for n in names)
    ]
    told = f"{', '.join(both)} approved and {_DUTIES[duty]}" if both else f"nobody who approved {_DUTIES[duty]}"
    always = duty in ("requester", "robots")
    return Separation(duty=duty, required=required or always, by=names, held=not both, detail=told)


def use(parts: CandidateFolder, entries: Sequence[Entry]) -> Use:
    """Section 9."""
    terms, spec = parts.spec.release, parts.spec
    missing = {
        "Who may receive it is not said.": terms and terms.recipients,
        "No terms are named.": terms and terms.terms,
        "Nobody is named as contact; ask the owner.": terms and terms.contact,
    }
    return Use(
        purpose=spec.purpose,
        permitted_purposes=spec.source.permitted_purposes,
        recipients=terms.recipients if terms else None,
        terms=terms.terms if terms else None,
        conditions=terms.conditions if terms else None,
        contact=terms.contact if terms else None,
        keywords=(terms.keywords or ()) if terms else (),
        downloads=_events(entries, DOWNLOAD, {parts.candidate.digest}),
        unknown=tuple(said for said, value in missing.items() if not value),
    )


def budget(parts: CandidateFolder, entries: Sequence[Entry], published: Published | None) -> Budget:
    """Section 10. A source is one by its snapshot or its dataset, and ε adds up over distinct tables, as in
    `lineage.spend`."""
    made = parts.provenance
    origins: dict[str, dict[str, Any]] = {}
    for entry in entries:
        origin = entry.body.get("provenance", {}) if entry.kind == CANDIDATE else {}
        if made.source_digest == origin.get("source_digest") or made.dataset == origin.get("dataset"):
            origins[entry.subject] = origin
    never = {e.body.get("withdrawn") for e in entries if e.kind == DENIAL} - {None}
    released = {
        e.subject: str(e.body.get("dataset", ""))
        for e in entries
        if e.kind == RELEASE and e.subject in origins and e.body.get("passport_digest") not in never
    }
    if published is not None:
        released.setdefault(parts.candidate.digest, parts.candidate.dataset)
        origins.setdefault(parts.candidate.digest, made.plain())
    told = [origins[subject] for subject in released]
    tables = {str(origin.get("synthetic_digest")): origin.get("options", {}) for origin in told}
    spent = [privacy_of(options).epsilon for options in tables.values()]
    stated = [e for e in spent if e is not None]
    without = len(spent) - len(stated)
    if not released:
        statement = "Nothing made from this source has been released."
    elif not stated:
        statement = f"{_times(without)} of this source, none with a formal guarantee: no ε adds up."
    else:
        statement = f"{_times(len(spent))} of this source; the ε of {len(stated)} adds up to {sum(stated):g}" + (
            f", and {without} state none, so that no bound is claimed for the whole." if without else "."
        )
    return Budget(
        source=made.source_digest,
        releases=tuple(f"{dataset}/{subject[:SHORT]}" for subject, dataset in released.items()),
        epsilon=sum(stated) if stated and not without else None,
        without_guarantee=without,
        statement=statement,
    )


def _times(count: int) -> str:
    return "1 release" if count == 1 else f"{count} releases"


def history(parts: CandidateFolder, entries: Sequence[Entry], withdrawn: Sequence[str]) -> History:
    """Section 11. withdrawn: why the candidate must not be used, see `lineage.standing`."""
    digest, dataset, made = parts.candidate.digest, parts.candidate.dataset, parts.provenance
    card = made.generator
    keys = {digest, made.source_digest, card.generator, f"{card.generator} {card.version}", made.synthetic_digest}
    released = [e.seq for e in entries if e.kind == RELEASE and e.subject == digest]
    later = [e for e in entries if released and e.seq > released[0]]
    drifts = [e for e in entries if e.body.get("before", made.source_digest) == made.source_digest]
    return History(
        drift=_events(drifts, DRIFT, {dataset, made.source_digest}),
        reapprovals=_events(later, APPROVAL, {digest}),
        revocations=_events(entries, REVOCATION, keys),
        incidents=_events(entries, INCIDENT, {digest, dataset, made.source_digest}),
        reproductions=_events(entries, REPRODUCTION, {digest}),
        denials=_events(entries, DENIAL, {digest}),
        withdrawn=tuple(withdrawn),
    )


def log(
    parts: CandidateFolder,
    entries: Sequence[Entry],
    inclusion: Inclusion | None,
    vkey: str | None,
    head: Head | None,
) -> Log:
    """Section 12. inclusion: of the candidate's entry; head: of the ledger; None where it was not asked."""
    digest = parts.candidate.digest
    mine = [e for e in entries if e.subject == digest]
    recorded = [e for e in mine if e.kind == CANDIDATE]
    days = parts.policy.expires_after_days
    life = f"The policy ends a release {days} days after its publication" if days else "The policy sets no end"
    kept = parts.spec.source.kept_until
    unknown = [] if recorded else ["The ledger was not asked, or does not record it."]
    proof = None
    if inclusion is not None:
        at, path = inclusion.entry.seq, inclusion.path
        proof = Proof(index=at, size=inclusion.size, path=path, checkpoint=inclusion.checkpoint)
    else:
        unknown.append("No proof of inclusion is in the record; see inclusion.json beside the passport.")
    return Log(
        entry=_event(recorded[-1]) if recorded else None,
        entries=tuple(map(_event, mine)),
        proof=proof,
        vkey=vkey,
        size=head.size if head else None,
        root=head.root if head else None,
        retention=f"The ledger only grows: nothing is ever removed from it. {life}. The source may be kept "
        + (f"until {kept.isoformat()}." if kept else "for as long as its owner says; the spec names no day."),
        unknown=tuple(unknown),
    )


def readers(parts: CandidateFolder, entries: Sequence[Entry]) -> Readers:
    """Section 13."""
    made = parts.provenance
    return Readers(
        audits=_events(entries, AUDIT, {parts.candidate.digest, parts.candidate.dataset, made.source_digest})
    )


def _events(entries: Iterable[Entry], kind: str, subjects: set[str]) -> tuple[Event, ...]:
    """The entries of a kind about any of some subjects: the entry's own, or those that its body lists."""
    return tuple(_event(e) for e in entries if e.kind == kind and subjects & {e.subject, *_subjects(e.body)})


def _subjects(body: dict[str, Any]) -> list[str]:
    """What an entry that is about several things lists as `subjects`, and what a revocation names as its `target`."""
    listed = body.get("subjects")
    several = [s for s in listed if isinstance(s, str)] if isinstance(listed, list) else []
    target = body.get("target")
    return [*several, target] if isinstance(target, str) else several


def _event(entry: Entry) -> Event:
    said = ", ".join(entry.body[name] for name in _TOLD if isinstance(entry.body.get(name), str))
    return Event(
        index=entry.seq,
        at=entry.at,
        kind=entry.kind,
        actor=entry.actor,
        subject=entry.subject,
        detail=said,
        hash=entry.hash,
    )
