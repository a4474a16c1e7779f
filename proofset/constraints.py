"""Constraints: what every row of a table keeps. Part of the dataset spec; see docs/constraints.md.

Each says which rows violate it. Generators hold their rows to them, and quality can check them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from proofset.constraints_base import ConstraintBase as ConstraintBase
from proofset.constraints_formats import FORMATS as FORMATS
from proofset.constraints_formats import FormatConstraint as FormatConstraint
from proofset.constraints_logic import CheckConstraint as CheckConstraint
from proofset.constraints_logic import IfThenConstraint as IfThenConstraint
from proofset.constraints_logic import NotNullConstraint as NotNullConstraint
from proofset.constraints_logic import NullTogetherConstraint as NullTogetherConstraint
from proofset.constraints_logic import NullWhenConstraint as NullWhenConstraint
from proofset.constraints_numbers import InequalityConstraint as InequalityConstraint
from proofset.constraints_numbers import RangeConstraint as RangeConstraint
from proofset.constraints_numbers import SumConstraint as SumConstraint
from proofset.constraints_sets import FixedCombinationsConstraint as FixedCombinationsConstraint
from proofset.constraints_sets import OneHotConstraint as OneHotConstraint
from proofset.constraints_sets import UniqueConstraint as UniqueConstraint
from proofset.constraints_values import flat, listed
from proofset.frozen import Frozen
from proofset.rows import Rows

Constraint = Annotated[
    InequalityConstraint
    | RangeConstraint
    | SumConstraint
    | FixedCombinationsConstraint
    | UniqueConstraint
    | OneHotConstraint
    | IfThenConstraint
    | CheckConstraint
    | FormatConstraint
    | NotNullConstraint
    | NullWhenConstraint
    | NullTogetherConstraint,
    Field(discriminator="kind"),
]

Share = Annotated[float, Field(ge=0, le=1)]


class RepairReport(Frozen):
    """What it took to hold sampled rows to their constraints. Shares are of the rows sampled; lower is better.

    rows: sampled.  resampled: rows drawn again at least once.  repaired: rows that a rule changed.
    resampled_by, repaired_by: the same by constraint; a row may count for several.
    """

    rows: int = Field(default=0, ge=0)
    resampled: Share = 0.0
    repaired: Share = 0.0
    resampled_by: dict[str, Share] = Field(default_factory=dict)
    repaired_by: dict[str, Share] = Field(default_factory=dict)


def titles(constraints: Sequence[ConstraintBase]) -> list[str]:
    """A different title for each: the second of the same is numbered, "check(a) #2"."""
    seen: dict[str, int] = {}
    named = []
    for constraint in constraints:
        seen[constraint.title] = seen.get(constraint.title, 0) + 1
        times = seen[constraint.title]
        named.append(constraint.title if times == 1 else f"{constraint.title} #{times}")
    return named


def learned(constraint: ConstraintBase, train: Rows, least: int) -> ConstraintBase:
    """The constraint with what it takes from the train part: combinations that at least `least` rows share, in order.

    Combinations with a missing value are left out: a row that misses one violates nothing.
    """
    if not isinstance(constraint, FixedCombinationsConstraint) or constraint.combinations is not None:
        return constraint
    columns = {name: flat(train.column(name)) for name in constraint.columns}
    counts = pa.table(columns).group_by(list(columns)).aggregate([([], "count_all")])
    kept = counts.filter(pc.greater_equal(counts["count_all"], least)).select(list(columns)).drop_null()
    if not kept.num_rows:
        raise constraint.refused(f"no combination is shared by {least} rows of the train part.")
    words = [listed(kept[name]) for name in constraint.columns]
    rows = sorted(zip(*words, strict=True), key=lambda row: [str(word) for word in row])
    return constraint.model_copy(update={"combinations": tuple(rows)})


def violations(constraints: Sequence[ConstraintBase], table: pa.Table) -> np.ndarray:
    """Which rows violate which constraint: bool, constraints × rows. `learned` must have been applied."""
    if not constraints:
        return np.zeros((0, table.num_rows), bool)
    return np.stack([constraint.violations(table) for constraint in constraints])
