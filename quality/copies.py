"""Copies: how many synthetic rows repeat a training row, or nearly so, next to how many holdout rows happen to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofset.codes import PARTS, Column, Encoded, Part
from proofset.evidence import Direction, Share
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.stats import Estimate, wilson

Marks = npt.NDArray[np.uint64]

PERCENT = 100
"""Numbers in the same hundredth of the training ranks count as close."""

EXACT = MeasureCard(
    "privacy.exact_copy_rate",
    "Exact copies of a training row",
    Direction.LOWER,
    "Share of synthetic rows equal to a training row on every modelled column; Wilson interval",
    "Platzer, Reutterer 2021, doi:10.3389/fdata.2021.679939",
)
NEAR = MeasureCard(
    "privacy.near_copy_rate",
    "Copies but for one column",
    Direction.LOWER,
    "Share of synthetic rows equal to a training row on every modelled column but at most one, whichever it is;"
    " Wilson interval",
    "Platzer, Reutterer 2021, doi:10.3389/fdata.2021.679939",
)

PUBLISHED = MeasureCard(
    "privacy.published_row_share",
    "Training rows that are published",
    Direction.LOWER,
    "Share of training rows that occur in the synthetic table, equal on every modelled column; reference: share of"
    " holdout rows that do. However many other rows are published beside them, it stays as it is; Wilson interval",
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
        number = pd.factorize(number * (int(codes.max(initial=0)) + 1) + codes)[0].astype(np.int64)
    ends = np.cumsum([encoded.rows[p] for p in PARTS])[:-1]
    return dict(zip(PARTS, np.split(number, ends), strict=True))


def near_copies(encoded: Encoded, rng: np.random.Generator) -> dict[Part, npt.NDArray[np.bool_]]:
    """For each synthetic and holdout row, whether some training row differs from it in at most one column.

    A row's fingerprint is the sum of random 64-bit marks of its values; without one column it is the sum less that
    column's mark. Two different rows share one with a probability of 2^-64.
    """
    import pandas as pd

    marks = [_marks(column, rng) for column in encoded.columns]
    total = {p: np.sum([m[p] for m in marks], axis=0, dtype=np.uint64) for p in PARTS}
    near: dict[Part, npt.NDArray[np.bool_]] = {p: np.zeros(encoded.rows[p], bool) for p in PARTS if p != "train"}
    for own in marks:
        train = pd.Series(total["train"] - own["train"]).unique()
        for part, found in near.items():
            found |= pd.Series(total[part] - own[part]).isin(train).to_numpy()
    return near


def _marks(column: Column, rng: np.random.Generator) -> dict[Part, Marks]:
    codes = dict(zip(PARTS, column.codes(PARTS), strict=True))
    size = max(int(c.max(initial=0)) for c in codes.values()) + 1
    drawn = rng.integers(0, 2**64 - 1, size, dtype=np.uint64, endpoint=True)
    return {p: drawn[c] for p, c in codes.items()}


def coarse(encoded: Encoded) -> Encoded:
    """The same with every number replaced by the hundredth of the training ranks it falls in."""
    return Encoded(tuple(_coarse(c) for c in encoded.columns), encoded.rows)


def _coarse(column: Column) -> Column:
    if column.kind == "category":
        return column
    known = np.sort(column.values["train"][~np.isnan(column.values["train"])])
    made = {}
    for part, values in column.values.items():
        place = np.searchsorted(known, values, "left") * PERCENT // max(len(known), 1)
        made[part] = np.where(np.isnan(values), np.nan, place)
    return Column(column.name, column.kind, made)


def _measure(context: Context) -> Observed:
    encoded = context.encoded
    if len(encoded.columns) < 2:
        raise UnsupportedError("fewer than two columns are modelled")
    for part in ("train", "synthetic"):
        if not encoded.rows[part]:
            raise InconclusiveError(f"the {part} table has no rows")
    numbers = row_numbers(encoded)
    exact, close = _repeats(numbers), _repeats(row_numbers(coarse(encoded)))
    near = near_copies(encoded, context.rng("copies"))
    close_by = _of(near["synthetic"])
    parts = [
        _part("every column but one", close_by, _rate(near["holdout"])),
        _part("every column, numbers to a hundredth of their ranks", *close),
    ]
    asked: tuple[Part, ...] = ("train", "holdout")
    train, held = (np.isin(numbers[p], numbers["synthetic"]) for p in asked)
    return Observed(
        (
            EXACT.ok(*exact),
            NEAR.ok(close_by, _rate(near["holdout"]), parts=parts),
            PUBLISHED.ok(_of(train), _rate(held)),
        )
    )


def _repeats(rows: dict[Part, npt.NDArray[np.int64]]) -> tuple[Estimate, Estimate | None]:
    """Of the synthetic and of the holdout rows, those that a training row equals; None without holdout rows."""
    return _of(np.isin(rows["synthetic"], rows["train"])), _rate(np.isin(rows["holdout"], rows["train"]))


def _of(found: npt.NDArray[np.bool_]) -> Estimate:
    return wilson(int(found.sum()), len(found))


def _rate(found: npt.NDArray[np.bool_]) -> Estimate | None:
    return _of(found) if len(found) else None


def _part(name: str, own: Estimate, other: Estimate | None) -> Share:
    about = None if other is None else other.value
    return Share(part=name, value=own.value, low=own.low, high=own.high, reference=about, n=own.n)


FAMILY = Family("copies", (EXACT, NEAR, PUBLISHED), _measure)
