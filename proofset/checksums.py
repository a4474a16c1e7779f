"""Checksums: the check digits of cards, accounts, articles and of what states number people by.

Each takes a text of digits (and, where said, letters), without separators. Sums are 0 for a right number; `right`
functions say whether one is. A random number passes a check of one decimal digit one time in ten.
"""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21,
    "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SA": 24,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26,
}  # fmt: skip
"""Characters of an IBAN by country (ISO 13616 registry); other countries are held to 15 to 34."""

_SPANISH = "TRWAGMYFPDXBNJZSQVHLCKE"
_ITALIAN_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
"""What a letter A to Z, or a digit 0 to 9 read as A to J, counts in an odd place of a codice fiscale."""


def luhn(digits: str) -> int:
    """The Luhn sum modulo 10; 0 for a right number (ISO/IEC 7812-1, annex B; Luhn 1960, US 2,950,048)."""
    turned = [int(d) for d in reversed(digits)]
    return (sum(turned[::2]) + sum(sum(divmod(2 * d, 10)) for d in turned[1::2])) % 10


def mod97(text: str) -> int:
    """The remainder of ISO 7064 MOD 97-10, 1 for a right number: letters count as 10 to 35."""
    return int(as_digits(text)) % 97


def iban(text: str) -> bool:
    """Whether an account number has its country's length and right check digits (ISO 13616)."""
    return len(text) == IBAN_LENGTHS.get(text[:2], len(text)) and mod97(text[4:] + text[:4]) == 1


def gs1(digits: str) -> int:
    """The GS1 sum modulo 10, weights 1 and 3 from the right; 0 for a right EAN or ISBN-13."""
    turned = [int(d) for d in reversed(digits)]
    return (sum(turned[::2]) + 3 * sum(turned[1::2])) % 10


def as_digits(text: str) -> str:
    """Letters written as the numbers 10 to 35, as the checks of ISIN and ISO 7064 ask."""
    return "".join(str(int(c, 36)) for c in text)


def luhn_column(rows: Bytes) -> Bytes:
    """The check digit, 0 to 9, for rows of ASCII digits whose last place is to be filled: shape (rows, places)."""
    digits = rows[:, :-1].astype(np.int64) - ord("0")
    digits[:, ::-2] = digits[:, ::-2] * 2 - 9 * (digits[:, ::-2] > 4)
    return np.asarray((-digits.sum(axis=1) % 10).astype(np.uint8))


def mod97_column(rows: Bytes) -> npt.NDArray[np.int64]:
    """`mod97` of rows of ASCII digits and capitals; anything else is passed over."""
    found = np.zeros(len(rows), dtype=np.int64)
    for column in rows.T.astype(np.int64):
        digit, letter = (column >= ord("0")) & (column <= ord("9")), (column >= ord("A")) & (column <= ord("Z"))
        found = np.where(digit, found * 10 + column - ord("0"), found) % 97
        found = np.where(letter, found * 100 + column - ord("A") + 10, found) % 97
    return found


def us_ssn(digits: str) -> bool:
    """United States social security number: has no check digit; areas 000, 666, 900 and above, group 00 and serial
    0000 are never given out (Social Security Administration, RM 10201.035)."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def uk_nino(text: str) -> bool:
    """British national insurance number: no check digit, but prefixes that are never given out (HMRC, NIM39110)."""
    never = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    return text[:2] not in never and text[0] not in "DFIQUV" and text[1] not in "DFIOQUV"


def uk_nhs(digits: str) -> bool:
    """NHS number of England and Wales: modulo 11, weights 10 to 2 (NHS Data Dictionary)."""
    return _sum(digits[:9], range(10, 1, -1), 11, digits[9])


def _sum(digits: str, weights: Sequence[int], modulus: int, last: str) -> bool:
    """Whether the weighted sum and `last` add up to a multiple of the modulus; a remainder of 10 is never given out."""
    return -sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % modulus == int(last)


def german_tax_id(digits: str) -> bool:
    """German Steuer-IdNr.: ISO 7064 MOD 11,10, and of the first ten digits one comes twice or three times, the others
    at most once (BZSt)."""
    often = sorted(digits[:10].count(d) for d in set(digits[:10]))
    if digits[0] == "0" or often[-1] not in (2, 3) or often[-2:].count(1) != 1:
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def french_nir(text: str) -> bool:
    """French numéro de sécurité sociale: key of 97 − the first 13 modulo 97; 2A and 2B of Corsica read as 19 and 18."""
    body = text[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(text[13:])


def spanish_dni(text: str) -> bool:
    """Spanish DNI and NIE: the letter for the number modulo 23; X, Y and Z of an NIE read as 0, 1 and 2."""
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return _SPANISH[int(number) % 23] == text[-1]


def dutch_bsn(digits: str) -> bool:
    """Dutch burgerservicenummer, the elfproef: weights 9 to 2, then −1; a multiple of 11."""
    return (
        int(digits) > 0 and sum(int(d) * w for d, w in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0
    )


def italian_codice(text: str) -> bool:
    """Italian codice fiscale: the last letter is the sum of the others' values modulo 26 (D.M. 12 March 1974)."""
    place = [string.ascii_uppercase.find(c) if c.isalpha() else int(c) for c in text[:15]]
    total = sum(_ITALIAN_ODD[p] for p in place[::2]) + sum(place[1::2])
    return string.ascii_uppercase[total % 26] == text[15]


def polish_pesel(digits: str) -> bool:
    """Polish PESEL: weights 1, 3, 7, 9 modulo 10, and a date of birth whose month carries the century."""
    century, month = divmod(int(digits[2:4]), 20)
    year = (1900, 2000, 2100, 2200, 1800)[century] + int(digits[:2])
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    return _date(year, month, int(digits[4:6])) and _sum(digits[:10], weights, 10, digits[10])


def belgian_number(digits: str) -> bool:
    """Belgian rijksregisternummer: 97 − the first nine modulo 97, with a 2 before them for the born since 2000."""
    return any(97 - int(century + digits[:9]) % 97 == int(digits[9:]) for century in ("", "2"))


def swedish_number(digits: str) -> bool:
    """Swedish personnummer, ten digits: Luhn, and a day of a month."""
    month, day = int(digits[2:4]), int(digits[4:6])
    return 1 <= month <= 12 and 1 <= day % 60 <= 31 and luhn(digits) == 0


def brazilian_cpf(digits: str) -> bool:
    """Brazilian CPF: two digits modulo 11, weights 10 to 2 and 11 to 2; one digit eleven times is none."""
    if len(set(digits)) == 1:
        return False
    return all(
        sum(int(d) * w for d, w in zip(digits[:n], range(n + 1, 1, -1), strict=True)) * 10 % 11 % 10 == int(digits[n])
        for n in (9, 10)
    )


def _date(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True
