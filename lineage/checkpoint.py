"""Checkpoint: a signed statement of how many entries a log has and which root, in the formats of c2sp.org.

    proofset.dev/ledger/bank/5f0c…        origin: the log's name, never shared by two logs
    42                                    size
    qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=     base64 of the root
                                          a blank line
    — NAME base64(key id, 4 bytes || signature)       one line per signature

The signed bytes are the first three lines with their line ends (c2sp.org/signed-note, c2sp.org/tlog-checkpoint). A
key is named by its *verifier key* text, "NAME+hex(key id)+base64(kind || public key)", and its id is the first four
bytes of SHA-256(NAME || 0x0A || kind || public key). Kind 0x01 is Ed25519 over those bytes; kind 0x04 is a witness's
cosignature (c2sp.org/tlog-cosignature), Ed25519 over "cosignature/v1\\ntime SECONDS\\n" and those bytes, behind 8
bytes of time.

Reading is strict: there is one spelling, nothing is skipped but signatures of keys that were not asked for, and lines
after the root (extensions) are refused, since none is understood here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from proofset.digest import sha256_bytes
from proofset.errors import DeniedError
from proofset.spec import Frozen

ED25519, COSIGNATURE = 0x01, 0x04
MAX_BYTES = 64 * 1024
MAX_SIGNATURES = 100
MAX_SIZE = 2**53 - 1
"""The largest number of entries: what JSON holds exactly."""

_DASH = "— "
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


class RawSigner(Protocol):
    """Whatever signs bytes with an Ed25519 key: `lineage.signing.Signer`."""

    public: bytes

    def sign_raw(self, message: bytes) -> bytes:
        """The 64-byte signature of exactly these bytes."""
        ...


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name. kind: ED25519 or COSIGNATURE; public: 32 bytes."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def id(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        return bytes.fromhex(sha256_bytes(self.name.encode() + b"\n" + bytes([self.kind]) + self.public))[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the text form. Raises DeniedError for anything else."""
        parts = text.split("+", 2)
        if len(parts) == 3 and _NAME.fullmatch(parts[0]):
            raw = _decoded(parts[2])
            if raw is not None and len(raw) == 33 and raw[0] in (ED25519, COSIGNATURE):
                key = cls(parts[0], raw[1:], raw[0])
                if str(key) == text:
                    return key
        raise DeniedError(
            "This is not a verifier key.",
            why="One reads NAME+8 hex digits+base64, and its digits follow from the rest.",
            fix="Copy the key again, in one piece, from where it was published.",
        )


class Checkpoint(Frozen):
    """origin: the log's name. size: number of entries. root: 64 hex digits."""

    origin: str
    size: int
    root: str

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(bytes.fromhex(self.root)).decode()}\n"


class Cosignature(Frozen):
    """A witness's word that it saw the checkpoint. at: when, by its clock; None where the key's kind states no time."""

    name: str
    at: datetime | None


def sign_checkpoint(checkpoint: Checkpoint, signer: RawSigner) -> str:
    """The note: the checkpoint signed under the log's own name."""
    key = VerifierKey(checkpoint.origin, signer.public)
    return f"{checkpoint.text}\n{_line(key, signer.sign_raw(checkpoint.text.encode()))}"


def cosign(note: str, name: str, signer: RawSigner, at: datetime) -> str:
    """Add a witness's line to a note. name: the witness's, without spaces or plus. at: with time zone.

    Raises DeniedError for an unfit name and a note that is none. Check the note against the log before.
    """
    if not _NAME.fullmatch(name):
        raise DeniedError(f"'{name[:40]}' cannot be a witness's name.", fix="Use letters, digits, dots and slashes.")
    text, lines = _parsed(note)
    key = VerifierKey(name, signer.public, COSIGNATURE)
    if any((n, blob[:4]) == (name, key.id) for n, blob in lines):
        raise DeniedError(f"'{name}' has cosigned this checkpoint already.", fix="Pass on the checkpoint as it is.")
    seconds = int(at.timestamp())
    signature = signer.sign_raw(_cosigned(seconds, text))
    return note + _line(key, seconds.to_bytes(8, "big") + signature)


def read_checkpoint(note: str, log: VerifierKey, witnesses: Sequence[VerifierKey] = ()) -> Checkpoint:
    """Read a note and check the log's signature, and those of each witness given.

    Raises DeniedError where it is not a checkpoint, spelled otherwise, of another log, or where the signature of the
    log or of a given witness is missing, doubled or wrong.
    """
    text, lines = _parsed(note)
    checkpoint = _checkpoint(text)
    if checkpoint.origin != log.name:
        raise DeniedError(
            "The checkpoint is of another log.",
            why=f"It names {_shown(checkpoint.origin)}, not {_shown(log.name)}.",
            fix="Hold it against the ledger it was made by.",
        )
    _verified(text, lines, log)
    for witness in witnesses:
        _verified(text, lines, witness)
    return checkpoint


def cosignatures(note: str, witnesses: Sequence[VerifierKey]) -> list[Cosignature]:
    """What each of these witnesses states about a note. Raises DeniedError where one of their lines is not there."""
    text, lines = _parsed(note)
    return [Cosignature(name=key.name, at=_verified(text, lines, key)) for key in witnesses]


def unverified(note: str) -> Checkpoint:
    """What a note says, whoever wrote it: for looking, never for believing. Raises DeniedError."""
    return _checkpoint(_parsed(note)[0])


def _checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")[:-1]
    if len(lines) > 3:
        raise _malformed("It has lines after the root, and no such extension is known here.")
    if len(lines) < 3 or not _NAME.fullmatch(lines[0]):
        raise _malformed("Its first three lines are not a log's name, a size and a root.")
    root = _decoded(lines[2])
    if not _SIZE.fullmatch(lines[1]) or int(lines[1]) > MAX_SIZE or root is None or len(root) != 32:
        raise _malformed("Its size or its root is not written as it must be.")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root.hex())


def _parsed(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The signed text, and name and bytes of each signature line."""
    try:
        if len(note.encode()) > MAX_BYTES:
            raise _malformed(f"It is longer than {MAX_BYTES} bytes.")
    except UnicodeEncodeError:
        raise _malformed("It is not text.") from None
    text, found, block = note.rpartition("\n\n")
    if not found or not text or not block.endswith("\n"):
        raise _malformed("It has no signatures behind a blank line.")
    lines = block.split("\n")[:-1]
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"It has more than {MAX_SIGNATURES} signatures.")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    name, found, encoded = line.removeprefix(_DASH).partition(" ")
    blob = _decoded(encoded)
    if not line.startswith(_DASH) or not found or not _NAME.fullmatch(name) or blob is None or len(blob) < 5:
        raise _malformed("One of its signature lines is not written as it must be.")
    return name, blob


def _verified(text: str, lines: list[tuple[str, bytes]], key: VerifierKey) -> datetime | None:
    """Check the one line of this key; return the time a cosignature states."""
    mine = [blob[4:] for name, blob in lines if name == key.name and blob[:4] == key.id]
    if len(mine) != 1:
        raise DeniedError(
            f"The checkpoint is {'signed twice' if mine else 'not signed'} by {_shown(key.name)} ({key.id.hex()}).",
            why="" if mine else "Another key signed it, or the line was taken away.",
            fix="Fetch the checkpoint again from where it was published.",
        )
    at, message, signature = None, text.encode(), mine[0]
    try:
        if key.kind == COSIGNATURE:
            seconds, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = _cosigned(seconds, text)
            at = datetime.fromtimestamp(seconds, UTC)
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError, OverflowError, OSError):
        raise DeniedError(
            f"The signature of {_shown(key.name)} on the checkpoint does not match.",
            why="The checkpoint was changed, or another key made the signature.",
            fix="Fetch the checkpoint again from where it was published.",
        ) from None
    return at


def _cosigned(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {base64.b64encode(key.id + signature).decode()}\n"


def _decoded(text: str) -> bytes | None:
    """Standard base64 in its one spelling; None for anything else."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def _shown(name: str) -> str:
    return name if len(name) <= 80 else name[:77] + "…"


def _malformed(why: str) -> DeniedError:
    return DeniedError("This is not a checkpoint.", why=why, fix="Fetch it again, in one piece, from its source.")
