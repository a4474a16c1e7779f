"""Policy: four outcomes, on the end of the interval that is asked for, and nothing missing ever passes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proofset.evidence import (
    MAX_PARTS,
    Direction,
    ExpectationResult,
    Finding,
    Measure,
    Outcome,
    Scorecard,
    Share,
    SuiteResult,
    Verdict,
)
from proofset.policy import Policy
from proofset.policy_demands import Requirement
from proofset.policy_judge import Facts, judge
from proofset.spec import Purpose

TODAY = date(2026, 3, 1)
FACTS = Facts(licence="Apache-2.0", generator="trees", generations=1, residency="EU", purpose=Purpose.SHARING)
MAX, MIN = {"measure": "m", "max": 0.5}, {"measure": "m", "min": 0.5}
EXCESS, RATIO = {"measure": "m", "max_excess": 0.1}, {"measure": "m", "min_ratio": 0.9}


def measure(name: str, low: float, value: float, high: float, reference: float | None = None, **more: Any) -> Measure:
    return Measure(name=name, title=name, value=value, low=low, high=high, n=100, direction=Direction.LOWER,
                   floor=0, ceiling=1, reference=reference, **more)  # fmt: skip


def broken(status: str, name: str = "m") -> Measure:
    return Measure(name=name, title="m", n=0, direction=Direction.LOWER, floor=0, ceiling=1, status=status)


def card(*measures: Measure) -> Scorecard:
    return Scorecard(synthetic_digest="s", train_digest="t", holdout_digest="h", measures=measures)


def policy(*demands: dict[str, Any], **more: Any) -> Policy:
    fields = {"policy": "p", "purposes": ["sharing"], "suite": False, "approvals": {"required": 1}} | more
    return Policy.model_validate(fields | {"require": demands})


def said(rule: Policy, *measures: Measure, day: date = TODAY, facts: Facts = FACTS) -> Verdict:
    return judge(rule, card(*measures), None, facts, day)


def outcome(demand: dict[str, Any], *measures: Measure) -> Outcome:
    return said(policy(demand), *measures).outcome


@pytest.mark.parametrize(
    ("demand", "low", "high", "expected"),
    [
        (MAX, 0.3, 0.5, "pass"), (MAX, 0.3, 0.51, "inconclusive"), (MAX, 0.5, 0.6, "inconclusive"),
        (MAX, 0.51, 0.6, "fail"),
        (MIN, 0.5, 0.6, "pass"), (MIN, 0.49, 0.6, "inconclusive"), (MIN, 0.4, 0.5, "inconclusive"),
        (MIN, 0.3, 0.49, "fail"),
        (EXCESS, 0.1, 0.5, "pass"), (EXCESS, 0.1, 0.51, "inconclusive"), (EXCESS, 0.51, 0.6, "fail"),
        (RATIO, 0.37, 0.5, "pass"), (RATIO, 0.35, 0.5, "inconclusive"), (RATIO, 0.1, 0.3, "fail"),
    ],
)  # fmt: skip
def test_the_cautious_end_decides(demand: dict[str, Any], low: float, high: float, expected: str) -> None:
    assert outcome(demand, measure("m", low, (low + high) / 2, high, reference=0.4)) == expected


@pytest.mark.parametrize(
    ("end", "expected"),
    [("cautious", ["pass", "inconclusive", "inconclusive", "fail"]), ("value", ["pass", "pass", "fail", "fail"]),
     ("optimistic", ["pass", "pass", "pass", "fail"])],
)  # fmt: skip
def test_another_end_of_the_interval_may_be_asked_for(end: str, expected: list[str]) -> None:
    shown = [(0.1, 0.3, 0.5), (0.3, 0.5, 0.7), (0.4, 0.6, 0.8), (0.6, 0.7, 0.8)]
    assert [outcome(MAX | {"end": end}, measure("m", *ends)) for ends in shown] == expected
    mirrored = [(1 - high, 1 - value, 1 - low) for low, value, high in shown]
    assert [outcome(MIN | {"end": end}, measure("m", *ends)) for ends in mirrored] == expected


@pytest.mark.parametrize("demand", [MAX, MIN, EXCESS, RATIO])
def test_what_is_missing_or_errored_never_passes(demand: dict[str, Any]) -> None:
    waiver = {"measure": "m", "why": "w", "by": "ada", "until": "2999-01-01"}
    for changes in ({}, {"when_inconclusive": "review"}, {"of": "each"}, {"end": "optimistic"}):
        rule = policy(demand | changes, waivers=[waiver])
        missing = ((), (measure("other", 0, 0, 0),), (broken("error"),), (measure("m", 0, 0, 0, 1, gates=False),))
        for measures in missing:
            verdict = said(rule, *measures)
            assert verdict.outcome is Outcome.INCONCLUSIVE
            assert (verdict.findings[0].absent, verdict.findings[0].waived) == (True, "")
    for status in ("unsupported", "inconclusive"):
        assert outcome(demand, broken(status)) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("demand", [EXCESS, RATIO])
def test_a_missing_reference_never_passes(demand: dict[str, Any]) -> None:
    assert outcome(demand, measure("m", 0, 0, 0)) is Outcome.INCONCLUSIVE


def test_zero_is_a_limit_like_any_other() -> None:
    assert outcome({"measure": "m", "max": 0}, measure("m", 0, 0, 0)) is Outcome.PASS
    assert outcome({"measure": "m", "max": 0}, measure("m", 0.1, 0.1, 0.1)) is Outcome.FAIL


def test_a_warning_may_not_be_asked_for() -> None:
    found = said(policy(MAX), measure("m", 0, 0, 0, gates=False)).findings[0]
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "a warning, which no policy may ask for")


SOME_PARTS = (
    Share(part="a × b", value=0.6, low=0.4, high=0.7),
    Share(part="a", value=0.45, low=0.3, high=0.49),
    Share(part="b", value=0.2),
)


@pytest.mark.parametrize(
    ("of", "end", "parts", "expected", "part"),
    [
        ("worst", "cautious", SOME_PARTS, "inconclusive", "a × b"),
        ("each", "cautious", SOME_PARTS, "inconclusive", "a × b"),
        ("each", "value", SOME_PARTS, "fail", "a × b"), ("each", "cautious", SOME_PARTS[1:], "pass", "a"),
        ("worst", "cautious", SOME_PARTS[2:], "pass", "b"), ("each", "cautious", (), "inconclusive", ""),
        ("worst", "cautious", (), "inconclusive", ""), ("whole", "cautious", SOME_PARTS, "pass", ""),
    ],
)  # fmt: skip
def test_a_limit_may_be_held_against_every_part(of: str, end: str, parts: Any, expected: str, part: str) -> None:
    found = said(policy(MAX | {"of": of, "end": end}), measure("m", 0.1, 0.2, 0.3, parts=parts)).findings[0]
    assert (found.outcome, found.part) == (expected, part)
    assert part in found.reason or found.outcome is Outcome.PASS


def test_parts_are_held_against_their_own_reference() -> None:
    parts = (Share(part="a", value=0.5, reference=0.45), Share(part="b", value=0.3, reference=0.1))
    found = said(policy(EXCESS | {"of": "each"}), measure("m", 0, 0, 0, reference=1, parts=parts)).findings[0]
    assert (found.outcome, found.part) == (Outcome.FAIL, "b")
    bare = said(policy(EXCESS | {"of": "each"}), measure("m", 0, 0, 0, reference=1, parts=SOME_PARTS)).findings[0]
    assert (bare.outcome, bare.reason) == (
        Outcome.INCONCLUSIVE, "0 of 3 parts keep it; a × b: has no holdout reference")  # fmt: skip
    most = tuple(Share(part=f"c{i}", value=0.1) for i in range(MAX_PARTS))
    by_value = MAX | {"of": "each", "end": "value"}
    many = said(policy(by_value), measure("m", 0, 0, 0, parts=most, parts_count=MAX_PARTS + 5)).findings[0]
    assert (many.outcome, many.reason) == (Outcome.PASS, f"{MAX_PARTS} of the worst {MAX_PARTS} parts keep it")


INTERVALS = {"pass": (0.1, 0.2), "fail": (0.8, 0.9), "inconclusive": (0.4, 0.6), "review": (0.4, 0.6)}
OUTCOMES = st.sampled_from(sorted(INTERVALS))


def leaf(number: int, wanted: str) -> tuple[dict[str, Any], Measure]:
    low, high = INTERVALS[wanted]
    review = "review" if wanted == "review" else "deny"
    return {"measure": f"m{number}", "max": 0.5, "when_inconclusive": review}, measure(f"m{number}", low, low, high)


@given(st.lists(OUTCOMES, min_size=1, max_size=5))
def test_one_failure_fails_and_only_all_passes_pass(wanted: list[str]) -> None:
    leaves = [leaf(i, w) for i, w in enumerate(wanted)]
    verdict = said(policy(*(d for d, _ in leaves)), *(m for _, m in leaves))
    assert [f.outcome.value for f in verdict.findings] == wanted
    assert (verdict.outcome is Outcome.PASS) == (set(wanted) == {"pass"})
    assert (verdict.outcome is Outcome.FAIL) == ("fail" in wanted)
    assert (verdict.outcome is Outcome.REVIEW) == ("review" in wanted and not {"fail", "inconclusive"} & set(wanted))
    assert len(verdict.blocking) == sum(w != "pass" for w in wanted)


TABLE = {  # all_of, any_of
    ("pass", "pass"): ("pass", "pass"), ("pass", "inconclusive"): ("inconclusive", "pass"),
    ("pass", "fail"): ("fail", "pass"), ("inconclusive", "inconclusive"): ("inconclusive", "inconclusive"),
    ("inconclusive", "fail"): ("fail", "inconclusive"), ("fail", "fail"): ("fail", "fail"),
    ("review", "pass"): ("review", "pass"), ("review", "inconclusive"): ("inconclusive", "review"),
    ("review", "fail"): ("fail", "review"), ("review", "review"): ("review", "review"),
}  # fmt: skip


@pytest.mark.parametrize(("pair", "expected"), TABLE.items(), ids=str)
def test_the_truth_table_of_groups(pair: tuple[str, str], expected: tuple[str, str]) -> None:
    for first, second in (pair, pair[::-1]):
        demands, measures = zip(leaf(0, first), leaf(1, second), strict=True)
        for kind, wanted in zip(("all_of", "any_of"), expected, strict=True):
            verdict = said(policy({kind: list(demands)}), *measures)
            *members, group = verdict.findings
            assert (verdict.outcome, group.outcome, group.check) == (wanted, wanted, f"{kind}_1")
            assert [m.within for m in members] == [f"{kind}_1"] * 2
            assert not any(m.decides for m in members)


def test_groups_nest_and_have_names() -> None:
    (useful, a), (less, b), (private, c) = leaf(0, "fail"), leaf(1, "pass"), leaf(2, "pass")
    rule = policy({"any_of": [useful, {"all_of": [less, private]}], "name": "useful_enough"})
    verdict = said(rule, a, b, c)
    assert verdict.outcome is Outcome.PASS
    assert [(f.check, f.within) for f in verdict.findings] == [
        ("m0_max", "useful_enough"), ("m1_max", "all_of_1_2"), ("m2_max", "all_of_1_2"),
        ("all_of_1_2", "useful_enough"), ("useful_enough", ""),
    ]  # fmt: skip
    assert [r.measure for r in rule.requirements] == ["m0", "m1", "m2"]
    assert verdict.findings[-1].reason == "1 of 2 hold; m0 fail"
    assert verdict.findings[-1].threshold == "at least one of 2 holds"


def test_a_warning_is_shown_and_stops_nothing() -> None:
    verdict = said(policy(MAX | {"severity": "warn", "max": 0.1}, MAX), measure("m", 0.2, 0.3, 0.4))
    assert verdict.outcome is Outcome.PASS
    assert [(f.check, f.outcome.value) for f in verdict.findings] == [("m_max_warn", "fail"), ("m_max", "pass")]
    assert verdict.blocking == ()
    grouped = policy({"any_of": [{"measure": "x", "max": 0.5}], "severity": "warn"}, MAX)
    assert said(grouped, measure("m", 0, 0, 0)).outcome is Outcome.PASS


def test_what_is_in_doubt_may_be_left_to_reviewers() -> None:
    doubt = MAX | {"when_inconclusive": "review"}
    for measures in ((measure("m", 0.4, 0.5, 0.6),), (broken("inconclusive"),), (broken("unsupported"),)):
        verdict = said(policy(doubt), *measures)
        assert (verdict.outcome, verdict.blocking) == (Outcome.REVIEW, verdict.findings)
    assert outcome(doubt, measure("m", 0.6, 0.7, 0.8)) is Outcome.FAIL


def waived(until: date, **about: str) -> dict[str, Any]:
    return (about or {"measure": "m"}) | {"why": "The vendor fixes it.", "by": "ada@x.org", "until": until.isoformat()}


def test_a_waiver_counts_until_its_day_and_the_failure_still_shows() -> None:
    rule = policy(MAX, waivers=[waived(TODAY)])
    bad = measure("m", 0.6, 0.7, 0.8)
    verdict = said(rule, bad)
    assert verdict.outcome is Outcome.PASS
    assert verdict.findings[0].outcome is Outcome.FAIL
    assert verdict.findings[0].waived == "waived until 2026-03-01 by ada@x.org: The vendor fixes it."
    assert said(rule, bad, day=TODAY - timedelta(days=999)) == verdict
    later = said(rule, bad, day=TODAY + timedelta(days=1))
    assert (later.outcome, later.findings[0].waived) == (Outcome.FAIL, "")
    assert said(rule, measure("m", 0.1, 0.1, 0.1)).findings[0].waived == ""


def test_the_waiver_that_lives_longest_is_the_one_shown() -> None:
    rule = policy(MAX, waivers=[waived(TODAY), waived(TODAY + timedelta(days=9), check="m_max")])
    assert "2026-03-10" in said(rule, measure("m", 0.6, 0.7, 0.8)).findings[0].waived


def test_a_waiver_covers_one_check_or_a_measure_alone() -> None:
    two = (MAX, {"measure": "m", "max": 0.6, "end": "value"}, {"measure": "n", "max": 0.5})
    bad = (measure("m", 0.7, 0.8, 0.9), measure("n", 0.7, 0.8, 0.9))

    def told(**about: str) -> list[bool]:
        return [bool(f.waived) for f in said(policy(*two, waivers=[waived(TODAY, **about)]), *bad).findings]

    assert told(measure="m") == [True, True, False]
    assert told(check="m_max_value") == [False, True, False]


def test_a_waiver_of_a_group_excuses_no_missing_member() -> None:
    (first, seen), (second, _) = leaf(0, "fail"), leaf(1, "fail")
    for kind in ("all_of", "any_of"):
        rule = policy({kind: [first, second]}, waivers=[waived(TODAY, check=f"{kind}_1")])
        assert said(rule, seen, broken("unsupported", "m1")).outcome is Outcome.PASS
        assert said(rule, seen).outcome is not Outcome.PASS
    member = policy({"all_of": [first, second]}, waivers=[waived(TODAY, measure="m0")])
    verdict = said(member, seen, leaf(1, "pass")[1])
    assert (verdict.outcome, verdict.findings[-1].reason) == (Outcome.PASS, "1 of 2 hold; m0 waived")


def suite(digest: str, *successes: bool) -> SuiteResult:
    results = tuple(ExpectationResult(expectation=f"e{i}", success=s) for i, s in enumerate(successes))
    return SuiteResult(synthetic_digest=digest, suite="x", expectations=results)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, "inconclusive"),
        (suite("other", True), "inconclusive"),
        (suite("s"), "inconclusive"),
        (suite("s", True, False), "fail"),
        (suite("s", True, True), "pass"),
    ],
)
def test_the_suite_must_have_run_on_these_bytes(result: SuiteResult | None, expected: str) -> None:
    verdict = judge(policy(MAX, suite=True), card(measure("m", 0, 0, 0)), result, FACTS, TODAY)
    assert verdict.outcome == expected
    assert verdict.findings[-1].check == "validation_suite"
    assert result is None or result.success == (expected == "pass" or result.synthetic_digest == "other")
    excused = policy(MAX, suite=True, waivers=[waived(TODAY, check="validation_suite")])
    assert judge(excused, card(measure("m", 0, 0, 0)), result, FACTS, TODAY).outcome == (
        "inconclusive" if expected == "inconclusive" else "pass"
    )


@pytest.mark.parametrize(
    ("forbid", "facts", "expected", "check"),
    [
        ({"licences": ["BUSL-1.1"]}, {}, "pass", "generator_licence"),
        ({"licences": ["BUSL-1.1"]}, {"licence": "busl-1.1"}, "fail", "generator_licence"),
        ({"licences": ["BUSL-1.1"]}, {"licence": ""}, "inconclusive", "generator_licence"),
        ({"generators": ["copier"]}, {}, "pass", "generator"),
        ({"generators": ["copier", "Trees"]}, {}, "fail", "generator"),
        ({"purposes": ["public_release"]}, {}, "pass", "purpose"),
        ({"purposes": ["public_release"]}, {"purpose": "public_release"}, "fail", "purpose"),
        ({"residencies": ["RU"]}, {}, "pass", "residency"),
        ({"residencies": ["RU", "eu"]}, {}, "fail", "residency"),
        ({"residencies": ["RU"]}, {"residency": ""}, "inconclusive", "residency"),
        ({"residencies": ["RU"]}, {"residency": "", "generations": 0}, "pass", "residency"),
        ({"max_generations": 1}, {}, "pass", "generations"),
        ({"max_generations": 1}, {"generations": 2}, "fail", "generations"),
        ({"max_generations": 0}, {}, "fail", "generations"),
        ({"min_real_share": 0.5}, {"real_share": 0.5}, "pass", "real_share"),
        ({"min_real_share": 0.5}, {"real_share": 0.4999}, "fail", "real_share"),
        ({"min_real_share": 1}, {"real_share": 1.0}, "pass", "real_share"),
        ({"min_real_share": 0}, {"real_share": 0.0}, "pass", "real_share"),
        ({"min_real_share": 0.5}, {}, "inconclusive", "real_share"),
    ],
)
def test_what_is_forbidden_fails(forbid: dict[str, Any], facts: dict[str, Any], expected: str, check: str) -> None:
    rule = policy(MAX, forbid=forbid)
    verdict = said(rule, measure("m", 0, 0, 0), facts=Facts.model_validate(FACTS.plain() | facts))
    assert verdict.outcome == expected
    assert [f.check for f in verdict.findings] == ["m_max", check]
    assert verdict.findings[-1].threshold == rule.forbid.checks[check]


def test_the_verdict_is_bound_to_what_it_judged() -> None:
    rule, scores = policy(MAX), card(measure("m", 0, 0, 0))
    verdict = judge(rule, scores, None, FACTS, TODAY)
    assert (verdict.synthetic_digest, verdict.scorecard_digest, verdict.policy_digest) == (
        "s", scores.digest, rule.digest)  # fmt: skip
    assert rule.digest not in (policy(MIN).digest, policy(MAX, version="2").digest)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    assert Policy.model_validate(rule.plain()) == rule


def test_a_policy_that_demands_nothing_never_passes() -> None:
    empty = policy(MAX).model_copy(update={"require": ()})
    assert said(empty).outcome is Outcome.INCONCLUSIVE


def test_demands_read_well() -> None:
    made = [Requirement.model_validate(d) for d in (MAX, MIN, EXCESS, RATIO)]
    assert [t.text() for t in made] == ["≤ 0.5", "≥ 0.5", "≤ reference + 0.1", "≥ 0.9 × reference"]
    assert Requirement(measure="a.b", max_excess=1).key == "a_b_max_excess"
    strict = Requirement(measure="a.b", max=1, of="each", end="value", severity="warn")
    assert (strict.key, strict.text()) == ("a_b_max_each_value_warn", "≤ 1, each part")


def test_old_findings_are_read() -> None:
    told = {"check": "m_max", "measure": "m", "threshold": "≤ 1", "outcome": "pass", "reason": "0"}
    assert Finding.model_validate(told).decides


def test_a_number_never_travels_alone() -> None:
    with pytest.raises(ValidationError, match="needs value, low and high"):
        Measure(name="m", title="m", value=1, n=1, direction=Direction.LOWER, floor=0, ceiling=1)
    with pytest.raises(ValidationError, match="interval must hold"):
        measure("m", 0.5, 0.4, 0.6)
    with pytest.raises(ValidationError, match="has no value"):
        Measure(name="m", title="m", value=1, n=1, direction=Direction.LOWER, floor=0, ceiling=1, status="error")
