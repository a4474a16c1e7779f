"""The constraint `format`: texts that must match a pattern, or one of the formats that other systems define."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from proofset.checksums import as_digits, gs1, iban, luhn, mod97
from proofset.constraints_base import ConstraintBase
from proofset.constraints_numbers import Column
from proofset.constraints_values import flat
from proofset.errors import did_you_mean


def _day(text: str) -> bool:
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    return year > 0 and day <= calendar.monthrange(year, month)[1]


_DATE = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"

FORMATS: dict[str, tuple[str, Callable[[str], bool] | None]] = {
    "iban": (r"[A-Z]{2}\d{2}[0-9A-Z]{11,30}", iban),
    "bic": (r"[A-Z]{4}[A-Z]{2}[0-9A-Z]{2}(?:[0-9A-Z]{3})?", None),
    "lei": (r"[0-9A-Z]{18}\d{2}", lambda t: mod97(t) == 1),
    "isin": (r"[A-Z]{2}[0-9A-Z]{9}\d", lambda t: luhn(as_digits(t)) == 0),
    "card_number": (r"\d{12,19}", lambda t: luhn(t) == 0),
    "ean13": (r"\d{13}", lambda t: gs1(t) == 0),
    "isbn13": (r"97[89]\d{10}", lambda t: gs1(t) == 0),
    "uuid": (r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", None),
    "email": (r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}", None),
    "url": (r"https?://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d{1,5})?(?:/\S*)?", None),
    "ipv4": (rf"(?:{_BYTE}\.){{3}}{_BYTE}", None),
    "e164": (r"\+[1-9]\d{6,14}", None),
    "iso_date": (_DATE, _day),
    "iso_time": (_TIME, None),
    "iso_datetime": (rf"{_DATE}[T ]{_TIME}(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", _day),
    "country": (r"[A-Z]{2}", None),
    "currency": (r"[A-Z]{3}", None),
}
"""Named formats: the pattern of the whole text, and what else must hold, such as check digits."""


class FormatConstraint(ConstraintBase):
    """A text column's values match a pattern from end to end (RE2 syntax), or one of `FORMATS`."""

    kind: Literal["format"]
    column: Column
    pattern: str | None = Field(default=None, min_length=1, max_length=1_000)
    format: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
                pc.match_substring_regex(pa.array([""]), whole(pattern))
            except (re.error, pa.ArrowInvalid):
                raise ValueError("not a regular expression (RE2: no look-around, no back-references)") from None
        return pattern

    @field_validator("format")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in FORMATS:
            raise ValueError(f"'{name}' is none of {', '.join(FORMATS)}.{did_you_mean(name, FORMATS)}")
        return name

    @model_validator(mode="after")
    def _one(self) -> FormatConstraint:
        if (self.pattern is None) == (self.format is None):
            raise ValueError("needs either pattern or format")
        return self

    @property
    def uses(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def regex(self) -> str:
        """The pattern of the whole text."""
        return self.pattern if self.pattern is not None else FORMATS[str(self.format)][0]

    def refuse_types(self, schema: pa.Schema) -> None:
        """Texts only."""
        self.of_family(schema, [self.column], "text")

    def violations(self, table: pa.Table) -> np.ndarray:
        """Rows whose text does not match."""
        coded = pc.dictionary_encode(flat(table[self.column]))
        fits = np.append(self.fits(coded.dictionary), True)
        return np.asarray(~fits[np.asarray(pc.fill_null(coded.indices, len(fits) - 1))])

    def fits(self, texts: pa.Array) -> np.ndarray:
        """Which of some texts match."""
        matched = np.array(pc.match_substring_regex(texts, whole(self.regex)), dtype=bool)
        more = None if self.format is None else FORMATS[self.format][1]
        if more is not None:
            for i in np.flatnonzero(matched):
                matched[i] = more(texts[i].as_py())
        return matched


def whole(pattern: str) -> str:
    """The pattern, matching a text only from its first to its last character."""
    return rf"\A(?:{pattern})\z"
