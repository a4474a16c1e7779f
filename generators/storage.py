"""Storage of fitted generators: a folder of private files under a seal, which loading verifies first.

The seal (`seal.json`) lists every file's SHA-256. It shows damage and exchange of single files; whoever can rewrite
the whole folder can write a new seal too, so a caller that recorded the digest at fitting passes it as `expected`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from proofset.digest import canonical, sha256_bytes, sha256_json
from proofset.errors import GeneratorError
from proofset.files import write_bytes

SEAL = "seal.json"


def sealed_digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 over the files' names and digests."""
    return sha256_json({name: sha256_bytes(data) for name, data in files.items()})


def write_sealed(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files with mode 0600 and then the seal, so that a half-written folder never verifies."""
    (folder / SEAL).unlink(missing_ok=True)
    for name, data in sorted(files.items()):
        write_bytes(folder / name, data, private=True)
    seal = {"digest": sealed_digest(files), "files": {name: sha256_bytes(data) for name, data in files.items()}}
    write_bytes(folder / SEAL, canonical(seal), private=True)


def read_sealed(folder: Path, expected: str | None = None) -> dict[str, bytes]:
    """Return the files of a sealed folder by name.

    Raises GeneratorError where the seal is missing or unreadable, or where a file is missing, unlisted or changed, or
    the whole folder is not the one with digest `expected`.
    """

    def refuse(why: str) -> GeneratorError:
        return GeneratorError(
            f"The fitted generator in {folder.name} is not what was saved.",
            why=why,
            fix="Restore the folder from where it was saved, or fit again.",
        )

    try:
        raw = (folder / SEAL).read_bytes()
    except OSError:
        raise refuse(f"It has no readable {SEAL}.") from None
    try:
        seal = json.loads(raw)
        listed, digest = dict(seal["files"]), seal["digest"]
        whole = canonical(seal) == raw
    except (ValueError, KeyError, TypeError):
        raise refuse(f"{SEAL} is damaged.") from None
    present = {p.name for p in folder.iterdir() if not p.name.startswith(".part-")} - {SEAL}
    if present != set(listed):
        raise refuse(f"Missing or unlisted files: {', '.join(sorted(present ^ set(listed)))}.")
    files = {name: (folder / name).read_bytes() for name in sorted(listed)}
    changed = [name for name, data in files.items() if sha256_bytes(data) != listed[name]]
    if changed:
        raise refuse(f"Changed since it was sealed: {', '.join(changed)}.")
    if not whole or sealed_digest(files) != digest:
        raise refuse(f"{SEAL} is damaged.")
    if expected is not None and expected != digest:
        raise refuse("Its digest is not the one on record.")
    return files


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the arrays as npz; the same arrays give the same bytes (numpy writes a fixed time into the archive)."""
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, **{n: np.ascontiguousarray(a) for n, a in sorted(arrays.items())})
    return sink.getvalue()


def read_npz(data: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of an npz; never unpickles."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def schema_bytes(schema: pa.Schema) -> bytes:
    """Return an Arrow schema, without metadata, as IPC bytes."""
    return bytes(schema.remove_metadata().serialize().to_pybytes())


def read_schema(data: bytes) -> pa.Schema:
    """Return the schema in `data`."""
    return pa.ipc.read_schema(pa.py_buffer(data))
