"""Roster: the people who may sign, their roles and their public keys. One YAML file, reviewed like code."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from lineage.times import parse_utc, utc_text
from proofset.digest import sha256_bytes, sha256_json
from proofset.errors import RosterError, SpecError
from proofset.files import write_bytes
from proofset.reading import read_model
from proofset.spec import Frozen, Name

RELEASER = "releaser"
"""Role of the platform's own key, which signs passports. Alone, it approves nothing."""

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Team = Annotated[str, StringConstraints(pattern=r"^team:[\w.-]+$")]

_HEADER = """\
# People who may approve, reject or release, and their public keys (Ed25519).
# A key's id is the SHA-256 of its 32 raw bytes. Whoever can change this file decides who may sign: review changes.
"""


class Key(Frozen):
    """A public key, and for how long its signatures count.

    id: SHA-256 of the raw key, 64 hex digits; public: base64 of the 32 raw bytes; added: ISO date of listing.
    valid_from, valid_until: its first and last day (UTC), ISO dates; None for no such limit.
    revoked_at: the moment from which on nothing it signs counts, as `lineage.times` writes it; what it signed before
    stays valid.  revoked_why: in a few words.
    """

    id: str
    public: str
    added: str
    valid_from: str | None = None
    valid_until: str | None = None
    revoked_at: str | None = None
    revoked_why: str | None = None

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
        try:
            since = date.fromisoformat(self.valid_from) if self.valid_from else date.min
            until = date.fromisoformat(self.valid_until) if self.valid_until else date.max
            if self.revoked_at is not None:
                parse_utc(self.revoked_at)
        except ValueError:
            raise ValueError(
                f"key {self.id[:12]}: valid_from and valid_until must be ISO dates, revoked_at a moment like "
                "2026-01-31T09:30:00.000000Z"
            ) from None
        if until < since:
            raise ValueError(f"key {self.id[:12]}: valid_until lies before valid_from")
        if self.revoked_why and not self.revoked_at:
            raise ValueError(f"key {self.id[:12]}: revoked_why without revoked_at; say since when")
        return self

    def flaw(self, at: datetime) -> str:
        """Why a signature made at this moment does not count, or "". at: with time zone."""
        day = at.astimezone(UTC).date()
        if self.revoked_at is not None and at >= parse_utc(self.revoked_at):
            return f"its key {self.id[:12]} was revoked on {self.revoked_at[:10]}"
        if self.valid_from is not None and day < date.fromisoformat(self.valid_from):
            return f"its key {self.id[:12]} was not good before {self.valid_from}"
        if self.valid_until is not None and day > date.fromisoformat(self.valid_until):
            return f"its key {self.id[:12]} was good until {self.valid_until}"
        return ""

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the key."""
        return base64.b64decode(self.public)


class Person(Frozen):
    """Someone who signs. A person with two keys is still one person.

    teams: `team:name` as owners and requesters are named; what a team asked for, none of its people approves.
    robot: whether it is an account that acts by itself; `of` names the person who answers for it.
    """

    id: Name
    name: str
    email: Email
    roles: tuple[Name, ...] = Field(min_length=1)
    keys: tuple[Key, ...] = ()
    teams: tuple[Team, ...] = ()
    robot: bool = False
    of: Name | None = None

    @model_validator(mode="after")
    def _answered_for(self) -> Self:
        if self.of is not None and not self.robot:
            raise ValueError(f"'{self.id}' names a person it is a robot of, but is none; write `robot: true`")
        return self

    def is_called(self, requester: str) -> bool:
        """Whether `requester` names this person by id, name, e-mail or team, however that is spelled (see `_plain`).

        An e-mail is found in "Ada Example <ada@example.org>", too. Two people of one name are both meant.
        """
        asked = _plain(requester)
        names = {_plain(name) for name in (self.id, self.name, *self.teams)}
        return asked in names or _plain(self.email) in re.split(r"[\s<>()\[\]\"',;:]+", asked)


class Roster(Frozen):
    """Everyone who may sign.

    ledgers: verifier keys of the ledgers that count (see docs/ledger.md); () for those that passports name.
    """

    people: tuple[Person, ...] = Field(min_length=1)
    ledgers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        holders: dict[str, str] = {}
        ids: set[str] = set()
        emails: dict[str, str] = {}
        for person in self.people:
            if person.id in ids:
                raise ValueError(f"the person '{person.id}' is listed twice")
            ids.add(person.id)
            other = emails.setdefault(_plain(person.email), person.id)
            if other != person.id:
                raise ValueError(f"'{other}' and '{person.id}' have the same e-mail; one person counts once")
            for key in person.keys:
                if key.id in holders:
                    raise ValueError(f"key {key.id[:12]} is listed twice, by '{holders[key.id]}' and '{person.id}'")
                holders[key.id] = person.id
        robots = {p.id for p in self.people if p.robot}
        for person in self.people:
            if person.of is not None and person.of not in ids:
                raise ValueError(f"'{person.id}' is a robot of '{person.of}', whom nobody lists")
            if person.of in robots:
                raise ValueError(f"'{person.id}' is a robot of '{person.of}', who is a robot itself; name the person")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the roster's canonical JSON."""
        return sha256_json(self.plain())

    def person_of(self, key_id: str) -> Person | None:
        """Who holds the key, or None."""
        return next((p for p in self.people if any(k.id == key_id for k in p.keys)), None)

    def keys_of(self, role: str | None = None) -> dict[str, bytes]:
        """Key id -> raw public key, of everyone or of those who hold `role`; revoked ones, too: see `flaw_of`."""
        return {k.id: k.raw for p in self.people if role is None or role in p.roles for k in p.keys}

    def flaw_of(self, key_id: str, at: datetime) -> str:
        """Why what this key signed at this moment does not count, or ""."""
        found = next((k for p in self.people for k in p.keys if k.id == key_id), None)
        return "the roster does not list its key" if found is None else found.flaw(at)


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
    present = read_roster(path) if path.exists() else None
    people = {p.id: p for p in present.people} if present else {}
    ledgers = present.ledgers if present else ()
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
        roster = Roster.model_validate({"people": list(listed.values()), "ledgers": ledgers})
    except ValidationError as error:
        raise RosterError(
            "\n".join(_messages(error)), fix="Correct the person's id, e-mail and roles, or take another key."
        ) from None
    return write_roster(path, roster)


def revoke_key(path: Path, prefix: str, at: datetime, why: str) -> tuple[Roster, Key]:
    """Mark a key as revoked from `at` on; what it signed before stays valid. Comments in the file are not kept.

    prefix: the first digits of the key's id, at least six.  Revoking again can only make the moment earlier, so that
    nothing that was refused counts again.
    Raises RosterError where no or several keys begin so.
    """
    roster = read_roster(path)
    found = [k for p in roster.people for k in p.keys if len(prefix) >= 6 and k.id.startswith(prefix)]
    if len(found) != 1:
        listed = ", ".join(k.id[:12] for p in roster.people for k in p.keys)
        raise RosterError(
            f"'{prefix}' names {'no' if not found else 'more than one'} key of the roster.",
            why=f"It lists: {listed or 'none'}.",
            fix="Give at least six digits of one key's id.",
        )
    since = min(utc_text(at), found[0].revoked_at or utc_text(at))
    gone = found[0].model_copy(update={"revoked_at": since, "revoked_why": why})
    people = tuple(
        p.model_copy(update={"keys": tuple(gone if k.id == gone.id else k for k in p.keys)}) for p in roster.people
    )
    return write_roster(path, roster.model_copy(update={"people": people})), gone


def end_keys(path: Path, key_ids: Sequence[str], last: date) -> Roster:
    """Let keys end after the day `last`; what they signed until then stays valid."""
    roster = read_roster(path)

    def ended(key: Key) -> Key:
        until = min(key.valid_until or last.isoformat(), last.isoformat())
        return key.model_copy(update={"valid_until": until}) if key.id in key_ids else key

    people = tuple(p.model_copy(update={"keys": tuple(map(ended, p.keys))}) for p in roster.people)
    return write_roster(path, roster.model_copy(update={"people": people}))


def write_roster(path: Path, roster: Roster) -> Roster:
    """Write the file, whole or not at all, and return the roster."""
    plain = roster.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
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


def _plain(text: str) -> str:
    """Without case, invisible characters and needless spaces, in one form (NFKC): what looks the same is the same."""
    shown = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", "".join(shown).casefold()).split())


def _messages(error: ValidationError) -> Iterable[str]:
    for problem in error.errors():
        where = ".".join(str(p) for p in problem["loc"] if not isinstance(p, int)) or "roster"
        yield f"{where}: {problem['msg'].removeprefix('Value error, ')}."
