"""Guessing: reading any table for a look, with what has to be left out of it and what a model might predict.

Where `read_source` refuses a column, because a governed dataset must say what to do with it, a look leaves the column
out and says so. What no look can make sense of is refused here, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from proofset.errors import SpecError, did_you_mean
from proofset.evidence import Profile
from proofset.source import beyond_calendar, check_source, mixes_types, open_table, storable
from proofset.spec import ColumnSpec, SemanticType, TableSpec, Treatment

_DISCRETE = {SemanticType.CATEGORY, SemanticType.BOOLEAN, SemanticType.ORDINAL}
_TARGET_NAMES = ("target", "label", "class", "outcome", "y")
_MAX_CLASSES = 20


@dataclass(frozen=True)
class Guessed:
    """A table as a look takes it. dropped: why, by column."""

    table: pa.Table
    spec: TableSpec
    dropped: dict[str, str]


def guess_table(path: Path, encoding: str = "utf-8", target: str | None = None) -> Guessed:
    """Read a Parquet or CSV file.

    Raises SourceError for a file that cannot be read or holds no usable table, SpecError for a target it lacks.
    """
    raw = _named(open_table(path, encoding))
    if target is not None and target not in raw.column_names:
        raise SpecError(
            f"{path.name} has no column '{target}'.{did_you_mean(target, raw.column_names)}",
            fix="Name one of its columns with --target.",
        )
    dropped = {name: why for name, column in _columns(raw) if (why := _unfit(column))}
    if target in dropped:
        raise SpecError(
            f"The column '{target}' cannot be predicted: {dropped[target]}.", fix="Name another column with --target."
        )
    columns = {name: ColumnSpec(treatment=Treatment.DROP) for name in dropped}
    for name, column in _columns(raw):
        if name not in dropped and mixes_types(column):
            columns[name] = ColumnSpec(type=SemanticType.CATEGORY)
    spec = TableSpec(encoding=encoding, target=target, columns=columns)
    kept = check_source(raw, str(path), spec).replace_schema_metadata(None)
    return Guessed(storable(kept), spec, dropped)


def _columns(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    return list(zip(table.column_names, table.columns, strict=True))


def _named(table: pa.Table) -> pa.Table:
    """Give a column without a name one, as tables with an unnamed row number have; repeated names stay as they are."""
    names = [n if n.strip() else f"unnamed_{i}" for i, n in enumerate(table.column_names, 1)]
    return table.rename_columns(names) if names != table.column_names else table


def _unfit(column: pa.ChunkedArray) -> str:
    """Why a look leaves the column out; "" where it does not."""
    kind = column.type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(inner):
        return "nested values"
    if pa.types.is_binary(inner) or pa.types.is_large_binary(inner) or pa.types.is_fixed_size_binary(inner):
        return "bytes, or values of mixed types"
    if pa.types.is_duration(inner) or pa.types.is_interval(inner):
        return f"values of the type {inner}"
    if len(column) and pc.sum(pc.is_null(column, nan_is_null=True)).as_py() == len(column):
        return "empty in every row"
    if beyond_calendar(column):
        return "dates outside the years 1 to 9999"
    if pa.types.is_floating(inner):
        plain = column.cast(inner).to_numpy(zero_copy_only=False)
        infinite = int(np.isinf(plain).sum())
        if infinite:
            return f"infinities in {infinite:,} row{'s' if infinite > 1 else ''}"
    return ""


def guess_target(profile: Profile) -> str | None:
    """The column a model would most likely predict: by its name, else the last one where that is a category."""
    modelled = [c for c in profile.columns if c.treatment is Treatment.MODEL]
    fit = [c.name for c in modelled if c.semantic in _DISCRETE and 2 <= c.distinct <= _MAX_CLASSES]
    by_name = [n for word in _TARGET_NAMES for n in fit if n.lower() == word]
    last = [n for n in fit if n == modelled[-1].name]
    return next(iter([*by_name, *last]), None)
