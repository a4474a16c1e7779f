"""Commands that withdraw: revoke, revocations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DONE, unknown_name

if TYPE_CHECKING:
    from lineage.revoking import Reached


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(revoke)
    app.command()(revocations)


def revoke(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="source, generator, key or release.", show_default=False)],
    target: Annotated[
        str,
        typer.Argument(
            help="A dataset, first digits of a digest or key, or a generator as NAME or 'NAME VERSION'.",
            show_default=False,
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why. It is shown to whoever asks.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Who revokes it.", show_default=False)],
    since: Annotated[
        datetime | None, typer.Option("--since", help="For a key: from when on (UTC). Default: now.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Withdraw something for good, with everything that derives from it, through any number of generations."""
    return withdraw(ctx, kind, target, reason, by, since, as_json=as_json)


def revocations(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also sign the list and write it here, for offline checks.")
    ] = None,
    as_json: Json = False,
) -> int:
    """List what was withdrawn, and everything it reaches."""
    from lineage.revocation_list import sign_list
    from lineage.revoking import current_list, listed
    from orchestration.chain import ledger
    from orchestration.keyring import release_signer
    from proofset.files import write_bytes

    workspace = opened(ctx)
    book = ledger(workspace)
    made = current_list(workspace, book, datetime.now(UTC))
    if out is not None:
        write_bytes(out, sign_list(made, release_signer(workspace)).to_bytes())
    if as_json:
        print_json(made.plain())
        return EXIT_DONE
    for one in made.revocations:
        console.print(Text(f"{one.at[:10]}  {one.kind} {one.target[:24]}  {one.reason}"))
    _print_reached(listed(book))
    if out is not None:
        console.print(f"[green]✓[/green] Signed list in {out}, good until {made.good_until[:10]}", soft_wrap=True)
        console.print(f"Check with: proofset verify FOLDER --roster ROSTER --revocations {out}", style="dim")
    return EXIT_DONE


def withdraw(
    ctx: typer.Context, kind: str, target: str, reason: str, by: str, since: datetime | None, *, as_json: bool
) -> int:
    """Revoke, and show what it reaches."""
    from lineage.revocation import KINDS
    from lineage.revoking import revoke as enter
    from orchestration.chain import ledger

    workspace = opened(ctx)
    known = next((k for k in KINDS if k == kind), None)
    if known is None:
        raise unknown_name("kind of revocation", kind, KINDS)
    moment = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    reached = enter(workspace, ledger(workspace), known, target, reason, by, datetime.now(UTC), moment)
    if as_json:
        print_json([one.__dict__ for one in reached])
        return EXIT_DONE
    console.print(f"[green]✓[/green] Revoked: {kind} {escape(target)}. It cannot be undone.")
    _print_reached(reached)
    if any(one.released for one in reached):
        console.print("Tell those who have them; next: proofset revocations --out revocations.dsse.json", style="dim")
    return EXIT_DONE


def _print_reached(reached: list[Reached]) -> None:
    if not reached:
        console.print("Nothing that was made is reached.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("dataset", "candidate", "released", "withdrawn because"):
        table.add_column(column, overflow="fold")
    for one in reached:
        table.add_row(one.dataset, one.candidate[:12], "yes" if one.released else "no", Text("\n".join(one.reasons)))
    console.print(table)
