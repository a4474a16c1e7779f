"""Constraints about several columns at once: fixed combinations, unique sets, one-hot."""

from __future__ import annotations

from functools import reduce
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from proofset.constraints_base import ConstraintBase
from proofset.constraints_numbers import Column
from proofset.constraints_values import any_nulls, flat, numbers, typed
from proofset.errors import GeneratorError

Word = bool | int | float | str | None


class Columns(ConstraintBase):
    """Base of constraints over a list of columns."""

    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Columns:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("a column is named twice")
        return self

    @property
    def uses(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns

    def refuse_types(self, schema: pa.Schema) -> None:
        """Every type that can be compared will do."""
        for column in self.columns:
            if pa.types.is_nested(schema.field(column).type):
                raise self.refused(f"column '{column}' has the nested type {schema.field(column).type}.")


class FixedCombinationsConstraint(Columns):
    """Only these combinations occur together: those listed, or else those that at least MIN_COUNT rows of the train
    part share; rarer ones could point to a person."""

    kind: Literal["fixed_combinations"]
    columns: tuple[Column, ...] = Field(min_length=2)
    combinations: tuple[tuple[Word, ...], ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _wide(self) -> FixedCombinationsConstraint:
        if any(len(words) != len(self.columns) for words in self.combinations or ()):
            raise ValueError("every combination needs a value for each of the columns")
        return self

    def refuse_types(self, schema: pa.Schema) -> None:
        """Listed values must be of their column's type."""
        super().refuse_types(schema)
        try:
            self.listed(schema)
        except ValueError as error:
            raise self.refused(f"{error}.") from None

    def listed(self, schema: pa.Schema) -> pa.Table:
        """The combinations as a table with the columns' types; no rows where none are listed. Raises ValueError."""
        rows = self.combinations or ()
        arrays = [typed([r[i] for r in rows], schema.field(c).type) for i, c in enumerate(self.columns)]
        return pa.table(arrays, names=list(self.columns))

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows whose values are all known and stand in no combination. Raises GeneratorError where none are listed."""
        if self.combinations is None:
            raise GeneratorError(
                f"The constraint {self.title} lists no combinations.",
                why="They are learned from the train part.",
                fix="Take the constraint that `proofset.constraints.learned` returns for it.",
            )
        return np.asarray(~among(table, self.listed(table.schema)) & ~any_nulls(table, self.columns))


def among(table: pa.Table, combinations: pa.Table) -> np.ndarray:
    """Which rows of the table equal one of the combinations; nulls equal nulls."""
    names = combinations.column_names
    sides = [pa.concat_arrays([flat(combinations[n]), flat(table[n])]) for n in names]
    codes = joint_codes([row_codes(side) for side in sides])
    return np.isin(codes[combinations.num_rows :], codes[: combinations.num_rows])


def row_codes(array: pa.Array) -> np.ndarray:
    """A number per row, the same for equal values; nulls equal nulls."""
    array = pc.add(array, 0.0) if pa.types.is_floating(array.type) else array  # one zero
    return np.asarray(pc.fill_null(pc.dictionary_encode(array, null_encoding="encode").indices, 0)).astype(np.int64)


def joint_codes(codes: list[np.ndarray]) -> np.ndarray:
    """One code per row for several, dense after each step so that they never overflow."""

    def join(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        pairs = a * (int(b.max(initial=0)) + 1) + b
        return np.unique(pairs, return_inverse=True)[1].astype(np.int64).reshape(len(pairs))

    return reduce(join, codes)


class UniqueConstraint(Columns):
    """No two rows agree in all of the columns; a row that misses one of them agrees with none."""

    kind: Literal["unique"]

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows that repeat an earlier one."""
        codes = joint_codes([row_codes(flat(table[c])) for c in self.columns])
        known = np.flatnonzero(~any_nulls(table, self.columns))
        repeated = np.zeros(table.num_rows, bool)
        repeated[known] = True
        repeated[known[np.unique(codes[known], return_index=True)[1]]] = False
        return repeated


class OneHotConstraint(Columns):
    """Exactly one of the columns is 1 (true), the others are 0 (false)."""

    kind: Literal["one_hot"]
    columns: tuple[Column, ...] = Field(min_length=2)

    def refuse_types(self, schema: pa.Schema) -> None:
        """Truths, or numbers that serve as such."""
        self.of_family(schema, self.columns, "truth", "number")

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows in which all are known and not exactly one is 1 and the others 0."""
        parts = np.stack([numbers(table[c]).astype(float) for c in self.columns])
        right = np.isin(parts, (0.0, 1.0)).all(axis=0) & (parts.sum(axis=0) == 1)
        return np.asarray(~right & ~any_nulls(table, self.columns))
