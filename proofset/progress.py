"""Progress: how a long step tells how far it is, without knowing who is watching."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done so far, 0 to 1."""


def silent(message: str, share: float) -> None:
    """Nobody is watching."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """A progress for a sub-task that takes the span from `start` to `end` of the whole."""

    def report(message: str, share: float) -> None:
        progress(message, start + (end - start) * share)

    return report
