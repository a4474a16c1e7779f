"""Linear models on encoded features: ridge regression, and logistic regression with a softmax for several classes.

Numbers are standardised with the training rows' mean and spread and cut at CUT spreads; categories become flags,
one for each of the TOP most frequent codes and one for the others; a null has a flag of its own.
(Hoerl, Kennard 1970, doi:10.1080/00401706.1970.10488634; le Cessie, van Houwelingen 1992, doi:10.2307/2347628.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from proofset.codes import Column, Kind, Part
from quality.stats import Floats

TOP = 32
"""Categories with a flag of their own."""
CUT = 5.0
PENALTY = 1.0
"""Of the squared weights beside the summed loss: scikit-learn's C = 1 and alpha = 1."""
STEPS = 40
"""Steps of the logistic regression's quasi-Newton search at most."""

Codes = npt.NDArray[np.int64]


def flags(columns: tuple[Column, ...], part: Part) -> Any:
    """Rows × (numbers + flags + 1), sparse, float64; the last column is 1 and carries the intercept."""
    from scipy import sparse

    rows = len(columns[0].values[part])
    places, cells, start = [], [], 0
    for column in columns:
        place, cell, width = _block(column, part)
        places.append(start + place)
        cells.append(cell)
        start += width
    places.append(np.full(rows, start))
    cells.append(np.ones(rows))
    pointer = np.arange(rows + 1) * len(places)
    inner = np.column_stack(places).ravel()
    return sparse.csr_matrix((np.column_stack(cells).ravel(), inner, pointer), shape=(rows, start + 1))


def _block(column: Column, part: Part) -> tuple[Codes, Floats, int]:
    """Of each row the place and the value of its one cell, and how many places there are."""
    values = column.values[part]
    if column.kind == Kind.CATEGORY:
        place = np.where(values < 0, TOP + 1, np.minimum(values, TOP))
        return place.astype(np.int64), np.ones(len(values)), TOP + 2
    known = column.values["train"][np.isfinite(column.values["train"])]
    middle, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
    missing = np.isnan(values)
    scaled = np.clip((np.where(missing, middle, values) - middle) / (spread or 1.0), -CUT, CUT)
    return missing.astype(np.int64), np.where(missing, 1.0, scaled), 2


class Ridge:
    """Least squares with a penalty on every weight but the intercept's."""

    def fit(self, inputs: Any, truth: Floats) -> Ridge:
        """inputs: rows × features from `flags`.  truth: (rows,)."""
        self._middle, self._spread = float(truth.mean()), float(truth.std()) or 1.0
        gram = np.asarray((inputs.T @ inputs).todense())
        gram[np.diag_indices(len(gram) - 1)] += PENALTY
        gram[-1, -1] += 1e-9
        self._weights = np.linalg.solve(gram, inputs.T @ ((truth - self._middle) / self._spread))
        return self

    def predict(self, inputs: Any) -> Floats:
        """(rows,)"""
        return np.asarray(inputs @ self._weights * self._spread + self._middle, dtype=np.float64)


class Logistic:
    """Multinomial logistic regression; two classes have one set of weights."""

    def fit(self, inputs: Any, labels: Codes) -> Logistic:
        """inputs: rows × features from `flags`.  labels: (rows,), at least two different ones."""
        from scipy.optimize import minimize

        self.classes_, codes = np.unique(labels, return_inverse=True)
        width = 1 if len(self.classes_) == 2 else len(self.classes_)
        wanted = np.eye(len(self.classes_))[codes][:, -width:]
        shape = (inputs.shape[1], width)
        turned = inputs.T.tocsr()

        def loss(flat: Floats) -> tuple[float, Floats]:
            weights = flat.reshape(shape)
            score = inputs @ weights
            chance = _chances(score)
            picked = (chance[np.arange(len(codes)), codes]).clip(1e-300)
            slope = turned @ (chance[:, -width:] - wanted)
            free = weights.copy()
            free[-1] = 0.0
            total = -np.log(picked).sum() + PENALTY / 2 * (free**2).sum()
            return float(total) / len(codes), (slope + PENALTY * free).ravel() / len(codes)

        start = np.zeros(shape[0] * shape[1])
        self._weights = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x.reshape(shape)
        return self

    def predict_proba(self, inputs: Any) -> Floats:
        """(rows, classes)"""
        return _chances(inputs @ self._weights)


def _chances(score: Floats) -> Floats:
    """Softmax of rows; of a single column the logistic function, with its complement before it."""
    if score.shape[1] == 1:
        score = np.hstack([np.zeros_like(score), score])
    risen = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(risen / risen.sum(axis=1, keepdims=True), dtype=np.float64)
