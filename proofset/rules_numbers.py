"""Rules for numbers: the distributions a column can be drawn from. All can be correlated, see `TableRules`."""

from __future__ import annotations

import itertools
from typing import Literal, Self

from pydantic import Field, model_validator

from proofset.frozen import Frozen

ROOM = 2**53
"""Whole numbers up to here are exact in floating point."""


class Numbers(Frozen):
    """Base of rules for numbers. decimals: places to round to; 0 gives integers, None leaves them as they are."""

    decimals: int | None = Field(default=None, ge=0, le=12)


class Bounded(Frozen):
    """Base of rules whose numbers may be kept within [low, high].

    bounds: `clip` writes the bound itself for what lies beyond, so that the bounds are frequent; `truncate` draws
    from the distribution given that it lies within.
    """

    low: float | None = None
    high: float | None = None
    bounds: Literal["clip", "truncate"] = "clip"

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low must not be above high")
        return self


class NormalRule(Bounded, Numbers):
    """Normal distribution."""

    kind: Literal["normal"]
    mean: float
    sd: float = Field(gt=0)


class UniformRule(Numbers):
    """Uniform distribution on [low, high]; with `decimals: 0` every integer alike."""

    kind: Literal["uniform"]
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


class LognormalRule(Bounded, Numbers):
    """exp(Normal(mean, sd)): positive numbers with a long right tail, such as amounts and durations."""

    kind: Literal["lognormal"]
    mean: float
    sd: float = Field(gt=0)


class ExponentialRule(Bounded, Numbers):
    """Exponential distribution: waiting times with the given mean, without memory."""

    kind: Literal["exponential"]
    mean: float = Field(gt=0)


class GammaRule(Bounded, Numbers):
    """Gamma distribution: positive, skewed; its mean is shape × scale."""

    kind: Literal["gamma"]
    shape: float = Field(gt=0, le=1e6)
    scale: float = Field(gt=0)


class BetaRule(Numbers):
    """Beta distribution stretched over [low, high]; its mean is low + (high - low) × a / (a + b)."""

    kind: Literal["beta"]
    a: float = Field(gt=0, le=1e6)
    b: float = Field(gt=0, le=1e6)
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class TriangularRule(Numbers):
    """Triangular distribution: from low to high, most often near mode."""

    kind: Literal["triangular"]
    low: float
    mode: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (self.low <= self.mode <= self.high and self.low < self.high):
            raise ValueError("low <= mode <= high must hold, with low below high")
        return self


class ParetoRule(Bounded, Numbers):
    """Pareto distribution (type I): at least `scale`, with a tail that falls as x ** -shape."""

    kind: Literal["pareto"]
    shape: float = Field(gt=0, le=1e6)
    scale: float = Field(gt=0)


class ZipfRule(Frozen):
    """Ranks 1 to `size`: rank k comes with a weight of k ** -exponent, as words and popular articles do."""

    kind: Literal["zipf"]
    exponent: float = Field(gt=0, le=100)
    size: int = Field(ge=1, le=1_000_000)


class PoissonRule(Bounded):
    """Counts with the given mean."""

    kind: Literal["poisson"]
    mean: float = Field(gt=0, le=1e9)


class BinomialRule(Bounded):
    """Successes among `trials`, each with probability p."""

    kind: Literal["binomial"]
    trials: int = Field(ge=1, le=1_000_000_000)
    p: float = Field(ge=0, le=1)


class BernoulliRule(Frozen):
    """True with probability p, else False."""

    kind: Literal["bernoulli"]
    p: float = Field(ge=0, le=1)


class HistogramRule(Numbers):
    """Bins between ascending `edges`, weighted, and uniform within a bin: a distribution as it was once counted."""

    kind: Literal["histogram"]
    edges: tuple[float, ...] = Field(min_length=2, max_length=10_001)
    weights: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if any(a >= b for a, b in itertools.pairwise(self.edges)):
            raise ValueError("edges must ascend")
        if len(self.weights) != len(self.edges) - 1:
            raise ValueError("weights must be one fewer than edges")
        positive(self.weights)
        return self


class QuantilesRule(Numbers):
    """A distribution by its quantiles: `values` at the shares `at`, linear between them.

    Both ascend; `at` begins with 0 and ends with 1.
    """

    kind: Literal["quantiles"]
    at: tuple[float, ...] = Field(min_length=2, max_length=1_000)
    values: tuple[float, ...] = Field(min_length=2, max_length=1_000)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len(self.at) != len(self.values):
            raise ValueError("at and values must be equally many")
        if self.at[0] != 0.0 or self.at[-1] != 1.0 or any(a >= b for a, b in itertools.pairwise(self.at)):
            raise ValueError("at must ascend from 0 to 1")
        if any(a > b for a, b in itertools.pairwise(self.values)):
            raise ValueError("values must ascend")
        return self


def positive(weights: tuple[float, ...] | list[float]) -> None:
    """Raise ValueError where a weight is below 0 or all are 0."""
    if any(w < 0 for w in weights) or sum(weights) <= 0:
        raise ValueError("weights must be >= 0 and at least one above 0")


NumberRule = (
    NormalRule
    | UniformRule
    | LognormalRule
    | ExponentialRule
    | GammaRule
    | BetaRule
    | TriangularRule
    | ParetoRule
    | ZipfRule
    | PoissonRule
    | BinomialRule
    | HistogramRule
    | QuantilesRule
)
"""Every rule that gives numbers by drawing them."""
