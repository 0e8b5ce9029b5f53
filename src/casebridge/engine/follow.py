"""What follows from a change for other partners: outgoing messages, written in the transaction that made the change."""

from __future__ import annotations

from typing import Any

from casebridge.core.errors import Held
from casebridge.engine import moving
from casebridge.engine.applying import Applied, Change
from casebridge.engine.site import Partner, Route, Site
from casebridge.engine.understanding import is_urgent
from casebridge.store import ledger, records, referrals
from casebridge.store.database import Connection
from casebridge.store.referrals import StoredReferral


def follow(c: Connection, site: Site, applied: Applied) -> None:
    """Write the messages that ``applied`` gives rise to."""
    for change in applied.changes:
        if change.name == "coverage-ended":
            _coverage_ended(c, site, change)
            continue
        referral = referrals.get(c, change.referral or "")
        assert referral is not None  # noqa: S101  (a change names a referral that was just written)
        if change.side == "target":
            _answer(c, site, referral)
        elif referral.recipient is None:
            route(c, site, referral)
        else:
            _send_referral(c, site, referral, site.partners[referral.recipient])


def route(c: Connection, site: Site, referral: StoredReferral) -> None:
    """Find the recipient of a requested referral; without a route it is held for a person to see."""
    if referral.status != "requested":
        return
    found = next((r for r in site.routes if _fits(r, referral)), None)
    if found is None:
        _hold_unrouted(c, site, referral)
        return
    category = found.set_category or referral.category
    referrals.change(c, referral.id, site.now(), recipient=found.to, category=category)
    referral = referrals.get(c, referral.id) or referral
    _send_referral(c, site, referral, site.partners[found.to])
    for name in found.also:
        _send_referral(c, site, referral, site.partners[name], also=True)


def send(
    c: Connection, site: Site, to: Partner, kind: str, purpose: str, about: dict[str, Any], correlation: str,
    *, urgent: bool = False,
) -> None:  # fmt: skip
    """One outgoing message, due when the partner's next dispatch leaves; one that still waits is enough."""
    if ledger.waiting_out(c, to.name, about, correlation) is not None:
        return
    due_at = site.due(to)  # before the next look at the clock: due at once is due now, and its lane is woken
    message = ledger.add(
        c, site.now(), direction="out", partner=to.name, kind=kind, stop="prepare", state="waiting", purpose=purpose,
        about=about, correlation=correlation, order_key=correlation, due_at=due_at,
        **_lane(to, urgent=urgent))  # fmt: skip
    ledger.note(c, site.now(), "outgoing", message=message, partner=to.name, stop="prepare", correlation=correlation)


def _lane(to: Partner, *, urgent: bool) -> dict[str, Any]:
    """Nothing where the order key and the urgency say it; what leaves as one file at an hour is one queue."""
    return {"urgent": urgent} if to.dispatch == "each" else {"part": 0, "urgent": False}


def _is_urgent(c: Connection, referral: StoredReferral) -> bool:
    asked = records.find(c, referral.source, "referral", referral.external_id)
    return is_urgent(asked.document if asked else None)


def _send_referral(
    c: Connection, site: Site, referral: StoredReferral, to: Partner, *, also: bool = False
) -> None:
    about: dict[str, Any] = {"referral": referral.id}
    if also:
        about["also"] = True
    purpose = "hmis" if to.role == "hmis_lead" else "referral"
    send(c, site, to, "referral", purpose, about, referral.id, urgent=_is_urgent(c, referral))


def _answer(c: Connection, site: Site, referral: StoredReferral) -> None:
    """Tell the source what became of its referral: first what was done, then the status that names it."""
    source = site.partners.get(referral.source)
    if source is None:
        return
    urgent = _is_urgent(c, referral)
    for number, activity in enumerate(_activities(c, site, referral)):
        made = records.by_id(c, activity)
        if made is not None and source.map_for("activity", made.document) is not None:
            about = {"referral": referral.id, "activity": activity, "output": number}
            send(c, site, source, "activity", "referral-status", about, referral.id, urgent=urgent)
    send(c, site, source, "referral", "referral-status", {"referral": referral.id}, referral.id, urgent=urgent)


def _activities(c: Connection, site: Site, referral: StoredReferral) -> list[str]:
    """Each output of a completed referral as an activity of the recipient; their ids."""
    state = moving.state_of(c, site, referral)
    if state.status != "completed":
        return []
    made = []
    asked = records.find(c, referral.source, "referral", referral.external_id)
    person = records.find(c, referral.source, "person", referral.subject or "")
    for number, output in enumerate(state.outputs):
        document = {
            "status": "done", "activity_kind": "service", "domain": referral.domain,
            "code": (asked.document if asked else {}).get("service"),
            "subject": {"kind": "person", "id": person.id} if person else None,
            "actual": {"start": state.at}, "text": output.get("value"),
        }  # fmt: skip
        _, after = records.assert_record(
            c, site.now(), kind="activity", source=referral.recipient or "", external_id=output_id(referral.id, number),
            subject="", document={k: v for k, v in document.items() if v is not None}, message="", payload=None,
            map_digest="")  # fmt: skip
        made.append(after.id)
    return made


def output_id(referral: str, number: int) -> str:
    """The external id of the activity that stands for one output of a referral."""
    return f"{referral}#output{number}"


def _coverage_ended(c: Connection, site: Site, change: Change) -> None:
    if change.client is None:
        return
    for referral in referrals.open_of_client(c, change.client):
        for found in site.routes:
            if found.fits(kind="participation", change="ended", source=referral.source):
                about = {"referral": referral.id, "what": change.name}
                ledger.note(c, site.now(), change.name, correlation=referral.id, stop="apply")
                send(c, site, site.partners[found.to], "notice", "notice", about, referral.id)


def _fits(found: Route, referral: StoredReferral) -> bool:
    return found.fits(kind="referral", source=referral.source, domain=referral.domain, category=referral.category)


def _hold_unrouted(c: Connection, site: Site, referral: StoredReferral) -> None:
    error = Held("CB-504", f"no route takes a referral for {referral.domain or 'an unnamed need'}", who="it")
    message = ledger.add(
        c, site.now(), direction="out", partner="", kind="referral", stop="prepare", state="held",
        purpose="referral", about={"referral": referral.id}, correlation=referral.id, order_key=referral.id,
        **ledger.why(error))  # fmt: skip
    ledger.note(c, site.now(), "held", message=message, stop="prepare", code=error.code, correlation=referral.id)
