"""FHIR R4 resources as XML: dicts of ``jsontext`` in, text out, the elements in the order of the specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from typing import Any

from casebridge.core.errors import RecordError, quiet_place
from casebridge_fhir import xhtml
from casebridge_fhir.primitives import UNWRITABLE
from casebridge_fhir.r4 import ANY_RESOURCE, ElementRow, resource_types, table

FHIR = "http://hl7.org/fhir"
MOST_LEVELS = 48  # each makes two levels of JSON at most, of which jsontext reads 100
NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
_IN_QUOTES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;",
                            "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})  # fmt: skip


@cache
def order(type_: str) -> Mapping[str, int]:
    """The place of each element of a type."""
    return {name: place for place, name in enumerate(table()[type_])}


@cache
def attributes(type_: str) -> tuple[str, ...]:
    """The elements of a type that XML writes as attributes: ids inside of resources, and Extension.url."""
    if type_ in resource_types():
        return ()
    return ("id", "url") if type_ == "Extension" else ("id",)


class Writer:
    """Collects the text of one resource; ``place`` is where we are, for messages."""

    def __init__(self) -> None:
        self.parts = ['<?xml version="1.0" encoding="UTF-8"?>']
        self._place: list[str] = []

    def resource(self, value: Any, namespace: str = "") -> None:
        """One resource. RecordError CB-301 when it cannot be written so that reading it gives the same again."""
        type_ = value.get("resourceType") if isinstance(value, dict) else None
        if not isinstance(type_, str) or type_ not in resource_types():
            raise self._error("this is not a resource that can be written as XML", "the name of a FHIR R4 resource")
        self._down(type_)
        self.parts.append(f"<{type_}{namespace}>")
        self._members(type_, {name: value[name] for name in value if name != "resourceType"})
        self.parts.append(f"</{type_}>")
        self._place.pop()

    def _members(self, type_: str, value: Mapping[str, Any]) -> None:
        elements, places, apart = table()[type_], order(type_), attributes(type_)
        names = {name.removeprefix("_") for name in value}
        if unknown := names - places.keys():
            raise self._error("FHIR R4 has no such element", "", min(unknown))
        for name in sorted(names, key=places.__getitem__):
            row = elements[name]
            if f"_{name}" in value and (not row.primitive or row.of == "xhtml" or name in apart):
                raise self._error("this has no extensions of its own", "", f"_{name}")
            if name not in apart:
                for item, more in self._items(row, value):
                    self._element(row, item, more)

    def _items(self, row: ElementRow, value: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
        """Each value of an element with its extensions."""
        item, more = value.get(row.name), value.get(f"_{row.name}")
        if not row.many:
            yield item, more
            return
        for of_many in (item, more):
            if of_many is not None and not (isinstance(of_many, list) and of_many):
                raise self._error("this is not a list with something in it", "a list", row.name)
        yield from zip_longest(item or (), more or ())

    def _element(self, row: ElementRow, item: Any, more: Any) -> None:
        self._down(row.name)
        if row.of == "xhtml":
            self._narrative(item)
        elif row.primitive:
            self._primitive(row, item, more)
        elif row.of == ANY_RESOURCE:
            self.parts.append(f"<{row.name}>")
            self.resource(item)
            self.parts.append(f"</{row.name}>")
        else:
            self._complex(row.name, row.of, item)
        self._place.pop()

    def _complex(self, name: str, type_: str, item: Any) -> None:
        if not isinstance(item, dict) or not item:
            raise self._error("this is not an object with something in it", "an object")
        self._enclosed(name, type_, item)

    def _primitive(self, row: ElementRow, item: Any, more: Any) -> None:
        if more is None:
            self.parts.append(f'<{row.name} value="{self._text(row.of, item)}"/>')
            return
        if not isinstance(more, dict) or not more:
            raise self._error("this is not the extensions of a value", "an object with id or extension")
        value = "" if item is None else f' value="{self._text(row.of, item)}"'
        self._enclosed(row.name, "Element", more, value)

    def _enclosed(self, name: str, type_: str, item: Mapping[str, Any], value: str = "") -> None:
        apart = "".join(f' {key}="{self._text("string", item[key])}"' for key in attributes(type_) if key in item)
        start = len(self.parts)
        self.parts.append(f"<{name}{apart}{value}>")
        self._members(type_, item)
        if len(self.parts) > start + 1:
            self.parts.append(f"</{name}>")
        else:
            self.parts[start] = f"<{name}{apart}{value}/>"

    def _narrative(self, item: Any) -> None:
        try:
            self.parts.append(xhtml.normal(item if isinstance(item, str) else ""))
        except ValueError as e:
            raise self._error(f"this narrative cannot be written: {e}", "a div of XHTML") from None

    def _text(self, type_: str, value: Any) -> str:
        """A plain value as it stands between quotes."""
        if isinstance(value, str) and type_ != "boolean" and type_ not in NUMBERS:
            if UNWRITABLE.search(value):
                raise self._error("a text holds a character that XML cannot hold", "text without control characters")
            return value.translate(_IN_QUOTES)
        if isinstance(value, bool) and type_ == "boolean":
            return "true" if value else "false"
        if type_ in NUMBERS and not isinstance(value, bool) and isinstance(value, int | Decimal):
            return str(value)
        raise self._error("a value is not of the element's type", type_)

    def _down(self, name: str) -> None:
        self._place.append(name)
        if len(self._place) > MOST_LEVELS:
            raise self._error("the resource is nested too deep", f"at most {MOST_LEVELS} levels")

    def _error(self, message: str, expected: str, name: str = "") -> RecordError:
        place = quiet_place(".".join([*self._place, name] if name else self._place))
        return RecordError("CB-301", message, field=place, expected=expected)
