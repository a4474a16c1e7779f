"""What all workers share: the request, the clock, the memory, and the answer. Standard library only."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """Wall-clock and CPU seconds of named steps."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def __call__(self, name: str, step: Callable[[], T]) -> T:
        """Run `step`; keep its times as `name_s` and `name_cpu_s`, of the last run where it runs again."""
        start, cpu = time.perf_counter(), time.process_time()
        result = step()
        self.figures[f"{name}_s"] = time.perf_counter() - start
        self.figures[f"{name}_cpu_s"] = time.process_time() - cpu
        return result


class Until:
    """Iterate like tqdm over epochs, and stop once the time is up. At least one epoch runs.

    Put in the place of a library's `tqdm`, it limits training without timing an epoch first.
    """

    done = 0

    def __init__(self, epochs: Iterable[int], end: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.epochs, self.end, self.clock = epochs, end, clock

    def __iter__(self) -> Iterator[int]:
        for epoch in self.epochs:
            yield epoch
            Until.done = epoch + 1
            if self.clock() > self.end:
                return

    def set_description(self, text: str) -> None:
        """Nothing is shown."""


def peak_mb(status: Path = Path("/proc/self/status")) -> float:
    """Peak memory of this process in MB (10^6 bytes).

    getrusage alone would not do: on Linux it starts with the size of the process that started this one.
    """
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def request() -> dict[str, Any]:
    """What the harness asks for."""
    asked: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return asked


def answer(asked: dict[str, Any], figures: dict[str, float]) -> None:
    """Write the figures where the harness looks for them."""
    Path(asked["figures"]).write_text(json.dumps(figures | {"peak_mb": peak_mb()}), encoding="utf-8")
