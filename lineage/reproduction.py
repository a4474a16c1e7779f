"""Reproduction: the signed statement of somebody who made a candidate's table again from the sealed inputs.

It says for each step what was expected and what came out. The outcome follows from that, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from lineage.roster import Roster
from lineage.signing import Envelope, Signer, make_statement, sign_statement
from lineage.statements import Personal, read_word
from lineage.times import utc_text
from proofset.errors import DeniedError
from proofset.evidence import Candidate
from proofset.frozen import Frozen

REPRODUCTION_TYPE = "https://proofset.dev/reproduction/v1"
MADE = ("split", "fitted", "synthetic", "parquet")
"""What is compared, in the order in which it is made; each by SHA-256."""

Outcome = Literal["reproduced", "differs"]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Compared(Frozen):
    """One step: the digest on record and the one that came out; found is None for what was not reached."""

    step: Literal["split", "fitted", "synthetic", "parquet"]
    expected: Hex
    found: Hex | None = None

    @property
    def same(self) -> bool:
        """Whether the step made the same bytes."""
        return self.expected == self.found


class Version(Frozen):
    """A package whose version differs from the one on record."""

    package: str = Field(max_length=100)
    expected: str = Field(max_length=100)
    found: str = Field(max_length=100)


class Reproduction(Frozen):
    """What came of making a candidate again.

    steps: all of MADE, in order.  differs_at: the first that differs.  versions: those that differ.
    workers: threads it was made with; None for the machine's own choice.
    """

    outcome: Outcome
    differs_at: str | None = None
    steps: tuple[Compared, ...]
    versions: tuple[Version, ...] = ()
    workers: int | None = Field(default=None, ge=1)
    software: str = Field(max_length=100)

    @model_validator(mode="after")
    def _follows(self) -> Self:
        if tuple(s.step for s in self.steps) != MADE:
            raise ValueError(f"the steps must be {', '.join(MADE)}")
        first = next((s.step for s in self.steps if not s.same), None)
        if (self.outcome, self.differs_at) != ("differs" if first else "reproduced", first):
            raise ValueError("the outcome must follow from the steps")
        return self

    @classmethod
    def of(
        cls,
        expected: Mapping[str, str],
        found: Mapping[str, str],
        versions: Sequence[Version],
        workers: int | None,
        software: str,
    ) -> Reproduction:
        """Compare digests by step; what `found` lacks was not reached."""
        pairs = ({"step": name, "expected": expected[name], "found": found.get(name)} for name in MADE)
        steps = tuple(Compared.model_validate(pair) for pair in pairs)
        first = next((s.step for s in steps if not s.same), None)
        return cls(
            outcome="differs" if first else "reproduced",
            differs_at=first,
            steps=steps,
            versions=tuple(versions),
            workers=workers,
            software=software,
        )


class Witnessed(Frozen):
    """A reproduction as read from its verified envelope. candidate: its digest; signed_at: with time zone."""

    person: str
    key_id: str
    dataset: str
    candidate: str
    evidence_digest: str
    signed_at: datetime
    reproduction: Reproduction


class _Predicate(Personal):
    evidence_digest: Hex
    reproduction: Reproduction


def make_reproduction(
    candidate: Candidate, reproduction: Reproduction, signer: Signer, roster: Roster, at: datetime
) -> Envelope:
    """Sign what came of making a candidate again.

    Raises DeniedError for a key the roster does not list, or that is not good at the time.
    """
    person = roster.person_of(signer.key_id)
    flaw = roster.flaw_of(signer.key_id, at)
    if person is None or flaw:
        raise DeniedError(
            f"The reproduction cannot be signed with the key {signer.key_id[:12]}: {flaw}.",
            fix="Sign with a key that keys/roster.yaml lists and that is good today.",
        )
    said = _Predicate(
        person=person.id,
        evidence_digest=candidate.evidence_digest,
        signed_at=utc_text(at),
        reproduction=reproduction,
    )
    subject = [(candidate.dataset, candidate.digest)]
    return sign_statement(make_statement(subject, REPRODUCTION_TYPE, said.plain()), [signer])


def read_reproduction(envelope: Envelope, roster: Roster) -> Witnessed:
    """Verify a reproduction's signature and return what it says.

    Raises DeniedError for more than one signature, a key the roster does not list or that was not good at the time, a
    wrong signature, a statement of another kind or spelling, and a person who does not hold the key.
    """
    (dataset, candidate), said, key_id, signed_at = read_word(
        envelope, roster, REPRODUCTION_TYPE, _Predicate, "reproduction"
    )
    flaw = roster.flaw_of(key_id, signed_at)
    if flaw:
        raise DeniedError(f"The reproduction by '{said.person}' does not count: {flaw}.")
    return Witnessed(
        person=said.person,
        key_id=key_id,
        dataset=dataset,
        candidate=candidate,
        evidence_digest=said.evidence_digest,
        signed_at=signed_at,
        reproduction=said.reproduction,
    )
