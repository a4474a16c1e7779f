"""Marginals: how the rules that draw from a distribution turn shares into values, by its quantile function.

A share is a uniform number in (0, 1). Shares may be drawn independently or be correlated; a marginal does not care.
Quantiles of the classic distributions: Johnson, Kotz, Balakrishnan 1994, Continuous Univariate Distributions;
truncation: Devroye 1986, Non-Uniform Random Variate Generation, II.2, doi:10.1007/978-1-4613-8643-8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from generators.rules_times import day_marginal, time_marginal
from proofset.errors import GeneratorError
from proofset.rules import CategoryRule, ChoiceRule, ConstantRule, DateRule, DatetimeRule
from proofset.rules_numbers import (
    BernoulliRule,
    BetaRule,
    BinomialRule,
    Bounded,
    ExponentialRule,
    GammaRule,
    HistogramRule,
    LognormalRule,
    NormalRule,
    ParetoRule,
    PoissonRule,
    QuantilesRule,
    TriangularRule,
    UniformRule,
    ZipfRule,
)
from proofset.values import filled

Quantile = Callable[[np.ndarray], np.ndarray]
Continuous = NormalRule | LognormalRule | ExponentialRule | GammaRule | ParetoRule
SMALLEST = 2.0**-54
TAIL = 12.0
"""Counts further than this many standard deviations from their mean have no chance worth a number."""
LEAST_MASS = 1e-9


def shares(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Uniform numbers in (0, 1), both ends excluded."""
    return np.maximum(rng.random(rows), SMALLEST)


def marginal(name: str, rule: Any) -> Quantile | None:
    """Return the function from shares to values of a rule that draws from a distribution; None for other rules.

    Values ascend with shares (texts and truths of a choice as they are listed). The tables it needs
    are made once. Raises GeneratorError, naming the column, where the rule leaves nothing to draw.
    """
    match rule:
        case UniformRule():
            return _uniform(name, rule)
        case NormalRule() | LognormalRule() | ExponentialRule() | GammaRule() | ParetoRule():
            return _continuous(name, rule)
        case BetaRule():
            from scipy.special import betaincinv

            return lambda u: rounded(
                rule.low + (rule.high - rule.low) * np.asarray(betaincinv(rule.a, rule.b, u)), rule.decimals
            )
        case TriangularRule():
            return lambda u: rounded(_triangular(rule, u), rule.decimals)
        case HistogramRule():
            cumulated = np.concatenate([[0.0], np.cumsum(rule.weights)])
            return _interpolated(cumulated / cumulated[-1], np.array(rule.edges), rule.decimals)
        case QuantilesRule():
            return _interpolated(np.array(rule.at), np.array(rule.values), rule.decimals)
        case PoissonRule() | BinomialRule():
            return _counts(name, rule)
        case ZipfRule():
            ranks = np.arange(1, rule.size + 1)
            return _weighted(ranks, ranks.astype(float) ** -rule.exponent)
        case BernoulliRule():
            return lambda u: u > 1.0 - rule.p
        case CategoryRule():
            words = sorted(rule.weights)  # a mapping has no order: where it matters there is `choice`
            return _weighted(filled(words), np.array([rule.weights[w] for w in words]))
        case ChoiceRule():
            return _weighted(_listed(rule.values), np.array(rule.weights or [1.0] * len(rule.values)))
        case ConstantRule():
            return _weighted(_listed((rule.value,)), np.ones(1))
        case DatetimeRule():
            return time_marginal(name, rule)
        case DateRule():
            return day_marginal(name, rule)
    return None


def rounded(values: np.ndarray, decimals: int | None) -> np.ndarray:
    """Round to `decimals` places; 0 gives integers."""
    if decimals is None:
        return values
    return np.rint(values).clip(-(2.0**62), 2.0**62).astype(np.int64) if decimals == 0 else np.round(values, decimals)


def _listed(values: tuple[Any, ...]) -> np.ndarray:
    return filled(values) if isinstance(values[0], str) else np.array(values)


def _weighted(values: np.ndarray, weights: np.ndarray) -> Quantile:
    values, weights = values[weights > 0], weights[weights > 0]
    cumulated = np.cumsum(weights / weights.sum())

    def quantile(u: np.ndarray) -> np.ndarray:
        taken: np.ndarray = values[np.searchsorted(cumulated, u, side="right").clip(max=len(values) - 1)]
        return taken

    return quantile


def _uniform(name: str, rule: UniformRule) -> Quantile:
    if rule.decimals != 0:
        return lambda u: rounded(rule.low + (rule.high - rule.low) * u, rule.decimals).clip(rule.low, rule.high)
    low, high = int(np.ceil(rule.low)), int(np.floor(rule.high))
    if low > high:
        raise empty(name, f"no integer lies between {rule.low:g} and {rule.high:g}")
    return lambda u: low + np.minimum(np.floor(u * float(high - low + 1)), high - low).astype(np.int64)


def _interpolated(at: np.ndarray, values: np.ndarray, decimals: int | None) -> Quantile:
    # Where two points share a place (an empty bin), only the right one can be meant: shares never equal it exactly.
    return lambda u: rounded(np.interp(u, at, values), decimals)


def _triangular(rule: TriangularRule, u: np.ndarray) -> np.ndarray:
    width, left, right = rule.high - rule.low, rule.mode - rule.low, rule.high - rule.mode
    below = rule.low + np.sqrt(u * width * left)
    above = rule.high - np.sqrt((1.0 - u) * width * right)
    return np.where(u * width < left, below, above)


def _continuous(name: str, rule: Continuous) -> Quantile:
    below, quantile = _pair(rule)
    low, high = _ends(rule)
    if rule.bounds == "clip":
        return lambda u: rounded(np.clip(quantile(u), low, high), rule.decimals)
    first, last = below(low), below(high)
    if not last - first > LEAST_MASS:
        raise empty(name, "less than a billionth of the distribution lies between low and high")
    return lambda u: rounded(np.clip(quantile(first + (last - first) * u), low, high), rule.decimals)


def _pair(rule: Continuous) -> tuple[Callable[[float], float], Quantile]:
    """The share of the distribution below a value, and the value below which a share lies."""
    from scipy import special

    match rule:
        case NormalRule():
            return (
                lambda x: float(special.ndtr((x - rule.mean) / rule.sd)),
                lambda u: rule.mean + rule.sd * np.asarray(special.ndtri(u)),
            )
        case LognormalRule():
            return (
                lambda x: float(special.ndtr((np.log(x) - rule.mean) / rule.sd)) if x > 0 else 0.0,
                lambda u: np.exp(rule.mean + rule.sd * np.asarray(special.ndtri(u))),
            )
        case ExponentialRule():
            return (lambda x: -float(np.expm1(-max(x, 0.0) / rule.mean)), lambda u: -rule.mean * np.log1p(-u))
        case GammaRule():
            return (
                lambda x: float(special.gammainc(rule.shape, max(x, 0.0) / rule.scale)),
                lambda u: rule.scale * np.asarray(special.gammaincinv(rule.shape, u)),
            )
    return (
        lambda x: 1.0 - float((max(x, rule.scale) / rule.scale) ** -rule.shape),
        lambda u: rule.scale * np.exp(np.minimum(-np.log1p(-u) / rule.shape, 710.0)),
    )


def _ends(rule: Bounded) -> tuple[float, float]:
    return (-np.inf if rule.low is None else rule.low), (np.inf if rule.high is None else rule.high)


def _counts(name: str, rule: PoissonRule | BinomialRule) -> Quantile:
    """A table of the counts that can occur. One step of it is far smaller than a share can tell."""
    from scipy import special

    if isinstance(rule, PoissonRule):
        mean, spread, most = rule.mean, rule.mean**0.5, np.inf
    else:
        mean, most = rule.trials * rule.p, float(rule.trials)
        spread = (mean * (1.0 - rule.p)) ** 0.5
    first = max(0.0, np.floor(mean - TAIL * spread - 10.0))
    last = min(most, np.ceil(mean + TAIL * spread + 30.0))
    counts = np.arange(int(first), int(last) + 1)
    if isinstance(rule, PoissonRule):
        cumulated = special.pdtr(counts, mean)
    else:
        cumulated = special.bdtr(counts, rule.trials, rule.p)
    weights = np.diff(cumulated, prepend=0.0).clip(min=0.0)
    low, high = _ends(rule)
    if rule.bounds == "clip":
        table = _weighted(counts, weights)
        ends = (max(low, -(2.0**62)), min(high, 2.0**62))
        return lambda u: np.clip(table(u), int(np.ceil(ends[0])), int(np.floor(ends[1])))
    inside = (counts >= low) & (counts <= high)
    if not weights[inside].sum() > LEAST_MASS:
        raise empty(name, "less than a billionth of the distribution lies between low and high")
    return _weighted(counts[inside], weights[inside])


def empty(name: str, why: str) -> GeneratorError:
    """The error for a rule that leaves nothing to draw."""
    return GeneratorError(
        f"Column '{name}': its rule leaves nothing to draw.",
        why=why[0].upper() + why[1:] + ".",
        fix=f"Correct tables.*.columns.{name}.rule.",
    )
