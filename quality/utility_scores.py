"""How good predictions are, and how sure that is: AUC, average precision, R², and their paired bootstrap.

A bootstrap draws test rows with replacement, within each class where there are classes, and asks every set of
predictions on the same draw, so that the difference of two of them has the variance of a difference
(Efron, Tibshirani 1993, doi:10.1201/9780429246593). Many replicates are computed at once, from counts of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from proofset.codes import Part
from quality.base import InconclusiveError
from quality.learners import together
from quality.stats import GROUPS, Estimate, Floats, auc, auc_variance, groups, jackknife, leave_out
from quality.utility_task import MIN_CLASS_ROWS, Codes, Task

FLOOR = -1.0
"""R² below this counts as this: a guess so bad has no further meaning."""
MOST_DRAWS = 200
LEAST_DRAWS = 60
BUDGET = 20_000_000
"""Replicates × test rows × classes."""
_AT_ONCE = 800_000


def scored(task: Task, part: Part, predicted: Floats, rng: np.random.Generator) -> Estimate:
    """AUC (of several classes the mean one-against-rest AUC) or R² of predictions for every row of a table.

    Interval: DeLong for two classes, jackknife for more and for R². Raises InconclusiveError where the table's own
    target does not allow it.
    """
    truth = task.truth[part]
    if not task.classify:
        rows = task.usable(part)
        if len(rows) < 2 * GROUPS:
            raise InconclusiveError(f"fewer than {2 * GROUPS} {part} rows know the target")
        if np.isnan(predicted[rows]).any():
            return Estimate(FLOOR, FLOOR, FLOOR, len(rows))
        return r_squared(truth[rows], predicted[rows], groups(len(rows), rng))
    classes = task.known(part, MIN_CLASS_ROWS)
    if len(classes) < 2:
        raise InconclusiveError(f"fewer than two classes of the target have {MIN_CLASS_ROWS} {part} rows")
    rows = np.flatnonzero(np.isin(truth, classes))
    truth, scores = truth[rows], predicted[rows]
    if len(classes) == 2 and len(task.classes) == 2:
        return auc(scores[truth == 1, 1], scores[truth == 0, 1])
    replicates = [_one_against_rest(scores, truth, classes)]
    group = np.empty(len(truth), np.int64)
    count = min(GROUPS, MIN_CLASS_ROWS)
    for label in classes:  # each class has its share of each group
        own = np.flatnonzero(truth == label)
        group[own] = groups(len(own), rng, count)
    replicates += [_one_against_rest(scores[group != g], truth[group != g], classes) for g in range(count)]
    return jackknife(np.array(replicates), len(truth))


def _one_against_rest(scores: Floats, truth: Codes, classes: Codes) -> float:
    return float(np.mean([auc_variance(scores[truth == c, c], scores[truth != c, c])[0] for c in classes]))


def r_squared(truth: Floats, guess: Floats, group: Codes) -> Estimate:
    """1 − residual sum of squares / total sum of squares, with a jackknife interval over `group`."""
    centred = truth - truth.mean()
    if not np.any(centred):
        raise InconclusiveError("the target is constant on the rows of the test")
    sums = [np.bincount(group, w, minlength=GROUPS) for w in (np.ones(len(truth)), centred, centred**2)]
    n, sy, syy = (leave_out(s) for s in sums)
    residual = leave_out(np.bincount(group, (truth - guess) ** 2, minlength=GROUPS))
    return jackknife(1 - residual / (syy - sy * sy / n), len(truth))


@dataclass(frozen=True)
class Ranking:
    """One class against the others by one column of scores, for any counts of the rows.

    order: rows from the highest score.  starts: the first of each set of equal scores, None where no two are equal.
    """

    order: Codes
    starts: Codes | None
    positive: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, scores: Floats, positive: npt.NDArray[np.bool_]) -> Ranking:
        """scores, positive: (rows,)"""
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        return cls(order, None if len(starts) == len(order) else starts, positive[order])

    def under(self, counts: Floats) -> tuple[Floats, Floats]:
        """AUC and average precision for each column of counts, shape (rows, draws)."""
        every = counts[self.order]
        hits = every * self.positive[:, None]
        if self.starts is not None:
            every, hits = (np.add.reduceat(c, self.starts, axis=0) for c in (every, hits))
        found, seen = hits.cumsum(axis=0), every.cumsum(axis=0)
        of, all_rows = found[-1].copy(), seen[-1].copy()
        precision = np.einsum("ij,ij->j", hits, found / np.maximum(seen, 1)) / of
        every -= hits
        found -= hits / 2
        return np.einsum("ij,ij->j", every, found) / (of * (all_rows - of)), precision


class Figures:
    """The figures of one set of predictions on test rows: AUC, then each class's average precision; or R² alone."""

    def __init__(self, task: Task, part: Part, rows: Codes, predicted: Floats, *, headline: bool = False) -> None:
        """rows: of the table, all of which know the target.  predicted: theirs.  headline: AUC or R² alone."""
        self._truth: npt.NDArray[Any] = task.truth[part][rows]
        self._classes, self._headline = len(task.classes), headline
        self._rankings: list[Ranking] = []
        if not task.classify:
            self._lost = bool(np.isnan(predicted).any())
            self._centred = self._truth - self._truth.mean()
            self._residual = (self._truth - predicted) ** 2
            return
        for c in [1] if headline and self._classes == 2 else range(self._classes):
            self._rankings.append(Ranking.of(predicted[:, c], self._truth == c))

    def under(self, counts: Floats) -> Floats:
        """(figures, draws) for counts of shape (rows, draws)."""
        if not self._classes:
            return self._r_squared(counts)[None]
        found = [ranking.under(counts) for ranking in self._rankings]
        area = np.mean([f[0] for f in found], axis=0)[None]
        return area if self._headline else np.concatenate([area, [f[1] for f in found]])

    def values(self) -> Floats:
        """(figures,) on the rows as they are."""
        return self.under(np.ones((len(self._truth), 1)))[:, 0]

    def _r_squared(self, counts: Floats) -> Floats:
        if self._lost:
            return np.full(counts.shape[1], FLOOR)
        n, middle = counts.sum(axis=0), self._centred @ counts
        total = self._centred**2 @ counts - middle**2 / n
        # A draw of equal rows has nothing to explain; it is as good as the worst.
        share = np.divide(self._residual @ counts, total, out=np.full(len(n), np.inf), where=total > 0)
        return np.asarray(np.maximum(1 - share, FLOOR), dtype=np.float64)


def draws_of(rows: int, classes: int) -> int:
    """How many replicates the budget allows."""
    return int(np.clip(BUDGET // (max(rows, 1) * max(classes, 1)), LEAST_DRAWS, MOST_DRAWS))


def bootstrap(
    sets: Sequence[Figures], strata: npt.NDArray[Any], draws: int, rng: np.random.Generator, workers: int = 1
) -> list[npt.NDArray[np.float64]]:
    """For each set of predictions its figures on the same draws, shape (figures, draws).

    strata: (rows,) whole numbers; rows are drawn within each.  workers: threads; the draws do not depend on them.
    """
    size = max(1, _AT_ONCE // max(len(strata), 1))
    members = [np.flatnonzero(strata == s) for s in np.unique(strata)]
    sizes = [min(size, draws - start) for start in range(0, draws, size)]

    def block(many: int, own: np.random.Generator) -> list[Floats]:
        counts = np.empty((len(strata), many))
        for rows in members:
            drawn = own.integers(len(rows), size=(len(rows), many)) * many + np.arange(many)
            counts[rows] = np.bincount(drawn.ravel(), minlength=len(rows) * many).reshape(len(rows), many)
        return [s.under(counts) for s in sets]

    blocks = together([partial(block, n, own) for n, own in zip(sizes, rng.spawn(len(sizes)), strict=True)], workers)
    return [np.concatenate([b[i] for b in blocks], axis=1) for i in range(len(sets))]


def student(freedom: float) -> float:
    """97.5 % quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 1.0), 0.975))
