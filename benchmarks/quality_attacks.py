"""The three attacks beside Anonymeter's: do the rates agree, and how long does either take?

`python -m benchmarks.quality_attacks --data FOLDER --json FILE` on Adult, with a synthetic table of the generator
`trees` and with the same table after a fifth of its rows was replaced by training rows. Both sides get the same
tables, columns, halves, numbers of conditions and neighbours, and numbers of attacks; each draws its own targets, so
that rates agree within their intervals and are not equal. Ours runs its positive controls and references as well.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import generators
from benchmarks.environments import ANONYMETER, WORKERS, python_of
from benchmarks.tables import Split, split
from proofset.codes import Kind
from proofset.seeds import stream
from proofset.spec import GeneratorSpec, QualitySpec
from quality import inference, linkability, singling_out
from quality.attacks import Trial, rate
from quality.base import Context
from quality.profile import profile_table

WIDTH, NEIGHBOURS = 6, 10
LEAKED = 0.2
ATTEMPTS = 500_000
NAMES = ("singling_out", "linkability", "inference")


def context(taken: Split, synthetic: pa.Table, attacks: int, seed: int) -> Context:
    """What our attacks look at."""
    spec = taken.table.spec.model_copy(update={"quality": QualitySpec(guesses=attacks)})
    profile = profile_table(taken.train, taken.table.name, spec, "")
    return Context(taken.train, taken.test, synthetic, profile, spec, seed)


def ours(about: Context) -> dict[str, float]:
    """Rates, risks and seconds of the project's attacks; the coding of the tables counts as the first one's."""
    figures: dict[str, float] = {}

    def timed(name: str, run: Any) -> Any:
        start = time.perf_counter()
        found = run(about)
        figures[f"{name}_s"] = time.perf_counter() - start
        return found

    single = {v.name: v.published for v in timed("singling_out", singling_out.ways)}
    link = {v.name: v.published for v in timed("linkability", linkability.ways)}
    infer = timed("inference", inference.by_secret)["published"]
    for name, trial in (
        ("singling_out", single[f"{WIDTH} conditions"]), ("linkability", link[f"{NEIGHBOURS} nearest rows"])
    ):  # fmt: skip
        figures |= _figures(name, trial)
    for column, trial in zip(about.encoded.columns, infer, strict=True):
        figures |= _figures(f"inference.{column.name}", trial)
    for label in ("attack", "control"):
        figures[f"inference_{label}"] = float(np.mean([getattr(t, label).mean() for t in infer]))
    return figures


def _figures(name: str, trial: Trial) -> dict[str, float]:
    figures, risk = {}, trial.risk
    for label, found in (("attack", rate(trial.attack)), ("control", rate(trial.control))):
        figures |= {f"{name}_{label}": found.value, f"{name}_{label}_error": (found.high - found.low) / 2}
    return figures | {name: max(risk.value, 0.0), f"{name}_low": max(risk.low, 0.0), f"{name}_high": risk.high}


def theirs(about: Context, environments: Path, work: Path, attacks: int, jobs: int) -> dict[str, float]:
    """The same of Anonymeter, in its own environment."""
    kinds = {c.name: c.kind != Kind.CATEGORY for c in about.encoded.columns}
    numbers = {c.name: c.kind in (Kind.NUMBER, Kind.TIME) for c in about.encoded.columns}
    with tempfile.TemporaryDirectory(dir=work) as made:
        folder = Path(made)
        paths = {}
        for part, table in (("train", about.train), ("control", about.holdout), ("synthetic", about.synthetic)):
            frame = table.select(list(kinds)).to_pandas()
            for name, ordered in kinds.items():
                if not ordered:  # a null is a value of its own there, as here
                    frame[name] = frame[name].astype(object).where(frame[name].notna(), "null").astype(str)
            paths[part] = str(folder / f"{part}.parquet")
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), paths[part])
        asked = paths | {
            "attacks": attacks, "seed": about.seed, "width": WIDTH, "attempts": ATTEMPTS, "neighbours": NEIGHBOURS,
            "halves": linkability.halves(list(about.encoded.columns)), "secrets": numbers, "jobs": jobs,
            "figures": str(folder / "figures.json"),
        }  # fmt: skip
        (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
        call = [str(python_of(ANONYMETER, environments)), str(WORKERS / "anonymeter_worker.py")]
        subprocess.run([*call, str(folder / "asked.json")], check=True, env=os.environ | {"OMP_NUM_THREADS": "2"})
        found: dict[str, float] = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    return found


def agreement(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """For each rate the difference by what both intervals allow: at most 1 where they agree."""
    named = [n.removesuffix("_attack_error") for n in one if n.endswith("_attack_error")]
    return {
        f"{n}_{label}_apart": abs(one[f"{n}_{label}"] - other[f"{n}_{label}"])
        / hypot(one[f"{n}_{label}_error"], other[f"{n}_{label}_error"])
        for n in named
        for label in ("attack", "control")
    }


def leaked(synthetic: pa.Table, train: pa.Table, seed: int) -> pa.Table:
    """The table with LEAKED of its rows replaced by training rows."""
    rng, count = stream(seed, "benchmark", "leak"), round(LEAKED * synthetic.num_rows)
    kept = synthetic.take(rng.permutation(synthetic.num_rows)[count:])
    return pa.concat_tables([kept, train.take(rng.permutation(train.num_rows)[:count]).cast(synthetic.schema)])


def main() -> None:
    """Run both sides on both tables and write flat figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of python -m benchmarks.data")
    arguments.add_argument("--json", type=Path, required=True, help="where figures are written")
    arguments.add_argument("--attacks", type=int, default=2_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--jobs", type=int, default=2, help="threads of either side")
    given = arguments.parse_args()
    taken = split(given.data, "adult")
    profile = profile_table(taken.train, "adult", taken.table.spec, "")
    fitted = generators.create(GeneratorSpec()).fit(taken.train, taken.table.spec, profile, given.seed)
    made = fitted.sample(taken.train.num_rows, given.seed).table
    figures: dict[str, float] = {"cores": float(os.cpu_count() or 1), "attacks": float(given.attacks)}
    ours(context(taken, made.slice(0, 2_000), 100, given.seed))  # compiled on first use: not part of the time
    for label, table in (("plain", made), ("leaked", leaked(made, taken.train, given.seed))):
        about = context(taken, table, given.attacks, given.seed)
        one = ours(about)
        other = theirs(about, given.data / "environments", given.data, given.attacks, given.jobs)
        apart = agreement(one, other)
        seconds = [sum(side[f"{n}_s"] for n in NAMES) for side in (one, other)]
        rows = {"proofset": one, "anonymeter": other, "agreement": apart}
        figures |= {f"{label}.{side}.{n}": v for side, found in rows.items() for n, v in found.items()}
        figures[f"{label}.agreement.share"] = float(np.mean([v <= 1 for v in apart.values()]))
        figures[f"{label}.times_faster"] = seconds[1] / seconds[0]
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
        print(f"{label}: {figures[f'{label}.times_faster']:.0f} times faster; rates apart (1: within both intervals)")
        print("  " + ", ".join(f"{n.removesuffix('_apart')} {v:.2f}" for n, v in apart.items()))


if __name__ == "__main__":
    main()
