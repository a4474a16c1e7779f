"""Forests as conditional probabilities: of chosen codes, and of all codes under weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generators.trees_forest import Forest, cumulated

CHUNK = 1 << 22
"""Numbers held at once while probabilities of many rows are averaged over trees."""


def probabilities(forest: Forest, features: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The probability of each of `codes` for every row, (rows, codes). features: (columns, rows) uint8."""
    chances, leaves = forest.chances(features)
    klass, place = forest.places(codes)
    narrow = forest.fine.astype(float)
    inner = narrow[:, place] - np.where(place > forest.offsets[klass], narrow[:, place - 1], 0.0)
    result = np.empty((len(leaves), len(codes)))
    step = max(1, CHUNK // max(1, len(codes)))
    for start in range(0, len(leaves), step):
        some = leaves[start : start + step]
        share = inner if len(inner) == 1 else sum(inner[t] for t in some.T) / some.shape[1]
        result[start : start + step] = chances[start : start + step][:, klass] * share
    return result


@dataclass(frozen=True)
class Tilted:
    """A forest whose codes were multiplied by weights.

    kept: by the forest's row and class, the share of the class that is left.  fine: how that is shared out, cumulated.
    spare: the column's own frequencies under the weights, cumulated.
    """

    forest: Forest
    kept: np.ndarray
    fine: np.ndarray
    spare: np.ndarray

    def draw(self, features: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a code for every row, and the probability that was left to it. chance: (rows, 3) float32.

        A tree is drawn in proportion to what its leaf leaves, then a class, then a code of the class. A row to which
        nothing is left (the probabilities are kept in 32 bits) draws from the column's own frequencies, at a mass of
        nothing.
        """
        from generators import trees_walk

        chances, leaves = self.forest.chances(features)
        rows, trees = leaves.shape
        alone = len(self.kept) == 1
        chosen = np.zeros(rows, np.int64) if alone else leaves[:, 0]
        if alone:
            total = (chances * self.kept[0]).sum(axis=1, dtype=float)
        else:
            mass = np.stack([(chances * self.kept[t]).sum(axis=1, dtype=float) for t in leaves.T], axis=1)
            upto = np.cumsum(mass, axis=1)
            tree = np.minimum((chance[:, :1] * upto[:, -1:] >= upto).sum(axis=1), trees - 1)
            chosen, total = leaves[np.arange(rows), tree], upto[:, -1] / trees
        left = np.cumsum(chances * self.kept[chosen], axis=1, dtype=float)
        sought = chance[:, 1] * left[:, -1]
        klass = np.minimum((sought[:, None] >= left).sum(axis=1), left.shape[1] - 1)
        codes = self.forest.codes[
            trees_walk.pick(chosen, klass, self.fine, self.forest.offsets, np.ascontiguousarray(chance[:, 2]))
        ]
        codes = np.where(total > 0, codes, np.searchsorted(self.spare, chance[:, 1], side="right"))
        return codes, total


def tilt(forest: Forest, weights: np.ndarray, frequencies: np.ndarray) -> Tilted:
    """Multiply a forest's probabilities by `weights`, by code. frequencies: rows by code, for where nothing is left."""
    starts = forest.offsets[:-1]
    inner = np.diff(forest.fine.astype(float), axis=1, prepend=0.0)
    inner[:, starts] = forest.fine[:, starts]
    inner *= weights[forest.codes]
    kept = np.add.reduceat(inner, starts, axis=1)
    # Where nothing is left the shares mean nothing and are never used; they only must not divide by zero.
    inner[:, starts] += kept <= 0
    spare = np.cumsum(np.maximum(frequencies, 1e-9) * weights)
    return Tilted(forest, kept.astype(np.float32), cumulated(inner, starts), spare / spare[-1] if len(spare) else spare)
