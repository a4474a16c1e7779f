"""Repair: what is done to a row that still breaks a constraint after it was drawn again.

For every kind there are proposals, the mildest first. A proposal is taken for a row where it mends the constraint and
does not break more of the others than it mends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.constraints_expressions import Assigner
from generators.constraints_texts import format_texts
from generators.constraints_transforms import added
from generators.constraints_write import moved, nulled, replaced, to_column, with_column
from proofset.constraints import (
    CheckConstraint,
    ConstraintBase,
    FixedCombinationsConstraint,
    FormatConstraint,
    IfThenConstraint,
    InequalityConstraint,
    NotNullConstraint,
    NullTogetherConstraint,
    NullWhenConstraint,
    OneHotConstraint,
    RangeConstraint,
    SumConstraint,
    violations,
)
from proofset.constraints_sets import row_codes
from proofset.constraints_values import flat, numbers, value_type, values_of

PASSES = 8


def same(table: pa.Table, other: pa.Table, names: Collection[str]) -> np.ndarray:
    """Which rows agree in the columns; null agrees with null."""
    agree = np.ones(table.num_rows, bool)
    for name in names:
        codes = row_codes(pa.concat_arrays([flat(table[name]), flat(other[name])]))
        agree &= codes[: table.num_rows] == codes[table.num_rows :]
    return agree


@dataclass(frozen=True)
class Repairer:
    """Repairs rows.

    constraints: all that must hold.  nullable: columns in which the train part has nulls.  pool: rows that keep all
    constraints, as far as there are any.  fixed: columns that are left as they are, whatever it costs.
    """

    constraints: Sequence[ConstraintBase]
    nullable: frozenset[str]
    pool: pa.Table
    rng: np.random.Generator
    fixed: frozenset[str] = frozenset()

    def repair(self, table: pa.Table, only: Sequence[int] | None = None) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """Return the table, which rows were changed for which constraint (constraints × rows), and what is still
        broken (constraints × rows). `only` these constraints are mended, where it is given."""
        broken = violations(self.constraints, table)
        changed = np.zeros_like(broken)
        for _ in range(PASSES):
            before = changed.sum()
            for place in range(len(self.constraints)) if only is None else only:
                rows = np.flatnonzero(broken[place])
                if len(rows):
                    table = self._mend(place, table, rows, broken, changed)
            if not broken.any() or changed.sum() == before:
                break
        return table, changed, broken

    def _mend(self, place: int, table: pa.Table, rows: np.ndarray, broken: np.ndarray, changed: np.ndarray) -> pa.Table:
        """Try one proposal after another; `broken` and `changed` are kept up to date."""
        part = table.take(pa.array(rows))
        mine = set(self.constraints[place].uses)  # nothing else is changed, so nothing else can break
        touched = np.array([i for i, c in enumerate(self.constraints) if mine & set(c.uses)])
        own = int(np.flatnonzero(touched == place)[0])
        for even in (False, True):  # at first without breaking as much as is mended
            for proposal in self._proposals(self.constraints[place], part):
                left = np.flatnonzero(broken[place, rows])
                if not len(left):
                    return table
                after = violations([self.constraints[i] for i in touched], proposal)[:, left]
                before = broken[np.ix_(touched, rows[left])]
                worse = after.sum(axis=0).astype(int) - before.sum(axis=0)
                good = np.asarray(~after[own] & (worse <= (0 if even else -1)))
                good &= same(part, proposal, self.fixed & mine)[left]
                taken = left[good]
                table = replaced(table, rows[taken], proposal, taken)
                broken[np.ix_(touched, rows[taken])] = after[:, good]
                changed[place, rows[taken]] = True
        return table

    def _proposals(self, constraint: ConstraintBase, table: pa.Table) -> Iterator[pa.Table]:
        yield from self.rule(constraint, table)
        if not isinstance(constraint, NotNullConstraint | NullWhenConstraint | NullTogetherConstraint):
            for name in reversed(constraint.uses):
                if name in self.nullable:
                    yield nulled(table, name)

    @property
    def _assigner(self) -> Assigner:
        return Assigner(self.pool, self.rng)

    @singledispatchmethod
    def rule(self, constraint: ConstraintBase, table: pa.Table) -> Iterator[pa.Table]:
        """Proposals of one kind."""
        raise NotImplementedError(constraint.title)  # pragma: no cover - every kind is registered

    @rule.register
    def _(self, constraint: InequalityConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Swap the two; else move the later one behind the earlier, or the earlier before the later."""
        low, high = table[constraint.low], table[constraint.high]
        yield with_column(with_column(table, constraint.low, high), constraint.high, low)
        for name, other, direction in ((constraint.high, low, 1), (constraint.low, high, -1)):
            kind = table.schema.field(name).type
            limit = values_of(other)
            limit = moved(limit, kind, direction) if constraint.strict else limit
            yield with_column(table, name, to_column(limit, value_type(kind), direction))

    @rule.register
    def _(self, constraint: RangeConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Clip to the bounds; else move a bound that is a column."""
        kind = table.schema.field(constraint.column).type
        clipped = table
        for bound, direction in ((constraint.min, 1), (constraint.max, -1)):
            if bound is not None:
                limit = to_column(values_of(constraint.bound(bound, table)), value_type(kind), direction)
                value = flat(clipped[constraint.column])
                pick = pc.max_element_wise if direction > 0 else pc.min_element_wise
                inside = pc.if_else(pc.is_valid(value), pick(value, limit, skip_nulls=True), value)
                clipped = with_column(clipped, constraint.column, inside)
        yield clipped
        for bound, direction in ((constraint.min, -1), (constraint.max, 1)):
            if isinstance(bound, str) and bound in constraint.uses:
                other = table.schema.field(bound).type
                yield with_column(table, bound, to_column(values_of(table[constraint.column]), other, direction))

    @rule.register
    def _(self, constraint: SumConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Compute the total from the parts; else one part, from the last to the first, from the others."""
        parts = list(constraint.columns)
        total, constant = (
            ([constraint.total], 0.0) if isinstance(constraint.total, str) else ([], float(constraint.total))
        )
        if total:
            made = added(table, dict.fromkeys(parts, 1), 0.0, None, value_type(table.schema.field(total[0]).type))
            yield with_column(table, total[0], made)
        for part in reversed(parts):
            signs = {**dict.fromkeys(total, 1), **dict.fromkeys([p for p in parts if p != part], -1)}
            kind = value_type(table.schema.field(part).type)
            if signs:
                yield with_column(table, part, added(table, signs, constant, None, kind))
            else:
                yield with_column(table, part, pa.repeat(constant, table.num_rows))

    @rule.register
    def _(self, constraint: FixedCombinationsConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Take the combination that agrees in most columns, the first of them counting most; else another of those."""
        allowed = constraint.listed(table.schema)
        sides = [row_codes(pa.concat_arrays([flat(allowed[c]), flat(table[c])])) for c in constraint.columns]
        known = np.stack([s[: allowed.num_rows] for s in sides])
        seen, place = np.unique(np.stack([s[allowed.num_rows :] for s in sides]), axis=1, return_inverse=True)
        weights = 1.0 + 0.5 ** np.arange(1, len(sides) + 1)
        nearest = np.stack([weights @ (known == row[:, None]) for row in seen.T])
        order = np.argsort(-nearest, axis=1, kind="stable")[place.reshape(-1)]
        for rank in range(min(3, allowed.num_rows)):
            made = table
            for name in constraint.columns:
                made = with_column(made, name, allowed[name].take(pa.array(order[:, rank])))
            yield made

    @rule.register
    def _(self, constraint: OneHotConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Keep one of the columns that are 1; where none is, take one as often as it is 1 in the pool."""
        hot = np.stack([numbers(table[c]).astype(float) == 1 for c in constraint.columns])
        often = np.array([1.0 + (numbers(self.pool[c]) == 1).sum() for c in constraint.columns])
        weights = np.where(hot.any(axis=0), hot * often[:, None], often[:, None])
        cumulated = np.cumsum(weights, axis=0)
        place = (cumulated <= self.rng.random(table.num_rows) * cumulated[-1]).sum(axis=0)
        made = table
        for i, name in enumerate(constraint.columns):
            made = with_column(made, name, pa.array((place == i).astype(np.int64)))
        yield made

    @rule.register
    def _(self, constraint: IfThenConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Make `then` true; else `when` false."""
        yield from self._assigner.proposals(constraint.then, table)
        yield from self._assigner.proposals(constraint.when, table, wanted=False)

    @rule.register
    def _(self, constraint: CheckConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Make the expression true."""
        yield from self._assigner.proposals(constraint.expression, table)

    @rule.register
    def _(self, constraint: FormatConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Write another text of the format."""
        made = format_texts(constraint, table.num_rows, self.rng)
        if made is not None:
            yield with_column(table, constraint.column, pa.array(made))

    @rule.register
    def _(self, constraint: NotNullConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Fill with values of rows of the pool; else make `when` false."""
        made = table
        for name in constraint.columns:
            made = self._assigner.filled(made, name)
        yield made
        if constraint.when is not None:
            yield from self._assigner.proposals(constraint.when, table, wanted=False)

    @rule.register
    def _(self, constraint: NullWhenConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Take the values away; else make `when` false."""
        made = table
        for name in constraint.columns:
            made = nulled(made, name)
        yield made
        yield from self._assigner.proposals(constraint.when, table, wanted=False)

    @rule.register
    def _(self, constraint: NullTogetherConstraint, table: pa.Table) -> Iterator[pa.Table]:
        """Take the other values away, too; else fill all of them."""
        gone = filled = table
        for name in constraint.columns:
            gone = nulled(gone, name)
            filled = self._assigner.filled(filled, name)
        yield gone
        yield filled
