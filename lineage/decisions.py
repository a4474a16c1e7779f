"""Decision: one person's signed word about one candidate, as an in-toto statement in a DSSE envelope."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from lineage.roster import Roster
from lineage.signing import APPROVAL_TYPE, Envelope, Signer, make_statement, sign_statement
from lineage.statements import Personal, read_word
from lineage.times import utc_text
from proofset.errors import DeniedError
from proofset.evidence import Candidate
from proofset.policy_demands import CheckName
from proofset.spec import Frozen

Decision = Literal["approve", "reject"]
MAX_COMMENT = 2000
MAX_ACCEPTED = 200
"""The most checks one approval accepts."""
MAX_CONDITIONS = 20
"""The most conditions one approval sets."""

Condition = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]
"""One condition of an approval, in a sentence."""


class Signed(Frozen):
    """One decision, parsed from its verified envelope. signed_at: with time zone. candidate: its digest.

    accepts: checks that the signer accepts although the evidence does not decide them.
    conditions: under which it was given.  recorded_at: when the ledger recorded it; None where that is not known.
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
    conditions: tuple[str, ...] = ()
    recorded_at: datetime | None = None

    @property
    def made_at(self) -> datetime:
        """When it was made at the latest: a clock that was set back does not make a revoked key good again."""
        return max(self.signed_at, self.recorded_at or self.signed_at)


class _Predicate(Personal):
    """What an approval states, besides the candidate's digest, its subject."""

    decision: Decision
    comment: str = Field(max_length=MAX_COMMENT)
    evidence_digest: str
    policy_digest: str
    accepts: tuple[CheckName, ...] | None = Field(default=None, min_length=1, max_length=MAX_ACCEPTED)
    conditions: tuple[Condition, ...] | None = Field(default=None, min_length=1, max_length=MAX_CONDITIONS)


def make_approval(
    candidate: Candidate,
    signer: Signer,
    roster: Roster,
    decision: Decision,
    comment: str,
    at: datetime,
    accepts: Sequence[str] = (),
    conditions: Sequence[str] = (),
) -> Envelope:
    """Sign a decision about a candidate.

    Parameters
    ----------
    accepts: names of the checks to be reviewed that the signer accepts.
    conditions: under which it is given, a sentence each.

    Raises DeniedError for a key the roster does not list or that is not good at the time, for approving one's own
    request, for an overlong comment or condition, and for a rejection that accepts or sets conditions.
    """
    person = roster.person_of(signer.key_id)
    if person is None:
        raise DeniedError(
            f"The key {signer.key_id[:12]} is not in the roster.",
            why="Only people in the roster may approve or reject.",
            fix="Have the key added to keys/roster.yaml.",
        )
    flaw = roster.flaw_of(signer.key_id, at)
    if flaw:
        raise DeniedError(f"The decision cannot be signed: {flaw}.", fix="Make a new key: `proofset keys rotate`.")
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
    if (accepts or conditions) and decision != "approve":
        raise DeniedError(
            "A rejection accepts nothing and sets no conditions.",
            fix="Approve with --accept or --condition, or reject without.",
        )
    if len(conditions) > MAX_CONDITIONS or any(not c.strip() or len(c) > 500 for c in conditions):
        raise DeniedError(
            f"A condition is empty or too long: at most {MAX_CONDITIONS} are kept, of at most 500 characters each."
        )
    predicate = _Predicate(
        person=person.id,
        decision=decision,
        comment=comment,
        evidence_digest=candidate.evidence_digest,
        policy_digest=candidate.policy_digest,
        signed_at=utc_text(at),
        accepts=tuple(sorted(set(accepts))) or None,
        conditions=tuple(conditions) or None,
    )
    return sign_statement(
        make_statement([(candidate.dataset, candidate.digest)], APPROVAL_TYPE, predicate.plain()), [signer]
    )


def read_approval(envelope: Envelope, roster: Roster) -> Signed:
    """Verify an approval's or rejection's signature and return what it says.

    Raises DeniedError for a key the roster does not list, a wrong signature, a statement of another kind, a person
    who is not the key's holder, or more than one signature.
    """
    (_, candidate), said, key_id, signed_at = read_word(envelope, roster, APPROVAL_TYPE, _Predicate, "approval")
    return Signed(
        person=said.person,
        key_id=key_id,
        decision=said.decision,
        comment=said.comment,
        candidate=candidate,
        evidence_digest=said.evidence_digest,
        policy_digest=said.policy_digest,
        signed_at=signed_at,
        accepts=said.accepts or (),
        conditions=said.conditions or (),
    )
