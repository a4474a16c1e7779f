"""Screens of policies: the packs, a check, a verdict in words, and a replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lineage.folders import printable
from orchestration.cli.screens import MARK, STYLE, WIDE, outcome_text

if TYPE_CHECKING:
    from lineage.candidate import CandidateFolder
    from orchestration.policies import Change, Replayed
    from orchestration.policy_check import Problem
    from orchestration.policy_words import Explained
    from proofset.evidence import Verdict
    from proofset.policy import Policy


def print_packs(console: Console, packs: Mapping[str, Policy], own: Mapping[str, Policy]) -> None:
    """The platform's packs, then the workspace's own policies."""
    for title, group in (("Packs, one for every purpose", packs), ("In this workspace", own)):
        if not group:
            continue
        console.print(Text(f"\n{title}", style="bold"))
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for name in ("policy", "demands", "signatures", "release lasts", "for" if group is own else "about"):
            table.add_column(name, overflow="fold", no_wrap=name == "policy")
        for name, policy in group.items():
            about = ", ".join(p.value for p in policy.purposes) if group is own else policy.description
            days = policy.expires_after_days
            table.add_row(
                Text(name, style="cyan"),
                str(len(policy.requirements)),
                str(policy.approvals.required),
                f"{days} days" if days else "no end",
                Text(printable(about), style="dim"),
            )
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print("\nCopy one with: proofset policy add NAME", style="dim")


def print_problems(console: Console, policy: Policy, problems: Sequence[Problem]) -> None:
    """What is wrong with a policy, and whether it may be used."""
    title = Text.assemble((printable(policy.policy), "bold cyan"), f" version {printable(policy.version)}")
    console.print(title, Text(f"  {len(policy.requirements)} requirements, digest {policy.digest[:12]}", style="dim"))
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for problem in problems:
        mark = Text("✗", style="bold red") if problem.level == "error" else Text("·", style="yellow")
        told = Text.assemble((printable(problem.place), "bold"), f": {printable(problem.text)}")
        grid.add_row(mark, told)
    if problems:
        console.print(Padding(grid, (0, 0, 0, 2), expand=False))
    errors = sum(p.level == "error" for p in problems)
    if errors:
        console.print(f"[bold red]Not sound[/bold red]: {errors} error{'s' if errors > 1 else ''} to correct.")
    else:
        console.print("[green]Sound[/green]: it asks for what can be measured.")


def print_explained(
    console: Console, parts: CandidateFolder, verdict: Verdict, rows: Sequence[Explained], doubt: str = ""
) -> None:
    """A verdict in words. doubt: why the folder it was read from is not verified, or ""."""
    policy = parts.policy
    console.print()
    console.print(
        Text.assemble(
            ("Policy ", "bold"), (printable(policy.policy), "bold cyan"), f" version {printable(policy.version)} on ",
            (printable(parts.candidate.dataset), "bold cyan"), f", candidate {parts.candidate.digest[:12]}: ",
            outcome_text(verdict.outcome.value),
        )
    )  # fmt: skip
    if doubt:
        told = f"Not verified: {printable(doubt)}. Nothing below is proven; see proofset verify."
        console.print(Text(told, style="bold red"))
    told = "Limits hold for the cautious end of the 95 % interval, unless another end is named."
    console.print(Text(told, style="dim"))
    for row in rows:
        console.print()
        console.print(Padding(_explained(row), (0, 0, 0, 2 + 4 * row.depth), expand=False))
    rule = policy.approvals
    roles = f", among them {printable(', '.join(rule.roles))}" if rule.roles else ""
    days = policy.expires_after_days
    life = f"A release is good for {days} days." if days else "A release is good without end."
    people = "1 person signs" if rule.required == 1 else f"{rule.required} people sign"
    console.print(Text(f"\n{people}{roles}. {life}", style="dim"))
    if verdict.outcome != parts.verdict.outcome:
        was = parts.verdict.outcome.value
        console.print(Text(f"When the candidate was made, the verdict was {was}.", style="yellow"))


def _explained(row: Explained) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    stands_back = row.severity == "warn" or bool(row.waiver)
    sign = MARK[row.outcome][0]
    style = "yellow" if stands_back and row.outcome != "pass" else STYLE[row.outcome]
    grid.add_row(Text(sign, style=style), Text(printable(row.demand), style="bold"))
    word = row.outcome + (" (only warns)" if row.severity == "warn" else "")
    grid.add_row("", Text.assemble((f"{word}: ", style), printable(row.observed)))
    if row.waiver:
        grid.add_row("", Text(printable(row.waiver), style="yellow"))
    if row.outcome == "review" and row.blocks:
        grid.add_row("", Text(f"an approver may accept it: --accept {row.check}", style="magenta"))
    if row.why:
        grid.add_row("", Text(f"Why: {printable(row.why)}", style="dim"))
    if row.source:
        grid.add_row("", Text(f"Source: {printable(row.source)}", style="dim"))
    return grid


def print_replay(console: Console, policy: Policy, rows: Sequence[Replayed]) -> None:
    """Old verdict and new one of every candidate, and the checks that turn out otherwise."""
    console.print()
    console.print(
        Text.assemble(
            ("What ", "bold"), (printable(policy.policy), "bold cyan"), f" version {printable(policy.version)}",
            (" would have said", "bold"), (", from stored evidence alone", "dim"),
        )
    )  # fmt: skip
    if not rows:
        console.print("No candidates yet.")
        return
    narrow = console.width < WIDE
    table = Table(box=None if narrow else box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("candidate", no_wrap=True)
    table.add_column("dataset", overflow="fold")
    if not narrow:
        table.add_column("recorded", no_wrap=True)
        table.add_column("released", no_wrap=True)
        table.add_column("judged by", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("would be", overflow="fold")
    if not narrow:
        table.add_column("changed", overflow="fold")
    for row in rows:
        after = outcome_text(row.after) if row.after else Text(printable(row.unsaid), style="dim")
        lead = [Text(printable(row.candidate[:12])), Text(printable(row.dataset))]
        more = [Text(row.recorded_at[:10]), Text("yes" if row.released else "no"), Text(printable(row.policy))]
        tail = [Text(f"{len(row.changes)} checks" if row.changes else "–")]
        table.add_row(*lead, *([] if narrow else more), outcome_text(row.before), after, *([] if narrow else tail))
    console.print(table)
    for row in rows:
        _changes(console, row)
    _sum(console, rows)


def _changes(console: Console, row: Replayed) -> None:
    told = [c for c in row.changes if not (c.before is None and (c.after or "").startswith("pass"))]
    quiet = len(row.changes) - len(told)
    if not row.changes:
        return
    console.print(Text.assemble("\n", (row.candidate[:12], "bold"), f" {printable(row.dataset)}"))
    grid = Table.grid(padding=(0, 1))
    grid.add_column(overflow="fold", ratio=2)
    grid.add_column(overflow="fold", ratio=3)
    for change in told:
        grid.add_row(Text(printable(change.measure or change.check)), _moved(change))
    if told:
        console.print(Padding(grid, (0, 0, 0, 2)))
    if quiet:
        console.print(Text(f"  {quiet} new check{'s' if quiet > 1 else ''} would pass", style="dim"))


def _moved(change: Change) -> Text:
    before, after = change.before or "not asked", change.after or "not asked"
    style = STYLE.get(after, "dim") if change.blocks else "dim"
    text = Text.assemble((before, "dim"), " → ", (after, style))
    return text if change.after is None else text + Text(f"  {printable(change.reason)}", style="dim")


def _sum(console: Console, rows: Sequence[Replayed]) -> None:
    counts = Counter((row.before, row.after) for row in rows if row.after)
    moved = [f"{n} from {was} to {now}" for (was, now), n in counts.items() if was != now]
    same = sum(n for (was, now), n in counts.items() if was == now)
    unsaid = sum(row.after is None for row in rows)
    parts = [f"{same} unchanged", *moved, *([f"{unsaid} not judged"] if unsaid else [])]
    console.print(Text(f"\n{len(rows)} candidate{'s' if len(rows) > 1 else ''}: {', '.join(parts)}.", style="bold"))
    released = [r for r in rows if r.released and r.after not in ("pass", "review", None)]
    if released:
        names = ", ".join(r.candidate[:12] for r in released)
        console.print(Text(f"Released, and would not be now: {names}", style="red"))
