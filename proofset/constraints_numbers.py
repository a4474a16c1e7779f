"""Constraints about order and amounts: inequality, range, sum."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, StringConstraints, model_validator

from proofset.constraints_base import ConstraintBase, once
from proofset.constraints_values import ORDERED, any_nulls, constant, family, literal, numbers, ordered_pair, value_type
from proofset.errors import did_you_mean

ROUNDING = 1e-9
"""Share of a total by which a sum of floats may miss it without being wrong."""
EXACT = 2.0**62

Column = Annotated[str, StringConstraints(min_length=1)]


class InequalityConstraint(ConstraintBase):
    """low <= high; with `strict`, low < high. Numbers, moments, times of day or durations."""

    kind: Literal["inequality"]
    low: Column
    high: Column
    strict: bool = False

    @model_validator(mode="after")
    def _two(self) -> InequalityConstraint:
        if self.low == self.high:
            raise ValueError("low and high must be two columns")
        return self

    @property
    def uses(self) -> tuple[str, ...]:
        """low and high."""
        return (self.low, self.high)

    def refuse_types(self, schema: pa.Schema) -> None:
        """Both must be of one family that has an order."""
        self.of_family(schema, self.uses, *ORDERED)
        low, high = (value_type(schema.field(n).type) for n in self.uses)
        if family(low) != family(high):
            raise self.refused(f"a {family(low)} cannot be compared with a {family(high)}.")
        if (getattr(low, "tz", None) is None) != (getattr(high, "tz", None) is None) and family(low) == "moment":
            raise self.refused("only one of the two has a time zone.")

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows in which both are known and out of order."""
        low, high = ordered_pair(table[self.low], table[self.high])
        wrong = low >= high if self.strict else low > high
        return np.asarray(wrong & ~any_nulls(table, self.uses))


class RangeConstraint(ConstraintBase):
    """min <= column <= max. A bound is a number (of days, for a duration), an ISO 8601 text for times, or a column."""

    kind: Literal["range"]
    column: Column
    min: int | float | str | None = None
    max: int | float | str | None = None

    @model_validator(mode="after")
    def _bounded(self) -> RangeConstraint:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.column in (self.min, self.max):
            raise ValueError("a column cannot bound itself")
        if isinstance(self.min, int | float) and isinstance(self.max, int | float) and self.min > self.max:
            raise ValueError("min must not be above max")
        return self

    @property
    def uses(self) -> tuple[str, ...]:
        """The column, and bounds that name columns: texts that are not of the form of a date or a time."""
        return once(self.column, *(b for b in (self.min, self.max) if isinstance(b, str) and not b[:1].isdigit()))

    def refuse_types(self, schema: pa.Schema) -> None:
        """A bound must be of the column's family."""
        self.of_family(schema, self.uses, *ORDERED)
        kind = schema.field(self.column).type
        for bound in (self.min, self.max):
            if isinstance(bound, str) and bound in self.uses:
                InequalityConstraint(kind="inequality", name=self.title, low=bound, high=self.column).refuse_types(
                    schema
                )
            elif bound is not None:
                try:
                    literal(bound, kind)
                except ValueError as error:
                    hint = did_you_mean(bound, schema.names) if isinstance(bound, str) else ""
                    raise self.refused(f"a bound does not fit the type {kind}: {error}.{hint}") from None

    def bound(self, bound: float | str, table: pa.Table) -> pa.ChunkedArray | pa.Array:
        """A bound as a column."""
        if bound in self.uses:
            return table[bound]
        return constant(bound, table[self.column].type, table.num_rows)

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows in which the column is known and beyond a known bound."""
        wrong = np.zeros(table.num_rows, bool)
        for bound, sign in ((self.min, 1), (self.max, -1)):
            if bound is not None:
                limit, value = ordered_pair(self.bound(bound, table), table[self.column])
                beyond = limit > value if sign > 0 else limit < value
                wrong |= beyond & ~any_nulls(table, [bound] if isinstance(bound, str) and bound in self.uses else [])
        return np.asarray(wrong & ~any_nulls(table, [self.column]))


class SumConstraint(ConstraintBase):
    """columns[0] + columns[1] + ... = total, give or take `tolerance` (and the rounding of floats)."""

    kind: Literal["sum"]
    columns: tuple[Column, ...] = Field(min_length=1)
    total: int | float | str
    tolerance: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _distinct(self) -> SumConstraint:
        if len(set(self.uses)) != len(self.columns) + isinstance(self.total, str):
            raise ValueError("a column is named twice")
        return self

    @property
    def uses(self) -> tuple[str, ...]:
        """The parts, then the total where it is a column."""
        return once(*self.columns, *([self.total] if isinstance(self.total, str) else []))

    def refuse_types(self, schema: pa.Schema) -> None:
        """All must be numbers."""
        self.of_family(schema, self.uses, "number")

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows in which all are known and do not add up."""
        parts = [numbers(table[c]) for c in self.columns]
        total = numbers(table[self.total]) if isinstance(self.total, str) else np.full(table.num_rows, self.total)
        every = [*parts, total]
        largest = max((float(np.abs(p.astype(float)).max(initial=0.0)) for p in every), default=0.0)
        if any(p.dtype.kind == "f" for p in every) or largest * len(every) > EXACT:
            every = [p.astype(float) for p in every]
            room = self.tolerance + ROUNDING * np.sum(np.abs(every), axis=0)
        else:
            every = [p.astype(np.int64) for p in every]
            room = np.full(table.num_rows, self.tolerance)
        missed = np.abs(np.sum(every[:-1], axis=0) - every[-1])
        return np.asarray(~(missed <= room) & ~any_nulls(table, self.uses))
