"""The models of the gaps trained again on other rows, so that the gaps' intervals hold what training adds to them.

As `quality.utility_noise` says: a table's training rows are dealt into disjoint parts, with a model for each; the
variance of what the models give, scaled to the full number of rows, is that of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from proofset.codes import Part
from quality.base import Context
from quality.learners import few_threads, together
from quality.stats import Floats
from quality.utility import BOOSTED, SOURCES, trained
from quality.utility_noise import PARTS, dealt, noise
from quality.utility_task import Codes, bench_of

FREEDOM = PARTS - 1
"""Degrees of freedom of the variance."""


@dataclass(frozen=True)
class Retrained:
    """What the models of the parts of one table predict for the holdout.

    rows: what a part has of them on average.  every: what the model of the whole table was trained on.
    """

    predictions: tuple[Floats, ...]
    rows: int
    every: int

    def noise(self, figures: list[Floats]) -> Floats:
        """Variance from training of each figure, from the same figures of the models of the parts."""
        return noise(figures, self.rows, self.every)


def retrained(context: Context) -> dict[Part, Retrained]:
    """The models of the parts of the real and of the synthetic rows, made once. Raises as `task_of` does."""

    def make() -> dict[Part, Retrained]:
        bench, pair = bench_of(context), trained(context, BOOSTED)
        parts = {
            p: dealt(bench.task.truth[p], pair.rows[p], bench.task.classify, context.rng("fairness", "parts", p))
            for p in SOURCES
        }

        def job(part: Part, rows: Codes) -> Floats:
            return bench.fit(BOOSTED, (part, rows)).predict("holdout")

        with few_threads():
            jobs = [partial(job, p, rows) for p in SOURCES for rows in parts[p]]
            done = iter(together(jobs, context.workers))
        return {
            p: Retrained(
                tuple(next(done) for _ in dealt_rows),
                round(float(np.mean([len(rows) for rows in dealt_rows]))),
                len(pair.rows[p]),
            )
            for p, dealt_rows in parts.items()
        }

    return context.once("fairness parts", make)
