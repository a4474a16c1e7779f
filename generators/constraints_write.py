"""Writing: computed values put into columns, and rows put in the place of others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.coding_numbers import to_arrow
from proofset.constraints_values import family, flat, value_type
from proofset.values import Values

DAY = 86_400_000_000


def with_column(table: pa.Table, name: str, array: pa.Array) -> pa.Table:
    """The table with a column's values exchanged; cast to the column's type, dictionary and all."""
    kind = table.schema.field(name).type
    array = flat(array)
    if array.type != value_type(kind):
        array = array.cast(value_type(kind), safe=False)
    array = array.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else array
    return table.set_column(table.column_names.index(name), table.schema.field(name), array)


def to_column(values: Values, kind: pa.DataType, direction: int = 0) -> pa.Array:
    """Values of the expression language as an array of a type. Whole numbers, last places and units are rounded down
    for direction -1, up for 1. Raises TypeError where the type cannot hold such values."""
    inner = value_type(kind)
    turn = {-1: np.floor, 0: np.rint, 1: np.ceil}[direction]
    own = family(inner)
    if own == "truth" and values.kind == "truth":
        return pa.array(values.data, inner, mask=values.missing)
    if own == "text" and values.kind == "text":
        return pa.array(values.data.tolist(), inner, mask=values.missing)
    if own == "number" and values.kind == "number":
        data = np.where(values.missing, 0, values.data)
        if pa.types.is_integer(inner):
            data = data if data.dtype.kind == "i" else turn(data).clip(-(2.0**63), 2.0**63 - 1024).astype(np.int64)
        elif pa.types.is_decimal(inner):
            data = turn(np.round(data * 10.0**inner.scale, 6)) / 10.0**inner.scale
        elif pa.types.is_float32(inner):
            single = data.astype(np.float32)
            over = (single.astype(float) - data) * direction < 0
            data = np.where(over, np.nextafter(single, np.float32(direction * np.inf)), single)
        return to_arrow(data if pa.types.is_integer(inner) else data.astype(float), values.missing, inner)
    if (own == "moment" and values.kind == "moment") or (own in ("time", "duration") and values.kind == "number"):
        counted = values.data.astype(np.int64) if own == "moment" else np.rint(values.data * DAY).astype(np.int64)
        unit = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}[getattr(inner, "unit", "us")]
        unit = DAY if pa.types.is_date32(inner) else 1_000 if pa.types.is_date64(inner) else unit
        counted = counted // unit if direction <= 0 else -(-counted // unit)
        if getattr(inner, "unit", "") == "ns":
            counted = counted * 1_000
        return to_arrow(np.where(values.missing, 0, counted), values.missing, inner)
    raise TypeError("no such value fits the column")


def step(kind: pa.DataType) -> float:
    """The smallest step of a type in the expression language: 1, a last place, a unit in days; 0 for floats."""
    inner = value_type(kind)
    if pa.types.is_integer(inner) or pa.types.is_date(inner):
        return 1.0
    if pa.types.is_decimal(inner):
        return float(10.0**-inner.scale)
    if pa.types.is_floating(inner):
        return 0.0
    return {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1.0}.get(getattr(inner, "unit", "us"), 1.0) / DAY


def moved(values: Values, kind: pa.DataType, direction: int) -> Values:
    """The values a column of a type can hold next beyond these, up (1) or down (-1); values between two that it can
    hold are left as they are, since rounding in that direction goes beyond them."""
    by = step(kind)
    if values.kind == "moment":
        unit = max(1, round(by * DAY))
        on_step = values.data.astype(np.int64) % unit == 0
        return Values(values.data + direction * unit * on_step.astype("timedelta64[us]"), values.missing)
    if by == 0.0:
        single = np.float32 if pa.types.is_float32(value_type(kind)) else np.float64
        beyond = np.nextafter(values.data.astype(single), single(direction * np.inf))
        return Values(beyond.astype(float), values.missing)
    steps = values.data / by
    on_step = np.abs(steps - np.rint(steps)) < 1e-6
    return Values(values.data + direction * np.where(on_step, int(by) if by == 1.0 else by, 0), values.missing)


def nulled(table: pa.Table, name: str, rows: np.ndarray | None = None) -> pa.Table:
    """The table with a column missing, in all rows or in those that `rows` says."""
    kind = value_type(table.schema.field(name).type)
    gone = pa.nulls(table.num_rows, kind)
    array = gone if rows is None else pc.if_else(pa.array(rows), gone, flat(table[name]))
    return with_column(table, name, array)


def replaced(table: pa.Table, places: np.ndarray, others: pa.Table, rows: np.ndarray) -> pa.Table:
    """The table with `rows` of `others` at `places`."""
    if not len(places):
        return table
    index = np.arange(table.num_rows)
    index[places] = table.num_rows + rows
    joined = pa.concat_tables([table, others.select(table.column_names)]).unify_dictionaries().combine_chunks()
    return joined.take(pa.array(index)).combine_chunks()
