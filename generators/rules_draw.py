"""Drawers: one per kind of rule, made once, asked for a block's cells many times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from generators.blocks import Block
from generators.rules_numbers import SMALLEST, Quantile, empty, marginal, shares
from generators.rules_regex import pattern_of
from generators.rules_text import Pool, by_value, format_is_unique, sequence, unique_texts, uuids
from generators.rules_unique import Space, permuted, too_small
from proofset.errors import GeneratorError
from proofset.expressions import Expression
from proofset.rules import (
    AfterRule,
    CaseRule,
    ExpressionRule,
    FakerRule,
    MimesisRule,
    RegexRule,
    Rule,
    SequenceRule,
    Unit,
    UuidRule,
)
from proofset.seeds import stream
from proofset.values import Values

SECONDS: dict[Unit, float] = {"seconds": 1.0, "minutes": 60.0, "hours": 3_600.0, "days": 86_400.0}
MOST_SECONDS = 4e9
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Cells:
    """The cells of a column to be drawn.

    numbers: each cell's number in the whole table, from 0.  made: the columns drawn before, one value per cell.
    shares: correlated shares by column.
    """

    block: Block
    numbers: np.ndarray
    made: Mapping[str, Values] = field(default_factory=dict)
    shares: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many cells."""
        return len(self.numbers)

    def take(self, rows: np.ndarray, columns: frozenset[str]) -> Cells:
        """Some of the cells, with the columns that are needed."""
        made = {n: Values(self.made[n].data[rows], self.made[n].missing[rows]) for n in columns}
        return replace(self, numbers=self.numbers[rows], made=made, shares={})

    def random(self, path: Path) -> np.random.Generator:
        """The stream of this block for `path`."""
        return self.block.stream("rules", *path)

    def key(self, path: Path) -> np.random.Generator:
        """A stream that is the same in every block of a sampling."""
        return stream(self.block.seed, "sample", "rules", *path, "key")


class Drawer(ABC):
    """Draws the values of one rule.

    columns: those it needs.  most: how many different values it can write, where it promises that none comes twice.
    """

    columns: frozenset[str] = frozenset()
    most: int | None = None

    @abstractmethod
    def draw(self, cells: Cells, path: Path) -> Values:
        """Return a value per cell; the path names the random stream. Raises GeneratorError."""


def present(data: np.ndarray) -> Values:
    """Values of which none is null."""
    return Values(data, np.zeros(len(data), bool))


class Marginal(Drawer):
    """Values by their quantile function."""

    def __init__(self, name: str, quantile: Quantile) -> None:
        self.name, self.quantile = name, quantile
        with np.errstate(over="ignore"):
            ends = quantile(np.array([SMALLEST, 1.0 - 2.0**-53]))
        if ends.dtype.kind == "f" and not np.isfinite(ends).all():
            raise GeneratorError(
                f"Column '{name}': its distribution goes beyond the largest number there is.",
                fix=f"Set tables.*.columns.{name}.rule.high, or correct its parameters.",
            )

    def draw(self, cells: Cells, path: Path) -> Values:
        u = cells.shares.get(self.name) if path == (self.name,) else None
        return present(self.quantile(shares(cells.random(path), cells.rows) if u is None else u))


class Sequence(Drawer):
    """Numbers one after another."""

    def __init__(self, name: str, rule: SequenceRule) -> None:
        self.name, self.rule = name, rule
        sequence(name, rule, np.arange(2))

    def draw(self, cells: Cells, path: Path) -> Values:
        return present(sequence(self.name, self.rule, cells.numbers))


class Uuid(Drawer):
    """UUIDs."""

    def draw(self, cells: Cells, path: Path) -> Values:
        return present(uuids(cells.rows, cells.random(path)))


class Pooled(Drawer):
    """Texts of a library's provider."""

    def __init__(self, name: str, rule: FakerRule | MimesisRule) -> None:
        self.rule, self.pool = rule, Pool(name, rule)
        self.columns = frozenset() if rule.by is None else frozenset({rule.by})

    def draw(self, cells: Cells, path: Path) -> Values:
        pool = self.pool.values(cells.block.seed, lambda: cells.key((*path, "pool")))
        if self.rule.unique:
            return present(unique_texts(pool, cells.numbers, cells.key(path)))
        if self.rule.by is not None:
            return present(by_value(pool, cells.made[self.rule.by], cells.key(path)))
        return present(pool[cells.random(path).integers(0, len(pool), cells.rows)])


class Regex(Drawer):
    """Texts that match a pattern."""

    def __init__(self, name: str, rule: RegexRule) -> None:
        self.name, self.unique, self.pattern = name, rule.unique, pattern_of(name, rule.pattern)
        self.most = self.pattern.size if rule.unique else None

    def draw(self, cells: Cells, path: Path) -> Values:
        if not self.unique:
            return present(self.pattern.random(cells.rows, cells.random(path)))
        size = self.pattern.size
        if cells.rows and int(cells.numbers.max()) >= size:
            raise too_small((self.name,), size, int(cells.numbers.max()) + 1)
        return present(self.pattern.texts(permuted(cells.numbers, size, cells.key(path)), cells.random(path)))


class Computed(Drawer):
    """An expression's value."""

    def __init__(self, name: str, rule: ExpressionRule) -> None:
        self.expression = Expression(rule.expression, name)
        self.columns = self.expression.columns

    def draw(self, cells: Cells, path: Path) -> Values:
        return self.expression.evaluate(cells.made, cells.rows)


class Cases(Drawer):
    """The first case that applies."""

    def __init__(self, name: str, rule: CaseRule) -> None:
        self.name = name
        self.tests = [Expression(case.when, name) for case in rule.cases]
        self.drawers = [drawer_of(name, case.rule) for case in rule.cases]
        self.otherwise = None if rule.otherwise is None else drawer_of(name, rule.otherwise)
        parts: list[Expression | Drawer] = [*self.tests, *self.drawers, *([self.otherwise] if self.otherwise else [])]
        self.columns = frozenset(c for part in parts for c in part.columns)

    def draw(self, cells: Cells, path: Path) -> Values:
        left = np.ones(cells.rows, bool)
        parts: list[tuple[np.ndarray, Values]] = []
        for i, (test, drawer) in enumerate(zip(self.tests, self.drawers, strict=True)):
            holds = test.evaluate(cells.made, cells.rows)
            if holds.kind != "truth":
                raise GeneratorError(
                    f"Column '{self.name}': the condition of its case {i + 1} is a {holds.kind}, not true or false.",
                    fix="Write a comparison, such as \"segment == 'loyal'\".",
                )
            mask = left & holds.data & ~holds.missing
            parts.append(self._part(cells, mask, drawer, (*path, i)))
            left &= ~mask
        if self.otherwise is not None:
            parts.append(self._part(cells, left, self.otherwise, (*path, "otherwise")))
        return self._joined(parts, cells.rows)

    def _part(self, cells: Cells, mask: np.ndarray, drawer: Drawer, path: Path) -> tuple[np.ndarray, Values]:
        # A case that applies to no row is drawn, too: so the column's kind is the same in every block.
        rows = np.flatnonzero(mask)
        return rows, drawer.draw(cells.take(rows, drawer.columns), path)

    def _joined(self, parts: list[tuple[np.ndarray, Values]], rows: int) -> Values:
        kinds = {values.kind for _, values in parts}
        if len(kinds) > 1:
            raise GeneratorError(
                f"Column '{self.name}': its cases give {' and '.join(sorted(kinds))}.",
                fix="Let all of them give numbers, or all texts, or all times.",
            )
        kind = object if kinds == {"text"} else np.result_type(*(values.data.dtype for _, values in parts))
        data = np.full(rows, "", dtype=object) if kind is object else np.zeros(rows, dtype=kind)
        missing = np.ones(rows, bool)
        for places, values in parts:
            data[places], missing[places] = values.data, values.missing
        return Values(data, missing)


class After(Drawer):
    """A time later than another column's."""

    def __init__(self, name: str, rule: AfterRule) -> None:
        self.name, self.rule, self.delay = name, rule, drawer_of(name, rule.delay)
        self.columns = self.delay.columns | {rule.column}

    def draw(self, cells: Cells, path: Path) -> Values:
        base = cells.made[self.rule.column]
        if base.kind != "moment":
            raise GeneratorError(
                f"Column '{self.name}' comes after '{self.rule.column}', which is a {base.kind} and no time.",
                fix=f"Correct tables.*.columns.{self.name}.rule.column.",
            )
        seconds, missing = delays(self.name, self.delay.draw(cells, (*path, "delay")), self.rule.unit)
        return Values(base.data + seconds.astype("timedelta64[s]"), base.missing | missing)


def delays(name: str, values: Values, unit: Unit) -> tuple[np.ndarray, np.ndarray]:
    """Whole seconds, at least 1, and which are null. Raises GeneratorError where they are no numbers."""
    if values.kind != "number":
        raise GeneratorError(
            f"Column '{name}': its delay is a {values.kind}, not a number.",
            fix="Give the delay a rule for numbers, such as {kind: exponential, mean: 2}.",
        )
    seconds = np.where(values.missing, 1.0, values.data * SECONDS[unit])
    return np.rint(seconds).clip(1.0, MOST_SECONDS).astype(np.int64), values.missing


def drawer_of(name: str, rule: Rule) -> Drawer:
    """Return the drawer of a column's rule. Raises GeneratorError, naming the column, for a rule that cannot work."""
    quantile = marginal(name, rule)
    if quantile is not None:
        return Marginal(name, quantile)
    match rule:
        case SequenceRule():
            return Sequence(name, rule)
        case UuidRule():
            return Uuid()
        case FakerRule() | MimesisRule():
            return Pooled(name, rule)
        case RegexRule():
            return Regex(name, rule)
        case ExpressionRule():
            return Computed(name, rule)
        case CaseRule():
            return Cases(name, rule)
        case AfterRule():
            return After(name, rule)
    raise empty(name, f"the kind {rule.kind} is unknown")  # pragma: no cover - the spec has refused it


def promises_unique(name: str, rule: Any) -> bool:
    """Whether a rule never writes a value twice."""
    if isinstance(rule, SequenceRule):
        sequence(name, rule, np.arange(2))
        return format_is_unique(rule)
    return isinstance(rule, UuidRule) or bool(getattr(rule, "unique", False))


class UniqueSet:
    """Columns whose combination never comes twice: a permutation of all combinations, read off by row number.

    spaces: by column, as many as are needed for enough combinations.
    """

    ENOUGH = 2**40

    def __init__(self, columns: tuple[str, ...], spaces: Mapping[str, Space]) -> None:
        self.columns = columns
        self.spaces: dict[str, Space] = {}
        self.size = 1
        for name, space in spaces.items():
            if self.size < self.ENOUGH and self.size * space.size < 2**60:
                self.spaces[name] = space
                self.size *= space.size

    def draw(self, cells: Cells) -> dict[str, Values]:
        """Return the set's columns. Raises GeneratorError where there are more rows than combinations."""
        if cells.rows and int(cells.numbers.max()) >= self.size:
            raise too_small(self.columns, self.size, int(cells.numbers.max()) + 1)
        places = permuted(cells.numbers, self.size, cells.key(("unique", *self.columns)))
        drawn = {}
        for name, space in self.spaces.items():
            places, place = np.divmod(places, space.size)
            drawn[name] = present(space.at(place))
        return drawn
