"""Personal identifiers: found in texts, told by kind and share alone, and recognised where they come back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from proofset.errors import InternalError, MissingExtraError
from proofset.spec import SemanticType, TableSpec
from quality import pii, pii_presidio
from quality.base import Context
from quality.pii_leak import FAMILY, real_identifiers
from quality.profile import profile_table
from quality.semantics import pii_risk

EXAMPLES = {
    "email": "mail ada.ito@example.org, please",
    "url": "see https://example.org/x?y=1).",
    "iban": "IBAN DE89 3704 0044 0532 0130 00.",
    "card": "card 4539 1488 0343 6467",
    "mac_address": "mac 00-1B-44-11-3A-B7",
    "ipv4": "from 8.8.8.8 today",
    "ipv6": "from 2001:4860:4860::8888",
    "us_ssn": "ssn 123-45-6789",
    "uk_nino": "nino AB 12 34 56 C",
    "uk_nhs": "nhs 943 476 5919",
    "german_tax_id": "tax 86095742719",
    "french_nir": "nir 2 55 08 14 168 025 38",
    "spanish_dni": "dni 12345678Z",
    "dutch_bsn": "bsn 111222333",
    "italian_codice_fiscale": "cf RSSMRA85T10A562S",
    "polish_pesel": "pesel 44051401359",
    "belgian_national_number": "no 85.07.30-033.28",
    "swedish_personal_number": "no 811218-9876",
    "brazilian_cpf": "cpf 529.982.247-25",
    "phone": "call +49 170 1234567",
}


def test_every_kind_has_an_example_and_finds_it_alone() -> None:
    assert set(EXAMPLES) == {k.name for k in pii.KINDS}
    for name, text in EXAMPLES.items():
        assert [k.name for k, _, passed in pii.look(text) if passed] == [name]


@pytest.mark.parametrize(
    "text",
    ["order 12345, total 99.95 on 2024-01-02 at 10:30:15", "uuid 123e4567-e89b-12d3-a456-426614174000", "C-004711",
     "card 4539 1488 0343 6468", "IBAN DE88 3704 0044 0532 0130 00", "999.8.8.8", "a@b", "0000000000", "v1.2.3.4.5"],
)  # fmt: skip
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert [k.name for k, _, passed in pii.look(text) if passed] == []


def test_the_same_identifier_has_one_form() -> None:
    for one, other in (
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("Ada@Example.ORG.", "ada@example.org"),
        ("4539-1488-0343-6467", "4539148803436467"),
        ("00-1b-44-11-3a-b7", "00:1B:44:11:3A:B7"),
    ):
        first, second = ([h.plain for h in pii.identifiers(t)] for t in (one, other))
        assert first == second != []


def test_addresses_that_belong_to_nobody_are_no_identifiers() -> None:
    assert [h.plain for h in pii.identifiers("10.0.0.1 127.0.0.1 ::1 8.8.8.8 https://example.org/a")] == ["8.8.8.8"]


def test_shares_are_of_rows_and_quote_nothing() -> None:
    words = [f"write to canary{i}@example.org" if i % 4 == 0 else f"note {i}" for i in range(200)]
    found = pii.detect(words, np.full(200, 3))
    assert [(s.part, s.value, s.n) for s in found] == [("email", 0.25, 600)]
    assert found[0].low < 0.25 < found[0].high
    assert "canary" not in repr(found)
    assert pii.detect([], np.zeros(0, np.int64)) == ()


def test_numbers_that_pass_by_chance_are_not_found() -> None:
    """Of random nine-digit numbers one in eleven passes the Dutch check, and that is no Dutch column."""
    rng = np.random.default_rng(0)
    words = [f"order {n}" for n in rng.integers(10**8, 10**9, 2_000)]
    assert any(passed for w in words for _, _, passed in pii.look(w)), "control: some do pass"
    assert pii.detect(words, np.ones(2_000, np.int64)) == ()


def bsn(rng: np.random.Generator) -> str:
    while True:
        digits = rng.integers(0, 10, 9)
        if digits[0] and int((digits * [9, 8, 7, 6, 5, 4, 3, 2, -1]).sum()) % 11 == 0:
            return "".join(map(str, digits))


def test_findings_raise_the_risk_and_name_columns_of_numbers() -> None:
    rng = np.random.default_rng(1)
    numbers = [bsn(rng) for _ in range(300)]
    table = pa.table(
        {
            "remark": [f"ok, reach me at p{i}@mail.example" if i % 3 else f"fine {i}" for i in range(300)],
            "shop": [["north", "south of a@b.example"][i % 2] for i in range(300)],
            "burger": list(numbers),
            "whole": [int(n) for n in numbers],
            "order": rng.integers(10**8, 10**9, 300),
        }
    )
    profile = profile_table(table, "t", TableSpec(), "")
    by_name = {c.name: c for c in profile.columns}
    assert by_name["remark"].pii_risk == "high"
    assert [s.part for s in by_name["remark"].pii] == ["email"]
    assert by_name["burger"].semantic == by_name["whole"].semantic == SemanticType.ID
    assert by_name["order"].semantic == SemanticType.NUMBER
    assert by_name["shop"].pii_risk == "high"
    assert by_name["shop"].notes == ("holds personal identifiers, yet its values are learned: email in 50 % of rows",)
    assert by_name["order"].pii is None
    assert "@" not in by_name["remark"].model_dump_json()
    assert pii_risk("x", SemanticType.CATEGORY, ()) == "none"
    assert pii.whole([]) is None


def people(rows: int, seed: int, real: pa.Table | None = None, share: float = 0.0) -> pa.Table:
    """Notes with an e-mail address in each and a hotline in all; a share of them from another table's."""
    rng = np.random.default_rng(seed)
    notes = [f"p{rng.integers(10**9)}@mail.example called +49 30 1234567" for _ in range(rows)]
    if real is not None:
        notes[: int(share * rows)] = [f"From: {n.upper()}" for n in real["note"].to_pylist()[: int(share * rows)]]
    return pa.table({"note": notes, "n": rng.integers(0, 9, rows), "kind": pa.array(["a", None] * (rows // 2))})


def leak(train: pa.Table, holdout: pa.Table, synthetic: pa.Table) -> object:
    profile = profile_table(train, "t", TableSpec(), "")
    return FAMILY.observe(Context(train, holdout, synthetic, profile, TableSpec(), 1)).measures[0]


def test_a_leak_is_found_at_its_share_and_a_hotline_is_none() -> None:
    train, holdout = people(600, 0), people(300, 1)
    clean = leak(train, holdout, people(600, 2))
    assert (clean.value, clean.reference, clean.status) == (0, 0, "ok")
    assert clean.detail == "kinds: email, phone"
    for share in (0.01, 0.05, 1.0):
        found = leak(train, holdout, people(600, 2, train, share))
        assert found.value == pytest.approx(share)
        assert found.low <= share <= found.high
        assert next(p.value for p in found.parts if p.part == "note") == pytest.approx(share)
    assert "mail.example" not in found.model_dump_json()
    real, kinds = real_identifiers(train)
    assert len(real) == 600
    assert "49301234567" not in real
    assert kinds == {"email", "phone"}
    coded = people(600, 2, train, 0.05)
    coded = coded.set_column(0, "note", coded["note"].dictionary_encode())
    assert leak(train, holdout, coded).value == pytest.approx(0.05)


def test_without_texts_identifiers_or_rows_it_says_so(make: SimpleNamespace) -> None:
    numbers = pa.table({"n": list(range(200))})
    assert leak(numbers, numbers, numbers).detail == "no column holds texts"
    plain = pa.table({"w": ["a", "b"] * 100})
    assert leak(plain, plain, plain).status == "unsupported"
    train = people(200, 0)
    assert leak(train, train, train.slice(0, 0)).status == "inconclusive"
    assert leak(train, train, train.drop_columns(["note"])).value == 0


def test_without_presidio_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "presidio_analyzer", None)
    with pytest.raises(MissingExtraError, match=r"proofset\[presidio\]"):
        pii_presidio.PresidioDetector()(["Ada"], np.ones(1, np.int64))


class Analyzer:
    """Stands in for Presidio's engine at its edge: a capital is a person, and "!" breaks it."""

    def analyze(self, text: str, language: str, score_threshold: float) -> list[SimpleNamespace]:
        assert (language, score_threshold) == ("en", pii_presidio.LEAST_SCORE)
        if "!" in text:
            raise ValueError(text)
        return [SimpleNamespace(entity_type="PERSON")] * text[0].isupper()


def test_what_presidio_finds_is_told_like_the_rest() -> None:
    detector = pii_presidio.PresidioDetector(Analyzer())
    table = pa.table({"note": [("Ada" if i % 4 == 0 else "it") + f" came on day {i}" for i in range(200)]})
    profile = profile_table(table, "t", TableSpec(), "", detector=detector)
    assert [(s.part, s.value) for s in profile.columns[0].pii] == [("presidio_person", 0.25)]
    assert profile.columns[0].pii_risk == "high"
    with pytest.raises(InternalError) as caught:
        detector(["canary!"], np.ones(1, np.int64))
    assert "canary" not in str(caught.value)
