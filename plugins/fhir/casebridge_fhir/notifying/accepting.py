"""A partner's Subscription, checked: what it watches, and how and where it is to be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from casebridge.core.subscriptions import Subscription
from casebridge_fhir.door.refusals import Refusal
from casebridge_fhir.moments import UNKNOWN, moment
from casebridge_fhir.notifying.endpoints import is_allowed
from casebridge_fhir.notifying.settings import MAILTO, NotifyingSettings
from casebridge_fhir.notifying.watching import BACKPORT, topic_of, watch
from casebridge_fhir.structure import problems

CONTENTS = ("id-only", "empty")
MEDIA = ("application/fhir+json", "application/fhir+xml")
SHORTEST, LONGEST = 60, 86400  # seconds between heartbeats
MOST_HEADERS = 10
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}):[ \t]*([\x21-\x7e](?:[\x20-\x7e]{0,4000}[\x21-\x7e])?)")
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer",
                   "upgrade", "expect", "proxy-authorization", "cookie"})  # fmt: skip
Resource = Mapping[str, Any]


def accepted(resource: Resource, id_: str, base: str, settings: NotifyingSettings, now: datetime) -> Subscription:
    """The subscription, not yet kept. Refusal 422 for what is not right or not offered here."""
    if found := problems(dict(resource)):
        raise _wrong(found[0].path, f"This is no FHIR R4 Subscription: {found[0].path}: {found[0].text}")
    if resource["status"] not in ("requested", "active"):
        raise _wrong("Subscription.status", "Ask with the status requested; delete it to end it.")
    channel, topic, watched = resource["channel"], topic_of(resource), watch(resource, base)
    said = {"resource": dict(resource), "base": base, "topic": topic, "type": channel["type"],
            "endpoint": _endpoint(channel, settings), "media": _media(channel, topic),
            "content": _content(channel, topic), "headers": _headers(channel)}  # fmt: skip
    return Subscription(
        id_, watched, said, heartbeat=_heartbeat(channel) if topic else 0, until=_until(resource, now))


def _endpoint(channel: Resource, settings: NotifyingSettings) -> str:
    endpoint = str(channel.get("endpoint", ""))
    if channel["type"] not in ("rest-hook", "email"):
        raise _wrong("Subscription.channel.type", "Channels here are rest-hook and email.")
    if endpoint.startswith(MAILTO) != (channel["type"] == "email") or not is_allowed(endpoint, settings):
        what = "We may not notify this address; ask us to add it to those that you may be notified at."
        raise _wrong("Subscription.channel.endpoint", what)
    return endpoint


def _media(channel: Resource, topic: str) -> str:
    payload = str(channel.get("payload", "")).replace(" ", "+")
    if channel["type"] == "email":
        if payload not in ("", "text/plain"):
            raise _wrong("Subscription.channel.payload", "An e-mail only says that there is news: leave it out.")
    elif topic and payload not in MEDIA:
        raise _wrong("Subscription.channel.payload", f"A notification is {' or '.join(MEDIA)}.")
    elif not topic and payload:
        raise _wrong("Subscription.channel.payload", "We send no records in notifications: leave the payload out.")
    return payload


def _content(channel: Resource, topic: str) -> str:
    beside = channel.get("_payload")
    found = _value(beside, f"{BACKPORT}-payload-content", "valueCode") if isinstance(beside, dict) else None
    if found is not None and found not in CONTENTS:
        raise _wrong("Subscription.channel.payload.extension", "Notifications hold ids only, or nothing.")
    return str(found or ("id-only" if topic else "empty"))


def _headers(channel: Resource) -> list[list[str]]:
    found: list[list[str]] = []
    for text in channel.get("header", []):
        match = _HEADER.fullmatch(text)
        if match is None or match[1].lower() in _OURS or len(found) == MOST_HEADERS:
            raise _wrong("Subscription.channel.header", "Expected few lines such as Authorization: Bearer ...")
        found.append([match[1], match[2]])
    return found


def _heartbeat(channel: Resource) -> int:
    period = _value(channel, f"{BACKPORT}-heartbeat-period", "valueUnsignedInt")
    return min(max(int(str(period)), SHORTEST), LONGEST) if period else 0


def _until(resource: Resource, now: datetime) -> str:
    """Its end in stored form."""
    if "end" not in resource:
        return ""
    end = moment(str(resource["end"]))
    if end == UNKNOWN or end <= now:
        raise _wrong("Subscription.end", "This is over already.")
    return end.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _value(element: Resource, url: str, name: str) -> Any:
    extensions = element.get("extension")
    return next((e.get(name) for e in extensions or [] if e.get("url") == url), None)


def _wrong(field: str, what: str) -> Refusal:
    return Refusal(422, what, field=field)
