"""How far a model's figures move when it is trained on other rows of the same population.

A table's training rows are dealt into PARTS disjoint parts, a model is trained on each, and all are tested on the
same rows. The variance of their figures, scaled by rows of a part / rows of the table, stands for the variance at
the full number of rows: parts share no row, so nothing is left out of it as in a bootstrap of the rows
(Nadeau, Bengio 2003, doi:10.1023/A:1024068626366, on what a variance over overlapping training sets misses).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proofset.codes import Part
from quality.stats import Floats
from quality.utility_scores import Figures
from quality.utility_task import Bench, Codes, Learner

PARTS = 4
MAX_PART = 5_000
"""Rows of a part at most."""
MAX_TEST = 10_000
"""Holdout rows the parts' models are tested on."""


def dealt(truth: Codes, rows: Codes, classify: bool, rng: np.random.Generator) -> list[Codes]:
    """PARTS disjoint parts of the rows, with equal shares of each class, of MAX_PART rows at most.

    truth: of all the table's rows.
    """
    mixed = rng.permutation(rows)
    if classify:
        mixed = mixed[np.argsort(truth[mixed], kind="stable")]
    parts = [mixed[i::PARTS] for i in range(PARTS)]
    return [p if len(p) <= MAX_PART else rng.choice(p, MAX_PART, replace=False) for p in parts]


def tested(bench: Bench, learner: Learner, part: Part, own: Codes, rows: Codes) -> Callable[[], Floats]:
    """A job: the figures, on these holdout rows, of a model trained on one part of a table."""

    def job() -> Floats:
        model = bench.fit(learner, (part, own))
        predicted = model.predict("holdout", rows)
        return Figures(bench.task, "holdout", rows, predicted, headline=learner != "gradient boosting").values()

    return job


def noise(figures: list[Floats], rows: int, every: int) -> Floats:
    """Variance of each figure of a model trained on `every` rows, from models trained on disjoint `rows` of them."""
    return np.asarray(np.var(figures, axis=0, ddof=1) * min(1.0, rows / max(every, 1)))
