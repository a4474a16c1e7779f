"""Signers: where private keys are kept, by URI.

file:PATH   or a plain path     PEM (PKCS#8) in a file; a passphrase where it has one
env:NAME                        the PEM itself in an environment variable
pkcs11:...                      a key in a hardware token (RFC 7512), by the optional extra `pkcs11`
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from lineage.signing import Signer
from proofset.errors import RosterError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):")
"""In any case (RFC 3986): what is not seen as a URI is taken for a path, which errors quote, a PIN in it included."""


def signer_from(uri: str, root: Path, passphrase: str | None = None) -> Signer:
    """Open the key that `uri` names.

    Parameters
    ----------
    root: the folder that a relative path is seen from.
    passphrase: of the PEM; for a token its PIN, where the URI names none.

    Raises RosterError for an unknown scheme, a key that is missing, locked or of another kind; MissingExtraError where
    a token is named and the extra is not installed.
    """
    found = _SCHEME.match(uri)
    scheme, rest = (found.group(1).lower(), uri[found.end() :]) if found else ("file", uri)
    if scheme == "file":
        return Signer.load(root / rest.removeprefix("//"), passphrase)
    if scheme == "env":
        return _from_environment(rest, passphrase)
    if scheme == "pkcs11":
        from lineage.signing_pkcs11 import open_token

        return open_token(f"pkcs11:{rest}", passphrase)
    raise RosterError(
        f"'{scheme}:' is not a kind of key that can be opened.",
        why="Known: file:PATH, env:NAME, pkcs11:...",
        fix="Name the key's file, the variable that holds it, or its token.",
    )


def _from_environment(name: str, passphrase: str | None) -> Signer:
    pem = os.environ.get(name, "")
    if not pem.strip():
        named = name if re.fullmatch(r"[A-Za-z_]\w{0,99}", name) else ""  # else it may be the key itself
        raise RosterError(
            f"The environment variable {named or '(none named)'} holds no key.",
            fix=f"Put the PEM of the private key into {named or 'a variable, and name it as env:NAME'}.",
        )
    return Signer.parse(pem.encode(), passphrase, f"in {name}")
