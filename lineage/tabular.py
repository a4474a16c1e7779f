"""Tabular files: reading any CSV, TSV or Parquet file a stranger hands over, by batches and without guessing types."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from proofset.errors import SourceError

BATCH = 1 << 16
"""Rows read at once, about."""
_PARQUET, _TEXT = (".parquet", ".pq"), (".csv", ".tsv", ".txt")
_MAGIC = b"PAR1"


@dataclass(frozen=True)
class TabularFile:
    """A file of rows. columns: names in the file's order."""

    path: Path
    columns: tuple[str, ...]
    parquet: bool
    encoding: str = "utf-8"
    delimiter: str = ","

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows, with the columns asked for. Cells of a text file are texts, as they stand there.

        Raises SourceError where the file turns out to be unreadable further down.
        """
        try:
            if self.parquet:
                with pq.ParquetFile(self.path) as file:
                    yield from file.iter_batches(batch_size=BATCH, columns=list(columns))
            else:
                with _csv(self.path, self.encoding, self.delimiter, self.columns, columns) as reader:
                    yield from reader
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _unreadable(self.path, f"The reader raised {type(error).__name__}.") from None


def require_file(path: Path) -> None:
    """Raises SourceError where there is no such file."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file.", fix="Name a Parquet, CSV or TSV file.")


def open_tabular(path: Path) -> TabularFile:
    """Open a file for reading. Raises SourceError for one that is not there, not a table, or without distinct names."""
    require_file(path)
    with path.open("rb") as file:
        parquet = file.read(4) == _MAGIC
    kind = path.suffix.lower()
    if not parquet and kind not in _TEXT:
        what = "it is no Parquet file, whatever its name says" if kind in _PARQUET else f"the ending '{kind}'"
        raise SourceError(f"{path.name}: not a table: {what}.", fix="Name a Parquet, CSV or TSV file.")
    opened = _open_parquet(path) if parquet else _open_text(path, "\t" if kind == ".tsv" else ",")
    if len(set(opened.columns)) != len(opened.columns) or not opened.columns:
        raise SourceError(f"{path.name}: its columns have no names of their own.", fix="Export it with a header.")
    return opened


def _open_parquet(path: Path) -> TabularFile:
    try:
        with pq.ParquetFile(path) as file:
            return TabularFile(path, tuple(file.schema_arrow.names), parquet=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, f"The reader raised {type(error).__name__}.") from None


def _open_text(path: Path, delimiter: str) -> TabularFile:
    """Find out encoding and delimiter from the head of the file and its first rows."""
    with path.open("rb") as file:
        first = file.readline(1 << 20)
    if not first.strip():
        raise _unreadable(path, "It is empty.")
    for other in (";", "\t", "|"):
        if delimiter.encode() not in first and other.encode() in first:
            delimiter = other
    encoding = _encoding(path)
    try:
        with _csv(path, encoding, delimiter) as reader:
            return TabularFile(path, tuple(reader.schema.names), False, encoding, delimiter)
    except (pa.ArrowException, OSError, ValueError):
        raise _unreadable(path, "Rows do not all have the header's columns.") from None


def _encoding(path: Path) -> str:
    """UTF-8 where the whole file is, and else Latin-1, in which any bytes are text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _csv(
    path: Path, encoding: str, delimiter: str, known: Sequence[str] = (), wanted: Sequence[str] | None = None
) -> pacsv.CSVStreamingReader:
    """A reader of a text file. With the names known, every cell is a text."""
    options: dict[str, Any] = {"include_columns": list(wanted)} if wanted is not None else {}
    return pacsv.open_csv(
        path,
        read_options=pacsv.ReadOptions(encoding=encoding, use_threads=False, block_size=1 << 22),
        parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(known, pa.string()), strings_can_be_null=True, null_values=[""], **options
        ),
    )


def _unreadable(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{path.name}: cannot be read as a table.", why=why, fix="Check that it is whole, and export it again."
    )
