"""The format ``fhir-r4``: FHIR R4 JSON, a Bundle or one resource."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from pydantic import Field

from casebridge import Context, Finding, Native, OutFile, Released, RenderContext, Settings
from casebridge.core.errors import Bug, CaseBridgeError, Position, RecordError
from casebridge.core.jsontext import dumps
from casebridge_fhir.bulk.ndjson import is_ndjson, resources
from casebridge_fhir.bundle import entries, rank, read_json
from casebridge_fhir.checking import Expansions, check, looks_like_fhir, read
from casebridge_fhir.door.parameters import keys
from casebridge_fhir.gathering import bundle, resource_name
from casebridge_fhir.logical import as_given, logical, mark, unfound
from casebridge_fhir.references import Entry, Index, localise

MEDIA_TYPE = "application/fhir+json"
PREFIX = "fhir-r4/"
ORDER = "ServiceRequest"  # the order is the requester's, and its status is not ours to move
OURS = "filler-order"  # the intent of the only orders that we write: those we make for a recipient (SDOHCC 3.0.0)
_SUBJECT = ("for", "subject", "patient")  # Task.for, Condition.subject, Consent.patient


class FhirSettings(Settings):
    """Settings of the format."""

    max_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, description="Largest payload that is read, in bytes")
    expansions: str = Field(default="", description="A folder of expanded ValueSets (JSON), for checks of codes")


class FhirR4:
    """FHIR R4 JSON <-> native records ``fhir-r4/<ResourceType>``; numbers keep their text both ways."""

    name: ClassVar[str] = "fhir-r4"
    capabilities: ClassVar[frozenset[str]] = frozenset({"identity", "parse", "render", "check"})
    Settings: ClassVar[type[Settings]] = FhirSettings

    def __init__(self, settings: FhirSettings, context: Context) -> None:
        self._max_bytes = settings.max_bytes
        self._expansions = Path(context.base_dir, settings.expansions) if settings.expansions else None

    def identity(self, stream: BinaryIO) -> str | None:
        """``Task/abc/3`` for one versioned resource; for our link's Bundle the same, and what came with the Task.

        The companions are part of the key: the same Task version with a newer Patient is news, not a contradiction.
        """
        try:
            if is_ndjson(stream, self._max_bytes):
                return None
            root = read_json(stream, self._max_bytes)
            if root["resourceType"] != "Bundle":
                return _version_key(root)
            found = [entry.resource for entry in entries(root) if isinstance(entry, Entry)]
        except RecordError:
            return None
        if root.get("type") != "collection" or not found or found[0]["resourceType"] != "Task":
            return None
        keys = [_version_key(resource) for resource in found]
        return _joined(keys)

    def parse(self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[Native | RecordError]:
        """The payload's resources in dependency order, Tasks last; a bad entry is yielded, the rest goes on.

        ``shapes`` may name parents per type: ``{"fhir-r4/Task": {"parents": {"order": {"type": "ServiceRequest",
        "follow": "focus"}}}}`` puts the resource that ``Task.focus`` means under ``order``. Raises RecordError
        CB-303 or CB-304 when the payload as a whole is no FHIR JSON. Newline-delimited JSON is read line by line,
        however long it is; a bad line is yielded with its number.
        """
        if is_ndjson(stream, self._max_bytes):
            yield from self._lines(stream, shapes)
            return
        good: list[Entry] = []
        for entry in entries(read_json(stream, self._max_bytes)):
            if isinstance(entry, RecordError):
                yield entry
            else:
                good.append(entry)
        index = Index(good)
        for entry in good:
            if entry.resource.get("id"):  # without one it lies elsewhere, and what it refers to does, too
                localise(entry)
            _find_inside(entry.resource, index)
        for entry in sorted((e for e in good if not e.beside), key=rank):
            yield _unfound(entry) or _native(entry, index, shapes.get(PREFIX + entry.type, {}))

    def _lines(self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[Native | RecordError]:
        for number, found in resources(stream, self._max_bytes):
            for entry in [found] if isinstance(found, RecordError) else entries(found):
                place = Position(row=number)
                if isinstance(entry, RecordError):
                    entry.position = place
                    yield entry
                else:
                    localise(entry)
                    yield replace(_native(entry, Index([entry]), shapes.get(PREFIX + entry.type, {})), position=place)

    def recognises(self, head: bytes) -> bool:
        """A JSON object that speaks of its ``resourceType``, or XML in FHIR's namespace."""
        return looks_like_fhir(head)

    def check(self, stream: BinaryIO) -> Iterator[Finding]:
        """What is wrong by FHIR R4 and SDOH Clinical Care 3.0.0 (see ``checking``); places are those of JSON.

        Raises RecordError when it is no FHIR, SetupError CB-241 for a folder of value sets.
        """
        yield from check(read(stream, self._max_bytes), Expansions(self._expansions))

    def render(self, records: Sequence[Released], context: RenderContext) -> Iterator[OutFile]:
        """One file per record, named ``Task/abc`` (it exists there) or ``Procedure`` (it is to be made).

        ``meta.versionId`` of the original stays, for the link's If-Match. Bug CB-901 for an order
        that is not of our own making.
        """
        for number, released in enumerate(records):
            resource = outgoing(released)
            known = resource.get("id")
            name = f"{resource['resourceType']}/{known}" if known else str(resource["resourceType"])
            yield OutFile(name, dumps(resource), MEDIA_TYPE, (number,))

    def shelved(self, document: Mapping[str, Any]) -> tuple[str, str]:
        """``("Patient", "1")``."""
        return str(document["resourceType"]), str(document["id"])

    def keys(self, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What it is searched by (see ``door/parameters.py``)."""
        return keys(document)

    def named(self, native_type: str, key: str) -> tuple[str, Mapping[str, Any]]:
        """``("Patient/1", {"id": "1"})`` (see ``gathering``)."""
        return resource_name(native_type, key)

    def gather(
        self, records: Sequence[Released], context: RenderContext, out: BinaryIO
    ) -> Iterator[tuple[int, CaseBridgeError]]:
        """One Bundle of all (see ``gathering``)."""
        with bundle(out) as add:
            for index, released in enumerate(records):
                try:
                    add(outgoing(released))
                except CaseBridgeError as error:
                    yield index, error


def outgoing(released: Released) -> dict[str, Any]:
    """The released resource as it is to be written: without the parents nested in it, without empty elements."""
    kind = released.native_type.removeprefix(PREFIX)
    document = {"resourceType": kind, **released.document}
    if not released.native_type.startswith(PREFIX) or is_theirs(document):
        raise Bug("CB-901", f"a record of type {released.native_type or 'unknown'} must not be written as FHIR")
    if document["resourceType"] != kind:
        raise Bug("CB-901", f"a record released as {kind} says that it is another type")
    kept = {name: value for name, value in document.items() if not _nested(value)}
    cleaned: dict[str, Any] = _without_empty(as_given(kept))
    return cleaned


def is_theirs(resource: Mapping[str, Any]) -> bool:
    """Is it an order that only its requester writes?"""
    return resource.get("resourceType") == ORDER and resource.get("intent") != OURS


def _nested(value: Any) -> bool:
    """FHIR allows whole resources inside a resource only under ``contained``: elsewhere it is a parent of ours."""
    return isinstance(value, dict) and "resourceType" in value


def _without_empty(value: Any) -> Any:
    """FHIR refuses empty objects and lists. Items of lists stay: ``_given: [null, {...}]`` counts on positions."""
    if isinstance(value, Mapping):
        inner = {name: _without_empty(item) for name, item in value.items()}
        return {name: item for name, item in inner.items() if item not in ({}, [])}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def _native(entry: Entry, index: Index, shape: Mapping[str, Any]) -> Native:
    data = dict(entry.resource)
    for name, parent in shape.get("parents", {}).items():
        found = _parent(entry.resource, index, parent)
        if found is not None:
            data[name] = found
    return Native(
        type=PREFIX + entry.type,
        data=data,
        position=Position(pointer=entry.pointer),
        external_id=entry.external_id,
        version=_version(entry.resource),
        order_key=_subject(entry),
    )


def _find_inside(resource: dict[str, Any], index: Index) -> None:
    """What it names by an identifier alone and is in the same payload."""
    for _, reference, kind in logical(resource, ("for", "focus", "requester", "owner", "subject", "patient")):
        found = index.resolve(reference, resource, kind)
        if found is not None and found.get("id"):
            mark(reference, [f"{kind}/{found['id']}"])


def _unfound(entry: Entry) -> RecordError | None:
    """Why a Task cannot be understood though it could be read: whom or what it means was looked up in vain."""
    vain = unfound(entry.resource)
    if vain is None:
        return None
    name, count = vain
    what, there = "its order" if name == "focus" else "whom it is for", "several records" if count else "no record"
    return RecordError(
        "CB-350", f"this Task says {what} by an identifier alone, and its server shows us {there} with that",
        position=Position(pointer=entry.pointer), field=f"Task.{name}", expected="exactly one, or its address",
        external_id=entry.external_id,
    )  # fmt: skip


def _parent(resource: dict[str, Any], index: Index, parent: Mapping[str, Any]) -> dict[str, Any] | None:
    for reference in _at(resource, str(parent["follow"])):
        found = index.resolve(reference, resource, str(parent["type"]))
        if found is not None:
            return found
    return None


def _at(resource: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """The Reference elements at a dotted path, lists included."""
    level: list[Any] = [resource]
    for step in path.split("."):
        values = [item.get(step) for item in level if isinstance(item, dict)]
        level = [inner for value in values for inner in (value if isinstance(value, list) else [value])]
    return [item for item in level if isinstance(item, dict)]


def _subject(entry: Entry) -> str:
    if entry.type == "Patient":
        return entry.external_id
    for name in _SUBJECT:
        reference = entry.resource.get(name)
        if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
            return str(reference["reference"])
    return ""


def _version(resource: Mapping[str, Any]) -> str:
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


def _version_key(resource: Mapping[str, Any]) -> str | None:
    version, known = _version(resource), resource.get("id")
    return f"{resource['resourceType']}/{known}/{version}" if version and isinstance(known, str) else None


def _joined(keys: Sequence[str | None]) -> str | None:
    if None in keys:
        return None
    first, *rest = [str(key) for key in keys]
    return f"{first}+{hashlib.sha256(' '.join(sorted(rest)).encode()).hexdigest()[:12]}" if rest else first
