"""Corrections of a column's forest, and how far each privacy level goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from generators.trees_forest import Forest, Target

DEPTH = 4
"""Levels of a correction: it has 2 ** DEPTH cells."""
RATE = 0.3
SEARCH_SHRINK, SHRINK = 20.0, 5.0
WINDOW = 5_000
"""Rows a correction's splits are chosen on."""
MOST_ROWS = 100_000
"""Corrections are boosted on so many rows at most, and not at all on fewer than LEAST_ROWS."""
LEAST_ROWS = 300
USUAL_ROWS = 50_000
ENOUGH_ROWS = 30_000


@dataclass(frozen=True)
class Level:
    """How closely the source is followed.

    price: of a split, in nats of leave-one-out likelihood; in a table of more than USUAL_ROWS, where a row counts for
    less, it falls with the root of the number of rows.  least: smallest leaf, in rows.  rounds: most corrections.
    gain: nats a row that a correction must win; three that do not end the boosting.
    """

    price: float
    least: int
    rounds: int
    gain: float

    def price_at(self, rows: int) -> float:
        """Return the price of a split in a table of so many rows."""
        return self.price / math.sqrt(max(1.0, rows / USUAL_ROWS))

    def rounds_at(self, rows: int) -> int:
        """Return how many corrections a table of so many rows may have: below ENOUGH_ROWS each fits more noise."""
        return round(self.rounds * math.sqrt(min(1.0, rows / ENOUGH_ROWS)))


def corrected(
    forest: Forest,
    target: Target,
    features: np.ndarray,
    categorical: np.ndarray,
    inputs: np.ndarray,
    rng: np.random.Generator,
    level: Level,
) -> Forest:
    """Return the forest with corrections (see trees_boosting.py).

    features: codes of all columns, (columns, rows) uint8.  categorical: by column.  inputs: columns to boost on.
    """
    rows = features.shape[1]
    rounds = level.rounds_at(rows)
    if rounds == 0 or len(inputs) == 0 or target.kinds == 1 or rows < LEAST_ROWS:
        return forest
    from generators import trees_boosting

    some = rng.permutation(rows)[:MOST_ROWS]
    shown = np.ascontiguousarray(features[:, some])
    chances, _ = forest.chances(shown)
    own = np.ascontiguousarray(shown[inputs])
    split, masks, factors = trees_boosting.boost(
        own, own.max(axis=1).astype(np.int64) + 1, categorical[inputs], target.classes(some), chances,
        rounds, DEPTH, RATE, SEARCH_SHRINK, SHRINK, level.least, WINDOW, level.gain,
    )  # fmt: skip
    return replace(forest, split=inputs[split], masks=masks, factors=factors)
