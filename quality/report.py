"""The report: one self-contained HTML page for the person who has to answer for a release.

It shows evidence only: of the source, what the protected profile holds; of the synthetic table, what passes the
same protection. It loads nothing, runs nothing, and has no date: the same evidence gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from markupsafe import Markup

from proofset.evidence import Finding, Measure, Outcome, Profile, Provenance, Scorecard, SuiteResult, Verdict
from proofset.policy import Policy, Threshold
from quality.plots import Limit, Mark, measure_bar
from quality.report_columns import ColumnView, column_views

GROUPS = {
    "diagnostic": ("Valid", "Is every value one that the source could hold?"),
    "fidelity": ("Faithful", "Does it look like the source, column by column and pair by pair?"),
    "utility": ("Useful", "Does a model trained on it work on real rows?"),
    "privacy": ("Private", "Does it give away who was in the training data?"),
}
_WORST_PAIRS = 10
_STATUS = {"ok": "", "error": "error", "unsupported": "not applicable"}


@dataclass(frozen=True)
class MeasureView:
    """A row of the scorecard, ready to print."""

    title: str
    name: str
    method: str
    value: str
    interval: str
    reference: str
    threshold: str
    why: str
    outcome: str
    reason: str
    better: str
    bar: Markup | None


@dataclass(frozen=True)
class PairView:
    """A pair of columns with its error, and the error as a share of the worst."""

    name: str
    error: str
    width: str


def render(
    provenance: Provenance,
    profile: Profile,
    scorecard: Scorecard,
    suite: SuiteResult | None,
    verdict: Verdict,
    policy: Policy,
    synthetic: pa.Table,
) -> str:
    """Return the page. The evidence must be about one candidate; nothing is measured anew but the synthetic shares."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    failed = [f for f in verdict.findings if f.outcome != Outcome.PASS]
    page = environment.get_template("report.html.j2").render(
        provenance=provenance,
        profile=profile,
        verdict=verdict,
        policy=policy,
        failed=failed,
        groups=_groups(scorecard, verdict, policy),
        extra=[f for f in verdict.findings if not f.measure],
        columns=column_views(profile, scorecard, synthetic),
        pairs=_pairs(scorecard),
        suite=suite,
        suite_columns=_by_column(suite),
        digests=_digests(provenance, scorecard, verdict),
        scorecard=scorecard,
    )
    return page if page.endswith("\n") else page + "\n"


def _groups(scorecard: Scorecard, verdict: Verdict, policy: Policy) -> list[tuple[tuple[str, str], list[MeasureView]]]:
    """Measures by family, those with a threshold first and in the policy's order.

    A threshold on a measure that is missing shows as a row of its own.
    """
    rows: dict[str, list[MeasureView]] = {}
    findings = {f.check: f for f in verdict.findings}
    measured = {m.name: m for m in scorecard.measures}
    asked = [t.measure for t in policy.thresholds]
    by_policy = sorted(scorecard.measures, key=lambda m: asked.index(m.name) if m.name in asked else len(asked))
    for measure in by_policy:
        wanted = [t for t in policy.thresholds if t.measure == measure.name]
        family = measure.name.partition(".")[0]
        for threshold in (*wanted,) or (None,):
            finding = findings.get(threshold.key) if threshold else None
            rows.setdefault(family, []).append(_row(measure, threshold, finding))
    for threshold in policy.thresholds:
        if threshold.measure not in measured:
            rows.setdefault(threshold.measure.partition(".")[0], []).append(_missing(threshold, findings))
    order = [*GROUPS, *sorted(set(rows) - set(GROUPS))]
    return [(GROUPS.get(name, (name.capitalize(), "")), rows[name]) for name in order if name in rows]


def _row(measure: Measure, threshold: Threshold | None, finding: Finding | None) -> MeasureView:
    def shown(value: float | None) -> str:
        return number(measure.name, value)

    value = measure.value is not None and measure.low is not None and measure.high is not None
    interval = f"{shown(measure.low)} to {shown(measure.high)}" if value else ""
    exact = value and measure.low == measure.high and measure.name.startswith("diagnostic.")
    return MeasureView(
        title=measure.title,
        name=measure.name,
        method=measure.method,
        value=shown(measure.value) if value else _STATUS[measure.status],
        interval="exact" if exact else interval or measure.detail,
        reference="" if measure.reference is None else shown(measure.reference),
        threshold=_threshold(measure.name, threshold),
        why=threshold.why if threshold else "",
        outcome=finding.outcome.value if finding else "none",
        reason=finding.reason if finding else "",
        better=measure.direction.value,
        bar=_bar(measure, threshold),
    )


def _missing(threshold: Threshold, findings: dict[str, Finding]) -> MeasureView:
    finding = findings.get(threshold.key)
    return MeasureView(
        title=threshold.measure,
        name=threshold.measure,
        method="",
        value="missing",
        interval="not measured",
        reference="",
        threshold=_threshold(threshold.measure, threshold),
        why=threshold.why,
        outcome=finding.outcome.value if finding else Outcome.INCONCLUSIVE.value,
        reason=finding.reason if finding else "not measured",
        better="",
        bar=None,
    )


def number(name: str, value: float | None) -> str:
    """A measure's number as people read it: AUC and R² with three decimals, everything else in per cent.

    What is not wholly 0 or 100 % is never rounded to it.
    """
    if value is None:
        return "–"
    if "auc" in name or "r2" in name:
        return f"{value:.3f}"
    if 0.9999 < value < 1:
        return "> 99.99\u00a0%"
    if 0 < value < 0.0001:
        return "< 0.01\u00a0%"
    return f"{100 * value:.0f}\u00a0%" if value in (0, 1) else f"{100 * value:.2f}\u00a0%"


def _threshold(name: str, threshold: Threshold | None) -> str:
    if threshold is None:
        return "–"
    if threshold.max is not None:
        return f"≤ {number(name, threshold.max)}"
    if threshold.min is not None:
        return f"≥ {number(name, threshold.min)}"
    if threshold.max_excess is not None:
        return f"≤ real + {number(name, threshold.max_excess)}"
    return threshold.text().replace("reference", "real")


def limit_of(measure: Measure, threshold: Threshold | None) -> Limit | None:
    """Where a threshold lies on the measure's line; None where it needs a reference that is missing."""
    if threshold is None:
        return None
    if threshold.max is not None:
        return Limit(threshold.max, at_most=True)
    if threshold.min is not None:
        return Limit(threshold.min, at_most=False)
    if measure.reference is None:
        return None
    if threshold.max_excess is not None:
        return Limit(measure.reference + threshold.max_excess, at_most=True)
    return Limit(measure.reference * (threshold.min_ratio or 0.0), at_most=False)


def _bar(measure: Measure, threshold: Threshold | None) -> Markup | None:
    if measure.value is None or measure.low is None or measure.high is None:
        return None
    limit = limit_of(measure, threshold)
    reference = None
    if measure.reference is not None and measure.reference_low is not None and measure.reference_high is not None:
        reference = Mark(measure.reference, measure.reference_low, measure.reference_high)
    words = [f"{measure.title}: {number(measure.name, measure.value)}"]
    words.append(f"interval {number(measure.name, measure.low)} to {number(measure.name, measure.high)}")
    if reference:
        words.append(f"on real rows {number(measure.name, reference.value)}")
    if threshold:
        words.append(f"threshold {_threshold(measure.name, threshold)}")
    mark = Mark(measure.value, measure.low, measure.high)
    span = (measure.floor, measure.ceiling)
    return measure_bar("; ".join(words), mark, reference, limit, span, lambda v: number(measure.name, v))


def _pairs(scorecard: Scorecard) -> list[PairView]:
    """The pairs of columns that are furthest from the source's."""
    errors = scorecard.details.get("pair_error_by_pair", {})
    worst = sorted(errors.items(), key=lambda item: (-item[1], item[0]))[:_WORST_PAIRS]
    most = worst[0][1] if worst and worst[0][1] > 0 else 1.0
    return [PairView(n, number("", e), f"{100 * e / most:.1f}%") for n, e in worst]


def _by_column(suite: SuiteResult | None) -> list[tuple[str, list[tuple[bool, str]]]]:
    """Expectations in words under the column they are about; what failed says by how much."""
    found: dict[str, list[tuple[bool, str]]] = {}
    for result in suite.expectations if suite else ():
        words = result.detail or result.expectation
        if not result.success and result.unexpected_percent is not None:
            words += f" – {result.unexpected_percent:.2f} % do not comply"
        found.setdefault(result.column or "The table", []).append((result.success, words))
    return list(found.items())


def _digests(provenance: Provenance, scorecard: Scorecard, verdict: Verdict) -> list[tuple[str, str, str]]:
    """What the page is about, by SHA-256."""

    def rows(count: int) -> str:
        return f"{count:,} rows"

    return [
        ("Source", provenance.source_digest, rows(provenance.source_rows)),
        ("Training part", provenance.train_digest, rows(provenance.train_rows)),
        ("Holdout part", provenance.holdout_digest, rows(provenance.holdout_rows)),
        ("Synthetic table", provenance.synthetic_digest, rows(provenance.synthetic_rows)),
        ("Dataset spec", provenance.spec_digest, ""),
        ("Profile", provenance.profile_digest, ""),
        ("Fitted generator", provenance.fitted_digest, ""),
        ("Scorecard", scorecard.digest, ""),
        ("Policy", verdict.policy_digest, ""),
    ]


__all__ = ["ColumnView", "MeasureView", "PairView", "limit_of", "number", "render"]
