"""The gate: may this candidate be released now? Pure; every missing thing is a reason, and no reason means yes.

The stored verdict is not believed: the policy is held against the stored scorecard again. It must be a pass, or a
review: then each check to be reviewed must be accepted by name in an approval that counts, by a holder of one of the
roles the policy asks for, where it asks for any, and a check on privacy by a privacy officer, where that is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from lineage.approval import Tally, tally
from lineage.candidate import SHORT, CandidateFolder
from lineage.chain import spec_digest
from lineage.decisions import Signed
from lineage.roster import Roster
from proofset.evidence import Finding, Outcome, Verdict
from proofset.policy import Policy
from proofset.spec import DatasetSpec, Frozen

PRIVACY_OFFICER = "privacy_officer"
_DAY = timedelta(days=1)


class Decision(Frozen):
    """The gate's answer. findings: how each demand turns out now."""

    allowed: bool
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]


class Live(Frozen):
    """A live release of the candidate's source that holds another table. table: the synthetic table's digest."""

    candidate: str
    dataset: str
    table: str


class Circumstances(Frozen):
    """What the ledger says around a candidate.

    recorded_at: when it was last recorded; None where it never was.
    measured_at: when its evidence was measured, by that record; None for when it was recorded.
    drifted_at: when its source was last seen to have drifted; None where it did not.
    withdrawn: why a revocation reaches it; () where none does.
    live: the other live releases of its source, together with which its table must have been attacked.
    """

    recorded_at: datetime | None = None
    measured_at: datetime | None = None
    drifted_at: datetime | None = None
    withdrawn: tuple[str, ...] = ()
    live: tuple[Live, ...] = ()


def decide(
    folder: CandidateFolder,
    policy: Policy,
    spec: DatasetSpec,
    signed: Sequence[Signed],
    roster: Roster,
    now: datetime,
    circumstances: Circumstances,
) -> Decision:
    """Decide from the evidence alone.

    Parameters
    ----------
    folder: the candidate, read and checked by `read_candidate`.
    policy, spec: the workspace's policy and dataset spec as they are now.
    signed: every decision about the candidate, from verified envelopes.
    now: with time zone.
    """
    if not policy.require:
        return Decision(allowed=False, reasons=("the policy demands nothing, so it proves nothing",), findings=())
    verdict = folder.judged(policy, now.astimezone(UTC).date())
    votes = count(folder, policy, signed, roster, now, circumstances.drifted_at)
    recorded_at = circumstances.recorded_at
    reasons = (
        *(f"it is withdrawn: {reason}" for reason in circumstances.withdrawn),
        *_about_policy(folder, policy),
        *_about_spec(folder, spec),
        *_about_generator(folder),
        *_about_record(policy, now, recorded_at, circumstances.measured_at or recorded_at),
        *(f"the evidence does not hang together: {link}" for link in folder.broken_links()),
        *_about_union(folder, circumstances.live),
        *_about_verdict(folder, policy, verdict, now),
        *unaccepted(policy, verdict, votes.counted, roster),
        *votes.reasons,
    )
    allowed = not reasons and votes.approved and verdict.outcome in (Outcome.PASS, Outcome.REVIEW)
    return Decision(allowed=allowed, reasons=reasons, findings=verdict.findings)


def count(
    folder: CandidateFolder,
    policy: Policy,
    signed: Sequence[Signed],
    roster: Roster,
    now: datetime,
    drifted_at: datetime | None = None,
) -> Tally:
    """Count the decisions about a candidate by the policy's rule; whom it keeps apart does not count."""
    apart: dict[str, str] = {}
    if "policy_author" in policy.approvals.separation:
        apart |= dict.fromkeys((*policy.authors, *(w.by for w in policy.waivers)), "the policy's authors")
    if "owner" in policy.approvals.separation:
        apart[folder.provenance.owner] = "the dataset's owner"
        if folder.spec.source.controller:
            apart[folder.spec.source.controller] = "who owns the source"
    return tally(policy.approvals, folder.candidate, signed, roster, now, apart, drifted_at)


def unaccepted(policy: Policy, verdict: Verdict, counted: Sequence[Signed], roster: Roster) -> Iterator[str]:
    """Why a check to be reviewed is not settled; nothing where each is accepted as it must be.

    Parameters
    ----------
    counted: the approvals that count, so about these very bytes, this evidence and this policy.
    """
    officers = {p.id for p in roster.people if PRIVACY_OFFICER in p.roles}
    roles = set(policy.approvals.roles)
    entitled = {p.id for p in roster.people if not roles or roles & set(p.roles)}
    for finding in verdict.blocking:
        if finding.outcome is not Outcome.REVIEW:
            continue
        people = {s.person for s in counted if finding.check in s.accepts}
        told = f"{_named(finding)}: to be reviewed, {finding.reason}"
        if not people:
            yield f"{told}; no approval that counts accepts '{finding.check}'"
        elif not people & entitled:
            whose = ", ".join(sorted(roles))
            yield f"{told}; no approval by a holder of the role {whose} accepts '{finding.check}'"
        elif PRIVACY_OFFICER in policy.approvals.roles and _about_privacy(finding, verdict) and not people & officers:
            yield f"{told}; no privacy officer's approval that counts accepts '{finding.check}'"


def _about_privacy(finding: Finding, verdict: Verdict) -> bool:
    """Whether a finding, or any within its group, is about privacy."""
    members = [f for f in verdict.findings if f.within == finding.check]
    return finding.measure.startswith("privacy.") or any(_about_privacy(m, verdict) for m in members)


def _named(finding: Finding) -> str:
    return f"{finding.measure or finding.check} {finding.threshold}"


def _about_policy(folder: CandidateFolder, policy: Policy) -> Iterator[str]:
    if policy.digest != folder.candidate.policy_digest:
        yield "the policy was changed since the candidate was judged; judge it again"
    if folder.spec.purpose not in policy.purposes:
        yield f"the policy does not cover the purpose {folder.spec.purpose.value}"


def _about_spec(folder: CandidateFolder, spec: DatasetSpec) -> Iterator[str]:
    if spec_digest(spec.public()) != folder.provenance.spec_digest:
        yield "the dataset's spec was changed since the candidate was made; run it again"


def _about_generator(folder: CandidateFolder) -> Iterator[str]:
    card = folder.provenance.generator
    if card.control:
        yield f"a control generator can never be released, and '{card.generator}' is one: it is made to fail"


def _about_record(
    policy: Policy, now: datetime, recorded_at: datetime | None, measured_at: datetime | None
) -> Iterator[str]:
    if recorded_at is None or measured_at is None:
        yield "the ledger does not record this candidate"
    elif max(recorded_at, measured_at) > now:
        yield "the ledger records this candidate in the future; check the clock"
    elif (now - measured_at) / _DAY > policy.evidence_max_age_days:
        yield f"the evidence is older than {policy.evidence_max_age_days} days; measure again"


def _about_union(folder: CandidateFolder, live: Sequence[Live]) -> Iterator[str]:
    """Live releases of the source that the attacks did not have: what they show together is not known."""
    attacked = {*(folder.scorecard.union or ()), folder.candidate.synthetic_digest}
    left = [f"{one.dataset}/{one.candidate[:SHORT]}" for one in live if one.table not in attacked]
    if left:
        which = f"the live release{'s' if len(left) > 1 else ''} {', '.join(left)} of its source"
        yield f"the attacks were not run together with {which}; run it again"


def _about_verdict(folder: CandidateFolder, policy: Policy, verdict: Verdict, now: datetime) -> Iterator[str]:
    for finding in verdict.blocking:
        if finding.outcome is not Outcome.REVIEW:
            yield f"{_named(finding)}: {finding.outcome.value}, {finding.reason}{_ended(finding, policy, now)}"
    if verdict != folder.verdict:
        yield "the stored verdict is not what the policy says about the stored evidence"


def _ended(finding: Finding, policy: Policy, now: datetime) -> str:
    """That a waiver of it has ended, or ""."""
    today = now.astimezone(UTC).date()
    ended = [w.until for w in policy.waivers if w.covers(finding.check, finding.measure) and w.until < today]
    return f"; its waiver ended on {max(ended).isoformat()}" if ended else ""
