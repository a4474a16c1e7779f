"""Fingerprints: 64 bits of each row under a secret key, the same however a file spells and orders its columns.

A fingerprint is BLAKE2b (RFC 7693) of the row's values, spelled as in `lineage.spelling`, in the order of their
columns' names, under a key that is drawn from the workspace's key by the names and kinds of the columns. Without the
key nobody can make one, and so nobody can test whether a row is among those of a sketch. Two different rows agree by
accident once in 2**64 pairs.
"""

from __future__ import annotations

import os
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lineage.spelling import Kind, kind_of, spelled
from proofset.digest import canonical
from proofset.errors import WorkspaceError
from proofset.files import PRIVATE_FILE
from proofset.workspace import Workspace

Prints = npt.NDArray[np.uint64]
Columns = tuple[tuple[str, Kind], ...]
"""Names and kinds of the columns a fingerprint is of, in the order of the names."""

KEY_FILE = "fingerprint.key"
KEY_BYTES = 32
BATCH = 1 << 16
"""Rows of which the texts are held at once."""
_ROW = b"proofset-row-v1"
_COLUMNS = b"proofset-cols-v1"
_NAME = b"proofset-key-v1"


def workspace_key(workspace: Workspace) -> bytes:
    """The workspace's secret key, made on first use, readable by its owner alone.

    Raises WorkspaceError for a key file of another length or one that others may read.
    """
    path = workspace.private / KEY_FILE
    if not path.exists():
        _make_key(path)
    try:
        key, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise _bad_key(f"Reading it raised {type(error).__name__}.") from None
    if len(key) != KEY_BYTES:
        raise _bad_key(f"It has {len(key)} bytes instead of {KEY_BYTES}.")
    if mode & 0o077:
        raise _bad_key("Others than its owner may read or write it.")
    return key


def _make_key(path: Path) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(os.urandom(KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(PRIVATE_FILE)
        os.link(temporary, path)  # unlike a rename, refuses to replace a key that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink(missing_ok=True)


def _bad_key(why: str) -> WorkspaceError:
    return WorkspaceError(
        f"The key of the fingerprints, private/{KEY_FILE}, cannot be used.",
        why=why,
        fix="Restore it from a backup with mode 0600, or remove it: another is made, and sketches with it.",
    )


def key_name(key: bytes) -> str:
    """What a sketch calls the key it was made with: 32 hex digits that do not give the key away."""
    return blake2b(b"", key=key, person=_NAME, digest_size=16).hexdigest()


def columns_of(schema: pa.Schema) -> Columns:
    """The columns of an Arrow schema, by name and kind. Raises ValueError where a name occurs twice."""
    if len(set(schema.names)) != len(schema.names):
        raise ValueError("a column's name occurs twice")
    return tuple(sorted((field.name, kind_of(field.type)) for field in schema))


def fingerprints(rows: pa.Table | pa.RecordBatch, columns: Columns, key: bytes) -> Prints:
    """A fingerprint for each row, in the rows' order.

    Parameters
    ----------
    rows: holds the columns, under any of their spellings; what else it holds does not count.
    """
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    table = table.select([name for name, _ in columns])
    secret = blake2b(canonical([list(c) for c in columns]), key=key, person=_COLUMNS, digest_size=KEY_BYTES).digest()
    parts = [
        _hashed(_row_texts(table.slice(start, BATCH), columns), secret) for start in range(0, table.num_rows, BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _row_texts(table: pa.Table, columns: Columns) -> pa.Array:
    """The text of each row. No value holds the separator, and no value is spelled like a missing one."""
    texts = [spelled(table.column(name), kind) for name, kind in columns]
    separator = pa.scalar("\x1f", pa.large_string())
    return pc.binary_join_element_wise(*texts, separator, null_handling="replace", null_replacement="\x1e")


def _hashed(texts: pa.Array, secret: bytes) -> Prints:
    data = texts.buffers()[2]
    ends = np.frombuffer(texts.buffers()[1], "<i8")[texts.offset : texts.offset + len(texts) + 1]
    whole = data.to_pybytes() if data is not None else b""
    places: list[int] = ends.tolist()
    fresh = blake2b(key=secret, person=_ROW, digest_size=8).copy
    made: list[bytes] = []
    start = places[0]
    for end in places[1:]:
        state: Any = fresh()
        state.update(whole[start:end])
        made.append(state.digest())
        start = end
    return np.frombuffer(b"".join(made), "<u8").astype(np.uint64)
