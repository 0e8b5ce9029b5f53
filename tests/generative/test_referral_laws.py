"""Laws of the fold: whatever is said, in whatever order."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from casebridge.core.referral import ReferralEvent, fold, judge, legal_next, parent_status
from casebridge.core.transitions import RESULT_ONLY, STANDARD

STATES = sorted({m.goal for m in STANDARD.moves})
said = st.builds(
    ReferralEvent,
    referral=st.just("R1"),
    partner=st.sampled_from(["mercy", "food-bank"]),
    side=st.sampled_from(["source", "target", "bridge", "none"]),
    sequence=st.just(0),
    at=st.none() | st.sampled_from(["2026", "2026-03-01", "2026-03-01T08:00:00Z", "2026-03-01T08:00:00+05:00"]),
    state=st.sampled_from([*STATES, "no-such-state"]),
    detail=st.none() | st.sampled_from(["seen", "waitlisted"]),
    reason=st.none() | st.just("because"),
    outputs=st.sampled_from([(), ({"code": "meals"},)]),
)
stories = st.lists(said, max_size=12).map(lambda events: [replace(e, sequence=n) for n, e in enumerate(events)])


@given(stories)
def test_nothing_is_dropped(events):
    state = fold(events)
    assert [j.event for j in state.history] == events
    assert all(j.verdict.why for j in state.history)


@given(stories, st.randoms())
def test_the_order_of_arrival_decides_not_the_order_they_are_read_in(events, random):
    shuffled = events[:]
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(events)


@given(stories)
def test_only_legal_moves_are_made(events):
    status = ""
    for event in fold(events).applied:
        if event.state != status:
            move = STANDARD.find(status, event.state)
            assert move is not None
            assert event.side in move.who
            assert event.reason or not move.reason_required
            assert event.outputs or not move.output_required
        status = event.state


@given(stories)
def test_the_status_is_that_of_the_last_event_that_applied(events):
    state = fold(events)
    assert state.status == (state.applied[-1].state if state.applied else "")


@given(stories)
def test_saying_it_twice_changes_nothing(events):
    state = fold(events)
    if state.applied:
        again = replace(state.applied[-1], sequence=len(events))
        assert judge(state, again).effect == "repeat"


@given(stories)
def test_a_terminal_state_is_left_only_as_a_mistake(events):
    seen = [e.state for e in fold(events).applied]
    for here, following in pairwise(seen):
        if STANDARD.ended(here):
            assert following in (here, "entered-in-error")


@given(st.sampled_from(STATES), st.sampled_from(["source", "target"]))
def test_every_button_leads_somewhere_legal(status, side):
    for goal in legal_next(status, side):
        assert STANDARD.refusal(status, goal, side, reason=True, output=True) == ""


def test_what_a_brief_partner_may_do_is_more_never_less():
    assert {(m.start, m.goal) for m in STANDARD.moves} < {(m.start, m.goal) for m in RESULT_ONLY.moves}


@given(st.sampled_from(["", *STATES]), st.sampled_from(STATES))
def test_the_hops_to_a_goal_are_each_legal(start, goal):
    way = STANDARD.hops(start, goal)
    assert not way or way[-1] == goal
    assert all(STANDARD.find(here, there) for here, there in pairwise((start, *way)))


steps = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(STATES)), max_size=16)


@given(st.integers(1, 4), steps)
def test_whatever_happens_to_its_children_a_parent_only_goes_where_it_may(count, happening):
    """Its source is told each of its steps, and would refuse one that is not legal."""
    children = [["requested"] for _ in range(count)]
    here = "requested"
    for number, goal in happening:
        states = children[number % count]
        if goal == "entered-in-error" or STANDARD.find(states[-1], goal) is None:
            continue
        states.append(goal)
        there = parent_status(children)
        assert there == here or STANDARD.hops(here, there), (here, there, children)
        here = there
        assert STANDARD.ended(here) == all(STANDARD.ended(child[-1]) for child in children)
    completed = any(child[-1] == "completed" for child in children)
    assert (here == "completed") == (completed and all(STANDARD.ended(child[-1]) for child in children))
