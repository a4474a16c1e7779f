"""Constraints in the expression language, and about missing values."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import AfterValidator, Field

from proofset.constraints_base import ConstraintBase, once, valid_expression
from proofset.constraints_numbers import Column
from proofset.constraints_sets import Columns
from proofset.constraints_values import nulls

Condition = Annotated[str, AfterValidator(valid_expression)]


class CheckConstraint(ConstraintBase):
    """An expression that must not be false. Neither true nor false, for a missing value, is not false."""

    kind: Literal["check"]
    expression: Condition

    @property
    def uses(self) -> tuple[str, ...]:
        """The columns of the expression, in the alphabet's order."""
        return tuple(sorted(self.parsed(self.expression).columns))

    def refuse_types(self, schema: pa.Schema) -> None:
        """The expression must give a truth."""
        self.truth(self.expression, schema.empty_table())

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows for which it is false."""
        return self.truth(self.expression, table)[1]


class IfThenConstraint(ConstraintBase):
    """Where `when` is true, `then` must not be false."""

    kind: Literal["if_then"]
    when: Condition
    then: Condition

    @property
    def uses(self) -> tuple[str, ...]:
        """The columns of `when`, then those of `then`."""
        return once(*(c for text in (self.when, self.then) for c in sorted(self.parsed(text).columns)))

    def refuse_types(self, schema: pa.Schema) -> None:
        """Both must give a truth."""
        for text in (self.when, self.then):
            self.truth(text, schema.empty_table())

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows for which `when` is true and `then` is false."""
        return np.asarray(self.truth(self.when, table)[0] & self.truth(self.then, table)[1])


class _WhenNulls(Columns):
    when: Condition | None = None

    @property
    def uses(self) -> tuple[str, ...]:
        """The columns, then those of `when`."""
        return once(*self.columns, *(sorted(self.parsed(self.when).columns) if self.when else ()))

    def refuse_types(self, schema: pa.Schema) -> None:
        """`when` must give a truth."""
        if self.when is not None:
            self.truth(self.when, schema.empty_table())

    def applies(self, table: pa.Table) -> np.ndarray:
        """Rows for which `when` is true; all where there is none."""
        return np.ones(table.num_rows, bool) if self.when is None else self.truth(self.when, table)[0]


class NotNullConstraint(_WhenNulls):
    """None of the columns is null where `when` is true; never, where there is no `when`."""

    kind: Literal["not_null"]

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows that miss one of the columns though they must not."""
        missing = np.stack([nulls(table[c]) for c in self.columns])
        return np.asarray(self.applies(table) & missing.any(axis=0))


class NullWhenConstraint(_WhenNulls):
    """All of the columns are null where `when` is true."""

    kind: Literal["null_when"]
    when: Condition

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows that have one of the columns though they must not."""
        missing = np.stack([nulls(table[c]) for c in self.columns])
        return np.asarray(self.applies(table) & ~missing.all(axis=0))


class NullTogetherConstraint(Columns):
    """The columns are null together or not at all."""

    kind: Literal["null_together"]
    columns: tuple[Column, ...] = Field(min_length=2)

    def refuse_types(self, schema: pa.Schema) -> None:
        """Every type will do."""

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows that miss some of the columns but not all."""
        missing = np.stack([nulls(table[c]) for c in self.columns])
        return np.asarray(missing.any(axis=0) & ~missing.all(axis=0))
