"""Gradient-boosted trees for the two measures that ask a learner: the only file that imports scikit-learn's ensembles.

Histogram gradient boosting (Ke et al. 2017, LightGBM) takes codes, numbers and nulls as they are, so that no
scaling or one-hot coding stands between the table and the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from quality.encoding import Column, Kind, Part
from quality.stats import Floats

THREADS = 1
"""One: on shared cores OpenMP's waiting threads cost far more time than a second one saves."""

MAX_CATEGORIES = 255
"""scikit-learn's limit: the 254 most frequent categories keep a code of their own, the others share one."""


def features(columns: tuple[Column, ...], part: Part) -> Floats:
    """Rows × columns: numbers and category codes, NaN for null."""
    made = np.empty((len(columns[0].values[part]), len(columns)))
    for i, column in enumerate(columns):
        values = column.values[part].astype(np.float64)
        if column.kind == Kind.CATEGORY:
            values = np.where(values < 0, np.nan, np.minimum(values, MAX_CATEGORIES - 1))
        made[:, i] = values
    return made


def classifier(columns: tuple[Column, ...], seed: int, iterations: int = 100) -> Any:
    """An unfitted classifier for `features` of these columns."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**_settings(columns, seed, iterations))


def regressor(columns: tuple[Column, ...], seed: int, iterations: int = 100) -> Any:
    """An unfitted regressor for `features` of these columns."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**_settings(columns, seed, iterations))


def _settings(columns: tuple[Column, ...], seed: int, iterations: int) -> dict[str, Any]:
    return {
        "categorical_features": np.array([c.kind == Kind.CATEGORY for c in columns]),
        "early_stopping": False,
        "max_iter": iterations,
        "random_state": seed,
    }


@contextmanager
def few_threads() -> Iterator[None]:
    """Keep scikit-learn's and numpy's threads to THREADS; the results do not depend on their number."""
    import sklearn.ensemble  # noqa: F401 - only the pools of libraries that are loaded already can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=THREADS):
        yield


def seed_of(rng: np.random.Generator) -> int:
    """A seed for a learner, drawn from a named stream."""
    return int(rng.integers(2**31 - 1))


def folds(rows: int, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The fold of each of `rows` rows, at random and of equal size (± 1)."""
    return np.asarray(rng.permutation(rows) % count, dtype=np.int64)
