"""Approval: who has signed what, and whether it is enough. Pure.

One person's standing towards one candidate, by the signed decisions that are about exactly it:

    nothing   --approve-->  approved       approved  --reject-->   rejected
    nothing   --reject-->   rejected       rejected  --approve-->  approved
    approved  --valid_days pass-->  expired           expired  --approve-->  approved

A decision moves its author's standing only, by the order of the times they signed; at the same moment a rejection
wins. It is ignored where it is about another candidate, other evidence or another policy, is dated in the future,
or where the roster no longer gives its key to its author. A rejection does not expire.

A candidate is approved when
    - as many distinct people as the rule requires stand at `approved`, the requester not counted,
    - each role of the rule is held by a different one of them,
    - and nobody who holds one of the rule's roles (anyone, where it names none) stands at `rejected`.
The platform's own key approves nothing: whoever is only a releaser does not count. Neither does whoever the policy
keeps apart.

An approval may accept checks by name. That lifts a `review`, and nothing else: see `lineage.gate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field, ValidationError

from lineage.roster import RELEASER, Person, Roster
from lineage.signing import APPROVAL_TYPE, STATEMENT_TYPE, Envelope, Signer, make_statement, sign_statement
from lineage.times import parse_utc, utc_text
from proofset.digest import canonical
from proofset.errors import DeniedError
from proofset.evidence import Candidate
from proofset.policy import ApprovalRule
from proofset.policy_demands import CheckName
from proofset.spec import Frozen

Decision = Literal["approve", "reject"]
MAX_COMMENT = 2000
MAX_ACCEPTED = 200
"""The most checks one approval accepts."""


class Signed(Frozen):
    """One decision, parsed from its verified envelope. signed_at: with time zone. candidate: its digest.

    accepts: checks that the signer accepts although the evidence does not decide them.
    """

    person: str
    key_id: str
    decision: Decision
    comment: str
    candidate: str
    evidence_digest: str
    policy_digest: str
    signed_at: datetime
    accepts: tuple[str, ...] = ()


class Tally(Frozen):
    """The count. counted: the approvals that count, oldest first; reasons: why it is not approved."""

    approved: bool
    counted: tuple[Signed, ...]
    reasons: tuple[str, ...]


class _Predicate(Frozen):
    """What an approval states, besides the candidate's digest, its subject."""

    person: str
    decision: Decision
    comment: str = Field(max_length=MAX_COMMENT)
    evidence_digest: str
    policy_digest: str
    signed_at: str
    accepts: tuple[CheckName, ...] | None = Field(default=None, min_length=1, max_length=MAX_ACCEPTED)


class _Digests(Frozen):
    sha256: str


class _Subject(Frozen):
    name: str
    digest: _Digests


class _Statement(Frozen):
    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[_Subject] = Field(min_length=1, max_length=1)
    predicateType: Literal["https://proofset.dev/approval/v1"]
    predicate: _Predicate


def make_approval(
    candidate: Candidate,
    signer: Signer,
    roster: Roster,
    decision: Decision,
    comment: str,
    at: datetime,
    accepts: Sequence[str] = (),
) -> Envelope:
    """Sign a decision about a candidate. accepts: names of the checks to be reviewed that the signer accepts.

    Raises DeniedError for a key the roster does not list, for approving one's own request, for an overlong comment,
    and for a rejection that accepts.
    """
    person = roster.person_of(signer.key_id)
    if person is None:
        raise DeniedError(
            f"The key {signer.key_id[:12]} is not in the roster.",
            why="Only people in the roster may approve or reject.",
            fix="Have the key added to keys/roster.yaml.",
        )
    if decision not in ("approve", "reject"):
        raise DeniedError(f"'{decision}' is not a decision.", fix="Say approve or reject.")
    if decision == "approve" and person.is_called(candidate.requested_by):
        raise DeniedError(
            f"'{person.id}' asked for this candidate and cannot approve it.",
            why="Nobody approves their own request.",
            fix="Ask somebody else in the roster.",
        )
    if len(comment) > MAX_COMMENT:
        raise DeniedError(f"The comment is {len(comment)} characters long; at most {MAX_COMMENT} are kept.")
    if accepts and decision != "approve":
        raise DeniedError("A rejection accepts nothing.", fix="Approve with --accept, or reject without.")
    predicate = _Predicate(
        person=person.id,
        decision=decision,
        comment=comment,
        evidence_digest=candidate.evidence_digest,
        policy_digest=candidate.policy_digest,
        signed_at=utc_text(at),
        accepts=tuple(sorted(set(accepts))) or None,
    )
    return sign_statement(
        make_statement([(candidate.dataset, candidate.digest)], APPROVAL_TYPE, predicate.plain()), [signer]
    )


def read_approval(envelope: Envelope, roster: Roster) -> Signed:
    """Verify an approval's or rejection's signature and return what it says.

    Raises DeniedError for a key the roster does not list, a wrong signature, a statement of another kind, a person
    who is not the key's holder, or more than one signature.
    """
    payload = envelope.verified(roster.keys_of())
    if len(envelope.signatures) != 1:
        raise DeniedError("An approval carries exactly one signature.", fix="Have every person sign their own.")
    key_id = envelope.signatures[0].keyid
    try:
        statement = _Statement.model_validate_json(payload)
        said = statement.predicate
        expected = make_statement(
            [(statement.subject[0].name, statement.subject[0].digest.sha256)], APPROVAL_TYPE, said.plain()
        )
        signed_at = parse_utc(said.signed_at)
        intact = canonical(expected) == payload and statement.type_ == STATEMENT_TYPE
    except (ValidationError, ValueError):
        intact = False
    if not intact:
        raise DeniedError("The signed statement is not an approval as this platform writes it.")
    holder = roster.person_of(key_id)
    if holder is None or holder.id != said.person:
        raise DeniedError(f"The approval names '{said.person}', who does not hold the key {key_id[:12]}.")
    return Signed(
        person=said.person,
        key_id=key_id,
        decision=said.decision,
        comment=said.comment,
        candidate=statement.subject[0].digest.sha256,
        evidence_digest=said.evidence_digest,
        policy_digest=said.policy_digest,
        signed_at=signed_at,
        accepts=said.accepts or (),
    )


def tally(
    rule: ApprovalRule,
    candidate: Candidate,
    signed: Sequence[Signed],
    roster: Roster,
    now: datetime,
    apart: Mapping[str, str] | None = None,
) -> Tally:
    """Count decisions by the rules at the top of this file.

    Parameters
    ----------
    now: with time zone.
    apart: who else may not approve, by id, name or e-mail, and what they are.
    """
    people = {p.id: p for p in roster.people}
    digest = candidate.digest
    standing: dict[str, Signed] = {}
    notes: list[str] = []
    for one in sorted(signed, key=lambda s: (s.signed_at, s.decision == "reject", s.key_id)):
        flaw = _ignored(one, digest, candidate, roster, now)
        if flaw:
            notes.append(f"the {_noun(one)} by {one.person} does not count: {flaw}")
        else:
            standing[one.person] = one
    counted: list[Signed] = []
    blocks: list[str] = []
    for one in standing.values():
        person = people[one.person]
        if one.decision == "reject":
            if not rule.roles or set(rule.roles) & set(person.roles):
                blocks.append(f"{person.id} rejected it")
            continue
        flaw = _uncounted(one, person, candidate, rule, now) or _kept_apart(person, apart or {})
        if flaw:
            notes.append(f"the approval by {person.id} does not count: {flaw}")
        else:
            counted.append(one)
    counted.sort(key=lambda s: (s.signed_at, s.person))
    missing = _missing(rule, [people[s.person] for s in counted], roster)
    reasons = (*blocks, *missing, *notes) if blocks or missing else ()
    return Tally(approved=not (blocks or missing), counted=tuple(counted), reasons=reasons)


def _noun(one: Signed) -> str:
    return "approval" if one.decision == "approve" else "rejection"


def _ignored(one: Signed, digest: str, candidate: Candidate, roster: Roster, now: datetime) -> str:
    """Why a decision moves nobody's standing, or ""."""
    holder = roster.person_of(one.key_id)
    if one.candidate != digest:
        return "it is about other bytes"
    if one.evidence_digest != candidate.evidence_digest:
        return "it is about other evidence"
    if one.policy_digest != candidate.policy_digest:
        return "it was given under another policy"
    if holder is None or holder.id != one.person:
        return "the roster no longer gives that key to that person"
    if one.signed_at > now:
        return "it is dated in the future"
    return ""


def _uncounted(one: Signed, person: Person, candidate: Candidate, rule: ApprovalRule, now: datetime) -> str:
    """Why a standing approval is not counted, or ""."""
    if person.is_called(candidate.requested_by):
        return "nobody approves their own request"
    if set(person.roles) == {RELEASER}:
        return "the platform's own key approves nothing"
    if (now - one.signed_at) / timedelta(days=1) > rule.valid_days:
        return f"it is older than {rule.valid_days} days"
    return ""


def _kept_apart(person: Person, apart: Mapping[str, str]) -> str:
    """Why the policy keeps a person from approving, or ""."""
    return next((f"the policy keeps {what} apart" for name, what in apart.items() if person.is_called(name)), "")


def _missing(rule: ApprovalRule, people: Sequence[Person], roster: Roster) -> list[str]:
    reasons = []
    if len(people) < rule.required:
        reasons.append(f"{len(people)} of {rule.required} approvals")
    unknown = sorted(set(rule.roles) - {r for p in roster.people for r in p.roles})
    if unknown:
        reasons.append(f"nobody in the roster holds the role {', '.join(unknown)}")
    unfilled = [r for r in _unfilled(rule.roles, people) if r not in unknown]
    if unfilled:
        reasons.append(f"no approval by a person of their own for the role {', '.join(unfilled)}")
    return reasons


def _unfilled(roles: Sequence[str], people: Sequence[Person]) -> list[str]:
    """Roles left over when as many as possible are given to different people (augmenting paths, Kuhn 1955)."""
    seat: dict[str, int] = {}  # person id -> index of the role that person stands for

    def place(role: int, tried: set[str]) -> bool:
        for person in people:
            if roles[role] in person.roles and person.id not in tried:
                tried.add(person.id)
                if person.id not in seat or place(seat[person.id], tried):
                    seat[person.id] = role
                    return True
        return False

    return [roles[index] for index in range(len(roles)) if not place(index, set())]
