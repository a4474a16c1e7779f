"""Source and release terms: optional, validated, and invisible in the digest of a spec that does not use them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proofset.digest import sha256_json
from proofset.errors import SpecError
from proofset.reading import parse_model, read_model
from proofset.spec import DatasetSpec, ReleaseTerms, SourceSpec, SpecialCategory

ROOT = Path(__file__).resolve().parents[2]
OLD = """\
dataset: shop
owner: shop-team@example.org
purpose: sharing
source: {licence: CC-BY-4.0, lawful_basis: consent, permitted_purposes: [sharing]}
tables: {visits: {path: data/visits.parquet}}
policy: sharing
"""


def spec(source: dict[str, Any] | None = None, release: dict[str, Any] | None = None) -> DatasetSpec:
    plain = yaml.safe_load(OLD)
    plain["source"] |= source or {}
    return parse_model(yaml.safe_dump(plain | ({"release": release} if release else {})), DatasetSpec, "x.yaml")


def test_a_spec_without_terms_is_spelled_as_before() -> None:
    old = spec().plain()
    assert "release" not in old
    assert set(old["source"]) == {
        "licence", "attribution", "url", "lawful_basis", "residency", "permitted_purposes",
    }  # fmt: skip
    assert sha256_json(spec({"controller": "X"}).plain()) != sha256_json(old)


def test_an_empty_list_says_none_and_is_kept() -> None:
    said = spec({"special_categories": [], "data_categories": []})
    assert said.source.special_categories == ()
    assert said.plain()["source"]["special_categories"] == []
    assert spec().source.special_categories is None


def test_every_special_category_of_the_regulation_is_there() -> None:
    assert {c.value for c in SpecialCategory} == {
        "racial_or_ethnic_origin", "political_opinions", "religious_or_philosophical_beliefs", "trade_union_membership",
        "genetic_data", "biometric_data", "health", "sex_life_or_orientation", "criminal_convictions",
    }  # fmt: skip


def test_retention_is_a_day_or_counts_from_the_collection() -> None:
    assert spec({"retention_until": "2030-01-31"}).source.kept_until == date(2030, 1, 31)
    counted = spec({"collected_until": "2024-02-28", "retention_days": 2})
    assert counted.source.kept_until == date(2024, 3, 1)
    assert spec().source.kept_until is None


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "dates in the wrong order": ({"collected_from": "2024-02-01", "collected_until": "2024-01-31"}, {}, "swap"),
    "two retentions": (
        {"collected_until": "2024-01-31", "retention_days": 1, "retention_until": "2025-01-31"}, {}, "not both",
    ),
    "days from nowhere": ({"retention_days": 1}, {}, "counts from collected_until"),
    "kept for less than it took": (
        {"collected_from": "2024-02-01", "retention_until": "2024-01-31"}, {}, "before the source was collected",
    ),
    "days beyond the calendar": (
        {"collected_until": "9999-12-31", "retention_days": 1}, {}, "beyond the year 9999",
    ),
    "negative days": ({"collected_until": "2024-01-31", "retention_days": -1}, {}, "retention_days"),
    "no date": ({"collected_from": "last year"}, {}, "collected_from"),
    "a category that is none": ({"special_categories": ["helth"]}, {}, "Did you mean 'health'"),
    "a category twice": ({"special_categories": ["health", "health"]}, {}, "says twice: health"),
    "a blank controller": ({"controller": " "}, {}, "controller"),
    "a controller of two lines": ({"controller": "a\nb"}, {}, "controller"),
    "a field that is none": ({"controler": "X"}, {}, "Did you mean 'controller'"),
    "a version that is a fraction": ({}, {"version": 1.5}, "a whole number such as 3"),
    "a version that is true": ({}, {"version": True}, "a whole number such as 3"),
    "a version that is half of one": ({}, {"version": "1.2"}, "1.2.0"),
    "a negative version": ({}, {"version": -1}, "a whole number such as 3"),
    "a contact that is none": ({}, {"contact": "Bob"}, "begins with https://"),
    "a contact that runs": ({}, {"contact": "javascript:alert(1)"}, "begins with https://"),
    "a contact that breaks out": ({}, {"contact": 'https://x"><script>'}, "begins with https://"),
    "a keyword twice": ({}, {"keywords": ["a", "a"]}, "says twice: a"),
    "an empty limit": ({}, {"known_limits": [""]}, "known_limits"),
    "a text too long": ({}, {"terms": "x" * 501}, "terms"),
    "an unknown term": ({}, {"prohibited": ["x"]}, "Did you mean 'prohibited_uses'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_with_a_reason(case: str) -> None:
    source, release, expected = REFUSED[case]
    with pytest.raises(SpecError, match="x.yaml") as caught:
        spec(source, release)
    assert expected in str(caught.value)


@given(st.integers(0, 10**9))
def test_a_whole_version_is_one_in_full(number: int) -> None:
    assert ReleaseTerms(version=number).version_text == f"{number}.0.0"


@given(st.dates(), st.dates(), st.integers(0, 36500))
def test_dates_that_are_accepted_are_in_order(began: date, ended: date, days: int) -> None:
    told = {"licence": "x", "lawful_basis": "consent", "permitted_purposes": ["sharing"]}
    try:
        found = SourceSpec(**told, collected_from=began, collected_until=ended, retention_days=days)
    except ValueError:
        assert ended < began or ended.toordinal() + days > date.max.toordinal()
        return
    assert began <= ended
    assert found.kept_until is not None
    assert (found.kept_until - ended).days == days


def test_the_census_is_described() -> None:
    told = read_model(ROOT / "examples/census/datasets/adult.yaml", DatasetSpec)
    assert told.source.controller == "United States Census Bureau"
    assert told.source.special_categories == (SpecialCategory.RACIAL_OR_ETHNIC_ORIGIN,)
    assert told.release is not None
    assert told.release.version_text == "1.0.0"
    assert told.release.prohibited_uses
