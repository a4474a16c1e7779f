"""Statement: an in-toto Statement v1 about digests, read in its one spelling."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import Field

from lineage.roster import Roster
from lineage.signing import Envelope, make_statement
from lineage.times import parse_utc
from proofset.digest import canonical
from proofset.errors import DeniedError
from proofset.spec import Frozen


class Personal(Frozen):
    """What every statement of one person says. person: an id of the roster; signed_at: by the signer's clock."""

    person: str
    signed_at: str


Predicate = TypeVar("Predicate", bound=Frozen)
Word = TypeVar("Word", bound=Personal)
Subjects = tuple[tuple[str, str], ...]
"""Name and SHA-256 of each thing that is spoken about."""


class _Digests(Frozen):
    sha256: str


class _Subject(Frozen):
    name: str
    digest: _Digests


class _Statement(Frozen):
    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[_Subject, ...] = Field(min_length=1)
    predicateType: str
    predicate: dict[str, Any]


def read_statement(payload: bytes, predicate_type: str, model: type[Predicate]) -> tuple[Subjects, Predicate]:
    """What a verified payload is about, and what it says of it.

    Raises ValueError unless the payload is, byte for byte, how `make_statement` spells these subjects and this
    predicate, so that nothing in it goes unread.
    """
    try:
        told = _Statement.model_validate_json(payload)
        predicate = model.model_validate(told.predicate)
        subjects = tuple((s.name, s.digest.sha256) for s in told.subject)
        spelled = canonical(make_statement(subjects, predicate_type, predicate.plain()))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if spelled != payload:  # another type of predicate is another spelling, too
        raise ValueError("spelled otherwise")
    return subjects, predicate


def read_word(
    envelope: Envelope, roster: Roster, predicate_type: str, model: type[Word], noun: str
) -> tuple[tuple[str, str], Word, str, datetime]:
    """Verify one person's word about one thing: name and digest of the thing, the word, its key's id, and its time.

    noun: what it is called in errors, such as "approval". Whether the key was good then, the caller decides.
    Raises DeniedError for a key the roster does not list, a wrong signature, more than one, a statement of another kind
    or spelling or about more than one thing, and a person who is not the key's holder.
    """
    article = "An" if noun[0] in "aeiou" else "A"
    payload = envelope.verified(roster.keys_of())
    if len(envelope.signatures) != 1:
        raise DeniedError(f"{article} {noun} carries exactly one signature.", fix="Have every person sign their own.")
    key_id = envelope.signatures[0].keyid
    try:
        subjects, said = read_statement(payload, predicate_type, model)
        signed_at = parse_utc(said.signed_at)
        intact = len(subjects) == 1
    except ValueError:
        intact = False
    if not intact:
        raise DeniedError(f"The signed statement is not {article.lower()} {noun} as this platform writes it.")
    holder = roster.person_of(key_id)
    if holder is None or holder.id != said.person:
        raise DeniedError(f"The {noun} names '{said.person}', who does not hold the key {key_id[:12]}.")
    return subjects[0], said, key_id, signed_at
