"""Judging: evidence held against a policy. Pure; used where evidence is made and again wherever it is believed.

A limit is held against one end of a measure's 95 % interval, by default the *cautious* one: the high end where a
maximum is set, the low end where a minimum is set.

    pass          that end keeps the limit
    fail          even the optimistic end breaks it
    inconclusive  the interval straddles the limit, or the measure has no meaning or no power here, has no reference
                  or no parts, is missing, errored, a warning that may not be asked for, or about other bytes
    review        inconclusive where the policy lets approvers accept it by name. What is missing or errored, and
                  what may not be asked for, stays inconclusive: a person can weigh a doubt, not an absence

Where only the worst parts of a measure were kept, a limit on parts is kept only if the part left out last would keep
it, too: that is known of a limit on the value itself, by which parts are kept, and inconclusive otherwise.

Where the table was attacked together with other live releases of its source, every limit on such an attack is held
against that of the union, too (see `proofset.policy_union`); in a group, the worse of the two is the member. A limit
that the policy sets on a union itself holds where there is none.

`all_of` is as bad as its worst member, `any_of` as good as its best, in the order fail, inconclusive, review, pass;
so worse evidence never improves a verdict. A group that holds by a waiver of a member alone keeps the outcome it has
without, and the waiver. A verdict is as bad as its worst blocking finding.

The date enters for waivers alone: the same evidence under the same policy gives the same verdict on any two days on
which the same waivers live.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import inf

from proofset.evidence import Direction, Finding, Measure, Outcome, Provenance, Scorecard, Share, SuiteResult, Verdict
from proofset.frozen import Frozen
from proofset.policy import Policy
from proofset.policy_demands import AllOf, AnyOf, Demand, Requirement, check_of
from proofset.policy_union import OF_UNION, beside, together
from proofset.spec import Purpose, SourceSpec

ORDER = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.REVIEW, Outcome.PASS)
"""Outcomes, the worst first."""


class Facts(Frozen):
    """What is judged beside the scorecard.

    licence: SPDX identifier of the generator's licence.  generator: its name.  generations: how far from real data.
    residency: where the source lives; "" where that is not said.
    real_share: share of the source's rows that are real; None where that was not looked for.
    """

    licence: str
    generator: str
    generations: int
    residency: str
    purpose: Purpose
    real_share: float | None = None

    @classmethod
    def of(cls, provenance: Provenance, source: SourceSpec) -> Facts:
        """The facts of a candidate."""
        return cls(
            licence=provenance.generator.licence,
            generator=provenance.generator.generator,
            generations=provenance.generations,
            residency=source.residency,
            purpose=provenance.purpose,
            real_share=provenance.real_share,
        )


def judge(policy: Policy, scorecard: Scorecard, suite: SuiteResult | None, facts: Facts, today: date) -> Verdict:
    """Hold the evidence against the policy.

    Parameters
    ----------
    suite: the validation suite's result, or None where it did not run.
    today: the day, in UTC; it decides which waivers live.
    """
    made = _Judge(policy, {m.name: m for m in scorecard.measures}, today, scorecard.union is not None)
    findings = [f for number, demand in enumerate(policy.require, start=1) for f in made.demand(demand, f"_{number}")]
    if policy.suite:
        findings.append(made.settled(*_suite(suite, scorecard.synthetic_digest)))
    findings += [made.settled(*told) for told in _forbidden(policy, facts)]
    return Verdict(
        outcome=worst([f.counts for f in findings if f.decides] or [Outcome.INCONCLUSIVE]),
        synthetic_digest=scorecard.synthetic_digest,
        scorecard_digest=scorecard.digest,
        policy_digest=policy.digest,
        findings=tuple(findings),
    )


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The worst of some outcomes."""
    return min(outcomes, key=ORDER.index)


def best(outcomes: Sequence[Outcome]) -> Outcome:
    """The best of some outcomes."""
    return max(outcomes, key=ORDER.index)


@dataclass(frozen=True)
class _Said:
    """An outcome with its reason.

    absent: evidence is missing, errored or not to be asked for; nothing excuses that.
    beyond: how far a part is beyond its limit; infinite where that is not known.
    waived: the waivers of a group's members by which it holds.
    """

    outcome: Outcome
    reason: str
    absent: bool = False
    part: str = ""
    beyond: float = inf
    waived: str = ""


@dataclass(frozen=True)
class _Judge:
    policy: Policy
    measures: dict[str, Measure]
    today: date
    united: bool

    def settled(self, said: _Said, check: str, limit: str, *, measure: str = "", **more: str) -> Finding:
        """The finding, with the waiver that covers it."""
        waived = said.waived
        if not waived and said.outcome is not Outcome.PASS and not said.absent:
            living = [w for w in self.policy.waivers if w.covers(check, measure) and self.today <= w.until]
            waived = max(living, key=lambda w: w.until).text() if living else ""
        return Finding.model_validate(
            {"check": check, "measure": measure, "threshold": limit, "outcome": said.outcome, "reason": said.reason,
             "part": said.part, "absent": said.absent and said.outcome is not Outcome.PASS, "waived": waived, **more}
        )  # fmt: skip

    def required(self, demand: Requirement, within: str) -> Finding:
        """The finding of one requirement."""
        if demand.measure in OF_UNION and not self.united:
            said = _Said(Outcome.PASS, "no other release of the source was live")
        else:
            said = weigh(demand, self.measures.get(demand.measure))
        if said.outcome is Outcome.INCONCLUSIVE and demand.when_inconclusive == "review" and not said.absent:
            said = _Said(Outcome.REVIEW, said.reason, part=said.part)
        more = {"severity": demand.severity, "within": within}
        return self.settled(said, demand.key, demand.text(), measure=demand.measure, **more)

    def demand(self, demand: Demand, place: str, within: str = "") -> Iterator[Finding]:
        """The finding of a demand, and before it those of its members; a requirement's on the union follow it."""
        if isinstance(demand, Requirement):
            both = (demand, *beside(demand, self.policy)) if self.united else (demand,)
            yield from (self.required(one, within) for one in both)
            return
        name = check_of(demand, place)
        members: list[Finding] = []
        for number, inner in enumerate(demand.members, start=1):
            found = list(self.demand(inner, f"{place}_{number}", name))
            members.append(together([f for f in found if f.within == name], ORDER))
            yield from found
        said = _grouped(demand, members)
        yield self.settled(said, name, demand.text(), severity=demand.severity, within=within)


def _grouped(group: AllOf | AnyOf, members: Sequence[Finding]) -> _Said:
    """How a group turns out. Where a member that does not hold is absent, no waiver of the group covers for it."""
    of = worst if isinstance(group, AllOf) else best
    found, counted = of([m.outcome for m in members]), of([m.counts for m in members])
    reason = f"{sum(m.holds for m in members)} of {len(members)} hold"
    left = [f"{m.measure or m.check} {'waived' if m.waived else m.outcome.value}" for m in members if not m.holds]
    if left:
        reason += f"; {', '.join(left)}"
    if counted is Outcome.PASS and found is not Outcome.PASS:
        return _Said(found, reason, waived="; ".join(dict.fromkeys(m.waived for m in members if m.waived)))
    return _Said(counted, reason, absent=any(m.absent and not m.holds for m in members))


def weigh(requirement: Requirement, measure: Measure | None) -> _Said:
    """Hold one measure against one requirement."""
    unknown = partial(_Said, Outcome.INCONCLUSIVE)
    if measure is None:
        return unknown("not measured", absent=True)
    if not measure.gates:
        return unknown("a warning, which no policy may ask for", absent=True)
    if measure.value is None or measure.low is None or measure.high is None:
        why = f"measurement {measure.status}: {measure.detail or 'no value'}"
        return unknown(why, absent=measure.status == "error")
    if requirement.of == "whole":
        whole = Share(part="", value=measure.value, low=measure.low, high=measure.high, reference=measure.reference)
        return _weigh_part(requirement, whole, measure.reference_low)
    if not measure.parts:
        return unknown("has no parts to hold the limit against")
    said = [_weigh_part(requirement, part) for part in measure.parts]
    chosen = min(said, key=lambda one: (ORDER.index(one.outcome), -one.beyond))
    count = f"the worst {len(said)} parts" if measure.dropped else f"{len(said)} parts"
    held = sum(one.outcome is Outcome.PASS for one in said)
    outcome, told = chosen.outcome, f"{held} of {count} keep it"
    if outcome is Outcome.PASS and measure.dropped and not _sorted_by(requirement, measure):
        outcome, told = Outcome.INCONCLUSIVE, f"{told}; only those with the worst values are kept"
    elif requirement.of == "worst":
        told = chosen.reason
    elif outcome is not Outcome.PASS:
        told += f"; {chosen.reason}"
    return _Said(outcome, told, part=chosen.part)


def _sorted_by(requirement: Requirement, measure: Measure) -> bool:
    """Whether the parts left out keep what those kept keep: the limit is on the value, by which they are ordered."""
    absolute = requirement.kind in ("max", "min") and requirement.end == "value"
    return absolute and requirement.at_most == (measure.direction is Direction.LOWER)


def _weigh_part(requirement: Requirement, part: Share, reference_low: float | None = None) -> _Said:
    """Hold one value against one requirement. reference_low: the low end of its reference, where that has one."""
    low = part.value if part.low is None else part.low
    high = part.value if part.high is None else part.high
    if requirement.kind in ("max_excess", "min_ratio"):
        if part.reference is None:
            return _Said(Outcome.INCONCLUSIVE, _about(part) + "has no holdout reference", part=part.part)
        least = part.reference if reference_low is None else reference_low
        if requirement.kind == "min_ratio" and least <= requirement.zero:
            why = f"real rows are not clearly above {requirement.zero:g} themselves, and no share of that is a demand"
            return _Said(Outcome.INCONCLUSIVE, _about(part) + why, part=part.part)
    limit = requirement.limit(part.reference or 0.0)
    cautious, optimistic = (high, low) if requirement.at_most else (low, high)

    def keeps(end: float) -> bool:
        return end <= limit if requirement.at_most else end >= limit

    def told(outcome: Outcome, end: float, more: str = "") -> _Said:
        beyond = end - limit if requirement.at_most else limit - end
        return _Said(outcome, f"{shown}{more}", part=part.part, beyond=beyond)

    shown = f"{_about(part)}{part.value:.4g} [{low:.4g}, {high:.4g}] against {limit:.4g}"
    if requirement.end != "cautious":
        end, which = (part.value, "its value") if requirement.end == "value" else (optimistic, "its optimistic end")
        return told(Outcome.PASS if keeps(end) else Outcome.FAIL, end, f", at {which}")
    if keeps(cautious):
        return told(Outcome.PASS, cautious)
    if not keeps(optimistic):
        return told(Outcome.FAIL, cautious)
    return told(Outcome.INCONCLUSIVE, cautious, ": the interval straddles the threshold")


def _about(part: Share) -> str:
    return f"{part.part}: " if part.part else ""


def _suite(suite: SuiteResult | None, synthetic_digest: str) -> tuple[_Said, str, str]:
    said = _Said(Outcome.INCONCLUSIVE, "did not run", absent=True)
    if suite is not None and suite.synthetic_digest != synthetic_digest:
        said = _Said(Outcome.INCONCLUSIVE, "ran on other bytes", absent=True)
    elif suite is not None and not suite.expectations:
        said = _Said(Outcome.INCONCLUSIVE, "held no expectation", absent=True)
    elif suite is not None:
        failed = [e for e in suite.expectations if not e.success]
        total = len(suite.expectations)
        said = _Said(Outcome.FAIL if failed else Outcome.PASS, f"{total - len(failed)} of {total} expectations hold")
    return said, "validation_suite", "every expectation holds"


def _forbidden(policy: Policy, facts: Facts) -> Iterator[tuple[_Said, str, str]]:
    """What was found, the check and the limit of everything the policy refuses."""
    forbid = policy.forbid
    kept: dict[str, tuple[Sequence[str], str]] = {
        "generator_licence": (forbid.licences, facts.licence),
        "generator": (forbid.generators, facts.generator),
        "purpose": ([p.value for p in forbid.purposes], facts.purpose.value),
        "residency": (forbid.residencies, facts.residency),
    }
    for check, limit in forbid.checks.items():
        refused, stated = kept.get(check, ((), ""))
        found = " ".join(stated.split())
        what = check.replace("_", " ")
        if check == "generations":
            bad = forbid.max_generations is None or facts.generations > forbid.max_generations
            said = _Said(Outcome.FAIL if bad else Outcome.PASS, f"{facts.generations} away from real data")
        elif check == "real_share":
            said = _real_share(forbid.min_real_share, facts.real_share)
        elif check == "residency" and not found and facts.generations == 0:
            said = _Said(Outcome.PASS, "there is no source")
        elif not found:
            said = _Said(Outcome.INCONCLUSIVE, f"the {what} is not stated", absent=True)
        else:
            bad = found.casefold() in {" ".join(word.split()).casefold() for word in refused}
            said = _Said(Outcome.FAIL if bad else Outcome.PASS, f"the {what} is {found}")
        yield said, check, limit


def _real_share(least: float | None, found: float | None) -> _Said:
    if found is None:
        return _Said(Outcome.INCONCLUSIVE, "how much of the source is real was not looked for", absent=True)
    bad = least is None or found < least
    return _Said(Outcome.FAIL if bad else Outcome.PASS, f"{found:.4g} of the source's rows are real")
