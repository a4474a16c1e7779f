"""Approval: who has signed what, and whether it is enough. Pure.

One person's standing towards one candidate, by the signed decisions that are about exactly it:

    nothing   --approve-->  approved       approved  --reject-->   rejected
    nothing   --reject-->   rejected       rejected  --approve-->  approved
    approved  --valid_days pass-->  expired           expired  --approve-->  approved

A decision moves its author's standing only, by the order of the times they signed; at the same moment a rejection
wins. It is ignored where it is about another candidate, other evidence or another policy, is dated in the future,
where the roster no longer gives its key to its author, or where that key was not good at the time: expired, or revoked
before the decision was signed or before the ledger recorded it. A rejection does not expire.

An approval lapses when the source drifts after it was signed: what it approved is no longer what the source is like.
Entering it in the ledger once more does not renew it.

A candidate is approved when
    - as many distinct people as the rule requires stand at `approved`, the requester not counted, and a person and
      their robots counted once,
    - each role of the rule is held by a different one of them,
    - and nobody who holds one of the rule's roles (anyone, where it names none) stands at `rejected`.
The platform's own key approves nothing: whoever is only a releaser does not count. Neither does whoever the policy
keeps apart, such as the owner of the source, who wrote the policy, and robots.

An approval may carry conditions, which the passport repeats. They bind those who use the release, not the gate.

An approval may accept checks by name. That lifts a `review`, and nothing else: see `lineage.gate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lineage.decisions import Signed
from lineage.roster import RELEASER, Person, Roster
from lineage.times import utc_text
from proofset.evidence import Candidate
from proofset.policy import ApprovalRule
from proofset.spec import Frozen


class Tally(Frozen):
    """The count. counted: the approvals that count, oldest first; reasons: why it is not approved."""

    approved: bool
    counted: tuple[Signed, ...]
    reasons: tuple[str, ...]


def tally(
    rule: ApprovalRule,
    candidate: Candidate,
    signed: Sequence[Signed],
    roster: Roster,
    now: datetime,
    apart: Mapping[str, str] | None = None,
    drifted_at: datetime | None = None,
) -> Tally:
    """Count decisions by the rules at the top of this file.

    Parameters
    ----------
    now: with time zone.
    apart: who else may not approve, by id, name, team or e-mail, and what they are.
    drifted_at: when the source was last seen to have drifted; an approval made before no longer counts.
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
        flaw = _uncounted(one, people, candidate, rule, now) or _kept_apart(person, people, apart or {}, rule)
        if not flaw and drifted_at is not None and one.signed_at <= drifted_at:
            flaw = f"the source drifted after it, on {utc_text(drifted_at)[:10]}; approve again"
        if flaw:
            notes.append(f"the approval by {person.id} does not count: {flaw}")
        else:
            counted.append(one)
    counted, doubled = _wills(counted, people)
    notes += doubled
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
    return roster.flaw_of(one.key_id, one.signed_at) or roster.flaw_of(one.key_id, one.made_at)


def _uncounted(
    one: Signed, people: Mapping[str, Person], candidate: Candidate, rule: ApprovalRule, now: datetime
) -> str:
    """Why a standing approval is not counted, or ""."""
    person = people[one.person]
    if any(p.is_called(candidate.requested_by) for p in _one_will(person, people)):
        return "nobody approves their own request"
    if set(person.roles) == {RELEASER}:
        return "the platform's own key approves nothing"
    if (now - one.signed_at) / timedelta(days=1) > rule.valid_days:
        return f"it is older than {rule.valid_days} days"
    return ""


def _one_will(person: Person, people: Mapping[str, Person]) -> list[Person]:
    """A person, their robots, and the person whose robot it is: they decide as one."""
    root = person.of or person.id
    return [p for p in people.values() if root in (p.id, p.of)]


def _wills(counted: Sequence[Signed], people: Mapping[str, Person]) -> tuple[list[Signed], list[str]]:
    """One approval for each will, oldest first: the person's own, else their oldest robot's; why not others."""
    kept: dict[str, Signed] = {}
    notes = []
    for one in sorted(counted, key=lambda s: (people[s.person].of is not None, s.signed_at, s.person)):
        whose = people[one.person].of or one.person
        first = kept.setdefault(whose, one)
        if first is not one:
            said = f"{first.person} approved, too, " + (
                "whose robot it is" if first.person == whose else f"another robot of {whose}"
            )
            notes.append(f"the approval by {one.person} does not count: {said}")
    return sorted(kept.values(), key=lambda s: (s.signed_at, s.person)), notes


def _kept_apart(person: Person, people: Mapping[str, Person], apart: Mapping[str, str], rule: ApprovalRule) -> str:
    """Why the policy keeps a person from approving, or ""; whose robot it is, is kept apart with it."""
    if person.robot and "robots" in rule.separation:
        return "the policy keeps robots apart"
    will = _one_will(person, people) if apart else []
    kept = (what for name, what in apart.items() if any(p.is_called(name) for p in will))
    return next((f"the policy keeps {what} apart" for what in kept), "")


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
