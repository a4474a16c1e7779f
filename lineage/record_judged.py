"""Making sections 5 to 7 of the provenance record, what was measured and judged, from a candidate's evidence. Pure."""

from __future__ import annotations

from lineage.candidate import CandidateFolder
from lineage.record_sections import Closeness, Held, Judgement, Risks, Waived
from lineage.record_words import attacks, untested
from proofset.evidence import Finding, Measure

CANARY = "privacy.canary_exposure"


def risks(parts: CandidateFolder) -> Risks:
    """Section 5."""
    made = parts.provenance
    measures = family(parts, "privacy")
    planted = parts.spec.table.quality.canaries
    unknown = [f"The risk of {risk} (WP216) was not measured." for risk in untested(measures)]
    if not planted:
        unknown.append("No canaries were planted, so it was not tested whether the generator remembers rows.")
    unknown += [
        f"{m.name} has no value: {m.detail or m.status}." for m in measures if m.status in ("error", "inconclusive")
    ]
    return Risks(
        attacks=attacks(measures),
        measures=measures,
        canaries=next((m for m in measures if m.name == CANARY), None),
        canaries_planted=planted,
        holdout_share=made.holdout_rows / made.source_rows,
        holdout_rows=made.holdout_rows,
        holdout_digest=made.holdout_digest,
        train_rows=made.train_rows,
        train_digest=made.train_digest,
        holdout="Drawn at random from the source's rows by the seed, before anything was learned. The generator never "
        "saw it: what an attack finds there it finds about anybody, which is what each risk is held against.",
        unknown=tuple(unknown),
    )


def family(parts: CandidateFolder, name: str) -> tuple[Measure, ...]:
    """The measures of a family that were asked and have a meaning here."""
    return tuple(m for m in parts.scorecard.measures if m.name.startswith(f"{name}.") and m.status != "unsupported")


def closeness(parts: CandidateFolder) -> Closeness:
    """Section 6."""
    terms, suite = parts.spec.release, parts.suite
    named = ("fidelity", "utility", "fairness", "validity")
    others = [
        m
        for m in parts.scorecard.measures
        if m.name.split(".")[0] not in (*named, "privacy") and m.status != "unsupported"
    ]
    groups = parts.spec.table.quality.groups
    unknown = [] if groups else ["No groups were named, so it was not measured whether they are treated alike."]
    if terms is None or terms.prohibited_uses is None:
        unknown.append("No use is named as prohibited.")
    if terms is None or terms.known_limits is None:
        unknown.append("No limits are declared; those listed are what was measured.")
    passed = sum(e.success for e in suite.expectations) if suite else 0
    return Closeness(
        **{name: family(parts, name) for name in named},
        others=tuple(others),
        groups=groups,
        suite=f"{passed} of {len(suite.expectations)} expectations hold" if suite else "it did not run",
        suite_failed=tuple(
            f"{e.column or 'the table'}: {e.detail or e.expectation}"
            for e in (suite.expectations if suite else ())
            if not e.success
        ),
        limits=(
            *(terms.known_limits or () if terms else ()),
            f"The generator is to be avoided where this holds: {parts.provenance.generator.avoid_when}",
        ),
        prohibited_uses=terms.prohibited_uses if terms else None,
        unknown=tuple(unknown),
    )


def judgement(parts: CandidateFolder) -> Judgement:
    """Section 7."""
    policy, verdict = parts.policy, parts.verdict
    return Judgement(
        policy=policy.policy,
        version=policy.version,
        digest=policy.digest,
        scorecard_digest=parts.scorecard.digest,
        description=policy.description,
        authors=policy.authors,
        outcome=verdict.outcome.value,
        findings=tuple(_held(f, parts.scorecard.measure(f.measure)) for f in verdict.findings),
        waivers=tuple(
            Waived(
                about=w.measure or w.check or "",
                why=w.why,
                by=w.by,
                until=w.until.isoformat(),
                used=any(f.waived and w.covers(f.check, f.measure) for f in verdict.findings),
            )
            for w in policy.waivers
        ),
        unknown=() if policy.authors else ("The policy does not say who wrote it.",),
    )


def _held(finding: Finding, measure: Measure | None) -> Held:
    seen = measure if measure is not None and not finding.part else None
    part = next((p for p in measure.parts if p.part == finding.part), None) if measure and finding.part else None
    return Held(
        check=finding.check,
        measure=finding.measure,
        threshold=finding.threshold,
        value=part.value if part else seen.value if seen else None,
        low=part.low if part else seen.low if seen else None,
        high=part.high if part else seen.high if seen else None,
        part=finding.part,
        outcome=finding.outcome.value,
        severity=finding.severity,
        reason=finding.reason,
        waived=finding.waived,
        within=finding.within,
    )
