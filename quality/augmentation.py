"""Augmentation uplift: does a model learn more from real and synthetic rows together than from the real ones alone?

(Bowles et al. 2018, doi:10.48550/arXiv.1810.10863; average precision for rare classes: Saito, Rehmsmeier 2015,
doi:10.1371/journal.pone.0118432.)
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from proofset.evidence import Share
from quality.stats import Estimate, Floats, Z
from quality.utility_scores import student

MAX_CELLS = 2_000_000
"""Rows × columns of each side that the models learn from; of more rows so many are drawn."""

Pair = tuple[Floats, Floats]


def gained(values: Pair, replicates: Pair, noise: Floats, freedom: int, n: int) -> list[Estimate]:
    """The gain in each figure.

    values: (figures,) of real and synthetic rows together, then of real rows alone.  replicates: (figures, draws) of
    each, on the same draws.  noise: (figures,) variance from training, `freedom` its degrees of freedom.
    """
    found = []
    for i, value in enumerate(values[0] - values[1]):
        chance = float(np.var(replicates[0][i] - replicates[1][i], ddof=1))
        half = half_width(chance, float(noise[i]), freedom)
        found.append(Estimate(float(value), float(value) - half, float(value) + half, n))
    return found


def half_width(chance: float, noise: float, freedom: int) -> float:
    """Half of a 95 % interval.

    chance: variance from the test rows.  noise: variance from training, known with `freedom` degrees (Satterthwaite
    1946, doi:10.2307/3002019, for the sum's).
    """
    both = chance + noise
    if both <= 0:
        return 0.0
    return student(min(freedom * (both / noise) ** 2 if noise > 0 else 1e6, 1e6)) * sqrt(both)


def widened(estimate: Estimate, noise: float) -> Estimate:
    """An interval about the test rows alone, made to hold the variance of training too."""
    below, above = (sqrt(d**2 + Z**2 * noise) for d in (estimate.value - estimate.low, estimate.high - estimate.value))
    return Estimate(estimate.value, estimate.value - below, estimate.value + above, estimate.n)


def named(gains: list[Estimate], references: list[Estimate], names: list[str]) -> list[Share]:
    """A part for each figure."""
    return [
        Share(
            part=name,
            value=round(gain.value, 10),
            low=round(gain.low, 10),
            high=round(gain.high, 10),
            reference=round(reference.value, 10),
            n=gain.n,
        )
        for name, gain, reference in zip(names, gains, references, strict=True)
    ]
