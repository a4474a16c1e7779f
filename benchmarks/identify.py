"""Identifying rows, timed: python -m benchmarks.identify --data FOLDER --json FILE [--rows N]

A million jittered rows of Adult stand for a release, as many others for a table that is none. Beside them, in the same
run, what a data scientist would do by hand: pandas' row hashes and `isin`, which is exact, but without a key, and only
while order of columns, types and spelling are the same. The folder needs Adult: `python -m benchmarks.data`.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.checks import Check, judge, printed
from benchmarks.scale import jittered
from benchmarks.tables import split
from lineage.fingerprint import columns_of, fingerprints, workspace_key
from lineage.identify import explained, groups_of, look
from lineage.known import Known, Shelf, sketch_path, sketch_table
from lineage.sketch import chance_within
from lineage.tabular import open_tabular
from proofset.digest import table_digest
from proofset.files import write_bytes
from proofset.seeds import stream
from proofset.workspace import Workspace

Made = TypeVar("Made")
CHECKS = (
    Check("identify.fingerprints.s", 6),
    Check("identify.whole_parquet.s", 10),
    Check("identify.sample_csv.share", lowest=0.99),
    Check("identify.other.share", 0.01),
    Check("identify.adult_source.s", 1),
)


class Clock:
    """Figures of a run. repeats: the fastest of so many is taken."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats
        self.figures: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], Made]) -> Made:
        """Do some work, note its seconds, return what it made."""
        best = float("inf")
        for _ in range(self.repeats):
            start = time.perf_counter()
            made = work()
            best = min(best, time.perf_counter() - start)
        self.figures[f"{name}.s"] = best
        return made


def world(home: Path, release: pa.Table, held: pa.Table) -> tuple[Shelf, Known]:
    """A workspace that knows one release, and its shelf; the sketch is not made yet."""
    write_bytes(home / "proofset.yaml", b"workspace: benchmark\n")
    workspace = Workspace(home)
    digests = []
    for table, folder in ((release, workspace.state), (held, workspace.private)):
        digests.append(table_digest(table))
        (folder / "tables").mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / "tables" / f"{digests[-1]}.parquet")
    known = Known("release", "adult", digests[0], ("a" * 64,), 1, digests[1])
    return Shelf(workspace, workspace_key(workspace), (known,)), known


def asked(shelf: Shelf, path: Path) -> float:
    """The share of a file's rows that come from the release, as `identify` finds it; 0 where it claims none."""
    file = open_tabular(path)
    groups = groups_of(shelf, file.columns)
    matches, _ = explained(groups, look(groups, file, shelf.key))
    return matches[0].share if matches else 0.0


def by_hand(path: Path, known: pd.Series) -> float:
    """The same by pandas: hash every row of the file, and count those among the release's hashes."""
    hashes = pd.util.hash_pandas_object(pd.read_parquet(path), index=False)
    return float(hashes.isin(known).mean())


def run(data: Path, rows: int, repeats: int) -> dict[str, float]:
    """All figures: seconds, shares, and the sketch's size."""
    parts = split(data, "adult")
    train, test = parts.train, parts.test
    release, other = (jittered(train, rows, stream(7, "benchmark", "identify", n)) for n in ("release", "other"))
    clock = Clock(repeats)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        shelf, known = world(folder / "workspace", release, test)
        columns = columns_of(release.schema)
        clock.time("identify.fingerprints", lambda: fingerprints(release, columns, shelf.key))
        sketch = clock.time(
            "identify.sketch", lambda: sketch_table(shelf.workspace, known, release, columns, shelf.key)
        )
        path = sketch_path(shelf.workspace, known)
        sketch.save(path, shelf.key)
        clock.figures["identify.sketch.mb"] = path.stat().st_size / 1e6
        mixed = release.take(np.random.default_rng(0).permutation(rows)).select(release.column_names[::-1])
        pq.write_table(mixed, folder / "whole.parquet")
        pacsv.write_csv(mixed, folder / "whole.csv")
        pq.write_table(other, folder / "other.parquet")
        mixed.slice(0, rows // 20).to_pandas().to_csv(folder / "sample.csv", index=False)
        for name in ("whole.parquet", "whole.csv", "sample.csv", "other.parquet"):
            figure = f"identify.{name.replace('.', '_') if name != 'other.parquet' else 'other'}"
            file = folder / name
            clock.figures[f"{figure}.share"] = clock.time(figure, lambda file=file: asked(shelf, file))
        pq.write_table(mixed.select(release.column_names), folder / "same.parquet")
        hashed = pd.util.hash_pandas_object(release.to_pandas(), index=False)
        peer = clock.time("by_hand.whole_parquet", lambda: by_hand(folder / "same.parquet", hashed))
        clock.figures["by_hand.whole_parquet.share"] = peer
        clock.figures["by_hand.columns_reordered.share"] = by_hand(folder / "whole.parquet", hashed)
        whole = pa.concat_tables([train, test])
        clock.time("identify.adult_source", lambda: chance_within(fingerprints(whole, columns, shelf.key)))
    clock.figures["identify.peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return clock.figures


def main() -> None:
    """Run, write flat figures, and say which bounds hold."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the public tables")
    arguments.add_argument("--json", type=Path, required=True, help="flat figures")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--repeats", type=int, default=3)
    given = arguments.parse_args()
    figures = run(given.data, given.rows, given.repeats)
    write_bytes(given.json, json.dumps(figures, indent=1, sort_keys=True).encode() + b"\n")
    for name, value in sorted(figures.items()):
        print(f"{name:<40} {value:>12.4f}")
    print(printed([judge(check, figures) for check in CHECKS]))


if __name__ == "__main__":
    main()
