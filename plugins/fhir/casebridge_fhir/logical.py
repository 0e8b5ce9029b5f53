"""References by identifier alone (FHIR R4, references 2.3.0): looked up, and what is not unique is nobody.

What was found is written beside the identifier and marked: whoever sent the resource gets it back as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LOOKED_UP = "urn:casebridge:looked-up"
"""Marks a reference that was looked up: ``valueUnsignedInt`` is how many records carry the identifier (2: several)."""
_KINDS = {"for": "Patient", "focus": "ServiceRequest"}  # of Task: what the guide has there, if nothing says more
NEEDED = frozenset(_KINDS)
"""Without these elements of a Task nobody knows who is referred, and for what."""


def logical(resource: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The references of these elements with an identifier and no address: element, reference, type ("" unknown)."""
    for name in names:
        value = resource.get(name)
        for one in value if isinstance(value, list) else [value]:
            reference = one.get("valueReference") if name == "input" and isinstance(one, dict) else one
            if isinstance(reference, dict) and not reference.get("reference") and _identifier(reference):
                yield name, reference, str(reference.get("type") or _KINDS.get(name, ""))


def token(reference: Mapping[str, Any]) -> str:
    """``system|value``; nothing without a system: a number by itself can be anybody's."""
    identifier = _identifier(reference)
    system = identifier.get("system")
    return f"{system}|{identifier['value']}" if isinstance(system, str) and system else ""


def mark(reference: dict[str, Any], found: list[str]) -> None:
    """Write down what was found: the address, if there is exactly one."""
    if len(found) == 1:
        reference["reference"] = found[0]
    said = reference.get("extension")
    marks = [one for one in (said if isinstance(said, list) else [])
             if not (isinstance(one, dict) and one.get("url") == LOOKED_UP)]  # fmt: skip
    reference["extension"] = [*marks, {"url": LOOKED_UP, "valueUnsignedInt": min(len(found), 2)}]


def unfound(resource: Mapping[str, Any]) -> tuple[str, int] | None:
    """The first needed element of a Task that was looked up in vain, and how many were found."""
    for name in sorted(NEEDED) if resource.get("resourceType") == "Task" else ():
        count = _marked(resource.get(name))
        if count is not None and count != 1:
            return name, count
    return None


def as_given(value: Any) -> Any:
    """The resource as its sender has it: without the addresses that were looked up."""
    if isinstance(value, list):
        return [as_given(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if _marked(value) is not None:
        rest = [one for one in value["extension"] if not (isinstance(one, dict) and one.get("url") == LOOKED_UP)]
        value = {name: item for name, item in value.items() if name not in ("reference", "extension")}
        value = {**value, "extension": rest} if rest else value
    return {name: as_given(item) for name, item in value.items()}


def _marked(reference: Any) -> int | None:
    given = reference.get("extension") if isinstance(reference, Mapping) else None
    marks = [one for one in (given if isinstance(given, list) else []) if isinstance(one, dict)]
    counts = (one.get("valueUnsignedInt") for one in marks if one.get("url") == LOOKED_UP)
    return next((count for count in counts if isinstance(count, int)), None)


def _identifier(reference: Mapping[str, Any]) -> Mapping[str, Any]:
    given = reference.get("identifier")
    return given if isinstance(given, Mapping) and isinstance(given.get("value"), str) and given["value"] else {}
