"""Statement: an in-toto Statement v1 about digests, read in its one spelling."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import Field

from lineage.signing import make_statement
from proofset.digest import canonical
from proofset.spec import Frozen

Predicate = TypeVar("Predicate", bound=Frozen)
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
