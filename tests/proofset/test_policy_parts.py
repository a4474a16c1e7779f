"""Limits on parts: the worst part is the one worst placed to its own limit, and what was left out is no proof."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proofset.evidence import MAX_PARTS, Direction, Finding, Measure, Outcome, Share
from tests.proofset.test_policy import EXCESS, MAX, MIN, RATIO, card, measure, policy, said

OF = ("each", "worst")


def found(demand: dict[str, Any], parts: tuple[Share, ...], **more: Any) -> Finding:
    return said(policy(demand), measure("m", 0, 0, 0, parts=parts, **more)).findings[0]


def kept(count: int = MAX_PARTS, **more: Any) -> tuple[Share, ...]:
    return tuple(Share(part=f"c{i}", value=0.3, **more) for i in range(count))


def test_the_worst_part_is_the_one_furthest_beyond_its_own_limit() -> None:
    high_by_nature = Share(part="a", value=0.6, reference=0.6)
    broken = Share(part="b", value=0.4, reference=0.1)
    beyond = Share(part="c", value=0.35, reference=0.01)
    for of in OF:
        told = found(EXCESS | {"of": of}, (high_by_nature, broken, beyond))
        assert (told.outcome, told.part) == (Outcome.FAIL, "c")
        assert found(EXCESS | {"of": of}, (high_by_nature,)).outcome is Outcome.PASS


def test_a_wide_interval_is_worse_than_a_higher_value() -> None:
    sure, wide = Share(part="a", value=0.45, low=0.44, high=0.46), Share(part="b", value=0.3, low=0.1, high=0.7)
    for of in OF:
        told = found(MAX | {"of": of}, (sure, wide))
        assert (told.outcome, told.part) == (Outcome.INCONCLUSIVE, "b")


@pytest.mark.parametrize("of", OF)
@pytest.mark.parametrize(
    ("demand", "direction", "outcome"),
    [
        (MAX, "lower", "inconclusive"),
        (MAX | {"end": "optimistic"}, "lower", "inconclusive"),
        (MAX | {"end": "value"}, "lower", "pass"),
        (MAX | {"end": "value"}, "higher", "inconclusive"),
        (MIN | {"min": 0.2, "end": "value"}, "higher", "pass"),
        (MIN | {"min": 0.2, "end": "value"}, "lower", "inconclusive"),
        (EXCESS | {"end": "value"}, "lower", "inconclusive"),
        (RATIO | {"end": "value"}, "higher", "inconclusive"),
        (MAX | {"max": 0.2}, "lower", "fail"),
    ],
)
def test_parts_that_were_left_out_are_no_proof(of: str, demand: dict[str, Any], direction: str, outcome: str) -> None:
    """An interval, or a reference of its own, may break the limit in a part whose value was not among the worst."""
    parts = kept(reference=0.3)
    for count in (0, MAX_PARTS + 1):  # 0: not noted, so that some may have been left out
        told = said(policy(demand | {"of": of}), measure("m", 0, 0, 0, parts=parts, parts_count=count).model_copy(
            update={"direction": Direction(direction)})).findings[0]  # fmt: skip
        assert told.outcome == outcome
        assert ("only those with the worst values are kept" in told.reason) == (outcome == "inconclusive")
    whole = found(demand | {"of": of}, parts, parts_count=MAX_PARTS)
    assert whole.outcome == ("pass" if outcome == "inconclusive" else outcome)


def test_a_count_smaller_than_the_parts_is_refused() -> None:
    with pytest.raises(ValidationError, match="fewer parts"):
        measure("m", 0, 0, 0, parts=kept(3), parts_count=2)
    assert not measure("m", 0, 0, 0, parts=kept(3)).dropped
    assert measure("m", 0, 0, 0, parts=kept(3), parts_count=4).dropped


@st.composite
def _shares(draw: st.DrawFn) -> tuple[Share, ...]:
    made = []
    for number in range(draw(st.integers(1, 6))):
        low, value, high = sorted(draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)))
        made.append(Share(part=f"c{number}", value=value, low=low, high=high, reference=draw(st.floats(0, 1))))
    return tuple(made)


@given(
    _shares(),
    st.sampled_from([MAX, MIN, EXCESS, RATIO]),
    st.sampled_from(["cautious", "value", "optimistic"]),
    st.randoms(use_true_random=False),
)
def test_the_worst_part_is_each_part_in_any_order(parts: tuple[Share, ...], demand: Any, end: str, random: Any) -> None:
    """A brute-force twin: each part judged by itself; the worst outcome is that of both."""
    alone = [found(demand | {"of": "each", "end": end}, (part,)).outcome for part in parts]
    wanted = next(o for o in ("fail", "inconclusive", "pass") if o in alone)
    shuffled = list(parts)
    random.shuffle(shuffled)
    for of in OF:
        assert found(demand | {"of": of, "end": end}, tuple(shuffled)).outcome == wanted


def test_a_measure_stands_in_a_scorecard_once() -> None:
    first: Measure = measure("m", 0, 0, 0)
    with pytest.raises(ValidationError, match="measured twice: m"):
        card(first, measure("n", 0, 0, 0), first.model_copy(update={"value": 0.0}))
