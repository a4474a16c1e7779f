"""The three attacks beside Anonymeter's: do the rates agree, and how long does either take?

`python -m benchmarks.quality --only attacks` on Adult, with a synthetic table of the generator
`trees` and with the same table after a fifth of its rows was replaced by training rows. Both sides get the same
tables, columns, halves, numbers of conditions and neighbours, and numbers of attacks; each draws its own targets, so
that rates agree within their intervals and are not equal. Ours runs its positive controls and references as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from math import hypot
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import generators
from benchmarks.environments import ANONYMETER, WORKERS, python_of
from benchmarks.session import show
from benchmarks.tables import Split, split
from proofset.codes import Kind
from proofset.seeds import stream
from proofset.spec import GeneratorSpec, QualitySpec
from quality import inference, linkability, singling_out
from quality.attacks import Trial, rate
from quality.base import Context
from quality.profile import profile_table

if TYPE_CHECKING:
    from benchmarks.quality import Session

SEED = 0
WIDTH, NEIGHBOURS = 6, 10
LEAKED = 0.2
ATTEMPTS = 500_000
NAMES = ("singling_out", "linkability", "inference")


def context(taken: Split, synthetic: pa.Table, guesses: int, workers: int) -> Context:
    """What our attacks look at."""
    spec = taken.table.spec.model_copy(update={"quality": QualitySpec(guesses=guesses)})
    profile = profile_table(taken.train, taken.table.name, spec, "")
    return Context(taken.train, taken.test, synthetic, profile, spec, SEED, workers)


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
    # Anonymeter's control counts in the smaller holdout as it is; ours speaks of as many rows as were trained on.
    plain = rate((single[f"{WIDTH} conditions"].control > 0).astype(np.float64))
    figures["singling_out_control_weighted"] = figures["singling_out_control"]
    figures |= {"singling_out_control": plain.value, "singling_out_control_error": (plain.high - plain.low) / 2}
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


def theirs(about: Context, environments: Path, work: Path, jobs: int) -> dict[str, float]:
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
            "attacks": about.table.quality.guesses, "seed": about.seed, "width": WIDTH, "attempts": ATTEMPTS,
            "neighbours": NEIGHBOURS,
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


def attacks(session: Session) -> None:
    """Run both sides on both tables, and take their figures. session: its data, guesses and workers."""
    taken = split(session.data, "adult")
    profile = profile_table(taken.train, "adult", taken.table.spec, "")
    fitted = generators.create(GeneratorSpec()).fit(taken.train, taken.table.spec, profile, SEED)
    made = fitted.sample(taken.train.num_rows, SEED).table
    session.add("attacks", {"guesses": float(session.guesses)})
    ours(context(taken, made.slice(0, 2_000), 100, session.workers))  # compiled on first use: not part of the time
    faster = []
    for label, table in (("plain", made), ("leaked", leaked(made, taken.train, SEED))):
        one = _medians(context(taken, table, session.guesses, session.workers), session.repeats)
        about = context(taken, table, session.guesses, session.workers)
        other = theirs(about, session.data / "environments", session.data, session.workers)
        apart = agreement(one, other)
        seconds = [sum(side[f"{n}_s"] for n in NAMES) for side in (one, other)]
        faster.append(seconds[1] / seconds[0])
        for side, found in {"ours": one, "anonymeter": other, "apart": apart}.items():
            session.add(f"attacks.{label}.{side}", found)
        agreed = float(np.mean([v <= 1 for v in apart.values()]))
        told = {"s": seconds[0], "anonymeter_s": seconds[1], "times_faster": faster[-1], "agreed": agreed}
        session.add(f"attacks.{label}", told)
        show(f"attacks {label}", told, tuple(told))
    session.add("attacks", {"times_faster": min(faster)})


def _medians(about: Context, repeats: int) -> dict[str, float]:
    """The figures of our attacks, with the median seconds of several runs, each from the tables on."""
    runs = [ours(replace(about, _memo={})) for _ in range(repeats)]
    return runs[0] | {f"{n}_s": median(r[f"{n}_s"] for r in runs) for n in NAMES}
