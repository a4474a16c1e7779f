"""Patterns, providers, uniqueness: every text fits, and none comes twice, in a table of any length."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import Fitted, create
from generators.blocks import BLOCK
from generators.constraints_texts import format_texts
from generators.rules_regex import Pattern, pattern_of
from generators.rules_regex_net import Unusable
from generators.rules_text import unique_texts
from generators.rules_unique import permuted
from proofset.constraints_formats import FormatConstraint
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec
from proofset.values import filled

NOTHING = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())
ROWS = BLOCK + 4_321


def fit(rules: dict[str, Any] | None = None, **columns: dict[str, Any]) -> Fitted:
    declared = {n: {"rule": c} if "kind" in c else c for n, c in columns.items()}
    spec = TableSpec.model_validate({"columns": declared} | ({"rules": rules} if rules else {}))
    return create(GeneratorSpec(name="rules")).fit(pa.table({}), spec, NOTHING, seed=0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def every(text: str, alphabet: str, longest: int) -> set[str]:
    """The brute-force twin: all texts over an alphabet that the standard library says match."""
    words = ("".join(w) for n in range(longest + 1) for w in itertools.product(alphabet, repeat=n))
    return {w for w in words if re.fullmatch(text, w)}


@pytest.mark.parametrize(
    "text",
    ["a?a?b?", "(a|b|ab){0,2}", "(ab|a)(b|bc)?", "a{2}|b{1,3}", "[ab]c?", "(?:a|b)c", "^abc$", ""],
)  # fmt: skip
def test_a_patterns_texts_are_counted_and_listed_once_each(text: str) -> None:
    pattern = Pattern(text)
    expected = every(text, "abc", 4)
    assert pattern.size == len(expected)
    assert sorted(pattern.texts(np.arange(pattern.size), rng())) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [r"[A-Z]{3}-\d{4}", r"\w+@\w{2,5}\.(com|org)", r"[^a-z\d]{4}", r"\D\W\S\s.", r"(foo|bar){2}x*",
     r"[\u4e00-\u4fff]{2}", r"[A-Za-z0-9]{40}", r"\+49 [1-9]\d{2,3} \d{5,8}", r"[^x]", r"a+?b*?"],
)  # fmt: skip
def test_drawn_texts_match_and_unique_ones_differ(text: str) -> None:
    pattern = Pattern(text)
    assert all(re.fullmatch(text, t) for t in pattern.random(3_000, rng(1)))
    count = min(pattern.size, 3_000)
    unique = pattern.texts(permuted(np.arange(count), pattern.size, rng(2)), rng(3))
    assert all(re.fullmatch(text, t) for t in unique)
    assert len(set(unique)) == count


def test_every_text_is_equally_likely() -> None:
    pattern = Pattern("a|b[xyz]")
    assert pattern.size == 4
    counts = np.unique(pattern.random(40_000, rng()), return_counts=True)[1]
    assert counts / 40_000 == pytest.approx(0.25, abs=0.015)
    large = Pattern("[a-d]{40}|[e-h]{39}")
    assert not large.whole
    assert np.mean([len(t) == 40 for t in large.random(8_000, rng())]) == pytest.approx(0.8, abs=0.03)


# So many letters that one more of them leads from fewer than 2**44 beginnings to more than 2**60.
MANY = "".join(f"{chr(a)}-{chr(a + 23_999)}" for a in range(0x10000, 0x10000 + 120_000, 24_000))


@pytest.mark.parametrize(
    "text",
    ["[A-Z]{250}", r"[A-Z]{250}(-\d{1,300})?", "[a-z]{400}|[0-9]{400}", "x{30}[A-Z]{250}", "ab{2,900}|[xy]{99}",
     f"[a-e]{{2}}[A-Za-v][{MANY}]{{4}}"],
)  # fmt: skip
def test_a_pattern_with_more_texts_than_a_float_can_count(text: str) -> None:
    pattern = Pattern(text)
    drawn = pattern.random(200, rng(1))
    assert all(re.fullmatch(text, t) for t in drawn)
    assert len(set(drawn)) > 100
    assert 2 <= pattern.size <= 2**60
    count = min(pattern.size, 1_000)
    unique = pattern.texts(permuted(np.arange(count), pattern.size, rng(2)), rng(3))
    assert all(re.fullmatch(text, t) for t in unique)
    assert len(set(unique)) == count


def test_of_very_many_texts_every_one_is_still_equally_likely() -> None:
    drawn = Pattern("[a-d]{600}|[e-h]{599}").random(8_000, rng())
    assert np.mean([len(t) == 600 for t in drawn]) == pytest.approx(0.8, abs=0.03)
    ends = Pattern("[a-d]{600}(x|y[pqr])").random(8_000, rng())
    assert np.mean([t.endswith("x") for t in ends]) == pytest.approx(0.25, abs=0.03)


def test_the_constraint_format_writes_long_texts_of_a_pattern() -> None:
    constraint = FormatConstraint(kind="format", column="x", pattern="[A-Z]{250}")
    texts = format_texts(constraint, 20, rng())
    assert texts is not None
    assert constraint.fits(pa.array(texts)).all()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "cannot be parsed"),
        (r"(a)\1", "groupref"),
        ("(?=a)b", "assert"),
        (r"\bword", "at,"),
        ("a(?i:b)", "subpattern"),
        ("(?i)b", "flag"),
        ("a{2000}", "more than 1000 times"),
        ("(a{900}){900}", "too long"),
        (r"[\x00]", "cannot stand"),
        (r"[\ud800]", "cannot stand"),
        ("[^ -~]", "empty"),
        (r"[\u0020-\uffff]", "more than 25000"),
        ("(a{500}){3}", "longer than 1000"),
        ("[ab]{0,14}a[ab]{14}", "too many ways"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        Pattern(text)
    with pytest.raises(GeneratorError, match=rf"(?s)Column 'x': its pattern cannot be used.*{why}"):
        pattern_of("x", text)


@given(st.integers(1, 5_000), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_permutation_is_one(size: int, seed: int) -> None:
    assert sorted(permuted(np.arange(size), size, rng(seed))) == list(range(size))


@pytest.mark.parametrize(
    "column",
    [
        {"kind": "regex", "pattern": r"[A-Z]{3}-\d{4}", "unique": True},
        {"kind": "regex", "pattern": "[a-z]{60}", "unique": True},
        {"kind": "faker", "provider": "email", "unique": True, "pool": 300},
        {"kind": "faker", "provider": "url", "unique": True, "pool": 300},
        {"kind": "faker", "provider": "street_address", "locale": "de_DE", "unique": True, "pool": 300},
        {"kind": "mimesis", "provider": "person.full_name", "locale": "ja", "unique": True, "pool": 300},
        {"kind": "faker", "provider": "country_code", "unique": True, "pool": 1},
        {"kind": "uuid"},
        {"rule": {"kind": "uniform", "low": 0, "high": 999.99, "decimals": 2}, "unique": True},
        {"rule": {"kind": "uniform", "low": -50_000, "high": 50_000, "decimals": 0}, "unique": True},
        {"rule": {"kind": "regex", "pattern": r"\d{5}"}, "unique": True},
        {"rule": {"kind": "faker", "provider": "name", "pool": 100}, "unique": True},
        {"rule": {"kind": "zipf", "exponent": 1, "size": 80_000}, "unique": True},
        {"rule": {"kind": "sequence", "format": "C-{}"}, "unique": True},
    ],
    ids=lambda c: str(c)[:60],
)
def test_unique_holds_across_blocks(column: dict[str, Any]) -> None:
    fitted = fit(x=column)
    drawn = fitted.sample(ROWS, seed=5, workers=2).table["x"]
    assert len(drawn.unique()) == ROWS
    assert fitted.sample(500, seed=5).table["x"] == drawn.slice(0, 500) or "{60}" in str(column)


def test_a_set_of_columns_is_unique_together() -> None:
    columns = {
        "store": {"kind": "uniform", "low": 1, "high": 120, "decimals": 0},
        "day": {"kind": "date", "start": "2023-01-01", "end": "2024-12-31"},
        "open": {"kind": "bernoulli", "p": 0.5},
        "shade": {"kind": "category", "weights": {"red": 1, "blue": 3}},
    }
    frame = fit({"unique": [["store", "day"]]}, **columns).sample(ROWS, 1).table.to_pandas()
    assert not frame.duplicated(["store", "day"]).any()
    assert frame.store.value_counts(normalize=True).to_numpy() == pytest.approx(1 / 120, abs=2e-3)
    assert frame["shade"].eq("blue").mean() == pytest.approx(0.75, abs=0.01)
    code = {"kind": "regex", "pattern": "[a-z]{2}"}
    coded = fit({"unique": [["code", "open"]]}, code=code, open=columns["open"]).sample(1_352, 1).table.to_pandas()
    assert not coded.duplicated().any()
    small = fit({"unique": [["open", "shade"]]}, open=columns["open"], shade=columns["shade"])
    assert len(set(map(str, small.sample(4, 1).table.to_pylist()))) == 4
    with pytest.raises(GeneratorError, match=r"open, shade cannot be unique in 5 rows.*(?s:.*)4 different"):
        small.sample(5, 1)
    beside = fit({"unique": [["shade", "id"]]}, shade=columns["shade"], id={"kind": "sequence"})
    assert beside.sample(9, 1).table["id"].to_pylist() == list(range(1, 10))


@pytest.mark.parametrize(
    ("column", "size"),
    [
        ({"kind": "regex", "pattern": "[ab]{3}", "unique": True}, 8),
        ({"rule": {"kind": "choice", "values": ["x", "y"]}, "unique": True}, 2),
        ({"rule": {"kind": "choice", "values": [1, 2, 3], "weights": [1, 0, 1]}, "unique": True}, 2),
        ({"rule": {"kind": "bernoulli", "p": 0.3}, "unique": True}, 2),
        ({"rule": {"kind": "category", "weights": {"x": 1, "y": 0, "z": 1}}, "unique": True}, 2),
    ],
)
def test_more_rows_than_values_are_refused_before_the_first(column: dict[str, Any], size: int) -> None:
    fitted = fit(x=column)
    assert len(fitted.sample(size, 1).table["x"].unique()) == size
    with pytest.raises(GeneratorError, match=rf"'x' cannot be unique in {size + 1} rows(?s:.*){size} different"):
        next(iter(fitted.stream(size + 1, 1)))


@pytest.mark.parametrize(
    ("rules", "columns", "words"),
    [
        ({}, {"x": {"rule": {"kind": "normal", "mean": 0, "sd": 1}, "unique": True}}, "x cannot be promised unique"),
        ({}, {"x": {"rule": {"kind": "expression", "expression": "1"}, "unique": True}}, "x cannot be promised"),
        ({}, {"x": {"rule": {"kind": "sequence", "step": 0}, "unique": True}}, "x cannot be promised"),
        ({}, {"x": {"rule": {"kind": "regex", "pattern": "a"}}, "y": {"rule": {"kind": "faker", "provider": "name",
              "by": "x"}, "unique": True}}, "'y' is to be unique, but"),
        ({"unique": [["x", "z"]]}, {"x": {"kind": "uuid"}}, "names 'z'"),
        ({"unique": [["x", "y"]]}, {"x": {"kind": "normal", "mean": 0, "sd": 1},
                                    "y": {"kind": "exponential", "mean": 1}}, "x, y cannot be promised"),
    ],
)  # fmt: skip
def test_what_cannot_be_promised_is_refused(rules: dict[str, Any], columns: dict[str, Any], words: str) -> None:
    with pytest.raises(GeneratorError, match=words):
        fit(rules, **columns)


def test_texts_follow_the_value_of_another_column() -> None:
    drawn = (
        fit(
            customer={"rule": {"kind": "uniform", "low": 1, "high": 500, "decimals": 0}, "null_share": 0.1},
            name={"kind": "mimesis", "provider": "person.full_name", "by": "customer"},
            again={"kind": "faker", "provider": "city", "by": "name"},
        )
        .sample(ROWS, 1)
        .table.to_pandas()
    )
    assert drawn.groupby("customer").name.nunique().max() == 1
    assert drawn[drawn.customer.isna()].name.nunique() == 1
    assert drawn.name.nunique() > 300
    assert drawn.groupby("name").again.nunique().max() == 1


def test_no_provider_writes_a_domain_that_belongs_to_somebody() -> None:
    frame = (
        fit(a={"kind": "mimesis", "provider": "person.email"}, b={"kind": "faker", "provider": "company_email"})
        .sample(2_000, 1)
        .table.to_pandas()
    )
    assert frame.a.str.contains(r"@(?:[\w.-]+\.)?example\.(?:com|net|org)$").all()
    assert frame.b.str.contains(r"@(?:[\w.-]+\.)?example\.(?:com|net|org)$").all()


@given(st.lists(st.sampled_from(["a", "a 2", "a 2 2", "b", "c (2)", "d 7"]), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_numbering_on_never_meets_another_value(values: list[str]) -> None:
    from generators.rules_text import _apart

    drawn = unique_texts(filled(_apart(values)), np.arange(300), rng())
    assert len(set(drawn)) == 300


def test_mimesis_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from proofset.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "mimesis", None)
    with pytest.raises(MissingExtraError, match="pip install mimesis"):
        fit(x={"kind": "mimesis", "provider": "person.full_name"})


def test_a_provider_that_does_not_follow_its_seed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import mimesis

    monkeypatch.setattr(mimesis.Person, "full_name", lambda self: str(np.random.default_rng().random()))
    with pytest.raises(GeneratorError, match="does not follow a seed"):
        fit(x={"kind": "mimesis", "provider": "person.full_name"})
