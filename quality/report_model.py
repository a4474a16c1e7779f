"""What a report says, before it is written as HTML, JSON or Markdown; `report.json` is this model.

`format` changes with the meaning of a field; fields may be added without that.
"""

from __future__ import annotations

from typing import Literal

from proofset.evidence import (
    Finding,
    Measure,
    ModelCard,
    Outcome,
    Profile,
    Provenance,
    Scorecard,
    SuiteResult,
    Verdict,
)
from proofset.frozen import Frozen
from proofset.policy import Policy
from proofset.policy_demands import Requirement, groups
from proofset.policy_judge import ORDER
from proofset.policy_union import requirements_with_unions
from quality.report_numbers import limit_text
from quality.report_words import attack, conclusions, not_certified, said, summary

FAMILIES = {
    "validity": ("Validity", "Is every value one that the source could hold?"),
    "fidelity": ("Fidelity", "Does it look like the source, column by column and pair by pair?"),
    "utility": ("Utility", "Does a model that learns from it work on real rows?"),
    "privacy": ("Privacy", "Does it give away who was in the data, or what is known of them?"),
    "fairness": ("Fairness", "Does it treat groups as the source does?"),
}
"""Families with a place of their own: title and question. Others follow by name."""


class Told(Frozen):
    """A finding with its words: what it is about, the limit, why it turned out so, the policy's reason and source."""

    finding: Finding
    title: str
    limit: str
    words: str
    why: str = ""
    source: str = ""


class Measured(Frozen):
    """A measure, what it found in plain words, and the worst outcome of the demands on it; None where none is made."""

    measure: Measure
    outcome: Outcome | None
    words: str = ""


class FamilyReport(Frozen):
    """A family's measures: those with a demand first, then by name. missing: demanded, and not measured."""

    name: str
    title: str
    question: str
    measures: tuple[Measured, ...]
    missing: tuple[str, ...] = ()


class SuiteSummary(Frozen):
    """How the validation suite went; failed holds expectations in words."""

    suite: str
    held: int
    total: int
    failed: tuple[str, ...] = ()


class Signers(Frozen):
    """Who has to sign before a release."""

    required: int
    roles: tuple[str, ...] = ()


class Report(Frozen):
    """Everything a report says but the pictures."""

    format: Literal["proofset.report/1"] = "proofset.report/1"
    dataset: str
    table: str
    purpose: str
    owner: str
    requested_by: str
    outcome: Outcome
    summary: str
    policy: str
    policy_version: str
    signers: Signers
    conclusions: tuple[str, ...]
    not_certified: tuple[str, ...]
    findings: tuple[Told, ...]
    families: tuple[FamilyReport, ...]
    suite: SuiteSummary | None
    rows: dict[str, int]
    digests: dict[str, str]
    generator: ModelCard
    seed: int
    generations: int
    versions: dict[str, str]


def report_of(
    provenance: Provenance,
    profile: Profile,
    scorecard: Scorecard,
    suite: SuiteResult | None,
    verdict: Verdict,
    policy: Policy,
) -> Report:
    """Put the evidence of one candidate into words. Nothing is measured anew."""
    return Report(
        dataset=provenance.dataset,
        table=provenance.table,
        purpose=provenance.purpose.value,
        owner=provenance.owner,
        requested_by=provenance.requested_by,
        outcome=verdict.outcome,
        summary=summary(verdict, policy),
        policy=policy.policy,
        policy_version=policy.version,
        signers=Signers(required=policy.approvals.required, roles=policy.approvals.roles),
        conclusions=conclusions(scorecard, verdict, policy, provenance),
        not_certified=not_certified(scorecard, verdict, profile, provenance, policy),
        findings=_told(scorecard, verdict, policy),
        families=_families(scorecard, verdict, policy),
        suite=_suite(suite),
        rows={
            "source": provenance.source_rows,
            "train": provenance.train_rows,
            "holdout": provenance.holdout_rows,
            "synthetic": provenance.synthetic_rows,
        },
        digests={
            "source": provenance.source_digest,
            "train": provenance.train_digest,
            "holdout": provenance.holdout_digest,
            "synthetic": provenance.synthetic_digest,
            "spec": provenance.spec_digest,
            "profile": provenance.profile_digest,
            "fitted": provenance.fitted_digest,
            "scorecard": scorecard.digest,
            "policy": verdict.policy_digest,
        },
        generator=provenance.generator,
        seed=provenance.seed,
        generations=provenance.generations,
        versions=scorecard.versions,
    )


def _told(scorecard: Scorecard, verdict: Verdict, policy: Policy) -> tuple[Told, ...]:
    asked: dict[str, Requirement] = {r.key: r for r in _asked(verdict, policy)}
    grouped = dict(groups(policy.require))
    told = []
    for finding in verdict.findings:
        measure = scorecard.measure(finding.measure) if finding.measure else None
        requirement, group = asked.get(finding.check), grouped.get(finding.check)
        title = measure.title if measure else finding.measure or finding.check.replace("_", " ").capitalize()
        told.append(
            Told(
                finding=finding,
                title=title,
                limit=limit_text(requirement, measure) if requirement else finding.threshold,
                words=said(finding, measure, requirement),
                why=requirement.why if requirement else group.why if group else "",
                source=requirement.source if requirement else "",
            )
        )
    return tuple(told)


def _families(scorecard: Scorecard, verdict: Verdict, policy: Policy) -> tuple[FamilyReport, ...]:
    """All measures by family, those with a demand first and in the policy's order; warnings last."""
    asked = [r.measure for r in _asked(verdict, policy)]
    outcomes: dict[str, list[Outcome]] = {}
    for finding in verdict.findings:
        outcomes.setdefault(finding.measure, []).append(finding.outcome)
    rows: dict[str, list[Measured]] = {}
    for measure in sorted(
        scorecard.measures, key=lambda m: (not m.gates, asked.index(m.name) if m.name in asked else len(asked), m.name)
    ):
        found = min(outcomes.get(measure.name, ()), key=ORDER.index, default=None)
        rows.setdefault(_family(measure.name), []).append(
            Measured(measure=measure, outcome=found, words=attack(measure))
        )
    measured = {m.name for m in scorecard.measures}
    missing: dict[str, list[str]] = {}
    for name in dict.fromkeys(asked):
        if name not in measured:
            missing.setdefault(_family(name), []).append(name)
    order = [*FAMILIES, *sorted({*rows, *missing} - set(FAMILIES))]
    return tuple(
        FamilyReport(
            name=name,
            title=FAMILIES.get(name, (name.replace("_", " ").capitalize(), ""))[0],
            question=FAMILIES.get(name, ("", ""))[1],
            measures=tuple(rows.get(name, ())),
            missing=tuple(missing.get(name, ())),
        )
        for name in order
        if name in rows or name in missing
    )


def _asked(verdict: Verdict, policy: Policy) -> tuple[Requirement, ...]:
    """The policy's requirements, and those on the union that were judged beside them."""
    return requirements_with_unions(policy, {f.check for f in verdict.findings})


def _family(name: str) -> str:
    return name.partition(".")[0]


def _suite(suite: SuiteResult | None) -> SuiteSummary | None:
    if suite is None:
        return None
    failed = [e for e in suite.expectations if not e.success]
    return SuiteSummary(
        suite=suite.suite,
        held=len(suite.expectations) - len(failed),
        total=len(suite.expectations),
        failed=tuple(f"{e.column or 'the table'}: {e.detail or e.expectation}" for e in failed),
    )


__all__ = ["FAMILIES", "FamilyReport", "Measured", "Report", "Signers", "SuiteSummary", "Told", "report_of"]
