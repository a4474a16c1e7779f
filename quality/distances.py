"""Distance shares: shown because people ask for them, and never allowed to decide.

That synthetic rows are no nearer to training than to holdout rows says nothing about single persons: tables that pass
these shares have been attacked with success, and tables that fail them have been safe (Yao et al. 2025, The DCR
Delusion, doi:10.1007/978-3-032-07884-1_24; Ganev, De Cristofaro 2025, doi:10.48550/arXiv.2312.05114). So the cards
say `gates=False`, and no policy may ask for them.
"""

from __future__ import annotations

from math import floor, sqrt

import numpy as np

from proofset.evidence import Direction
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.neighbours import Near, Rows, nearest, space
from quality.stats import Estimate, Floats, Z, wilson

MAX_ASKED = 2_000
MIN_ROWS = 50

_PAPER = "Yao, Krčo, Ganev, de Montjoye 2025, doi:10.1007/978-3-032-07884-1_24"

SHARE = MeasureCard(
    "privacy.dcr_share",
    "Synthetic rows nearer to training than to holdout rows (a warning, no proof)",
    Direction.LOWER,
    "Share of synthetic rows whose nearest training row is nearer than their nearest holdout row, of equally many of"
    " each; ties count half; 0.5 is perfect; Wilson interval",
    _PAPER,
    gates=False,
)
RATIO = MeasureCard(
    "privacy.nndr",
    "Nearest to second nearest training row (a warning, no proof)",
    Direction.HIGHER,
    "Median over synthetic rows of the distance to the nearest training row by the distance to the second nearest;"
    " 0 for copies; interval by order statistics",
    _PAPER,
    gates=False,
)


def nearer(one: Near, other: Near) -> Estimate:
    """Share of rows nearer to the one than to the other, ties counting half."""
    a, b = one.distance[:, 0], other.distance[:, 0]
    return wilson(float((a < b).sum() + (a == b).sum() / 2), len(a))


def ratios(near: Near) -> Floats:
    """Distance to the nearest row by the distance to the second nearest; 1 where both are 0."""
    first, second = near.distance[:, 0].astype(np.float64), near.distance[:, 1].astype(np.float64)
    return np.where(second > 0, first / np.maximum(second, 1), 1.0)


def median(values: Floats) -> Estimate:
    """Median with the interval between the order statistics that hold it in 95 % of samples."""
    ordered, count = np.sort(values), len(values)
    reach = Z * sqrt(count) / 2
    low, high = max(floor(count / 2 - reach), 0), min(floor(count / 2 + reach) + 1, count - 1)
    return Estimate(float(np.median(ordered)), float(ordered[low]), float(ordered[high]), count)


def _measure(context: Context) -> Observed:
    columns, rows = context.encoded.columns, context.encoded.rows
    if not columns:
        raise UnsupportedError("no column is modelled")
    half = min(rows["holdout"] // 2, rows["train"])
    if half < MIN_ROWS or rows["synthetic"] < MIN_ROWS:
        raise InconclusiveError(f"fewer than {2 * MIN_ROWS} holdout rows, or fewer than {MIN_ROWS} others")
    rng, where = context.rng("distances"), space(columns, "rank").rows
    mixed, drawn = rng.permutation(rows["holdout"]), rng.permutation(rows["train"])[:half]
    seen, unseen = where["train"].taken(drawn), where["holdout"].taken(mixed[:half])
    asked = where["synthetic"].taken(rng.permutation(rows["synthetic"])[:MAX_ASKED])
    others = where["holdout"].taken(mixed[half:][:MAX_ASKED])

    def both(who: Rows) -> tuple[Estimate, Estimate]:
        near = nearest(who, seen, 1, context.workers), nearest(who, unseen, 1, context.workers)
        return nearer(*near), median(ratios(nearest(who, where["train"], 2, context.workers)))

    own, other = both(asked), both(others)
    sampled = f"{len(asked):,} of {rows['synthetic']:,} synthetic rows, seed quality/distances"
    return Observed(tuple(c.ok(a, b, sampled=sampled) for c, a, b in zip((SHARE, RATIO), own, other, strict=True)))


FAMILY = Family("distances", (SHARE, RATIO), _measure)
