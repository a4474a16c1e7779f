"""Checking a policy before anybody relies on it: what it asks for, can it be had, and does it mean anything. Pure.

Errors bind: plan, run and release refuse a policy that has one. But a waiver may end: what it excused is denied then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal

from proofset.errors import SpecError, did_you_mean
from proofset.evidence import Direction
from proofset.policy import Policy, Waiver
from proofset.policy_demands import Requirement, groups
from proofset.policy_union import beside, union_checks
from proofset.spec import Purpose

if TYPE_CHECKING:
    from quality.base import MeasureCard

SOON = timedelta(days=14)
"""A waiver that ends within this time is noted."""


@dataclass(frozen=True)
class Problem:
    """Something about a policy. level: an error makes it unfit for use, a note is for whoever writes it."""

    level: Literal["error", "note"]
    place: str
    text: str


@cache
def measure_cards() -> Mapping[str, MeasureCard]:
    """Every measure there is, by name."""
    import quality
    from quality.union import FAMILY

    families = (*(quality.REGISTRY[name] for name in quality.REGISTRY), FAMILY)
    return {card.name: card for family in families for card in family.cards}


def check_policy(
    policy: Policy, cards: Mapping[str, MeasureCard], packs: Mapping[Purpose, Policy], today: date
) -> list[Problem]:
    """Return what is wrong with a policy, errors first; none where it is sound.

    Parameters
    ----------
    cards: every measure there is.  packs: the platform's policy for each purpose.  today: in UTC.
    """
    found = [
        *_lasting(policy, cards),
        *(p for w in policy.waivers for p in _about_end(w, today)),
        *_beside_packs(policy, packs),
    ]
    if policy.expires_after_days is None:
        found.append(Problem("note", "expires_after_days", "releases under this policy are good without end"))
    return sorted(found, key=lambda p: p.level != "error")


def unsound(policy: Policy) -> tuple[str, ...]:
    """What makes a policy unfit for use on any day, each with its place; nothing where it is sound."""
    return tuple(f"{p.place}: {p.text}" for p in _lasting(policy, measure_cards()) if p.level == "error")


def require_sound(policy: Policy) -> None:
    """Refuse a policy that is unfit for use. Raises SpecError that names every place."""
    told = unsound(policy)
    if told:
        raise SpecError(
            "\n".join(f"policy '{policy.policy}': {text}." for text in told),
            why="A policy that asks for what nobody can measure, or for nothing, proves nothing.",
            fix=f"Correct the lines above; see `proofset policy check {policy.policy}`.",
        )


def _lasting(policy: Policy, cards: Mapping[str, MeasureCard]) -> Iterator[Problem]:
    """What does not change with the day."""
    for requirement in policy.requirements:
        yield from _about(requirement, cards)
    yield from _contradictions(policy)
    for waiver in policy.waivers:
        yield from _about_waiver(waiver, policy)


def _about(requirement: Requirement, cards: Mapping[str, MeasureCard]) -> Iterator[Problem]:
    place = requirement.key
    card = cards.get(requirement.measure)
    if card is None:
        near = did_you_mean(requirement.measure, cards)
        yield Problem("error", place, f"no measure is called '{requirement.measure}'.{near}")
        return
    if not card.gates:
        yield Problem("error", place, f"'{card.name}' is a warning, which no policy may ask for")
    if requirement.at_most != (card.direction is Direction.LOWER):
        yield Problem("error", place, f"{card.direction.value} is better, so this limit refuses the better tables")
    amount = requirement.amount
    if (requirement.kind == "min" and amount > card.ceiling) or (requirement.kind == "max" and amount < card.floor):
        yield Problem("error", place, f"cannot be met: the measure lies between {card.floor:g} and {card.ceiling:g}")
    if (requirement.kind == "min" and amount <= card.floor) or (requirement.kind == "max" and amount >= card.ceiling):
        yield Problem("error", place, f"demands nothing: it lies between {card.floor:g} and {card.ceiling:g} anyway")
    if requirement.kind == "max_excess" and amount >= card.ceiling - card.floor:
        yield Problem("error", place, f"demands nothing: no two values are further apart than {amount:g}")
    if requirement.kind == "min_ratio" and amount <= 0:
        yield Problem("error", place, "demands nothing: a share of 0 of the reference")
    if not requirement.why:
        yield Problem("note", place, "says no `why`; a reader cannot tell whether the limit fits")


def _contradictions(policy: Policy) -> Iterator[Problem]:
    """A least above a most, where both must hold of the same thing at the same end."""
    must = [d for d in policy.require if isinstance(d, Requirement) and d.severity == "block"]
    for low in (d for d in must if d.kind == "min"):
        for high in (d for d in must if d.kind == "max" and d.measure == low.measure and d.of == low.of):
            if low.amount > high.amount:
                text = f"contradicts {high.key}: nothing is both ≥ {low.amount:g} and ≤ {high.amount:g}"
                yield Problem("error", low.key, text)


def _about_waiver(waiver: Waiver, policy: Policy) -> Iterator[Problem]:
    suite = ["validation_suite"] if policy.suite else []
    checks = [
        *(r.key for r in policy.requirements),
        *(name for name, _ in groups(policy.require)),
        *suite,
        *policy.forbid.checks,
    ]
    checks += union_checks(policy)
    measures = {m for r in policy.requirements for m in (r.measure, *(also.measure for also in beside(r, policy)))}
    known: list[str] = sorted(measures) if waiver.measure else checks
    if (waiver.measure or waiver.check) not in known:
        near = did_you_mean(waiver.measure or waiver.check or "", known)
        yield Problem("error", _place(waiver), f"the policy asks for nothing of this name.{near}")


def _about_end(waiver: Waiver, today: date) -> Iterator[Problem]:
    if waiver.until < today:
        yield Problem("error", _place(waiver), f"ended on {waiver.until.isoformat()}: what it excused is denied since")
    elif waiver.until - today <= SOON:
        yield Problem("note", _place(waiver), f"ends on {waiver.until.isoformat()}")


def _place(waiver: Waiver) -> str:
    return f"waiver of {waiver.measure or waiver.check}"


def _beside_packs(policy: Policy, packs: Mapping[Purpose, Policy]) -> Iterator[Problem]:
    """What the platform's own policy for a purpose asks for and this one does not."""
    asked = {r.measure for r in policy.requirements}
    for purpose in policy.purposes:
        if purpose not in packs:
            yield Problem("note", f"purpose {purpose.value}", "the platform has no pack to compare with")
            continue
        left = [r.measure for r in packs[purpose].requirements if r.severity == "block" and r.measure not in asked]
        if left:
            text = f"the platform's pack also asks for {', '.join(dict.fromkeys(left))}"
            yield Problem("note", f"purpose {purpose.value}", text)
