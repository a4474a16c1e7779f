"""The words beside an outcome are true for the end of the interval that was asked for."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from proofset.evidence import Direction, Measure, Profile, Provenance, Scorecard, Share
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.spec import Purpose
from quality.base import MeasureCard
from quality.report_markdown import markdown
from quality.report_model import Report, report_of
from quality.report_rows import family_views
from quality.stats import Estimate

FACTS = Facts(licence="x", generator="trees", generations=1, residency="", purpose=Purpose.SHARING)
STRADDLES = {"measure": "fidelity.a", "max": 0.5}


def made(name: str, value: float, low: float, high: float, **more: Any) -> Measure:
    fields = {"name": name, "title": name, "n": 9, "direction": "lower", "floor": 0, "ceiling": 1}
    return Measure.model_validate(fields | {"value": value, "low": low, "high": high} | more)


def told(provenance: Provenance, profile: Profile, *require: dict[str, Any], **more: Any) -> Report:
    fields = {"policy": "p", "purposes": ["sharing"], "suite": False, "approvals": {"required": 1}} | more
    policy = Policy.model_validate(fields | {"require": require})
    measures = made("fidelity.a", 0.6, 0.4, 0.8), made("fidelity.b", 0.7, 0.6, 0.8)
    card = Scorecard(synthetic_digest="3", train_digest="1", holdout_digest="2", measures=measures)
    return report_of(provenance, profile, card, None, judge(policy, card, None, FACTS, date(2026, 3, 1)), policy)


@pytest.mark.parametrize(
    ("require", "forbid", "doubtless"),
    [
        ([STRADDLES | {"end": "value"}], {}, False),
        ([STRADDLES | {"end": "value", "of": "whole"}, {"measure": "fidelity.b", "max": 0.5}], {}, True),
        ([{"measure": "fidelity.b", "max": 0.5, "end": "optimistic"}], {}, True),
        ([{"any_of": [STRADDLES | {"end": "value"}, {"measure": "fidelity.b", "max": 0.5}]}], {}, False),
        ([{"any_of": [{"measure": "fidelity.b", "max": 0.5}]}], {}, True),
        ([{"measure": "fidelity.b", "max": 0.9}], {"generators": ["trees"]}, True),
    ],
)
def test_beyond_doubt_is_only_what_no_chance_explains(
    require: list[dict[str, Any]], forbid: dict[str, Any], doubtless: bool, provenance: Provenance, profile: Profile
) -> None:
    report = told(provenance, profile, *require, forbid=forbid)
    assert report.outcome == "fail"
    assert ("beyond doubt" in report.summary) == doubtless
    assert "At least one is broken" in report.summary


def test_a_demand_on_the_value_says_that_the_value_breaks_it(provenance: Provenance, profile: Profile) -> None:
    ends = [{"end": "value"}, {"max": 0.3, "end": "optimistic"}, {"max": 0.2}]
    words = [t.words for t in told(provenance, profile, *(STRADDLES | e for e in ends)).findings]
    assert words[0].endswith("interval 40.00\u00a0% to 80.00\u00a0%: the value breaks the limit")
    assert [w.partition(": ")[2] for w in words[1:]] == ["even its favourable end breaks the limit"] * 2


def test_parts_that_were_left_out_are_counted(provenance: Provenance, profile: Profile) -> None:
    card = MeasureCard("fidelity.a", "A", Direction.LOWER, "", "")
    parts = [Share(part=f"c{i}", value=i / 1000) for i in range(861)]
    policy = Policy.model_validate(
        {"policy": "p", "purposes": ["sharing"], "approvals": {"required": 1}, "require": [STRADDLES]}
    )
    for count, shown, listed in ((861, "the 200 worst of 861 parts", "861"), (200, "200 parts", "200")):
        measure = card.ok(Estimate(0.1, 0.1, 0.1, 9), None, parts=parts[:count])
        assert (len(measure.parts), measure.parts_count, measure.dropped) == (200, count, count > 200)
        scores = Scorecard(synthetic_digest="3", train_digest="1", holdout_digest="2", measures=(measure,))
        verdict = judge(policy, scores, None, FACTS, date(2026, 3, 1))
        report = report_of(provenance, profile, scores, None, verdict, policy)
        (family,) = family_views(report, policy, ())
        (view,) = family.measures
        assert view.parts is not None
        assert view.parts.count == shown
        assert f"Worst of {listed}:" in markdown(report)


def test_a_group_that_holds_by_a_waiver_is_shown_as_failing(provenance: Provenance, profile: Profile) -> None:
    waiver = {"measure": "fidelity.b", "why": "known", "by": "ada", "until": "2999-01-01"}
    group = {"name": "close", "all_of": [{"measure": "fidelity.b", "max": 0.5}]}
    report = told(provenance, profile, group, waivers=[waiver])
    assert report.outcome == "pass"
    assert report.summary == "0 of 1 demand of the policy p holds; 1 more is waived and shown as failing."
    assert "| Close `close` | all of 1 hold | Fail, waived |" in markdown(report)
