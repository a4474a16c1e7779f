"""Keys in a hardware token, by PKCS#11: the private half never leaves it.

    pkcs11:token=LABEL;object=LABEL?module-path=/path/to/library.so

The URI is one of RFC 7512; `pin-value` or `pin-source=file:PATH` may follow, but the passphrase's variable is the
better place for a PIN. The token must hold an Ed25519 key (CKK_EC_EDWARDS) and sign with CKM_EDDSA (PKCS#11 3.0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lineage.signing import Signer
from proofset.errors import MissingExtraError, RosterError

_OCTET_STRING = b"\x04\x20"
"""How a DER octet string of 32 bytes begins: tokens may wrap the public point so."""


class TokenSigner(Signer):
    """A key that signs inside its token. Every signature opens a session of its own."""

    def __init__(self, token: Any, pin: str | None, label: str) -> None:
        self._token, self._pin, self._label = token, pin, label
        with token.open(user_pin=pin) as session:
            self._set_public(_public(session, label))

    def sign_raw(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature over these very bytes. Raises RosterError where the token refuses."""
        import pkcs11

        try:
            with self._token.open(user_pin=self._pin) as session:
                key = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.KeyType.EC_EDWARDS, label=self._label)
                return bytes(key.sign(message, mechanism=pkcs11.Mechanism.EDDSA))
        except pkcs11.PKCS11Error as error:
            raise _refused(self._label, error) from None


def open_token(uri: str, pin: str | None) -> Signer:
    """Open the key that an RFC 7512 URI names. Raises RosterError, and MissingExtraError without the extra."""
    try:
        import pkcs11
    except ImportError:
        raise MissingExtraError(
            "Keys in a hardware token need the extra `pkcs11`.", fix="Install it: pip install 'proofset[pkcs11]'."
        ) from None
    path, query = _parsed(uri)
    missing = [n for n, v in (("token", path), ("object", path), ("module-path", query)) if not v.get(n)]
    if missing:
        raise RosterError(
            f"The key's URI lacks {', '.join(missing)}.",
            fix="Write pkcs11:token=LABEL;object=LABEL?module-path=/path/to/library.so.",
        )
    try:
        token = pkcs11.lib(query["module-path"]).get_token(token_label=path["token"])
        return TokenSigner(token, _pin(query, pin), path["object"])
    except (pkcs11.PKCS11Error, RuntimeError, OSError, ValueError) as error:  # the last: a PIN's file that is no text
        raise _refused(path["object"], error) from None


def _parsed(uri: str) -> tuple[dict[str, str], dict[str, str]]:
    """Path and query attributes of the URI."""
    path, _, query = uri.removeprefix("pkcs11:").partition("?")
    both = (path.split(";"), query.split("&"))
    attributes = [dict(p.split("=", 1) for p in parts if "=" in p) for parts in both]
    return tuple({k: unquote(v) for k, v in a.items()} for a in attributes)  # type: ignore[return-value]


def _pin(query: dict[str, str], given: str | None) -> str | None:
    if query.get("pin-value"):
        return query["pin-value"]
    source = query.get("pin-source", "").removeprefix("file:")
    return Path(source).read_text().strip() if source else given


def _public(session: Any, label: str) -> bytes:
    """The 32 bytes of the public half."""
    import pkcs11

    key = session.get_key(pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.KeyType.EC_EDWARDS, label=label)
    point = bytes(key[pkcs11.Attribute.EC_POINT])
    raw = point.removeprefix(_OCTET_STRING) if len(point) == 34 else point
    if len(raw) != 32:
        raise RosterError(
            f"The token's key '{label}' is not an Ed25519 key.", fix="Make one of that kind in the token."
        )
    return raw


def _refused(label: str, error: Exception) -> RosterError:
    return RosterError(
        f"The token's key '{label}' cannot be used ({type(error).__name__}).",
        why="The library, the token, the key or the PIN is not the right one, or the token cannot sign with EdDSA.",
        fix="Check the URI, and give the PIN in PROOFSET_KEY_PASSPHRASE.",
    )
