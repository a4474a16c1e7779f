"""One measurement of the quality benchmark in a process of its own, so that its memory is its own.

`python -m benchmarks.quality_worker '{"task": "ours", ...}'` prints flat figures as its last line. Seconds are by the
clock (`s`) and of the processor, all threads together (`cpu_s`); libraries are loaded and code is compiled before.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.scale import jittered
from benchmarks.tables import Split, split
from proofset.seeds import stream
from proofset.spec import QualitySpec
from quality.base import Context, Family, Observed

SEED = 1
GROUPS = ("sex", "race")
"""Where a table has these columns, fairness is measured on them, and with the age they are known to attackers."""
Figures = dict[str, float]


def timed(work: Callable[[], object], repeats: int) -> Figures:
    """Medians of the seconds a piece of work takes."""
    clock, processor = [], []
    for _ in range(repeats):
        start, spent = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - spent)
    return {"s": statistics.median(clock), "cpu_s": statistics.median(processor)}


def peak_mb() -> float:
    """Most memory this process has held (Linux: kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def synthetic(here: Split) -> pa.Table:
    """As many rows as the training table has, drawn from it and moved a little: no row is a mere copy."""
    return jittered(here.train, here.train.num_rows, stream(SEED, "benchmark", "quality", here.table.name))


def context(here: Split, made: pa.Table, workers: int) -> Context:
    """What the families look at. The profile is made before the clock starts: the platform has it already."""
    from quality.profile import profile_table

    groups = tuple(name for name in GROUPS if name in here.train.column_names)
    quality = QualitySpec(groups=groups, quasi_identifiers=("age", *groups) if groups else ())
    spec = here.table.spec.model_copy(update={"quality": quality})
    known = profile_table(pa.concat_tables([here.train, here.test]), here.table.name, spec, "0" * 64)
    return Context(here.train, here.test, made, known, spec, SEED, workers)


def ours(asked: dict[str, Any]) -> Figures:
    """Shapes and trends of synthetic and holdout against train, with intervals, from Arrow tables on."""
    from quality import fidelity_compiled  # noqa: F401 - compiles, or reads what was compiled before
    from quality.fidelity import compare, tables_of

    here = split(Path(asked["data"]), asked["table"])
    at = context(here, synthetic(here), asked["workers"])
    found: dict[str, float] = {}

    def work() -> None:
        again = type(at)(at.train, at.holdout, at.synthetic, at.profile, at.table, at.seed, at.workers)
        trends = compare(tables_of(again), again.rng("fidelity", "triples"), trends_only=True)["synthetic"]
        for name in ("shape_error", "pair_error"):
            draws = trends.found[f"fidelity.{name}"].draws
            if draws is not None:
                found[name] = float(draws[0])

    return timed(work, asked["repeats"]) | found | {"peak_mb": peak_mb()}


def sdmetrics(asked: dict[str, Any]) -> Figures:
    """SDMetrics' QualityReport of synthetic against train, from pandas' frames on. rows: None for its own sampling."""
    from sdmetrics.reports.single_table import QualityReport

    from proofset.codes import modelled
    from quality.sdmetrics_reports import frame, metadata

    here = split(Path(asked["data"]), asked["table"])
    at = context(here, synthetic(here), 1)
    columns, schema = modelled(at.profile, at.train), at.train.schema
    real, made = (frame(t, columns, schema) for t in (at.train, at.synthetic))
    described = metadata(columns, schema)
    found: dict[str, float] = {}

    def work() -> None:
        report = QualityReport()
        if asked["full"]:
            report.num_rows_subsample = None
        report.generate(real, made, described, verbose=False)
        scores = dict(zip(*(report.get_properties()[k] for k in ("Property", "Score")), strict=True))
        found["shape_error"] = 1 - float(scores["Column Shapes"])
        found["pair_error"] = 1 - float(scores["Column Pair Trends"])

    return timed(work, asked["repeats"]) | found | {"peak_mb": peak_mb()}


def suite(asked: dict[str, Any]) -> Figures:
    """Every family in its order, each with its time; the first ones also pay for what all share."""
    from quality import ON_REQUEST, REGISTRY

    here = split(Path(asked["data"]), asked["table"])
    at = context(here, synthetic(here), asked["workers"])
    figures: Figures = {}
    for name in (n for n in REGISTRY if n not in ON_REQUEST):
        family = REGISTRY[name]
        seen: list[Observed] = []

        def work(family: Family = family, seen: list[Observed] = seen) -> None:
            seen.append(family.observe(at))

        took = timed(work, 1)
        figures |= {f"{name}.{key}": value for key, value in took.items()}
        figures[f"{name}.not_ok"] = sum(m.status == "error" for m in seen[0].measures)
        print(f"{name} {took['s']:.2f} s", file=sys.stderr, flush=True)
    total = {k: sum(v for n, v in figures.items() if n.rpartition(".")[2] == k) for k in ("s", "cpu_s", "not_ok")}
    return figures | total | {"peak_mb": peak_mb()}


def streamed(asked: dict[str, Any]) -> Figures:
    """Shapes and trends of two Parquet files of many rows, read by row group."""
    import pyarrow.parquet as pq

    from quality import fidelity_compiled  # noqa: F401 - compiles, or reads what was compiled before
    from quality.fidelity_stream import fidelity_stream
    from quality.profile import profile_table

    here = split(Path(asked["data"]), asked["table"])
    known = profile_table(here.train, here.table.name, here.table.spec, "0" * 64)
    train, made = Path(asked["train"]), Path(asked["synthetic"])
    figures: Figures = {"rows": pq.read_metadata(train).num_rows, "columns": len(pq.read_schema(train))}

    def work() -> None:
        for measure in fidelity_stream(train, made, profile=known, seed=SEED, workers=asked["workers"]):
            if measure.value is not None:
                figures[measure.name.partition(".")[2]] = measure.value

    return figures | timed(work, 1) | {"peak_mb": peak_mb()}


TASKS = {"ours": ours, "sdmetrics": sdmetrics, "suite": suite, "stream": streamed}


def main() -> None:
    """Run the task that the request names."""
    asked = json.loads(sys.argv[1])
    print(json.dumps(TASKS[asked["task"]](asked)))


if __name__ == "__main__":
    main()
