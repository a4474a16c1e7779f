"""The report as Markdown, for a terminal and for a review of changes. Everything but the pictures and all parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from proofset.evidence import Outcome
from quality.report_model import FamilyReport, Measured, Report, Told
from quality.report_numbers import NBSP, of
from quality.report_words import OUTCOMES, STATUS, WHY_STATUS

_WORST = 5
"""Parts of a measure that are listed."""
_SPECIAL = re.compile(r"([\\`*\[\]|<>#]|(?<!\w)_|_(?!\w))")


def markdown(report: Report) -> str:
    """Write the report."""
    purpose = report.purpose.replace("_", " ")
    rows = {name: f"{count:,}" for name, count in report.rows.items()}
    lines = [
        f"# {_plain(report.dataset)}: quality report",
        "",
        f"**{OUTCOMES[report.outcome]}** under the policy `{report.policy}` (version {_plain(report.policy_version)}) "
        f"for {purpose}. {_plain(report.summary)}",
        "",
        f"{rows['synthetic']} synthetic rows made by {_plain(report.generator.title)} from {rows['train']} real rows; "
        f"{rows['holdout']} real rows that the generator never saw are the reference (*real* below).",
        "",
        *_reasons(report),
        *_listed("What a reader may conclude", report.conclusions),
        *_listed("What is not certified", report.not_certified),
        *_demands(report.findings),
    ]
    for family in report.families:
        lines += _family(family)
    lines += _suite(report)
    lines += ["## Provenance", "", "| what | SHA-256 |", "|---|---|"]
    lines += [f"| {name} | `{digest}` |" for name, digest in report.digests.items()]
    return "\n".join(lines).replace(NBSP, " ") + "\n"


def _reasons(report: Report) -> list[str]:
    """What does not hold, what stops it first."""
    failed = [t for t in report.findings if not t.finding.holds]
    failed.sort(key=lambda t: (not t.finding.blocks, t.finding.severity == "warn"))
    if not failed:
        return []
    return ["## What does not hold", "", *(f"- {_reason(t)}" for t in failed), ""]


def _reason(told: Told) -> str:
    finding = told.finding
    name = f" (`{finding.measure or finding.check}`)"
    line = f"**{OUTCOMES[finding.outcome]}**: {_plain(told.title)}{name}, demanded {_plain(told.limit)}: "
    line += _plain(told.words)
    if finding.severity == "warn":
        line += " *(warning only)*"
    return line + (f" *({_plain(finding.waived)})*" if finding.waived else "")


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {_plain(line)}" for line in lines), ""]


def _demands(findings: Sequence[Told]) -> list[str]:
    lines = ["## Every demand of the policy", "", "| demand | limit | outcome | found |", "|---|---|---|---|"]
    for told in findings:
        finding = told.finding
        outcome = OUTCOMES[finding.outcome] + (", waived" if finding.waived else "")
        outcome += ", warning only" if finding.severity == "warn" else ""
        name = f"{_plain(told.title)} `{finding.measure or finding.check}`"
        lines.append(f"| {name} | {_plain(told.limit)} | {outcome} | {_plain(told.words)} |")
    return [*lines, ""]


def _family(family: FamilyReport) -> list[str]:
    gates = [m for m in family.measures if m.measure.gates]
    lines = [f"## {family.title}", "", *([family.question, ""] if family.question else [])]
    lines += _table(gates) if gates else []
    lines += [f"- `{name}`: demanded by the policy, and not measured" for name in family.missing]
    lines += _notes(gates)
    warnings = [m for m in family.measures if not m.measure.gates]
    if warnings:
        lines += ["Warnings: shown because they are customary. They prove nothing, and no policy may ask for them.", ""]
        lines += [*_table(warnings), *_notes(warnings)]
    return lines if not lines[-1] else [*lines, ""]


def _table(measures: Sequence[Measured]) -> list[str]:
    lines = ["| measure | value | 95 % interval | real | n | better | policy |", "|---|--:|---|--:|--:|---|---|"]
    for measured in measures:
        m = measured.measure
        known = m.value is not None
        lines.append(
            f"| {_plain(m.title)} `{m.name}` | {of(m, m.value) if known else STATUS[m.status]} | "
            f"{f'{of(m, m.low)} to {of(m, m.high)}' if known else ''} | "
            f"{'' if m.reference is None else of(m, m.reference)} | {m.n:,} | {m.direction.value} | "
            f"{OUTCOMES[measured.outcome] if measured.outcome else ''} |"
        )
    return [*lines, ""]


def _notes(measures: Sequence[Measured]) -> list[str]:
    """Reasons, plain words, samples and the worst parts."""
    lines = []
    for measured in measures:
        m = measured.measure
        said = []
        if m.status != "ok":
            said.append(f"{WHY_STATUS[m.status]}{f': {_plain(m.detail)}' if m.detail else ''}.")
        if measured.words:
            said.append(_plain(measured.words))
        if m.parts:
            worst = ", ".join(f"{_plain(p.part)} {of(m, p.value)}" for p in m.parts[:_WORST])
            said.append(f"Worst of {max(len(m.parts), m.parts_count):,}: {worst}.")
        if m.sampled:
            said.append(f"Rests on {_plain(m.sampled)}.")
        if said:
            lines.append(f"- `{m.name}`: {' '.join(said)}")
    return [*lines, ""] if lines else []


def _suite(report: Report) -> list[str]:
    lines = ["## Validation suite", ""]
    if report.suite is None:
        return [*lines, "The suite did not run.", ""]
    lines += [f"{report.suite.held} of {report.suite.total} expectations hold.", ""]
    return [*lines, *(f"- {OUTCOMES[Outcome.FAIL]}: {_plain(f)}" for f in report.suite.failed), ""]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split(" ")).replace("\n", " ").replace("\r", " "))


__all__ = ["markdown"]
