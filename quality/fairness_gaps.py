"""Differences between groups, and how sure they are: shares of rows, rates, and the range of rates.

The largest of several differences is above 0 even where the population has none, because chance alone makes some.
So the intervals hold the expected value at these numbers of rows: the observed difference ± 1.96 standard errors by
a parametric bootstrap of the counts (Efron, Tibshirani 1993, doi:10.1201/9780429246593), and where chance alone
explains the difference, also what chance alone is expected to give; where it does not, that is left out. The
difference a model makes varies with the rows that trained it, too: that variance is `noise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from quality.augmentation import half_width
from quality.stats import Estimate, Floats, Z

Codes = npt.NDArray[np.int64]

DRAWS = 1_000
BUDGET = 10_000_000
"""Draws × groups."""


@dataclass(frozen=True)
class Drawn:
    """A difference between groups: its value, and drawn again around the data and around no difference, (draws,)."""

    value: float
    around: Floats
    nothing: Floats


def estimate(drawn: Sequence[Drawn], n: int, noise: float = 0.0, freedom: int = 1) -> Estimate:
    """The largest of the differences with its interval.

    noise: its variance from training, known with `freedom` degrees; 0 where nothing is trained.
    """
    value = max(d.value for d in drawn)
    around = np.max([d.around for d in drawn], axis=0)
    nothing = np.max([d.nothing for d in drawn], axis=0)
    half = half_width(float(around.var(ddof=1)), noise, freedom)
    low, high = value - half, value + half
    chance = float(nothing.mean())
    most = float(np.quantile(nothing, 0.975)) - chance
    if value - chance <= sqrt(most**2 + Z**2 * noise):
        low, high = min(low, chance), max(high, chance)
    else:  # more than chance alone: the interval leaves out what chance alone gives, where values cannot be below it
        low = min(max(low, chance + sqrt(float(nothing.var(ddof=1)) + noise) / 4), value)
    return Estimate(value, low, high, n)


def total_variation(real: Codes, made: Codes, rng: np.random.Generator) -> Drawn:
    """Share of one table's rows that would have to change groups to match the other's.

    real, made: (groups,) rows of each.
    """
    draws = int(np.clip(BUDGET // len(real), 50, DRAWS))
    sizes = (int(real.sum()), int(made.sum()))
    shares = [np.asarray(c / max(n, 1)) for c, n in zip((real, made), sizes, strict=True)]
    pooled = (real + made) / max(sum(sizes), 1)

    def distance(a: Floats, b: Floats) -> Floats:
        drawn = [rng.multinomial(n, p, size=draws) / max(n, 1) for n, p in zip(sizes, (a, b), strict=True)]
        return np.asarray(np.abs(drawn[0] - drawn[1]).sum(axis=1) / 2)

    return Drawn(
        float(np.abs(shares[0] - shares[1]).sum() / 2), _padded(distance(*shares)), _padded(distance(pooled, pooled))
    )


def _padded(draws: Floats) -> Floats:
    """Always DRAWS of them, repeated where there are fewer, so that columns with more groups fit beside others."""
    return np.resize(draws, DRAWS)


def share_difference(
    real: int, of_real: int, made: int, of_made: int, noise: float = 0.0, freedom: int = 1
) -> tuple[float, float, float]:
    """|difference of two shares| with the interval of Agresti and Caffo (2000, doi:10.2307/2685779), folded at 0.

    noise, freedom: as of `estimate`.
    """
    value = abs(made / max(of_made, 1) - real / max(of_real, 1))
    counts = ((real + 1, of_real + 2), (made + 1, of_made + 2))
    middle = abs(counts[1][0] / counts[1][1] - counts[0][0] / counts[0][1])
    half = half_width(sum(k / n * (1 - k / n) / n for k, n in counts), noise, freedom)
    return value, min(max(middle - half, 0.0), value), max(middle + half, value)


@dataclass(frozen=True)
class Rates:
    """The rate of an outcome by group. hits, rows: (groups,)."""

    hits: Floats
    rows: Floats

    @property
    def rates(self) -> Floats:
        """(groups,)"""
        return np.asarray(self.hits / self.rows)

    def drawn(self, rng: np.random.Generator, *, equal: bool = False) -> Floats:
        """Rates drawn again, (DRAWS, groups). equal: as if all groups had the same rate."""
        # The rule of succession: a group with no hit, or with nothing else, still varies when it is drawn again.
        own = (self.hits + 0.5) / (self.rows + 1)
        rates = np.full(len(self.rows), self.hits.sum() / self.rows.sum()) if equal else own
        return np.asarray(rng.binomial(self.rows.astype(np.int64), rates, size=(DRAWS, len(self.rows))) / self.rows)


def furthest(tables: Sequence[Rates]) -> tuple[int, int, int]:
    """Where the widest range is: the outcome, the group with the highest rate and that with the lowest."""
    place = int(np.argmax([np.ptp(t.rates) for t in tables]))
    rates = tables[place].rates
    return place, int(rates.argmax()), int(rates.argmin())


def gap(tables: Sequence[Rates], rng: np.random.Generator) -> Drawn:
    """The range of the groups' rates, the largest where there are several outcomes."""

    def widest(drawn: Sequence[Floats]) -> Floats:
        return np.asarray(np.max([np.ptp(d, axis=-1) for d in drawn], axis=0))

    value = float(widest([t.rates for t in tables]))
    return Drawn(value, widest([t.drawn(rng) for t in tables]), widest([t.drawn(rng, equal=True) for t in tables]))


def amplified(real: Rates, made: Rates, rng: np.random.Generator) -> tuple[Estimate, list[Estimate]]:
    """By how much the range of the rates is wider in the made table, and each group farther from the whole's rate."""
    tables = (real, made)
    drawn = [t.drawn(rng) for t in tables]
    wide = np.ptp(drawn[1], axis=1) - np.ptp(drawn[0], axis=1)
    whole = _around(float(np.ptp(made.rates) - np.ptp(real.rates)), wide, int(made.rows.sum()))
    before, after = (_far(d, t) for d, t in zip(drawn, tables, strict=True))
    values = _far(made.rates[None], made)[0] - _far(real.rates[None], real)[0]
    grown = after - before
    return whole, [_around(float(v), grown[:, i], int(made.rows[i])) for i, v in enumerate(values)]


def _far(rates: Floats, table: Rates) -> Floats:
    """Distance of each group's rate, (draws, groups), from the rate of all rows."""
    return np.asarray(np.abs(rates - (rates * table.rows).sum(axis=1, keepdims=True) / table.rows.sum()))


def _around(value: float, drawn: Floats, n: int) -> Estimate:
    half = Z * float(drawn.std(ddof=1))
    return Estimate(value, value - half, value + half, n)
