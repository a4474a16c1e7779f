"""Detection: can a classifier tell synthetic rows from real ones it has never seen (classifier two-sample test)?

Lopez-Paz, Oquab 2017 (arXiv:1610.06545). The AUC is cross-validated: 0.5 is perfect, 1 is told apart always.
Below 0.5 the two tables share rows, which confuses the classifier; that is no better than 0.5, only different.
"""

from __future__ import annotations

from functools import partial
from math import sqrt

import numpy as np
import numpy.typing as npt

from proofset.codes import Column, Part
from proofset.evidence import Direction
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.learners import classifier, features, few_threads, folds, seed_of, together
from quality.stats import Estimate, Floats, mean_auc

Places = npt.NDArray[np.int64]

FOLDS = 3
MAX_ROWS = 20_000
"""Rows of each side: enough for an interval of about ± 0.01."""
MIN_ROWS = 50
LEAF = 20
"""Rows in a leaf of the classifier's trees, at least."""

CARD = MeasureCard(
    "fidelity.c2st_auc",
    "Synthetic told from real (C2ST)",
    Direction.LOWER,
    "Cross-validated AUC of gradient-boosted trees telling synthetic rows from as many holdout rows; 0.5 is perfect;"
    " DeLong interval, widened for folds that share rows",
    "Lopez-Paz, Oquab 2017, doi:10.48550/arXiv.1610.06545",
)


def told_apart(
    columns: tuple[Column, ...], part: Part, rng: np.random.Generator, workers: int = 1, *, shared: bool = False
) -> Estimate:
    """Cross-validated AUC of telling rows of `part` (positive) from holdout rows, as many of each.

    shared: the two may have rows in common, as two snapshots of one source have, see `_by_row`. Where rows recur often,
    the AUC is the larger of two.
    """
    pools = [features(columns, p) for p in (part, "holdout")]
    size = min(MAX_ROWS, *(len(p) for p in pools))
    if size < MIN_ROWS:
        raise InconclusiveError(f"fewer than {MIN_ROWS} rows on one side")
    sides = [pool[rng.choice(len(pool), size, replace=False)] for pool in pools]
    label = np.repeat([1, 0], size)
    rows, place = np.concatenate(sides), np.concatenate([folds(size, FOLDS, rng) for _ in sides])
    dealt = _by_row(rows, label, place, rng) if shared else [place]
    seed = seed_of(rng)

    def tested(place: Places, k: int) -> tuple[Floats, Floats]:
        model = classifier(columns, seed).fit(rows[place != k], label[place != k])
        score = model.predict_proba(rows[place == k])[:, 1]
        truth = label[place == k]
        return score[truth == 1], score[truth == 0]

    with few_threads():
        done = together([partial(tested, place, k) for place in dealt for k in range(FOLDS)], workers)
    found = max((mean_auc(done[i : i + FOLDS]) for i in range(0, len(done), FOLDS)), key=lambda e: e.value)
    # Where rows of one fold are by chance like another's, each fold's model is right about the other: of K folds every
    # two share 1 / (K - 1) of what they rest on, so that the variance of their mean is up to twice that of independent
    # folds. Without this, the intervals of two samples of one population hold 0.5 in 85 % of cases alone.
    half = sqrt(2) * (found.high - found.value)
    return Estimate(found.value, found.value - half, found.value + half, found.n)


def _by_row(rows: Floats, label: Places, place: Places, rng: np.random.Generator) -> list[Places]:
    """The folds of `place` with equal rows in one, so that a row of both tables teaches nothing about its twin.

    It would teach that its twin has the other label, which pushes the AUC of two equal tables far below 0.5. But what
    share of each table a common row has can only be learnt from some of its twins and tested on others: where there
    are rows with more twins than a leaf holds, these are dealt at random in one answer, and kept together in another.
    """
    plain = np.ascontiguousarray(np.where(np.isnan(rows), np.nan, rows) + 0.0)  # one NaN and one zero for all
    keys = plain.view(np.dtype((np.void, plain.itemsize * plain.shape[1]))).ravel()
    _, which, count = np.unique(keys, return_inverse=True, return_counts=True)
    by = folds(len(count), FOLDS, rng)[which]
    common = count[which] > LEAF
    found = [np.where(common, place, by)] + ([by] if common.any() else [])
    # A fold without rows of both tables tests nothing.
    return [f for f in found if np.bincount(f * 2 + label, minlength=2 * FOLDS).min() > 1] or [place]


def _measure(context: Context) -> Observed:
    columns = context.encoded.columns
    if not columns:
        raise UnsupportedError("no column is modelled")
    value = told_apart(columns, "synthetic", context.rng("detection", "synthetic"), context.workers)
    reference = told_apart(columns, "train", context.rng("detection", "train"), context.workers)
    rows = context.encoded.rows
    most = max(rows["synthetic"], rows["holdout"])
    sampled = f"{value.n // 2:,} of {most:,} rows, seed quality/detection" if value.n // 2 < most else ""
    return Observed((CARD.ok(value, reference, sampled=sampled),))


FAMILY = Family("detection", (CARD,), _measure)
