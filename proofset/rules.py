"""Rules: how a column is made without any source. Part of the dataset spec."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from proofset.frozen import Frozen
from proofset.rules_numbers import (
    BernoulliRule,
    BetaRule,
    BinomialRule,
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
    positive,
)

Scalar = bool | int | float | str


class CategoryRule(Frozen):
    """One of several words, with weights that need not sum to 1."""

    kind: Literal["category"]
    weights: dict[str, float] = Field(min_length=1)

    @field_validator("weights")
    @classmethod
    def _positive(cls, weights: dict[str, float]) -> dict[str, float]:
        positive(list(weights.values()))
        return weights


class ChoiceRule(Frozen):
    """One of several values, numbers or texts or truths; all alike where there are no weights."""

    kind: Literal["choice"]
    values: tuple[Scalar, ...] = Field(min_length=1)
    weights: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        kinds = {"number" if type(v) in (int, float) else type(v).__name__ for v in self.values}
        if len(kinds) > 1:
            raise ValueError("values must all be numbers, all texts or all truths")
        if len(set(self.values)) < len(self.values):
            raise ValueError("a value stands there twice")
        if self.weights is not None:
            if len(self.weights) != len(self.values):
                raise ValueError("weights must be as many as values")
            positive(self.weights)
        return self


class ConstantRule(Frozen):
    """The same value in every row."""

    kind: Literal["constant"]
    value: Scalar


class SequenceRule(Frozen):
    """start, start + step, ...; with `format` (e.g. "CUST-{:06d}") as text."""

    kind: Literal["sequence"]
    start: int = 1
    step: int = 1
    format: str | None = None


class UuidRule(Frozen):
    """A UUID of version 4 (RFC 9562) as text, drawn from the seed."""

    kind: Literal["uuid"]


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class DatetimeRule(Frozen):
    """Uniform between two ISO dates, to the second.

    hours: only between these two hours of the day, the later one excluded, such as [9, 17].
    weekdays: weights by day of the week; a day that is not named has a weight of 0.
    """

    kind: Literal["datetime"]
    start: str
    end: str
    hours: tuple[float, float] | None = None
    weekdays: dict[Weekday, float] | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.hours is not None and not 0 <= self.hours[0] < self.hours[1] <= 24:
            raise ValueError("hours must be two ascending hours from 0 to 24")
        if self.weekdays is not None:
            positive(list(self.weekdays.values()))
        return self


class DateRule(Frozen):
    """Days between two ISO dates, both included; `weekdays` as for datetime."""

    kind: Literal["date"]
    start: str
    end: str
    weekdays: dict[Weekday, float] | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.weekdays is not None:
            positive(list(self.weekdays.values()))
        return self


class PooledRule(Frozen):
    """Base of rules that take texts from a library's provider.

    A provider is slow, so a column draws from `pool` of its values; `unique` numbers them on once all were used, and
    stays unique in a table of any length. With `by`, rows with the same value in that column get the same text.
    """

    unique: bool = False
    by: str | None = None
    pool: int = Field(default=2_000, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.unique and self.by is not None:
            raise ValueError("unique and by exclude each other")
        return self


class FakerRule(PooledRule):
    """A provider of the Faker library, e.g. "name" or "street_address"; `locale` such as "de_DE"."""

    kind: Literal["faker"]
    provider: str
    locale: str = "en_US"


class MimesisRule(PooledRule):
    """A provider of the Mimesis library, e.g. "person.full_name" or "address.city"; `locale` such as "de"."""

    kind: Literal["mimesis"]
    provider: str
    locale: str = "en"


class RegexRule(Frozen):
    """Texts that a regular expression matches as a whole, e.g. "[A-Z]{3}-\\d{4}"; each of them is equally likely.

    unique: no text comes twice. Repetition without an end (`*`, `+`, `{2,}`) stops after 8 more than the fewest.
    """

    kind: Literal["regex"]
    pattern: str = Field(min_length=1, max_length=500)
    unique: bool = False


class ExpressionRule(Frozen):
    """A value computed from other columns, e.g. "price * quantity"; see docs/rules.md for the language."""

    kind: Literal["expression"]
    expression: str


class Case(Frozen):
    """What applies where the expression `when` is true."""

    when: str
    rule: Rule


class CaseRule(Frozen):
    """The rule of the first case whose `when` is true; else `otherwise`, or null where that is not given."""

    kind: Literal["case"]
    cases: tuple[Case, ...] = Field(min_length=1, max_length=100)
    otherwise: Rule | None = None


Unit = Literal["seconds", "minutes", "hours", "days"]


class AfterRule(Frozen):
    """A time later than the one in `column`: by `delay`, a rule for numbers, at least one second."""

    kind: Literal["after"]
    column: str
    delay: Rule
    unit: Unit = "days"


Rule = Annotated[
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
    | BernoulliRule
    | HistogramRule
    | QuantilesRule
    | CategoryRule
    | ChoiceRule
    | ConstantRule
    | SequenceRule
    | UuidRule
    | DatetimeRule
    | DateRule
    | FakerRule
    | MimesisRule
    | RegexRule
    | ExpressionRule
    | CaseRule
    | AfterRule,
    Field(discriminator="kind"),
]
Case.model_rebuild()
CaseRule.model_rebuild()
AfterRule.model_rebuild()
