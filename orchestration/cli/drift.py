"""The command that watches a source: drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from lineage.folders import printable
from orchestration.cli.common import Json, console, opened, print_json
from orchestration.cli.screens import WIDE
from proofset.errors import EXIT_DENIED, EXIT_DONE

if TYPE_CHECKING:
    from orchestration.drifting import Drift
    from proofset.drift import ColumnDrift, Figure
    from proofset.evidence import Measure

STYLE = {"stable": "green", "drifting": "yellow", "drifted": "bold red", "inconclusive": "yellow"}
MARK = {"stable": "✓ stable", "drifting": "! drifting", "drifted": "✗ drifted", "inconclusive": "? inconclusive"}
MOST = 12
"""Columns shown; with --json all are."""
NAMES = ("column", "PSI", "95 % interval", "Wasserstein", "new", "vanished", "nulls", "verdict")
ALWAYS = ("column", "PSI", "Wasserstein", "verdict")
"""What a narrow screen has room for."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(drift)


def drift(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Dataset.", show_default=False)],
    against: Annotated[
        str | None,
        typer.Option(
            "--against", help="An older FILE, or digits of a SNAPSHOT. Default: the last.", show_default=False
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option("--release", help="Compare this release with its source today.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> int:
    """Say whether a source still is what it was. Exits 1 unless it is stable."""
    from orchestration.cli.progress import StepBars
    from orchestration.drifting import drift as compared
    from proofset.drift import DriftVerdict

    workspace = opened(ctx)
    with StepBars(["drift"], show=not as_json, lines=False) as bars:
        bars.started("drift")
        found: Drift = compared(workspace, dataset, against=against, release=release, progress=bars.progress)
    code = EXIT_DONE if found.report.verdict is DriftVerdict.STABLE else EXIT_DENIED
    if as_json:
        print_json(found.plain())
        return code
    print_drift(found)
    return code


def print_drift(found: Drift) -> None:
    """The verdict and its reasons, then the columns that changed most."""
    report = found.report
    console.print()
    console.print(Text(f"Before: {printable(found.before)}, {report.before_rows:,} rows"))
    console.print(Text(f"After:  {printable(found.after)}, {report.after_rows:,} rows"))
    shown = ALWAYS if console.width < WIDE else NAMES
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in shown:
        if name == "column":
            table.add_column(name, overflow="fold", min_width=12)
        else:
            table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=True)
    for column in report.columns[:MOST]:
        cells = dict(zip(NAMES, _cells(column), strict=True))
        table.add_row(*(cells[name] for name in shown))
    if report.columns:
        console.print(table)
    if len(report.columns) > MOST:
        console.print(f"… and {len(report.columns) - MOST} more columns that changed less", style="dim")
    for measure in report.measures:
        if measure.name == "drift.c2st_auc":
            console.print(Text(f"All columns together: later rows told from earlier, {_auc(measure)}"))
    console.print(Text.assemble("Verdict: ", _verdict(report.verdict.value)))
    for reason in report.reasons:
        console.print(Text(f"  {printable(reason)}"))


def _cells(column: ColumnDrift) -> list[str | Text]:
    def per_cent(figure: Figure | None) -> str:
        return "–" if figure is None else f"{100 * figure.value:.2f} %"

    moved = "–" if column.wasserstein is None else f"{column.wasserstein.value:.3f}"
    return [
        Text(printable(column.column)),
        f"{column.psi.value:.3f}",
        f"{column.psi.low:.3f} – {column.psi.high:.3f}",
        moved,
        per_cent(column.new),
        per_cent(column.vanished),
        f"{100 * column.nulls_before:.1f} → {100 * column.nulls_after:.1f} %",
        _verdict(column.verdict.value),
    ]


def _auc(measure: Measure) -> str:
    if measure.value is None:
        return f"{measure.status}: {measure.detail}"
    return f"AUC {measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"


def _verdict(word: str) -> Text:
    """A verdict with its sign and colour; the sign says it without the colour."""
    return Text(MARK[word], style=STYLE[word])
