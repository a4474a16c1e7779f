"""Utility: does a model trained on the synthetic table work on real rows (train synthetic, test real)?

Esteban, Hyland, Rätsch 2017 (arXiv:1706.02633). The reference is the same model trained on the real training rows.
A category or boolean is classified (AUC; the mean one-against-rest AUC where there are several classes), a number
is regressed (R²).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from proofset.evidence import Direction
from quality.base import Context, Family, MeasureCard, Observed, UnsupportedError
from quality.encoding import PARTS, Column, Kind, Part
from quality.learners import classifier, features, few_threads, regressor, seed_of
from quality.stats import GROUPS, Estimate, Floats, auc, auc_variance, groups, jackknife, leave_out

MAX_CLASSES = 20
MIN_CLASS_ROWS = 10
"""A class with fewer holdout rows cannot be tested and is left out."""

AUC = MeasureCard(
    "utility.tstr_auc",
    "Trained on synthetic, tested on real (AUC)",
    Direction.HIGHER,
    "AUC on the holdout of gradient-boosted trees trained on the synthetic table; DeLong interval (two classes) or"
    " jackknife (mean one-against-rest AUC)",
    "Esteban, Hyland, Rätsch 2017, doi:10.48550/arXiv.1706.02633",
)
R2 = MeasureCard(
    "utility.tstr_r2",
    "Trained on synthetic, tested on real (R²)",
    Direction.HIGHER,
    "R² on the holdout of gradient-boosted trees trained on the synthetic table; jackknife interval",
    "Esteban, Hyland, Rätsch 2017, doi:10.48550/arXiv.1706.02633",
    floor=-1.0,
)

Codes = npt.NDArray[np.int64]


def _measure(context: Context) -> Observed:
    if context.target is None:
        raise UnsupportedError("the spec names no target")
    target = next((c for c in context.encoded.columns if c.name == context.target), None)
    inputs = tuple(c for c in context.encoded.columns if c.name != context.target)
    if target is None:
        raise UnsupportedError("the target column is not modelled")
    if not inputs:
        raise UnsupportedError("there is no column to predict the target from")
    classify = target.discrete
    card, other = (AUC, R2) if classify else (R2, AUC)
    why = "the target is a category" if classify else "the target is a number"
    seed = seed_of(context.rng("utility"))
    test = classes_tested(target) if classify else None

    def tested(part: Part) -> Estimate:
        rng = context.rng("utility", "groups")
        if test is not None:
            return _classified(target, inputs, part, test, seed, rng)
        return _regressed(target, inputs, part, seed, rng)

    with few_threads():
        found = card.ok(tested("synthetic"), tested("train"))
    return Observed((found, other.unsupported(why)))


def _labels(target: Column, part: Part) -> Codes:
    """Class codes shared by the three tables; -1 for null."""
    values = target.values
    joint = np.concatenate([values[p] for p in PARTS]).astype(np.float64)
    known = np.unique(joint[~np.isnan(joint) & (joint >= (0 if target.kind == Kind.CATEGORY else -np.inf))])
    own = values[part].astype(np.float64)
    found = np.searchsorted(known, own)
    missing = np.isnan(own) | ((own < 0) if target.kind == Kind.CATEGORY else False)
    return np.where(missing, -1, np.minimum(found, len(known) - 1)).astype(np.int64)


def classes_tested(target: Column) -> Codes:
    """The classes with enough holdout rows for a test; raises UnsupportedError outside 2 to MAX_CLASSES."""
    labels = _labels(target, "holdout")
    counts = np.bincount(labels[labels >= 0])
    classes = np.flatnonzero(counts >= MIN_CLASS_ROWS)
    if len(classes) < 2:
        raise UnsupportedError("the target has fewer than two classes that can be tested")
    if len(classes) > MAX_CLASSES:
        raise UnsupportedError(f"the target has more than {MAX_CLASSES} classes")
    return classes


def _classified(
    target: Column, inputs: tuple[Column, ...], part: Part, tested: Codes, seed: int, rng: np.random.Generator
) -> Estimate:
    """AUC on the holdout of a classifier trained on `part`."""
    learned, truth = _labels(target, part), _labels(target, "holdout")
    usable, asked = np.isin(learned, tested), np.isin(truth, tested)
    known = np.unique(learned[usable])
    scores = np.zeros((int(asked.sum()), int(tested.max()) + 1))
    # A table with one class, or none, teaches nothing: every score is the same and the AUC is 0.5.
    if len(known) > 1:
        model = classifier(inputs, seed).fit(features(inputs, part)[usable], learned[usable])
        scores[:, known] = model.predict_proba(features(inputs, "holdout")[asked])
    truth = truth[asked]
    if len(tested) == 2:
        rare = tested[1]
        return auc(scores[truth == rare, rare], scores[truth != rare, rare])

    def one_against_rest(keep: npt.NDArray[np.bool_]) -> float:
        s, t = scores[keep], truth[keep]
        return float(np.mean([auc_variance(s[t == c, c], s[t != c, c])[0] for c in tested]))

    return _jackknifed(one_against_rest, truth, rng)


def _jackknifed(
    statistic: Callable[[npt.NDArray[np.bool_]], float], truth: Codes, rng: np.random.Generator
) -> Estimate:
    """Interval of a statistic of test rows, leaving out groups in which each class has its share."""
    group = np.empty(len(truth), np.int64)
    count = min(GROUPS, MIN_CLASS_ROWS)
    for label in np.unique(truth):
        rows = np.flatnonzero(truth == label)
        group[rows] = groups(len(rows), rng, count)
    everything = np.ones(len(truth), bool)
    replicates = [statistic(everything), *(statistic(group != g) for g in range(count))]
    return jackknife(np.array(replicates), len(truth))


def _regressed(target: Column, inputs: tuple[Column, ...], part: Part, seed: int, rng: np.random.Generator) -> Estimate:
    """R² on the holdout of a regressor trained on `part`."""
    learned, truth = target.values[part], target.values["holdout"]
    usable, asked = ~np.isnan(learned), ~np.isnan(truth)
    if asked.sum() < 2 * GROUPS:
        raise UnsupportedError(f"fewer than {2 * GROUPS} holdout rows know the target")
    if not usable.any():
        return Estimate(R2.floor, R2.floor, R2.floor, int(asked.sum()))
    model = regressor(inputs, seed).fit(features(inputs, part)[usable], learned[usable])
    guess = np.asarray(model.predict(features(inputs, "holdout")[asked]))
    return r_squared(truth[asked], guess, groups(int(asked.sum()), rng))


def r_squared(truth: Floats, guess: Floats, group: Codes) -> Estimate:
    """1 − residual sum of squares / total sum of squares, with a jackknife interval over `group`."""
    centred = truth - truth.mean()
    if not np.any(centred):
        raise UnsupportedError("the target is constant on the holdout")
    sums = [np.bincount(group, w, minlength=GROUPS) for w in (np.ones(len(truth)), centred, centred**2)]
    n, sy, syy = (leave_out(s) for s in sums)
    residual = leave_out(np.bincount(group, (truth - guess) ** 2, minlength=GROUPS))
    return jackknife(1 - residual / (syy - sy * sy / n), len(truth))


FAMILY = Family("utility", (AUC, R2), _measure)
