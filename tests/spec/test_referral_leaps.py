"""A partner that is looked at now and then: only the last of its steps is seen, and that one counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebridge.core.referral import ReferralEvent, Side, fold
from casebridge.core.transitions import LATEST_ONLY, STANDARD

MEAL = ({"code": "meals", "value": "30 meals"},)
STATES = sorted({m.goal for m in STANDARD.moves})


def event(number: int, side: Side, state: str, reason: str | None = None) -> ReferralEvent:
    outputs = MEAL if state == "completed" else ()
    partner = "pantry" if side == "target" else "mercy"
    return ReferralEvent("R1", partner, side, number, None, state, None, reason, outputs)


@pytest.mark.parametrize(("seen", "side", "reason", "stands"), [
    ("completed", "target", None, "completed"), ("in-progress", "target", None, "in-progress"),
    ("failed", "target", "no bed any more", "failed"), ("failed", "target", None, "requested"),
    ("completed", "source", None, "requested"), ("draft", "target", None, "requested"),
])  # fmt: skip
def test_steps_in_between_need_not_be_seen(seen: str, side: Side, reason: str | None, stands: str) -> None:
    found = fold([event(1, "source", "requested"), event(2, side, seen, reason)],
                 {"pantry": LATEST_ONLY, "mercy": LATEST_ONLY})  # fmt: skip
    assert found.status == stands


@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=6), st.data())
def test_whoever_misses_steps_ends_where_whoever_sees_all_of_them_ends(states: list[str], data: st.DataObject) -> None:
    """As long as what is missed and what is seen are the target's own."""
    told = [event(1, "source", "requested")]
    told += [event(n, "target", state, "a reason") for n, state in enumerate(states, 2)]
    everything = fold(told)
    legal = [e for e in everything.applied if e.side == "target"]
    if not legal:
        return
    missed = data.draw(st.lists(st.sampled_from(legal[:-1]), unique=True)) if legal[:-1] else []
    seen = [told[0], *(e for e in legal if e not in missed)]
    assert fold(seen, {"pantry": LATEST_ONLY}).status == everything.status
