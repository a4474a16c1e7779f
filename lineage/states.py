"""States: where a candidate stands on its way, by what happened to it. Pure.

    drafted     --scored-->      scored        its table was made, and now measured
    scored      --submitted-->   pending       the verdict lets people decide: pass or review
    pending     --approved-->    approved      enough people of the right roles agree
    pending     --rejected-->    rejected      somebody who may says no
    pending     --lapsed-->      expired       its evidence is too old to decide on
    approved    --reopened-->    pending       an approval lapsed, or the source drifted, or the policy changed
    approved    --rejected-->    rejected
    approved    --lapsed-->      expired
    approved    --released-->    released      published with its passport
    rejected    --reopened-->    pending       who rejected it approves, or holds no such role any more
    expired     --submitted-->   pending       measured again
    released    --superseded-->  superseded    a newer release of the dataset
    released    --lapsed-->      expired       the life that its policy gave it has ended
    superseded  --lapsed-->      expired
    any         --revoked-->     revoked       itself, or something that it derives from, was revoked; for good

Nothing else moves a candidate; whatever else is asked for is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from proofset.errors import DeniedError


class State(StrEnum):
    """Where a candidate stands."""

    DRAFTED = "drafted"
    SCORED = "scored"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RELEASED = "released"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class Event(StrEnum):
    """What happens to a candidate."""

    SCORED = "scored"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    REOPENED = "reopened"
    LAPSED = "lapsed"
    RELEASED = "released"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.DRAFTED, Event.SCORED): State.SCORED,
    (State.SCORED, Event.SUBMITTED): State.PENDING,
    (State.PENDING, Event.APPROVED): State.APPROVED,
    (State.PENDING, Event.REJECTED): State.REJECTED,
    (State.PENDING, Event.LAPSED): State.EXPIRED,
    (State.APPROVED, Event.REOPENED): State.PENDING,
    (State.APPROVED, Event.REJECTED): State.REJECTED,
    (State.APPROVED, Event.LAPSED): State.EXPIRED,
    (State.APPROVED, Event.RELEASED): State.RELEASED,
    (State.REJECTED, Event.REOPENED): State.PENDING,
    (State.EXPIRED, Event.SUBMITTED): State.PENDING,
    (State.RELEASED, Event.SUPERSEDED): State.SUPERSEDED,
    (State.RELEASED, Event.LAPSED): State.EXPIRED,
    (State.SUPERSEDED, Event.LAPSED): State.EXPIRED,
    **{(state, Event.REVOKED): State.REVOKED for state in State if state is not State.REVOKED},
}
"""The table above, as the code uses it."""

LIVE = frozenset((State.RELEASED, State.SUPERSEDED))
"""States in which a release may be used."""


def step(state: State, event: Event) -> State:
    """Where an event leads. Raises DeniedError where it leads nowhere from this state."""
    after = TRANSITIONS.get((state, event))
    if after is None:
        possible = sorted(e.value for s, e in TRANSITIONS if s is state)
        raise DeniedError(
            f"A candidate that is {state.value} cannot be {event.value}.",
            why=f"From there it can only be: {', '.join(possible) or 'nothing; it stays so for good'}.",
        )
    return after


def walk(events: Iterable[Event], start: State = State.DRAFTED) -> State:
    """Where a history leads. Raises DeniedError at the first event that is not possible."""
    state = start
    for event in events:
        state = step(state, event)
    return state
