"""Copies: how many synthetic rows repeat a training row, next to how many holdout rows happen to do so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofset.evidence import Direction
from quality.base import Context, Family, MeasureCard, Observed, UnsupportedError
from quality.encoding import PARTS, Encoded, Part
from quality.stats import wilson

EXACT = MeasureCard(
    "privacy.exact_copy_rate",
    "Exact copies of a training row",
    Direction.LOWER,
    "Share of synthetic rows equal to a training row on every modelled column; Wilson interval",
    "Platzer, Reutterer 2021, doi:10.3389/fdata.2021.679939",
)
NEAR = MeasureCard(
    "privacy.near_copy_rate",
    "Copies but for the most distinctive column",
    Direction.LOWER,
    "Share of synthetic rows equal to a training row on every modelled column but the one with most distinct values;"
    " Wilson interval",
    "Platzer, Reutterer 2021, doi:10.3389/fdata.2021.679939",
)


def row_numbers(encoded: Encoded) -> dict[Part, npt.NDArray[np.int64]]:
    """A number for every row of the three tables; two rows share it exactly where they agree on every column.

    Columns are folded in one after the other and renumbered densely, so that nothing overflows or collides.
    """
    import pandas as pd

    total = sum(encoded.rows[p] for p in PARTS)
    number = np.zeros(total, np.int64)
    for column in encoded.columns:
        codes = np.concatenate(column.codes(PARTS))
        number = pd.factorize(number * (int(codes.max()) + 1) + codes)[0].astype(np.int64)
    ends = np.cumsum([encoded.rows[p] for p in PARTS])[:-1]
    return dict(zip(PARTS, np.split(number, ends), strict=True))


def most_distinctive(encoded: Encoded) -> str:
    """The name of the column with most distinct values among the training rows; the first of equals."""
    sizes = {c.name: len(np.unique(c.values["train"])) for c in encoded.columns}
    return max(sizes, key=lambda name: sizes[name])


def _measure(context: Context) -> Observed:
    encoded = context.encoded
    if len(encoded.columns) < 2:
        raise UnsupportedError("fewer than two columns are modelled")
    measures = []
    for card, columns in ((EXACT, encoded), (NEAR, encoded.without(most_distinctive(encoded)))):
        rows = row_numbers(columns)
        value, reference = (np.isin(own, rows["train"]) for own in (rows["synthetic"], rows["holdout"]))
        measures.append(card.ok(wilson(int(value.sum()), len(value)), wilson(int(reference.sum()), len(reference))))
    return Observed(tuple(measures))


FAMILY = Family("copies", (EXACT, NEAR), _measure)
