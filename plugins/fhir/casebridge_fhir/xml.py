"""FHIR R4 XML <-> the dicts of ``casebridge.core.jsontext`` (FHIR R4, xml.html and json.html).

Both are strict: what ``to_xml`` writes, ``from_xml`` reads as the same dict again, numbers to the letter. Neither shows
anything of the content in its errors.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from casebridge.core.errors import Position, RecordError
from casebridge_fhir.xhtml import parser
from casebridge_fhir.xml_reading import Reader
from casebridge_fhir.xml_writing import FHIR, Writer

MEDIA_TYPE = "application/fhir+xml"
MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 250_000


def to_xml(resource: dict[str, Any]) -> bytes:
    """``resource`` as UTF-8 XML, every element in its place in the order of the specification.

    Raises RecordError CB-301, with the place, on what XML cannot hold or R4 does not have: an unknown resource or
    element, a value of another type, a list in place of one value, something empty, a control character.
    """
    writer = Writer()
    writer.resource(resource, f' xmlns="{FHIR}"')
    return "".join(writer.parts).encode()


def from_xml(data: bytes, *, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES) -> dict[str, Any]:
    """The resource in ``data``: UTF-8, at most ``max_bytes``, at most ``max_nodes`` elements.

    The order of elements is not insisted on. Comments, processing instructions and xsi:schemaLocation are skipped.
    A document type is refused, and with it every entity of its own. A value may have 10 million characters (libxml2).
    Raises RecordError CB-304 beyond the limits, CB-303 when it is no FHIR XML at all, CB-301 when something in it is
    not as R4 has it.
    """
    if len(data) > max_bytes:
        raise RecordError("CB-304", "the XML document is too large", expected=f"at most {max_bytes} bytes")
    # one < for an element at least, one = for an attribute: told before libxml2 takes the memory for them
    if data.count(b"<") > 2 * max_nodes or data.count(b"=") > 2 * max_nodes:
        raise RecordError("CB-304", "the XML document has too many elements", expected=f"at most {max_nodes}")
    return Reader().resource(_root(data))


def _root(data: bytes) -> etree._Element:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise RecordError("CB-303", f"the XML document is not UTF-8: byte {e.start} cannot be read") from None
    if "<!DOCTYPE" in text:
        raise RecordError("CB-303", "the XML document has a document type, which FHIR does not allow")
    try:
        return etree.fromstring(text.encode(), parser())
    except etree.XMLSyntaxError as e:
        place = Position(row=e.lineno)
        raise RecordError("CB-303", "the document is not well-formed XML", position=place) from None
