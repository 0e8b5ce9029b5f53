"""What is said of a subscription: the resource itself, its status, and a notification.

Subscriptions R5 Backport 1.1.0: backport-subscription-status-r4 and backport-subscription-notification-r4. Of records
nothing is said but type and id.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from casebridge.core.errors import error_codes
from casebridge.core.subscriptions import Happened, Subscription
from casebridge_fhir.notifying.watching import BACKPORT

Resource = dict[str, Any]


def shown(one: Subscription) -> Resource:
    """The Subscription as its partner reads it."""
    said = dict(one.said["resource"])
    meta = {**said.pop("meta", {}), "versionId": str(one.version), "lastUpdated": one.at}
    rest = {k: v for k, v in said.items() if k not in ("resourceType", "id", "status", "error")}
    found: Resource = {"resourceType": "Subscription", "id": one.id, "meta": meta, "status": one.status, **rest}
    if one.code:
        found["error"] = f"{error_codes()[one.code].title} ({one.code})"
    return found


def status(one: Subscription, kind: str, total: int, events: Iterable[Happened] = ()) -> Resource:
    """A Parameters resource: how it stands, and what happened."""
    base = one.said["base"]
    listed: list[Resource] = [
        {"name": "subscription", "valueReference": {"reference": f"{base}/Subscription/{one.id}"}},
        *([{"name": "topic", "valueCanonical": one.said["topic"]}] if one.said["topic"] else []),
        {"name": "status", "valueCode": one.status}, {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(total)},
        *(_event(event, base, one.said["content"]) for event in events),
        *([{"name": "error", "valueCodeableConcept": {"text": one.code}}] if one.code else []),
    ]  # fmt: skip
    return {"resourceType": "Parameters", "id": str(uuid.uuid4()), "meta": {
        "profile": [f"{BACKPORT}-subscription-status-r4"]}, "parameter": listed}  # fmt: skip


def notification(one: Subscription, kind: str, events: Sequence[Happened], now: datetime) -> Resource:
    """A Bundle that says it; its count is that of the last event told of."""
    said = status(one, kind, events[-1].number if events else one.number, events)
    return {
        "resourceType": "Bundle", "id": str(uuid.uuid4()),
        "meta": {"profile": [f"{BACKPORT}-subscription-notification-r4"]}, "type": "history",
        "timestamp": now.isoformat(timespec="milliseconds"), "entry": [{
            "fullUrl": f"urn:uuid:{said['id']}", "resource": said,
            "request": {"method": "GET", "url": f"{one.said['base']}/Subscription/{one.id}/$status"},
            "response": {"status": "200"}}]}  # fmt: skip


def searchset(found: Iterable[Resource], base: str, query: str) -> Resource:
    """Resources in a Bundle."""
    entries = [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}" if r["resourceType"] == "Subscription"
                else f"urn:uuid:{r['id']}", "resource": r, "search": {"mode": "match"}} for r in found]  # fmt: skip
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries),
            "link": [{"relation": "self", "url": f"{base}/Subscription{query}"}],
            **({"entry": entries} if entries else {})}  # fmt: skip


def _event(event: Happened, base: str, content: str) -> Resource:
    parts: list[Resource] = [{"name": "event-number", "valueString": str(event.number)},
                             {"name": "timestamp", "valueInstant": event.at}]  # fmt: skip
    if content == "id-only":
        parts.append({"name": "focus", "valueReference": {"reference": f"{base}/{event.type}/{event.id}"}})
    return {"name": "notification-event", "part": parts}
