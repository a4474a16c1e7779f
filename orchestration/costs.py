"""Costs: what fitting and sampling will take, from a model fitted to measurements (`python -m benchmarks.costs`).

seconds (and MB) = constant + a · cells + b · coded cells + c · pairs,   in millions, each coefficient ≥ 0

cells: rows × columns.  coded cells: rows × the numbers a row becomes where categories are spread out (one per category)
and a number becomes WIDE_NUMBER.  pairs: rows × columns × the columns each is learned from, at most MOST_INPUTS.
A neural model's seconds are those of one epoch, but for the constant.
The spread of the measurements about the model gives the range; the machine's speed is taken into account.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from proofset.frozen import Frozen

WIDE_NUMBER = 11
"""Numbers that a number becomes in a neural model: its place in one of ten modes, and the modes."""
WIDE_CATEGORY = 1_000
"""Categories of a column that count at most: generators pool rarer ones."""
MOST_INPUTS = 50
LEAST = 0.05
"""Seconds below which an estimate says nothing more."""


@dataclass(frozen=True)
class Size:
    """A table as the laws see it. width: of a coded row, see `coded_width`."""

    rows: int
    columns: int
    width: int

    @property
    def terms(self) -> tuple[float, float, float]:
        """Millions of cells, coded cells and pairs."""
        cells = self.rows * self.columns
        return cells / 1e6, self.rows * self.width / 1e6, cells * min(self.columns, MOST_INPUTS) / 1e6


class Law(Frozen):
    """constant + cells, coded cells and pairs by their coefficients.

    spread: measurements lie within a factor of so much of it.
    """

    constant: float
    cells: float
    coded: float
    pairs: float
    spread: float

    def at(self, size: Size, times: float = 1.0) -> float:
        """The law's value. times: how often the part that grows with the table is paid, such as epochs."""
        cells, coded, pairs = size.terms
        return self.constant + times * (self.cells * cells + self.coded * coded + self.pairs * pairs)


class Cost(Frozen):
    """The measured costs of one generator.  rows: the range measured.  epochs: whether `fit` is paid per epoch."""

    fit: Law
    sample: Law
    memory: Law
    rows: tuple[int, int]
    epochs: bool = False


class Costs(Frozen):
    """Costs by generator, and the machine they were measured on, with its `speed` (see `calibrate`)."""

    machine: str
    speed: float
    generators: dict[str, Cost]


class Range(Frozen):
    """An estimate with its range."""

    low: float
    value: float
    high: float


class Estimate(Frozen):
    """What a generator will take: seconds to fit and to sample, and peak memory in MB beyond the program itself.

    beyond: whether the table is larger than any that was measured.
    """

    fit: Range
    sample: Range
    memory: Range
    beyond: bool


@cache
def measured() -> Costs:
    """The measurements that ship with the package."""
    return Costs.model_validate(json.loads((files("orchestration") / "costs.json").read_text(encoding="utf-8")))


def coded_width(numbers: int, categories: Mapping[str, int]) -> int:
    """Numbers a row becomes. categories: distinct values by column."""
    return WIDE_NUMBER * numbers + sum(min(max(n, 1), WIDE_CATEGORY) for n in categories.values())


def estimate(
    cost: Cost, *, rows: int, made: int, columns: int, width: int, epochs: int = 1, slower: float = 1.0
) -> Estimate:
    """What fitting to `rows` rows and sampling `made` will take.

    Parameters
    ----------
    columns, width: of a row, plain and coded (see `coded_width`).  epochs: counts where the cost is per epoch.
    slower: how many times slower this machine is than the one measured.
    """
    times = float(epochs) if cost.epochs else 1.0
    # Estimating far beyond what was measured is less certain.
    stretch = max(1.0, rows / cost.rows[1]) ** 0.15
    learned = Size(rows, columns, width)
    fit = cost.fit.at(learned, times) * slower
    sample = cost.sample.at(Size(made, columns, width)) * slower
    memory = cost.memory.at(learned)
    return Estimate(
        fit=_range(fit, cost.fit.spread * stretch),
        sample=_range(sample, cost.sample.spread * stretch),
        memory=_range(memory, cost.memory.spread * stretch),
        beyond=rows > cost.rows[1],
    )


def _range(value: float, spread: float) -> Range:
    value = max(value, LEAST)
    return Range(low=max(value / spread, LEAST), value=value, high=value * spread)


def calibrate(seconds: float = 0.2) -> float:
    """How fast this machine is: sorts and counts of 100,000 numbers a second, on one thread. Higher is faster."""
    values = np.random.default_rng(0).integers(0, 1 << 16, 100_000)
    best = 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        np.bincount(np.sort(values) >> 8, minlength=256)
        best = max(best, 1.0 / (time.perf_counter() - start))
    return best


def fitted_law(sizes: Sequence[Size], seen: Sequence[float]) -> Law:
    """Fit a law to measurements by least squares of relative errors, with no negative coefficient.

    seen: seconds or MB, > 0.
    """
    from scipy.optimize import nnls

    found_at = np.asarray(seen, dtype=np.float64)
    design = np.column_stack([np.ones(len(sizes)), np.array([size.terms for size in sizes])])
    found = nnls(design / found_at[:, None], np.ones(len(sizes)))[0]
    off = np.abs(np.log(np.maximum(design @ found, 1e-9) / found_at))
    constant, cells, coded, pairs = (round(float(x), 6) for x in found)
    spread = round(max(1.3, float(np.exp(off.max()))), 2)
    return Law(constant=constant, cells=cells, coded=coded, pairs=pairs, spread=spread)
