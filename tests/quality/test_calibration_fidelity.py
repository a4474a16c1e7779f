"""The 95 % intervals of fidelity cover the truth over 200 pairs of samples of one population.

The truth of a distance is what it is on average at these numbers of rows; that of the classifier's AUC is 0.5.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from proofset.spec import ColumnSpec, TableSpec
from quality.base import Context
from quality.coverage import FAMILY as COVERAGE
from quality.detection import told_apart
from quality.fidelity import FAMILY
from quality.profile import profile_table

SEEDS = 200
FOREST_SEEDS = 60
"""Fewer where every seed grows forests; `benchmarks.calibration` takes 200, too."""
ROWS, MADE = 900, 700
SPEC = TableSpec(columns={"score": ColumnSpec(type="number"), "size": ColumnSpec(type="number")})


def sample(seed: int, rows: int) -> pa.Table:
    """Numbers with a light and a heavier tail, rare and frequent categories, nulls; relations strong or absent."""
    rng = np.random.default_rng([seed, 11])
    hidden = rng.normal(size=rows)
    share = 1 / np.arange(1, 31) ** 1.5
    town = rng.choice(30, rows, p=share / share.sum())
    kind = (hidden > 0.4).astype(int) + (hidden > 1.2)
    return pa.table(
        {
            "score": 50 + 10 * hidden + 2 * rng.normal(size=rows),
            "size": pa.array(np.exp(0.5 * rng.normal(size=rows)), mask=rng.random(rows) < 0.1),
            "wait": rng.gamma(2.0, 3.0, rows) + 9 * hidden,
            "town": pa.array([f"t{i}" for i in town]),
            "kind": pa.array([f"k{i}" for i in kind], mask=rng.random(rows) < 0.05),
            "again": pa.array([f"a{i}" for i in np.where(rng.random(rows) < 0.9, kind, 0)]),
        }
    )


def at(seed: int) -> Context:
    """A training and a synthetic table of the same population; the holdout too is one."""
    train, made, held = sample(3 * seed, ROWS), sample(3 * seed + 1, MADE), sample(3 * seed + 2, 120)
    return Context(train, held, made, known(), SPEC, seed, workers=1)


@cache
def known() -> object:
    return profile_table(sample(10**6, 4000), "t", SPEC, "")


@cache
def observed() -> dict[str, np.ndarray]:
    """Value, low and high of each measure: seeds × 3."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(SEEDS):
        context = at(seed)
        for measure in (*FAMILY.observe(context).measures, *COVERAGE.observe(context).measures):
            assert measure.status == "ok", (measure.name, measure.detail)
            found.setdefault(measure.name, []).append((measure.value, measure.low, measure.high))
    return {name: np.array(rows) for name, rows in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", [c.name for c in (*FAMILY.cards, *COVERAGE.cards)])
def test_intervals_hold_the_truth(name: str) -> None:
    value, low, high = observed()[name].T
    truth = value.mean()
    assert 0.9 <= np.mean((low <= truth) & (truth <= high)) <= 0.995  # a little too wide where tables are alike


@pytest.mark.slow
def test_the_classifiers_interval_holds_a_half() -> None:
    held = []
    for seed in range(FOREST_SEEDS):
        context = Context(sample(seed, 300), sample(seed + 5000, 300), sample(seed + 9000, 300), known(), SPEC, seed)
        found = told_apart(context.encoded.columns, "synthetic", context.rng("detection"))
        held.append(found.low <= 0.5 <= found.high)
    assert 0.88 <= np.mean(held) < 1
