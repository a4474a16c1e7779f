"""Texts of the formats that the constraint `format` knows, check digits and all; from a random stream alone."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np

from generators.rules_regex import pattern_of
from proofset.checksums import IBAN_LENGTHS, as_digits, gs1, luhn, mod97
from proofset.constraints_formats import FormatConstraint
from proofset.errors import ProofsetError

DIGITS = "0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FIRST_DAY, DAYS = datetime.date(2000, 1, 1), 9_000


def format_texts(constraint: FormatConstraint, rows: int, rng: np.random.Generator) -> list[str] | None:
    """Return texts that match; None where the pattern uses what generating cannot honour."""
    maker = MAKERS.get(constraint.format or "")
    if maker is not None:
        return [maker(rng) for _ in range(rows)]
    try:
        made: list[str] = pattern_of(constraint.column, constraint.regex).random(rows, rng).tolist()
    except ProofsetError:
        return None
    return made


def _some(letters: str, count: int, rng: np.random.Generator) -> str:
    return "".join(letters[i] for i in rng.integers(len(letters), size=count))


def _iban(rng: np.random.Generator) -> str:
    country = sorted(IBAN_LENGTHS)[rng.integers(len(IBAN_LENGTHS))]
    body = _some(DIGITS, IBAN_LENGTHS[country] - 4, rng)
    return f"{country}{98 - mod97(body + country + '00'):02d}{body}"


def _lei(rng: np.random.Generator) -> str:
    body = _some(DIGITS + UPPER, 18, rng)
    return f"{body}{98 - mod97(body + '00'):02d}"


def _with_digit(body: str, rest: Callable[[str], int]) -> str:
    return next(body + d for d in DIGITS if rest(body + d) == 0)


def _isin(rng: np.random.Generator) -> str:
    return _with_digit(_some(UPPER, 2, rng) + _some(DIGITS + UPPER, 9, rng), lambda t: luhn(as_digits(t)))


def _date(rng: np.random.Generator) -> str:
    return (FIRST_DAY + datetime.timedelta(days=int(rng.integers(DAYS)))).isoformat()


def _time(rng: np.random.Generator) -> str:
    return str(datetime.timedelta(seconds=int(rng.integers(86_400)))).zfill(8)


# Domains, network and country code below are set aside for examples or unassigned: they lead to nobody.
MAKERS: dict[str, Callable[[np.random.Generator], str]] = {
    "iban": _iban,
    "lei": _lei,
    "isin": _isin,
    "card_number": lambda rng: _with_digit(_some("3456", 1, rng) + _some(DIGITS, 14, rng), luhn),
    "ean13": lambda rng: _with_digit(_some(DIGITS, 12, rng), gs1),
    "isbn13": lambda rng: _with_digit("978" + _some(DIGITS, 9, rng), gs1),
    "email": lambda rng: f"{_some(UPPER.lower(), 12, rng)}@example.org",
    "url": lambda rng: f"https://example.org/{_some(UPPER.lower(), 12, rng)}",
    "ipv4": lambda rng: "10." + ".".join(str(b) for b in rng.integers(256, size=3)),
    "e164": lambda rng: "+999" + _some(DIGITS, 9, rng),
    "iso_date": _date,
    "iso_time": _time,
    "iso_datetime": lambda rng: f"{_date(rng)}T{_time(rng)}",
}
