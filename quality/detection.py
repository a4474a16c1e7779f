"""Detection: can a classifier tell synthetic rows from real ones it has never seen (classifier two-sample test)?

Lopez-Paz, Oquab 2017 (arXiv:1610.06545). The AUC is cross-validated: 0.5 is perfect, 1 is told apart always.
Below 0.5 the two tables share rows, which confuses the classifier; that is no better than 0.5, only different.
"""

from __future__ import annotations

import numpy as np

from proofset.evidence import Direction
from quality.base import Context, Family, MeasureCard, Observed, UnsupportedError
from quality.encoding import Column, Part
from quality.learners import classifier, features, few_threads, folds, seed_of
from quality.stats import Estimate, mean_auc

FOLDS = 3
MAX_ROWS = 20_000
"""Rows of each side: enough for an interval of about ± 0.01."""
MIN_ROWS = 50

CARD = MeasureCard(
    "fidelity.c2st_auc",
    "Synthetic told from real (C2ST)",
    Direction.LOWER,
    "Cross-validated AUC of gradient-boosted trees telling synthetic rows from as many holdout rows; 0.5 is perfect;"
    " DeLong interval",
    "Lopez-Paz, Oquab 2017, doi:10.48550/arXiv.1610.06545",
)


def told_apart(columns: tuple[Column, ...], part: Part, rng: np.random.Generator) -> Estimate:
    """Cross-validated AUC of telling rows of `part` (positive) from holdout rows, as many of each."""
    pools = [features(columns, p) for p in (part, "holdout")]
    size = min(MAX_ROWS, *(len(p) for p in pools))
    if size < MIN_ROWS:
        raise UnsupportedError(f"fewer than {MIN_ROWS} rows on one side")
    sides = [pool[rng.choice(len(pool), size, replace=False)] for pool in pools]
    fold = [folds(size, FOLDS, rng) for _ in sides]
    label = np.repeat([1, 0], size)
    rows, place = np.concatenate(sides), np.concatenate(fold)
    seed = seed_of(rng)
    tested = []
    with few_threads():
        for k in range(FOLDS):
            model = classifier(columns, seed).fit(rows[place != k], label[place != k])
            score = model.predict_proba(rows[place == k])[:, 1]
            truth = label[place == k]
            tested.append((score[truth == 1], score[truth == 0]))
    return mean_auc(tested)


def _measure(context: Context) -> Observed:
    columns = context.encoded.columns
    if not columns:
        raise UnsupportedError("no column is modelled")
    value = told_apart(columns, "synthetic", context.rng("detection", "synthetic"))
    reference = told_apart(columns, "train", context.rng("detection", "train"))
    return Observed((CARD.ok(value, reference),))


FAMILY = Family("detection", (CARD,), _measure)
