"""Measure what generators cost and rewrite orchestration/costs.json: python -m benchmarks.costs [--only NAME,...]

Every shape is fitted and sampled in a process of its own, on made-up tables of half categories, half numbers that
depend on each other. Neural models are trained for a few epochs; what a run of them costs is what one more epoch does.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.running import ROOT
from orchestration.costs import Cost, Costs, Size, calibrate, coded_width, fitted_law

TARGET = ROOT / "orchestration" / "costs.json"
CHEAP = ((2_000, 8), (10_000, 16), (40_000, 16), (40_000, 48), (160_000, 16), (6_000, 160), (400_000, 12))
MIDDLE = ((2_000, 8), (10_000, 16), (40_000, 16), (20_000, 48), (80_000, 16))
NEURAL = ((2_000, 8), (8_000, 16), (20_000, 16), (4_000, 48))
EPOCHS = (1, 4)


def made_up(rows: int, columns: int) -> pa.Table:
    """Half categories of 2 to 40 values, half numbers, all moved by three hidden causes."""
    rng = np.random.default_rng(rows * 1_000 + columns)
    causes = rng.normal(size=(rows, 3))
    data: dict[str, pa.Array] = {}
    for i in range(columns):
        mixed = causes @ rng.normal(size=3) + rng.normal(size=rows)
        if i % 2:
            data[f"number_{i}"] = pa.array(np.round(np.exp(mixed / 3) * 100, 2))
        else:
            many = int(rng.integers(2, 41))
            edges = np.quantile(mixed, np.linspace(0, 1, many + 1)[1:-1])
            data[f"category_{i}"] = pa.array([f"c{k}" for k in range(many)]).take(pa.array(np.digitize(mixed, edges)))
    return pa.table(data)


def measure_one(name: str, rows: int, columns: int, epochs: int) -> dict[str, float]:
    """Seconds to fit and to sample as many rows, MB of peak memory beyond the start, and the coded width."""
    import generators
    from proofset.spec import GeneratorSpec, TableSpec
    from quality.profile import profile_table

    table = made_up(rows, columns)
    profile = profile_table(table, "t", TableSpec(), "0" * 64)
    options = {"epochs": epochs} if epochs else {}
    small = made_up(300, 4)  # the first fit pays for imports and compilation
    generators.create(GeneratorSpec(name=name, options=options)).fit(
        small, TableSpec(), profile_table(small, "t", TableSpec(), "0" * 64), 1
    ).sample(10, 1)
    watch = Watch()
    start = time.perf_counter(), time.process_time()
    fitted = generators.create(GeneratorSpec(name=name, options=options)).fit(table, TableSpec(), profile, 1)
    middle = time.perf_counter(), time.process_time()
    for _ in fitted.stream(rows, 1):
        pass
    end = time.perf_counter(), time.process_time()
    peak = watch.end()
    words = {c.name: c.distinct for c in profile.columns if c.name.startswith("category")}
    width = coded_width(columns - len(words), words)
    return {"fit": _took(start, middle), "sample": _took(middle, end), "memory": max(peak, 1.0), "width": width}


class Watch:
    """Watches how far this process' memory grows, in MB, from when it is made."""

    def __init__(self) -> None:
        gc.collect()
        pa.default_memory_pool().release_unused()
        self._first = self._most = resident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.01):
            self._most = max(self._most, resident())

    def end(self) -> float:
        """Stop watching; MB at the peak beyond the beginning."""
        self._ended.set()
        self._thread.join()
        return max(self._most, resident()) - self._first


def resident() -> float:
    """MB of memory this process holds now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _took(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Seconds by the clock, or of processor time where that is less: then others kept the machine busy."""
    return max(min(b - a for a, b in zip(start, end, strict=True)), 1e-3)


def measure(name: str, shapes: tuple[tuple[int, int], ...], repeats: int) -> Cost:
    """Fit the laws of one generator; a neural one's by what an epoch more costs."""
    import generators

    neural = "epochs" in generators.REGISTRY[name].Options.model_fields
    sizes, fit, sample, memory, base = [], [], [], [], []
    for rows, columns in shapes:
        runs = {e: [_apart(name, rows, columns, e) for _ in range(repeats)] for e in (EPOCHS if neural else (0,))}
        few, most = runs[min(runs)], runs[max(runs)]

        def median(of: list[dict[str, float]], what: str) -> float:
            return statistics.median(run[what] for run in of)

        sizes.append(Size(rows, columns, int(few[0]["width"])))
        span = (max(runs) - min(runs)) or 1
        per_epoch = max((median(most, "fit") - median(few, "fit")) / span, 1e-3)
        fit.append(per_epoch if neural else median(few, "fit"))
        base.append(max(median(few, "fit") - per_epoch, 0.0))
        sample.append(median(few, "sample"))
        memory.append(median(most, "memory"))
        print(f"{name} {rows:,} × {columns}: fit {fit[-1]:.2f} s, sample {sample[-1]:.2f} s, {memory[-1]:.0f} MB")
    law = fitted_law(sizes, fit)
    if neural:  # an epoch has no constant of its own worth keeping; what is paid once is
        law = law.model_copy(update={"constant": round(statistics.median(base), 3)})
    return Cost(
        fit=law,
        sample=fitted_law(sizes, sample),
        memory=fitted_law(sizes, memory),
        rows=(min(r for r, _ in shapes), max(r for r, _ in shapes)),
        epochs=neural,
    )


def _apart(name: str, rows: int, columns: int, epochs: int) -> dict[str, float]:
    call = [sys.executable, "-m", "benchmarks.costs", "--one", f"{name},{rows},{columns},{epochs}"]
    found: dict[str, float] = json.loads(subprocess.check_output(call, text=True, cwd=ROOT).splitlines()[-1])
    return found


def main() -> None:
    """Measure what is asked for and write it beside what was measured before."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", help="generators, parted by commas; all by default")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--target", type=Path, default=TARGET)
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.one:
        name, rows, columns, epochs = given.one.split(",")
        print(json.dumps(measure_one(name, int(rows), int(columns), int(epochs))))
        return
    known = Costs.model_validate_json(given.target.read_text()).generators if given.target.exists() else {}
    shapes = {"trees": CHEAP, "sdv_gaussian_copula": MIDDLE}
    for name in given.only.split(",") if given.only else ["trees", "sdv_gaussian_copula", "sdv_tvae", "sdv_ctgan",
                                                          "sdv_copula_gan"]:  # fmt: skip
        known = known | {name: measure(name, shapes.get(name, NEURAL), given.repeats)}
    speed = round(statistics.median(calibrate() for _ in range(5)), 1)
    cores = len(os.sched_getaffinity(0))
    costs = Costs(machine=f"{cores} cores, {platform.machine()}, {platform.system()}", speed=speed, generators=known)
    given.target.write_text(json.dumps(costs.plain(), indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
