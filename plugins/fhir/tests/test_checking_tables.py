"""Every line of the tables is noticed: each example of the guide, changed against each rule that it is held to."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from casebridge_fhir.checking import tables
from casebridge_fhir.checking.payload import held_to
from casebridge_fhir.checking.places import Place
from casebridge_fhir.checking.tables import Rule
from casebridge_fhir.format import FhirR4

from casebridge.core.jsontext import dumps, loads

Resource = dict[str, Any]

def holder(resource: Resource, pointer: str) -> tuple[Any, Any]:
    """What an address is in, and the key of it there."""
    *before, last = pointer.strip("/").split("/")
    node: Any = resource
    for part in before:
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node, int(last) if isinstance(node, list) else last


def applies(rule: Rule, resource: Resource) -> bool:
    return all(condition.holds(Place("", resource["resourceType"], resource)) for condition in rule.when)


def broken(rule: Rule, resource: Resource) -> Iterator[Resource]:
    """The resource changed so that it no longer keeps the rule, where there is a way to."""
    if not applies(rule, resource):
        return
    root = Place("", resource["resourceType"], resource)
    found = [place for parent in rule.path.parents(root) for place in rule.path.ends(parent)]
    changed = copy.deepcopy(resource)
    if rule.demand == "required" and found:
        for place in reversed(found):
            node, key = holder(changed, place.pointer)
            del node[key]
        yield changed
    elif rule.demand == "absent" and not found and not rule.path.steps:
        changed[rule.path.last[0].name + ("String" if rule.path.last[0].choice else "")] = [{"text": "x"}]
        yield changed
    elif rule.demand == "single" and found:
        node, key = holder(changed, found[0].pointer)
        if isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
            yield changed
    elif rule.demand == "in" and found and not rule.value.startswith("http"):
        node, key = holder(changed, found[0].pointer)
        other = {"coding": [{"system": "urn:x", "code": "x"}]} if isinstance(node[key], dict) else "other"
        node[key] = (not node[key]) if isinstance(node[key], bool) else other
        yield changed
    elif rule.demand == "refers" and found:
        node, key = holder(changed, found[0].pointer)
        node[key] = {"reference": "Substance/x"}
        yield changed


def rules_found(format_: FhirR4, resource: Resource) -> set[tuple[str, str]]:
    """(rule, element without its numbers) of what is found."""
    said = format_.check(io.BytesIO(dumps(resource)))
    return {(one.rule, "".join(c for c in one.field if not c.isdigit())) for one in said if one.level != "not-checked"}


def test_every_rule_is_noticed_when_an_example_breaks_it(examples: dict[str, Path], format_: FhirR4) -> None:
    tried: set[tuple[str, str, str]] = set()
    for path in examples.values():
        resource = loads(path.read_bytes())
        for profile in held_to(Place("", resource["resourceType"], resource)):
            for rule in tables.rules()[profile.name]:
                for changed in (one for one in broken(rule, resource) if applies(rule, one)):
                    tried.add((rule.profile, str(rule.path), rule.demand))
                    fields = {field for id_, field in rules_found(format_, changed) if id_ == rule.id}
                    name = rule.path.last[0].name
                    assert any(name in field for field in fields), (path.stem, rule.id, str(rule.path), rule.demand)
    assert len(tried) > 150, len(tried)


def test_every_profile_of_the_guide_has_an_example_but_the_common_one(
    examples: dict[str, Path], format_: FhirR4
) -> None:
    held: set[str] = set()
    for path in examples.values():
        resource = loads(path.read_bytes())
        held |= {profile.name for profile in held_to(Place("", resource["resourceType"], resource))}
    assert {p.name for p in tables.profiles()} - held == {"SDOHCC-ObservationPersonalCharacteristic"}
