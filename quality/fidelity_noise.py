"""How far a distance between two tables would have come out by chance: half-sample replicates of the difference.

A distance such as total variation or Kolmogorov–Smirnov is a norm of a difference of shares, and has a kink where the
difference is 0: just where two good tables are. Neither the jackknife nor the plain bootstrap knows its spread there
(both take it for smooth; Efron, Stein 1981 and Andrews 2000, doi:10.1111/1468-0262.00114). So the norm is taken again
and again, DRAWS times, of a likely difference plus likely noise:

- the noise of a draw is the sum over GROUPS random groups of rows of what each moved the shares by, with random signs
  (balanced half-samples; McCarthy 1969, doi:10.2307/1402116): it keeps how cells, columns and pairs move together;
- the likely difference is the observed one less what noise alone would have added to its square (positive-part
  James, Stein 1961), so that two samples of one population are replayed as such.

The interval is the value ± 1.96 standard deviations of the draws. One draw has the same signs in every
column and pair, so that means over them have the spread of a mean of what depends on each other.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from quality.stats import GROUPS, Estimate, Floats, Z, around

DRAWS = 96
Signs = npt.NDArray[np.float32]
_SCALE = sqrt(GROUPS / (GROUPS - 1))


def signs(rng: np.random.Generator) -> Signs:
    """Random signs: groups × draws."""
    return (1 - 2 * rng.integers(0, 2, (GROUPS, DRAWS))).astype(np.float32)


def shares(counts: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """From counts by group, groups × cells: the share of each cell, and what each group moved it by (same shape).

    A share is of all that is counted; where nothing is, everything is 0.
    """
    by_group = counts.sum(axis=1, dtype=np.float64)
    total = max(float(by_group.sum()), 1.0)
    share = counts.sum(axis=0) / total
    moved = (counts - np.outer(by_group, share)) * (_SCALE / total)
    return share, moved


def moves(replicates: Floats) -> tuple[Floats, Floats]:
    """From a statistic on all rows and without each group, (1 + groups) × k: its values, and each group's move.

    Delete-a-group jackknife: the squares of the moves add up to the variance (Shao, Tu 1995,
    doi:10.1007/978-1-4612-0795-5). A group without which the statistic is undefined moves nothing.
    """
    left = np.where(np.isnan(replicates[1:]), replicates[:1], replicates[1:])
    return replicates[0], (left - left.mean(axis=0)) * sqrt((GROUPS - 1) / GROUPS)


def shrunk(difference: Floats, moved: Floats) -> Floats:
    """The difference less what noise added to its square. moved: any × cells."""
    observed, noise = float((difference**2).sum()), float((moved**2).sum())
    return difference * (sqrt(max(0.0, 1 - noise / observed)) if observed else 0.0)


def distance(value: float, difference: Floats, moved: Floats, drawn: Signs, *, largest: bool = False) -> Floats:
    """A distance and its draws: shape (1 + DRAWS,).

    value: the distance.  difference: by cell, such that the distance is about Σ |difference|, or max |difference|
    where `largest`.  moved: groups of both tables × cells.  drawn: signs of these groups.
    """
    from quality.fidelity_compiled import replay

    found = np.zeros(1 + DRAWS)
    found[0] = value
    replay(shrunk(difference, moved), np.ascontiguousarray(moved.T), drawn, largest, found[1:])
    return found


def each(difference: Floats, moved: Floats, drawn: Signs) -> Floats:
    """The size of each of k differences and its draws, every difference by itself: shape (k, 1 + DRAWS)."""
    noise = (moved**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(difference != 0, np.sqrt(np.maximum(0, 1 - noise / difference**2)), 0.0)
    replayed = np.abs((difference * kept)[:, None] + np.einsum("gk,gb->kb", moved, drawn))
    return np.concatenate([np.abs(difference)[:, None], replayed], axis=1)


def constant(value: float) -> Floats:
    """A distance that chance does not move."""
    return np.full(1 + DRAWS, value)


def mean(found: list[Floats]) -> Floats | None:
    """The mean of several distances and its draws; None of none."""
    return np.mean(found, axis=0) if found else None


def spread(found: Floats, n: int) -> Estimate:
    """The value with its interval."""
    return around(float(found[0]), float(found[1:].std(ddof=1)), n, Z)
