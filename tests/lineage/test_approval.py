"""Approval: the transitions on top of lineage/approval.py, one by one, and against a brute-force count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.approval import tally
from lineage.decisions import MAX_COMMENT, Signed, make_approval, read_approval
from lineage.roster import RELEASER, Key, Person, Roster
from lineage.signing import APPROVAL_TYPE, Envelope, Signer, make_statement, sign_statement
from lineage.times import utc_text
from proofset.digest import sha256_bytes
from proofset.errors import DeniedError
from proofset.evidence import Candidate, FileEntry, Outcome
from proofset.policy import ApprovalRule
from tests.lineage.shop import DAY, HOUR, NOW, REQUESTER

ROLES = {
    "ada": ("steward",),
    "ben": ("steward",),
    "cho": ("officer",),
    "dia": ("steward", "officer"),
    "eve": ("analyst",),
    "bot": (RELEASER,),
}
SIGNERS = {(person, n): Signer.generate() for person in ROLES for n in range(2)}


def key_of(signer: Signer) -> Key:
    import base64

    return Key(id=signer.key_id, public=base64.b64encode(signer.public).decode(), added="2020-01-01")


ROSTER = Roster(
    people=tuple(
        Person(
            id=p,
            name=p,
            email=f"{p}@example.org",
            roles=roles,
            keys=tuple(key_of(SIGNERS[p, n]) for n in range(2)),
        )
        for p, roles in ROLES.items()
    )
)
CANDIDATE = Candidate(
    dataset="shop",
    synthetic_digest=sha256_bytes(b"s"),
    evidence_digest=sha256_bytes(b"e"),
    policy_digest=sha256_bytes(b"p"),
    requested_by=REQUESTER,
    outcome=Outcome.PASS,
    files=(FileEntry(path="a", size=1, sha256=sha256_bytes(b"a")),),
)
RULE = ApprovalRule(required=2, roles=("steward", "officer"), valid_days=10)


def said(person: str, decision: str = "approve", at: datetime = NOW, key: int = 0, **changes: str) -> Signed:
    envelope = make_approval(CANDIDATE, SIGNERS[person, key], ROSTER, decision, "", at)
    return read_approval(envelope, ROSTER).model_copy(update=changes)


def standing(*signed: Signed, rule: ApprovalRule = RULE, now: datetime = NOW + HOUR) -> tuple[bool, str]:
    count = tally(rule, CANDIDATE, signed, ROSTER, now)
    assert count.approved == (not count.reasons)
    return count.approved, "; ".join(count.reasons)


def test_nothing_is_not_approved() -> None:
    approved, reasons = standing()
    assert not approved
    assert "0 of 2 approvals" in reasons
    assert "steward, officer" in reasons


def test_two_people_in_the_two_roles_approve() -> None:
    count = tally(RULE, CANDIDATE, [said("cho"), said("ben", at=NOW - HOUR)], ROSTER, NOW)
    assert count.approved
    assert [s.person for s in count.counted] == ["ben", "cho"]
    assert count.reasons == ()


def test_one_of_two_is_not_enough() -> None:
    assert standing(said("dia"))[1].startswith("1 of 2 approvals")


def test_two_keys_of_one_person_are_one_person() -> None:
    assert standing(said("dia"), said("dia", key=1))[1].startswith("1 of 2 approvals")


def test_each_role_needs_a_person_of_its_own() -> None:
    assert "role officer" in standing(said("ben"), said("eve"))[1]
    assert standing(said("ben"), said("dia"))[0]  # dia must stand for the officer, and ben for the steward
    assert standing(said("dia"), said("cho"))[0]
    twice = ApprovalRule(required=2, roles=("officer", "officer"))
    assert not standing(said("ben"), said("cho"), rule=twice)[0]
    assert standing(said("dia"), said("cho"), rule=twice)[0]


def test_a_role_nobody_holds_is_a_reason() -> None:
    rule = ApprovalRule(required=1, roles=("auditor",))
    assert "nobody in the roster holds the role auditor" in standing(said("ben"), rule=rule)[1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"candidate": sha256_bytes(b"x")}, "other bytes"),
        ({"evidence_digest": sha256_bytes(b"x")}, "other evidence"),
        ({"policy_digest": sha256_bytes(b"x")}, "another policy"),
        ({"key_id": SIGNERS["ben", 0].key_id}, "no longer gives that key"),
        ({"key_id": "0" * 64}, "no longer gives that key"),
    ],
)
def test_a_decision_about_anything_else_is_ignored(changes: dict[str, str], expected: str) -> None:
    assert expected in standing(said("ben"), said("cho", **changes))[1]
    assert standing(said("ben"), said("cho"), said("dia", "reject", **changes))[0]


def test_approvals_expire_and_can_be_given_again() -> None:
    old = said("ben", at=NOW - 10 * DAY)
    assert standing(old, said("cho"), now=NOW)[0]
    assert "older than 10 days" in standing(old, said("cho"), now=NOW + timedelta(microseconds=1))[1]
    assert standing(old, said("ben", at=NOW), said("cho"), now=NOW + DAY)[0]


def test_what_is_dated_in_the_future_is_ignored() -> None:
    assert "in the future" in standing(said("ben"), said("cho", at=NOW + 2 * HOUR))[1]
    assert standing(said("ben"), said("cho"), said("cho", "reject", at=NOW + 2 * HOUR))[0]


def test_a_rejection_blocks_until_its_author_approves() -> None:
    both = [said("ben"), said("cho")]
    approved, reasons = standing(*both, said("dia", "reject"))
    assert not approved
    assert "dia rejected it" in reasons
    assert not standing(*both, said("dia", "reject", at=NOW - 300 * DAY))[0]  # a rejection does not expire
    assert standing(*both, said("dia", "reject", at=NOW - HOUR), said("dia", at=NOW))[0]
    assert not standing(*both, said("dia", at=NOW - HOUR), said("dia", "reject", at=NOW))[0]
    assert not standing(*both, said("cho", "reject", at=NOW, key=1))[0]  # at the same moment the rejection wins


def test_only_the_rules_roles_may_block() -> None:
    both = [said("ben"), said("cho")]
    assert standing(*both, said("eve", "reject"))[0]
    anyone = ApprovalRule(required=2)
    assert standing(said("ben"), said("eve"), rule=anyone)[0]
    assert not standing(said("ben"), said("cho"), said("eve", "reject"), rule=anyone)[0]


def test_the_requester_never_counts_but_may_withdraw() -> None:
    own = said("ben").model_copy(update={"person": "ada", "key_id": SIGNERS["ada", 0].key_id})
    assert "own request" in standing(own, said("cho"))[1]
    assert not standing(said("ben"), said("cho"), said("ada", "reject"))[0]


def test_the_platforms_key_approves_nothing() -> None:
    assert "platform's own key" in standing(said("ben"), said("bot"), rule=ApprovalRule(required=2))[1]


@pytest.mark.parametrize("requester", [REQUESTER, REQUESTER.upper(), "ada", " ADA ", "Ada", f"Ada <{REQUESTER}>"])
def test_nobody_signs_an_approval_of_their_own_request(requester: str) -> None:
    mine = CANDIDATE.model_copy(update={"requested_by": requester})
    with pytest.raises(DeniedError, match="asked for this candidate"):
        make_approval(mine, SIGNERS["ada", 1], ROSTER, "approve", "", NOW)
    assert make_approval(mine, SIGNERS["ada", 1], ROSTER, "reject", "", NOW)


def test_only_keys_of_the_roster_and_sensible_decisions_are_signed() -> None:
    with pytest.raises(DeniedError, match="not in the roster"):
        make_approval(CANDIDATE, Signer.generate(), ROSTER, "approve", "", NOW)
    with pytest.raises(DeniedError, match="not a decision"):
        make_approval(CANDIDATE, SIGNERS["ben", 0], ROSTER, "maybe", "", NOW)
    with pytest.raises(DeniedError, match="comment"):
        make_approval(CANDIDATE, SIGNERS["ben", 0], ROSTER, "approve", "x" * (MAX_COMMENT + 1), NOW)


def test_an_approval_says_what_was_signed() -> None:
    envelope = make_approval(CANDIDATE, SIGNERS["ben", 1], ROSTER, "reject", "not yet", NOW)
    signed = read_approval(Envelope.from_bytes(envelope.to_bytes(), "x"), ROSTER)
    assert signed == Signed(
        person="ben",
        key_id=SIGNERS["ben", 1].key_id,
        decision="reject",
        comment="not yet",
        candidate=CANDIDATE.digest,
        evidence_digest=CANDIDATE.evidence_digest,
        policy_digest=CANDIDATE.policy_digest,
        signed_at=NOW,
    )


PREDICATE = {
    "person": "ben",
    "decision": "approve",
    "comment": "",
    "evidence_digest": CANDIDATE.evidence_digest,
    "policy_digest": CANDIDATE.policy_digest,
    "signed_at": utc_text(NOW),
}


@pytest.mark.parametrize(
    ("predicate", "kind", "signers", "expected"),
    [
        (PREDICATE | {"person": "cho"}, APPROVAL_TYPE, ["ben"], "does not hold the key"),
        (PREDICATE | {"decision": "maybe"}, APPROVAL_TYPE, ["ben"], "not an approval"),
        (PREDICATE | {"more": 1}, APPROVAL_TYPE, ["ben"], "not an approval"),
        (PREDICATE | {"signed_at": "2026-03-01"}, APPROVAL_TYPE, ["ben"], "not an approval"),
        (PREDICATE, "https://proofset.dev/passport/v1", ["ben"], "not an approval"),
        (PREDICATE, APPROVAL_TYPE, ["ben", "cho"], "exactly one signature"),
    ],
)
def test_a_signed_statement_of_another_kind_is_denied(
    predicate: dict[str, object], kind: str, signers: list[str], expected: str
) -> None:
    statement = make_statement([("shop", CANDIDATE.digest)], kind, predicate)
    envelope = sign_statement(statement, [SIGNERS[s, 0] for s in signers])
    with pytest.raises(DeniedError, match=expected):
        read_approval(envelope, ROSTER)
    if expected == "not an approval":  # the control: only the statement was at fault
        assert read_approval(
            sign_statement(make_statement([("x", "y")], APPROVAL_TYPE, PREDICATE), [SIGNERS["ben", 0]]), ROSTER
        )


def brute_force(rule: ApprovalRule, signed: Sequence[Signed], now: datetime) -> bool:
    """The rules told again, the long way."""
    valid = [
        s
        for s in signed
        if s.candidate == CANDIDATE.digest
        and (s.evidence_digest, s.policy_digest) == (CANDIDATE.evidence_digest, CANDIDATE.policy_digest)
        and s.key_id in {SIGNERS[s.person, n].key_id for n in range(2)}
        and s.signed_at <= now
    ]
    last = {}
    for person in ROLES:
        own = [s for s in valid if s.person == person]
        if own:
            newest = max(s.signed_at for s in own)
            decisions = {s.decision for s in own if s.signed_at == newest}
            last[person] = ("reject" if "reject" in decisions else "approve", newest)
    for person, (decision, _) in last.items():
        if decision == "reject" and (not rule.roles or any(r in ROLES[person] for r in rule.roles)):
            return False
    approvers = [
        p
        for p, (decision, at) in last.items()
        if decision == "approve" and p not in ("ada", "bot") and at >= now - timedelta(days=rule.valid_days)
    ]
    if len(approvers) < rule.required:
        return False
    seatings = permutations(approvers, len(rule.roles))
    return any(all(r in ROLES[p] for r, p in zip(rule.roles, seats, strict=True)) for seats in seatings)


DECISIONS = st.builds(
    lambda person, holder, key, decision, days, other: Signed(
        person=person,
        key_id=SIGNERS[holder or person, key].key_id,
        decision=decision,
        comment="",
        candidate="f" * 64 if other == 1 else CANDIDATE.digest,
        evidence_digest="f" * 64 if other == 2 else CANDIDATE.evidence_digest,
        policy_digest="f" * 64 if other == 3 else CANDIDATE.policy_digest,
        signed_at=NOW + timedelta(days=days),
    ),
    st.sampled_from(list(ROLES)),
    st.sampled_from([None] * 8 + list(ROLES)),
    st.integers(0, 1),
    st.sampled_from(["approve"] * 4 + ["reject"]),
    st.integers(-7, 1),
    st.integers(0, 12),
)
RULES = st.integers(1, 3).flatmap(
    lambda required: st.builds(
        ApprovalRule,
        required=st.just(required),
        roles=st.lists(st.sampled_from(["steward", "officer", "analyst", "auditor"]), max_size=required).map(tuple),
        valid_days=st.sampled_from([1, 3, 30]),
    )
)


@given(RULES, st.lists(DECISIONS, max_size=9))
def test_the_tally_agrees_with_the_brute_force_count(rule: ApprovalRule, signed: list[Signed]) -> None:
    count = tally(rule, CANDIDATE, signed, ROSTER, NOW)
    assert count.approved == brute_force(rule, signed, NOW)
    assert count.approved == (not count.reasons)
    assert tally(rule, CANDIDATE, signed[::-1], ROSTER, NOW).approved == count.approved
    assert len({s.person for s in count.counted}) == len(count.counted)
