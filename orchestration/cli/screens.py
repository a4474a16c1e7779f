"""Screens: how a scorecard, a decision and a list of datasets look on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orchestration.cli.common import console

if TYPE_CHECKING:
    from lineage.checks import Check
    from proofset.evidence import Finding, Measure, Scorecard, Verdict

STYLE = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "review": "magenta"}
WIDE = 106
"""Columns the scorecard needs for its full form; below, the outcome is its sign alone."""
MARK = {"pass": "✓ pass", "fail": "✗ fail", "inconclusive": "? inconclusive", "review": "◇ review"}


def outcome_text(outcome: str) -> Text:
    """A verdict with its sign and colour; the sign says it without the colour."""
    return Text(MARK.get(outcome, outcome), style=STYLE.get(outcome, ""))


def found_text(finding: Finding) -> Text:
    """A finding's outcome; a waived one and one that only warns stand back and say so."""
    aside = ", waived" if finding.waived else ", warning" if finding.severity == "warn" and not finding.holds else ""
    shown = outcome_text(finding.outcome.value)
    return Text(shown.plain + aside, style="yellow") if aside else shown


def number(value: float | None, measure: Measure) -> str:
    """A measure's number: small rates and errors in per cent, areas under a curve with three decimals."""
    if value is None:
        return "–"
    return f"{value:.3f}" if in_units(measure) else f"{100 * value:.2f} %"


def interval(measure: Measure) -> str:
    """The 95 % interval, or why there is none."""
    if measure.low is None or measure.high is None:
        return measure.status
    if in_units(measure):
        return f"{measure.low:.3f} – {measure.high:.3f}"
    return f"{100 * measure.low:.2f} – {100 * measure.high:.2f} %"


def in_units(measure: Measure) -> bool:
    """Whether a measure is read as a plain number rather than in per cent."""
    return measure.unit != "share" or measure.name.endswith(("_auc", "_r2"))


def demand(finding: Finding, measure: Measure) -> str:
    """The threshold as people read it beside the measure: per cent where the measure is in per cent."""
    limit, *more = finding.threshold.replace("reference", "holdout").split(", ")
    words = limit.split(" ")
    if not in_units(measure) and words[-1].replace(".", "").isdigit():
        words[-1] = f"{100 * float(words[-1]):g} %"
    return ", ".join([" ".join(words), *more])


def scorecard_table(card: Scorecard, verdict: Verdict) -> Table:
    """Value, interval, the holdout's own figure, threshold and outcome of each measure that has a meaning here."""
    narrow = console.width < WIDE
    table = Table(
        box=None if narrow else box.SIMPLE_HEAD,
        pad_edge=False,
        header_style="bold",
        padding=(0, 1, 0, 0 if narrow else 1),
    )
    table.add_column("measure", no_wrap=True)
    for name, least in (("value", 8), ("95 % interval", 19), ("holdout", 8)):
        table.add_column(name, justify="right", no_wrap=True, min_width=None if narrow else least)
    table.add_column("threshold", no_wrap=not narrow)
    table.add_column("" if narrow else "outcome", no_wrap=True)
    findings: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        findings.setdefault(finding.measure, []).append(finding)
    family = ""
    for measure in card.measures:
        demands: list[Finding | None] = [*findings.pop(measure.name, [])] or [None]
        if measure.status == "unsupported" and demands == [None]:
            continue
        group, _, short = measure.name.partition(".")
        if group != family:
            family = group
            table.add_row(Text(family, style="bold"))
        for row, demanded in enumerate(demands):
            span = interval(measure).replace(" – ", "–") if narrow else interval(measure)
            figures = [number(measure.value, measure), span, number(measure.reference, measure)]
            table.add_row(
                f"  {short}" if row == 0 else "",
                *(figures if row == 0 else ["", "", ""]),
                demand(demanded, measure) if demanded else Text("shown only", style="dim"),
                found_text(demanded)[: 1 if narrow else None] if demanded else "",
            )
    for finding in [f for rest in findings.values() for f in rest]:
        name = finding.measure or finding.check
        outcome = found_text(finding)[: 1 if narrow else None]
        table.add_row(Text(name, style="bold"), "", "", "", finding.threshold, outcome)
    return table


def print_scorecard(dataset: str, card: Scorecard, verdict: Verdict) -> None:
    """The scorecard with the verdict below it, and the reasons where it is no pass."""
    console.print()
    console.print(Text.assemble(("Scorecard of ", "bold"), (dataset, "bold cyan")))
    console.print(scorecard_table(card, verdict))
    console.print(Text.assemble("Verdict: ", outcome_text(verdict.outcome.value)))
    for finding in verdict.findings:
        if not finding.holds:
            style = STYLE[finding.outcome.value] if finding.blocks else "dim"
            told = f"{finding.check}: {finding.reason}" + (f"; {finding.waived}" if finding.waived else "")
            console.print(Padding(Text(told, style=style), (0, 0, 0, 2)))


def print_notes(notes: Sequence[str], most: int = 8) -> None:
    """What the profile noticed, the first few."""
    if not notes:
        return
    console.print(Text("\nNoticed in the source", style="bold"))
    for note in notes[:most]:
        console.print(Padding(Text(f"• {note}"), (0, 0, 0, 2), expand=False))
    if len(notes) > most:
        console.print(Padding(Text(f"… and {len(notes) - most} more in the report", style="dim"), (0, 0, 0, 2)))


def print_decision(allowed: bool, reasons: Sequence[str], *, title: str) -> None:
    """Whether something may be released, and every reason against it."""
    if allowed:
        console.print(Panel(Text("Releasable: evidence, verdict and approvals are complete."), title=title,
                            border_style="green", title_align="left", expand=False))  # fmt: skip
        return
    text = Text("\n".join(f"• {reason}" for reason in reasons))
    console.print(Panel(text, title=title, border_style="yellow", title_align="left", expand=False))


def step(title: str, text: str = "") -> None:
    """A heading between the parts of a longer command."""
    console.print()
    console.print(Text.assemble((f"{title} ", "bold"), (text, "dim")))


def indented(text: str) -> Padding:
    """A line that belongs to the heading above it."""
    return Padding(text, (0, 0, 0, 2), expand=False)


def print_checks(checks: Sequence[Check]) -> None:
    """The checks of a verification, one line each; a failing one names its file."""
    width = max((len(check.name) for check in checks), default=0) + 1
    for check in checks:
        mark = Text("✓ ", style="green") if check.ok else Text("✗ ", style="bold red")
        place = f"{check.file}: " if check.file and not check.ok and check.file not in check.detail else ""
        detail = Text(place + check.detail, style="dim" if check.ok else "")
        console.print(
            Padding(mark + Text(f"{check.name:<{width}}") + detail, (0, 0, 0, 2), expand=False), soft_wrap=True
        )
