"""Checksums: published examples are right, every single changed digit is noticed, and rows agree with texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset import checksums

CHECKS = {
    "us_ssn": (checksums.us_ssn, ["078051120"], ["000123456", "666123456", "900123456", "123004567", "123450000"]),
    "uk_nino": (checksums.uk_nino, ["AB123456C"], ["GB123456A", "DA123456A", "AO123456A"]),
    "uk_nhs": (checksums.uk_nhs, ["9434765919"], ["9434765918"]),
    "german_tax_id": (checksums.german_tax_id, ["86095742719", "65929970489"],
                      ["86095742710", "06095742719", "11111111111", "12345678903"]),
    "french_nir": (checksums.french_nir, ["255081416802538"], ["255081416802539", "2A5081416802538"]),
    "spanish_dni": (checksums.spanish_dni, ["12345678Z", "X1234567L"], ["12345678A"]),
    "dutch_bsn": (checksums.dutch_bsn, ["111222333"], ["111222334", "000000000"]),
    "italian_codice": (checksums.italian_codice, ["RSSMRA85T10A562S"], ["RSSMRA85T10A562T"]),
    "polish_pesel": (checksums.polish_pesel, ["44051401359"], ["44051401358", "44053201359"]),
    "belgian_number": (checksums.belgian_number, ["85073003328"], ["85073003329"]),
    "swedish_number": (checksums.swedish_number, ["8112189876"], ["8112189875", "8113189876"]),
    "brazilian_cpf": (checksums.brazilian_cpf, ["52998224725"], ["52998224724", "11111111111"]),
    "iban": (checksums.iban, ["DE89370400440532013000", "GB29NWBK60161331926819"], ["DE88370400440532013000"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
def test_right_and_wrong_numbers(name: str) -> None:
    check, right, wrong = CHECKS[name]
    assert [n for n in right if not check(n)] == []
    assert [n for n in wrong if check(n)] == []


@pytest.mark.parametrize("name", sorted(set(CHECKS) - {"us_ssn", "uk_nino", "brazilian_cpf", "belgian_number"}))
def test_every_single_changed_digit_is_noticed(name: str) -> None:
    check, right, _ = CHECKS[name]
    number = right[0]
    for place, digit in enumerate(number):
        if digit.isdigit() and name != "italian_codice":
            changed = [number[:place] + str(d) + number[place + 1 :] for d in range(10) if str(d) != digit]
            assert not [c for c in changed if check(c)], place


def test_a_corsican_key_reads_letters_as_numbers() -> None:
    body = "2550841680253"
    for letters, digits in (("2A", "19"), ("2B", "18")):
        text = body[:5] + letters + body[7:]
        key = 97 - int(body[:5] + digits + body[7:]) % 97
        assert checksums.french_nir(f"{text}{key:02d}")
    assert not checksums.french_nir("25508XX68025338")


@given(st.lists(st.integers(0, 9), min_size=2, max_size=19), st.booleans())
@settings(max_examples=80, deadline=None)
def test_rows_agree_with_texts(digits: list[int], letters: bool) -> None:
    text = "".join(map(str, digits))
    row = np.frombuffer(text.encode(), np.uint8)[None, :]
    full = text[:-1] + str(int(checksums.luhn_column(row)[0]))
    assert checksums.luhn(full) == 0
    word = "AB" + text if letters else text
    assert checksums.mod97_column(np.frombuffer(word.encode(), np.uint8)[None, :])[0] == checksums.mod97(word)


def test_sums_of_articles_and_papers() -> None:
    assert checksums.gs1("4006381333931") == 0
    assert checksums.gs1("4006381333930") != 0
    assert checksums.luhn(checksums.as_digits("US0378331005")) == 0
    assert checksums.as_digits("A1Z") == "10135"
