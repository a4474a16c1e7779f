"""Judging is monotone: worse evidence and further requirements never improve a verdict."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proofset.evidence import Measure, Outcome, Share
from proofset.policy_judge import best, worst
from tests.proofset.test_policy import OUTCOMES, broken, measure, outcome, policy, said


@st.composite
def _measures(draw: st.DrawFn) -> Measure | None:
    kind = draw(st.sampled_from(["ok", "ok", "ok", "missing", "error", "inconclusive"]))
    if kind == "missing":
        return None
    if kind != "ok":
        return broken(kind)
    low, value, high = sorted(draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)))
    shares = []
    for name in draw(st.lists(st.sampled_from("abc"), max_size=3, unique=True)):
        ends = sorted(draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)))
        shares.append(Share(part=name, value=ends[1], low=ends[0], high=ends[2], reference=0.3))
    shares.sort(key=lambda s: -s.value)
    return measure("m", low, value, high, 0.3, parts=tuple(shares))


DEMANDS = st.fixed_dictionaries(
    {
        "limit": st.sampled_from(["max", "max_excess"]),
        "amount": st.floats(0, 1),
        "of": st.sampled_from(["whole", "worst", "each"]),
        "end": st.sampled_from(["cautious", "value", "optimistic"]),
        "when_inconclusive": st.sampled_from(["deny", "review"]),
    }
)


def demand_of(drawn: dict[str, Any], name: str = "m") -> dict[str, Any]:
    rest = {k: v for k, v in drawn.items() if k not in ("limit", "amount")}
    return rest | {"measure": name, drawn["limit"]: drawn["amount"]}


def worsened(found: Measure, by: float) -> Measure:
    """The same, with every figure where less is better moved up."""

    def up(x: float | None) -> float | None:
        return None if x is None else min(1.0, x + by)

    parts = tuple(p.model_copy(update={k: up(getattr(p, k)) for k in ("value", "low", "high")}) for p in found.parts)
    moved = {k: up(getattr(found, k)) for k in ("value", "low", "high")}
    return found.model_copy(update=moved | {"parts": parts})


def rank(found: Outcome) -> int:
    return ["fail", "inconclusive", "review", "pass"].index(found.value)


@given(DEMANDS, _measures(), st.floats(0, 1))
def test_worse_evidence_never_improves_the_outcome(drawn: dict[str, Any], found: Measure | None, by: float) -> None:
    demand = demand_of(drawn)
    before = outcome(demand, *([found] if found else []))
    if found is not None and found.status == "ok":
        assert rank(outcome(demand, worsened(found, by))) <= rank(before)
        wider = found.model_copy(update={"high": min(1.0, (found.high or 0) + by)})
        assert rank(outcome(demand, wider)) <= rank(before)
    if before is Outcome.PASS:
        for gone in ((), (broken("error"),), (broken("inconclusive"),), (broken("unsupported"),)):
            assert outcome(demand, *gone) is not Outcome.PASS


@given(st.lists(st.tuples(DEMANDS, _measures()), min_size=2, max_size=5), st.booleans())
def test_a_further_requirement_never_improves_the_outcome(
    drawn: list[tuple[dict[str, Any], Measure | None]], forbids: bool
) -> None:
    demands = [demand_of(d, f"m{i}") for i, (d, _) in enumerate(drawn)]
    measures = [m.model_copy(update={"name": f"m{i}"}) for i, (_, m) in enumerate(drawn) if m]
    fewer = said(policy(*demands[:-1]), *measures)
    more = said(policy(*demands, forbid={"generators": ["trees"]} if forbids else {}), *measures)
    assert rank(more.outcome) <= rank(fewer.outcome)
    grouped_all = said(policy({"all_of": demands}), *measures)
    assert grouped_all.outcome is said(policy(*demands), *measures).outcome
    some = said(policy({"any_of": demands[:-1]}), *measures)
    any_more = said(policy({"any_of": demands}), *measures)
    assert rank(any_more.outcome) >= rank(some.outcome)  # an alternative more can only help


@given(st.lists(OUTCOMES.map(Outcome), min_size=1))
def test_worst_and_best(outcomes: list[Outcome]) -> None:
    assert rank(worst(outcomes)) == min(map(rank, outcomes))
    assert rank(best(outcomes)) == max(map(rank, outcomes))
