"""Are the intervals right? python -m benchmarks.calibration --json FILE [--seeds 200] [--page docs/calibration.md]

Two hundred times a training, a holdout and a synthetic table are drawn from one population and measured by every family
that has a meaning for them. Counted is how often a measure's 95 % interval holds the truth: what is known of it (a risk
of 0, an AUC of 0.5, a rate of false alarms), or else its mean over all seeds. Figures are flat: measure.covered,
measure.above (the share of intervals that lie wholly above the truth), measure.ok (runs that gave a value).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.page import table
from proofset.files import write_bytes
from proofset.spec import QualitySpec, TableSpec
from quality import ON_REQUEST, REGISTRY
from quality.base import Context
from quality.profile import profile_table

ROWS, HELD = 1_600, 1_200
SPEC = TableSpec(
    target="plan",
    quality=QualitySpec(groups=("sex",), quasi_identifiers=("age", "city", "sex"), guesses=2_000),
)
KNOWN = {
    "privacy.singling_out_risk": 0.0,
    "privacy.linkability_risk": 0.0,
    "privacy.inference_risk": 0.0,
    "privacy.membership_auc": 0.5,
    "privacy.outlier_membership_auc": 0.5,
    "privacy.membership_tpr_at_1fpr": 0.01,
    "privacy.dcr_share": 0.5,
    "fidelity.c2st_auc": 0.5,
    "utility.tstr_gap": 0.0,
    "fairness.bias_amplification": 0.0,
}
"""What is true of tables of one population, where that is known beforehand."""


def people(rows: int, seed: int) -> pa.Table:
    """Numbers with long tails and atoms, nulls, frequent and rare categories, and a target that depends on them."""
    rng = np.random.default_rng([seed, 7])
    age, income = rng.integers(18, 90, rows), rng.lognormal(8, 0.5, rows)
    sex = rng.choice(["f", "m"], rows, p=[0.45, 0.55])
    chance = 1 / (1 + np.exp((50 - age) / 12 - 0.4 * (sex == "f") + rng.normal(0, 0.5, rows)))
    return pa.table(
        {
            "age": age,
            "city": rng.choice(list("ABCDEFGH"), rows, p=[0.4, 0.2, 0.15, 0.1, 0.08, 0.04, 0.02, 0.01]),
            "income": pa.array(np.round(income, 2), mask=rng.random(rows) < 0.1),
            "spend": np.round(income * 0.3 + rng.normal(0, 50, rows), 1),
            "visits": np.where(rng.random(rows) < 0.6, 0, rng.poisson(9, rows)),
            "job": rng.choice([f"j{i}" for i in range(40)], rows, p=np.arange(1, 41) / 820),
            "sex": sex,
            "plan": np.where(rng.random(rows) < chance, "yes", "no"),
        }
    )


def observed(families: tuple[str, ...], seed: int) -> dict[str, tuple[float, float, float]]:
    """Value, low and high of every measure that has them, for one seed."""
    whole = people(2 * ROWS + HELD, seed)
    train, holdout, synthetic = whole.slice(0, ROWS), whole.slice(ROWS, HELD), whole.slice(ROWS + HELD)
    context = Context(train, holdout, synthetic, profile_table(train, "people", SPEC, ""), SPEC, seed, workers=1)
    return {
        m.name: (m.value, m.low, m.high)
        for family in families
        for m in REGISTRY[family].observe(context).measures
        if m.value is not None and m.low is not None and m.high is not None
    }


def covered(name: str, found: list[tuple[float, float, float]]) -> dict[str, float]:
    """How often the intervals of one measure hold the truth, and how often they lie above it."""
    value, low, high = np.array(found).T
    truth = KNOWN.get(name, float(value.mean()))
    near = 1e-12
    return {
        "covered": float(np.mean((low <= truth + near) & (truth - near <= high))),
        "above": float(np.mean(low > truth + near)),
        "ok": float(len(found)),
    }


def calibrate(seeds: int, families: tuple[str, ...], workers: int) -> dict[str, float]:
    """Flat figures over all seeds."""
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    with ProcessPoolExecutor(workers) as pool:
        for made in pool.map(partial(observed, families), range(seeds)):
            for name, one in made.items():
                found[name].append(one)
    # A count over every row of a table is exact: it estimates nothing.
    kept = sorted(name for name, rows in found.items() if any(low < high for _, low, high in rows))
    return {f"{name}.{key}": v for name in kept for key, v in covered(name, found[name]).items()}


def page(figures: dict[str, float], seeds: int) -> str:
    """The table for the documentation."""
    rows = []
    for name in sorted({key.rpartition(".")[0] for key in figures}):
        truth = KNOWN.get(name)
        rows.append(
            [
                f"`{name}`",
                "its mean" if truth is None else f"{truth:g}",
                f"{100 * figures[f'{name}.covered']:.1f} %",
                f"{100 * figures[f'{name}.above']:.1f} %",
                f"{figures[f'{name}.ok']:.0f} of {seeds}",
            ]
        )
    return table(["measure", "truth", "interval holds it", "lies above it", "runs with a value"], rows)


def main() -> None:
    """Measure, write the figures, and put the table into the page where one is named."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, help="not needed: the population is made up")
    arguments.add_argument("--json", type=Path, required=True)
    arguments.add_argument("--seeds", type=int, default=200)
    arguments.add_argument("--workers", type=int, default=2, help="processes")
    arguments.add_argument("--only", default="", help="families, parted by commas")
    arguments.add_argument("--page", type=Path, help="a Markdown page with the two marks of the table")
    given = arguments.parse_args()
    families = tuple(given.only.split(",")) if given.only else tuple(n for n in REGISTRY if n not in ON_REQUEST)
    figures = calibrate(given.seeds, families, given.workers)
    before = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
    renewed = {card.name for family in families for card in REGISTRY[family].cards}
    figures |= {key: v for key, v in before.items() if key.rpartition(".")[0] not in renewed}
    write_bytes(given.json, json.dumps(figures, indent=1, sort_keys=True).encode() + b"\n")
    text = page(figures, given.seeds)
    if given.page:
        head, begin, rest = given.page.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        write_bytes(given.page, f"{head}{begin}\n{text}\n{end}{after}".encode())
    print(text)


BEGIN, END = "<!-- calibration: begin -->", "<!-- calibration: end -->"

if __name__ == "__main__":
    main()
