"""Detection: can a classifier tell synthetic rows from real ones it has never seen (classifier two-sample test)?

Lopez-Paz, Oquab 2017 (arXiv:1610.06545). The AUC is cross-validated: 0.5 is perfect, 1 is told apart always.
Below 0.5 the two tables share rows, which confuses the classifier; that is no better than 0.5, only different.
"""

from __future__ import annotations

from functools import partial
from math import sqrt

import numpy as np

from proofset.codes import Column, Part
from proofset.evidence import Direction
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.learners import classifier, features, few_threads, folds, seed_of, together
from quality.stats import Estimate, Floats, mean_auc

FOLDS = 3
MAX_ROWS = 20_000
"""Rows of each side: enough for an interval of about ± 0.01."""
MIN_ROWS = 50

CARD = MeasureCard(
    "fidelity.c2st_auc",
    "Synthetic told from real (C2ST)",
    Direction.LOWER,
    "Cross-validated AUC of gradient-boosted trees telling synthetic rows from as many holdout rows; 0.5 is perfect;"
    " DeLong interval, widened for folds that share rows",
    "Lopez-Paz, Oquab 2017, doi:10.48550/arXiv.1610.06545",
)


def told_apart(columns: tuple[Column, ...], part: Part, rng: np.random.Generator, workers: int = 1) -> Estimate:
    """Cross-validated AUC of telling rows of `part` (positive) from holdout rows, as many of each."""
    pools = [features(columns, p) for p in (part, "holdout")]
    size = min(MAX_ROWS, *(len(p) for p in pools))
    if size < MIN_ROWS:
        raise InconclusiveError(f"fewer than {MIN_ROWS} rows on one side")
    sides = [pool[rng.choice(len(pool), size, replace=False)] for pool in pools]
    fold = [folds(size, FOLDS, rng) for _ in sides]
    label = np.repeat([1, 0], size)
    rows, place = np.concatenate(sides), np.concatenate(fold)
    seed = seed_of(rng)

    def tested(k: int) -> tuple[Floats, Floats]:
        model = classifier(columns, seed).fit(rows[place != k], label[place != k])
        score = model.predict_proba(rows[place == k])[:, 1]
        truth = label[place == k]
        return score[truth == 1], score[truth == 0]

    with few_threads():
        found = mean_auc(together([partial(tested, k) for k in range(FOLDS)], workers))
    # Where rows of one fold are by chance like another's, each fold's model is right about the other: of K folds every
    # two share 1 / (K - 1) of what they rest on, so that the variance of their mean is up to twice that of independent
    # folds. Without this, the intervals of two samples of one population hold 0.5 in 85 % of cases alone.
    half = sqrt(2) * (found.high - found.value)
    return Estimate(found.value, found.value - half, found.value + half, found.n)


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
