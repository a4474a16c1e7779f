"""Shape: rows, columns and types of a released Parquet file, from its footer alone."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from proofset.spec import Frozen


class ShapeColumn(Frozen):
    """A column. type: its Arrow type.  nulls: rows that have none; None where the writer kept no count."""

    name: str
    type: str
    nulls: int | None = None


class Shape(Frozen):
    """A table's shape."""

    rows: int
    columns: tuple[ShapeColumn, ...]


def shape_of(data: bytes) -> Shape:
    """Read the footer of Parquet bytes; no row is read. Raises pyarrow's ArrowInvalid for anything else.

    The columns are flat, as in every table that can be governed.
    """
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        footer, schema = file.metadata, file.schema_arrow
        columns = tuple(
            ShapeColumn(name=field.name, type=str(field.type), nulls=_nulls(footer, place))
            for place, field in enumerate(schema)
        )
        return Shape(rows=footer.num_rows, columns=columns)


def _nulls(footer: pq.FileMetaData, column: int) -> int | None:
    """Nulls over all row groups."""
    total = 0
    for group in range(footer.num_row_groups):
        known = footer.row_group(group).column(column).statistics
        if known is None or not known.has_null_count:
            return None
        total += known.null_count
    return total
