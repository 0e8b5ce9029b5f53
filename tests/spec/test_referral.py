"""How a referral moves: a story of events in, the state and what did not fit out."""

from dataclasses import replace

import pytest

from casebridge.core.referral import (
    ReferralEvent,
    ReferralState,
    Side,
    fold,
    judge,
    legal_next,
    parent_status,
)
from casebridge.core.transitions import RESULT_ONLY, STANDARD, Transitions
from casebridge.core.words import detail_words, referral_words, words

MEAL = ({"code": "meals", "value": "30 meals"},)
PARTNER = {"source": "mercy", "target": "food-bank", "bridge": "casebridge", "none": "stranger"}


def event(side: Side, state: str, at: str | None = None, sequence: int = 0, **said) -> ReferralEvent:
    return ReferralEvent("R1", PARTNER[side], side, sequence, at, state, **said)


def story(*events: ReferralEvent, tables=None) -> ReferralState:
    return fold([replace(e, sequence=n) for n, e in enumerate(events)], tables)


def effects(state: ReferralState) -> list[str]:
    return [judged.verdict.effect for judged in state.history]


SENT, TAKEN = event("source", "requested"), event("target", "accepted")


def test_the_loop_closes():
    state = story(SENT, TAKEN, event("target", "in-progress"), event("target", "completed", outputs=MEAL))
    assert (state.status, state.outputs, effects(state)) == ("completed", MEAL, ["apply"] * 4)


# what happens first, what is said then, and what becomes of it
@pytest.mark.parametrize(
    ("before", "said", "effect", "why"),
    [
        ([], event("target", "accepted"), "conflict", "not known yet"),
        ([SENT], event("source", "accepted"), "conflict", "not for the source"),
        ([SENT], event("target", "in-progress"), "conflict", "does not go from 'requested' to 'in-progress'"),
        ([SENT], event("target", "completed", outputs=MEAL), "conflict", "does not go from"),
        ([SENT], event("target", "rejected"), "conflict", "needs a reason in words"),
        ([SENT], event("target", "rejected", reason="no room"), "apply", ""),
        ([SENT], event("target", "cancelled", reason="moved away"), "apply", ""),
        ([SENT], event("source", "cancelled", reason="discharged home"), "apply", ""),
        ([SENT], event("source", "cancelled"), "conflict", "needs a reason"),
        ([SENT], event("none", "accepted"), "conflict", "no part in the referral"),
        ([SENT, TAKEN], event("target", "completed"), "conflict", "at least one output"),
        ([SENT, TAKEN], event("target", "on-hold", reason="client in hospital"), "apply", ""),
        ([SENT, TAKEN], event("target", "failed"), "conflict", "needs a reason"),
        ([SENT, TAKEN], event("target", "requested"), "conflict", "does not go from 'accepted' to 'requested'"),
        ([SENT, TAKEN], event("source", "requested"), "repeat", "already known"),
        ([SENT, TAKEN], event("target", "accepted"), "repeat", "already known"),
        ([SENT, TAKEN], event("source", "accepted"), "repeat", "already known"),
        ([SENT, TAKEN], event("source", "entered-in-error"), "apply", ""),
        ([SENT, TAKEN], event("target", "entered-in-error"), "conflict", "not for the target"),
        ([SENT, TAKEN], event("target", "accepted", detail="appointment-booked"), "apply", ""),
        ([SENT], event("target", "requested", detail="waitlisted"), "apply", ""),
    ],
)
def test_who_may_say_what(before, said, effect, why):
    verdict = judge(story(*before), said)
    assert verdict.effect == effect
    assert why in verdict.why


def test_what_does_not_fit_is_kept_and_flagged_never_dropped():
    state = story(SENT, event("target", "completed", outputs=MEAL), TAKEN)
    assert state.status == "accepted"
    assert [j.event.state for j in state.conflicts] == ["completed"]
    assert len(state.history) == 3


def test_late_news_of_one_partner_does_not_undo_newer_news():
    state = story(
        event("source", "requested", "2026-03-01T08:00:00Z"),
        event("target", "accepted", "2026-03-01T09:00:00-05:00", detail="appointment-booked"),
        event("target", "accepted", "2026-03-01T08:30:00-05:00", detail="contact-attempted"),
    )
    assert state.detail == "appointment-booked"
    assert "late" in state.conflicts[0].verdict.why


def test_the_clocks_of_two_partners_are_never_compared():
    state = story(event("source", "requested", "2026-03-01T08:00:00Z"), event("target", "accepted", "2026-02-28"))
    assert state.status == "accepted"


def test_a_day_without_a_time_is_not_late_on_the_same_day():
    state = story(
        event("source", "requested"),
        event("target", "accepted", "2026-03-01T15:00:00Z"),
        event("target", "in-progress", "2026-03-01"),
    )
    assert state.status == "in-progress"


def test_the_hospital_shows_an_older_moment_while_our_write_is_under_way():
    state = story(
        SENT,
        event("target", "requested", detail="delivered"),
        event("target", "requested", detail="waitlisted"),
        event("source", "requested", detail="delivered"),
    )
    assert (state.detail, effects(state)[-1]) == ("waitlisted", "repeat")


def test_a_second_attempt_to_reach_the_client_is_news_again():
    details = ["contact-attempted", "appointment-booked", "contact-attempted"]
    state = story(SENT, TAKEN, *(event("target", "accepted", detail=d) for d in details))
    assert (state.detail, effects(state)) == ("contact-attempted", ["apply"] * 5)


def test_a_detail_and_a_reason_belong_to_their_state():
    held = event("target", "on-hold", reason="ill", detail="no-show")
    state = story(SENT, TAKEN, held, event("target", "in-progress"))
    assert (state.status, state.detail, state.reason) == ("in-progress", None, None)


def test_outputs_gather():
    more = ({"code": "meals", "value": "10 meals"},)
    state = story(SENT, TAKEN, event("target", "completed", outputs=MEAL), event("target", "completed", outputs=more))
    assert state.outputs == MEAL + more


@pytest.mark.parametrize("status", ["accepted", "in-progress", "completed", "cancelled"])
def test_a_referral_first_seen_when_already_under_way_starts_there(status):
    assert story(event("source", status)).status == status


# what each child went through after it was asked for, and where that leaves their parent
@pytest.mark.parametrize(
    ("children", "parent"),
    [
        (["", ""], "requested"),
        (["", "rejected"], "requested"),
        (["accepted", ""], "accepted"),
        (["accepted", "rejected"], "accepted"),
        (["accepted in-progress", ""], "in-progress"),
        (["accepted completed", ""], "in-progress"),
        (["accepted cancelled", ""], "in-progress"),
        (["accepted failed", "accepted"], "in-progress"),
        (["accepted on-hold", "accepted completed"], "on-hold"),
        (["accepted on-hold", ""], "in-progress"),
        (["accepted completed", "rejected"], "completed"),
        (["accepted completed", "accepted failed"], "completed"),
        (["rejected", "cancelled"], "rejected"),
        (["accepted failed", "cancelled"], "failed"),
        (["accepted cancelled", "rejected"], "failed"),
        (["accepted cancelled", "cancelled"], "cancelled"),
        (["cancelled", "cancelled"], "cancelled"),
        (["accepted completed", "entered-in-error"], "completed"),
        (["entered-in-error"], "cancelled"),
    ],
)
def test_a_parent_stands_where_its_children_leave_it(children, parent):
    assert parent_status([("requested", *states.split()) for states in children]) == parent


def test_a_referral_without_children_has_a_status_of_its_own():
    with pytest.raises(ValueError, match="without children"):
        parent_status([])


@pytest.mark.parametrize(
    ("status", "side", "buttons"),
    [
        ("draft", "source", {"requested", "cancelled", "entered-in-error"}),
        ("requested", "target", {"accepted", "rejected", "cancelled"}),
        ("accepted", "target", {"in-progress", "on-hold", "completed", "failed", "cancelled"}),
        ("on-hold", "target", {"in-progress", "completed", "failed", "cancelled"}),
        ("completed", "target", set()),
        ("completed", "source", {"entered-in-error"}),
    ],
)
def test_the_buttons_of_a_form(status, side, buttons):
    assert set(legal_next(status, side)) == buttons


@pytest.mark.parametrize("status", ["rejected", "completed", "cancelled", "failed", "entered-in-error"])
def test_terminal_states(status):
    assert STANDARD.ended(status)


def test_a_partner_that_tells_only_the_result_may_leap():
    told = event("target", "completed", outputs=(), detail="enrolled")
    assert story(SENT, told, tables={"food-bank": RESULT_ONLY}).status == "completed"
    assert story(SENT, told).status == "requested"


def test_a_partner_brings_its_own_table():
    text = (
        "from,to,who,reason_required,output_required\n"
        ",assigned,source,no,no\n"
        "assigned,accepted-pending,target,no,no\n"
        "accepted-pending,accepted,target,no,no\n"
        "accepted,closed,target,yes,no\n"
    )
    table = Transitions.from_csv(text)
    assert table.hops("assigned", "closed") == ("accepted-pending", "accepted", "closed")
    assert table.refusal("assigned", "accepted", "target", False, False).startswith("a referral does not go")
    assert table.hops("closed", "assigned") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from,to\na,b\n", "has the columns"),
        ("from,to,who,reason_required,output_required\na,b,nobody,no,no\n", "line 2: who"),
        ("from,to,who,reason_required,output_required\na,b,source,perhaps,no\n", "line 2: reason_required"),
    ],
)
def test_a_table_that_is_wrong_says_where(text, message):
    with pytest.raises(ValueError, match=message):
        Transitions.from_csv(text)


def test_every_state_and_detail_has_words_and_an_icon():
    states = {m.goal for m in STANDARD.moves}
    assert states == {code for sort, code in referral_words() if sort == "status"}
    assert all(w.text and w.icon for w in referral_words().values())
    assert words("requested").text == "Sent. No answer yet"
    assert detail_words("our own word").text == "our own word"
