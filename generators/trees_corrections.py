"""Corrections of a column's forest, and how far each privacy level goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from generators.trees_forest import Forest, Target

DEPTH = 4
"""Levels of a correction: it has 2 ** DEPTH cells."""
RATE = 0.3
SEARCH_SHRINK, SHRINK = 20.0, 5.0
LEAST_GAIN = 2e-4
"""Nats a row; three corrections below it end the boosting."""
WINDOW = 10_000
"""Rows a correction's splits are chosen on."""
MOST_ROWS = 200_000
"""Corrections are boosted on so many rows at most, and not at all on fewer than LEAST_ROWS."""
LEAST_ROWS = 300


@dataclass(frozen=True)
class Level:
    """How closely the source is followed.

    price: of a split, in nats of leave-one-out likelihood.  least: smallest leaf, in rows.  rounds: most corrections.
    """

    price: float
    least: int
    rounds: int


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
    if level.rounds == 0 or len(inputs) == 0 or target.kinds == 1 or rows < LEAST_ROWS:
        return forest
    from generators import trees_boosting

    some = rng.permutation(rows)[:MOST_ROWS]
    shown = np.ascontiguousarray(features[:, some])
    chances, _ = forest.chances(shown)
    own = np.ascontiguousarray(shown[inputs])
    split, masks, factors = trees_boosting.boost(
        own, own.max(axis=1).astype(np.int64) + 1, categorical[inputs], target.classes(some), chances,
        level.rounds, DEPTH, RATE, SEARCH_SHRINK, SHRINK, level.least, WINDOW, LEAST_GAIN,
    )  # fmt: skip
    return replace(forest, split=inputs[split], masks=masks, factors=factors)
