"""Policy and verdict: thresholds over measures. Pure; used where evidence is made and again wherever it is believed.

The rule: a threshold is held against the *cautious* end of a measure's interval (the high end where a maximum is
set, the low end where a minimum is set).

    pass          the cautious end keeps the threshold
    fail          even the optimistic end breaks it
    inconclusive  the interval straddles the threshold, or the measure is missing, errored, or about other bytes

A policy passes when every threshold passes; it fails when any fails; otherwise it is inconclusive.
A policy without thresholds cannot be written: there is nothing it could prove.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from proofset.digest import sha256_json
from proofset.evidence import Finding, Measure, Outcome, Scorecard, SuiteResult, Verdict
from proofset.spec import Frozen, Name, Purpose


class Threshold(Frozen):
    """One demand on one measure. Exactly one of max, min, max_excess, min_ratio."""

    measure: str
    max: float | None = None
    min: float | None = None
    max_excess: float | None = None
    """The measure may exceed its holdout reference by at most this much."""
    min_ratio: float | None = None
    """The measure must be at least this share of its reference."""
    why: str = ""

    @model_validator(mode="after")
    def _one(self) -> Threshold:
        if sum(v is not None for v in (self.max, self.min, self.max_excess, self.min_ratio)) != 1:
            raise ValueError("give exactly one of max, min, max_excess, min_ratio")
        return self

    @property
    def kind(self) -> str:
        """Which of the four limits is set."""
        return next(k for k in ("max", "min", "max_excess", "min_ratio") if getattr(self, k) is not None)

    @property
    def key(self) -> str:
        """A name for the check: letters, digits and underscores."""
        return f"{self.measure}_{self.kind}".replace(".", "_")

    def text(self) -> str:
        """The demand as people write it."""
        if self.max is not None:
            return f"≤ {self.max:g}"
        if self.min is not None:
            return f"≥ {self.min:g}"
        if self.max_excess is not None:
            return f"≤ reference + {self.max_excess:g}"
        return f"≥ {self.min_ratio:g} × reference"


class ApprovalRule(Frozen):
    """How many people must sign, which roles must be among them, and for how long a signature counts."""

    required: int = Field(ge=1)
    roles: tuple[str, ...] = ()
    """Each role listed must be held by a different one of the signers."""
    valid_days: int = Field(default=30, ge=1, le=36500)

    @model_validator(mode="after")
    def _enough(self) -> ApprovalRule:
        if len(self.roles) > self.required:
            raise ValueError("more roles than required approvals; raise `required`")
        return self


class Policy(Frozen):
    """Thresholds, approvals and limits for a purpose."""

    policy: Name
    description: str = ""
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    thresholds: tuple[Threshold, ...] = Field(min_length=1)
    suite: bool = True
    """The validation suite must have run on these bytes and succeeded."""
    approvals: ApprovalRule
    evidence_max_age_days: int = Field(default=30, ge=1, le=36500)
    forbidden_licences: tuple[str, ...] = ()
    """Licences of generators this policy does not accept, e.g. "BUSL-1.1"."""

    @model_validator(mode="after")
    def _distinct(self) -> Policy:
        keys = [t.key for t in self.thresholds]
        if len(set(keys)) != len(keys):
            raise ValueError("a threshold of the same kind is set twice for one measure")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON."""
        return sha256_json(self.plain())


def judge(policy: Policy, scorecard: Scorecard, suite: SuiteResult | None, generator_licence: str) -> Verdict:
    """Hold the evidence against the policy. Pure: the same evidence gives the same verdict.

    Parameters
    ----------
    suite: the validation suite's result, or None where it did not run.
    generator_licence: SPDX identifier of the generator that made the bytes.
    """
    measures = {m.name: m for m in scorecard.measures}
    findings = [_weigh(t, measures.get(t.measure)) for t in policy.thresholds]
    if policy.suite:
        findings.append(_weigh_suite(suite, scorecard.synthetic_digest))
    if policy.forbidden_licences:
        bad = generator_licence in policy.forbidden_licences
        findings.append(
            Finding(
                check="generator_licence",
                measure="",
                threshold=f"not {', '.join(policy.forbidden_licences)}",
                outcome=Outcome.FAIL if bad else Outcome.PASS,
                reason=f"the generator's licence is {generator_licence}",
            )
        )
    outcomes = {f.outcome for f in findings}
    overall = next(o for o in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS) if o in outcomes)
    return Verdict(
        outcome=overall,
        synthetic_digest=scorecard.synthetic_digest,
        scorecard_digest=scorecard.digest,
        policy_digest=policy.digest,
        findings=tuple(findings),
    )


def _weigh(threshold: Threshold, measure: Measure | None) -> Finding:
    def found(outcome: Outcome, reason: str) -> Finding:
        return Finding(
            check=threshold.key, measure=threshold.measure, threshold=threshold.text(), outcome=outcome, reason=reason
        )

    if measure is None:
        return found(Outcome.INCONCLUSIVE, "not measured")
    if measure.value is None or measure.low is None or measure.high is None:
        return found(Outcome.INCONCLUSIVE, f"measurement {measure.status}: {measure.detail or 'no value'}")
    limit: float
    if threshold.max is not None or threshold.max_excess is not None:
        if threshold.max_excess is not None:
            if measure.reference is None:
                return found(Outcome.INCONCLUSIVE, "has no holdout reference")
            limit = measure.reference + threshold.max_excess
        else:
            limit = threshold.max or 0.0
        cautious_ok, optimistic_ok = measure.high <= limit, measure.low <= limit
    else:
        if threshold.min_ratio is not None:
            if measure.reference is None:
                return found(Outcome.INCONCLUSIVE, "has no holdout reference")
            limit = measure.reference * threshold.min_ratio
        else:
            limit = threshold.min or 0.0
        cautious_ok, optimistic_ok = measure.low >= limit, measure.high >= limit
    shown = f"{measure.value:.4g} [{measure.low:.4g}, {measure.high:.4g}] against {limit:.4g}"
    if cautious_ok:
        return found(Outcome.PASS, shown)
    if not optimistic_ok:
        return found(Outcome.FAIL, shown)
    return found(Outcome.INCONCLUSIVE, f"{shown}: the interval straddles the threshold")


def _weigh_suite(suite: SuiteResult | None, synthetic_digest: str) -> Finding:
    outcome, reason = Outcome.INCONCLUSIVE, "did not run"
    if suite is not None and suite.synthetic_digest != synthetic_digest:
        reason = "ran on other bytes"
    elif suite is not None and not suite.expectations:
        reason = "held no expectation"
    elif suite is not None:
        failed = [e for e in suite.expectations if not e.success]
        outcome = Outcome.FAIL if failed else Outcome.PASS
        reason = f"{len(suite.expectations) - len(failed)} of {len(suite.expectations)} expectations hold"
    return Finding(
        check="validation_suite", measure="", threshold="every expectation holds", outcome=outcome, reason=reason
    )
