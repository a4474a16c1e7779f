"""What a machine keeps of a ledger outside its database, in one private folder.

ledger.key    the log's Ed25519 key (PEM, mode 0600), unless proofset.yaml names another place (ledger.key)
ledger.vkey   the log's verifier key, one line: enough to read and check without the private key
ledger.head   the newest checkpoint this machine has seen, a signed note

The head only moves forward. It is first written, for an empty log, before there is any entry; so a missing head always
means that somebody took it. It may lag behind the database after a crash; `lineage.ledger` says what is believed then.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from lineage.checkpoint import Checkpoint, VerifierKey, read_checkpoint, sign_checkpoint
from lineage.merkle import EMPTY_ROOT
from lineage.signers import signer_from
from lineage.signing import Signer
from proofset.errors import DeniedError, LedgerError, ProofsetError, WorkspaceError
from proofset.files import PRIVATE_FILE, make_dir, write_bytes

PASSPHRASE = "PROOFSET_LEDGER_PASSPHRASE"  # noqa: S105 - the variable's name, not a passphrase
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.002


class Keeper:
    """The private folder of a ledger.

    Parameters
    ----------
    home: the folder. name: the workspace's; the beginning of the log's name, to which a random part is added.
    key: a signer URI for the log's key (see `lineage.signers`); None for `ledger.key`, which is made when needed.
    root: the folder that a relative path in `key` is seen from.
    """

    def __init__(self, home: Path, name: str, key: str | None = None, root: Path | None = None) -> None:
        self.home, self.name, self.key, self.root = home, name, key, root or home
        self.key_path = home / "ledger.key"
        self.vkey_path = home / "ledger.vkey"
        self.head_path = home / "ledger.head"
        self._opened: Signer | None = None
        self._read: tuple[str, Checkpoint] | None = None

    def vkey(self) -> VerifierKey | None:
        """The log's verifier key; None where no ledger was begun here. Raises LedgerError where it is not readable."""
        text = self._text(self.vkey_path)
        if text is None:
            return None
        try:
            return VerifierKey.parse(text.removesuffix("\n"))
        except DeniedError:
            raise self._unusable(f"The verifier key in {self.vkey_path.name} is not readable.") from None

    def head(self) -> Checkpoint | None:
        """The newest checkpoint seen here; None where there is none. Raises LedgerError where it is not the log's."""
        note = self._text(self.head_path)
        if note is None:
            return None
        if self._read is not None and self._read[0] == note:
            return self._read[1]
        key = self.vkey()
        if key is None:
            raise self._unusable(f"The verifier key {self.vkey_path.name} is missing.")
        try:
            self._read = (note, read_checkpoint(note, key))
        except DeniedError as error:
            raise self._unusable(f"Its head file {self.head_path.name} is not readable: {error.what}") from None
        return self._read[1]

    def advance(self, note: str, signed: Checkpoint) -> None:
        """Note a checkpoint that was verified, unless the head is at or beyond it already."""
        with self._locked("head"):
            held = self.head()
            if held is None or held.size < signed.size:
                write_bytes(self.head_path, note.encode(), private=True)
                self._read = (note, signed)

    def begin(self, *, empty: bool) -> Signer:
        """The log's key, ready to sign. For an `empty` database, key, verifier key and head are made where missing.

        Raises LedgerError where the key cannot be opened or is another one than the log began with.
        """
        if self._opened is not None and self.head_path.exists():
            return self._opened
        make_dir(self.home, private=True)
        with self._locked("begin"), self._writable():
            known, head = self.vkey(), self.head()
            if not empty and (known is None or head is None):
                raise self._unusable(
                    f"Its {'verifier key' if known is None else 'head file'} is missing: nobody can tell whether the "
                    "last entry is the last."
                )
            signer = self._signer(new=known is None)
            key = known or VerifierKey(f"proofset.dev/ledger/{_fit(self.name)}/{secrets.token_hex(8)}", signer.public)
            if key.public != signer.public:
                raise LedgerError(
                    "The ledger's key is not the one it began with.",
                    why=f"Entries are signed by the key {key.id.hex()} of {self.vkey_path.name}.",
                    fix="Put that key back, or name it in proofset.yaml: ledger.key.",
                )
            if known is None:
                write_bytes(self.vkey_path, f"{key}\n".encode(), private=True)
            if head is None:
                start = Checkpoint(origin=key.name, size=0, root=EMPTY_ROOT.hex())
                write_bytes(self.head_path, sign_checkpoint(start, signer).encode(), private=True)
        self._opened = signer
        return signer

    def _signer(self, *, new: bool) -> Signer:
        """Open the key, or make it for a ledger that begins."""
        if self.key is None and new and not self.key_path.exists():
            signer = Signer.generate()
            signer.save(self.key_path, os.environ.get(PASSPHRASE))
            return signer
        try:
            return signer_from(self.key or f"file:{self.key_path}", self.root, os.environ.get(PASSPHRASE))
        except ProofsetError as error:
            raise LedgerError(
                "The ledger cannot be written to without its key.",
                why=f"{error.what} Reading and checking need only {self.vkey_path.name}.",
                fix=f"Put the key back at {self.key_path}, or name it in proofset.yaml: ledger.key."
                if self.key is None
                else f"Make the key of ledger.key in proofset.yaml available. {error.fix}",
            ) from None

    @contextmanager
    def _locked(self, what: str) -> Iterator[None]:
        path = self.home / f"ledger.{what}.lock"
        lock = filelock.FileLock(path, timeout=_WAIT_SECONDS, poll_interval=_POLL_SECONDS, mode=PRIVATE_FILE)
        try:
            with self._writable():
                lock.acquire()
        except filelock.Timeout:
            raise LedgerError("The ledger is being written by another process.", fix="Try again.") from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, WorkspaceError) as error:
            kind = error.__cause__ if isinstance(error, WorkspaceError) else error
            raise LedgerError(
                "The ledger's private folder cannot be written.",
                why=f"The system says: {os.strerror(getattr(kind, 'errno', None) or errno.EIO)}.",
                fix=f"Make room in {self.home}, or give yourself write permission there, then do it again.",
            ) from None

    def _text(self, path: Path) -> str | None:
        try:
            return path.read_bytes().decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable(f"Its file {path.name} is not readable ({type(error).__name__}).") from None

    def _unusable(self, why: str) -> LedgerError:
        return LedgerError(
            "The ledger does not add up.",
            why=why,
            fix=f"Restore {self.vkey_path.name} and {self.head_path.name} together with the database from one backup. "
            "On a machine new to a shared ledger, copy both from one that keeps it.",
        )


def _fit(name: str) -> str:
    """The name as a part of a key's name: no spaces, no plus, no slash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80] or "ledger"
