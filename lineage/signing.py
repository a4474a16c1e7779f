"""Signing: Ed25519 keys and DSSE envelopes (github.com/secure-systems-lab/dsse, protocol 1.0) over in-toto statements.

What is signed are bytes: the pre-authentication encoding of the payload and its type. An envelope is read
strictly: its file must be the one canonical spelling of what it says, so that no byte of it can change unnoticed.
"""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError, RosterError
from proofset.files import PRIVATE_FILE, make_dir
from proofset.spec import Frozen

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
APPROVAL_TYPE = "https://proofset.dev/approval/v1"
PASSPORT_TYPE = "https://proofset.dev/passport/v1"


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes a signature covers. Lengths count bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


class Signer:
    """A private key. It never prints itself."""

    public: bytes
    """The 32 raw bytes of the public key."""
    key_id: str
    """SHA-256 of them."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._set_public(private.public_key().public_bytes_raw())

    def _set_public(self, raw: bytes) -> None:
        self.public, self.key_id = raw, sha256_bytes(raw)

    def __repr__(self) -> str:
        return f"Signer({self.key_id[:12]})"

    @classmethod
    def generate(cls) -> Signer:
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    def sign(self, payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
        """Return the 64-byte signature over the payload's pre-authentication encoding."""
        return self.sign_raw(pae(payload_type, payload))

    def sign_raw(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature over these very bytes."""
        return self._private.sign(message)

    def save(self, path: Path, passphrase: str | None) -> None:
        """Write the key as PKCS#8 PEM that only its owner may read. Raises RosterError where the file exists."""
        if passphrase == "":
            raise RosterError("The passphrase is empty.", fix="Give a passphrase, or none at all.")
        lock = (
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase is not None
            else serialization.NoEncryption()
        )
        pem = self._private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        make_dir(path.parent, private=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(pem)
                out.flush()
                os.fsync(out.fileno())
            Path(temporary).chmod(PRIVATE_FILE)
            os.link(temporary, path)  # unlike a rename, refuses to replace a key
        except FileExistsError:
            raise RosterError(
                f"There is a key at {path} already.",
                why="Overwriting a private key would lose it for good.",
                fix="Choose another name, or move the old key away.",
            ) from None
        finally:
            Path(temporary).unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path, passphrase: str | None = None) -> Signer:
        """Read a key. Raises RosterError where it is missing, locked, or of another kind."""
        try:
            pem = path.read_bytes()
        except OSError as error:
            raise RosterError(
                f"The private key {path} cannot be read.",
                why=f"{type(error).__name__}.",
                fix="Make one with `proofset keys new`, or name the right file.",
            ) from None
        return cls.parse(pem, passphrase, str(path))

    @classmethod
    def parse(cls, pem: bytes, passphrase: str | None, name: str) -> Signer:
        """Read a key from PEM; `name` stands for it in errors. Raises RosterError."""
        try:
            key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase is not None else None)
        except TypeError:
            raise RosterError(
                f"The private key {name} is {'locked' if passphrase is None else 'not locked'}.",
                fix="Give its passphrase." if passphrase is None else "Give no passphrase for it.",
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise RosterError(
                f"The private key {name} cannot be opened.",
                why="The passphrase is wrong, or it is not a PEM private key.",
                fix="Try the passphrase again; make a new key with `proofset keys new` if it is lost.",
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise RosterError(
                f"The private key {name} is not an Ed25519 key.",
                why="Other kinds of signature are not accepted.",
                fix="Make one with `proofset keys new`.",
            )
        return Signer(key)


class Signature(Frozen):
    """One signature: the key's id and the base64 of 64 bytes."""

    keyid: str
    sig: str


class Envelope(Frozen):
    """A DSSE envelope. payload: base64 of the exact signed bytes."""

    payload: str
    payloadType: str
    signatures: tuple[Signature, ...] = Field(min_length=1)

    def to_bytes(self) -> bytes:
        """The envelope's one spelling: canonical JSON."""
        return canonical(self.plain())

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Self:
        """Read an envelope; `name` stands for the file in errors.

        Raises DeniedError unless `data` is, byte for byte, what `to_bytes` writes.
        """
        try:
            envelope = cls.model_validate_json(data)
            _strict_base64(envelope.payload)
            for signature in envelope.signatures:
                _strict_base64(signature.sig)
            same = envelope.to_bytes() == data
        except (ValidationError, ValueError):
            same = False
        if not same:
            raise DeniedError(
                f"{name}: not an intact envelope.",
                why="Its bytes are not the canonical form of a DSSE envelope.",
                fix="Fetch the file again from where it was published.",
            )
        return envelope

    @property
    def payload_bytes(self) -> bytes:
        """The payload, not yet verified."""
        return _strict_base64(self.payload)

    def verified(self, keys: Mapping[str, bytes]) -> bytes:
        """Return the payload after checking every signature.

        Parameters
        ----------
        keys: key id -> raw public key of those whose signature is accepted.

        Raises DeniedError for another payload type, a key not in `keys`, a key that signs twice, a wrong signature.
        An envelope with one good and one unknown signature is refused: nothing in it goes unchecked.
        """
        if self.payloadType != PAYLOAD_TYPE:
            raise DeniedError("The envelope's payload type is not an in-toto statement.")
        if len({s.keyid for s in self.signatures}) != len(self.signatures):
            raise DeniedError("The envelope is signed twice with one key.")
        payload = self.payload_bytes
        message = pae(self.payloadType, payload)
        for signature in self.signatures:
            public = keys.get(signature.keyid)
            if public is None or sha256_bytes(public) != signature.keyid:
                raise DeniedError(
                    f"The signing key {signature.keyid[:12]} is not accepted here.",
                    why="The roster does not list it, or its holder lacks the role that this signature needs.",
                    fix="Check that you hold the right roster; ask the signer which key was used.",
                )
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(_strict_base64(signature.sig), message)
            except InvalidSignature:
                raise DeniedError(
                    f"The signature by key {signature.keyid[:12]} does not match.",
                    why="The signed bytes were changed, or another key made the signature.",
                    fix="Fetch the file again from where it was published.",
                ) from None
        return payload


def sign_statement(statement: Mapping[str, Any], signers: Sequence[Signer]) -> Envelope:
    """Sign a statement's canonical JSON with every signer."""
    payload = canonical(dict(statement))
    return Envelope(
        payload=base64.b64encode(payload).decode(),
        payloadType=PAYLOAD_TYPE,
        signatures=tuple(
            Signature(keyid=s.key_id, sig=base64.b64encode(s.sign(payload, PAYLOAD_TYPE)).decode()) for s in signers
        ),
    )


def make_statement(subjects: Sequence[tuple[str, str]], predicate_type: str, predicate: Any) -> dict[str, Any]:
    """Return an in-toto Statement v1. subjects: (name, SHA-256) of what is spoken about."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def _strict_base64(text: str) -> bytes:
    """Decode; refuse line breaks, missing padding and stray bits, which would let two texts mean one payload."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data
