"""Screens of advice and of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lineage.folders import printable
from orchestration.cli.look_screens import kinds_in_words
from orchestration.cli.progress import duration
from orchestration.cli.screens import WIDE, outcome_text

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.advising import Advised
    from orchestration.comparing import Comparison
    from orchestration.costs import Range
    from quality.frontier import Entry

_SUITS = {
    "best": ("best fit", "bold green"),
    "good": ("good fit", "green"),
    "possible": ("possible", "yellow"),
    "poor": ("poor fit", "red"),
    "no": ("ruled out", "bold red"),
}
_STYLES = {"+": "green", "-": "yellow", "·": "dim"}
_LEFT_TO_PAGE = {"privacy.membership_tpr_at_1fpr"}
_LEFT_TO_WIDE = {"privacy.exact_copy_rate"}
"""Measures that a terminal leaves to the page, and that a narrow one leaves to a wide one."""


def print_advice(console: Console, advised: Advised, file: Path | None) -> None:
    """The generators, the best first, each with its cost and reasons."""
    facts = advised.facts
    kinds = kinds_in_words(facts.kinds)
    console.print()
    console.print(
        Text.assemble(
            (printable(advised.about), "bold cyan"), "  for ", (facts.purpose.value.replace("_", " "), "bold"),
            f"  ·  learns from {facts.rows:,} rows, draws {facts.made:,}",
        )
    )  # fmt: skip
    parted = f"{facts.columns} columns to learn ({kinds})" + (f", {facts.faked} to fake" if facts.faked else "")
    console.print(Text(parted, style="dim"))
    for number, advice in enumerate(advised.ranked, 1):
        word, style = _SUITS[advice.suits]
        console.print()
        chosen = "  ← the spec's" if advice.generator == advised.current else ""
        console.print(
            Text.assemble(
                f"{number:>2} ", (f"{advice.generator:<20}", "bold"), (f"{word:<10}", style), (advice.licence, "dim"),
                (chosen, "cyan"),
            )
        )  # fmt: skip
        if advice.estimate is not None and advice.suits != "no":
            taken = advice.estimate
            told = (
                f"learns in {span(taken.fit)} · draws in {span(taken.sample)} · {memory(taken.memory.value)} of memory"
            )
            told += "  (beyond what was measured)" if taken.beyond else ""
            console.print(Padding(Text(told), (0, 0, 0, 3)))
        for sign, reason in advice.reasons:
            row = Table.grid(padding=(0, 1))
            row.add_row(Text(sign, style=_STYLES[sign]), Text(printable(reason), style="dim"))
            console.print(Padding(row, (0, 0, 0, 3), expand=False))
    console.print()
    console.print(Text(f"Times: measured on {advised.machine}, scaled to this machine "
                       f"(× {advised.slower:.2g}); 'proofset compare' measures.", style="dim"))  # fmt: skip
    best = next((a for a in advised.ranked if a.suits != "no"), None)
    if best is not None and file is not None:
        options = "".join(f" --{name} {value}" for name, value in best.options.items())
        console.print(Text.assemble("Next: ", (f"proofset try {file} --generator {best.generator}{options}", "cyan")),
                      soft_wrap=True)  # fmt: skip
    elif best is not None and best.generator != advised.current:
        console.print(Text.assemble("Next: set ", (f"generator: {{name: {best.generator}}}", "cyan"), " in the spec."))


def span(taken: Range) -> str:
    """A range of seconds as people say it."""
    low, high = duration(taken.low), duration(taken.high)
    if taken.high < 1:
        return "less than 1 s"
    if low.rsplit(" ", 1)[1] == high.rsplit(" ", 1)[1]:
        return f"{low.rsplit(' ', 1)[0]}–{high}"
    return f"{low} – {high}"


def memory(megabytes: float) -> str:
    """Megabytes as people say them."""
    if megabytes < 100:
        return "under 100 MB"
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{round(megabytes, -1):.0f} MB"


def print_comparison(console: Console, found: Comparison, kept: Path | None) -> None:
    """The table of the frontier, and where page and picture lie."""
    from quality.frontier import frontier

    ground = found.ground
    on = frontier(found.entries)
    console.print()
    each = f", {found.seeds} seeds each" if found.seeds > 1 else ""
    console.print(
        Text.assemble(
            (printable(ground.name), "bold cyan"),
            f"  {ground.train.num_rows:,} rows to learn from, {ground.holdout.num_rows:,} unseen{each}",
        )
    )
    console.print()
    console.print(_comparison(console, found, on))
    console.print(
        Text.assemble(("● ", "green"), ("on the frontier: no other is at least as good in C2ST, MIA and time", "dim"))
    )
    for entry in found.entries:
        if entry.failed:
            console.print(Text.assemble(("✗ ", "bold red"), (entry.name, "bold"), f"  {printable(entry.failed)}"))
    if kept is not None:
        console.print()
        console.print(Text.assemble(("✓ ", "green"), f"{printable(str(kept / 'frontier.html'))}"), soft_wrap=True)
        console.print(Text("  the page; beside it frontier.png, frontier.svg, comparison.json", style="dim"))
    console.print(Text("  A comparison makes no candidate: nothing of it can be released.", style="dim"))


def _comparison(console: Console, found: Comparison, on: set[str]) -> Table:
    from quality.frontier import best, reference, seconds, shown, written

    wide = console.width >= WIDE
    entries = [e for e in found.entries if not e.failed]
    columns = [c for c in shown(entries) if c[0] not in (_LEFT_TO_PAGE if wide else _LEFT_TO_PAGE | _LEFT_TO_WIDE)]
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("generator", overflow="fold", min_width=20)
    for _, short, _ in columns:
        table.add_column(short, justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    judged = found.ground.policy is not None
    if judged:
        table.add_column("passes?" if wide else "", no_wrap=True)
    bests = {name: best(entries, name) for name, _, _ in columns}
    for entry in entries:
        cells = []
        for name, _, _ in columns:
            style = "bold green" if entry.name in bests[name] and len(entries) > 1 else ""
            text = Text(written(entry.measure(name)), style=style)
            cells.append(Text.assemble(text, (_span(entry, name), "dim")) if wide else text)
        verdict = [outcome_text(entry.outcome)[: None if wide else 1]] if judged else []
        mark = Text("●" if entry.name in on else " ", style="green")
        label = Text.assemble((entry.name, "bold"), (f"\n{entry.licence}" if wide else "", "dim"))
        table.add_row(mark, label, *cells, seconds(entry.seconds), *verdict)
    real = [next((m for e in entries if (m := e.measure(name)) is not None), None) for name, _, _ in columns]
    blank = [""] if judged else []
    table.add_row("", Text("real rows", style="dim"), *(Text(reference(m), style="dim") for m in real), "", *blank)
    return table


def _span(entry: Entry, name: str) -> str:
    """The interval on a line of its own, where it is short enough for a terminal."""
    from quality.frontier import interval

    if not name.endswith("_auc"):
        return ""
    return "\n" + interval(entry.measure(name))
