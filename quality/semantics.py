"""Semantics: what a column means, guessed from its name, its type and its values, and how much it says of a person.

The guess errs on the side of privacy: a text column that is nearly unique, or whose rows mostly hold values that
fewer than MIN_COUNT rows share, is never a category.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from proofset.evidence import MIN_COUNT, Share
from proofset.spec import IDENTIFYING, SemanticType
from quality.formats import luhn
from quality.pii import personal, whole
from quality.protect import Counts

S = SemanticType
Risk = Literal["none", "low", "medium", "high"]

_NEARLY_UNIQUE = 0.9
_MOSTLY_RARE = 0.5
_SAMPLE = 2_000
"""Distinct values looked at when guessing from their form."""
_FORM_SHARE = 0.9
"""Share of values that must have a form before the column is taken to have it."""

_ID_NAME = re.compile(
    r"(^|_)(id|ids|uuid|guid|ssn|iban|passport|licen[cs]e_?(no|number|plate)|account_?(no|number)?|mrn|nhs|imei|vin)$"
    r"|^id_|^(pk|fk)_|_(key|pk|fk)$"
    r"|^(national|national_insurance|tax|social_security|customer|patient|member|policy|order|invoice)_?(no|nr|number)$"
    r"|(^|_)(card|cc|passport|licen[cs]e|vat)_?(no|nr|num|number)$|(^|_)(credit|debit)_?card$|social_security"
)
_NAMES: tuple[tuple[SemanticType, re.Pattern[str]], ...] = (
    (S.EMAIL, re.compile(r"e_?mail")),
    (S.PHONE, re.compile(r"phone|mobile|telephone|(^|_)(tel|fax|cell)($|_)")),
    (S.IP_ADDRESS, re.compile(r"(^|_)ip(v4|v6)?($|_)")),
    (S.URL, re.compile(r"(^|_)(url|uri|link|website|homepage)($|_)")),
    (S.ADDRESS, re.compile(r"address|street|(^|_)addr($|_)")),
    (
        S.PERSON_NAME,
        re.compile(
            r"^(full|first|last|given|family|middle|sur|maiden|nick|user|screen)_?name$|^(fore|sur)name$|^(first|last)$"
        ),
    ),
    (S.PERSON_NAME, re.compile(r"^(name|person|patient|customer|client|employee|contact|doctor)(_name)?$")),
    (S.GEO, re.compile(r"^(lat|lon|lng|long|latitude|longitude|zip|zip_?code|post_?code|postal_?code)$")),
    (S.GEO, re.compile(r"_(lat|lon|lng|latitude|longitude|zip|zip_?code|post_?code|postal_?code)$")),
)
_FORMS: tuple[tuple[SemanticType, re.Pattern[str]], ...] = (
    (S.EMAIL, re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")),
    (S.URL, re.compile(r"(https?|ftp)://\S+|www\.\S+\.\S+", re.IGNORECASE)),
    (S.IP_ADDRESS, re.compile(r"(\d{1,3}\.){3}\d{1,3}|(?=.*:.*:)[0-9a-fA-F:]{3,39}")),
    (S.ID, re.compile(r"[A-Z]{2}\d\d( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,3})?")),  # an IBAN
    (S.ID, re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32,64}")),
    (S.DATETIME, re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")),
    (S.PHONE, re.compile(r"(?=(\D*\d){7,15}\D*$)(\+[\d\s().-]+|\(?\d{2,4}\)?([\s.-]\(?\d{2,4}\)?){2,4})")),
)
_PERSON = re.compile(r"([A-Z][\w'’.-]*)(,? [A-Z][\w'’.-]*){0,4}")
_PERSON_ANY_CASE = re.compile(r"([^\W\d_][\w'’.-]*)(,? [^\W\d_][\w'’.-]*){0,4}")
_YES_NO = ({"yes", "no"}, {"true", "false"}, {"y", "n"}, {"t", "f"}, {"0", "1"})
_SCALES = (
    ("very low", "low", "medium", "moderate", "high", "very high"),
    ("xxs", "xs", "s", "m", "l", "xl", "xxl", "3xl"),
    ("small", "medium", "large"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("poor", "fair", "good", "very good", "excellent"),
    ("bronze", "silver", "gold", "platinum"),
)
_RANK_NAME = re.compile(r"(^|_)(rank|level|grade|rating|stage|score|tier|priority|severity|stars|num)$")
_SENSITIVE = re.compile(
    r"(^|_)(dob|birth|born|diagnosis|disease|religion|ethnicity|race|salary|gender|sex|nationality|native|marital|age"
    r"|country|city|zip|occupation|job)"
)


@dataclass(frozen=True)
class Look:
    """A column as the guess sees it.  values: without nulls and dictionary coding.  counts: of the same values."""

    name: str
    values: pa.ChunkedArray
    counts: Counts
    null_count: int

    @property
    def known(self) -> int:
        """Rows that are not null."""
        return len(self.values)

    @property
    def unique(self) -> bool:
        """True where no two rows share a value."""
        return self.known > 0 and self.counts.distinct == self.known

    @property
    def nearly_unique(self) -> bool:
        """True where hardly any two rows share a value."""
        return self.counts.distinct >= _NEARLY_UNIQUE * self.known

    @property
    def mostly_rare(self) -> bool:
        """True where most rows hold a value that few share."""
        return self.counts.rare_rows() > _MOSTLY_RARE * self.known


def guess(look: Look) -> SemanticType:
    """Guess what a column means."""
    kind = look.values.type
    if not look.known:
        return S.EMPTY
    if look.counts.distinct == 1 and not look.null_count and look.known >= MIN_COUNT:
        return S.CONSTANT
    if pa.types.is_boolean(kind):
        return S.BOOLEAN
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return S.DATETIME
    if pa.types.is_integer(kind):
        return _integer(look)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        named = _by_name(look.name)
        return S.GEO if named == S.GEO else _identifier(look) or S.NUMBER
    if pa.types.is_temporal(kind):
        return S.NUMBER
    return _text(look)


def _identifier(look: Look) -> SemanticType | None:
    """ID for whole numbers stored as floats (a nullable id column) that are named and spread like ids."""
    if _ID_NAME.search(_snake(look.name)) and look.nearly_unique:
        whole = pc.all(pc.equal(pc.floor(look.values), look.values)).as_py()
        return S.ID if whole else None
    return None


def _integer(look: Look) -> SemanticType:
    if _ID_NAME.search(_snake(look.name)) or _sequential(look) or _checked(look):
        return S.ID
    named = _by_name(look.name)
    if named in (S.PHONE, S.GEO):
        return named
    if set(look.counts.words) == {"0", "1"}:
        return S.BOOLEAN
    if look.counts.distinct <= 20 and _RANK_NAME.search(_snake(look.name)):
        return S.ORDINAL
    return S.NUMBER


def _checked(look: Look) -> bool:
    """True for whole numbers of 12 digits and more that carry Luhn's check digit, as payment cards do, and for numbers
    that states give people."""
    words = look.counts.words[:_SAMPLE]
    if len(words) < 2 * MIN_COUNT:
        return False
    right = sum(len(w) >= 12 and luhn(w) for w in words)
    return right >= _FORM_SHARE * len(words) or whole(words) is not None


def _sequential(look: Look) -> bool:
    """True for distinct whole numbers without gaps, in any order."""
    if not look.unique or look.known < 2:
        return False
    extent = pc.min_max(look.values).as_py()
    return bool(extent["max"] - extent["min"] == look.known - 1)


def _text(look: Look) -> SemanticType:
    words = look.counts.words
    folded = {w.strip().lower() for w in words} if len(words) <= 10 else set()
    if len(folded) == 2 and folded in _YES_NO:
        return S.BOOLEAN
    if len(folded) > 2 and any(folded <= set(scale) for scale in _SCALES):
        return S.ORDINAL
    sample = words[:: max(1, len(words) // _SAMPLE)]
    if _checked(look):
        return S.ID
    for meaning, form in _FORMS:
        if _share(sample, form) >= _FORM_SHARE:
            return meaning
    named = _by_name(look.name)
    if named == S.PERSON_NAME and _share(sample, _PERSON_ANY_CASE) >= 0.5 and len(words) > MIN_COUNT:
        return S.PERSON_NAME
    if named in (S.PHONE, S.ADDRESS, S.EMAIL, S.URL, S.IP_ADDRESS) and len(words) > MIN_COUNT:
        return named
    if _ID_NAME.search(_snake(look.name)):
        return S.ID
    if look.nearly_unique or look.mostly_rare:
        return _free_text(look, sample)
    return S.GEO if named == S.GEO else S.CATEGORY


def _free_text(look: Look, sample: tuple[str, ...]) -> SemanticType:
    """ID for unique short words without spaces that hold a digit, PERSON_NAME for names, else TEXT."""
    if look.nearly_unique and np.mean([bool(re.fullmatch(r"(?=.*\d)\S{1,40}", w)) for w in sample]) >= _FORM_SHARE:
        return S.ID
    two_words = np.mean([1 <= w.count(" ") <= 3 for w in sample])
    if "name" in _snake(look.name) and two_words >= 0.5 and _share(sample, _PERSON) >= _FORM_SHARE:
        return S.PERSON_NAME
    return S.TEXT


def _share(words: tuple[str, ...], form: re.Pattern[str]) -> float:
    """Share of words that have the form from beginning to end."""
    return float(np.mean([form.fullmatch(w.strip()) is not None for w in words])) if words else 0.0


def _snake(name: str) -> str:
    """customerId, Customer ID and customer-id all become customer_id."""
    return re.sub(r"[\s.\-/]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())).lower()


def _by_name(name: str) -> SemanticType | None:
    snake = _snake(name)
    return next((meaning for meaning, pattern in _NAMES if pattern.search(snake)), None)


def pii_risk(name: str, semantic: SemanticType, found: Sequence[Share] = ()) -> Risk:
    """How much a column says of a person: high where a value names one or holds what `quality.pii` finds, medium for
    free text and places, low for facts that identify in combination (age, sex, occupation and the like)."""
    if semantic in IDENTIFYING - {S.TEXT, S.URL, S.ID} or any(personal(share.part) for share in found):
        return "high"
    if semantic in (S.TEXT, S.URL, S.ID, S.GEO):
        return "medium"
    return "low" if _SENSITIVE.search(_snake(name)) else "none"
