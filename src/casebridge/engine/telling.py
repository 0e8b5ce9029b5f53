"""Outgoing messages about a referral: to its recipient, and back to its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebridge.core.transitions import STANDARD
from casebridge.engine import copies, moving, results
from casebridge.engine.site import Partner, Site
from casebridge.engine.understanding import is_urgent
from casebridge.store import ledger, records, referrals
from casebridge.store.database import Connection
from casebridge.store.records import StoredRecord
from casebridge.store.referrals import StoredReferral


def send(
    c: Connection, site: Site, to: Partner, kind: str, purpose: str, about: dict[str, Any], correlation: str,
    *, urgent: bool = False, order_key: str = "", after_new: bool = False,
) -> bool:  # fmt: skip
    """One outgoing message, due when the partner's next dispatch leaves; one that still waits is enough, unless it is
    to follow one that was written just now (``after_new``). Was one written?"""
    if not after_new and ledger.waiting_out(c, to.name, about, correlation) is not None:
        return False
    due_at = site.due(to)  # before the next look at the clock: due at once is due now, and its lane is woken
    message = ledger.add(
        c, site.now(), direction="out", partner=to.name, kind=kind, stop="prepare", state="waiting", purpose=purpose,
        about=about, correlation=correlation, order_key=order_key or correlation, due_at=due_at,
        **_lane(to, urgent=urgent))  # fmt: skip
    ledger.note(c, site.now(), "outgoing", message=message, partner=to.name, stop="prepare", correlation=correlation)
    return True


def _lane(to: Partner, *, urgent: bool) -> dict[str, Any]:
    """Nothing where the order key and the urgency say it; what leaves as one file at an hour is one queue."""
    return {"urgent": urgent} if to.dispatch == "each" else {"part": 0, "urgent": False}


def _is_urgent(c: Connection, referral: StoredReferral) -> bool:
    asked = records.find(c, referral.source, "referral", referral.asked)
    return is_urgent(asked.document if asked else None)


def send_referral(
    c: Connection, site: Site, referral: StoredReferral, to: Partner, *, also: bool = False
) -> None:
    """The referral as it stands, to its recipient or to one who is told as well."""
    about: dict[str, Any] = {"referral": referral.id}
    if also:
        about["also"] = True
    purpose = "hmis" if to.role == "hmis_lead" else "referral"
    urgent, written = _is_urgent(c, referral), False
    if not copies.takes(to):
        send(c, site, to, "referral", purpose, about, referral.id, urgent=urgent)
        return
    key = copies.order_key(c, referral)
    for kind, what in copies.messages(c, referral, to):
        written = send(c, site, to, kind, purpose, {**about, **what}, referral.id, urgent=urgent, order_key=key,
                       after_new=written) or written  # fmt: skip


def end_order(c: Connection, site: Site, referral: StoredReferral) -> None:
    """The order that we made for a recipient of copies ends with the referral."""
    to = site.partners.get(referral.recipient or "")
    if to is None or not STANDARD.ended(referral.status) or not copies.takes(to):
        return
    about = {"referral": referral.id, "record": referral.id}
    send(c, site, to, "document", "referral", about, referral.id, urgent=_is_urgent(c, referral),
         order_key=copies.order_key(c, referral))  # fmt: skip


def answer(c: Connection, site: Site, referral: StoredReferral) -> None:
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
    state = moving.state_of(c, site, referral)
    for result in results.to_send(c, source, referral, state.outputs if state.status == "completed" else ()):
        about = {"referral": referral.id, "record": result.id, "output": True}
        send(c, site, source, result.kind, "referral-status", about, referral.id, urgent=urgent)
    send(c, site, source, "referral", "referral-status", {"referral": referral.id}, referral.id, urgent=urgent)


def _activities(c: Connection, site: Site, referral: StoredReferral) -> list[str]:
    """Each output of a completed referral as an activity of the recipient; their ids."""
    state = moving.state_of(c, site, referral)
    if state.status != "completed":
        return []
    made = []
    asked = records.find(c, referral.source, "referral", referral.asked)
    person = records.find(c, referral.source, "person", referral.subject or "")
    for number, output in enumerate(state.outputs):
        if (theirs := result_of(c, referral, output)) is not None:
            made.append(theirs.id)
            continue
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


def result_of(c: Connection, referral: StoredReferral, output: Mapping[str, Any]) -> StoredRecord | None:
    """The recipient's own record of what was done, where the output names one that we have; of a referral that others
    were made of, the one of theirs."""
    ref = output.get("ref") or {}
    said = ref.get("external_id") if ref.get("kind") == "activity" else None
    who = [referral.recipient, *(child.recipient for child in referrals.children(c, referral.id))] if said else []
    found = (records.find(c, name, "activity", said) for name in who if name and said)
    return next((record for record in found if record is not None), None)


def output_id(referral: str, number: int) -> str:
    """The external id of the activity that stands for one output of a referral."""
    return f"{referral}#output{number}"
