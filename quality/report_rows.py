"""Rows of the page: families, their measures with bars, and the parts of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from proofset.evidence import Measure, Outcome, Share
from proofset.policy import Policy
from proofset.policy_demands import Requirement
from proofset.policy_union import requirements_with_unions
from quality.plots import measure_bar, window
from quality.report_attacks import AttackView, attack_views
from quality.report_marks import limit_of, marks_of, whole
from quality.report_model import FamilyReport, Measured, Report, Told
from quality.report_numbers import limit_text, of
from quality.report_words import STATUS, WHY_STATUS

_SPOKEN = ("share", "AUC", "R²")
"""Units that the numbers or the titles show."""
_TOLD = 3
"""Parts that are named without being asked for."""


@dataclass(frozen=True)
class DemandView:
    """What the policy asks of a measure, and how it turned out."""

    text: str
    outcome: str
    why: str
    waived: str
    warns: bool


@dataclass(frozen=True)
class PartView:
    """One part of a measure; left, width and the like are places on the line, in per cent."""

    name: str
    value: str
    interval: str
    reference: str
    n: str
    left: str
    width: str
    at: str
    reference_at: str


@dataclass(frozen=True)
class PartsView:
    """The parts of a measure, the worst first, on one line from start to end."""

    kind: str
    count: str
    worst: str
    start: str
    end: str
    rows: tuple[PartView, ...]


@dataclass(frozen=True)
class MeasureView:
    """A measure, ready to print."""

    title: str
    name: str
    anchor: str
    method: str
    paper: str
    rests_on: str
    detail: str
    value: str
    interval: str
    status: str
    reason: str
    reference: str
    better: str
    unit: str
    words: str
    gates: bool
    bar: Markup | None
    demands: tuple[DemandView, ...]
    parts: PartsView | None


@dataclass(frozen=True)
class FamilyView:
    """A family, ready to print. outcome: the worst of its demands; "" where there is none."""

    name: str
    title: str
    question: str
    outcome: str
    measures: tuple[MeasureView, ...]
    warnings: tuple[MeasureView, ...]
    missing: tuple[tuple[str, tuple[DemandView, ...]], ...]
    attacks: tuple[AttackView, ...]


def family_views(report: Report, policy: Policy, columns: Sequence[str]) -> list[FamilyView]:
    """All families, ready to print. columns: names of the table's columns."""
    asked: dict[str, list[Requirement]] = {}
    told = {t.finding.check: t for t in report.findings}
    for requirement in requirements_with_unions(policy, told):
        asked.setdefault(requirement.measure, []).append(requirement)
    return [_family(f, asked, told, frozenset(columns)) for f in report.families]


def _family(
    family: FamilyReport, asked: dict[str, list[Requirement]], told: dict[str, Told], columns: frozenset[str]
) -> FamilyView:
    views = [_measure(m, asked.get(m.measure.name, []), told, columns) for m in family.measures]
    missing = tuple((name, _demands(asked.get(name, []), told, None)) for name in family.missing)
    demands = [d for v in views for d in v.demands] + [d for _, ds in missing for d in ds]
    outcomes = ["pass" if d.waived else d.outcome for d in demands if not d.warns]
    worst = next((o for o in ("fail", "inconclusive", "review", "pass") if o in outcomes), "")
    return FamilyView(
        name=family.name,
        title=family.title,
        question=family.question,
        outcome=worst,
        measures=tuple(v for v in views if v.gates),
        warnings=tuple(v for v in views if not v.gates),
        missing=missing,
        attacks=attack_views([m.measure for m in family.measures if m.measure.gates], asked),
    )


def _measure(
    measured: Measured, asked: Sequence[Requirement], told: dict[str, Told], columns: frozenset[str]
) -> MeasureView:
    measure = measured.measure
    known = measure.status == "ok"
    exact = known and measure.low == measure.high
    rests = [f"n = {measure.n:,}"] if measure.n else []
    return MeasureView(
        title=measure.title,
        name=measure.name,
        anchor=measure.name.replace(".", "-"),
        method=measure.method,
        paper=measure.paper,
        rests_on="; ".join(rests + ([f"sample: {measure.sampled}"] if measure.sampled else [])),
        detail=measure.detail if known else "",
        value=of(measure, measure.value) if known else STATUS[measure.status],
        interval=("exact" if exact else f"{of(measure, measure.low)} to {of(measure, measure.high)}") if known else "",
        status=measure.status,
        reason="" if known else f"{WHY_STATUS[measure.status]}{': ' if measure.detail else '.'}{measure.detail}",
        reference="" if measure.reference is None else of(measure, measure.reference),
        better=measure.direction.value,
        unit="" if measure.unit in _SPOKEN else measure.unit,
        words=measured.words,
        gates=measure.gates,
        bar=_bar(measure, next(iter(whole(asked)), None) if measure.gates else None),
        demands=_demands(asked, told, measure),
        parts=_parts(measure, columns),
    )


def _demands(asked: Sequence[Requirement], told: dict[str, Told], measure: Measure | None) -> tuple[DemandView, ...]:
    views = []
    for requirement in asked:
        found = told.get(requirement.key)
        views.append(
            DemandView(
                text=limit_text(requirement, measure),
                outcome=found.finding.outcome.value if found else Outcome.INCONCLUSIVE.value,
                why=requirement.why,
                waived=found.finding.waived if found else "",
                warns=requirement.severity == "warn",
            )
        )
    return tuple(views)


def _bar(measure: Measure, threshold: Requirement | None) -> Markup | None:
    marks = marks_of(measure)
    if marks is None:
        return None
    mark, reference = marks
    words = [f"{measure.title}: {of(measure, mark.value)}"]
    words.append(f"interval {of(measure, mark.low)} to {of(measure, mark.high)}")
    if reference:
        words.append(f"on real rows {of(measure, reference.value)}")
    if threshold:
        words.append(f"threshold {limit_text(threshold, measure)}")
    span = (measure.floor, measure.ceiling)
    limit = limit_of(measure, threshold)
    return measure_bar("; ".join(words), mark, reference, limit, span, lambda v: of(measure, v))


def _parts(measure: Measure, columns: frozenset[str]) -> PartsView | None:
    if not measure.parts:
        return None
    low = min(_low(p) for p in measure.parts)
    high = max(_high(p) for p in measure.parts)
    low = min(low, 0.0) if measure.unit == "share" and low < 0.2 else low
    start, end = window([low, high], measure.floor, measure.ceiling)

    def at(value: float) -> float:
        return 100 * (min(max(value, start), end) - start) / (end - start)

    rows = tuple(
        PartView(
            name=p.part,
            value=of(measure, p.value),
            interval="" if p.low is None or p.high is None else f"{of(measure, p.low)} to {of(measure, p.high)}",
            reference="" if p.reference is None else of(measure, p.reference),
            n="" if p.n is None else f"{p.n:,}",
            left=f"{at(p.value if p.low is None else p.low):.1f}",
            width=f"{at(p.value if p.high is None else p.high) - at(p.value if p.low is None else p.low):.1f}",
            at=f"{at(p.value):.1f}",
            reference_at="" if p.reference is None else f"{at(p.reference):.1f}",
        )
        for p in measure.parts
    )
    kind = _kind(measure.parts, columns)
    of_all = f" of {measure.parts_count:,}" if measure.parts_count > len(rows) else ""
    count = f"the {len(rows)} worst{of_all} {kind}" if measure.dropped else f"{len(rows)} {kind}"
    worst = ", ".join(f"{row.name} {row.value}" for row in rows[:_TOLD])
    return PartsView(kind, count, worst, of(measure, start), of(measure, end), rows)


def _low(part: Share) -> float:
    return min(v for v in (part.value, part.low, part.reference) if v is not None)


def _high(part: Share) -> float:
    return max(v for v in (part.value, part.high, part.reference) if v is not None)


def _kind(parts: Sequence[Share], columns: frozenset[str]) -> str:
    """What the parts are, in the plural where there are several."""
    word = "part"
    if all(p.part in columns for p in parts):
        word = "column"
    elif all(" × " in p.part for p in parts):
        word = "combination"
    return word if len(parts) == 1 else f"{word}s"


__all__ = ["DemandView", "FamilyView", "MeasureView", "PartView", "PartsView", "family_views"]
