"""Screens of a first look: a short scorecard in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lineage.folders import printable
from orchestration.cli.progress import duration
from orchestration.cli.screens import WIDE, number
from orchestration.plain_words import TITLES, Level, read_measure

if TYPE_CHECKING:
    from orchestration.first_look import FirstLook

SIGNS: dict[Level, tuple[str, str]] = {
    "good": ("✓", "green"),
    "fair": ("~", "yellow"),
    "poor": ("✗", "bold red"),
    "none": ("·", "dim"),
}
_MOST = 8
"""Columns listed by name."""
_KINDS = {
    "category": ("category", "categories"),
    "boolean": ("yes/no", "yes/no"),
    "datetime": ("date", "dates"),
    "geo": ("place", "places"),
}
"""How a meaning is called, once and more often; others take an s."""


def print_first_look(console: Console, found: FirstLook) -> None:
    """What was made of the table, how good it is, and where it lies."""
    console.print()
    console.print(_heading(found), soft_wrap=True)
    console.print()
    console.print(_columns(found))
    console.print()
    console.print(_scorecard(console, found))
    console.print(_about_target(found))
    console.print()
    parts = ", ".join(f"{name} {took:.1f}" for name, took in found.seconds.items())
    took = f"in {duration(sum(found.seconds.values()))}" + (f" ({parts})" if console.width >= WIDE else "")
    told = f"  {found.out_rows:,} rows, {_size(found.out.stat().st_size)}, {took}"
    console.print(Text.assemble(("✓ ", "green"), (printable(str(found.out)), "bold"), (told, "dim")), soft_wrap=True)
    ungoverned = Text.assemble(
        ("Ungoverned", "yellow"), ": good for a look, never for release; its Parquet metadata says so. ",
        "For a release see ", ("proofset init --help", "cyan"),
    )  # fmt: skip
    console.print(Padding(ungoverned, (0, 0, 0, 2)))


def _heading(found: FirstLook) -> Text:
    options = ", ".join(f"{k} {v}" for k, v in found.options.items() if k == "privacy")
    told = f"  {found.rows:,} rows × {len(found.columns)} columns"
    if found.used < found.rows:
        told += f", learned from {found.used:,} of them at random"
    return Text.assemble(
        (printable(found.file.name), "bold cyan"), told,
        ("  ·  ", "dim"), found.card.generator, (f" ({options})" if options else ""),
        ("  ·  ", "dim"), f"seed {found.seed}",
    )  # fmt: skip


def _columns(found: FirstLook) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    kinds = Counter(c.semantic for c in found.columns if c.treatment == "model")
    words = kinds_in_words(kinds)
    grid.add_row(f"{sum(kinds.values())}", "learned", Text(words, style="dim"))
    for treatment, word in (("fake", "faked"), ("drop", "left out")):
        there = [c for c in found.columns if c.treatment == treatment]
        for row, column in enumerate(there[:_MOST]):
            lead = (str(len(there)), Text(word, style="yellow")) if row == 0 else ("", "")
            grid.add_row(*lead, Text.assemble(printable(column.name), (f"  {column.why}", "dim")))
        if len(there) > _MOST:
            grid.add_row("", "", Text(f"… and {len(there) - _MOST} more; --json lists all", style="dim"))
    mixed = [c for c in found.columns if c.treatment == "model" and c.why]
    for column in mixed[:_MOST]:
        grid.add_row("", Text("noticed", style="yellow"), Text(f"{printable(column.name)}  {column.why}", style="dim"))
    return grid


def kinds_in_words(kinds: Mapping[str, int]) -> str:
    """Columns by meaning, the most frequent first: "9 categories, 5 numbers"."""
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    return ", ".join(
        f"{n} {_KINDS.get(k, (k.replace('_', ' '), k.replace('_', ' ') + 's'))[n > 1]}" for k, n in ordered
    )


def _scorecard(console: Console, found: FirstLook) -> Table:
    wide = console.width >= WIDE
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True, width=1)
    table.add_column("How good is it?", no_wrap=True, header_style="bold")
    for name in ("value", "real rows", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("in plain words", ratio=1)
    measures = {m.name: m for m in found.scorecard.measures}
    for name, title in TITLES.items():
        measure = measures.get(name)
        if measure is None or (measure.status == "unsupported" and name.startswith("utility.")):
            continue
        reading = read_measure(measure)
        sign, style = SIGNS[reading.level]
        n = f"{measure.n:,}" if measure.value is not None else ""
        words = Text(reading.words, style="dim" if reading.level == "none" else "")
        table.add_row(Text(sign, style=style), title, number(measure.value, measure),
                      Text(number(measure.reference, measure), style="dim"), Text(n, style="dim"), words)  # fmt: skip
    return table


def _about_target(found: FirstLook) -> Text:
    if found.target is None:
        return Text("  No column to predict was found; name one with --target.", style="dim")
    how = "guessed; --target names another" if found.guessed_target else "as you named it"
    return Text(f"  The model predicts '{printable(found.target)}' ({how}).", style="dim")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(count / 1e3, 0.1):.1f} kB"
