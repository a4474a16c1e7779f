"""Codes: the formats' forms and shares, every number another text, right check digits; and the hashes below."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.blocks import BLOCK, Block, blocks
from generators.faking import FakeColumn, write_fakes
from generators.faking_codes import Codes
from generators.faking_numbers import MOST, Subjects, hashed, mixed, shuffled
from proofset.evidence import Format
from proofset.spec import SemanticType

S = SemanticType


def counted(*numbers: int) -> Subjects:
    return Subjects(np.array(numbers, dtype=np.uint64), counted=True)


def written(formats: list[Format], rows: int, kind: pa.DataType | None = None, **plan: Any) -> list[Any]:
    kind = kind or pa.string()
    column = FakeColumn.model_validate({"name": "x", "semantic": S.ID, "formats": formats, "unique": True} | plan)
    made = [write_fakes([column], pa.schema([("x", kind)]), block)["x"] for block in blocks(rows, 5)]
    return [v for array in made for v in array.to_pylist()]


@given(st.integers(1, 3_000), st.integers(0, 2**63 - 1))
@settings(max_examples=60, deadline=None)
def test_shuffling_reaches_every_number_once(size: int, key: int) -> None:
    found = shuffled(np.arange(size, dtype=np.uint64), size, key)
    assert sorted(found.tolist()) == list(range(size))


@pytest.mark.parametrize("size", [MOST, MOST - 1, 2**61 + 1])
def test_shuffling_large_ranges_stays_within_and_looks_random(size: int) -> None:
    found = shuffled(np.arange(20_000, dtype=np.uint64), size, 3).astype(float) / size
    assert len(np.unique(found)) == 20_000
    assert found.max() < 1
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.03
    assert np.histogram(found, 20, (0, 1))[0].min() > 850


def test_mixing_is_a_bijection_and_keys_matter() -> None:
    numbers = np.arange(100_000, dtype=np.uint64)
    assert len(np.unique(mixed(numbers, 1))) == 100_000
    assert not (mixed(numbers, 1) == mixed(numbers, 2)).any()


def test_hashes_are_of_values_not_of_their_coding() -> None:
    words = pa.array(["a", None, "b", "a", None])
    plain = hashed(words, 7)
    assert (plain == hashed(words.dictionary_encode(), 7)).all()
    assert (plain == hashed(pa.chunked_array([words[:2], words[2:]]), 7)).all()
    assert plain[0] == plain[3] != plain[2] != plain[1] == plain[4]
    assert not (plain == hashed(words, 8)).any()
    assert (hashed(pa.array([1, 2]), 7) == hashed(pa.array(["1", "2"]), 7)).all()


def test_codes_have_the_forms_in_their_shares_and_differ() -> None:
    formats = [
        Format(mask=r"\I\D-99[13]99X", share=0.6),
        Format(mask="(AA) 9999", share=0.3),
        Format(mask="n*", share=0.1),
    ]
    codes = written(formats, 4_096)
    patterns = {r"ID-\d\d[13]\d\d[0-9A-F]": 0.6, r"\([A-Z]{2}\) \d{4}": 0.3, r"[a-z0-9][A-Za-z0-9]": 0.1}
    for pattern, share in patterns.items():
        assert abs(sum(bool(re.fullmatch(pattern, c)) for c in codes) / 4_096 - share) < 0.01, pattern
    assert len(set(codes)) == 4_096
    assert codes != sorted(codes)


@pytest.mark.parametrize("mask", ["9", "A", "99", r"\X9", "[1-3]"])
def test_codes_go_on_when_a_format_is_used_up_and_stay_different_over_blocks(mask: str) -> None:
    formats = [Format(mask=mask, share=0.5), Format(mask="9999", share=0.3), Format(mask="9-9999", share=0.2)]
    codes = written(formats, BLOCK + 9_000)
    assert len(set(codes)) == len(codes)


def test_formats_that_overlap_cannot_give_one_text_twice() -> None:
    formats = [Format(mask=r"\A\B999", share=0.5), Format(mask="AA999", share=0.3), Format(mask="*****", share=0.2)]
    codes = written(formats, 3_000)
    assert len(set(codes)) == 3_000
    assert all(c.startswith("AB") for c in codes)


def test_more_than_64_bits_are_filled() -> None:
    codes = written([Format(mask="xxxxxxxx-xxxx-\\4xxx-[89ab]xxx-xxxxxxxxxxxx", share=1)], 2_000)
    assert len(set(codes)) == 2_000
    for place in (0, 5, 15, 20, 35):
        assert len({c[place] for c in codes}) == 16
    assert {c[14] for c in codes} == {"4"}
    assert {c[19] for c in codes} == set("89ab")


def luhn_twin(number: str) -> bool:
    total = 0
    for place, digit in enumerate(int(c) for c in reversed(number) if c.isdigit()):
        total += digit if place % 2 == 0 else sum(divmod(2 * digit, 10))
    return total % 10 == 0


def iban_twin(account: str) -> bool:
    turned = account[4:] + account[:4]
    return int("".join(str(ord(c) - 55) if c.isalpha() else c for c in turned)) % 97 == 1


def test_check_digits_are_right() -> None:
    cards = written([Format(mask=r"\4999 9999 9999 9999", share=1, check="luhn")], 3_000)
    assert all(luhn_twin(c) and c[0] == "4" for c in cards)
    assert len(set(cards)) == 3_000
    odd = written([Format(mask="999999999", share=1, check="luhn")], 3_000)
    assert all(map(luhn_twin, odd))
    plain = written([Format(mask="999999999", share=1)], 3_000)
    assert 200 < sum(map(luhn_twin, plain)) < 400, "control: without it, one in ten is right"
    formats = [Format(mask=f"{m}99{'9' * 18}", share=0.4, check="iban") for m in (r"\D\E", r"\F\R")]
    formats.append(Format(mask=r"\G\B99AAAA99999999999999", share=0.2, check="iban"))
    accounts = written(formats, 3_000)
    assert all(map(iban_twin, accounts))
    assert {a[:2] for a in accounts} == {"DE", "FR", "GB"}


def test_whole_numbers_take_the_formats_where_they_fit() -> None:
    formats = [Format(mask="[1-9]9999", share=0.7), Format(mask="9999", share=0.3)]
    numbers = written(formats, 5_000, pa.int64())
    assert len(set(numbers)) == 5_000
    assert {len(str(n)) for n in numbers} == {4, 5}
    assert all(isinstance(n, float) and n >= 1000 for n in written(formats, 100, pa.float64()))
    used_up = written([Format(mask="99", share=1)], 500, pa.int32())
    assert len(set(used_up)) == 500
    assert sum(n < 100 for n in used_up) == 90
    assert min(used_up) == 10
    # What does not fit is counted: the type has no room, or the form is no number.
    assert written([Format(mask="99", share=1)], 100, pa.int8()) == list(range(1, 101))
    assert written([Format(mask="9" * 19, share=1)], 3, pa.int64()) == [1, 2, 3]
    assert written([Format(mask="9-99", share=1)], 3, pa.int64()) == [1, 2, 3]


def test_hashes_take_formats_too() -> None:
    formats = [Format(mask=r"\K999999", share=0.5), Format(mask="AAAA", share=0.5)]
    subjects = Subjects(np.random.default_rng(1).integers(2**63, size=2_000, dtype=np.uint64), counted=False)
    texts, beyond = Codes(formats, 9).write(subjects)
    assert not beyond.any()
    assert abs(sum(t.startswith("K") and len(t) == 7 for t in texts) / 2_000 - 0.5) < 0.05
    assert len(set(texts)) > 1_950
    again, _ = Codes(formats, 9).write(subjects)
    assert (texts == again).all()


def test_a_seed_decides_the_order_and_a_block_needs_no_other() -> None:
    column = FakeColumn(name="x", semantic=S.ID, unique=True, formats=(Format(mask="99999999", share=1),))
    schema = pa.schema([("x", pa.string())])
    one, two = (write_fakes([column], schema, Block(3, 3 * BLOCK, 100, seed))["x"].to_pylist() for seed in (1, 2))
    assert not set(one) & set(two)
    first, _ = Codes(column.formats or (), 1).write(counted(5, 6, 7))
    last, _ = Codes(column.formats or (), 1).write(counted(7))
    assert last[0] == first[2]
