"""Steering: what is sampled on purpose, instead of the distribution that was learned. See docs/steering.md."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from proofset.frozen import Frozen

Scalar = bool | int | float | str | None
Condition = Scalar | tuple[Scalar, ...]
"""A value, several allowed values, a comparison (">= 60", "!= x") or a range ("18..65"); None or "null" for missing."""
Shares = dict[str, float]
"""By condition, the share of rows that meet it; what no condition names keeps its proportions in what is left."""

EQUAL: Literal["equal"] = "equal"
SLACK = 1e-9


def _worded(value: Any) -> Any:
    """Dates as ISO text: YAML and Python callers may hand over the objects."""
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def _keys(shares: Any) -> Any:
    """Keys as text, as a condition would be written: YAML reads `true` and `1` as a truth value and a number."""
    if not isinstance(shares, dict):
        return shares
    words = {True: "true", False: "false"}
    return {words[k] if isinstance(k, bool) else str(_worded(k)): v for k, v in shares.items()}


def _checked(shares: Shares) -> Shares:
    if not shares or any(not 0 <= s <= 1 for s in shares.values()) or sum(shares.values()) > 1 + SLACK:
        raise ValueError("shares must lie between 0 and 1, and must not sum to more than 1")
    return shares


class Parity(Frozen):
    """Makes `outcome` independent of `group`, within each combination of `given` where there are any.

    strength: 1 removes the dependence, 0 leaves it, and between them the outcome's rates are mixed.
    """

    outcome: str
    group: str
    given: tuple[str, ...] = ()
    strength: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _different(self) -> Parity:
        columns = (self.outcome, self.group, *self.given)
        if len(set(columns)) < len(columns):
            raise ValueError("outcome, group and given must be different columns")
        return self


class Scenario(Frozen):
    """A what-if about one column: a number that moves, a rate that changes, or shares that drift.

    shift, scale: value * scale + shift; days for a date or a time.
    value with times or share: how many times as often it occurs, or how often.  shares: by condition.
    """

    column: str
    shift: float | None = None
    scale: float | None = Field(default=None, gt=0)
    value: Condition = None
    times: float | None = Field(default=None, ge=0)
    share: float | None = Field(default=None, ge=0, le=1)
    shares: Shares | None = None

    _words = field_validator("shares", mode="before")(_keys)

    @model_validator(mode="after")
    def _one_thing(self) -> Scenario:
        asked = [self.moves, self.times is not None, self.share is not None, self.shares is not None]
        if sum(asked) != 1:
            raise ValueError("a scenario has exactly one of: shift and scale, times, share, shares")
        if (self.value is not None) != (self.times is not None or self.share is not None):
            raise ValueError('`value` belongs with `times` or `share`; write "null", in quotes, for missing')
        if self.shares is not None:
            _checked(self.shares)
        return self

    @property
    def moves(self) -> bool:
        """Whether it moves a number."""
        return self.shift is not None or self.scale is not None


class Steering(Frozen):
    """What is asked of a generator beyond what it learned.

    where: a condition by column that every row meets.
    balance: a column whose values shall be equally frequent, or by column the shares it shall have.
    parity: a dependence that is removed.  scenario: what-ifs.

    Raises ValueError where two of them contradict each other.
    """

    where: dict[str, Condition] = Field(default_factory=dict)
    balance: str | dict[str, Shares | Literal["equal"]] = Field(default_factory=dict)
    parity: Parity | None = None
    scenario: tuple[Scenario, ...] = ()

    @field_validator("where", mode="before")
    @classmethod
    def _dates(cls, where: Any) -> Any:
        if not isinstance(where, dict):
            return where
        return {k: [_worded(x) for x in v] if isinstance(v, list | tuple) else _worded(v) for k, v in where.items()}

    @field_validator("balance", mode="before")
    @classmethod
    def _words(cls, balance: Any) -> Any:
        return {k: _keys(v) for k, v in balance.items()} if isinstance(balance, dict) else balance

    @model_validator(mode="after")
    def _consistent(self) -> Steering:
        for column, condition in self.where.items():
            if condition == ():
                raise ValueError(f"where.{column} allows nothing; list at least one value")
        for shares in self.balanced.values():
            if shares != EQUAL:
                _checked(shares)
        targets = [*self.balanced, *(s.column for s in self.scenario if not s.moves)]
        moved = [s.column for s in self.scenario if s.moves]
        twice = sorted({c for c in targets if targets.count(c) > 1} | {c for c in moved if moved.count(c) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' is given shares or moved twice; say it once")
        held = {*self.where, *targets, *self._compared}
        both = sorted(held & set(moved))
        if both:
            raise ValueError(
                f"'{both[0]}' is moved by a scenario and held by another request; "
                "a moved number cannot keep a condition, a share or a parity"
            )
        return self

    @property
    def balanced(self) -> dict[str, Shares | Literal["equal"]]:
        """Balance by column."""
        return {self.balance: EQUAL} if isinstance(self.balance, str) else dict(self.balance)

    @property
    def _compared(self) -> tuple[str, ...]:
        return () if self.parity is None else (self.parity.outcome, self.parity.group, *self.parity.given)

    @property
    def weighted(self) -> tuple[str, ...]:
        """The columns whose joint frequencies change: balance, parity and rates."""
        rates = (s.column for s in self.scenario if not s.moves)
        return tuple(dict.fromkeys([*self.balanced, *self._compared, *rates]))

    @property
    def moved(self) -> dict[str, Scenario]:
        """Scenarios that move a number, by column."""
        return {s.column: s for s in self.scenario if s.moves}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is steered."""
        return tuple(dict.fromkeys([*self.weighted, *self.where, *self.moved]))
