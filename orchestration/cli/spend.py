"""The command spend: what all releases of a source have told together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from orchestration.cli.common import Json, console, opened, print_json
from orchestration.cli.screens import interval, number
from proofset.errors import EXIT_DONE

if TYPE_CHECKING:
    from lineage.spend import Spend, Spent
    from proofset.evidence import Measure

_SHOWN = ("privacy.union_averaged_auc", "privacy.union_membership_auc", "privacy.union_published_row_share")
"""What of the attacks on the union stands in the table; all of them are in --json."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(spend)


def spend(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(help="A dataset, or the first digits of a source's digest.", show_default=False)
    ],
    as_json: Json = False,
) -> int:
    """Show what the releases of a source have spent: how many, how many rows, which ε, and the attacks on all."""
    from lineage.spend import spend as spent_by
    from orchestration.chain import ledger

    found = spent_by(ledger(opened(ctx)), source, datetime.now(UTC))
    if as_json:
        print_json(found.plain())
        return EXIT_DONE
    _print(found)
    return EXIT_DONE


def _print(found: Spend) -> None:
    console.print(Text(f"{', '.join(found.datasets)}", style="bold"), Text("  releases of one source", style="dim"))
    count = len(found.releases)
    console.print(
        f"{count} {'release' if count == 1 else 'releases'}, {found.live} live, {found.revoked} revoked; "
        f"{found.rows:,} rows in all, {found.rows_live:,} of them live"
    )
    console.print(Text(_budget(found)))
    console.print(Text(found.statement, style="dim"))
    if not found.releases:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("release", "of", "state", "generator", "rows", "ε", "attacks on all that were live"):
        table.add_column(column, overflow="fold")
    for one in found.releases:
        table.add_row(*_row(one))
    console.print(table)


def _budget(found: Spend) -> str:
    if found.epsilon is None:
        part = f"; those that state one add up to {found.stated:g}" if found.stated is not None else ""
        return f"Cumulative ε: none{part}"
    delta = "not stated" if found.delta is None else f"{found.delta:g}"
    return f"Cumulative ε: {found.epsilon:g}, δ: {delta}"


def _row(one: Spent) -> tuple[Text, ...]:
    told = "the same table again" if one.again else ""
    if one.union:
        told = "\n".join(_measure(m) for m in one.union if m.name in _SHOWN)
    return (
        Text(f"{one.dataset}/{one.candidate[:12]}"),
        Text(one.released_at[:10]),
        Text(one.state.value),
        Text(one.generator),
        Text(f"{one.rows:,}"),
        Text("none" if one.epsilon is None else f"{one.epsilon:g}"),
        Text(told or "none other was live"),
    )


def _measure(measure: Measure) -> str:
    name = measure.name.removeprefix("privacy.union_").replace("_", " ")
    if measure.value is None:
        return f"{name}: {measure.status}"
    return f"{name} {number(measure.value, measure)} ({interval(measure)})"
