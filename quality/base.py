"""What a measure family is: cards that say what is measured, and a function from a context to observations.

A family never raises out of scoring: `observe` turns an exception into measures with status "error" whose detail
is the exception's type alone, because its message may quote data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import pyarrow as pa

from proofset.evidence import Direction, Measure, Profile
from proofset.seeds import stream
from quality.encoding import Encoded, encode
from quality.stats import Estimate

T = TypeVar("T")


class UnsupportedError(Exception):
    """The measure has no meaning on this table; the message says why and quotes no value."""


class ControlError(Exception):
    """An attack missed the leak planted for it; the message says so and quotes no value."""


@dataclass(frozen=True)
class MeasureCard:
    """What a measure is, before it is measured.

    direction: which way is better.  floor, ceiling: the range it can take.
    method: how it is computed and its interval's kind, one line.  paper: author, year, DOI.
    """

    name: str
    title: str
    direction: Direction
    method: str
    paper: str
    floor: float = 0.0
    ceiling: float = 1.0

    def ok(self, estimate: Estimate, reference: Estimate | None, detail: str = "") -> Measure:
        """The measure with its value, its interval and, where there is one, its reference on the holdout."""
        value, low, high = estimate.within(self.floor, self.ceiling)
        about = reference.within(self.floor, self.ceiling) if reference else (None, None, None)
        return self._measure(
            estimate.n,
            value=value,
            low=low,
            high=high,
            reference=about[0],
            reference_low=about[1],
            reference_high=about[2],
            detail=detail,
        )

    def unsupported(self, why: str) -> Measure:
        """The measure where it has no meaning."""
        return self._measure(0, status="unsupported", detail=why)

    def error(self, detail: str) -> Measure:
        """The measure where measuring failed."""
        return self._measure(0, status="error", detail=detail)

    def _measure(self, n: int, **given: object) -> Measure:
        return Measure.model_validate(
            {
                "name": self.name,
                "title": self.title,
                "direction": self.direction,
                "floor": self.floor,
                "ceiling": self.ceiling,
                "method": self.method,
                "n": n,
                **given,
            }
        )


@dataclass(frozen=True)
class Context:
    """Everything a family may look at. Columns whose treatment is not `model` are left out of `encoded`.

    target: the column a model would predict, or None.  seed: the dataset's seed.
    """

    train: pa.Table
    holdout: pa.Table
    synthetic: pa.Table
    profile: Profile
    target: str | None
    seed: int
    _memo: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def encoded(self) -> Encoded:
        """The modelled columns of the three tables in one coding; made on first use."""
        return encode(self.train, self.holdout, self.synthetic, self.profile)

    def rng(self, *names: str | int) -> np.random.Generator:
        """The random stream of one family; independent of the order in which families run."""
        return stream(self.seed, "quality", *names)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What `make` returns; made on first use and shared by the families that ask for the same key."""
        if key not in self._memo:
            self._memo[key] = make()
        return cast("T", self._memo[key])


@dataclass(frozen=True)
class Observed:
    """What a family found. details: break-downs by column name, see `Scorecard.details`."""

    measures: tuple[Measure, ...]
    details: Mapping[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A family of measures.

    cards: one per measure that `measure` returns.
    measure: Context -> Observed. It may raise UnsupportedError, ControlError or anything else; see `observe`.
    """

    name: str
    cards: tuple[MeasureCard, ...]
    measure: Callable[[Context], Observed]

    def observe(self, context: Context) -> Observed:
        """Measure; where that fails, return every measure of the family with its status and no value."""
        try:
            return self.measure(context)
        except UnsupportedError as error:
            return Observed(tuple(card.unsupported(str(error)) for card in self.cards))
        except ControlError as error:
            return Observed(tuple(card.error(str(error)) for card in self.cards))
        except Exception as error:  # noqa: BLE001 - one family's failure must not hide what the others find
            return Observed(tuple(card.error(type(error).__name__) for card in self.cards))
