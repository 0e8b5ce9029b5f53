"""References among the resources of one payload (FHIR R4: references 2.3.0, bundle 2.36.4 "resolving references")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ID = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9\-.]{1,64}"  # a dot or two would be a way, not a name
RELATIVE = re.compile(rf"^(?P<type>[A-Z][A-Za-z]{{1,40}})/(?P<id>{_ID})(?:/_history/[^/]+)?\Z")
ABSOLUTE = re.compile(rf"^(?P<base>https?://.+)/(?P<local>[A-Z][A-Za-z]{{1,40}}/{_ID})(?:/_history/[^/]+)?\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a payload: the address it came under, its JSON pointer and itself.

    ``beside``: it is only there because others refer to it, and says nothing new.
    """

    full_url: str
    pointer: str
    resource: dict[str, Any]
    beside: bool = False

    @property
    def type(self) -> str:
        """``Task``, ``Patient`` ..."""
        return str(self.resource["resourceType"])

    @property
    def external_id(self) -> str:
        """``Task/abc`` as references have it; the ``urn:uuid:`` address when it has no id yet; else nothing."""
        given = self.resource.get("id")
        return f"{self.type}/{given}" if isinstance(given, str) and given else self.full_url


def local_reference(reference: str, base: str = "") -> str:
    """``Patient/1`` for every spelling of it (relative, versioned, absolute on ``base``); others unchanged.

    >>> local_reference("https://a.example/fhir/Patient/1/_history/3", "https://a.example/fhir")
    'Patient/1'
    """
    if match := RELATIVE.match(reference):
        return f"{match['type']}/{match['id']}"
    if base and (match := ABSOLUTE.match(reference)) and match["base"] == base:
        return match["local"]
    return reference


def base_of(full_url: str) -> str:
    """The server's address in a full URL; nothing for a ``urn:``."""
    match = ABSOLUTE.match(full_url)
    return match["base"] if match else ""


def references_in(value: Any) -> list[dict[str, Any]]:
    """Every Reference element with a ``reference`` inside ``value``, depth first."""
    found: list[dict[str, Any]] = []
    _collect(value, found)
    return found


def _collect(value: Any, found: list[dict[str, Any]]) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            found.append(value)
        value = value.values()
    elif not isinstance(value, list):
        return
    for inner in value:
        if isinstance(inner, dict | list):
            _collect(inner, found)


def localise(entry: Entry) -> None:
    """Write the entry's references as ``Type/id`` where they mean this same server, so that they meet their targets."""
    base = base_of(entry.full_url)
    for reference in references_in(entry.resource):
        reference["reference"] = local_reference(reference["reference"], base)


class Index:
    """The resources of one payload by every address a reference may use."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_address: dict[str, dict[str, Any]] = {}
        self._by_identifier: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for entry in entries:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        for address in (entry.full_url, entry.external_id):
            if address:
                self._by_address.setdefault(address, entry.resource)
        for key in _identifiers(entry.resource):
            self._by_identifier.setdefault((entry.type, *key), []).append(entry.resource)

    def resolve(self, reference: Mapping[str, Any], container: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
        """The ``kind`` that ``reference``, standing in ``container``, means; None when it is not in the payload."""
        found = self._target(reference, container, kind)
        return found if found is not None and found.get("resourceType") == kind else None

    def _target(self, reference: Mapping[str, Any], container: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
        address = reference.get("reference")
        if isinstance(address, str):
            return _contained(container, address[1:]) if address.startswith("#") else self._addressed(address)
        return self._identified(reference.get("identifier"), kind)

    def _addressed(self, address: str) -> dict[str, Any] | None:
        return self._by_address.get(address) or self._by_address.get(local_reference(address))

    def _identified(self, identifier: Any, kind: str) -> dict[str, Any] | None:
        """A logical reference counts only when exactly one resource carries that identifier."""
        if not isinstance(identifier, dict):
            return None
        key = (kind, str(identifier.get("system", "")), str(identifier.get("value", "")))
        found = self._by_identifier.get(key, []) if key[2] else []
        return found[0] if len(found) == 1 else None


def identifiers(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the resource says it is called: several in most types, one in a QuestionnaireResponse."""
    given = resource.get("identifier")
    return [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, dict)]


def _identifiers(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for identifier in identifiers(resource):
        if isinstance(identifier.get("value"), str):
            yield str(identifier.get("system", "")), identifier["value"]


def _contained(container: Mapping[str, Any], wanted: str) -> dict[str, Any] | None:
    inside = container.get("contained")
    for resource in inside if isinstance(inside, list) else []:
        if isinstance(resource, dict) and resource.get("id") == wanted:
            return resource
    return None
