"""The 95 % intervals of utility and fairness cover the truth over 200 samples of one population.

Small tables and boosted models of few trees: the intervals do not know how good a model is. What an interval is about
differs: the gap, the uplift and the figures of representation and amplification are about other tables of the same
population; the gaps of predictions are about other test rows for the model at hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from proofset.evidence import Measure
from proofset.spec import QualitySpec, TableSpec
from quality import fairness, learners, utility
from quality.base import Context
from quality.fairness_gaps import Rates, estimate, gap
from quality.profile import profile_table

SEEDS = 50
"""`benchmarks.calibration` takes 200."""
ROWS = 400
LOW = 0.86


def world(rows: int, rng: np.random.Generator) -> pa.Table:
    a, b, c = rng.normal(size=(3, rows))
    g, x = rng.integers(0, 3, rows), rng.integers(0, 4, rows)
    score = 1.2 * a - 0.7 * b + 0.4 * (x == 2) + 0.5 * a * b - 0.6
    told = rng.random(rows) < 1 / (1 + np.exp(-score))
    names = {"g": np.array(["r", "s", "t"])[g], "x": np.array(list("abcd"))[x], "t": np.where(told, "yes", "no")}
    return pa.table({"a": a, "b": b, "c": c, **names, "y": score + rng.normal(size=rows)})


def cards(target: str) -> Iterator[dict[str, Measure]]:
    spec = TableSpec(target=target, quality=QualitySpec(groups=("g", "x")))
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        tables = [world(ROWS, rng) for _ in range(3)]
        at = Context(*tables, profile_table(tables[0], "t", spec, ""), spec, seed, 1)  # type: ignore[arg-type]
        found = [*utility.FAMILY.observe(at).measures, *fairness.FAMILY.observe(at).measures]
        yield {m.name: m for m in found if m.status == "ok"}


def covered(found: list[dict[str, Measure]], name: str, truth: float | None = None) -> float:
    """Share of intervals that hold the truth; without one, the mean over all samples."""
    measures = [m[name] for m in found]
    about = float(np.mean([m.value for m in measures])) if truth is None else truth
    return float(np.mean([m.low <= about <= m.high for m in measures]))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["t", "y"])
def test_intervals_cover_what_other_tables_would_give(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "ITERATIONS", 8)
    monkeypatch.setattr(utility, "LEARNERS", (utility.BOOSTED,))
    found = list(cards(target))
    shares = {
        "utility.tstr_gap": covered(found, "utility.tstr_gap", 0.0),
        "utility.uplift": covered(found, "utility.uplift"),
        "fairness.representation_error": covered(found, "fairness.representation_error"),
        "fairness.pair_representation_error": covered(found, "fairness.pair_representation_error"),
        "fairness.bias_amplification": covered(found, "fairness.bias_amplification", 0.0),
    }
    for name in ("tstr_auc", "trts_auc") if target == "t" else ("tstr_r2", "trts_r2"):
        shares[f"utility.{name}"] = covered(found, f"utility.{name}")
    assert {k: s for k, s in shares.items() if s < LOW} == {}


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.3, 0.3, 0.3, 0.3), (0.3, 0.32, 0.35), (0.2, 0.5)])
def test_the_range_of_rates_covers_its_expected_value(rates: tuple[float, ...]) -> None:
    """For one model: test rows drawn again and again."""
    rows = np.array([400, 150, 90, 60][: len(rates)])
    rng = np.random.default_rng(1)
    hits = rng.binomial(rows, rates, size=(2_000, len(rates)))
    truth = float(np.ptp(hits / rows, axis=1).mean())
    found = [estimate([gap([Rates(h.astype(float), rows.astype(float))], rng)], 1) for h in hits[:1_000]]
    assert LOW <= np.mean([f.low <= truth <= f.high for f in found]) < 1
