"""Waivers: each excuses what it names and nothing else, and what it excuses is still shown as failing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proofset.evidence import Outcome
from proofset.policy_judge import Facts, judge
from tests.proofset.test_policy import FACTS, MAX, TODAY, broken, card, leaf, measure, policy, said, suite, waived

GOOD = measure("m", 0.1, 0.1, 0.1)


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
@pytest.mark.parametrize("field", ["measure", "why", "by"])
def test_a_waiver_says_what_and_why_and_who(field: str, blank: str) -> None:
    with pytest.raises(ValidationError, match=f"waivers.0.{field}"):
        policy(MAX, waivers=[waived(TODAY) | {field: blank}])
    with pytest.raises(ValidationError, match="measure"):
        policy({"measure": blank, "max": 1})


def test_a_waiver_of_a_measure_excuses_nothing_beside_the_measures() -> None:
    """A policy that was made without being checked does not either: an empty name is no check's measure."""
    forbid = {"licences": ["MIT"], "generators": ["trees"], "residencies": ["EU"], "max_generations": 0}
    sound = policy(MAX, {"any_of": [{"measure": "n", "max": 0.1}]}, suite=True, forbid=forbid, waivers=[waived(TODAY)])
    hollow = sound.waivers[0].model_copy(update={"measure": ""})
    facts = Facts.model_validate(FACTS.plain() | {"licence": "MIT"})
    for rule in (sound, sound.model_copy(update={"waivers": (hollow,)})):
        scores = card(GOOD, measure("n", 0.2, 0.2, 0.2))
        verdict = judge(rule, scores, suite("s", False), facts, TODAY)
        assert [f.check for f in verdict.blocking] == [
            "any_of_2", "validation_suite", "generator_licence", "generator", "residency", "generations"]  # fmt: skip
        assert not any(f.waived for f in verdict.findings)


CASES: list[tuple[str, list[str], set[int], str, str, bool]] = [
    # kind, outcomes of the members, which are waived, the group's outcome, as it counts, shown as waived
    ("all_of", ["fail", "pass"], {0}, "fail", "pass", True),
    ("all_of", ["fail", "inconclusive"], {0, 1}, "fail", "pass", True),
    ("all_of", ["fail", "inconclusive"], {0}, "inconclusive", "inconclusive", False),
    ("all_of", ["fail", "fail"], {0}, "fail", "fail", False),
    ("any_of", ["fail", "fail"], {1}, "fail", "pass", True),
    ("any_of", ["fail", "inconclusive"], {0}, "inconclusive", "pass", True),
    ("any_of", ["fail", "pass"], {0}, "pass", "pass", False),
]


@pytest.mark.parametrize(("kind", "wanted", "excused", "outcome", "counts", "shown"), CASES)
def test_a_group_that_holds_by_a_waiver_is_shown_as_it_is(
    kind: str, wanted: list[str], excused: set[int], outcome: str, counts: str, shown: bool
) -> None:
    demands, measures = zip(*(leaf(i, w) for i, w in enumerate(wanted)), strict=True)
    waivers = [waived(TODAY, measure=f"m{i}") for i in sorted(excused)]
    for demand in ({kind: list(demands)}, {"all_of": [{kind: list(demands)}]}):
        verdict = said(policy(demand, waivers=waivers), *measures)
        group = verdict.findings[-1]
        assert (group.outcome, group.counts, bool(group.waived)) == (outcome, counts, shown)
        assert verdict.outcome == counts
        assert group.waived in ("", verdict.findings[min(excused)].waived)


def test_a_group_counts_what_holds_without_waivers() -> None:
    (first, bad), (second, good) = leaf(0, "fail"), leaf(1, "pass")
    verdict = said(policy({"all_of": [first, second]}, waivers=[waived(TODAY, measure="m0")]), bad, good)
    assert verdict.findings[-1].reason == "1 of 2 hold; m0 waived"
    assert verdict.outcome is Outcome.PASS


def test_a_waived_alternative_beside_a_missing_one() -> None:
    """One alternative is enough, so a group may hold by the waiver of one although the other is missing."""
    (first, bad), (second, _) = leaf(0, "fail"), leaf(1, "fail")
    for absent in ((), (broken("error", "m1"),)):
        any_of = said(policy({"any_of": [first, second]}, waivers=[waived(TODAY, measure="m0")]), bad, *absent)
        assert (any_of.outcome, any_of.findings[-1].absent) == (Outcome.PASS, False)
        all_of = said(policy({"all_of": [first, second]}, waivers=[waived(TODAY, measure="m0")]), bad, *absent)
        assert (all_of.outcome, all_of.findings[-1].absent) == (Outcome.INCONCLUSIVE, True)


@pytest.mark.parametrize("spelled", [" BUSL-1.1", "busl-1.1 ", "\tBusL-1.1\n"])
def test_forbidden_words_are_compared_without_spaces_and_case(spelled: str) -> None:
    def decided(word: str, found: str) -> Outcome:
        facts: dict[str, Any] = FACTS.plain() | {"licence": found}
        return said(policy(MAX, forbid={"licences": [word]}), GOOD, facts=Facts.model_validate(facts)).outcome

    assert decided("BUSL-1.1", spelled) is Outcome.FAIL
    assert decided(spelled, "BUSL-1.1") is Outcome.FAIL
    assert decided(spelled, " ") is Outcome.INCONCLUSIVE
    for blank in ("", "  "):
        with pytest.raises(ValidationError, match="licences"):
            policy(MAX, forbid={"licences": [blank]})
