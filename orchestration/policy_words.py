"""A verdict in words: each demand, what was observed, how it turned out, and why it is asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from orchestration.cli.screens import in_units, interval, number
from proofset.evidence import Finding, Measure, Scorecard, Verdict
from proofset.policy import Policy
from proofset.policy_demands import AllOf, AnyOf, Demand, Requirement, check_of
from proofset.policy_union import beside

BESIDE = {
    "validation_suite": "Every expectation of the validation suite holds",
    "generator_licence": "The generator's licence is {}",
    "generator": "The generator is {}",
    "purpose": "The purpose is {}",
    "residency": "The source's residency is {}",
    "generations": "Generations away from real data: {}",
    "real_share": "Share of the source's rows that are real data: {}",
}
"""What is asked beside measures, in words; {} stands for the limit."""


@dataclass(frozen=True)
class Explained:
    """One demand. depth: how deep it lies in groups.  waiver: in words, or ""."""

    check: str
    depth: int
    demand: str
    observed: str
    outcome: str
    severity: str
    blocks: bool
    waiver: str
    why: str
    source: str

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def explained(policy: Policy, verdict: Verdict, scorecard: Scorecard) -> list[Explained]:
    """Every demand of the policy, a group before its members, in the policy's order."""
    findings = {f.check: f for f in verdict.findings}
    measures = {m.name: m for m in scorecard.measures}
    rows = list(_demands(policy, policy.require, findings, measures, "", 0))
    told = {row.check for row in rows}
    for finding in verdict.findings:
        if finding.check not in told:
            limit = BESIDE.get(finding.check, finding.check).format(finding.threshold)
            rows.append(_row(finding, 0, limit, finding.reason, "", ""))
    return rows


def _demands(
    policy: Policy,
    demands: Sequence[Demand],
    findings: dict[str, Finding],
    measures: dict[str, Measure],
    place: str,
    depth: int,
) -> Iterator[Explained]:
    for count, demand in enumerate(demands, start=1):
        here = f"{place}_{count}"
        if isinstance(demand, AllOf | AnyOf):
            finding = findings[check_of(demand, here)]
            word = "All of these hold" if isinstance(demand, AllOf) else "At least one of these holds"
            yield _row(finding, depth, word, finding.reason, demand.why, "")
            yield from _demands(policy, demand.members, findings, measures, here, depth + 1)
            continue
        for asked in (demand, *(also for also in beside(demand, policy) if also.key in findings)):
            finding, measure = findings[asked.key], measures.get(asked.measure)
            seen = observed(asked, measure, finding)
            yield _row(finding, depth, demand_in_words(asked, measure), seen, asked.why, asked.source)


def _row(finding: Finding, depth: int, demand: str, seen: str, why: str, source: str) -> Explained:
    return Explained(
        check=finding.check,
        depth=depth,
        demand=demand,
        observed=seen,
        outcome=finding.outcome.value,
        severity=finding.severity,
        blocks=finding.blocks,
        waiver=finding.waived,
        why=why,
        source=source,
    )


def demand_in_words(demand: Requirement, measure: Measure | None) -> str:
    """A requirement as a sentence without a full stop."""
    title = (measure.title or measure.name) if measure else demand.measure
    about = {"whole": title, "worst": f"{title}, its worst part", "each": f"{title}, every part"}[demand.of]
    limit = _amount(demand, measure)
    kept = {
        "max": f"at most {limit}",
        "min": f"at least {limit}",
        "max_excess": f"at most {limit} above what real rows have",
        "min_ratio": f"at least {100 * demand.amount:g} % of what real rows have"
        + (f" above {demand.zero:g}, which is guessing" if demand.zero else ""),
    }[demand.kind]
    end = {"cautious": "", "value": ", by its value", "optimistic": ", by the optimistic end"}[demand.end]
    return f"{about} – {kept}{end}"


def _amount(demand: Requirement, measure: Measure | None) -> str:
    if measure is None or in_units(measure):
        return f"{demand.amount:g}"
    return f"{100 * demand.amount:g} %"


def observed(demand: Requirement, measure: Measure | None, finding: Finding) -> str:
    """What was found, in the units of the screen."""
    if measure is None or measure.value is None or demand.of != "whole":
        return finding.reason
    text = f"{number(measure.value, measure)}, interval {interval(measure)}"
    return text if measure.reference is None else f"{text}, real rows {number(measure.reference, measure)}"
