"""Passport: the signed statement a release carries. It names every file of the folder by digest, but itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from lineage.candidate import CandidateFolder
from lineage.decisions import Signed
from lineage.entry import Head
from lineage.folders import MAX_LIST, read_regular
from lineage.roster import RELEASER, Roster
from lineage.signing import PASSPORT_TYPE, Envelope, Signer, make_statement, sign_statement
from lineage.statements import read_statement
from lineage.times import parse_utc, utc_text
from proofset.digest import canonical
from proofset.errors import DeniedError
from proofset.evidence import FileEntry, Files, Outcome
from proofset.policy import Policy
from proofset.spec import Frozen, Purpose

PASSPORT = "passport.dsse.json"
INCLUSION = "inclusion.json"
"""The ledger's proof that it holds the release; it names the passport, and so is not among its files."""
APPROVALS = "approvals"


class PassportApproval(Frozen):
    """Who approved, in which roles, with which key, and when. The signature itself is in `approvals/`."""

    person: str
    roles: tuple[str, ...]
    key: str
    signed_at: str
    recorded_at: str | None = None
    """When the ledger recorded it."""
    accepts: tuple[str, ...] = ()
    """Checks the evidence does not decide and this person accepted."""
    conditions: tuple[str, ...] = ()
    """Under which it was given."""


class Passport(Frozen):
    """What the platform states about a release."""

    candidate: str
    dataset: str
    title: str
    purpose: Purpose
    owner: str
    source_licence: str
    source_attribution: str
    generator: str
    generator_licence: str
    outcome: Outcome
    policy: str
    policy_version: str
    policy_digest: str
    waived: tuple[str, ...]
    """Checks that do not hold and were waived."""
    evidence_digest: str
    synthetic_digest: str
    seal: str
    """What the Parquet file carries, which cannot hold the digest of a passport that lists it."""
    generations: int
    """How far away from real data."""
    files: Files = Field(min_length=1)
    """Every file of the folder except the passport, candidate.json and approvals included."""
    approvals: tuple[PassportApproval, ...]
    released_by: str
    released_at: str
    expires_at: str | None = None
    """When the release's life ends by its policy; None for never."""
    ledger: Head
    """Size and root of the ledger when the release was made."""
    ledger_key: str
    """The ledger's verifier key, with which it signs its checkpoints."""
    software: str

    def statement(self) -> dict[str, Any]:
        """What is signed: an in-toto statement about the candidate and each data file."""
        subjects = [(self.dataset, self.candidate)]
        subjects += [(f.path, f.sha256) for f in self.files if f.path.startswith("data/")]
        return make_statement(subjects, PASSPORT_TYPE, self.plain())


def describe(
    folder: CandidateFolder,
    files: Sequence[FileEntry],
    approvals: Sequence[Signed],
    roster: Roster,
    *,
    released_by: str,
    released_at: str,
    ledger: Head,
    ledger_key: str,
    software: str,
) -> Passport:
    """Say what a passport must say about this candidate, these files and these approvals."""
    people = {p.id: p for p in roster.people}
    candidate, provenance, spec = folder.candidate, folder.provenance, folder.spec
    return Passport(
        candidate=candidate.digest,
        dataset=candidate.dataset,
        title=spec.title or spec.dataset,
        purpose=spec.purpose,
        owner=spec.owner,
        source_licence=spec.source.licence,
        source_attribution=spec.source.attribution,
        generator=provenance.generator.generator,
        generator_licence=provenance.generator.licence,
        outcome=candidate.outcome,
        policy=folder.policy.policy,
        policy_version=folder.policy.version,
        policy_digest=candidate.policy_digest,
        waived=tuple(f.check for f in folder.verdict.findings if f.waived),
        evidence_digest=candidate.evidence_digest,
        synthetic_digest=candidate.synthetic_digest,
        seal=candidate.seal,
        generations=provenance.generations,
        files=tuple(sorted(files, key=lambda f: f.path)),
        approvals=tuple(
            PassportApproval(
                person=s.person,
                roles=people[s.person].roles,
                key=s.key_id,
                signed_at=utc_text(s.signed_at),
                recorded_at=utc_text(s.recorded_at) if s.recorded_at else None,
                accepts=s.accepts,
                conditions=s.conditions,
            )
            for s in sorted(approvals, key=lambda s: s.person)
        ),
        released_by=released_by,
        released_at=released_at,
        expires_at=expiry(folder.policy, released_at),
        ledger=ledger,
        ledger_key=ledger_key,
        software=software,
    )


def expiry(policy: Policy, released_at: str) -> str | None:
    """When a release's life ends; None where the policy sets no end, or one that no calendar reaches."""
    if policy.expires_after_days is None:
        return None
    try:
        return utc_text(parse_utc(released_at) + timedelta(days=policy.expires_after_days))
    except OverflowError:
        return None


def sign_passport(passport: Passport, signer: Signer) -> Envelope:
    """Sign the passport's statement."""
    return sign_statement(passport.statement(), [signer])


def read_passport(folder: Path, roster: Roster) -> Passport:
    """Read a release's passport and verify its signature by a releaser of the roster.

    Raises DeniedError where it is missing, not intact, signed by anybody else, or says something else than its form.
    """
    data = read_regular(folder / PASSPORT, MAX_LIST)
    if data is None:
        flaw = "is missing" if not (folder / PASSPORT).is_file() else "cannot be read, or is far too long for one"
        raise DeniedError(f"{PASSPORT} {flaw}.", fix="Fetch the release again.")
    envelope = Envelope.from_bytes(data, PASSPORT)
    payload = envelope.verified(roster.keys_of(RELEASER))
    try:
        _, passport = read_statement(payload, PASSPORT_TYPE, Passport)
        released_at = parse_utc(passport.released_at)
        for text in (passport.expires_at, *(t for a in passport.approvals for t in (a.signed_at, a.recorded_at))):
            if text is not None:
                parse_utc(text)
        intact = canonical(passport.statement()) == payload
    except ValueError:
        intact = False
    if not intact:
        raise DeniedError(f"{PASSPORT}: the signed statement is not a passport as this platform writes it.")
    for signature in envelope.signatures:
        flaw = roster.flaw_of(signature.keyid, released_at)
        if flaw:
            raise DeniedError(f"{PASSPORT}: its signature does not count: {flaw}.")
    return passport
