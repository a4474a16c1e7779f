"""What is predicted from what: the target as classes or numbers, the rows that know it, and models trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from proofset.codes import PARTS, Column, Kind, Part, modelled
from quality.base import Context, InconclusiveError, UnsupportedError
from quality.learners import Forest, classifier, features, regressor, seed_of
from quality.learners_linear import Logistic, Ridge, flags
from quality.stats import GROUPS, Floats

Codes = npt.NDArray[np.int64]
Learner = Literal["gradient boosting", "linear model", "random forest"]
LEARNERS: tuple[Learner, ...] = ("gradient boosting", "linear model", "random forest")
"""The model families; the first one is the headline's."""

MAX_CLASSES = 20
MIN_CLASS_ROWS = 10
"""A class with fewer holdout rows cannot be tested and is left out."""
MAX_CELLS = 10_000_000
"""Rows × columns that gradient boosting learns from; of more rows so many are drawn."""
MAX_ROWS = 20_000
"""Rows that the other families learn from."""
_HUGE = 1e30


@dataclass(frozen=True)
class Task:
    """A target and its inputs.

    classes: the target's values that are classified, as they stand in its column; empty for a regression.
    truth: part -> (rows,) class numbers, -1 for null and for classes that are not tested; or numbers, NaN for null.
    """

    target: Column
    inputs: tuple[Column, ...]
    classes: Floats
    truth: dict[Part, npt.NDArray[Any]]

    @property
    def classify(self) -> bool:
        """True for classes, False for numbers."""
        return self.target.discrete

    def usable(self, part: Part) -> Codes:
        """The rows that know the target."""
        truth = self.truth[part]
        return np.flatnonzero(truth >= 0 if self.classify else ~np.isnan(truth))

    def known(self, part: Part, least: int = 1) -> Codes:
        """The classes with at least `least` rows."""
        own = self.truth[part]
        return np.flatnonzero(np.bincount(own[own >= 0], minlength=len(self.classes)) >= least)

    @cached_property
    def rarer(self) -> int:
        """The class with the fewest training rows; of equals the one with the fewest holdout rows, then the last."""
        counts = [np.bincount(t[t >= 0], minlength=len(self.classes)) for t in (self.truth[p] for p in PARTS[:2])]
        return int(np.lexsort((-np.arange(len(self.classes)), counts[1], counts[0]))[0])


def task_of(context: Context) -> Task:
    """The task the spec names.

    Raises UnsupportedError where it names none, or one that cannot be predicted or tested on the holdout, and
    InconclusiveError where the synthetic table lacks a column that is needed.
    """
    name = context.target
    if name is None:
        raise UnsupportedError("the spec names no target")
    names = [c.name for c in modelled(context.profile, context.train)]
    if name not in context.train.column_names:
        raise UnsupportedError("the table has no column of the target's name")
    if name not in names:
        raise UnsupportedError("the target column is not modelled")
    complete(context)
    target = next(c for c in context.encoded.columns if c.name == name)
    inputs = context.encoded.without(name).columns
    if not inputs:
        raise UnsupportedError("there is no column to predict the target from")
    return _classes(target, inputs) if target.discrete else _numbers(target, inputs)


def complete(context: Context) -> None:
    """Raise InconclusiveError where the synthetic table lacks columns that are modelled."""
    if not context.synthetic.num_rows:
        raise InconclusiveError("the synthetic table has no rows")
    names = [c.name for c in modelled(context.profile, context.train)]
    if context.target in names and context.target not in context.synthetic.column_names:
        raise InconclusiveError("the synthetic table has no target column")
    lost = [n for n in names if n not in context.synthetic.column_names]
    if lost:
        raise InconclusiveError(f"the synthetic table lacks {len(lost)} of the modelled columns")


def _classes(target: Column, inputs: tuple[Column, ...]) -> Task:
    values = {p: target.values[p].astype(np.float64) for p in PARTS}
    if target.kind == Kind.CATEGORY:
        values = {p: np.where(v < 0, np.nan, v) for p, v in values.items()}
    asked, counts = np.unique(values["holdout"][~np.isnan(values["holdout"])], return_counts=True)
    classes = asked[counts >= MIN_CLASS_ROWS]
    if len(classes) < 2:
        raise UnsupportedError("the target has fewer than two classes that can be tested on the holdout")
    if len(classes) > MAX_CLASSES:
        raise UnsupportedError(f"the target has more than {MAX_CLASSES} classes")
    truth: dict[Part, npt.NDArray[Any]] = {}
    for part, own in values.items():
        place = np.minimum(np.searchsorted(classes, own), len(classes) - 1)
        truth[part] = np.where(classes[place] == own, place, -1)
    task = Task(target, inputs, classes, truth)
    if len(task.known("train")) < 2:
        raise UnsupportedError("the target has fewer than two classes in the training table")
    return task


def _numbers(target: Column, inputs: tuple[Column, ...]) -> Task:
    truth: dict[Part, npt.NDArray[Any]] = {
        p: np.where(np.isfinite(target.values[p]), target.values[p], np.nan) for p in PARTS
    }
    task = Task(target, inputs, np.empty(0), truth)
    asked = truth["holdout"][task.usable("holdout")]
    if len(asked) < 2 * GROUPS:
        raise InconclusiveError(f"fewer than {2 * GROUPS} holdout rows know the target")
    if not np.any(asked != asked[0]):
        raise UnsupportedError("the target is constant on the holdout")
    own = truth["train"][task.usable("train")]
    if not len(own) or not np.any(own != own[0]):
        raise UnsupportedError("the target is constant, or nowhere known, in the training table")
    return task


@dataclass(frozen=True)
class Model:
    """A trained model of one family."""

    bench: Bench
    learner: Learner
    fitted: Any
    known: Codes

    def predict(self, part: Part, rows: Codes | None = None) -> Floats:
        """(rows, classes) chances, 0 for a class it never saw; or (rows,) numbers, NaN where it saw none.

        A model that saw one class is sure of it; one that saw none has no opinion (all 0).
        """
        inputs = self.bench.matrix(self.learner, part)
        return self.of(inputs if rows is None else inputs[rows])

    def of(self, inputs: Any) -> Floats:
        """The same for a matrix of this family's features."""
        count = inputs.shape[0]
        if not self.bench.task.classify:
            return np.full(count, np.nan) if self.fitted is None else np.asarray(self.fitted.predict(inputs))
        made = np.zeros((count, len(self.bench.task.classes)))
        made[:, self.known] = 1.0 if self.fitted is None else self.fitted.predict_proba(inputs)
        return made


@dataclass(frozen=True)
class Bench:
    """The features of a task, made once for each family, and models trained on any rows of the three tables."""

    task: Task
    seed: int
    _made: dict[tuple[str, Part], Any] = field(default_factory=dict, repr=False, compare=False)

    def matrix(self, learner: Learner, part: Part) -> Any:
        """Rows × features of one family. Make them before threads share the bench."""
        if (learner, part) not in self._made:
            if learner == "linear model":
                found: Any = flags(self.task.inputs, part)
            elif learner == "random forest":
                found = np.clip(features(self.task.inputs, part), -_HUGE, _HUGE).astype(np.float32)
            else:
                found = features(self.task.inputs, part)
            self._made[learner, part] = found
        return self._made[learner, part]

    def fit(self, learner: Learner, *sources: tuple[Part, Codes]) -> Model:
        """A model trained on these rows, one table after the other. Rows must know the target."""
        truth = np.concatenate([self.task.truth[p][rows] for p, rows in sources])
        known = np.unique(truth) if self.task.classify else np.empty(0, np.int64)
        if len(truth) == 0 or (self.task.classify and len(known) < 2):
            return Model(self, learner, None, known)
        inputs = _stacked([self.matrix(learner, p)[rows] for p, rows in sources])
        return Model(self, learner, self._unfitted(learner).fit(inputs, truth), known)

    def _unfitted(self, learner: Learner) -> Any:
        classify = self.task.classify
        if learner == "linear model":
            return Logistic() if classify else Ridge()
        if learner == "random forest":
            return Forest(self.seed, classify=classify)
        return (classifier if classify else regressor)(self.task.inputs, self.seed)

    def drawn(self, learner: Learner, part: Part, rng: np.random.Generator) -> Codes:
        """The rows of a table that one family learns from: all that know the target, or so many at random."""
        rows = self.task.usable(part)
        most = MAX_CELLS // len(self.task.inputs) if learner == LEARNERS[0] else MAX_ROWS
        return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def bench_of(context: Context) -> Bench:
    """The bench of the spec's task, made once for every family that asks. Raises as `task_of` does."""
    return context.once("utility bench", lambda: Bench(task_of(context), seed_of(context.rng("utility"))))


def _stacked(matrices: Sequence[Any]) -> Any:
    if len(matrices) == 1:
        return matrices[0]
    if isinstance(matrices[0], np.ndarray):
        return np.concatenate(matrices)
    from scipy import sparse

    return sparse.vstack(matrices, format="csr")
