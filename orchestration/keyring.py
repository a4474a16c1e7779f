"""Keyring: whose private key signs, found by the roster's id, a URI, or the workspace's own settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from proofset.errors import DeniedError, RosterError, did_you_mean

if TYPE_CHECKING:
    from lineage.roster import Person, Roster
    from lineage.signing import Signer
    from proofset.workspace import Workspace

PASSPHRASE = "PROOFSET_KEY_PASSPHRASE"  # noqa: S105 - the variable's name, not a passphrase
RELEASE_KEY = "release"
"""Name of the platform's own key in the private folder."""


def key_path(workspace: Workspace, person: str) -> Path:
    """Where `keys new` keeps a person's private key."""
    return workspace.private / "keys" / f"{Path(person).name}.pem"


def member(roster: Roster, person: str) -> Person:
    """The person of this id. Raises RosterError with the nearest one."""
    known = {p.id: p for p in roster.people}
    if person not in known:
        raise RosterError(
            f"'{person}' is not in the roster.{did_you_mean(person, known)}",
            why=f"It names: {', '.join(sorted(known))}.",
            fix="Use an id from the roster, or add a person with `proofset keys new`.",
        )
    return known[person]


def signer_of(workspace: Workspace, person: str, key: str | None) -> Signer:
    """A person's key.

    key: a path or a URI, see `lineage.signers`; None for the file that `keys new` made.
    Raises RosterError for somebody the roster does not list, and for a key that is not theirs.
    """
    from lineage.roster import read_roster
    from lineage.signers import signer_from

    listed = member(read_roster(workspace.roster_path), person)
    place = key or str(key_path(workspace, person))
    root = Path() if key else workspace.root
    signer = signer_from(place, root, os.environ.get(PASSPHRASE))
    if signer.key_id not in {k.id for k in listed.keys}:
        raise RosterError(
            f"The key is not one of {person}'s.",
            why=f"The roster lists other keys for {person}.",
            fix="Name your own key with --key, or sign as the person the key belongs to.",
        )
    return signer


def release_signer(workspace: Workspace) -> Signer:
    """The platform's signing key: by `release_key` in proofset.yaml, or the file that `keys new release` made.

    Raises DeniedError when there is none.
    """
    from lineage.signers import signer_from
    from lineage.signing import Signer

    if workspace.config.release_key:
        return signer_from(workspace.config.release_key, workspace.root, os.environ.get(PASSPHRASE))
    path = key_path(workspace, RELEASE_KEY)
    if not path.exists():
        raise DeniedError(
            "The platform has no key to sign releases with.",
            why="A release is signed by the platform and by the people who approve it.",
            fix=f"Make one: `proofset keys new {RELEASE_KEY} --role releaser --name Platform --email platform@…`.",
        )
    try:
        return Signer.load(path)
    except RosterError:
        if PASSPHRASE not in os.environ:
            raise
        return Signer.load(path, os.environ[PASSPHRASE])  # `keys new` locked it with that, if it was set then
