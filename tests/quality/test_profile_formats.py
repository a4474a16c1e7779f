"""Formats: what they tell of codes, and above all what they must not."""

from __future__ import annotations

import json
import re
import string
import uuid
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.evidence import MIN_COUNT, Format
from proofset.masks import places
from proofset.spec import ColumnSpec, SemanticType, TableSpec
from quality.formats import MAX_FORMATS, formats, iban, luhn
from quality.profile import profile_table

RNG = np.random.default_rng(11)
N = 400
ALL = string.digits + string.ascii_letters


def found(words: Sequence[object], *, texts: bool = False) -> tuple[Format, ...] | None:
    distinct, counts = np.unique([str(w) for w in words], return_counts=True)
    return formats(distinct.tolist(), counts, texts=texts)


def masks(words: Sequence[object], *, texts: bool = False) -> list[str]:
    return [f.mask for f in found(words, texts=texts) or ()]


def digits(length: int) -> str:
    return "".join(map(str, RNG.integers(0, 10, length)))


def letters(length: int, alphabet: str = string.ascii_uppercase) -> str:
    return "".join(RNG.choice(list(alphabet), length))


def checked(payload: str) -> str:
    """With its Luhn digit, by the book."""
    total = sum(sum(divmod(2 * int(c), 10)) if i % 2 == 0 else int(c) for i, c in enumerate(reversed(payload)))
    return payload + str(-total % 10)


def account(country: str, number: str) -> str:
    spelled = "".join(str(ord(c) - 55) if c.isalpha() else c for c in number + country + "00")
    return f"{country}{98 - int(spelled) % 97:02d}{number}"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([f"{letters(2)}-{digits(4)}" for _ in range(N)], ["AA-9999"]),
        ([f"{digits(5)}-{digits(3)}" for _ in range(N)], ["99999-999"]),
        ([f"AX-{digits(6)}" for _ in range(N)], [r"\A\X-999999"]),
        ([f"{w}-{digits(5)}" for w in ["ORD"] * 300 + ["INV"] * 100], [r"\O\R\D-99999", r"\I\N\V-99999"]),
        ([f"({RNG.integers(2, 10)}{digits(2)}) {digits(7)}" for _ in range(N)], ["([1-9]99) 9999999"]),
        ([f"C{i}" for i in range(1_000)], [r"\C[1-9]99", r"\C99"]),
        ([f"X{RNG.choice(list('2468'))}-{digits(6)}" for _ in range(N)], [r"\X[2468]-999999"]),
        (
            [uuid.UUID(bytes=RNG.bytes(16), version=4) for _ in range(N)],
            ["xxxxxxxx-xxxx-\\4xxx-[89ab]xxx-xxxxxxxxxxxx"],
        ),
        ([letters(9, string.digits + string.ascii_uppercase) for _ in range(N)], ["NNNNNNNNN"]),
        ([letters(9, string.digits + string.ascii_letters) for _ in range(N)], ["*********"]),
        ([letters(2, "ABC") for _ in range(N)], []),  # nine values
        ([digits(4) for _ in range(9)], []),
        ([f"é{digits(5)}" for _ in range(N)], []),
        ([letters(80) for _ in range(N)], []),
        ([f"{digits(3)}\x00{digits(3)}" for _ in range(N)], []),
        ([digits(1 + i % 60) for i in range(MIN_COUNT * 20)], []),  # many lengths, each of too few
        ([], []),
    ],
)
def test_forms(words: list[object], wanted: list[str]) -> None:
    assert masks(words)[: len(wanted) or 1] == wanted


def test_shares_are_of_rows_and_rare_forms_are_left_out() -> None:
    words = [f"A{i:03d}" for i in range(100)] * 3 + [f"{i:05d}" for i in range(0, 1_000, 10)] + ["secret-1"] * 9
    told = found(words)
    assert told is not None
    assert [(f.mask, round(f.share, 3)) for f in told] == [(r"\A999", 0.733), (r"9999\0", 0.244)]
    assert len(found([digits(1 + i % 40) for i in range(40 * 40)]) or ()) == MAX_FORMATS
    assert found(["x" * 70] * 500 + words) is None, "most rows have no form that can be told"


def test_check_digits_are_recognised() -> None:
    cards = found([checked("4" + digits(14)) for _ in range(N)])
    assert cards == (Format(mask=r"\4" + "9" * 15, share=1.0, check="luhn"),)
    assert (found(["4" + digits(15) for _ in range(N)]) or ())[0].check is None
    accounts = found([account(c, digits(18)) for c in ["DE"] * 300 + ["FR"] * 100])
    assert accounts is not None
    assert [(f.mask, f.check) for f in accounts] == [
        (r"\D\E" + "9" * 20, "iban"),
        (r"\F\R" + "9" * 20, "iban"),
    ]
    assert iban("GB82 WEST 1234 5698 7654 32")
    assert not iban("GB83 WEST 1234 5698 7654 32")
    assert luhn("4539 1488 0343 6467")
    assert not luhn("4539 1488 0343 6468")
    assert not luhn("59"), "so short a number has a check digit by chance"


def test_sentences_have_no_form_but_codes_with_spaces_have() -> None:
    assert masks([f"{letters(2)} {digits(2)} {digits(4)}" for _ in range(N)], texts=True) == ["AA 99 9999"]
    assert found([f"called on day {i}, will call again" for i in range(N)], texts=True) is None
    assert found([f"{letters(4)} {letters(6)}" for _ in range(N)], texts=True) is None


CODES = st.lists(st.from_regex(r"(AB|C|zz)?-?[0-9a-c]{1,3}(-[0-9x]{2})?", fullmatch=True), min_size=10, max_size=150)


@given(CODES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_is_told_that_fewer_than_min_count_values_share(words: list[str], texts: bool) -> None:
    distinct = set(words)
    for form in found(words, texts=texts) or ():
        alphabets = places(form.mask)
        whole = [w for w in distinct if len(w) == len(alphabets)]
        for place, alphabet in enumerate(alphabets):
            if len(alphabet) <= 4:  # told one by one
                for character in alphabet:
                    assert sum(w[place] == character for w in whole) >= MIN_COUNT
        matching = [w for w in whole if all(c in a for c, a in zip(w, alphabets, strict=True))]
        assert len(matching) >= MIN_COUNT
        assert max(map(len, alphabets)) > 1, "a whole value was told"


@pytest.mark.parametrize("first", ["stars", "codes"])
def test_a_star_in_a_value_is_no_place_for_letters(first: str) -> None:
    stars = [f"{letters(4, string.ascii_lowercase)}*{letters(3, string.ascii_lowercase)}" for _ in range(60)]
    codes = [letters(8, ALL) for _ in range(40)]
    words = stars + codes if first == "stars" else codes + stars
    told = formats(words, np.ones(len(words), np.int64))
    assert told is not None
    assert (told[0].mask, told[0].share, told[1].share) == (r"aaaa\*aaa", 0.6, 0.4)
    assert set(told[1].mask) <= set("9XxNn*Aa"), "the codes have no star"
    mixed = [f"{letters(4, ALL)}*{letters(3, ALL)}" for _ in range(N)]
    assert masks(mixed) == [r"****\****"]
    both = mixed + [letters(8, ALL) for _ in range(N)]
    told = formats(both if first == "stars" else both[::-1], np.ones(2 * N, np.int64))
    assert told is not None
    assert {(f.mask, f.share) for f in told} == {(r"****\****", 0.5), ("********", 0.5)}
    assert masks([w.replace("*", "-") for w in mixed] + mixed) == ["****-***", r"****\****"]


def test_check_digits_are_told_where_the_first_value_has_none() -> None:
    words = ["abcd-efgh-ijkl-mnop"]
    for _ in range(N):
        code = checked("4" + digits(14))
        words.append("-".join(code[i : i + 4] for i in range(0, 16, 4)))
    told = formats(words, np.ones(len(words), np.int64))
    assert told is not None
    assert told[0].check == "luhn"


PRINTABLE = st.text(st.characters().filter(str.isprintable), max_size=9)
SPECIAL = st.text(st.sampled_from("*\\[]-0aZé9"), min_size=1, max_size=4)
MANY_WORDS = st.one_of(
    st.lists(PRINTABLE, max_size=60),
    st.lists(SPECIAL, min_size=20, max_size=120),
    st.builds(
        lambda a, b: [x + y for x in a for y in b], st.lists(SPECIAL, max_size=12), st.lists(PRINTABLE, max_size=9)
    ),
)


@given(MANY_WORDS, st.booleans(), st.sampled_from([0, 1, 2**40]))
@settings(max_examples=200, deadline=None)
def test_no_list_of_texts_is_too_odd(words: list[str], texts: bool, most: int) -> None:
    counts = np.array([most if i % 2 else 1 for i in range(len(words))], np.int64)
    for form in formats(words, counts, texts=texts) or ():
        alphabets = places(Format(mask=form.mask, share=form.share, check=form.check).mask)
        assert all(len(a) == 1 or (a.isascii() and a.isalnum()) for a in alphabets)
        assert any(len(w) == len(alphabets) for w in words)


def test_whole_numbers_have_formats_unless_they_are_counted_on() -> None:
    table = pa.table(
        {
            "customer_id": RNG.integers(10**9, 10**10, N),
            "order_id": np.arange(N) + 10**6,
            "account_id": RNG.permutation(N * 3)[:N] * 2 - 100,
            "patient_id": [float(i) for i in RNG.integers(10**5, 10**6, N)],
            "name": [f"{letters(1)}{letters(5).lower()} {letters(1)}{letters(5).lower()}" for _ in range(N)],
            "email": [f"{letters(5)}{i}@corp.test" for i in range(N)],
            "zip": [digits(5) for _ in range(N)],
        }
    )
    columns = {
        "zip": ColumnSpec(treatment="fake"),
        "email": ColumnSpec(faker="email"),
    }
    seen = profile_table(table, "t", TableSpec(columns=columns), "0" * 64)
    assert seen.column("customer_id").formats == (Format(mask="[1-9]999999999", share=1.0),)
    assert [f.mask for f in seen.column("zip").formats or ()] == ["99999"]
    for name in ("order_id", "account_id", "patient_id", "name", "email"):
        assert seen.column(name).formats is None, name
    assert "formats" not in seen.column("name").plain(), "older evidence keeps its digest"


def test_a_planted_code_is_in_no_profile() -> None:
    words = [f"canary{w:08x}" for w in RNG.choice(2**32, 200, replace=False)]
    rare = [f"SECRET-{i}" for i in range(9)]
    table = pa.table({"token": words, "code_id": [*[f"K{digits(6)}" for _ in range(191)], *rare]})
    seen = profile_table(table, "t", TableSpec(), "0" * 64)
    text = json.dumps(seen.plain()).replace("\\", "").lower()
    assert seen.column("token").formats
    assert seen.column("code_id").formats
    assert not [w for w in [*words, *rare] if w.lower() in text]
    assert not re.search("s.?e.?c.?r.?e.?t", text)
    assert seen.column("token").semantic == SemanticType.ID
