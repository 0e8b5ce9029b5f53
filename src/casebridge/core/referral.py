"""The referral: the bridge's own record, the fold of what its partners say (case model, section 3).

Two partners move one referral, so its state is never stored as a fact of its own: it is computed from the events in
the order they reached us. An event that may not move the referral (late, illegal, without its reason) is kept and
flagged, never dropped. What is legal is data: ``data/referral_transitions.csv``, the codes are those of HL7 Task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from casebridge.core.moments import earlier
from casebridge.core.transitions import STANDARD, Transitions

Side = Literal["source", "target", "bridge", "none"]


@dataclass(frozen=True, slots=True)
class ReferralEvent:
    """What one partner said about one referral.

    ``sequence`` is the order of arrival here, ``at`` when the partner says it happened (a Moment as written),
    ``side`` the partner's part in this referral (``none``: it has none). ``outputs`` are Items as plain dicts.
    """

    referral: str
    partner: str
    side: Side
    sequence: int
    at: str | None
    state: str
    detail: str | None = None
    reason: str | None = None
    outputs: tuple[Mapping[str, Any], ...] = ()
    recorded_at: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``apply`` moves the referral, ``repeat`` says nothing new, ``conflict`` is kept for a person to look at."""

    effect: Literal["apply", "repeat", "conflict"]
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """An event, and what became of it."""

    event: ReferralEvent
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ReferralState:
    """Where the referral stands. ``status`` is empty before the first event that applies."""

    status: str = ""
    detail: str | None = None
    reason: str | None = None
    at: str | None = None
    outputs: tuple[Mapping[str, Any], ...] = ()
    history: tuple[Judged, ...] = ()

    @property
    def applied(self) -> tuple[ReferralEvent, ...]:
        """The events that made the state, in order."""
        return tuple(j.event for j in self.history if j.verdict.effect == "apply")

    @property
    def conflicts(self) -> tuple[Judged, ...]:
        """The events that did not fit, each with its why."""
        return tuple(j for j in self.history if j.verdict.effect == "conflict")


def judge(state: ReferralState, event: ReferralEvent, table: Transitions = STANDARD) -> Verdict:
    """What the event would do to the referral as it stands; nothing is changed.

    ``table`` holds the moves of the partner that speaks.
    """
    if event.side == "none":
        return Verdict("conflict", "this partner has no part in the referral")
    if _nothing_new(state, event) or _echo(state, event, table):
        return Verdict("repeat", "nothing new: this is already known")
    if _late(state, event):
        return Verdict("conflict", "late: this partner has already told us something newer")
    if event.state == state.status:
        return Verdict("apply", "the state stays, its detail is new")
    problem = table.refusal(state.status, event.state, event.side, bool(event.reason), bool(event.outputs))
    return Verdict("conflict", problem) if problem else Verdict("apply", "a legal move")


def fold(events: Iterable[ReferralEvent], tables: Mapping[str, Transitions] | None = None) -> ReferralState:
    """The state after all events, taken in order of ``sequence``; ``tables`` by partner, else the standard one."""
    state = ReferralState()
    for event in sorted(events, key=lambda e: e.sequence):
        state = step(state, event, (tables or {}).get(event.partner, STANDARD))
    return state


def step(state: ReferralState, event: ReferralEvent, table: Transitions = STANDARD) -> ReferralState:
    """The state after one more event, whatever becomes of it."""
    verdict = judge(state, event, table)
    history = (*state.history, Judged(event, verdict))
    if verdict.effect != "apply":
        return replace(state, history=history)
    stays = event.state == state.status
    return ReferralState(
        status=event.state,
        detail=event.detail or (state.detail if stays else None),
        reason=event.reason or (state.reason if stays else None),
        at=event.at or event.recorded_at or state.at,
        outputs=(*state.outputs, *(o for o in event.outputs if o not in state.outputs)),
        history=history,
    )


BEGUN = frozenset({"accepted", "in-progress", "on-hold", "completed", "failed"})
"""States that only somebody who took it on can bring about."""


def parent_status(children: Iterable[Sequence[str]]) -> str:
    """The status of a referral that others were made of, from the states each child went through, in order.

    ``requested`` until somebody takes a part of it on; then under way (``accepted`` before anything else happened)
    until every child has ended; ``completed`` if any was. Whatever comes next, each step is legal from the one before.
    Children that were mistakes do not count. Raises ValueError when there are no children at all.
    """
    told = [tuple(states) for states in children]
    if not told:
        raise ValueError("a referral without children has a status of its own")
    begun = any(BEGUN.intersection(states) for states in told)
    counted = [states[-1] for states in told if states[-1] != "entered-in-error"]
    going = [status for status in counted if not STANDARD.ended(status)]
    if going and begun:
        return _under_way(told, going)
    if going:
        return "requested"
    if "completed" in counted:
        return "completed"
    if {"failed", "rejected"}.isdisjoint(counted):
        return "cancelled"
    return "failed" if begun else "rejected"


def _under_way(told: Iterable[Sequence[str]], going: Iterable[str]) -> str:
    if all(status == "on-hold" for status in going):
        return "on-hold"
    taken = [states for states in told if BEGUN.intersection(states)]
    further = any(BEGUN.difference({"accepted"}).intersection(s) or STANDARD.ended(s[-1]) for s in taken)
    return "in-progress" if further else "accepted"


def legal_next(status: str, side: Side, table: Transitions = STANDARD) -> tuple[str, ...]:
    """The states this side may move the referral to: the buttons of a form."""
    return table.after(status, side)


def _nothing_new(state: ReferralState, event: ReferralEvent) -> bool:
    """Same state, and no detail, reason or output that we do not hold already."""
    return (
        event.state == state.status
        and event.detail in (None, "", state.detail)
        and event.reason in (None, "", state.reason)
        and all(output in state.outputs for output in event.outputs)
    )


def _echo(state: ReferralState, event: ReferralEvent, table: Transitions) -> bool:
    """The source shows an earlier moment of this referral: it has not caught up with what we sent, or repeats itself.

    A hospital's Task is read again and again while our own writes are under way to it.
    """
    if event.side != "source":
        return False
    said = (event.state, event.detail or None, event.reason or None)
    if said in {(e.state, e.detail or None, e.reason or None) for e in state.applied}:
        return True
    known = event.state in {e.state for e in state.applied}
    return known and not table.may_enter(event.state, "source") and not event.detail


def _late(state: ReferralState, event: ReferralEvent) -> bool:
    """Earlier than what the same partner said last; clocks of two partners are never compared."""
    own = [e.at for e in state.applied if e.partner == event.partner and e.at]
    return bool(own and event.at and earlier(event.at, own[-1]))
