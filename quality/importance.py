"""Do models trained on real and on synthetic rows rest on the same columns? Rank agreement of feature importance.

Importance of a column: by how much the model's squared error (of chances: the Brier score) on real rows grows when
the column is shuffled (Breiman 2001, doi:10.1023/A:1010933404324; Fisher, Rudin, Dominici 2019, model reliance).
An importance within two standard errors of nothing counts as nothing, so that columns no model uses tie instead of
adding noise. Agreement: Kendall's τ-b (Kendall 1945, doi:10.1093/biomet/33.3.239), 1 for the same order, 0 for none.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from quality.stats import Floats
from quality.utility_task import Codes, Model

MAX_ROWS = 2_000
"""Holdout rows that are shuffled."""
MAX_CELLS = 200_000
"""Rows × columns of them."""
MIN_INPUTS = 3
DRAWS = 200


def losses(model: Model, rows: Codes, orders: npt.NDArray[np.int64]) -> Floats:
    """By how much each row's squared error grows, (rows, inputs), when an input is put in another order.

    rows: of the holdout.  orders: (inputs, rows), a permutation of the rows for each input.
    """
    task = model.bench.task
    inputs = model.bench.matrix(model.learner, "holdout")[rows]
    truth = task.truth["holdout"][rows]

    def loss(predicted: Floats) -> Floats:
        if task.classify:
            predicted = predicted.copy()
            predicted[np.arange(len(rows)), truth] -= 1
            return np.asarray((predicted**2).sum(axis=1))
        return np.asarray((predicted - truth) ** 2)

    before = loss(model.of(inputs))
    grown = np.empty((len(rows), inputs.shape[1]))
    for i, order in enumerate(orders):
        kept = inputs[:, i].copy()
        inputs[:, i] = kept[order]
        grown[:, i] = loss(model.of(inputs)) - before
        inputs[:, i] = kept
    return grown


def agreement(first: Floats, second: Floats, rng: np.random.Generator) -> tuple[float, float] | None:
    """τ-b of two models' importances, from `losses` on the same rows, and its bootstrap standard error over rows.

    None where the first model uses no column; 0 where only the second does not.
    """
    count = len(first)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS) / count
    values, replicates = [], []
    for grown in (first, second):
        error = grown.std(axis=0, ddof=1) / sqrt(count)
        values.append(_used(grown.mean(axis=0)[None], error))
        replicates.append(_used(drawn @ grown, error))
    if not np.any(values[0] != values[0][:, :1]):
        return None
    return float(kendall(*values)[0]), float(kendall(*replicates).std(ddof=1))


def _used(importance: Floats, error: Floats) -> Floats:
    return np.where(importance > 2 * error, importance, 0.0)


def kendall(first: Floats, second: Floats) -> Floats:
    """τ-b of each pair of rows of two arrays (rows, values); 0 where one of the two is constant."""
    made = np.zeros(len(first))
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        one, other = (np.sign(v[:, None] - v[None, :]) for v in (a, b))
        scale = sqrt(float((one**2).sum()) * float((other**2).sum()))
        made[i] = (one * other).sum() / scale if scale else 0.0
    return made
