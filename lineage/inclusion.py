"""Inclusion: the proof that one entry stands in a log, for somebody who has neither the log nor its database.

It holds the entry, the path of hashes from the entry to the root, and the checkpoint that signs the root. Checking it
needs the log's verifier key and nothing else. One spelling: canonical JSON.
"""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError

from lineage.checkpoint import Checkpoint, VerifierKey, read_checkpoint
from lineage.entry import Entry
from lineage.merkle import includes
from proofset.digest import canonical
from proofset.errors import DeniedError
from proofset.spec import Frozen

MAX_BYTES = 64 * 1024 * 1024
MAX_PATH = 64


class Inclusion(Frozen):
    """entry: with all its fields. size: of the tree. path: hex hashes, from the leaf up. checkpoint: a signed note."""

    entry: Entry
    size: int
    path: tuple[str, ...]
    checkpoint: str

    def check(self, vkey: str) -> Checkpoint:
        """Verify signature, hash and path; return what the log signed. vkey: the log's verifier key.

        Raises DeniedError, which says what does not hold.
        """
        signed = read_checkpoint(self.checkpoint, VerifierKey.parse(vkey))
        if signed.size != self.size:
            raise _refused(f"The proof is for {self.size} entries, its checkpoint for {signed.size}.")
        try:
            leaf = self.entry.computed_hash()
            path = [bytes.fromhex(step) for step in self.path]
        except (TypeError, ValueError):
            raise _refused("The entry or the path is not readable.") from None
        if leaf != self.entry.hash:
            raise _refused(f"Entry {self.entry.seq} does not have the hash it states.")
        if any(step.hex() != text or len(step) != 32 for step, text in zip(path, self.path, strict=True)):
            raise _refused("The path is not spelled as hashes are.")
        if not includes(bytes.fromhex(leaf), self.entry.seq - 1, self.size, path, bytes.fromhex(signed.root)):
            raise _refused(f"The path does not lead from entry {self.entry.seq} to the signed root.")
        return signed

    def to_bytes(self) -> bytes:
        """The proof's one spelling."""
        return canonical(self.plain())

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Self:
        """Read a proof; `name` stands for the file in errors. Nothing in it is believed before `check`.

        Raises DeniedError unless `data` is, byte for byte, what `to_bytes` writes.
        """
        try:
            proof = cls.model_validate_json(data) if len(data) <= MAX_BYTES else None
            if proof is not None and len(proof.path) <= MAX_PATH and proof.to_bytes() == data:
                return proof
        except (ValidationError, ValueError, TypeError, RecursionError):
            pass
        raise DeniedError(
            f"{name}: not an intact inclusion proof.",
            why="Its bytes are not the canonical form of one.",
            fix="Fetch the file again from where it was published.",
        )


def _refused(why: str) -> DeniedError:
    return DeniedError(
        "The inclusion proof does not hold.", why=why, fix="Fetch the release and its proof again from their source."
    )
