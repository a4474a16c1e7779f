"""The command that hands out: download."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DONE, unknown_name
from proofset.spec import Purpose


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(download)


def download(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(help="Dataset, or first digits of a release's digest.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="A folder that is not there yet.", show_default=False)],
    recipient: Annotated[str, typer.Option("--for", help="Who gets it.", show_default=False)],
    purpose: Annotated[str, typer.Option("--purpose", help="What for.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Who hands it out.", show_default=False)],
    as_json: Json = False,
) -> int:
    """Hand out a release, verified and not withdrawn, for its purpose. The ledger remembers who got it."""
    from lineage.download import download as hand_out
    from lineage.roster import read_roster
    from orchestration.chain import ledger

    if purpose not in {p.value for p in Purpose}:
        raise unknown_name("purpose", purpose, [p.value for p in Purpose])
    workspace = opened(ctx)
    entry = hand_out(
        workspace,
        ledger(workspace),
        ref,
        to,
        read_roster(workspace.roster_path),
        recipient=recipient,
        purpose=Purpose(purpose),
        who=by,
        now=datetime.now(UTC),
    )
    if as_json:
        print_json({"candidate": entry.subject, "folder": str(to), "entry": entry.seq} | entry.body)
    else:
        console.print(f"[green]✓[/green] {entry.body['dataset']} {entry.subject[:12]} in {to}", soft_wrap=True)
        console.print(f"Ledger entry {entry.seq}: for {recipient}, {purpose}", style="dim", markup=False)
    return EXIT_DONE
