"""What a Subscription of a partner asks to be told of: its criteria, or its topic and filters, as a Watch.

A change is told of in the moment it is written, so only criteria that are exact can be used: codes, references, ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from casebridge.core import facts
from casebridge.core.subscriptions import Watch
from casebridge_fhir.door.criteria import criterion
from casebridge_fhir.door.parameters import parameters
from casebridge_fhir.door.refusals import Refusal

TYPES = ("Task", "ServiceRequest", "Procedure")
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport"
OPERATIONS = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription"
TOPIC = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
MOST = 10  # criteria of one subscription


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of ``data/subscription_topics.csv``."""

    topic: str
    type: str
    criteria: str
    filters: tuple[str, ...]


@cache
def topics() -> Mapping[str, Topic]:
    """The topics by their canonical."""
    rows = facts.rows("casebridge_fhir", "subscription_topics.csv")
    return {r["topic"]: Topic(r["topic"], r["type"], r["criteria"], tuple(r["filters"].split())) for r in rows}


def topic_of(resource: Mapping[str, Any]) -> str:
    """The canonical of its topic, without a version; "" for a classic one."""
    criteria = str(resource.get("criteria", ""))
    return criteria.partition("|")[0] if "?" not in criteria and ":" in criteria else ""


def watch(resource: Mapping[str, Any], base: str) -> Watch:
    """What it asks for. Refusal 422 for what we do not tell of, RecordError CB-348 for what cannot be understood."""
    name = topic_of(resource)
    if not name:
        return _watch(str(resource.get("criteria", "")), base, deletes=False)
    topic = topics().get(name)
    if topic is None:
        raise Refusal(422, f"This topic is not known; there are: {', '.join(topics())}", field="Subscription.criteria")
    asked = [topic.criteria, *(_filter(text, topic) for text in filters(resource))]
    return _watch(f"{topic.type}?{'&'.join(filter(None, asked))}", base, deletes=True)


def filters(resource: Mapping[str, Any]) -> list[str]:
    """The filters of a topic-based one."""
    beside = resource.get("_criteria")
    found = beside.get("extension") if isinstance(beside, dict) else None
    return [str(e.get("valueString", "")) for e in found or [] if e.get("url") == f"{BACKPORT}-filter-criteria"]


def _filter(text: str, topic: Topic) -> str:
    type_, _, query = text.rpartition("?")
    names = {name.partition(":")[0] for name, _ in parse_qsl(query, keep_blank_values=True)}
    if type_ not in ("", topic.type) or not names <= set(topic.filters):
        raise Refusal(422, f"{topic.type} can be narrowed by {', '.join(topic.filters)} here.",
                      field="Subscription.criteria.extension")  # fmt: skip
    return query


def _watch(criteria: str, base: str, *, deletes: bool) -> Watch:
    type_, _, query = criteria.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if type_ not in TYPES:
        raise Refusal(422, f"You are told of {', '.join(TYPES)}; expected Task?owner=Organization/1 or a topic.",
                      field="Subscription.criteria")  # fmt: skip
    if len(pairs) > MOST:
        raise Refusal(422, f"At most {MOST} criteria, please.", field="Subscription.criteria")
    keys: list[tuple[str, frozenset[str]]] = []
    without: list[tuple[str, frozenset[str]]] = []
    for name, value in pairs:
        plain, _, modifier = name.partition(":")
        if plain == "_id" and not modifier:
            keys.append((plain, frozenset(value.split(","))))
            continue
        if plain not in parameters(type_) or modifier not in ("", "not"):
            raise _not_exact(name)
        found = criterion(type_, plain, "", value, base)
        if found.keys is None or found.test is not None:
            raise _not_exact(name)
        (without if modifier else keys).append((plain, found.keys))
    return Watch(type_, tuple(keys), tuple(without), deletes)


def _not_exact(name: str) -> Refusal:
    return Refusal(422, f"{name[:60]}: a subscription can name codes, references and ids only.",
                   field="Subscription.criteria")  # fmt: skip


def described() -> dict[str, Any]:
    """Of Subscriptions in the CapabilityStatement."""
    return {
        "extension": [{"url": TOPIC, "valueCanonical": topic} for topic in topics()],
        "type": "Subscription",
        "supportedProfile": [f"{BACKPORT}-subscription"],
        "interaction": [{"code": code} for code in ("read", "search-type", "create", "update", "delete")],
        "versioning": "versioned-update", "conditionalCreate": True,
        "searchParam": [{"name": "_id", "type": "token"}, {"name": "status", "type": "token"},
                        {"name": "url", "type": "uri"}],
        "operation": [{"name": name, "definition": f"{OPERATIONS}-{name}"} for name in ("status", "events")],
    }  # fmt: skip
