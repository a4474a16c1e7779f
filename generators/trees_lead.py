"""The lead: all combinations of the first columns with their probabilities, so that they can be weighted exactly.

Conditions leave combinations out; balance, rates and parity rake what is left (Deming, Stephan 1940,
doi:10.1214/aoms/1177731829): of all tables with the marginals asked for, raking finds the one nearest to the learned
one in Kullback-Leibler divergence (Csiszar 1975, doi:10.1214/aop/1176996454).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from generators.trees_cells import Cells
from generators.trees_forest import Forest
from generators.trees_tilt import probabilities
from proofset.errors import GeneratorError

LIMIT = 1 << 19
"""Combinations held at most."""
ROUNDS = 2_000
EXACT = 1e-9


@dataclass(frozen=True)
class Lead:
    """Combinations of cells of the first columns.

    positions: the columns.  cells: by position.  combos: cell by (combination, column).  p: their probabilities; they
    sum to the probability of the conditions.
    """

    positions: tuple[int, ...]
    cells: Mapping[int, Cells]
    combos: np.ndarray
    p: np.ndarray

    def key(self, positions: Sequence[int], index: Mapping[int, np.ndarray] | None = None) -> np.ndarray:
        """Number the combinations of these columns (or of groups of their cells), 0, 1, ..., in every row."""
        parts = [self.combos[:, self.positions.index(i)] for i in positions]
        if not parts:
            return np.zeros(len(self.combos), np.int64)
        rows = np.stack([p if index is None else index[i][p] for p, i in zip(parts, positions, strict=True)], axis=1)
        found: np.ndarray = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        return found


def enumerate_lead(
    order: Sequence[int],
    steered: frozenset[int],
    cells_of: Callable[[int], Cells],
    forests: Mapping[int, Forest],
    groups: Sequence[np.ndarray],
) -> Lead:
    """List the combinations of the first columns: until no steered column is left, or they would be too many."""
    combos, p = np.zeros((1, 0), np.int32), np.ones(1)
    features = np.zeros((0, 1), np.uint8)  # of the columns taken so far alone: a table may have a thousand others
    row_of = np.full(len(groups) + 1, -1)
    taken: dict[int, Cells] = {}
    for position in order:
        cells = cells_of(position) if steered - set(taken) else None
        if cells is None or len(combos) * len(cells) > LIMIT:
            break
        own = forests[position]
        # A leaf's feature, -1, stays -1.
        known = replace(own, feature=row_of[own.feature], split=row_of[own.split])
        chances = probabilities(known, features, cells.code) * cells.fraction
        mass = p[:, None] * chances
        row, cell = np.nonzero(mass > 0)
        combos = np.concatenate([combos[row], cell[:, None].astype(np.int32)], axis=1)
        p = mass[row, cell]
        features = np.vstack([features[:, row], groups[position][cells.code[cell]]])
        features = np.ascontiguousarray(features)
        row_of[position] = len(taken)
        taken[position] = cells
    return Lead(tuple(taken), taken, combos, p)


@dataclass(frozen=True)
class Margin:
    """Shares a column shall have.

    position: the column.  place: the spec's field, for messages.  index: the group of each of its cells.
    shares: by group what is asked; nan for a group that takes what is left, in its own proportions.
    times: instead, how many times as often the first group shall occur.
    equal: instead, groups that shall be equally frequent; nan in `shares` then means that a group keeps its own.
    """

    position: int
    place: str
    index: np.ndarray
    shares: np.ndarray
    times: float | None = None
    equal: np.ndarray | None = None

    def target(self, held: np.ndarray) -> np.ndarray:
        """Return the share of each group, given what they hold now (sums to 1). Raises GeneratorError."""
        shares = self.shares.copy()
        if self.times is not None:
            shares[0] = held[0] * self.times
            if shares[0] > 1 + EXACT:
                raise GeneratorError(
                    f"{self.place}: {self.times:g} times as often would be more than every row.",
                    fix="Ask for a smaller factor, or for a `share`.",
                )
        if self.equal is not None:
            there = self.equal & (held > 0)
            shares = np.where(np.isnan(shares), held, shares)
            shares[self.equal] = 0.0
            shares[there] = (1 - shares.sum()) / max(1, int(there.sum()))
        rest = np.isnan(shares)
        left = max(0.0, 1 - float(np.nansum(shares)))
        shares[rest] = left * held[rest] / max(float(held[rest].sum()), 1e-300)
        impossible = (shares > EXACT) & (held <= 0)
        if impossible.any() or abs(shares.sum() - 1) > 1e-6:
            raise GeneratorError(
                f"{self.place} cannot be reached.",
                why="It gives a share to values that no row can have, or leaves rows over that nothing else can take.",
                fix="Let the shares sum to 1 over values that occur and that `where` allows.",
            )
        return np.asarray(shares / shares.sum())


def rake(p: np.ndarray, margins: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Weight `p` until it has the margins: pairs of a group by row, and the share of each group.

    Raises GeneratorError where they contradict each other.
    """
    p = p / p.sum()
    for _ in range(ROUNDS):
        worst = 0.0
        for index, target in margins:
            held = np.bincount(index, weights=p, minlength=len(target))
            worst = max(worst, float(np.abs(held - target).max()))
            p = p * np.divide(target, held, out=np.zeros_like(target), where=held > 0)[index]
        if worst < EXACT:
            return np.asarray(p / p.sum())
    raise GeneratorError(
        "generator.steer: the shares, rates and parity asked for contradict each other.",
        why="No combination of values has all of them, given what was learned.",
        fix="Leave one out, or move their shares closer to the learned ones.",
    )


def parity_margin(
    lead: Lead, p: np.ndarray, outcome: int, group: int, given: Sequence[int], strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """The joint shares of outcome, group and given, in which outcome and group are independent given the last."""
    joint, by_outcome, by_group, by_given = (
        lead.key(k) for k in ([outcome, group, *given], [outcome, *given], [group, *given], [*given])
    )
    held = np.bincount(joint, weights=p)
    first = np.unique(joint, return_index=True)[1]  # a row of each joint group
    o, g, x = by_outcome[first], by_group[first], by_given[first]
    alone = np.bincount(by_outcome, weights=p)[o] * np.bincount(by_group, weights=p)[g]
    apart = np.divide(alone, np.bincount(by_given, weights=p)[x], out=np.zeros(len(first)), where=alone > 0)
    target = (1 - strength) * held + strength * apart
    if abs(target.sum() - 1) > 1e-6:
        raise GeneratorError(
            "generator.steer.parity: the outcome cannot be made independent of the group.",
            why="Some group never has some outcome, so there are no such rows to draw more of.",
            fix="Leave that group out with `where`, or ask for a smaller `strength`.",
        )
    return joint, target / target.sum()


def gap(lead: Lead, p: np.ndarray, outcome: int, group: int, given: Sequence[int]) -> float:
    """Demographic-parity gap: the largest difference of an outcome's share between groups, 0 to 1, lower is fairer.

    With `given`, the mean over its combinations, by their frequency.
    """
    outcomes, groups, contexts = lead.key([outcome]), lead.key([group]), lead.key(given)
    shape = (int(contexts.max()) + 1, int(groups.max()) + 1, int(outcomes.max()) + 1)
    flat = np.ravel_multi_index((contexts, groups, outcomes), shape)
    table = np.bincount(flat, weights=p, minlength=int(np.prod(shape))).reshape(shape)
    size = table.sum(axis=2, keepdims=True)
    rate = table / np.maximum(size, 1e-300)
    most, least = np.where(size > 0, rate, -1.0).max(axis=1), np.where(size > 0, rate, 2.0).min(axis=1)
    apart = np.maximum(most - least, 0.0).max(axis=1)
    mass = table.sum(axis=(1, 2))
    return float((mass * apart).sum() / mass.sum())
