"""FHIR R4 XML as the dicts that JSON gives: elements and values as the table of R4 has them, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from casebridge.core.errors import Position, RecordError, quiet_place
from casebridge.core.jsontext import loads
from casebridge_fhir import xhtml
from casebridge_fhir.r4 import ANY_RESOURCE, ElementRow, resource_types, table
from casebridge_fhir.xml_writing import FHIR, MOST_LEVELS, NUMBERS, attributes

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}
_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}"  # schemaLocation: says nothing about the resource


class Reader:
    """Reads one document; ``place`` is where we are, for messages."""

    def __init__(self) -> None:
        self._place: list[str] = []

    def resource(self, element: etree._Element) -> dict[str, Any]:
        """The resource that ``element`` is. RecordError CB-301 or CB-303, without anything of its content."""
        type_ = self._down(element)
        if type_ not in resource_types():
            raise self._error(element, "this is not a FHIR R4 resource that we know", code="CB-303")
        self._attributes(element, ())
        found = {"resourceType": type_, **self._members(type_, element)}
        self._place.pop()
        return found

    def _members(self, type_: str, element: etree._Element) -> dict[str, Any]:
        elements, apart = table()[type_], attributes(type_)
        items: dict[str, list[tuple[Any, Any]]] = {}
        for child in self._children(element):
            name = self._down(child)
            row = elements.get(name)
            if row is None or name in apart:
                raise self._error(child, "FHIR R4 has no such element here")
            found = items.setdefault(name, [])
            if found and not row.many:
                raise self._error(child, "this element stands here twice", "one at most")
            found.append(self._item(row, child))
            self._place.pop()
        return {key: value for name, found in items.items() for key, value in _as_json(elements[name], found)}

    def _item(self, row: ElementRow, element: etree._Element) -> tuple[Any, Any]:
        """A value and its extensions."""
        if row.of == "xhtml":
            return self._narrative(element), None
        if row.primitive:
            return self._primitive(row.of, element)
        if row.of == ANY_RESOURCE:
            return self._inner(element), None
        return self._complex(row.of, element), None

    def _inner(self, element: etree._Element) -> dict[str, Any]:
        self._attributes(element, ())
        inside = list(self._children(element))
        if len(inside) != 1:
            raise self._error(element, "there must be one resource in this element")
        return self.resource(inside[0])

    def _complex(self, type_: str, element: etree._Element) -> dict[str, Any]:
        found: dict[str, Any] = {**self._attributes(element, attributes(type_)), **self._members(type_, element)}
        if not found:
            raise self._error(element, "this element is empty", "a value or elements")
        return found

    def _primitive(self, type_: str, element: etree._Element) -> tuple[Any, Any]:
        more: dict[str, Any] = dict(self._attributes(element, ("id", "value")))
        value = self._value(type_, element, more.pop("value")) if "value" in more else None
        more |= self._members("Element", element)
        if value is None and not more:
            raise self._error(element, "this element is empty", "a value or extensions")
        return value, more or None

    def _value(self, type_: str, element: etree._Element, text: str) -> Any:
        if type_ == "boolean":
            if text not in _BOOLEANS:
                raise self._error(element, "a value is not of the element's type", "true or false")
            return _BOOLEANS[text]
        if type_ not in NUMBERS:
            return text
        if not _NUMBER.fullmatch(number := text.removeprefix("+")):
            raise self._error(element, "a value is not of the element's type", "a number")
        return loads(number)

    def _narrative(self, element: etree._Element) -> str:
        try:
            return xhtml.text_of(element)
        except ValueError as e:
            raise self._error(element, f"this narrative cannot be read: {e}", "a div of XHTML") from None

    def _attributes(self, element: etree._Element, allowed: tuple[str, ...]) -> dict[str, str]:
        few = len(element.attrib) <= xhtml.MOST_ATTRIBUTES
        items = element.items() if few else ()
        found = {str(name): str(value) for name, value in items if not str(name).startswith(_SCHEMA)}
        if not few or found.keys() - set(allowed):
            raise self._error(element, "FHIR R4 has no such attribute here", " or ".join(allowed) or "none")
        return found

    def _children(self, element: etree._Element) -> Iterator[etree._Element]:
        if (element.text or "").strip() or any((child.tail or "").strip() for child in element):
            raise self._error(element, "there is text between the elements", "values in the attribute value")
        yield from element

    def _down(self, element: etree._Element) -> str:
        if not isinstance(element.tag, str):
            raise self._error(element, "the document refers to an entity", code="CB-303")
        name = etree.QName(element)
        self._place.append(name.localname)
        if name.namespace != (xhtml.XHTML if name.localname == "div" else FHIR):
            raise self._error(element, "an element is not in the namespace of FHIR", FHIR, code="CB-303")
        if len(self._place) > MOST_LEVELS:
            raise self._error(element, "the document is nested too deep", f"at most {MOST_LEVELS} levels", "CB-303")
        return name.localname

    def _error(self, element: etree._Element, message: str, expected: str = "", code: str = "CB-301") -> RecordError:
        row: Any = element.sourceline
        place = quiet_place(".".join(self._place))
        return RecordError(code, message, position=Position(row=row), field=place, expected=expected)


def _as_json(row: ElementRow, found: list[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    """``birthDate`` and ``_birthDate``: a list where the element repeats, with null for what one of them lacks."""
    values, more = [value for value, _ in found], [extra for _, extra in found]
    for name, items in ((row.name, values), (f"_{row.name}", more)):
        if any(item is not None for item in items):
            yield name, items if row.many else items[0]
