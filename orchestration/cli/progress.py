"""Progress on a terminal: one line per step, with a bar for the step under way."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from types import TracebackType

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.cli.common import console

_COUNTED = re.compile(r"([\d,]+) of ([\d,]+) rows")
_SETTLED = 1.0
"""Seconds before a rate is worth telling."""


class Pace:
    """How fast a step goes and how long it still takes, from what it tells of itself.

    A message such as "drawing 65,536 of 1,000,000 rows" gives rows a second; any share gives the time that remains.
    """

    def __init__(self) -> None:
        self._kind = ""
        self._begun = (0.0, 0.0, 0.0)

    def told(self, message: str, share: float, now: float) -> str:
        """The words to show for a message that came at the time `now`, in seconds."""
        counted = _COUNTED.search(message)
        rows, total = (float(n.replace(",", "")) for n in counted.groups()) if counted else (0.0, 0.0)
        kind = plain(message)
        if kind != self._kind:
            self._kind, self._begun = kind, (now, share, rows)
        since, first_share, first_rows = self._begun
        took = now - since
        if took < _SETTLED or share <= first_share:
            return ""
        if rows > first_rows:  # what is counted tells when this part of the work ends, not when all of it does
            rate = (rows - first_rows) / took
            return f"{rate:,.0f} rows/s" + (f" · {duration((total - rows) / rate)} left" if rows < total else "")
        return f"{duration(took * (1.0 - share) / (share - first_share))} left" if share < 1 else ""


def plain(message: str) -> str:
    """A message without its counts: what is under way."""
    return _COUNTED.sub("rows", message)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class StepBars:
    """Shows the steps of a run as they start, advance and end. On a pipe it prints one line per finished step.

    lines: whether a finished step leaves a line behind.
    """

    def __init__(self, steps: Sequence[str], *, show: bool = True, lines: bool = True) -> None:
        self._show = show
        self._lines = show and lines
        self._live = show and console.is_terminal
        self._total = len(steps)
        narrow = console.width < 100
        self._done = 0
        self._since = time.perf_counter()
        self._bars = Progress(
            SpinnerColumn(),
            *([TextColumn("[bold]{task.fields[step]:<11}")] if len(steps) > 1 else []),
            BarColumn(bar_width=14 if narrow else 28),
            TextColumn("[dim]{task.description}"),
            TextColumn("[dim]{task.fields[pace]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bars.add_task("", step="starting", total=1.0, pace="")
        self._pace = Pace()

    def __enter__(self) -> StepBars:
        if self._live:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._bars.stop()

    def started(self, step: str) -> None:
        """A step begins."""
        self._since = time.perf_counter()
        self._pace = Pace()
        self._bars.reset(self._task, step=step, description=f"{self._done + 1} of {self._total}", pace="")

    def progress(self, message: str, share: float) -> None:
        """A step is so far."""
        share = min(max(share, 0.0), 1.0)
        pace = self._pace.told(message, share, time.perf_counter())
        self._bars.update(self._task, completed=share, description=plain(message), pace=pace)

    def ended(self, step: str, reused: bool = False) -> None:
        """A step is done, or there was nothing to do."""
        self._done += 1
        if self._lines:
            seconds = time.perf_counter() - self._since
            took = "  as before" if reused else f"{seconds:6.1f} s"
            console.print(f"  [green]✓[/green] {step:<11} [dim]{took}[/dim]")
