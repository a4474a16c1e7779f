"""What all constraints share. A row in which a value that a constraint asks about is missing does not violate it:
only `not_null`, `null_when` and `null_together` ask about missing values themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field

from proofset.constraints_values import columns_of, family
from proofset.errors import GeneratorError, ProofsetError, did_you_mean
from proofset.expressions import Expression
from proofset.frozen import Frozen


class ConstraintBase(Frozen):
    """Base of all constraints.

    name: how reports and errors call it; made from kind and columns where it is not given.
    """

    name: str | None = Field(default=None, min_length=1, max_length=100)

    @property
    @abstractmethod
    def uses(self) -> tuple[str, ...]:
        """The columns it asks about, each once."""

    @property
    def title(self) -> str:
        """Its name, or kind and columns, such as "inequality(ordered_at, shipped_at)"."""
        return self.name or f"{getattr(self, 'kind', '')}({', '.join(self.uses)})"

    @abstractmethod
    def violations(self, table: pa.Table) -> np.ndarray:
        """Which rows of the table violate it: a bool per row."""

    @abstractmethod
    def refuse_types(self, schema: pa.Schema) -> None:
        """Raise GeneratorError where the columns' types make no sense for it; all columns are there."""

    def check(self, schema: pa.Schema) -> None:
        """Raise GeneratorError for a column that is not there, with the nearest name, or one of a wrong type."""
        for column in self.uses:
            if column not in schema.names:
                raise self.refused(f"there is no column '{column}'.{did_you_mean(column, schema.names)}")
        self.refuse_types(schema)

    def refused(self, why: str) -> GeneratorError:
        """The error for a constraint that cannot be used."""
        return GeneratorError(
            f"The constraint {self.title} cannot be used: {why}",
            fix="Correct it under tables.*.constraints; docs/constraints.md shows every kind.",
        )

    def of_family(self, schema: pa.Schema, columns: Sequence[str], *families: str) -> None:
        """Raise GeneratorError where a column is of none of the families."""
        for column in columns:
            kind = schema.field(column).type
            if family(kind) not in families:
                raise self.refused(f"column '{column}' has the type {kind}; needed is a {' or a '.join(families)}.")

    def parsed(self, text: str) -> Expression:
        """An expression of this constraint. Raises GeneratorError where it is outside the language."""
        try:
            return Expression(text, self.name or "")
        except ProofsetError as error:
            raise self.refused(_about(error)) from None

    def truth(self, text: str, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """Where an expression surely holds, and where it surely does not; a row may be in neither."""
        expression = self.parsed(text)
        try:
            said = expression.evaluate(columns_of(table, expression.columns), table.num_rows)
        except ProofsetError as error:
            raise self.refused(_about(error)) from None
        if said.kind != "truth":
            raise self.refused(f"its expression gives a {said.kind}, not a truth.")
        return said.data & ~said.missing, ~said.data & ~said.missing


def _about(error: ProofsetError) -> str:
    """What is wrong with an expression, without the column it is usually for."""
    return error.what.partition(": ")[2] or error.what


def valid_expression(text: str) -> str:
    """Return `text`; ValueError where it is outside the language."""
    try:
        Expression(text, "")
    except ProofsetError as error:
        raise ValueError(f"cannot be used: {_about(error)}") from None
    return text


def once(*names: str) -> tuple[str, ...]:
    """The names, each once, in order."""
    return tuple(dict.fromkeys(names))
