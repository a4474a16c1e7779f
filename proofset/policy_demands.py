"""Demands: what a policy may ask of measures. One requirement, or a group of which all or any must hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from proofset.frozen import Frozen

MAX_DEPTH = 3
"""How deep groups may lie in groups; deeper, nobody can read what is demanded."""

Of = Literal["whole", "worst", "each"]
End = Literal["cautious", "value", "optimistic"]
Severity = Literal["block", "warn"]

CheckName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,120}$")]
"""A name of a check: letters, digits and underscores."""

Word = Annotated[str, Field(min_length=1, pattern=r"\S")]
"""Text that is not blank."""


def _exponent(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as text."""
    written = isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", value)
    return float(value) if written else value


Limit = Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(_exponent)]
"""A finite number, written as one: neither true nor "1"."""


class Requirement(Frozen):
    """One demand on one measure. Exactly one of max, min, max_excess, min_ratio."""

    measure: Word
    max: Limit | None = None
    min: Limit | None = None
    max_excess: Limit | None = None
    """The measure may exceed its holdout reference by at most this much."""
    min_ratio: Limit | None = None
    """The measure must be at least this share of its reference; of an AUC, both counted from 0.5, which is guessing."""
    of: Of = "whole"
    """What the limit is held against: the whole measure, the part furthest beyond the limit or nearest to it, or each
    part (column, pair, group)."""
    end: End = "cautious"
    """Which end of the 95 % interval: the one nearer to the limit, the value itself, or the one further off."""
    severity: Severity = "block"
    """`warn` is shown and stops nothing."""
    when_inconclusive: Literal["deny", "review"] = "deny"
    """Where the evidence does not decide: deny, or let approvers accept the check by name in what they sign."""
    why: str = ""
    """One sentence for people: why this limit."""
    source: str = ""
    """Where the limit comes from."""

    @model_validator(mode="after")
    def _one(self) -> Requirement:
        if sum(v is not None for v in (self.max, self.min, self.max_excess, self.min_ratio)) != 1:
            raise ValueError("give exactly one of max, min, max_excess, min_ratio")
        return self

    @property
    def kind(self) -> str:
        """Which of the four limits is set."""
        return next(k for k in ("max", "min", "max_excess", "min_ratio") if getattr(self, k) is not None)

    @property
    def amount(self) -> float:
        """The number of the limit."""
        return float(getattr(self, self.kind))

    @property
    def at_most(self) -> bool:
        """Whether small values keep the limit."""
        return self.kind in ("max", "max_excess")

    @property
    def zero(self) -> float:
        """From where `min_ratio` counts: what is worth nothing."""
        return 0.5 if self.measure.endswith("_auc") else 0.0

    def limit(self, reference: float) -> float:
        """The limit as a value of the measure. reference: what held-out real rows show; of no matter to max and min."""
        if self.kind == "max_excess":
            return reference + self.amount
        if self.kind == "min_ratio":
            return self.zero + self.amount * (reference - self.zero)
        return self.amount

    @property
    def key(self) -> str:
        """A name for the check: letters, digits and underscores."""
        more = [word for word in (self.of, self.end, self.severity) if word not in ("whole", "cautious", "block")]
        return "_".join((self.measure, self.kind, *more)).replace(".", "_")

    def ratio(self, reference: str) -> str:
        """The limit of `min_ratio` in words. reference: the word for it."""
        plain = f"{self.amount:g} × {reference}"
        return f"{self.zero:g} + {self.amount:g} × ({reference} − {self.zero:g})" if self.zero else plain

    def text(self) -> str:
        """The demand as people write it."""
        limit = {
            "max": f"≤ {self.amount:g}",
            "min": f"≥ {self.amount:g}",
            "max_excess": f"≤ reference + {self.amount:g}",
            "min_ratio": f"≥ {self.ratio('reference')}",
        }[self.kind]
        return limit if self.of == "whole" else f"{limit}, {self.of} part"


def _tag(value: Any) -> str:
    """Which of the three a demand is, by the field that only one has."""
    for name, tag in (("all_of", "AllOf"), ("any_of", "AnyOf")):
        if (name in value) if isinstance(value, dict) else hasattr(value, name):
            return tag
    return "Requirement"


class _Group(Frozen):
    name: CheckName | None = None
    """What the check is called; by default its kind and its place in the policy."""
    severity: Severity = "block"
    why: str = ""


class AllOf(_Group):
    """Demands that must all hold."""

    all_of: tuple[Demand, ...] = Field(min_length=1)

    @property
    def members(self) -> tuple[Demand, ...]:
        """What it consists of."""
        return self.all_of

    def text(self) -> str:
        """The demand in words."""
        return f"all of {len(self.all_of)} hold"


class AnyOf(_Group):
    """Demands of which one must hold."""

    any_of: tuple[Demand, ...] = Field(min_length=1)

    @property
    def members(self) -> tuple[Demand, ...]:
        """What it consists of."""
        return self.any_of

    def text(self) -> str:
        """The demand in words."""
        return f"at least one of {len(self.any_of)} holds"


Demand = Annotated[
    Annotated[Requirement, Tag("Requirement")] | Annotated[AllOf, Tag("AllOf")] | Annotated[AnyOf, Tag("AnyOf")],
    Discriminator(_tag),
]
AllOf.model_rebuild()
AnyOf.model_rebuild()


def requirements(demands: tuple[Demand, ...]) -> Iterator[Requirement]:
    """Every requirement, those within groups too, in the order they are written."""
    for demand in demands:
        if isinstance(demand, Requirement):
            yield demand
        else:
            yield from requirements(demand.members)


def check_of(group: AllOf | AnyOf, place: str) -> str:
    """The name of a group's check. place: numbers of the demands around it, each after an underscore."""
    return group.name or f"{'all_of' if isinstance(group, AllOf) else 'any_of'}{place}"


def groups(demands: tuple[Demand, ...], place: str = "") -> Iterator[tuple[str, AllOf | AnyOf]]:
    """Every group with the name of its check, outer ones first. place: of the group around them."""
    for number, demand in enumerate(demands, start=1):
        if not isinstance(demand, Requirement):
            here = f"{place}_{number}"
            yield check_of(demand, here), demand
            yield from groups(demand.members, here)


def depth(demands: tuple[Demand, ...]) -> int:
    """How deep groups lie in groups; 0 where there are none."""
    return max((1 + depth(d.members) for d in demands if not isinstance(d, Requirement)), default=0)
