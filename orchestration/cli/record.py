"""The command that tells all: record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DONE

if TYPE_CHECKING:
    from lineage.record import Record

SHOWN = 60
"""Most lines of one section; the rest is in --json."""
SENTENCE = 30
"""Longer texts of a list stand on lines of their own."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(record)


def record(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(help="Dataset, or first digits of a candidate's digest.", show_default=False)],
    as_json: Json = False,
) -> int:
    """Everything known of a candidate or release, in thirteen sections, as of now."""
    from lineage.recording import record_now
    from orchestration.chain import ledger

    workspace = opened(ctx)
    found = record_now(workspace, ledger(workspace), ref, datetime.now(UTC))
    if as_json:
        print_json(found.plain())
        return EXIT_DONE
    console.print(
        Text.assemble(("Record of ", "bold"), (found.identity.release, "bold cyan"), f", as of {found.as_of}")
    )
    for why in found.history.withdrawn:
        console.print(Text(f"Do not use: {why}", style="bold red"))
    for number, (name, section) in enumerate(sections(found), 1):
        console.print()
        console.print(Text(f"{number} {name.capitalize()}", style="bold"))
        _print(section)
    return EXIT_DONE


def sections(found: Record) -> Iterator[tuple[str, Any]]:
    """The record's sections by name, in their order."""
    from lineage.record import SECTIONS

    for name in SECTIONS:
        yield name, getattr(found, name)


def _print(section: Any) -> None:
    """Each field on a line of its own; measures, findings and the like as short lines; what is unknown last."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    lines = 0
    for name in (n for n in type(section).model_fields if n != "unknown"):
        for place, text in enumerate(_lines(getattr(section, name))):
            lines += 1
            if lines <= SHOWN:
                grid.add_row(Text("" if place else name.replace("_", " ")), Text(text))
    console.print(Padding(grid, (0, 0, 0, 2)))
    if lines > SHOWN:
        console.print(Padding(Text(f"… and {lines - SHOWN} lines more with --json", style="dim"), (0, 0, 0, 2)))
    for text in section.unknown:
        console.print(Padding(Text(f"? {text}", style="yellow"), (0, 0, 0, 2)))


def _lines(value: Any) -> Iterator[str]:
    """A field's value in words; nothing for what is empty."""
    if value is None or value == () or value == {} or value == "":
        return
    if isinstance(value, tuple) and not hasattr(value[0], "plain"):
        said = [_short(one) for one in value]
        yield from said if max(map(len, said)) > SENTENCE else [", ".join(said)]
    elif isinstance(value, tuple):
        for one in value:
            yield _told(one)
    elif isinstance(value, dict):
        yield ", ".join(f"{key} {_short(one)}" for key, one in sorted(value.items()))
    elif hasattr(value, "plain"):
        yield _told(value)
    else:
        yield _short(value)


def _told(part: Any) -> str:
    """A part of a section on one line."""
    kind = type(part).__name__
    if kind in _FORMS:
        return _FORMS[kind](part)
    told = {k: v for k, v in part.plain().items() if v not in ("", [], {}, False) and k not in ("parts", "packages")}
    return ", ".join(f"{key.replace('_', ' ')} {_short(value)}" for key, value in told.items())


def _measure(one: Any) -> str:
    from orchestration.cli.screens import interval, number

    reference = f", holdout {number(one.reference, one)}" if one.reference is not None else ""
    return f"{one.name} {number(one.value, one)} ({interval(one)}{reference})"


def _column(one: Any) -> str:
    nulls = "" if one.nulls is None else f", {one.nulls:,} nulls"
    meaning = f": {one.description}" if one.description else ""
    return f"{one.name} ({one.storage}, {one.semantic.value}, {one.treatment.value}{nulls}){meaning}"


def _held(one: Any) -> str:
    return f"{one.check} {one.threshold}: {one.outcome}, {one.reason}{'; ' + one.waived if one.waived else ''}"


def _event(one: Any) -> str:
    who = f" by {one.actor}" if one.actor else ""
    return f"#{one.index} {one.at[:19]} {one.kind}{who}{': ' + one.detail if one.detail else ''}"


def _approver(one: Any) -> str:
    counted = "" if one.counted else ", does not count"
    said = f": {one.reason}" if one.reason else ""
    return f"{one.name or one.person} ({', '.join(one.roles)}) {one.decision} {one.signed_at[:19]}{counted}{said}"


_FORMS: dict[str, Callable[[Any], str]] = {
    "Measure": _measure,
    "Column": _column,
    "FileEntry": lambda one: f"{one.sha256} {one.path} ({one.size:,} bytes)",
    "Prepared": lambda one: f"{one.name}: {one.why}",
    "Attack": lambda one: f"{one.family}: {one.model}",
    "Held": _held,
    "Waived": lambda one: f"{one.about} until {one.until} by {one.by}: {one.why}",
    "Approver": _approver,
    "Separation": lambda one: f"{'✓' if one.held else '✗'} {one.duty}: {one.detail}",
    "Event": _event,
    "Proof": lambda one: f"entry {one.index} of {one.size}, {len(one.path)} hashes up to the signed root",
    "Parent": lambda one: f"{one.dataset}/{one.candidate[:12]}: {100 * one.share:.1f} % of the rows",
}
"""How the parts of sections look on one line, by the name of their class."""


def _short(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(_short(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(str(getattr(value, "value", value)).split())
