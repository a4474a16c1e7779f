"""The report: whole, self-contained, deterministic, accessible, and silent about rows."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from proofset.evidence import Measure, Outcome, Profile, Provenance, Scorecard, SuiteResult
from proofset.policy import Policy
from proofset.policy_demands import Requirement
from proofset.policy_judge import Facts, judge
from proofset.spec import ColumnSpec, Purpose, TableSpec
from quality.gx_suite import run_suite
from quality.plots import Limit, Mark, measure_bar
from quality.profile import profile_table
from quality.report import render
from quality.report_columns import column_views
from quality.report_marks import limit_of
from quality.report_numbers import limit_text, number

FACTS = Facts(licence="Apache-2.0", generator="trees", generations=1, residency="", purpose=Purpose.SHARING)
TODAY = date(2026, 3, 1)


class Page(HTMLParser):
    """Collects tags and attributes, and checks that what opens closes."""

    VOID = frozenset({"meta", "br", "link", "img", "col", "rect", "line", "circle", "path", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="session")
def suite(fresh: pa.Table, profile: Profile) -> SuiteResult:
    return run_suite(fresh, "3" * 64, profile, TableSpec())


def page(
    provenance: Provenance,
    profile: Profile,
    card: Scorecard,
    suite: SuiteResult | None,
    policy: Policy,
    synthetic: pa.Table,
) -> str:
    return render(provenance, profile, card, suite, judge(policy, card, suite, FACTS, TODAY), policy, synthetic).html


def test_the_page_is_whole(
    provenance: Provenance, profile: Profile, card: Scorecard, suite: SuiteResult, policy: Policy, fresh: pa.Table
) -> None:
    text = page(provenance, profile, card, suite, policy, fresh)
    assert text == page(provenance, profile, card, suite, policy, fresh)
    parsed = Page(text)
    tags = [t for t, _ in parsed.seen]
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert not re.search(r"src=|url\(|@import|https?://", text)
    assert all(h.startswith("#") for h in re.findall(r'href="([^"]*)"', text))
    assert [a["lang"] for t, a in parsed.seen if t == "html"] == ["en"]
    pictures = [a for t, a in parsed.seen if t == "svg"]
    assert all(a.get("aria-label") or a.get("aria-hidden") for a in pictures)
    ids = {a["id"] for _, a in parsed.seen if a.get("id")}
    assert {a["aria-labelledby"] for _, a in parsed.seen if a.get("aria-labelledby")} <= ids
    for measure in card.measures:
        assert f"<code>{measure.name}</code>" in text
    for column in profile.columns:
        assert f'aria-label="Column {column.name}"' in text
    assert "privacy.not_there" in text
    assert "Inconclusive" in text
    for digest in (provenance.source_digest, provenance.synthetic_digest, card.digest, policy.digest):
        assert digest in text


def test_a_pass_and_a_page_without_a_suite(
    provenance: Provenance, profile: Profile, card: Scorecard, policy: Policy, fresh: pa.Table
) -> None:
    easy = Policy.model_validate(
        {**policy.plain(), "suite": False, "require": [{"measure": "fidelity.shape_error", "max": 0.5}]}
    )
    text = page(provenance, profile, card, None, easy, fresh)
    assert "1 of 1 demand of the policy sharing holds." in text
    assert "The suite did not run." in text


def test_failures_are_named_first(
    provenance: Provenance, profile: Profile, card: Scorecard, policy: Policy, fresh: pa.Table
) -> None:
    bad = fresh.set_column(fresh.column_names.index("age"), "age", pa.array([7] * len(fresh)))
    result = run_suite(bad, "3" * 64, profile, TableSpec())
    text = page(provenance, profile, card, result, policy, bad)
    verdict = judge(policy, card, result, FACTS, TODAY)
    assert verdict.outcome == Outcome.FAIL
    banner = text[text.index('class="verdict fail"') : text.index('class="facts"')]
    assert "Validation suite" in banner
    assert "do not comply" in text


def test_names_are_escaped(provenance: Provenance, card: Scorecard, policy: Policy, fresh: pa.Table) -> None:
    odd = pa.table({"<b>&\"'": ["<script>alert(1)</script>", "b"] * 300, "n": np.arange(600) % 7})
    profile = profile_table(odd, "t", TableSpec(), "")
    text = page(provenance, profile, card, None, policy, odd)
    Page(text)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_canaries_are_not_on_the_page(
    provenance: Provenance, profile: Profile, card: Scorecard, suite: SuiteResult, policy: Policy
) -> None:
    """Rare source values that a leaky generator repeats often are not shown either."""
    rng = np.random.default_rng(0)
    words = [f"canary{w:08x}" for w in rng.choice(2**32, 200, replace=False)]
    numbers = np.round(rng.uniform(1e5, 9e5, 50), 3)
    source = pa.table({"word": ["common"] * 300 + words, "number": pa.array([*numbers, *[1.0] * 450])})
    spec = TableSpec(columns={"word": ColumnSpec(type="category")})
    known = profile_table(source, "t", spec, "0" * 64)
    leaky = pa.table({"word": words * 20, "number": pa.array([*numbers] * 80)})
    found = run_suite(leaky, "3" * 64, known, spec)
    verdict = judge(policy, card, found, FACTS, TODAY)
    text = "".join(render(provenance, known, card, found, verdict, policy, leaky).files.values())
    text += found.model_dump_json() + known.model_dump_json()
    assert not [w for w in words if w in text]
    assert not [n for n in numbers if f"{n:.15g}" in text or f"{n:,.15g}" in text]


def test_columns_without_anything_to_show_say_why(card: Scorecard) -> None:
    table = pa.table({"id": [f"k{i}" for i in range(20)], "v": np.arange(20) / 7})
    profile = profile_table(table, "t", TableSpec(), "")
    views = {v.name: v for v in column_views(profile, card, table)}
    assert "never saw the source" in views["id"].why_empty
    assert "too few rows" in views["v"].why_empty


def test_many_categories_are_summed_up(card: Scorecard) -> None:
    words = [f"k{i}" for i in range(30)] * 12
    table = pa.table({"k": words, "n": [int(w[1:]) for w in words]})
    spec = TableSpec(columns={"k": ColumnSpec(type="category"), "n": ColumnSpec(type="ordinal")})
    views = {v.name: v for v in column_views(profile_table(table, "t", spec, ""), card, table)}
    assert [s.value for s in views["k"].shares][-1] == "18 other values"
    shown = [s.value for s in views["n"].shares]
    assert shown[:-1] == sorted(shown[:-1], key=int)
    assert shown[-1] == "10 other values"


@pytest.mark.parametrize(
    ("name", "value", "unit", "text"),
    [
        ("fidelity.c2st_auc", 0.51234, "share", "0.512"),
        ("utility.tstr_r2", 0.5, "R²", "0.500"),
        ("utility.tstr_auc", 0.99999, "AUC", "> 0.999"),
        ("utility.tstr_auc", 1.0, "AUC", "1.000"),
        ("utility.uplift", -0.0001, "difference", "> −0.001"),
        ("utility.uplift", 0.0001, "difference", "< 0.001"),
        ("utility.uplift", -0.02, "difference", "−0.020"),
        ("utility.uplift", 0.0, "difference", "0"),
        ("timeliness.age", 12345.0, "days", "1.234e+04"),
        ("fidelity.shape_error", 0.01234, "share", "1.23\u00a0%"),
        ("fairness.bias_amplification", -0.5, "share", "−50.00\u00a0%"),
        ("fairness.bias_amplification", -0.00001, "share", "> −0.01\u00a0%"),
        ("validity.ranges", 1.0, "share", "100\u00a0%"),
        ("validity.ranges", 0.99999, "share", "> 99.99\u00a0%"),
        ("privacy.exact_copy_rate", 0.00001, "share", "< 0.01\u00a0%"),
        ("privacy.exact_copy_rate", 0.0, "share", "0\u00a0%"),
        ("privacy.exact_copy_rate", None, "share", "–"),
    ],
)
def test_numbers_never_round_to_certainty(name: str, value: float | None, unit: str, text: str) -> None:
    assert number(name, value, unit) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"max": 0.1}, "≤ 10.00\u00a0%"),
        ({"min": 0.1, "of": "each"}, "≥ 10.00\u00a0% in each part"),
        ({"max_excess": 0.1, "of": "worst", "end": "value"}, "≤ real + 10.00\u00a0% in the worst part, at the value"),
        ({"min_ratio": 0.8, "end": "optimistic"}, "≥ 0.8 × real, at the favourable end"),
    ],
)
def test_limits_in_words(given: dict[str, object], text: str) -> None:
    assert limit_text(Requirement.model_validate({"measure": "a.b", **given}), None) == text


def test_limits_follow_the_reference() -> None:
    given = {"name": "a.b", "title": "", "n": 1, "direction": "lower", "floor": 0, "ceiling": 1}
    measure = Measure(**given, value=0.2, low=0.1, high=0.3, reference=0.4)
    bare = Measure(**given, value=0.2, low=0.1, high=0.3)
    assert limit_of(measure, Requirement(measure="a.b", max_excess=0.1)) == Limit(0.5, at_most=True)
    assert limit_of(measure, Requirement(measure="a.b", min_ratio=0.5)) == Limit(0.2, at_most=False)
    assert limit_of(measure, Requirement(measure="a.b", min=0.0)) == Limit(0.0, at_most=False)
    assert limit_of(bare, Requirement(measure="a.b", min_ratio=0.5)) is None
    assert limit_of(measure, None) is None


def test_everything_on_a_bar_lies_within_it() -> None:
    bar = measure_bar("l", Mark(0.2, 0.1, 0.9), Mark(0.5, 0.0, 1.0), Limit(3.0, at_most=True), (0.0, 1.0), str)
    places = [float(x) for x in re.findall(r' (?:x1|x2|cx)="([\d.]+)"', bar)]
    assert places
    assert all(8 <= x <= 312 for x in places)
    still = measure_bar("l", Mark(1.0, 1.0, 1.0), None, None, (0.0, 1.0), str)
    assert "<circle" in still
