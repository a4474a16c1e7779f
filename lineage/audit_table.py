"""Frame and requirement: the rows of the audit report's table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Requirement:
    """What a law or standard asks.

    ref: where it stands.  title, asks: in our own words.  fields: SECTION.FIELD of the record, of measures optionally
    with "@RISK" for those of one of WP216's risks.  remains: what people still have to judge.
    """

    ref: str
    title: str
    asks: str
    fields: tuple[str, ...]
    remains: str


@dataclass(frozen=True)
class Frame:
    """A law, standard or framework. scope: whom it binds, and what is not certified."""

    key: str
    name: str
    title: str
    url: str
    scope: str
    requirements: tuple[Requirement, ...]
