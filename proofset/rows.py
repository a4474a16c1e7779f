"""Rows: a table in memory, or one in a Parquet file of which a column at a time is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from proofset.errors import SourceError


class Rows(Protocol):
    """What a generator that need not hold a whole table asks of it. A pyarrow Table is one."""

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    @property
    def column_names(self) -> list[str]:
        """Names, in order."""

    def column(self, name: str) -> pa.ChunkedArray:
        """One column; read when it is asked for."""

    def select(self, names: Sequence[str]) -> Rows:
        """The same rows with these columns only."""


class ParquetRows:
    """The rows of a Parquet file. Only `column` reads values, of that column alone.

    Raises SourceError for a file that is missing or no Parquet.
    """

    def __init__(self, path: Path, names: Sequence[str] | None = None) -> None:
        self.path = path
        try:
            with pq.ParquetFile(path) as file:
                whole = file.schema_arrow.remove_metadata()
                self.num_rows = int(file.metadata.num_rows)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SourceError(
                f"{path}: not a readable Parquet file.",
                why=f"The reader raised {type(error).__name__}.",
                fix="Check that the file is there, was written completely and is Parquet.",
            ) from None
        self.schema = whole if names is None else pa.schema([whole.field(n) for n in names])
        self.column_names: list[str] = self.schema.names

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column."""
        with pq.ParquetFile(self.path) as file:
            return file.read(columns=[name]).column(0)

    def select(self, names: Sequence[str]) -> ParquetRows:
        """The same file with these columns only."""
        return ParquetRows(self.path, names)


def whole_table(rows: Rows) -> pa.Table:
    """Return all columns as a table in memory."""
    if isinstance(rows, pa.Table):
        return rows
    return pa.table([rows.column(name) for name in rows.column_names], schema=rows.schema)
