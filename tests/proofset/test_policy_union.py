"""A policy's limits on one table, held against all live releases of the source together."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from proofset.evidence import Measure, Outcome, Scorecard, Verdict
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.policy_union import AVERAGED, UNITED
from proofset.spec import Purpose

FACTS = Facts(licence="MIT", generator="noise", generations=1, residency="", purpose=Purpose.SHARING)
LIMIT = 0.6


def policy(**more: Any) -> Policy:
    require = [{"measure": "privacy.membership_auc", "max": LIMIT}]
    given = {"policy": "p", "purposes": ["sharing"], "require": require, "suite": False, "approvals": {"required": 1}}
    return Policy.model_validate(given | more)


def verdict(measures: list[Measure], united: tuple[str, ...] | None, asked: Policy | None = None) -> Verdict:
    digests = {"synthetic_digest": "s", "train_digest": "t", "holdout_digest": "h"}
    card = Scorecard(**digests, measures=tuple(measures), union=united)
    return judge(asked or policy(), card, None, FACTS, date(2026, 1, 1))


def test_a_limit_in_a_group_is_the_worse_of_both() -> None:
    def measure(name: str, high: float) -> Measure:
        return Measure(
            name=name, title=name, value=high, low=high, high=high, n=9, direction="lower", floor=0, ceiling=1
        )  # type: ignore[arg-type]  # fmt: skip

    names = ("privacy.membership_auc", "privacy.union_membership_auc", AVERAGED)
    other = measure("fidelity.pair_error", 0.5)
    limits = [{"measure": names[0], "max": LIMIT}, {"measure": "fidelity.pair_error", "max": 0.1}]
    for group in ("any_of", "all_of"):
        asked = policy(require=[{group: limits, "name": "g"}])
        for highs, holds in (((0.5, 0.5, 0.5), True), ((0.5, 0.9, 0.5), False), ((0.5, 0.5, 0.9), False)):
            measures = [measure(n, h) for n, h in zip(names, highs, strict=True)]
            found = {f.check: f for f in verdict([*measures, other], ("1",), asked).findings}
            assert found["g"].holds is (holds and group == "any_of"), (group, highs)
            assert found["g"].reason.startswith(f"{int(holds)} of 2 hold")
            assert all(f.within == "g" for name, f in found.items() if name != "g")
        lost = verdict([measure(names[0], 0.5), other], ("1",), asked)  # no waiver excuses what was not measured
        waived = policy(require=[{group: limits, "name": "g"}], waivers=[_waiver(check="g")])
        assert lost.outcome is not Outcome.PASS
        for high in (0.5, 0.9):
            assert verdict([measure(names[0], high), other], ("1",), waived).outcome is not Outcome.PASS
            united = [measure(name, 0.9) for name in names[1:]]
            assert verdict([measure(names[0], high), *united, other], ("1",), waived).outcome is Outcome.PASS


def _waiver(**about: str) -> dict[str, Any]:
    return {"why": "w", "by": "a@example.org", "until": date(2030, 1, 1)} | about


def test_what_is_asked_of_the_union() -> None:
    def measure(name: str, high: float) -> Measure:
        return Measure(
            name=name, title=name, value=high, low=high, high=high, n=9, direction="lower", floor=0, ceiling=1
        )  # type: ignore[arg-type]  # fmt: skip

    single, united = "privacy.linkability_risk", "privacy.union_linkability_risk"
    ask = [{"measure": single, "max": 0.1}]
    good, bad = [measure(single, 0.05), measure(united, 0.05)], [measure(single, 0.05), measure(united, 0.2)]
    assert verdict(good, ("1",), policy(require=ask)).outcome is Outcome.PASS
    assert verdict(bad, ("1",), policy(require=ask)).outcome is Outcome.FAIL
    missing = verdict(good[:1], ("1",), policy(require=ask))
    assert missing.outcome is Outcome.INCONCLUSIVE
    assert missing.blocking[0].absent
    # Its own name alone waives it, and the policy's own limit on it takes the place of the one that goes along.
    assert verdict(bad, ("1",), policy(require=ask, waivers=[_waiver(measure=single)])).outcome is Outcome.FAIL
    assert verdict(bad, ("1",), policy(require=ask, waivers=[_waiver(measure=united)])).outcome is Outcome.PASS
    own = policy(require=[*ask, {"measure": united, "max": 0.3}])
    assert verdict(bad, ("1",), own).outcome is Outcome.PASS
    assert verdict([measure(single, 0.05)], None, own).outcome is Outcome.PASS  # no other release is live
    warns = policy(require=[{"measure": "privacy.k_anonymity", "max": 0.9}, ask[0] | {"severity": "warn"}])
    found = verdict([*bad, measure("privacy.k_anonymity", 0), measure(UNITED["privacy.k_anonymity"], 0)], ("1",), warns)
    assert found.outcome is Outcome.PASS
    assert not all(f.holds for f in found.findings)
    with pytest.raises(ValueError, match="a group may not be called privacy_union_linkability_risk_max"):
        policy(require=[ask[0], {"any_of": ask[:0] + good_ask(), "name": "privacy_union_linkability_risk_max"}])


def good_ask() -> list[dict[str, Any]]:
    return [{"measure": "privacy.k_anonymity", "max": 0.9}]
