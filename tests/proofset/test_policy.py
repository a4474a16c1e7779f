"""Policy: three outcomes, on the cautious end, and nothing missing ever passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proofset.evidence import Direction, ExpectationResult, Measure, Outcome, Scorecard, SuiteResult
from proofset.policy import ApprovalRule, Policy, Threshold, judge
from proofset.spec import Purpose


def measure(name: str, low: float, value: float, high: float, reference: float | None = None) -> Measure:
    return Measure(name=name, title=name, value=value, low=low, high=high, n=100, direction=Direction.LOWER,
                   floor=0, ceiling=1, reference=reference)  # fmt: skip


def card(*measures: Measure) -> Scorecard:
    return Scorecard(synthetic_digest="s", train_digest="t", holdout_digest="h", measures=measures)


def policy(*thresholds: Threshold, **more: object) -> Policy:
    fields = {"suite": False, "approvals": ApprovalRule(required=1)} | more
    return Policy(policy="p", purposes=(Purpose.SHARING,), thresholds=thresholds, **fields)


def outcome(threshold: Threshold, *measures: Measure) -> Outcome:
    return judge(policy(threshold), card(*measures), None, "Apache-2.0").outcome


MAX, MIN = Threshold(measure="m", max=0.5), Threshold(measure="m", min=0.5)
EXCESS, RATIO = Threshold(measure="m", max_excess=0.1), Threshold(measure="m", min_ratio=0.9)


@pytest.mark.parametrize(
    ("threshold", "low", "high", "expected"),
    [
        (MAX, 0.3, 0.5, "pass"), (MAX, 0.3, 0.51, "inconclusive"), (MAX, 0.5, 0.6, "inconclusive"),
        (MAX, 0.51, 0.6, "fail"),
        (MIN, 0.5, 0.6, "pass"), (MIN, 0.49, 0.6, "inconclusive"), (MIN, 0.4, 0.5, "inconclusive"),
        (MIN, 0.3, 0.49, "fail"),
        (EXCESS, 0.1, 0.5, "pass"), (EXCESS, 0.1, 0.51, "inconclusive"), (EXCESS, 0.51, 0.6, "fail"),
        (RATIO, 0.37, 0.5, "pass"), (RATIO, 0.35, 0.5, "inconclusive"), (RATIO, 0.1, 0.3, "fail"),
    ],
)  # fmt: skip
def test_the_cautious_end_decides(threshold: Threshold, low: float, high: float, expected: str) -> None:
    assert outcome(threshold, measure("m", low, (low + high) / 2, high, reference=0.4)) == expected


@pytest.mark.parametrize("threshold", [MAX, MIN, EXCESS, RATIO])
def test_what_is_missing_or_errored_never_passes(threshold: Threshold) -> None:
    assert outcome(threshold) is Outcome.INCONCLUSIVE
    assert outcome(threshold, measure("other", 0, 0, 0)) is Outcome.INCONCLUSIVE
    for status in ("error", "unsupported"):
        broken = Measure(name="m", title="m", n=0, direction=Direction.LOWER, floor=0, ceiling=1, status=status)
        assert outcome(threshold, broken) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("threshold", [EXCESS, RATIO])
def test_a_missing_reference_never_passes(threshold: Threshold) -> None:
    assert outcome(threshold, measure("m", 0, 0, 0)) is Outcome.INCONCLUSIVE


def test_zero_is_a_limit_like_any_other() -> None:
    assert outcome(Threshold(measure="m", max=0), measure("m", 0, 0, 0)) is Outcome.PASS
    assert outcome(Threshold(measure="m", max=0), measure("m", 0.1, 0.1, 0.1)) is Outcome.FAIL


@given(st.lists(st.sampled_from(["pass", "fail", "inconclusive"]), min_size=1, max_size=5))
def test_one_failure_fails_and_only_all_passes_pass(wanted: list[str]) -> None:
    made = {"pass": (0.1, 0.2), "fail": (0.8, 0.9), "inconclusive": (0.4, 0.6)}
    thresholds = [Threshold(measure=f"m{i}", max=0.5) for i in range(len(wanted))]
    measures = [measure(f"m{i}", made[w][0], made[w][1], made[w][1]) for i, w in enumerate(wanted)]
    said = judge(policy(*thresholds), card(*measures), None, "MIT")
    assert [f.outcome.value for f in said.findings] == wanted
    assert (said.outcome is Outcome.PASS) == (set(wanted) == {"pass"})
    assert (said.outcome is Outcome.FAIL) == ("fail" in wanted)


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
    said = judge(policy(MAX, suite=True), card(measure("m", 0, 0, 0)), result, "MIT")
    assert said.outcome == expected
    assert said.findings[-1].check == "validation_suite"
    assert result is None or result.success == (expected == "pass" or result.synthetic_digest == "other")


def test_a_forbidden_licence_fails() -> None:
    rule = policy(MAX, forbidden_licences=("BUSL-1.1",))
    assert judge(rule, card(measure("m", 0, 0, 0)), None, "BUSL-1.1").outcome is Outcome.FAIL
    assert judge(rule, card(measure("m", 0, 0, 0)), None, "Apache-2.0").outcome is Outcome.PASS


def test_the_verdict_is_bound_to_what_it_judged() -> None:
    rule, scores = policy(MAX), card(measure("m", 0, 0, 0))
    said = judge(rule, scores, None, "MIT")
    assert (said.synthetic_digest, said.scorecard_digest, said.policy_digest) == ("s", scores.digest, rule.digest)
    assert rule.digest != policy(MIN).digest


def test_thresholds_read_well() -> None:
    assert [t.text() for t in (MAX, MIN, EXCESS, RATIO)] == ["≤ 0.5", "≥ 0.5", "≤ reference + 0.1", "≥ 0.9 × reference"]
    assert Threshold(measure="a.b", max_excess=1).key == "a_b_max_excess"


def test_a_number_never_travels_alone() -> None:
    with pytest.raises(ValidationError, match="needs value, low and high"):
        Measure(name="m", title="m", value=1, n=1, direction=Direction.LOWER, floor=0, ceiling=1)
    with pytest.raises(ValidationError, match="interval must hold"):
        measure("m", 0.5, 0.4, 0.6)
    with pytest.raises(ValidationError, match="has no value"):
        Measure(name="m", title="m", value=1, n=1, direction=Direction.LOWER, floor=0, ceiling=1, status="error")
