"""Compare the registered generators on the census table: `make bench`.

Every generator is fitted and sampled in a process of its own, so that imports and peak memory are its own, and scored
with the same measures. Times are the best of `--repeats` runs. The peer of the ratios is `sdv_gaussian_copula`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
CENSUS = ROOT / "examples" / "census"
GENERATORS = ("trees", "sdv_gaussian_copula")
PEER = "sdv_gaussian_copula"
SHOWN = (
    "fidelity.shape_error",
    "fidelity.pair_error",
    "fidelity.c2st_auc",
    "utility.tstr_auc",
    "privacy.membership_auc",
    "privacy.exact_copy_rate",
)


def parts() -> tuple[pa.Table, pa.Table]:
    """Train and holdout, split like the example's spec does."""
    from proofset.seeds import stream

    table = pq.read_table(CENSUS / "data" / "adult.parquet")
    order = stream(1994, "split").permutation(table.num_rows)
    held = round(table.num_rows / 3)
    return table.take(np.sort(order[held:])), table.take(np.sort(order[:held]))


def measure_one(name: str, repeats: int, target: Path) -> dict[str, float]:
    """Fit and sample one generator `repeats` times; write its table to `target`."""
    import generators
    from proofset.digest import table_digest
    from proofset.spec import GeneratorSpec, TableSpec
    from quality.profile import profile_table

    train, _ = parts()
    spec = TableSpec(target="income")
    profile = profile_table(train, "adult", spec, table_digest(train))
    fits, samples = [], []
    for _ in range(repeats + 1):  # the first run pays for imports and compilation
        start = time.perf_counter()
        fitted = generators.create(GeneratorSpec(name=name)).fit(train, spec, profile, 1)
        middle = time.perf_counter()
        made = fitted.sample(train.num_rows, 1)
        fits.append(middle - start)
        samples.append(time.perf_counter() - middle)
    pq.write_table(made.table, target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first fit s": fits[0], "fit s": min(fits[1:]), "sample s": min(samples[1:]), "peak MB": peak}


def score_one(target: Path) -> dict[str, float]:
    """The measures of the table in `target`."""
    from proofset.digest import table_digest
    from proofset.spec import TableSpec
    from quality.profile import profile_table
    from quality.scoring import score

    train, holdout = parts()
    made = pq.read_table(target)
    profile = profile_table(train, "adult", TableSpec(target="income"), table_digest(train))
    card = score(train, holdout, made, profile=profile, target="income", seed=1, digests=("t", "h", "s"))
    return {m.name: m.value for m in card.measures if m.name in SHOWN and m.value is not None}


def main() -> None:
    """Print one row per generator, and the ratios to the peer."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--only", help=argparse.SUPPRESS)
    arguments.add_argument("--target", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.only:
        figures = measure_one(given.only, given.repeats, given.target)
        sys.stdout.write("\n" + json.dumps(figures))
        return
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in GENERATORS:
            target = Path(folder) / f"{name}.parquet"
            call = [sys.executable, "-m", "benchmarks", "--only", name, "--target", str(target)]
            out = subprocess.check_output([*call, "--repeats", str(given.repeats)], text=True, cwd=ROOT)
            rows[name] = json.loads(out.splitlines()[-1]) | score_one(target)
    columns = list(rows[PEER])
    print("| generator | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(f"{figures[c]:.4g}" for c in columns) + " |")
    for name, figures in rows.items():
        if name != PEER:
            times = ", ".join(f"{c} × {figures[c] / rows[PEER][c]:.2f}" for c in columns[:4])
            print(f"\n{name} against {PEER}: {times}")


if __name__ == "__main__":
    main()
