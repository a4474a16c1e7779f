"""Drift: how much a table differs from an older one of the same kind. Frozen, JSON-ready, safe to publish: a value is
named only where at least MIN_COUNT rows share it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from proofset.digest import sha256_json
from proofset.evidence import Measure, TopValue
from proofset.frozen import Frozen


class DriftVerdict(StrEnum):
    """What is said of a column or a table, see docs/drift.md."""

    STABLE = "stable"
    INCONCLUSIVE = "inconclusive"
    DRIFTING = "drifting"
    DRIFTED = "drifted"


class Figure(Frozen):
    """A value with its 95 % interval and the number of rows, of both tables, that it rests on."""

    value: float
    low: float
    high: float
    n: int = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError("the interval must hold the value")
        return self


class ColumnDrift(Frozen):
    """One column before and after.

    kind: how it is compared; "nulls" where only the share of missing values is, because its values identify people.
    psi, kl (nats), js (bits, 0 to 1): how far apart the distributions over cells are.
    wasserstein: in standard deviations of both tables' values; None for what has no order.
    new, vanished: share of the later (earlier) table's known cells whose category the other lacks; None for numbers.
    new_categories, vanished_categories: those that at least MIN_COUNT rows share, with their share of the rows.
    rare_new, rare_vanished: how many more there are, which are not named.
    """

    column: str
    kind: Literal["number", "time", "ordinal", "category", "nulls"]
    verdict: DriftVerdict
    reason: str
    psi: Figure
    js: Figure
    kl: Figure
    wasserstein: Figure | None = None
    new: Figure | None = None
    vanished: Figure | None = None
    new_categories: tuple[TopValue, ...] = ()
    vanished_categories: tuple[TopValue, ...] = ()
    rare_new: int = Field(default=0, ge=0)
    rare_vanished: int = Field(default=0, ge=0)
    nulls_before: float
    nulls_after: float


class DriftReport(Frozen):
    """Two tables compared.

    before, after: the tables' digests.  measures: of the table as a whole; of those by column, the worst column's.
    columns: the worst first.  missing, added, retyped: columns that only one has, or that are of another kind.
    reasons: why the verdict is no better, worst first; empty where it is `stable`.
    """

    table: str
    before: str
    after: str
    before_rows: int
    after_rows: int
    seed: int
    verdict: DriftVerdict
    reasons: tuple[str, ...] = ()
    measures: tuple[Measure, ...]
    columns: tuple[ColumnDrift, ...] = ()
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the report's canonical JSON."""
        return sha256_json(self.plain())

    def measure(self, name: str) -> Measure:
        """The measure of this name, such as "drift.psi"; KeyError where there is none."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(name)
