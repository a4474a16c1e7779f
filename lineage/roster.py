"""Roster: the people who may sign, their roles and their public keys. One YAML file, reviewed like code."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from proofset.digest import sha256_bytes, sha256_json
from proofset.errors import RosterError, SpecError
from proofset.files import write_bytes
from proofset.reading import read_model
from proofset.spec import Frozen, Name

RELEASER = "releaser"
"""Role of the platform's own key, which signs passports. Alone, it approves nothing."""

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]

_HEADER = """\
# People who may approve, reject or release, and their public keys (Ed25519).
# A key's id is the SHA-256 of its 32 raw bytes. Whoever can change this file decides who may sign: review changes.
"""


class Key(Frozen):
    """A public key. id: SHA-256 of the raw key, 64 hex digits; public: base64 of the 32 raw bytes; added: ISO date."""

    id: str
    public: str
    added: str

    @model_validator(mode="after")
    def _matches(self) -> Self:
        try:
            date.fromisoformat(self.added)
            raw = base64.b64decode(self.public, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"key {self.id[:12]}: public must be base64 and added an ISO date") from None
        if len(raw) != 32:
            raise ValueError(f"key {self.id[:12]}: public holds {len(raw)} bytes; an Ed25519 key has 32")
        if self.id != sha256_bytes(raw):
            raise ValueError(f"key {self.id[:12]}: id is not the SHA-256 of public ({sha256_bytes(raw)[:12]}…)")
        return self

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the key."""
        return base64.b64decode(self.public)


class Person(Frozen):
    """Someone who signs. A person with two keys is still one person."""

    id: Name
    name: str
    email: Email
    roles: tuple[Name, ...] = Field(min_length=1)
    keys: tuple[Key, ...] = ()

    def is_called(self, requester: str) -> bool:
        """Whether `requester` names this person by id, name or e-mail, in whatever case and between whatever spaces.

        An e-mail is found in "Ada Example <ada@example.org>", too. Two people of one name are both meant.
        """
        asked = " ".join(requester.split()).casefold()
        names = {self.id.casefold(), " ".join(self.name.split()).casefold()}
        return asked in names or self.email.casefold() in re.split(r"[\s<>(),;:]+", asked)


class Roster(Frozen):
    """Everyone who may sign."""

    people: tuple[Person, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        holders: dict[str, str] = {}
        ids: set[str] = set()
        emails: dict[str, str] = {}
        for person in self.people:
            if person.id in ids:
                raise ValueError(f"the person '{person.id}' is listed twice")
            ids.add(person.id)
            other = emails.setdefault(person.email.casefold(), person.id)
            if other != person.id:
                raise ValueError(f"'{other}' and '{person.id}' have the same e-mail; one person counts once")
            for key in person.keys:
                if key.id in holders:
                    raise ValueError(f"key {key.id[:12]} is listed twice, by '{holders[key.id]}' and '{person.id}'")
                holders[key.id] = person.id
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the roster's canonical JSON."""
        return sha256_json(self.plain())

    def person_of(self, key_id: str) -> Person | None:
        """Who holds the key, or None."""
        return next((p for p in self.people if any(k.id == key_id for k in p.keys)), None)

    def keys_of(self, role: str | None = None) -> dict[str, bytes]:
        """Key id -> raw public key, of everyone or of those who hold `role`."""
        return {k.id: k.raw for p in self.people if role is None or role in p.roles for k in p.keys}


def read_roster(path: Path) -> Roster:
    """Read a roster. Raises RosterError where it is missing or does not hold together."""
    if not path.is_file():
        raise RosterError(
            f"There is no roster at {path}.",
            why="Without one nobody may sign, and no signature can be checked.",
            fix="Run `proofset keys new` to make a key and list its holder.",
        )
    try:
        return read_model(path, Roster)
    except SpecError as error:
        raise RosterError(error.what, why=error.why, fix="Correct the lines above.") from None


def add_key(
    path: Path,
    person_id: str,
    name: str,
    email: str,
    roles: Sequence[str],
    public: bytes,
    added: date | None = None,
) -> Roster:
    """List a public key, making the roster or the person where they are missing. Comments in the file are not kept.

    A person already listed keeps name, e-mail and roles: a new key grants nothing new.
    Raises RosterError for another e-mail or more roles than the person has, and for a key already listed.
    """
    people = {p.id: p for p in read_roster(path).people} if path.exists() else {}
    day = added or datetime.now(UTC).date()
    key = {"id": sha256_bytes(public), "public": base64.b64encode(public).decode(), "added": day.isoformat()}
    known = people.get(person_id)
    if known is not None:
        _same_person(known, email, roles)
        entry = known.plain() | {"keys": [*(k.plain() for k in known.keys), key]}
    else:
        entry = {"id": person_id, "name": name, "email": email, "roles": list(roles), "keys": [key]}
    listed = {i: p.plain() for i, p in people.items()} | {person_id: entry}
    try:
        roster = Roster.model_validate({"people": list(listed.values())})
    except ValidationError as error:
        raise RosterError(
            "\n".join(_messages(error)), fix="Correct the person's id, e-mail and roles, or take another key."
        ) from None
    text = yaml.safe_dump(roster.plain(), sort_keys=False, allow_unicode=True, width=120)
    write_bytes(path, (_HEADER + text).encode())
    return roster


def _same_person(known: Person, email: str, roles: Sequence[str]) -> None:
    if email.casefold() != known.email.casefold():
        raise RosterError(
            f"'{known.id}' is listed with another e-mail.",
            why="A person's id must not move to somebody else.",
            fix="Choose another id, or correct the roster by hand.",
        )
    more = sorted(set(roles) - set(known.roles))
    if more:
        raise RosterError(
            f"'{known.id}' does not hold the role{'s' if len(more) > 1 else ''} {', '.join(more)}.",
            why="Adding a key does not grant a role.",
            fix="Add the role in the roster by hand, where the change is reviewed.",
        )


def _messages(error: ValidationError) -> Iterable[str]:
    for problem in error.errors():
        where = ".".join(str(p) for p in problem["loc"] if not isinstance(p, int)) or "roster"
        yield f"{where}: {problem['msg'].removeprefix('Value error, ')}."
