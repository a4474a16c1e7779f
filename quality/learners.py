"""The learners that measures ask: the only file that imports scikit-learn.

Histogram gradient boosting (Ke et al. 2017, LightGBM) takes codes, numbers and nulls as they are, so that no
scaling or one-hot coding stands between the table and the answer. A small random forest and the linear models of
`quality.learners_linear` stand beside it, because a table may serve one kind of model and fail another.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from proofset.codes import Column, Kind, Part
from quality.stats import Floats

T = TypeVar("T")

THREADS = 1
"""Of each library call. On shared cores OpenMP's waiting threads cost far more time than a second one saves:
independent fits run side by side instead, see `together`."""

MAX_CATEGORIES = 255
"""scikit-learn's limit: the 254 most frequent categories keep a code of their own, the others share one."""
ITERATIONS = 100
"""Trees of a boosted model, for each class where there are more than two."""
TREES = 10
"""Trees of a random forest."""
LEAF = 5
"""Rows in a leaf of the forest's trees, at least."""


def features(columns: tuple[Column, ...], part: Part) -> Floats:
    """Rows × columns: numbers and category codes, NaN for null."""
    made = np.empty((len(columns[0].values[part]), len(columns)))
    for i, column in enumerate(columns):
        values = column.values[part].astype(np.float64)
        if column.kind == Kind.CATEGORY:
            values = np.where(values < 0, np.nan, np.minimum(values, MAX_CATEGORIES - 1))
        made[:, i] = values
    return made


class Boosted:
    """Histogram gradient boosting for `features` of some columns. A column that is all null teaches nothing."""

    def __init__(self, columns: tuple[Column, ...], seed: int, iterations: int | None, *, classify: bool) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self._model = (HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor)(
            categorical_features=np.array([c.kind == Kind.CATEGORY for c in columns]),
            early_stopping=False,
            max_iter=ITERATIONS if iterations is None else iterations,
            random_state=seed,
        )

    def fit(self, inputs: Floats, truth: npt.NDArray[Any]) -> Boosted:
        """inputs: rows × features, NaN for null.  truth: (rows,) labels or numbers."""
        empty = np.isnan(inputs).all(axis=0)
        # The library finds no bins for such a column; one value in all rows is as silent as none.
        self._model.fit(np.where(empty, 0.0, inputs) if empty.any() else inputs, truth)
        return self

    def predict_proba(self, inputs: Floats) -> Floats:
        """(rows, classes)"""
        return np.asarray(self._model.predict_proba(inputs))

    def predict(self, inputs: Floats) -> Floats:
        """(rows,)"""
        return np.asarray(self._model.predict(inputs))


def classifier(columns: tuple[Column, ...], seed: int, iterations: int | None = None) -> Boosted:
    """An unfitted boosted classifier for `features` of these columns."""
    return Boosted(columns, seed, iterations, classify=True)


def regressor(columns: tuple[Column, ...], seed: int, iterations: int | None = None) -> Boosted:
    """An unfitted boosted regressor for `features` of these columns."""
    return Boosted(columns, seed, iterations, classify=False)


class Forest:
    """A small random forest (Breiman 2001) for `features`; a code counts as a number, the most frequent is 0.

    Each tree weighs the rows by how often a bootstrap draws them. It stands here because scikit-learn's own starts a
    pool for every call, which the threads of `together` do without.
    """

    def __init__(self, seed: int, *, classify: bool) -> None:
        self._seed, self._classify = seed, classify

    def fit(self, inputs: Floats, truth: npt.NDArray[Any]) -> Forest:
        """inputs: rows × features, NaN for null, no infinity.  truth: (rows,) labels or numbers."""
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        rng = np.random.default_rng(self._seed)
        kind = DecisionTreeClassifier if self._classify else DecisionTreeRegressor
        share = "sqrt" if self._classify else 1 / 3
        self._trees = []
        for _ in range(TREES):
            weight = np.bincount(rng.integers(len(truth), size=len(truth)), minlength=len(truth))
            tree = kind(min_samples_leaf=LEAF, max_features=share, random_state=seed_of(rng))
            self._trees.append(tree.fit(inputs, truth, sample_weight=weight))
        return self

    def predict_proba(self, inputs: Floats) -> Floats:
        """(rows, classes)"""
        return np.asarray(np.mean([tree.predict_proba(inputs) for tree in self._trees], axis=0))

    def predict(self, inputs: Floats) -> Floats:
        """(rows,)"""
        return np.asarray(np.mean([tree.predict(inputs) for tree in self._trees], axis=0))


@contextmanager
def few_threads() -> Iterator[None]:
    """Keep scikit-learn's and numpy's threads to THREADS; the results do not depend on their number."""
    import sklearn.ensemble  # noqa: F401 - only the pools of libraries that are loaded already can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=THREADS):
        yield


def together(jobs: Sequence[Callable[[], T]], workers: int) -> list[T]:
    """The results of independent jobs, in order, with at most `workers` of them at a time.

    Call it inside `few_threads`. A job draws its random numbers from streams of its own, so that neither the order
    in which jobs run nor their number at a time can change a result. The first error is raised.
    """
    if workers < 2 or len(jobs) < 2:
        return [job() for job in jobs]
    # scikit-learn changes the process's warning filters inside each call. Threads that do so at once see them empty,
    # and may leave them so: nothing is printed meanwhile, and the filters are put back afterwards.
    with (
        warnings.catch_warnings(record=True),
        ThreadPoolExecutor(min(workers, len(jobs)), initializer=_own_limit) as pool,
    ):
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def _own_limit() -> None:
    """OpenMP's limit holds for one thread alone: a new thread sets it for itself, and takes it along when it ends."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=THREADS, user_api="openmp")


def seed_of(rng: np.random.Generator) -> int:
    """A seed for a learner, drawn from a named stream."""
    return int(rng.integers(2**31 - 1))


def folds(rows: int, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The fold of each of `rows` rows, at random and of equal size (± 1)."""
    return np.asarray(rng.permutation(rows) % count, dtype=np.int64)
