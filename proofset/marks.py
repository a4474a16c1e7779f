"""Marks: what a synthetic Parquet file says about itself when no policy and no person stands behind it.

Such a file is *ungoverned*: good for a look, never a source and never a release. The mark lies in the Parquet
metadata, where every reader sees it. It is a label, not the lock: a release is held by the ledger and its signatures.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from proofset import __version__
from proofset.errors import SourceError, WorkspaceError
from proofset.files import PART

STATUS = "proofset.status"
UNGOVERNED = "ungoverned"
ENDINGS = (".parquet", ".pq")
ROW_GROUP = 1 << 17
"""Rows of a row group, about; with the number of columns it bounds the memory writing needs."""


def marks(generator: str) -> dict[str, str]:
    """What an ungoverned table made by `generator` carries in its Parquet metadata."""
    return {
        STATUS: UNGOVERNED,
        "proofset.generator": generator,
        "proofset.version": __version__,
        "synthetic": "true",
    }


def mark(table: pa.Table, generator: str) -> pa.Table:
    """The table with the marks of an ungoverned one; what other metadata it had is gone."""
    return table.replace_schema_metadata(marks(generator))


def marked(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Whether metadata of an Arrow schema or a Parquet file calls its table ungoverned."""
    return (metadata or {}).get(STATUS.encode(), b"").strip().lower() == UNGOVERNED.encode()


def is_ungoverned(file: Path | pa.NativeFile) -> bool:
    """Whether a Parquet file carries the mark; False for what is not there or no Parquet."""
    try:
        with pq.ParquetFile(file) as opened:
            return marked(opened.metadata.metadata) or marked(opened.schema_arrow.metadata)
    except (pa.ArrowException, OSError, ValueError):
        return False


def refuse_ungoverned(metadata: Mapping[bytes, bytes] | None, name: str) -> None:
    """Raise SourceError where the metadata says that the table is ungoverned."""
    if marked(metadata):
        raise SourceError(
            f"Source {name}: it is an ungoverned synthetic table.",
            why=f"Its Parquet metadata says {STATUS} = {UNGOVERNED}: nobody approved it, and it is not real data.",
            fix="Name the real table instead, or a release, whose passport says what it is.",
        )


def check_target(path: Path, *, force: bool = False) -> None:
    """Refuse a file that could not carry the mark, a folder that is not there, and a file that is, without `force`.

    Raises WorkspaceError.
    """
    if path.suffix.lower() not in ENDINGS:
        raise WorkspaceError(
            f"{path.name} does not end in .parquet.",
            why="Only Parquet carries the mark that says the table is synthetic and ungoverned.",
            fix=f"Name it {path.stem}.parquet.",
        )
    if not path.parent.is_dir():
        raise WorkspaceError(f"The folder {path.parent} is not there.", fix="Make it, or name another one.")
    if path.is_dir() or (path.exists() and not force):
        raise WorkspaceError(
            f"{path.name} exists already.",
            fix="Name another file with --out." if path.is_dir() else "Add --force to replace it, or name another one.",
        )


def write_ungoverned(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], generator: str, *, force: bool = False
) -> int:
    """Write batches as a marked Parquet file, whole or not at all, and return the number of rows.

    Memory does not grow with the rows. The same batches give the same bytes.

    Raises WorkspaceError, see `check_target`, and where the folder cannot be written in.
    """
    check_target(path, force=force)
    stamped = schema.with_metadata(marks(generator))
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=PART, suffix=path.suffix)
    except OSError as error:
        raise _unwritable(path, error) from None
    temporary = Path(name)
    rows = 0
    try:
        with os.fdopen(handle, "wb") as out:
            with pq.ParquetWriter(out, stamped, compression="zstd") as writer:
                for group in _groups(batches, stamped):
                    writer.write_table(group, row_group_size=group.num_rows)
                    rows += group.num_rows
            out.flush()
            os.fsync(out.fileno())
        temporary.chmod(0o644)
        check_target(path, force=force)  # somebody else may have written meanwhile
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)
    return rows


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Batches joined into row groups, so that many small ones make no file of many small pieces."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(b.num_rows for b in held) >= ROW_GROUP:
            yield _joined(held, schema)
            held = []
    if held:
        yield _joined(held, schema)


def _joined(held: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    tables = [pa.Table.from_batches([b]).replace_schema_metadata(schema.metadata) for b in held]
    return pa.concat_tables(tables).unify_dictionaries()


def _unwritable(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"{path.name} cannot be written.",
        why=f"The system said: {error.strerror or type(error).__name__}.",
        fix="Name a file with --out in a folder you may write in and that has room.",
    )
