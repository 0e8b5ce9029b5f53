"""A FHIR R4 payload taken apart: a Bundle or a single resource, as entries in dependency order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from casebridge.core.errors import Position, RecordError
from casebridge.core.jsontext import loads
from casebridge_fhir.outcomes import codes, failed
from casebridge_fhir.references import Entry

# What others refer to comes first, so that a reader who stores record by record meets no dangling reference.
ORDER = (
    "Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService", "Device", "Patient",
    "RelatedPerson", "Group", "Consent", "Condition", "Goal", "Observation", "Procedure", "ServiceRequest",
)  # fmt: skip
BESIDE = {"url": "urn:casebridge:beside", "valueBoolean": True}
"""Marks an entry of a Bundle of ours that is only there because others refer to it (``door/writes.py``)."""
_RANK = {name: rank for rank, name in enumerate(ORDER)}


def read_json(stream: BinaryIO, max_bytes: int) -> dict[str, Any]:
    """The resource in ``stream``. RecordError CB-304 when it is larger than ``max_bytes``, CB-303 when it is none."""
    data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise RecordError("CB-304", "the payload is too large", expected=f"at most {max_bytes} bytes")
    try:
        root = loads(data)
    except ValueError as e:
        raise RecordError("CB-303", str(e), expected="one FHIR resource as JSON in UTF-8") from None
    if not isinstance(root, dict) or not _named(root):
        raise RecordError("CB-303", "this is not a FHIR resource", expected="an object with resourceType")
    return root


def entries(root: dict[str, Any]) -> Iterator[Entry | RecordError]:
    """Every resource of the payload with its pointer, as it stands; what cannot be one is a RecordError."""
    if root["resourceType"] != "Bundle":
        yield from _checked(Entry("", "", root))
        return
    listed = root.get("entry", [])
    if not isinstance(listed, list):
        raise RecordError("CB-303", "the Bundle cannot be read", field="Bundle.entry", expected="a list")
    for number, entry in enumerate(listed):
        yield from _of_bundle(entry, f"/entry/{number}")


def _of_bundle(entry: Any, pointer: str) -> Iterator[Entry | RecordError]:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict) or not _named(resource):
        yield RecordError(
            "CB-303", "this entry holds no resource", position=Position(pointer=pointer),
            field="Bundle.entry.resource", expected="an object with resourceType",
        )  # fmt: skip
        return
    full_url = entry.get("fullUrl")
    address = full_url if isinstance(full_url, str) else ""
    yield from _checked(Entry(address, f"{pointer}/resource", resource, BESIDE in (entry.get("extension") or ())))


def _checked(entry: Entry) -> Iterator[Entry | RecordError]:
    """Servers put remarks among the matches, with or without ``search.mode``: only a failure is worth a message."""
    if entry.type == "OperationOutcome":
        if failed(entry.resource):
            said = codes(entry.resource) or "no reason"
            yield RecordError("CB-305", f"the server reports: {said}", position=Position(pointer=entry.pointer))
    elif not entry.external_id:
        yield RecordError(
            "CB-302", f"this {entry.type} has neither an id nor an address", position=Position(pointer=entry.pointer),
            field=f"{entry.type}.id", expected="an id",
        )  # fmt: skip
    else:
        yield entry


def _named(resource: dict[str, Any]) -> bool:
    name = resource.get("resourceType")
    return isinstance(name, str) and name.isalpha()


def rank(entry: Entry) -> int:
    """Where its type stands in dependency order: Tasks are last, types we have not listed come just before."""
    return len(ORDER) + 1 if entry.type == "Task" else _RANK.get(entry.type, len(ORDER))
