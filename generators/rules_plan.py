"""The plan: every column's drawer, the order in which columns need each other, and what ties them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from generators.blocks import Block
from generators.rules_copula import Copula
from generators.rules_draw import Cells, Drawer, Marginal, UniqueSet, drawer_of, promises_unique
from generators.rules_events import Machine, Walk
from generators.rules_regex import pattern_of
from generators.rules_unique import Space, space_of, too_small
from proofset.errors import GeneratorError, did_you_mean
from proofset.expressions import evaluation_order
from proofset.rules import CategoryRule, FakerRule, MimesisRule, RegexRule, Rule
from proofset.rules_table import TableRules
from proofset.spec import ColumnSpec
from proofset.values import Values


class Plan:
    """How the columns of a table are made.

    columns: every column to be made, by name, each with its rule; the state column of an event log needs none.

    Raises GeneratorError, naming column and field, for rules that cannot work.
    """

    def __init__(self, columns: Mapping[str, ColumnSpec], rules: TableRules) -> None:
        self.columns = dict(columns)
        self.rules = rules
        self.machine = None if rules.events is None else Machine(rules.events)
        self.entity_columns = self._entity_columns()
        made_by_events = set() if rules.events is None else {rules.events.state}
        ruled = {n: _rule(n, c) for n, c in columns.items() if n not in made_by_events}
        self.sets, in_sets = self._sets(ruled)
        self.drawers: dict[str, Drawer] = {n: drawer_of(n, rule) for n, rule in ruled.items() if n not in in_sets}
        self.order = evaluation_order(self.drawers, list(columns))
        self._check_entities()
        self.copula = self._copula()

    def _entity_columns(self) -> tuple[str, ...]:
        events = self.rules.events
        if events is None:
            return ()
        named = (events.entity, events.state, events.at, *events.per_entity)
        for name in named:
            if name not in self.columns:
                raise _unknown("rules.events", name, self.columns)
        if self.columns[events.state].rule is not None:
            raise GeneratorError(
                f"Column '{events.state}' has a rule, but rules.events makes it.",
                fix=f"Remove tables.*.columns.{events.state}.rule.",
            )
        return tuple(dict.fromkeys(n for n in named if n != events.state))

    def _sets(self, ruled: Mapping[str, Rule]) -> tuple[list[UniqueSet], set[str]]:
        """The unique sets, and the columns they draw instead of the columns' own drawers."""
        wanted = list(self.rules.unique)
        for name in sorted({c for columns in wanted for c in columns} - set(ruled)):
            raise _unknown("rules.unique", name, ruled)
        named = {c for columns in wanted for c in columns}
        wanted += [(n,) for n, c in self.columns.items() if c.unique and n in ruled and n not in named]
        sets = []
        for columns in wanted:
            if any(promises_unique(n, ruled[n]) for n in columns):
                continue
            spaces = {n: space for n in columns if (space := _space(n, ruled[n])) is not None}
            if not spaces:
                raise GeneratorError(
                    f"{'Column' if len(columns) == 1 else 'Columns'} {', '.join(columns)} cannot be promised unique.",
                    why="A rule must be able to count all values it can write, such as a regex, a sequence, a uuid, a "
                    "provider, a category, whole numbers of a uniform distribution or dates.",
                    fix="Give one of the columns such a rule, or do not ask for unique values.",
                )
            parts = {n in self.entity_columns for n in columns}
            if len(parts) > 1:
                raise GeneratorError(
                    f"The unique set {', '.join(columns)} mixes columns of entities and of events.",
                    fix="Name columns of one of both, or add the others to rules.events.per_entity.",
                )
            sets.append(UniqueSet(columns, spaces))
        return sets, {n for unique in sets for n in unique.spaces}

    def _check_entities(self) -> None:
        if self.machine is None:
            return
        inside = set(self.entity_columns)
        for name in self.entity_columns:
            outside = sorted((self.drawers[name].columns if name in self.drawers else frozenset()) - inside)
            if outside:
                raise GeneratorError(
                    f"Column '{name}' is drawn once per entity, but its rule uses '{outside[0]}', which is not.",
                    fix=f"Add '{outside[0]}' to rules.events.per_entity.",
                )
        for name in sorted(self.machine.columns - inside):
            raise GeneratorError(
                f"rules.events.delay uses '{name}', which is not drawn once per entity.",
                fix=f"Add '{name}' to rules.events.per_entity.",
            )

    def _copula(self) -> Copula | None:
        if not self.rules.correlations:
            return None
        for correlation in self.rules.correlations:
            for name in correlation.columns:
                if name not in self.columns:
                    raise _unknown("rules.correlations", name, self.columns)
                words = isinstance(self.columns[name].rule, CategoryRule)
                if words or not isinstance(self.drawers.get(name), Marginal):
                    raise GeneratorError(
                        f"rules.correlations: column '{name}' cannot be correlated.",
                        why="The weights of a category have no order."
                        if words
                        else "Only a column that is drawn by itself from a distribution, a choice or dates can.",
                        fix="Use the kind choice, whose values ascend as they are listed."
                        if words
                        else "Leave it out, or give it such a rule.",
                    )
        copula = Copula(self.rules.correlations)
        inside = [n for n in copula.columns if n in self.entity_columns]
        if inside and len(inside) < len(copula.columns):
            raise GeneratorError(
                f"rules.correlations tie {inside[0]}, drawn once per entity, to columns drawn once per event.",
                fix="Correlate columns of one of both, or add the others to rules.events.per_entity.",
            )
        return copula

    @property
    def most(self) -> int | None:
        """The rows at which uniqueness ends; None where it never does."""
        sizes = [s.size for s in self.sets] + [d.most for d in self.drawers.values() if d.most is not None]
        return min(sizes, default=None)

    def check(self, rows: int) -> None:
        """Raise GeneratorError where so many rows cannot be made."""
        for unique in self.sets:
            if unique.size < rows:
                raise too_small(unique.columns, unique.size, rows)
        for name, drawer in self.drawers.items():
            if drawer.most is not None and drawer.most < rows:
                raise too_small((name,), drawer.most, rows)

    def make(self, block: Block) -> dict[str, Values]:
        """Return the block's columns. Raises GeneratorError for a rule that cannot work."""
        rows = Cells(block, np.arange(block.first, block.first + block.rows))
        made: dict[str, Values] = {}
        if self.machine is not None and self.rules.events is not None:
            walk = self.machine.walk(block)
            entities = Cells(block, np.arange(block.first, block.first + len(walk.lengths)))
            drawn = self._drawn(entities, self.entity_columns, {})
            made = {n: _repeated(v, walk) for n, v in drawn.items()}
            at = self.rules.events.at
            if made[at].kind != "moment":
                raise GeneratorError(
                    f"rules.events.at: column '{at}' is a {made[at].kind} and no time.",
                    fix=f"Give tables.*.columns.{at} a rule of kind datetime.",
                )
            made[at] = self.machine.times(walk, made[at], replace(rows, made=made))
            made[self.rules.events.state] = self._with_nulls(
                self.rules.events.state, self.machine.states(walk), block.rows, block
            )
        made = self._drawn(rows, [n for n in self.columns if n not in made], made)
        return {n: made[n] for n in self.columns}

    def _drawn(self, cells: Cells, names: Sequence[str], before: Mapping[str, Values]) -> dict[str, Values]:
        made = dict(before)
        shares: dict[str, Any] = {}
        if self.copula is not None and set(self.copula.columns) <= set(names):
            shares = self.copula.shares(cells.rows, cells.random(("correlations",)))
        cells = replace(cells, made=made, shares=shares)
        for unique in self.sets:
            if set(unique.spaces) <= set(names):
                made |= {n: self._with_nulls(n, v, cells.rows, cells.block) for n, v in unique.draw(cells).items()}
                cells = replace(cells, made=made)
        for name in self.order:
            if name in names and name not in made:
                made[name] = self._with_nulls(name, self.drawers[name].draw(cells, (name,)), cells.rows, cells.block)
        return made

    def _with_nulls(self, name: str, values: Values, rows: int, block: Block) -> Values:
        share = self.columns[name].null_share
        if share == 0.0:
            return values
        return Values(values.data, values.missing | (block.stream("rules", name, "nulls").random(rows) < share))


def _rule(name: str, column: ColumnSpec) -> Rule:
    if column.rule is None:
        raise GeneratorError(
            f"Column '{name}' has no rule.",
            why="The generator 'rules' makes a column only from a rule, or as a fake.",
            fix=f"Add tables.*.columns.{name}.rule, or set its treatment to fake or drop.",
        )
    if column.unique and isinstance(column.rule, FakerRule | MimesisRule | RegexRule) and not column.rule.unique:
        if isinstance(column.rule, FakerRule | MimesisRule) and column.rule.by is not None:
            raise GeneratorError(
                f"Column '{name}' is to be unique, but its text is decided by '{column.rule.by}'.",
                fix=f"Leave out tables.*.columns.{name}.unique or its rule's by.",
            )
        return column.rule.model_copy(update={"unique": True})
    return column.rule


def _space(name: str, rule: Rule) -> Space | None:
    if isinstance(rule, RegexRule):
        pattern = pattern_of(name, rule.pattern)
        # Beginnings that are told apart are no whole texts: only a pattern that counts them all is a space.
        fixed = np.random.default_rng(0)  # never asked for a number: `whole` leaves nothing open
        return Space(pattern.size, lambda i: pattern.texts(i, fixed)) if pattern.whole else None
    return space_of(name, rule)


def _repeated(values: Values, walk: Walk) -> Values:
    return Values(np.repeat(values.data, walk.lengths), np.repeat(values.missing, walk.lengths))


def _unknown(where: str, name: str, known: Mapping[str, Any]) -> GeneratorError:
    return GeneratorError(
        f"{where} names '{name}', which is not a column with a rule.{did_you_mean(name, known)}",
        fix=f"Correct tables.*.{where}.",
    )
