"""Digests: canonical JSON (RFC 8785), SHA-256 of bytes and files, and a digest of a table's content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import rfc8785

_BLOCK = 1 << 20


def canonical(value: Any) -> bytes:
    """Return the one JSON text of `value`, by RFC 8785 (JCS): the same bytes for equal values, everywhere.

    Raises TypeError or ValueError for what JSON cannot hold (NaN, infinities, integers beyond 2**53).
    """
    return rfc8785.dumps(value)


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`."""
    return sha256_bytes(canonical(value))


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """One contiguous array without dictionary encoding, and with one type per kind of string."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.large_string())
    elif pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
        column = column.cast(pa.large_binary())
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


def _feed(digest: Any, array: pa.Array) -> None:
    """Hash validity, then values with nulls set to zero, so that buffers' padding and garbage do not matter."""
    valid = np.asarray(array.is_valid())
    digest.update(np.packbits(valid).tobytes())
    kind = array.type
    if pa.types.is_null(kind):
        return
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        lengths = np.asarray(pc.fill_null(pc.binary_length(array), 0)).astype("<i8")
        digest.update(lengths.tobytes())
        packed = pc.fill_null(array, "" if pa.types.is_large_string(kind) else b"")
        start, end = 0, 0
        if len(packed):
            offsets = np.frombuffer(packed.buffers()[1], dtype="<i8")[packed.offset : packed.offset + len(packed) + 1]
            start, end = int(offsets[0]), int(offsets[-1])
        data = packed.buffers()[2]
        digest.update(data.slice(start, end - start).to_pybytes() if data is not None else b"")
    elif pa.types.is_boolean(kind):
        digest.update(np.packbits(np.asarray(pc.fill_null(array, False))).tobytes())
    elif pa.types.is_floating(kind):
        values = np.asarray(pc.fill_null(array.cast(pa.float64()), 0.0)).astype("<f8")
        values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, one zero
        digest.update(values.tobytes())
    elif pa.types.is_integer(kind):
        wide = pa.uint64() if pa.types.is_unsigned_integer(kind) else pa.int64()
        digest.update(np.asarray(pc.fill_null(array.cast(wide), 0)).tobytes())
    elif pa.types.is_temporal(kind) and array.type.bit_width in (32, 64):
        ints = array.view(pa.int64() if kind.bit_width == 64 else pa.int32()).cast(pa.int64())
        digest.update(np.asarray(pc.fill_null(ints, 0)).tobytes())
    else:
        _feed(digest, pc.cast(array, pa.large_string()))


def table_digest(table: pa.Table) -> str:
    """Return the SHA-256 of a table's content: column names, types, row order and values.

    Independent of the Parquet writer, compression, row-group size, chunking, dictionary encoding and of
    string/large_string. Sensitive to row order, column order, column names, types and any single value.
    """
    digest = hashlib.sha256(b"proofset-table-v1\n")
    digest.update(canonical({"rows": table.num_rows, "columns": len(table.column_names)}))
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = _plain(column)
        part = hashlib.sha256()
        _feed(part, array)
        digest.update(canonical({"name": name, "type": str(array.type), "values": part.hexdigest()}))
    return digest.hexdigest()
