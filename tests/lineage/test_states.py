"""States: the table on top of lineage/states.py, line by line, and everything it leaves out."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import states
from lineage.states import TRANSITIONS, Event, State, step, walk
from proofset.errors import DeniedError

LINE = re.compile(r"^    (\w+) +--(\w+)--> +(\w+)", re.MULTILINE)


def test_the_table_on_top_of_the_file_is_the_one_the_code_uses() -> None:
    told = set(LINE.findall(states.__doc__ or ""))
    everywhere = {(s.value, "revoked", "revoked") for s in State if s is not State.REVOKED}
    assert ("any", "revoked", "revoked") in told
    assert (told - {("any", "revoked", "revoked")}) | everywhere == {
        (s.value, e.value, after.value) for (s, e), after in TRANSITIONS.items()
    }


@pytest.mark.parametrize(("state", "event"), product(State, Event))
def test_every_pair_leads_where_the_table_says_or_is_refused(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(DeniedError, match=f"is {state.value} cannot be {event.value}"):
            step(state, event)


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_revoked_is_for_good_and_nothing_is_released_that_was_not_approved(events: list[Event]) -> None:
    state, past = State.DRAFTED, [State.DRAFTED]
    for event in events:
        try:
            state = step(state, event)
        except DeniedError:
            continue
        past.append(state)
    assert State.REVOKED not in past or past.index(State.REVOKED) == len(past) - 1
    for before, after in pairwise(past):
        assert after is not State.RELEASED or before is State.APPROVED


def test_a_history_is_walked_to_its_end_or_refused_on_the_way() -> None:
    usual = [Event.SCORED, Event.SUBMITTED, Event.APPROVED, Event.RELEASED, Event.SUPERSEDED, Event.LAPSED]
    assert walk(usual) is State.EXPIRED
    with pytest.raises(DeniedError):
        walk([Event.SCORED, Event.RELEASED])
