"""Run one generator on one table in a process of its own, or take what an earlier run kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.environments import FEW, WORKERS, find_peer, python_of
from benchmarks.tables import Split
from proofset.files import make_dir, write_bytes

ROOT = Path(__file__).resolve().parent.parent
SLACK = 3_600
"""Seconds beyond its budget after which a worker is stopped."""


@dataclass(frozen=True)
class Run:
    """What a worker made. table: None where it failed; then `figures` has `failed` alone.

    figures: seconds of `fit` and `sample`, `peak_mb`, `epochs` of models that have them.
    """

    name: str
    figures: dict[str, float]
    table: pa.Table | None = field(repr=False)
    reused: bool = False


@dataclass(frozen=True)
class Runner:
    """Where workers find and leave things.

    reuse: peers' tables and times of earlier runs, read and added to; None to keep nothing.
    fresh: peers that are run again although an earlier run is kept.
    budget: seconds of training by peer; a peer that is not named trains as long as its defaults say.
    threads: of a worker's numeric libraries.  nice: added to a worker's niceness.
    """

    work: Path
    environments: Path
    reuse: Path | None = None
    fresh: frozenset[str] = frozenset()
    budget: Mapping[str, float] = field(default_factory=dict)
    threads: int = 2
    nice: int = 0

    def peer(self, name: str, split: Split, seed: int) -> Run:
        """Fit and sample a peer: as many rows as it was shown."""
        peer = find_peer(name)
        rows = split.train.num_rows
        kept = self.reuse / f"{split.table.name}-{split.number}" / f"{name}-{seed}" if self.reuse else None
        if kept and name not in self.fresh and kept.with_suffix(".json").exists():
            figures = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
            return Run(name, figures, conform(pq.read_table(kept.with_suffix(".parquet")), split.train.schema), True)
        asked = {
            "model": name,
            "rows": rows,
            "seed": seed,
            "kinds": kinds(split),
            "budget": self.budget.get(name) if peer.budgeted else None,
            "repeats": peer.repeats if rows <= FEW else 1,
        }
        call = [str(python_of(peer.environment, self.environments)), str(WORKERS / peer.worker)]
        run = self.call(name, call, {"train": split.train}, asked, self.budget.get(name))
        if kept and run.table is not None:
            figures = run.figures | {"trained_rows": rows}
            write_bytes(kept.with_suffix(".parquet"), _parquet(run.table))
            write_bytes(kept.with_suffix(".json"), json.dumps(figures).encode())
        return run

    def ours(self, name: str, split: Split, seed: int, **asked: Any) -> Run:
        """Fit and sample one of the project's own generators. asked: see `benchmarks.own`."""
        rows = {"table": split.table.name, "rows": split.train.num_rows, "seed": seed, "repeats": 3}
        return self.own(name, {"train": split.train, "test": split.test}, rows | asked)

    def own(self, name: str, tables: Mapping[str, pa.Table | Path], asked: dict[str, Any]) -> Run:
        """Run the project's own worker."""
        return self.call(name, [sys.executable, "-m", "benchmarks.own"], tables, asked)

    def call(
        self,
        name: str,
        call: list[str],
        tables: Mapping[str, pa.Table | Path],
        asked: dict[str, Any],
        budget: float | None = None,
    ) -> Run:
        """Run a worker with a request, tables handed over as Parquet. Where the worker fails, the Run has no table."""
        make_dir(self.work)
        with tempfile.TemporaryDirectory(dir=self.work, prefix=f"{name}-") as folder:
            home = Path(folder)
            paths = {part: home / f"{part}.parquet" for part in (*tables, "out")}
            for part, table in tables.items():
                if isinstance(table, Path):
                    paths[part] = table
                else:
                    pq.write_table(table, paths[part])
            request, figures = home / "request.json", home / "figures.json"
            handed = {part: str(path) for part, path in paths.items()}
            handed |= asked | {"figures": str(figures), "threads": self.threads}
            request.write_text(json.dumps(handed), encoding="utf-8")
            threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads))
            with (self.work / f"{name}.log").open("w", encoding="utf-8") as log:
                try:
                    done = subprocess.run(
                        ["nice", "-n", str(self.nice), *call, str(request)],
                        cwd=ROOT, env=os.environ | threads, stdout=log, stderr=log,
                        timeout=(budget or 0) + SLACK,
                    ).returncode  # fmt: skip
                except subprocess.TimeoutExpired:
                    done = 1
            if done or not figures.exists():
                print(f"{name} failed; see {log.name}", file=sys.stderr)
                return Run(name, {"failed": 1.0}, None)
            found: dict[str, float] = json.loads(figures.read_text(encoding="utf-8"))
            table = tables.get("train")
            made = pq.read_table(paths["out"]) if paths["out"].exists() else None
            if made is not None and isinstance(table, pa.Table):
                made = conform(made, table.schema)
            return Run(name, found, made)


def kinds(split: Split) -> dict[str, str]:
    """What the table's description says about each column, in SDV's words."""
    named = {*split.table.categories, *split.table.ordinals}
    found = {}
    for field_ in split.train.schema:
        if pa.types.is_temporal(field_.type):
            found[field_.name] = "datetime"
        elif pa.types.is_string(field_.type) or field_.name in named:
            found[field_.name] = "categorical"
        else:
            found[field_.name] = "numerical"
    return found


def conform(made: pa.Table, schema: pa.Schema) -> pa.Table:
    """A peer's table with the columns and types of the real one: decimals are rounded where whole numbers belong."""
    columns = []
    for wanted in schema:
        column = made[wanted.name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
            if pa.types.is_integer(wanted.type):
                column = pc.round(column)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = column.cast(pa.string())
        columns.append(column.cast(wanted.type, safe=False))
    return pa.table(columns, schema=schema)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())
