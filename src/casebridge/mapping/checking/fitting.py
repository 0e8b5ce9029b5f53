"""Does a native record fit its schema? Lists where lists belong, groups where groups belong, known fields and codes."""

from __future__ import annotations

from typing import Any

from casebridge.core.native import Element
from casebridge.mapping.walk import blank, text_of


def misfit(element: Element, record: dict[str, Any]) -> tuple[str, str] | None:
    """The first place that does not fit, and why; None when all does."""
    return _group(element, record, "")


def _group(element: Element, node: Any, path: str) -> tuple[str, str] | None:
    fields = element.fields
    for key, value in node.items():
        place = f"{path}.{key}" if path else key
        if key not in fields:
            return place, "the format has no such field"
        if found := _element(fields[key], value, place):
            return found
    return None


def _element(element: Element, value: Any, path: str) -> tuple[str, str] | None:
    if element.type == "any" or blank(value):
        return None
    if isinstance(value, list) != element.many:
        return path, "the format has a list there" if element.many else "the format has no list there"
    for item in value if isinstance(value, list) else [value]:
        if found := _item(element, item, path):
            return found
    return None


def _item(element: Element, item: Any, path: str) -> tuple[str, str] | None:
    if element.type == "group":
        return _group(element, item, path) if isinstance(item, dict) else (path, "the format has a group there")
    if isinstance(item, dict | list):
        return path, "the format has one value there"
    if element.type == "boolean" and not isinstance(item, bool):
        return path, "the format has true or false there, and this is text"
    if element.codes is not None and text_of(item) not in element.codes:
        return path, f"{text_of(item)} is no code of it"
    return None
