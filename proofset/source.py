"""Source: reading real data, and refusing what cannot be governed. Errors name columns and counts, never values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from proofset.errors import SourceError, did_you_mean
from proofset.marks import refuse_ungoverned
from proofset.spec import TableSpec, Treatment

_GOVERNED = (
    pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_string,
    pa.types.is_large_string, pa.types.is_timestamp, pa.types.is_date, pa.types.is_time, pa.types.is_null,
    lambda kind: pa.types.is_dictionary(kind) and not pa.types.is_nested(kind.value_type),
)  # fmt: skip
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""The first day of the year 1 and the last of the year 9999, in days since 1970."""
MIN_ROWS = 100
"""Below this a split leaves too few rows to measure anything."""


def read_source(path: Path, spec: TableSpec | None = None) -> pa.Table:
    """Read a Parquet or CSV file and check that it can be governed.

    Columns that `spec` drops are left out; a column declared in `spec` that the file lacks is an error.
    Raises SourceError for a missing, empty, unreadable or unfit file: fewer than MIN_ROWS rows, empty or repeated
    column names, infinities, values of mixed types, columns that are all null or nested.
    """
    spec = spec or TableSpec()
    table = open_table(path, spec.encoding)
    return storable(check_source(table, str(path), spec).replace_schema_metadata(None))


def open_table(path: Path, encoding: str = "utf-8") -> pa.Table:
    """Open a Parquet or CSV file as it is, fit to be governed or not. Raises SourceError when it cannot be read."""
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise SourceError(f"Source {path}: no such file.{near}", fix="Correct tables.*.path in the dataset spec.")
    if path.stat().st_size == 0:
        raise SourceError(f"Source {path}: the file is empty.", fix="Export the table again.")
    kind = path.suffix.lower()
    if kind in (".parquet", ".pq"):
        return _parquet(path)
    if kind in (".csv", ".tsv"):
        return _csv(path, encoding, "\t" if kind == ".tsv" else ",")
    raise SourceError(
        f"Source {path}: the ending '{kind}' is not known.",
        why="Known: .parquet, .pq, .csv, .tsv.",
        fix="Convert the file, or correct its name.",
    )


def storable(table: pa.Table) -> pa.Table:
    """Cast to types that Parquet gives back unchanged, so that a stored table keeps its digest: seconds become
    milliseconds, any time zone UTC (the same moments), and date64 becomes date32."""

    def stored(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_timestamp(kind):
            return pa.timestamp("ms" if kind.unit == "s" else kind.unit, tz="UTC" if kind.tz else None)
        if pa.types.is_time32(kind):
            return pa.time32("ms")
        return pa.date32() if pa.types.is_date64(kind) else kind

    return table.cast(pa.schema([field.with_type(stored(field.type)) for field in table.schema]))


def _parquet(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            refuse_ungoverned(file.metadata.metadata, str(path))
            table = file.read()  # read_table would refuse repeated column names in its own words
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(
            f"Source {path}: not a readable Parquet file.",
            why=f"The reader raised {type(error).__name__}.",
            fix="Check that the file was written completely and is Parquet, whatever its name says.",
        ) from None
    refuse_ungoverned(table.schema.metadata, str(path))
    return table


def _csv(path: Path, encoding: str, delimiter: str) -> pa.Table:
    def refuse(why: str) -> SourceError:
        return SourceError(
            f"Source {path}: not readable as {encoding} CSV.",
            why=why,
            fix="Name its encoding (latin-1, say; in a spec tables.*.encoding), or export it as UTF-8 or Parquet.",
        )

    def read(**types: Any) -> pa.Table:
        return pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(encoding=encoding, use_threads=False),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            # An empty cell is a null; everything else is what it says.
            convert_options=pacsv.ConvertOptions(
                strings_can_be_null=True, null_values=["", "NA", "NaN", "null", "NULL"], **types
            ),
        )

    try:
        table = read()
        table = _with_codes(
            table, lambda names: read(include_columns=names, column_types=dict.fromkeys(names, "string"))
        )
    except (UnicodeError, LookupError):
        raise refuse("Its bytes are not valid in that encoding, or the encoding is not known.") from None
    except (pa.ArrowException, ValueError):
        raise refuse("Rows do not all have the header's columns, or a column mixes types.") from None
    if table.num_columns == 1 and (found := {*";|\t,"} & {*table.column_names[0]}):
        raise SourceError(
            f"Source {path}: its columns are divided by something else than '{delimiter}'.",
            why=f"It has one column, whose name holds {' and '.join(repr(f) for f in sorted(found))}.",
            fix="Export the table with commas (.csv) or tabs (.tsv).",
        )
    if any(pa.types.is_binary(field.type) for field in table.schema):  # the reader's way to say: not text
        raise refuse("Its bytes are not valid in that encoding.")
    return table


def _with_codes(table: pa.Table, as_text: Callable[[list[str]], pa.Table]) -> pa.Table:
    """Keep codes that only look like numbers as the text they are: whole numbers with leading zeros, and those of more
    digits than a number holds."""
    names = table.column_names
    forms = {n: r"^[-+]?0[0-9]" for n in names if pa.types.is_integer(table.schema.field(names.index(n)).type)}
    forms |= {n: r"^[-+]?[0-9]{16,}$" for n in names if pa.types.is_floating(table.schema.field(names.index(n)).type)}
    forms = {n: form for n, form in forms.items() if names.count(n) == 1}
    texts = as_text(list(forms)) if forms else table
    for name, form in forms.items():
        if pc.any(pc.match_substring_regex(texts[name], form)).as_py():
            table = table.set_column(names.index(name), name, texts[name])
    return table


def check_source(table: pa.Table, name: str, spec: TableSpec) -> pa.Table:
    """Return the table without the columns `spec` drops; refuse one that cannot be governed, see `read_source`."""

    def refuse(what: str, fix: str, why: str = "") -> SourceError:
        return SourceError(f"Source {name}: {what}", why=why, fix=fix)

    names = table.column_names
    if not names:
        raise refuse("it has no columns.", "Export the table again.")
    if any(not str(n).strip() for n in names):
        raise refuse(
            "a column has no name.",
            "Give every column a name.",
            f"Position {[i + 1 for i, n in enumerate(names) if not str(n).strip()]}.",
        )
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise refuse(f"column names occur twice: {', '.join(repeated)}.", "Rename or drop one of each.")
    if table.num_rows < MIN_ROWS:
        raise refuse(
            f"it has {table.num_rows} row{'s' if table.num_rows != 1 else ''}; at least {MIN_ROWS} are needed.",
            "Use a larger table; so few rows can be neither split nor measured.",
        )
    for declared in [*spec.columns, *([spec.target] if spec.target else [])]:
        if declared not in names:
            raise refuse(
                f"it has no column '{declared}', which the spec declares.{did_you_mean(declared, names)}",
                "Correct the spec's tables.*.columns and tables.*.target, or the file.",
            )
    table = table.drop_columns([n for n, c in spec.columns.items() if c.treatment == Treatment.DROP])
    if not table.column_names:
        raise refuse("the spec drops every column.", "Keep at least one.")
    for column_name, column in zip(table.column_names, table.columns, strict=True):
        declared_type = spec.columns[column_name].type if column_name in spec.columns else None
        kind = column.type
        if pa.types.is_nested(kind):
            raise refuse(f"column '{column_name}' is nested ({kind}).", "Flatten it into plain columns.")
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
            raise refuse(
                f"column '{column_name}' holds bytes of mixed or unknown type.", "Store one type of value in it."
            )
        if pc.sum(pc.is_null(column, nan_is_null=True)).as_py() == len(column):
            raise refuse(
                f"column '{column_name}' is null in every row.",
                f"Leave it out: set tables.*.columns.{column_name}.treatment to drop.",
            )
        if declared_type is None and mixes_types(column):
            raise refuse(
                f"column '{column_name}' mixes types: most texts are numbers, and some are not.",
                f"Clean it, or declare tables.*.columns.{column_name}.type (category, text or id).",
            )
        if not any(holds(kind) for holds in _GOVERNED):
            raise refuse(f"column '{column_name}' has the type {kind}.", "Store it as a number, a date or a text.")
        if beyond_calendar(column):
            raise refuse(
                f"column '{column_name}' holds dates outside the years 1 to 9999.", "Correct them, or make them null."
            )
        if pa.types.is_floating(kind):
            infinite = int(np.isinf(column.to_numpy(zero_copy_only=False)).sum())
            if infinite:
                raise refuse(
                    f"column '{column_name}' holds infinities in {infinite} row{'s' if infinite != 1 else ''}.",
                    "Replace them by nulls or by a real bound.",
                )
    return table


def beyond_calendar(column: pa.ChunkedArray) -> bool:
    """Whether a column of dates or times holds one that the calendar of years 1 to 9999 does not know."""
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        return False
    found = pc.min_max(column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64()))
    a_day = 86_400 * _A_SECOND[column.type.unit] if pa.types.is_timestamp(column.type) else 1
    a_day = 86_400_000 if pa.types.is_date64(column.type) else a_day
    low, high = found["min"].as_py(), found["max"].as_py()
    return low is not None and (low // a_day < _FIRST_DAY or high // a_day > _LAST_DAY)


def mixes_types(column: pa.ChunkedArray) -> bool:
    """Whether most, but not all, of a text column's values read as numbers."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    looks = pc.match_substring_regex(column, r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$")
    numbers = pc.sum(looks).as_py() or 0
    return bool(numbers > len(column) - column.null_count - numbers > 0)
