"""Scale: fitting 100,000, 1 and 5 million rows out of core, and streaming 10 million rows on two cores.

The training rows are drawn again from Adult and jittered, so that they are no mere copies: each number with more than
100 distinct values moves by normal noise (2 % of its standard deviation, within its range), and each cell of the other
columns is replaced, with a chance of 2 %, by another row's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.session import Session, show
from proofset.files import make_dir
from proofset.seeds import stream

SIZES = {"100k": 100_000, "1m": 1_000_000, "5m": 5_000_000}
STREAMED = 10_000_000
BLOCK = 250_000
NOISE, SWAPPED, FEW = 0.02, 0.02, 100
WORKERS = 2


def scale(session: Session) -> None:
    """Fit time and memory by rows, their slope, and the rate and memory of a stream."""
    source = session.split("adult")
    asked = {"generator": "trees", "options": {"privacy": "medium"}, "table": "adult", "seed": 1}
    work = session.runner.work
    make_dir(work)
    saved = work / "scale-fitted"
    times: dict[str, float] = {}
    for label, rows in SIZES.items():
        path = enlarged(source.train, rows, work / f"scale-{rows}.parquet")
        made = session.runner.own("scale-fit", {"train": path}, asked | {"task": "fit", "saved": str(saved / label)})
        session.add(f"scale.fit.{label}", made.figures)
        show(f"fit {rows:,} rows", made.figures, ("fit_s", "fit_cpu_s", "peak_mb"))
        if "fit_s" in made.figures:
            times[label] = made.figures["fit_s"]
    if len(times) == len(SIZES):
        session.add("scale.fit", {"slope": slope(list(SIZES.values()), list(times.values()))})
    run = session.runner.own(
        "scale-stream",
        {},
        {"task": "stream", "saved": str(saved / "100k"), "rows": STREAMED, "seed": 1, "workers": WORKERS},
    )
    if "stream_s" in run.figures:
        found = run.figures | {"rows_per_s": run.figures["rows"] / run.figures["stream_s"]}
        session.add("scale.stream", found)
        show(f"stream {STREAMED:,} rows", found, ("stream_s", "rows_per_s", "before_mb", "peak_mb"))


def slope(rows: list[int], seconds: list[float]) -> float:
    """Slope of log seconds over log rows by least squares: 1 is linear."""
    return float(np.polyfit(np.log(rows), np.log(seconds), 1)[0])


def enlarged(table: pa.Table, rows: int, path: Path) -> Path:
    """Write `rows` jittered rows to a Parquet file, a block at a time; a complete file is kept."""
    if path.exists() and pq.read_metadata(path).num_rows == rows:
        return path
    part = path.with_suffix(".part")
    with pq.ParquetWriter(part, table.schema, compression="zstd") as writer:
        for number, first in enumerate(range(0, rows, BLOCK)):
            rng = stream(rows, "benchmark", "scale", number)
            writer.write_table(jittered(table, min(BLOCK, rows - first), rng), row_group_size=BLOCK)
    part.replace(path)
    return path


def jittered(table: pa.Table, rows: int, rng: np.random.Generator) -> pa.Table:
    """So many rows of the table, drawn with replacement, no longer copies. Types, ranges and nulls' shares stay."""
    drawn = rng.integers(table.num_rows, size=rows)
    columns = []
    for column in table.columns:
        other = np.where(rng.random(rows) < SWAPPED, rng.integers(table.num_rows, size=rows), drawn)
        made = column.take(pa.array(drawn))
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if not number or pc.count_distinct(column).as_py() <= FEW:
            columns.append(column.take(pa.array(other)))
            continue
        span = pc.min_max(column).as_py()
        noise = rng.normal(0.0, NOISE * pc.stddev(column).as_py(), rows)
        moved = pc.add(made.cast(pa.float64()), pa.array(noise))
        moved = pc.max_element_wise(
            pc.min_element_wise(moved, float(span["max"]), skip_nulls=False), float(span["min"]), skip_nulls=False
        )
        columns.append((pc.round(moved) if pa.types.is_integer(column.type) else moved).cast(column.type))
    return pa.table(columns, schema=table.schema)
