"""Progress on a terminal: one line per step, with a bar for the step under way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.cli.common import console


class StepBars:
    """Shows the steps of a run as they start, advance and end. On a pipe it prints one line per finished step."""

    def __init__(self, steps: Sequence[str], *, show: bool = True) -> None:
        self._show = show
        self._live = show and console.is_terminal
        self._total = len(steps)
        self._done = 0
        self._since = time.perf_counter()
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.fields[step]:<11}"),
            BarColumn(bar_width=28),
            TextColumn("[dim]{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bars.add_task("", step="starting", total=1.0)

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
        self._bars.reset(self._task, step=step, description=f"{self._done + 1} of {self._total}")

    def progress(self, message: str, share: float) -> None:
        """A step is so far."""
        self._bars.update(self._task, completed=min(max(share, 0.0), 1.0), description=message)

    def ended(self, step: str, reused: bool = False) -> None:
        """A step is done, or there was nothing to do."""
        self._done += 1
        if self._show:
            seconds = time.perf_counter() - self._since
            took = "  as before" if reused else f"{seconds:6.1f} s"
            console.print(f"  [green]✓[/green] {step:<11} [dim]{took}[/dim]")
