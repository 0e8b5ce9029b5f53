"""References: each leads to something, and to one thing (FHIR R4, references 2.3.0 and bundle 2.36.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from casebridge import Finding
from casebridge.core.native import Element
from casebridge_fhir.checking.findings import finding
from casebridge_fhir.checking.places import Place
from casebridge_fhir.natives import NATIVES, fields_of
from casebridge_fhir.references import ABSOLUTE, RELATIVE, Entry, base_of, local_reference

_RULE = "references"


class Addresses:
    """What the resources of one payload can be referred to by."""

    def __init__(self, entries: list[Entry]) -> None:
        self._by_address: dict[str, dict[str, Any]] = {}
        self._contained: tuple[Entry | None, dict[str, dict[str, Any]]] = (None, {})  # of the entry last asked about
        for entry in entries:
            for address in (entry.full_url, entry.external_id):
                if address:
                    self._by_address.setdefault(address, entry.resource)

    def find(self, reference: Any, entry: Entry) -> dict[str, Any] | None:
        """The resource that a Reference in ``entry`` leads to, when it is in the payload."""
        address = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(address, str):
            return None
        if address.startswith("#"):
            if self._contained[0] is not entry:
                self._contained = (entry, dict(_contained(entry.resource)))
            return self._contained[1].get(address[1:])
        return self._by_address.get(address) or self._by_address.get(local_reference(address, base_of(entry.full_url)))


def check(entry: Entry, root: Place, addresses: Addresses, alone: bool) -> Iterator[Finding]:
    """Each reference of one entry. ``alone``: the payload is one resource, whose references lead to a server."""
    for place in _references(root, _of_type(root)):
        yield from _one(place, entry, addresses, alone)


def _one(place: Place, entry: Entry, addresses: Addresses, alone: bool) -> Iterator[Finding]:
    address = place.value.get("reference")
    if address is None:
        if not {"identifier", "display", "extension"} & place.value.keys():
            yield finding("wrong", _RULE, "CB-350", "a reference that leads nowhere", place,
                          expected="reference, identifier or display",
                          do="Say what is meant, or leave it out.")  # fmt: skip
        return
    if not isinstance(address, str) or addresses.find(place.value, entry) is not None or address == "#":
        return
    if address.startswith(("#", "urn:")):
        inside = "contained in this resource" if address.startswith("#") else "in this file"
        yield finding("wrong", _RULE, "CB-350", f"what is referred to is not {inside}", place,
                      expected=f"a resource {inside}", do="Add the resource, or correct the reference.")  # fmt: skip
    elif not (RELATIVE.match(address) or ABSOLUTE.match(address) or "?" in address):
        yield finding("wrong", _RULE, "CB-350", "a reference of no known form", place, found=address,
                      expected="Type/id, an address ending in it, urn:uuid: or #id")  # fmt: skip
    elif not alone:
        yield finding("not-checked", _RULE, "CB-352", "what is referred to is not in this file", place,
                      do="Nothing, if the server that gets this file has it; else add it.")  # fmt: skip


def _references(place: Place, elements: Mapping[str, Element]) -> Iterator[Place]:
    """Every Reference inside a value of these elements; where we know of none, whatever has a ``reference``."""
    for name in place.value if isinstance(place.value, dict) else ():
        known = elements.get(name)
        for inner in place.member(name):
            if not isinstance(inner.value, dict):
                continue
            if known.about == "Reference" if known else isinstance(inner.value.get("reference"), str):
                yield inner
            yield from _references(inner, known.children() if known and known.type == "group" else _of_type(inner))


def _of_type(place: Place) -> Mapping[str, Element]:
    kind = place.value.get("resourceType")
    return fields_of(kind) if isinstance(kind, str) and kind in NATIVES.records else {}


def _contained(resource: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    inside = resource.get("contained")
    for one in inside if isinstance(inside, list) else []:
        if isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("resourceType"), str):
            yield one["id"], one
