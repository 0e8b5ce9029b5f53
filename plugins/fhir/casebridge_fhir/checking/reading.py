"""The file to be checked, as JSON or as XML."""

from __future__ import annotations

from io import BytesIO
from typing import Any, BinaryIO

from casebridge.core.errors import RecordError
from casebridge_fhir.bundle import read_json
from casebridge_fhir.xml import from_xml
from casebridge_fhir.xml_writing import FHIR

_MARK = b"\xef\xbb\xbf"


def looks_like_fhir(head: bytes) -> bool:
    """A JSON object that speaks of its ``resourceType``, or XML in FHIR's namespace."""
    if _is_xml(head):
        return FHIR.encode() in head
    return head.removeprefix(_MARK).lstrip().startswith(b"{") and b'"resourceType"' in head


def read(stream: BinaryIO, max_bytes: int) -> dict[str, Any]:
    """The resource in ``stream`` as JSON has it; RecordError CB-304 when it is larger than ``max_bytes``, CB-303 or
    CB-301 when it cannot be read."""
    data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise RecordError("CB-304", "the payload is too large", expected=f"at most {max_bytes} bytes")
    return from_xml(data, max_bytes=max_bytes) if _is_xml(data) else read_json(BytesIO(data), max_bytes)


def _is_xml(data: bytes) -> bool:
    return data[:4096].removeprefix(_MARK).lstrip().startswith(b"<")
