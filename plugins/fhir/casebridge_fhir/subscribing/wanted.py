"""The Subscription that we want to stand on a partner's server.

Classic: FHIR R4, subscription.html, without a payload, so that nothing of anybody is in a notification. Topic-based:
Subscriptions R5 Backport 1.1.0, with the topic of SDOHCC 3.0.0 (checking_task_status) and ids only, by mail nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from casebridge_fhir.moments import moment
from casebridge_fhir.polling import TASK_CODES
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.subscribing.address import Address

Resource = dict[str, Any]
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport"
HEARTBEAT = 900  # seconds: as often as we poll
LASTS = timedelta(days=30)  # if we are no more, it ends by itself
_CHANNEL = ("type", "endpoint", "payload", "_payload", "extension")


def wanted(settings: RestSettings, address: Address, now: datetime) -> Resource:
    """It asks for every change of a referral Task that the settings let us read."""
    found: Resource = {
        "resourceType": "Subscription", "status": "requested", "end": (now + LASTS).isoformat(timespec="seconds"),
        "reason": "CaseBridge asks for referrals when there is something new", "criteria": _criteria(settings),
        "channel": {"type": "rest-hook", "endpoint": address.url, "header": [f"Authorization: Bearer {address.token}"]},
    }  # fmt: skip
    if address.by_mail:
        found["channel"] = {"type": "email", "endpoint": address.url}
    return _by_topic(settings, found) if settings.subscribe == "backport" else found


def is_as_wanted(there: Resource, want: Resource) -> bool:
    """Would the Subscription that is there tell us what we want, where we want it? What a server need not show (the
    headers) counts only if it shows it."""
    ours, theirs = want["channel"], there.get("channel")
    if not isinstance(theirs, dict) or there.get("criteria") != want["criteria"]:
        return False
    shown = [*_CHANNEL, *(["header"] if "header" in theirs else [])]
    return there.get("_criteria") == want.get("_criteria") and all(theirs.get(n) == ours.get(n) for n in shown)


def ends_soon(there: Resource, now: datetime) -> bool:
    """Has more than half of its time gone by?"""
    end = there.get("end")
    return isinstance(end, str) and moment(end) < now + LASTS / 2


def _criteria(settings: RestSettings) -> str:
    asked = {"owner": settings.owner, "requester": settings.requester}
    narrowed = "&".join(f"{name}={reference}" for name, reference in asked.items() if reference)
    return f"Task?{narrowed or f'code={TASK_CODES}|fulfill'}"


def _by_topic(settings: RestSettings, found: Resource) -> Resource:
    found["meta"] = {"profile": [f"{BACKPORT}-subscription"]}
    if settings.owner or settings.requester:
        narrowed = {"url": f"{BACKPORT}-filter-criteria", "valueString": found["criteria"]}
        found["_criteria"] = {"extension": [narrowed]}
    found["criteria"] = settings.topic
    by_mail = found["channel"]["type"] == "email"  # SDOHCC 3.0.0, checking task status: then no content is sent along
    content = {"url": f"{BACKPORT}-payload-content", "valueCode": "empty" if by_mail else "id-only"}
    found["channel"] |= {} if by_mail else {"payload": "application/fhir+json"}
    found["channel"] |= {
        "_payload": {"extension": [content]},
        "extension": [{"url": f"{BACKPORT}-heartbeat-period", "valueUnsignedInt": HEARTBEAT}],
    }
    return found
