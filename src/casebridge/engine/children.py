"""Referrals that CaseBridge makes of one: parts for several agencies, offers of which one is claimed, further tries.

Each child has a recipient and a state of its own; the parent's state is made of theirs (``parent_status``), and its
source is told of one referral. What a program behind a wall says stays with its child (``has_walls``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from casebridge.core.ids import new_id
from casebridge.core.referral import BEGUN, ReferralState, parent_status
from casebridge.core.transitions import STANDARD
from casebridge.engine import moving, routing
from casebridge.engine.moving import BRIDGE, TAKEN, record_event
from casebridge.engine.site import Route, Site
from casebridge.engine.telling import answer, send, send_referral
from casebridge.store import ledger, records, referrals
from casebridge.store.database import Connection
from casebridge.store.referrals import StoredReferral

WITHDRAWN = "Another agency has taken this referral. Nothing more is asked of you."
"""What the others are told when one accepts: nobody is named, for who it is may be protected itself."""
REASONS = {
    "rejected": "No agency could take it.", "failed": "It could not be brought to an end.",
    "cancelled": "It was withdrawn.", "on-hold": "It is on hold at the agency.",
}  # fmt: skip
"""What the source is told where the agencies' own words may not be passed on."""
DONE = {"code": "resulting-activity", "value": "Completed"}

Standing = tuple[StoredReferral, ReferralState]


def begin(c: Connection, site: Site, parent: StoredReferral, found: Route, names: Sequence[str]) -> None:
    """Make the first children of a referral: for these recipients of its route."""
    sort = {"split": "part", "offer": "offer"}.get(found.mode, "try")
    for name in names:
        _make(c, site, parent, name, sort, found.set_category)


def moved(c: Connection, site: Site, child: StoredReferral) -> None:
    """What follows when the recipient of a child has moved it: offers withdrawn, a next try, the parent's own state."""
    parent = referrals.get(c, child.parent or "")
    assert parent is not None  # noqa: S101  (a child is made of a referral, and goes with it)
    if child.sort == "offer" and child.status in BEGUN:
        _claimed(c, site, parent, child)
    _show(c, site, parent, child)
    _try_next(c, site, parent, child)
    if refold(c, site, parent, child):
        answer(c, site, parent)


def pass_on(c: Connection, site: Site, parent: StoredReferral) -> None:
    """What its source said last is said to those who have a part of it: that it is over, or what is new."""
    last = moving.state_of(c, site, parent).applied[-1]
    said = {"status": last.state, "reason": last.reason, "detail": last.detail}
    for child in referrals.children(c, parent.id):
        if not STANDARD.ended(parent.status):
            if not STANDARD.ended(child.status):
                _tell(c, site, child)
        elif STANDARD.find(child.status, parent.status) is not None:
            record_event(c, site, child, last.partner, "source", None, said)
            _tell(c, site, child)
            _show(c, site, parent, child)


def refold(c: Connection, site: Site, parent: StoredReferral, child: StoredReferral) -> bool:
    """Move a parent to where its children have left it, step by legal step; was there anything new?"""
    here = moving.state_of(c, site, parent)
    if STANDARD.ended(here.status):
        return False
    made = [(one, moving.state_of(c, site, one)) for one in referrals.children(c, parent.id)]
    goal = parent_status([event.state for event in state.applied] for _, state in made)
    way = STANDARD.hops(here.status, goal) if goal != here.status else (goal,)
    said = _said(c, site, made, child, goal)
    steps = [{"status": step, **(said if step == goal else {})} for step in way]
    return "apply" in [record_event(c, site, parent, BRIDGE, "bridge", None, step) for step in steps]


def has_walls(site: Site, recipient: str | None) -> bool:
    """Do the recipient's own words stay with it (42 CFR 2.12; 34 U.S.C. 12291(b)(2))?"""
    partner = site.partners.get(recipient or "")
    return partner is not None and (partner.part2 or partner.vsp)


def _make(c: Connection, site: Site, parent: StoredReferral, recipient: str, sort: str, category: str) -> None:
    id_, number = new_id(), len(referrals.children(c, parent.id)) + 1
    referrals.add(
        c, site.now(), id=id_, client=parent.client, source=parent.source, external_id=f"{parent.id}#{number}",
        subject=parent.subject, recipient=recipient, parent=parent.id, domain=parent.domain,
        category=category or parent.category, status="draft", detail=None, sort=sort, request=parent.asked)  # fmt: skip
    ledger.nothing_unsent(c, id_)
    referrals.no_children(c, id_)
    records.nothing_remote(c, recipient, "referral", id_)
    child = referrals.get(c, id_)
    assert child is not None  # noqa: S101  (just written)
    record_event(c, site, child, BRIDGE, "bridge", None, {"status": "requested"})
    _tell(c, site, child)
    _show(c, site, parent, child)


def _claimed(c: Connection, site: Site, parent: StoredReferral, child: StoredReferral) -> None:
    """The first who accepts has it: the other offers are withdrawn, and it learns whom it is about."""
    for other in referrals.children(c, parent.id):
        if other.id != child.id and other.sort == "offer" and not STANDARD.ended(other.status):
            taken = {"status": "cancelled", "reason": WITHDRAWN, "detail": TAKEN}
            record_event(c, site, other, BRIDGE, "bridge", None, taken)
            _tell(c, site, other)
            _show(c, site, parent, other)
    if not site.partners[child.recipient or ""].answers_on_form:  # a page of ours shows it at the next look
        _tell(c, site, child)


def _try_next(c: Connection, site: Site, parent: StoredReferral, child: StoredReferral) -> None:
    if child.status not in ("rejected", "failed") or child.detail in routing.NO_MORE_TRIES:
        return
    made, found = referrals.children(c, parent.id), routing.fitting(site, parent)
    waiting = child.sort == "offer" and any(not STANDARD.ended(one.status) for one in made)
    if found is None or waiting or STANDARD.ended(parent.status):
        return
    for name in routing.next_one(c, site, found, parent, made):
        _make(c, site, parent, name, "try", found.set_category)


def _tell(c: Connection, site: Site, child: StoredReferral) -> None:
    now = referrals.get(c, child.id) or child
    send_referral(c, site, now, site.partners[now.recipient or ""])


def _show(c: Connection, site: Site, parent: StoredReferral, child: StoredReferral) -> None:
    """A source that reads at a door of ours finds the child there, as a part of its own (SDOHCC: ``Task.partOf``).

    Of no child where one could go behind a wall: who is seen to have declined tells who has it.
    """
    source, found = site.partners.get(parent.source), routing.fitting(site, parent)
    names = {*(found.to + found.then if found else ()), child.recipient}
    if source is not None and getattr(source.link, "shelves", False) and not any(has_walls(site, n) for n in names):
        send(c, site, source, "referral", "referral-status", {"referral": child.id}, child.id, order_key=parent.id)


def _said(
    c: Connection, site: Site, made: Sequence[Standing], moved_: StoredReferral, goal: str
) -> dict[str, Any]:  # fmt: skip
    """What a parent's source hears beside the state: of each child what no wall keeps back."""
    open_ = [(one, state) for one, state in made if not has_walls(site, one.recipient) and state.detail != TAKEN]
    said: dict[str, Any] = {}
    for one, state in open_:
        if one.id == moved_.id and state.detail and (state.status == goal or goal in BEGUN):
            said["detail"] = state.detail
    if goal in REASONS:
        reasons = [s.reason for one, s in open_ if s.reason and s.status in (goal, "rejected", "failed")]
        said["reason"] = "; ".join(dict.fromkeys(reasons)) or REASONS[goal]
    if goal == "completed":
        said["outputs"] = list(_outputs(c, open_)) or [DONE]
    return said


def _outputs(c: Connection, made: Iterable[Standing]) -> Iterable[Mapping[str, Any]]:
    """What was done, of all; a record of the recipient's own is named by our id, for the source knows no other."""
    for child, state in made:
        for output in state.outputs:
            ref = output.get("ref")
            if not isinstance(ref, Mapping) or "external_id" not in ref:
                yield output
                continue
            ours = records.id_of(c, child.recipient or "", ref["kind"], ref["external_id"])
            rest = {name: value for name, value in output.items() if name != "ref"}
            yield rest | ({"ref": {"kind": ref["kind"], "id": ours}} if ours else {})
