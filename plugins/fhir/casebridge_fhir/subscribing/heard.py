"""What a notification says: its sort and its numbers. Nothing else of it is ever used.

Subscriptions R5 Backport 1.1.0 (hl7.org/fhir/uv/subscriptions-backport), notifications: a Bundle whose first entry is a
Parameters (R4) or SubscriptionStatus (R4B). A classic one (FHIR R4, subscription.html) is empty, or anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.core.jsontext import loads

HANDSHAKE, HEARTBEAT = "handshake", "heartbeat"
_DIGITS = 15  # of a number that we count with
_MOST = 1000  # parameters and events that are looked at
_NUMBERS = ("valueString", "valueInteger", "valueUnsignedInt", "valueDecimal", "valueInteger64")


@dataclass(frozen=True, slots=True)
class Heard:
    """``kind`` "" for what tells none. ``total``: events since the subscription began; ``first``: the lowest number of
    those told of here. None for what is not said."""

    kind: str = ""
    status: str = ""
    total: int | None = None
    first: int | None = None


def heard(body: bytes) -> Heard:
    """What the body of a notification says; an empty Heard for whatever is no backport notification. Never raises."""
    try:
        bundle = loads(body) if body else None
    except ValueError:
        return Heard()
    for entry in _dicts(bundle.get("entry"))[:1] if isinstance(bundle, dict) else ():
        return said(entry.get("resource"))
    return Heard()


def said(status: Any) -> Heard:
    """What a status resource says, as R4 or R4B writes it."""
    if not isinstance(status, dict):
        return Heard()
    if status.get("resourceType") == "SubscriptionStatus":
        numbers = [_number(event.get("eventNumber")) for event in _dicts(status.get("notificationEvent"))]
        return Heard(_text(status.get("type")), _text(status.get("status")),
                     _number(status.get("eventsSinceSubscriptionStart")), _least(numbers))  # fmt: skip
    named = {_plain(p.get("name")): p for p in _dicts(status.get("parameter"))}
    events = [p for p in _dicts(status.get("parameter")) if _plain(p.get("name")) == "notificationevent"]
    numbers = [_value(part) for event in events for part in _dicts(event.get("part"))
               if _plain(part.get("name")) == "eventnumber"]  # fmt: skip
    return Heard(_text(named.get("type", {}).get("valueCode")), _text(named.get("status", {}).get("valueCode")),
                 _value(named.get("eventssincesubscriptionstart", {})), _least(numbers))  # fmt: skip


def _plain(name: Any) -> str:
    """``event-number`` as the guide's examples have it, ``eventNumber`` as its profile once had it."""
    return name.replace("-", "").lower() if isinstance(name, str) else ""


def _value(parameter: Mapping[str, Any]) -> int | None:
    return next((n for name in _NUMBERS if (n := _number(parameter.get(name))) is not None), None)


def _number(value: Any) -> int | None:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def _least(numbers: list[int | None]) -> int | None:
    return min((n for n in numbers if n is not None), default=None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return list(_first(value)) if isinstance(value, list) else []


def _first(values: list[Any]) -> Iterator[dict[str, Any]]:
    yield from (each for each in values[:_MOST] if isinstance(each, dict))
