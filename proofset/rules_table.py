"""Rules for a table as a whole: correlated numbers, unique sets, event logs, injected defects, schema drift."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from proofset.frozen import Frozen
from proofset.rules import Rule, Unit
from proofset.rules_numbers import positive


class Correlation(Frozen):
    """The rank correlation (Spearman's) of every two of these columns, from -1 to 1."""

    columns: tuple[str, ...] = Field(min_length=2, max_length=100)
    r: float = Field(ge=-1, le=1)

    @field_validator("columns")
    @classmethod
    def _distinct(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        return distinct(columns)


class Events(Frozen):
    """An event log: every row is an event of an entity, in which it moves from state to state.

    entity: the column that says whose event it is; its rule is drawn once per entity.
    state: the column of the state; it needs no rule.  at: the column of the time; its rule gives the first event's.
    start: weights of the first states.  moves: weights of the next states, by state; a state without moves is final.
    delay: numbers by the state that is left, or under "default": how long after the event before; at least a second.
    per_entity: columns drawn once per entity instead of once per event.
    max_events: no entity has more.
    """

    entity: str
    state: str
    at: str
    start: dict[str, float] = Field(min_length=1)
    moves: dict[str, dict[str, float]]
    delay: dict[str, Rule] = Field(min_length=1)
    unit: Unit = "hours"
    per_entity: tuple[str, ...] = ()
    max_events: int = Field(default=20, ge=1, le=10_000)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        distinct((self.entity, self.state, self.at))
        positive(list(self.start.values()))
        for state, moves in self.moves.items():
            if moves:
                try:
                    positive(list(moves.values()))
                except ValueError as error:
                    raise ValueError(f"moves.{state}: {error}") from None
        states = {*self.start, *self.moves, *(n for m in self.moves.values() for n in m)}
        if "default" in states:
            raise ValueError("a state cannot be called 'default': that word stands for every state in delay")
        for state in self.delay:
            if state != "default" and state not in states:
                raise ValueError(f"delay names '{state}', which is not one of the states: {', '.join(sorted(states))}")
        leaving = {s for s, m in self.moves.items() if m}
        without = sorted(leaving - set(self.delay))
        if without and "default" not in self.delay:
            raise ValueError(f"delay has neither 'default' nor '{without[0]}'")
        return self


class Defect(Frozen):
    """A fault that is put into a stated share of the rows on purpose, to test what reads the table.

    kind: `nulls`; `typos` (a letter exchanged, doubled, left out or replaced), `whitespace`, `case`, `truncated` and
    `new_category` in texts; `wrong_type_text` (a word among numbers or times: the whole column becomes text);
    `outliers` (times `factor`), `sign`; `stale_date` and `future_date` (by `days`); `swapped` (the values of two
    columns exchanged); `duplicates` (the whole row, or the named columns, taken from another row).
    share: of the rows, in each of the columns by itself.
    """

    kind: Literal[
        "nulls",
        "typos",
        "whitespace",
        "case",
        "truncated",
        "new_category",
        "wrong_type_text",
        "outliers",
        "sign",
        "stale_date",
        "future_date",
        "swapped",
        "duplicates",
    ]
    columns: tuple[str, ...] = ()
    share: float = Field(gt=0, le=1)
    factor: float = 100.0
    days: float = Field(default=3650.0, gt=0, le=100_000)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        distinct(self.columns)
        if self.kind == "swapped" and len(self.columns) != 2:
            raise ValueError("swapped needs exactly two columns")
        if self.kind != "duplicates" and not self.columns:
            raise ValueError("columns must name at least one column")
        if self.factor in (0.0, 1.0):
            raise ValueError("factor must be neither 0 nor 1")
        return self


class Drift(Frozen):
    """A change of the schema, as when somebody upstream changed it: the fitted schema is the changed one.

    `renamed` (column, to), `missing` (column), `extra` (column, rule), `retyped` (column, type), `moved` (column; to
    the end).
    """

    kind: Literal["renamed", "missing", "extra", "retyped", "moved"]
    column: str
    to: str | None = None
    rule: Rule | None = None
    type: Literal["text", "integer", "number"] | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        for kind, field in (("renamed", "to"), ("extra", "rule"), ("retyped", "type")):
            if (self.kind == kind) != (getattr(self, field) is not None):
                raise ValueError(f"{field} belongs to {kind}, and to nothing else")
        return self


class TableRules(Frozen):
    """Rules of the generator `rules` for a table as a whole.

    unique: sets of columns whose combination never comes twice; every combination is then equally likely.
    defect_log: a boolean column that says in which rows a defect was put.
    defect_cells: a text column that says which ones, such as "typos:name, nulls:age"; null where none was.
    """

    correlations: tuple[Correlation, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    events: Events | None = None
    defects: tuple[Defect, ...] = ()
    defect_log: str | None = None
    defect_cells: str | None = None
    drift: tuple[Drift, ...] = ()

    @field_validator("unique")
    @classmethod
    def _sets(cls, unique: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for columns in unique:
            if not columns:
                raise ValueError("a set needs at least one column")
            distinct(columns)
        seen = [c for columns in unique for c in columns]
        if len(set(seen)) < len(seen):
            raise ValueError("a column may be in one set only")
        return unique


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names; ValueError where one is there twice."""
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"'{twice[0]}' is named twice")
    return names
