"""A whole payload against the rules: a Bundle or one resource, entry by entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from casebridge import Finding
from casebridge.core.errors import RecordError
from casebridge_fhir.bundle import entries as entries_of
from casebridge_fhir.checking import agreement, belonging, demands, resolving, structure
from casebridge_fhir.checking.expansions import Expansions
from casebridge_fhir.checking.findings import finding
from casebridge_fhir.checking.places import Place
from casebridge_fhir.checking.tables import PROFILES, Profile, profiles, rules
from casebridge_fhir.references import Entry


def check(payload: dict[str, Any], expansions: Expansions) -> Iterator[Finding]:
    """What is found in the resources of a payload, in their order; then what is wrong between them."""
    found: list[tuple[Entry, Place]] = []
    if payload["resourceType"] == "Bundle":
        yield from structure.check_bundle(payload)
    for entry in entries_of(payload):
        if isinstance(entry, RecordError):
            yield _of_error(entry)
        else:
            found.append((entry, Place(entry.pointer, entry.type, entry.resource)))
    addresses = resolving.Addresses([entry for entry, _ in found])
    yield from _named_twice(found)
    for entry, root in found:
        yield from _of_entry(entry, root, addresses, expansions, alone=payload["resourceType"] != "Bundle")
    yield from belonging.check_stated(found, addresses)


def _of_entry(
    entry: Entry, root: Place, addresses: resolving.Addresses, expansions: Expansions, *, alone: bool
) -> Iterator[Finding]:
    yield from structure.check(root)
    around = demands.Around(expansions, lambda reference: addresses.find(reference, entry))
    for profile in held_to(root):
        for rule in rules()[profile.name]:
            yield from demands.check(rule, root, around)
        yield from agreement.check(profile.name, root, expansions)
        if profile.name == "SDOHCC-TaskForReferralManagement":
            yield from belonging.check_task(entry, root, addresses)
    yield from resolving.check(entry, root, addresses, alone)


def held_to(root: Place) -> list[Profile]:
    """The guide's profiles that a resource names in ``meta.profile``; if none, those its own codes tell it to be."""
    of_type = [profile for profile in profiles() if profile.type == root.value["resourceType"]]
    named = {p.value.partition("|")[0] for meta in root.member("meta") for p in meta.member("profile")
             if isinstance(p.value, str)}  # fmt: skip
    said = [profile for profile in of_type if PROFILES + profile.name in named]
    return said or [p for p in of_type if p.when and all(condition.holds(root) for condition in p.when)]


def _named_twice(found: list[tuple[Entry, Place]]) -> Iterator[Finding]:
    seen: dict[str, Entry] = {}
    for entry, root in found:
        address = entry.external_id
        if address in seen and _version(entry) == _version(seen[address]):
            yield finding("wrong", "references", "CB-350", "two resources of this file have the same id", root,
                          expected="an id of its own", do="Keep one of the two, or give one another id.")  # fmt: skip
        seen.setdefault(address, entry)


def _version(entry: Entry) -> Any:
    meta = entry.resource.get("meta")
    return meta.get("versionId") if isinstance(meta, dict) else None


def _of_error(error: RecordError) -> Finding:
    """An entry that the format itself refuses."""
    message = error.message.removeprefix(f"{error.position}: ").partition(" [")[0].partition("; expected ")[0]
    return Finding("wrong", "structure", error.code, message, error.position, error.field, error.expected, error.found,
                   error.remedy)  # fmt: skip
