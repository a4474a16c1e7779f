"""The favourable outcome: which value of the target people wish for, in the data and in a model's predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofset.codes import Part
from quality.base import Context, UnsupportedError
from quality.fairness_groups import value_names
from quality.stats import Floats
from quality.utility_task import Task, bench_of

Flags = npt.NDArray[np.bool_]
_NAME_IT = "name it under quality.favourable"


@dataclass(frozen=True)
class Outcome:
    """A target, and what is favourable of it: one class, or a number of at least `least`."""

    task: Task
    place: int
    least: float
    said: str

    def truth(self, part: Part) -> npt.NDArray[np.int64]:
        """(rows,) 1 where the outcome is favourable, 0 where it is not, -1 where it is not known or not tested."""
        truth = self.task.truth[part]
        if self.task.classify:
            return np.where(truth < 0, -1, truth == self.place)
        return np.where(np.isnan(truth), -1, truth >= self.least)

    def predicted(self, predictions: Floats) -> Flags:
        """(rows,) True where a model's likeliest class, or its number, is favourable."""
        if self.task.classify:
            return np.asarray(predictions.argmax(axis=1) == self.place)
        return np.asarray(predictions >= self.least)


def outcome_of(context: Context) -> Outcome:
    """The spec's favourable outcome; without one the rarer of two classes, or a number above the median.

    Raises UnsupportedError where the spec must name it or names one that cannot be tested, and as `task_of` does.
    """
    task = bench_of(context).task
    wanted = context.table.quality.favourable
    if not task.classify:
        return _number(context, task, wanted)
    if wanted is None:
        if len(task.classes) > 2:
            raise UnsupportedError(f"the target has more than two classes and no favourable one; {_NAME_IT}")
        return Outcome(task, task.rarer, np.nan, "the rarer outcome counts as favourable")
    names = value_names(context, task.target)
    for place, value in enumerate(task.classes):
        if names.get(float(value), "").casefold() == wanted.casefold():
            return Outcome(task, place, np.nan, "")
    raise UnsupportedError(f"quality.favourable is not a value of the target that can be tested; {_NAME_IT}")


def _number(context: Context, task: Task, wanted: str | None) -> Outcome:
    if wanted is not None:
        try:
            return Outcome(task, 0, float(wanted), "a number of at least quality.favourable counts as favourable")
        except ValueError:
            raise UnsupportedError(
                "the target is a number and quality.favourable is not; name the least number that is favourable"
            ) from None
    median = context.profile.column(task.target.name).quantiles.get("0.50")
    if median is None:
        raise UnsupportedError(f"the target has too few values for a median, and no favourable one; {_NAME_IT}")
    return Outcome(task, 0, median, "a number of at least the training rows' median counts as favourable")
