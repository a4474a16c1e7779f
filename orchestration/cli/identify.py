"""The command identify: what is this file?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DENIED, EXIT_DONE

if TYPE_CHECKING:
    from lineage.identify import Answer, Match

_SAID = {
    "release": ("It is a release of this workspace.", "bold green"),
    "candidate": ("It is a synthetic table of this workspace that was not released.", "bold yellow"),
    "source": ("It is a source of this workspace: real data, or what was used as such.", "bold red"),
    "mixture": ("It is put together from several tables.", "bold yellow"),
    "unknown": ("Nothing in it comes from a table of this workspace.", "bold"),
    "cannot tell": ("Whether it comes from a table of this workspace cannot be told.", "bold yellow"),
}
_MOST = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(identify)


def identify(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A Parquet, CSV or TSV file.", show_default=False)],
    as_json: Json = False,
) -> int:
    """Say what a file is: a release, a source, a mixture or unknown, whole, cut or shuffled. Exits 1 unless known."""
    from lineage.identify import identify as ask
    from orchestration.chain import ledger

    workspace = opened(ctx)
    path = file if file.is_absolute() or file.exists() else ctx.obj / file
    answer = ask(workspace, ledger(workspace), path)
    states = _states(ctx, answer)
    code = EXIT_DENIED if answer.verdict in ("unknown", "cannot tell") else EXIT_DONE
    if as_json:
        told = answer.plain()
        for match in told["matches"]:
            match["states"] = {c: states[c] for c in match["candidates"] if c in states}
        print_json(told)
        return code
    _show(answer, states)
    return code


def _states(ctx: typer.Context, answer: Answer) -> dict[str, dict[str, Any]]:
    """Where each candidate stands that the answer names, as `lookup` knows it."""
    from lineage.lookup import lookup
    from orchestration.chain import ledger

    workspace = opened(ctx)
    known = ledger(workspace)
    named = [c for m in answer.matches[:_MOST] for c in m.candidates]
    hits = [h for c in dict.fromkeys(named) for h in lookup(workspace, known, c) if h.candidate == c]
    return {h.candidate: {"state": h.state or "not released", "why": list(h.why)} for h in hits}


def _show(answer: Answer, states: dict[str, dict[str, Any]]) -> None:
    what, style = _SAID[answer.verdict]
    console.print(Text(what, style=style))
    if answer.rows is not None:
        seen = answer.rows if answer.looked_at is None else answer.looked_at
        part = "" if seen == answer.rows else f", {seen:,} of them looked at"
        console.print(f"{answer.file}: {answer.rows:,} rows{part}, {answer.columns} columns", markup=False)
    if answer.matches:
        _table(answer.matches[:_MOST], states)
    if answer.says is not None:
        claim = f"The file says of itself: synthetic, dataset {answer.says.dataset}, seal {answer.says.seal[:12]}."
        console.print(Text(f"{claim} Anybody can write that.", style="dim"))
    for note in answer.notes:
        console.print(Padding(Text(f"• {note}", style="dim"), (0, 0, 0, 2), expand=False))
    for digest, found in states.items():
        if found["why"]:
            console.print(Text(f"Do not use {digest[:12]}: {'; '.join(found['why'])}", style="bold red"))


def _table(matches: tuple[Match, ...], states: dict[str, dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("what", "dataset", "candidate", "state", "share of rows", "95 % interval", "alone", "by chance"):
        table.add_column(column, justify="right" if column in ("share of rows", "alone", "by chance") else "left")
    for match in matches:
        first = match.candidates[0] if match.candidates else ""
        state = "" if match.what == "source" else states.get(first, {}).get("state", "")
        if match.matched_by == "rows":
            span = f"{100 * match.low:.1f} – {100 * match.high:.1f} %"
            chance = f"{100 * (match.chance or 0):.2f} %"
        else:
            span, chance = match.matched_by, ""
        table.add_row(
            match.what, match.dataset or "(none recorded)", "" if match.what == "source" else first[:12], state,
            f"{100 * match.share:.1f} %", span, f"{100 * match.alone:.1f} %", chance,
        )  # fmt: skip
    console.print(table)
