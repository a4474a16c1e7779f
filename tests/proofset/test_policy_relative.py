"""Limits relative to the reference: where they count from, and what is no demand at all."""

from __future__ import annotations

import pytest

from proofset.evidence import Outcome, Share
from proofset.policy_demands import Requirement
from tests.proofset.test_policy import measure, outcome, policy, said


@pytest.mark.parametrize(
    ("name", "low", "expected"),
    [
        ("utility.tstr_auc", 0.87, "inconclusive"),  # 0.95 of what is learned beyond guessing is 0.88
        ("utility.tstr_auc", 0.88, "pass"),
        ("utility.tstr_r2", 0.87, "pass"),  # 0.95 of 0.9 is 0.855
        ("utility.tstr_r2", 0.85, "inconclusive"),
    ],
)
def test_a_share_of_an_auc_counts_from_guessing(name: str, low: float, expected: str) -> None:
    demand = {"measure": name, "min_ratio": 0.95}
    assert outcome(demand, measure(name, low, 0.89, 0.9, reference=0.9)) == expected
    useless = measure(name, 0.4, 0.45, 0.49, reference=0.9)
    assert outcome(demand, useless) is Outcome.FAIL


@pytest.mark.parametrize(
    ("name", "reference", "low", "expected"),
    [
        ("utility.tstr_auc", 0.52, 0.49, "inconclusive"),
        ("utility.tstr_auc", 0.5, 0.5, "inconclusive"),
        ("utility.tstr_auc", 0.5, None, "inconclusive"),
        ("utility.tstr_auc", 0.52, 0.51, "pass"),
        ("utility.tstr_r2", 0.01, -0.01, "inconclusive"),
        ("utility.tstr_r2", -0.1, -0.2, "inconclusive"),
        ("utility.tstr_r2", 0.01, 0.005, "pass"),
    ],
)
def test_a_share_of_nothing_is_no_demand(name: str, reference: float, low: float | None, expected: str) -> None:
    """Where real rows themselves teach nothing, a table that teaches nothing proves nothing by being as good."""
    found = measure(name, 0.9, 0.95, 1, reference=reference, reference_low=low)
    verdict = said(policy({"measure": name, "min_ratio": 0.9}), found)
    assert verdict.outcome == expected
    assert ("no share of that is a demand" in verdict.findings[0].reason) == (expected == "inconclusive")
    part = Share(part="a", value=0.95, reference=reference)
    parts = said(policy({"measure": name, "min_ratio": 0.9, "of": "each"}), found.model_copy(update={"parts": (part,)}))
    assert (parts.outcome is Outcome.PASS) == (reference > Requirement(measure=name, min_ratio=1).zero)


def test_a_share_says_from_where_it_counts() -> None:
    made = Requirement(measure="utility.tstr_auc", min_ratio=0.95)
    assert made.text() == "≥ 0.5 + 0.95 × (reference − 0.5)"
    assert made.limit(0.9) == pytest.approx(0.88)
    assert Requirement(measure="utility.tstr_r2", min_ratio=0.95).text() == "≥ 0.95 × reference"
    assert Requirement(measure="m", max=0.3).limit(0.9) == 0.3
    assert Requirement(measure="m", max_excess=0.1).limit(0.9) == 1.0
