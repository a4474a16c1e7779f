"""Terms: what a regulator asks about a source, and on what terms a release is handed out. Part of the dataset spec.

Every field may be left out, and what is left out is recorded as unknown. An empty list says "none"; that is another
thing than saying nothing.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from proofset.frozen import Frozen

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""One statement: a sentence or a few."""

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\n\r]+$")]
"""A keyword, a category or a name, on one line."""

_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_CONTACT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|team:[\w.-]+|https://[^\s<>\"]+")


class SpecialCategory(StrEnum):
    """Special categories of personal data: GDPR (EU) 2016/679, Article 9(1), and convictions, Article 10."""

    RACIAL_OR_ETHNIC_ORIGIN = "racial_or_ethnic_origin"
    POLITICAL_OPINIONS = "political_opinions"
    RELIGIOUS_OR_PHILOSOPHICAL_BELIEFS = "religious_or_philosophical_beliefs"
    TRADE_UNION_MEMBERSHIP = "trade_union_membership"
    GENETIC_DATA = "genetic_data"
    BIOMETRIC_DATA = "biometric_data"
    HEALTH = "health"
    SEX_LIFE_OR_ORIENTATION = "sex_life_or_orientation"
    CRIMINAL_CONVICTIONS = "criminal_convictions"


class SourceTerms(Frozen):
    """What is known about a source beside its licence and lawful basis."""

    controller: Word | None = None
    """Who owns the source and answers for it: the controller, where it holds personal data."""
    data_categories: tuple[Word, ...] | None = Field(default=None, max_length=100)
    """Kinds of data it holds, e.g. demographics, income; [] for none worth naming."""
    special_categories: tuple[SpecialCategory, ...] | None = None
    """Special categories (GDPR Art. 9 and 10) among them; [] where it was checked that there are none."""
    collected_from: date | None = None
    """The first day on which it was collected."""
    collected_until: date | None = None
    """The last day on which it was collected."""
    retention_until: date | None = None
    """The last day on which the source may be kept."""
    retention_days: int | None = Field(default=None, ge=0, le=36500)
    """The same, in days after `collected_until`."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.collected_from and self.collected_until and self.collected_until < self.collected_from:
            raise ValueError("collected_until lies before collected_from; swap or correct them")
        if self.retention_days is not None and self.retention_until is not None:
            raise ValueError("give retention_until or retention_days, not both")
        if self.retention_days is not None and self.collected_until is None:
            raise ValueError("retention_days counts from collected_until; give that day, or use retention_until")
        try:
            _ = self.kept_until
        except OverflowError:
            raise ValueError("retention_days leads beyond the year 9999; correct it or collected_until") from None
        began = self.collected_until or self.collected_from
        if self.retention_until and began and self.retention_until < began:
            raise ValueError("retention_until lies before the source was collected; correct one of the dates")
        for name in ("data_categories", "special_categories"):
            _once(name, getattr(self, name) or ())
        return self

    @property
    def kept_until(self) -> date | None:
        """The last day on which the source may be kept; None where that is not said."""
        if self.retention_days is not None and self.collected_until is not None:
            return self.collected_until + timedelta(days=self.retention_days)
        return self.retention_until


class ReleaseTerms(Frozen):
    """On what terms releases of a dataset are handed out."""

    version: int | str | None = None
    """A whole number, or text such as 1.2.0 (semver.org)."""
    recipients: tuple[Line, ...] | None = Field(default=None, max_length=100)
    """Who may receive it."""
    terms: Line | None = None
    """What they agree to, or where that is written."""
    conditions: tuple[Line, ...] | None = Field(default=None, max_length=100)
    """What they must do, e.g. delete it after a year."""
    prohibited_uses: tuple[Line, ...] | None = Field(default=None, max_length=100)
    """What it must not be used for."""
    known_limits: tuple[Line, ...] | None = Field(default=None, max_length=100)
    """What it is known not to show, or not to show well."""
    keywords: tuple[Word, ...] | None = Field(default=None, max_length=100)
    """What people search for."""
    contact: str | None = None
    """Whom to ask: an e-mail address, `team:name` or an https address."""

    @field_validator("version", mode="before")
    @classmethod
    def _version(cls, version: Any) -> Any:
        whole = isinstance(version, int) and not isinstance(version, bool) and 0 <= version <= 10**9
        if version is None or whole or (isinstance(version, str) and _SEMVER.fullmatch(version)):
            return version
        raise ValueError('a version is a whole number such as 3, or text such as "1.2.0"')

    @field_validator("contact")
    @classmethod
    def _contact(cls, contact: str | None) -> str | None:
        if contact is not None and not _CONTACT.fullmatch(contact):
            raise ValueError("a contact is an e-mail address, team:name, or an address that begins with https://")
        return contact

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name in ("recipients", "conditions", "prohibited_uses", "known_limits", "keywords"):
            _once(name, getattr(self, name) or ())
        return self

    @property
    def version_text(self) -> str | None:
        """The version in full, MAJOR.MINOR.PATCH."""
        return f"{self.version}.0.0" if isinstance(self.version, int) else self.version


def _once(name: str, words: tuple[str, ...]) -> None:
    twice = sorted({str(w) for w in words if words.count(w) > 1})
    if twice:
        raise ValueError(f"{name} says twice: {', '.join(twice)}")
