"""The gate: may this candidate be released now? Pure; every missing thing is a reason, and no reason means yes.

The stored verdict is not believed: the policy is held against the stored scorecard again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from lineage.approval import Signed, tally
from lineage.candidate import CandidateFolder
from lineage.chain import spec_digest
from lineage.roster import Roster
from proofset.evidence import Finding, Outcome, Verdict
from proofset.policy import Policy, judge
from proofset.spec import DatasetSpec, Frozen

_DAY = timedelta(days=1)


class Decision(Frozen):
    """The gate's answer. findings: how each threshold turns out now."""

    allowed: bool
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]


def decide(
    folder: CandidateFolder,
    policy: Policy,
    spec: DatasetSpec,
    signed: Sequence[Signed],
    roster: Roster,
    now: datetime,
    recorded_at: datetime | None,
    measured_at: datetime | None = None,
) -> Decision:
    """Decide from the evidence alone.

    Parameters
    ----------
    folder: the candidate, read and checked by `read_candidate`.
    policy, spec: the workspace's policy and dataset spec as they are now.
    signed: every decision about the candidate, from verified envelopes.
    recorded_at: when the ledger last recorded the candidate; None where it never did.
    measured_at: when its evidence was measured, by that record; None for when it was recorded.
    """
    if not policy.thresholds:
        return Decision(allowed=False, reasons=("the policy demands nothing, so it proves nothing",), findings=())
    verdict = judge(policy, folder.scorecard, folder.suite, folder.provenance.generator.licence)
    count = tally(policy.approvals, folder.candidate, signed, roster, now)
    reasons = (
        *_about_policy(folder, policy),
        *_about_spec(folder, spec),
        *_about_record(policy, now, recorded_at, measured_at or recorded_at),
        *(f"the evidence does not hang together: {link}" for link in folder.broken_links()),
        *_about_verdict(folder, verdict),
        *count.reasons,
    )
    allowed = not reasons and count.approved
    return Decision(allowed=allowed, reasons=reasons, findings=verdict.findings)


def _about_policy(folder: CandidateFolder, policy: Policy) -> Iterator[str]:
    if policy.digest != folder.candidate.policy_digest:
        yield "the policy was changed since the candidate was judged; judge it again"
    if folder.spec.purpose not in policy.purposes:
        yield f"the policy does not cover the purpose {folder.spec.purpose.value}"


def _about_spec(folder: CandidateFolder, spec: DatasetSpec) -> Iterator[str]:
    if spec_digest(spec.public()) != folder.provenance.spec_digest:
        yield "the dataset's spec was changed since the candidate was made; run it again"


def _about_record(
    policy: Policy, now: datetime, recorded_at: datetime | None, measured_at: datetime | None
) -> Iterator[str]:
    if recorded_at is None or measured_at is None:
        yield "the ledger does not record this candidate"
    elif max(recorded_at, measured_at) > now:
        yield "the ledger records this candidate in the future; check the clock"
    elif (now - measured_at) / _DAY > policy.evidence_max_age_days:
        yield f"the evidence is older than {policy.evidence_max_age_days} days; measure again"


def _about_verdict(folder: CandidateFolder, verdict: Verdict) -> Iterator[str]:
    for finding in verdict.findings:
        if finding.outcome is not Outcome.PASS:
            yield f"{finding.measure or finding.check} {finding.threshold}: {finding.outcome.value}, {finding.reason}"
    if verdict != folder.verdict:
        yield "the stored verdict is not what the policy says about the stored evidence"
