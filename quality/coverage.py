"""α-precision and β-recall: are synthetic rows where real rows are, and are all real rows met?

Alaa, van Breugel, Saveliev, van der Schaar 2022, doi:10.48550/arXiv.2102.08921. Their one-class neural embedding is
replaced by the columns themselves, so that nothing has to be trained: a number becomes its mean rank among the
training rows, a category a flag; each column is scaled to variance 1 over the training rows, null is a value of its
own. A ball of α is around the mean and holds the share α of the rows. The nearest rows of β-recall are nearest by
Gower's distance on ranks.

α-precision: 1 − 2 ∫ |P_α − α| dα, P_α the share of synthetic rows in the training rows' α-ball; over every row.
β-recall: 1 − 2 ∫ |R_β − β| dβ, R_β the share of training rows whose nearest synthetic row is nearer than the nearest
other training row and lies in the synthetic rows' β-ball. Two samples of one population have a β-recall near 0.5,
not 1: the reference says what the holdout reaches. Its cost is quadratic, so that it rests on a sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofset.codes import Coded, Part
from proofset.evidence import Direction
from quality.base import Context, Family, MeasureCard, Observed
from quality.fidelity import tables_of
from quality.fidelity_noise import distance, moves, shares, spread
from quality.fidelity_tables import Tables
from quality.neighbours import nearest, space
from quality.stats import GROUPS, Estimate, Floats, around, groups

BALLS = 200
MAX_ROWS = 4_000
"""Rows of each table that β-recall looks at."""

_PAPER = "Alaa et al. 2022, doi:10.48550/arXiv.2102.08921"
PRECISION = MeasureCard(
    "fidelity.alpha_precision",
    "Synthetic rows lie where real rows are (α-precision)",
    Direction.HIGHER,
    "1 − 2 ∫ |share of synthetic rows in the training rows' α-ball − α| dα, columns as ranks and flags; 1 is perfect;"
    " half-sample interval",
    _PAPER,
)
RECALL = MeasureCard(
    "fidelity.beta_recall",
    "Real rows are met by synthetic rows (β-recall)",
    Direction.HIGHER,
    "1 − 2 ∫ |share of training rows met inside the synthetic rows' β-ball − β| dβ; rows of one population reach about"
    " 0.5; jackknife interval",
    _PAPER,
)


def reach(columns: tuple[Coded, ...], part: Part, centre: Part) -> Floats:
    """Squared distance of every row of a part to the mean of the rows of `centre`: shape (rows,)."""
    total = np.zeros(len(next(iter(columns)).codes[part]))
    for column in columns:
        total += _squares(column, centre)[column.codes[part]]
    return total


def _squares(column: Coded, centre: Part) -> Floats:
    """Squared distance of each code to the mean of `centre`, in the training column's variance."""
    real, own = (column.totals[p] / max(column.totals[p].sum(), 1) for p in ("train", centre))
    if column.distinct is None:
        variance = 1 - (real**2).sum()
        return np.asarray((1 - 2 * own + (own**2).sum()) / variance if variance > 0 else np.zeros(column.size))
    rank = np.cumsum(real) - real / 2
    rank[0] = -1 / 2  # null: as far from the median as the span of all ranks
    variance = (real * rank**2).sum() - (real * rank).sum() ** 2
    away = (rank - (own * rank).sum()) ** 2
    return np.asarray(away / variance if variance > 1e-12 else np.zeros(column.size))


def precision(tables: Tables, other: Part) -> Estimate:
    """α-precision of a part."""
    far = {p: reach(tables.columns, p, "train")[tables.order[p]] for p in ("train", other)}
    edges = np.unique(np.quantile(far["train"], np.arange(1, BALLS) / BALLS))
    found = []
    for part, rows in far.items():
        # A row at the edge of a ball is inside.
        cell = np.searchsorted(edges, rows, "left") + (len(edges) + 1) * np.repeat(
            np.arange(GROUPS), np.diff(tables.bounds[part])
        )
        found.append(shares(np.bincount(cell, minlength=GROUPS * (len(edges) + 1)).reshape(GROUPS, -1)))
    (p, moved), (q, others) = found
    difference = np.cumsum(p - q) * p * 2
    steps = np.cumsum(np.concatenate([moved, -others]), axis=1) * p * 2
    draws = distance(float(np.abs(difference).sum()), difference, steps, tables.signs(other))
    lost = spread(draws, tables.rows[other])
    return Estimate(1 - lost.value, 1 - lost.high, 1 - lost.low, lost.n)


def recall(
    met: npt.NDArray[np.bool_], ball: Floats, group: npt.NDArray[np.int64], again: npt.NDArray[np.int64]
) -> Estimate:
    """β-recall.

    met: whether each training row's nearest synthetic row is near enough.  ball: the smallest β-ball it lies in.
    group: of each training row.  again: of its nearest synthetic row; rows leave with either.
    """
    beta = (np.arange(BALLS) + 0.5) / BALLS

    def value(kept: npt.NDArray[np.bool_]) -> float:
        inside = np.sort(ball[kept & met])
        share = np.searchsorted(inside, beta, "right") / max(int(kept.sum()), 1)
        return float(1 - 2 * np.abs(share - beta).mean())

    whole = value(np.ones(len(met), bool))
    estimates = []
    for grouped in (group, again):
        replicates = np.array([[whole], *([value(grouped != g)] for g in range(GROUPS))])
        estimates.append(float((moves(replicates)[1] ** 2).sum()))
    # Rows' own variance and that of the synthetic rows they share; the part both hold is counted once.
    return around(whole, float(np.sqrt(max(estimates))), len(met))


def _recalls(context: Context, parts: tuple[Part, ...]) -> tuple[dict[Part, Estimate], str]:
    encoded = context.encoded
    size = min(MAX_ROWS, *(encoded.rows[p] for p in ("train", *parts)))
    where = space(encoded.columns, "rank").rows
    columns = tuple(c.coded for c in encoded.columns)
    taken = {p: context.rng("coverage", p).choice(encoded.rows[p], size, replace=False) for p in ("train", *parts)}
    asked = where["train"].taken(taken["train"])
    # The nearest row of a training row is itself; the second is its nearest other row.
    own = nearest(asked, asked, 2, context.workers).distance[:, 1]
    group = groups(size, context.rng("coverage", "groups"))
    found = {}
    for part in parts:
        near = nearest(asked, where[part].taken(taken[part]), 1, context.workers)
        far = reach(columns, part, part)[taken[part]]
        place = near.place[:, 0]
        ball = np.searchsorted(np.sort(far), far, "left")[place] / size
        also = groups(size, context.rng("coverage", "groups", part))[place]
        found[part] = recall(near.distance[:, 0] <= own, ball, group, also)
    sampled = f"{size:,} of {encoded.rows['train']:,} rows, seed quality/coverage"
    return found, sampled if size < encoded.rows["train"] else ""


def _measure(context: Context) -> Observed:
    tables = tables_of(context)
    parts = tables.others
    close = {p: precision(tables, p) for p in parts}
    met, sampled = _recalls(context, parts)
    return Observed(
        (
            PRECISION.ok(close["synthetic"], close.get("holdout")),
            RECALL.ok(met["synthetic"], met.get("holdout"), sampled=sampled),
        )
    )


FAMILY = Family("coverage", (PRECISION, RECALL), _measure)
