"""Worker for the project's own generators, through their public interface: python -m benchmarks.own REQUEST.json

What it does is the request's `task`: fit and sample a table; fit a Parquet file out of core; stream rows.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.protocol import Clock, peak_mb
from benchmarks.tables import find_table
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec

clock = Clock()
PROFILED = 200_000
"""Rows of a large Parquet file that the profile is taken from."""
WARM = 2_000


def load() -> Any:
    """What a caller imports, as the peers' libraries are imported before their clocks start."""
    import generators
    import quality.profile  # noqa: F401

    return generators


def generator(asked: dict[str, Any]) -> Any:
    """The generator a request names."""
    given = {key: asked[key] for key in ("options", "steer") if asked.get(key)}
    return load().create(GeneratorSpec(name=asked["generator"], **given))


def profile_of(table: pa.Table, asked: dict[str, Any]) -> tuple[TableSpec, Profile]:
    """What a dataset spec would say, and the profile."""
    from proofset.digest import table_digest
    from quality.profile import profile_table

    described = find_table(asked["table"])
    spec = described.spec
    return spec, clock("profile", lambda: profile_table(table, described.name, spec, table_digest(table)))


def sampled(asked: dict[str, Any]) -> dict[str, float]:
    """Fit and sample; `first_fit_s` is what a fresh process waits, `fit_s` the median of the later fits."""
    train = pq.read_table(asked["train"])
    spec, profile = profile_of(train, asked)
    made = generator(asked)
    times: dict[str, list[float]] = {"fit": [], "sample": []}
    first: dict[str, float] = {}
    for number in range(asked["repeats"] + 1):
        fitted = clock("fit", lambda: made.fit(train, spec, profile, asked["seed"]))
        drawn = clock("sample", lambda: fitted.sample(asked["rows"], asked["seed"]))  # noqa: B023
        if number == 0:
            first = {f"first_{k}": clock.figures[k] for k in ("fit_s", "sample_s")}
        if number or not asked["repeats"]:
            for step, values in times.items():
                values.append(clock.figures[f"{step}_s"])
    figures = clock.figures | first | {f"{k}_s": statistics.median(v) for k, v in times.items()}
    figures["peak_mb"] = peak_mb()
    pq.write_table(drawn.table, asked["out"])
    likelihood = getattr(fitted._learned, "log_likelihood", None)
    if likelihood is not None and "test" in asked:
        sides = {"train": train, "test": pq.read_table(asked["test"])}
        found = {k: np.asarray(likelihood(t)) for k, t in sides.items()}
        figures["likelihood_auc"] = separation(found["train"], found["test"])
    return figures


def fitted_from_file(asked: dict[str, Any]) -> dict[str, float]:
    """Fit a Parquet file out of core and save what was learned."""
    path = Path(asked["train"])
    head = next(pq.ParquetFile(path).iter_batches(PROFILED))
    spec, profile = profile_of(pa.Table.from_batches([head]), asked)
    # A first fit loads compiled code, the same second or two for every size, which would flatten the slope.
    clock("warm", lambda: generator(asked).fit(pa.Table.from_batches([head]).slice(0, WARM), spec, profile, 0))
    fitted = clock("fit", lambda: generator(asked).fit(path, spec, profile, asked["seed"]))
    figures = clock.figures | {"peak_mb": peak_mb()}
    fitted.save(Path(asked["saved"]))
    return figures


def streamed(asked: dict[str, Any]) -> dict[str, float]:
    """Load what was saved and stream rows; they are counted, not kept."""
    fitted = clock("load", lambda: load().load_fitted(Path(asked["saved"])))
    clock("warm", lambda: sum(b.num_rows for b in fitted.stream(1_000, 0)))
    before = peak_mb()
    rows = clock(
        "stream", lambda: sum(b.num_rows for b in fitted.stream(asked["rows"], asked["seed"], workers=asked["workers"]))
    )
    return clock.figures | {"rows": rows, "before_mb": before, "peak_mb": peak_mb()}


def separation(inside: np.ndarray, outside: np.ndarray) -> float:
    """AUC of telling the first from the second by their size."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([inside, outside]))[: len(inside)]
    return float((ranks.sum() - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(outside)))


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, float]]] = {
    "sample": sampled,
    "fit": fitted_from_file,
    "stream": streamed,
}


def main() -> None:
    """Do what the request says."""
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    clock("import", load)
    figures = TASKS[asked.get("task", "sample")](asked)
    Path(asked["figures"]).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
