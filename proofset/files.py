"""Files: written whole or not at all, private where they hold source data."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from proofset.digest import canonical
from proofset.errors import WorkspaceError

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600
PART = ".part-"
"""Beginning of the name of everything that is not complete yet."""


def write_bytes(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write `data` so that a reader sees the old file or the whole new one, also after a crash."""
    make_dir(path.parent, private=private)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=PART)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(PRIVATE_FILE if private else 0o644)
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path.parent, error) from error
        raise


def write_json(path: Path, value: Any, *, private: bool = False) -> None:
    """Write `value` as canonical JSON."""
    write_bytes(path, canonical(value), private=private)


def parquet_bytes(table: pa.Table, metadata: Mapping[bytes, bytes] | None = None) -> bytes:
    """Return the table as Parquet, with settings that give the same bytes for the same content and library version.

    metadata: what the file's footer says beside the schema; the table's own metadata is left out.
    """
    sink = pa.BufferOutputStream()
    plain = table.replace_schema_metadata(None)
    with pq.ParquetWriter(sink, plain.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(plain, row_group_size=1 << 17)
        if metadata:
            writer.add_key_value_metadata(dict(metadata))
    return bytes(sink.getvalue().to_pybytes())


def make_dir(path: Path, *, private: bool = False) -> None:
    """Make a folder and its parents; a private one is readable by its owner alone."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIR if private else 0o777)
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def whole_folder(target: Path, staging: Path | None = None) -> Iterator[Path]:
    """Yield a temporary folder and rename it into place when the block ends well.

    A crash leaves `target` absent, and a temporary folder that the next call for the same target removes; callers
    hold a lock, so that no two work on one target.

    Parameters
    ----------
    staging: where the temporary folder is made, on the same file system; beside `target` by default. What must not be
        seen before it is complete, such as a signed release, is staged in a private folder.

    Raises WorkspaceError where `target` exists already.
    """
    make_dir(target.parent)
    home = staging or target.parent
    make_dir(home)
    if staging is not None:
        staging.chmod(PRIVATE_DIR)
    if target.exists():
        raise WorkspaceError(f"The folder {target.name} exists already.", fix="Choose another name or remove it.")
    ours = re.compile(re.escape(f"{PART}{target.name}-") + "[a-z0-9_]{8}")  # and not those of targets of a like name
    for leftover in [p for p in home.iterdir() if ours.fullmatch(p.name)]:
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = _new_folder(home, target.name)
    try:
        yield temporary
        temporary.chmod(0o755)
        move(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def move(folder: Path, target: Path) -> None:
    """Rename, which is all or nothing; across file systems there is no such step."""
    try:
        folder.rename(target)
    except OSError as error:
        raise WorkspaceError(
            f"The folder {target} cannot be put in its place.",
            why=f"Renaming it there failed: {error.strerror}.",
            fix="Keep the state folder and the releases on one file system, in folders you may write in.",
        ) from None


def discard(folder: Path) -> None:
    """Remove a folder so that a crash on the way leaves none that looks whole."""
    if folder.exists():
        away = _new_folder(folder.parent, folder.name)
        move(folder, away / folder.name)
        shutil.rmtree(away)


def _new_folder(home: Path, name: str) -> Path:
    try:
        return Path(tempfile.mkdtemp(dir=home, prefix=f"{PART}{name}-"))
    except OSError as error:
        raise unwritable(home, error) from error


def unwritable(path: Path, error: OSError) -> WorkspaceError:
    """What the system's error means for whoever wanted to write in the folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return WorkspaceError(
            f"Cannot write in the folder {path}: its disk is full.",
            why="Nothing was left half written; what was there before is whole.",
            fix="Make room, then do it again.",
        )
    return WorkspaceError(
        f"Cannot write in the folder {path}.",
        why=f"The folder is read-only, full, or belongs to somebody else: {error.strerror}.",
        fix="Give yourself write permission there, or set `state` in proofset.yaml to a folder you may write in.",
    )
