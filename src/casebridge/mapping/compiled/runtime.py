"""What generated functions call where a record leaves the beaten path. Each answers, or hands the record over."""

from __future__ import annotations

from typing import Any, NoReturn

from casebridge.mapping.paths import Condition, Path
from casebridge.mapping.walk import (
    WITHHELD,
    assign,
    blank,
    doubtful,
    holds,
    holds_all,
    is_absent,
    items_of,
    reach,
    text_of,
    value_at,
    withheld,
)  # fmt: skip

_MOMENT = Condition(Path(), "moment")


class Irregular(Exception):
    """This record is not for the generated function."""


def default(found: dict[str, Any], path: Path, constant: Any) -> None:
    """A constant where nothing stands."""
    if blank(value_at(found, path)):
        assign(found, path, constant)


def irregular() -> NoReturn:
    """Hand the record over to the interpreter."""
    raise Irregular


def odd(node: dict[str, Any], key: str) -> Any:
    """What stands at ``key`` though it counts as false; an Absent group is for the interpreter."""
    if "absent" in node and is_absent(node):
        raise Irregular
    return node.get(key)


def beyond(node: Any) -> None:
    """Nothing is under a single value; the first item of a list is for the interpreter."""
    if type(node) is not str and isinstance(node, dict | list):
        raise Irregular


def within(node: dict[str, Any], key: str) -> Any:
    """What stands at ``key`` of a group of the case side; under an Absent everything is that Absent."""
    return node if "absent" in node and is_absent(node) else node.get(key)


def lone(node: Any) -> Any:
    """What stands in the place of a list of the case side, if it is an Absent."""
    if is_absent(node):
        return node
    raise Irregular


def whole(node: dict[str, Any]) -> None:
    """``node`` has a field called ``absent``: an Absent itself is for the interpreter."""
    if is_absent(node):
        raise Irregular


def alone(node: Any) -> tuple[Any, ...]:
    """A single group where a list may stand."""
    if type(node) is dict and not is_absent(node):
        return (node,)
    raise Irregular


def unsure(selector: tuple[Condition, ...], item: Any) -> None:
    """An item whose value is no text: only the interpreter knows whether the selector means it."""
    if holds_all(selector, item) or doubtful(selector, item):
        raise Irregular


def strange(selector: tuple[Condition, ...], item: Any) -> bool:
    """An item of the case side whose value is no text: it may be withheld."""
    if holds_all(selector, item):
        raise Irregular
    return True


def clouded(items: list[Any], selector: tuple[Condition, ...]) -> Any:
    """A withheld value where what would tell the item is withheld."""
    return withheld() if any(doubtful(selector, item) for item in items) else None


def first(items: Any, selector: tuple[Condition, ...]) -> Any:
    """The first item a long selector means."""
    for item in items if type(items) is list else alone(items):
        if holds_all(selector, item):
            return item
        if doubtful(selector, item):
            raise Irregular
    return None


def same(value: Any, texts: tuple[str, ...]) -> bool:
    """A value that is no text against constants: true, false and numbers have a text too."""
    return not blank(value) and not isinstance(value, dict | list) and text_of(value) in texts


def moment(value: str) -> bool:
    """A date, as far as it is known, or a moment."""
    return holds(_MOMENT, value)


def present(value: Any) -> bool:
    """Something stands there."""
    return not blank(value) and not is_absent(value)


def lacking(value: Any) -> bool:
    """Nothing stands there, or an Absent that is not withheld."""
    return blank(value) or (is_absent(value) and value != WITHHELD)


def listed(value: Any) -> tuple[Any, ...]:
    """The items of what is no list on the case side: none where the list is Absent."""
    if type(value) is not dict:
        raise Irregular
    return () if is_absent(value) else (value,)


def unmet(node: dict[str, Any], path: Path, selector: tuple[Condition, ...]) -> None:
    """No item that stands there already is one of the list's own."""
    for item, _ in items_of(value_at(node, path), ()):
        if holds_all(selector, item):
            raise Irregular


def hollow(items: Any) -> bool:
    """Is there an item that holds nothing?"""
    return type(items) is list and any(blank(item) for item in items)


__all__ = [
    "Irregular",
    "alone",
    "beyond",
    "blank",
    "clouded",
    "default",
    "first",
    "holds_all",
    "hollow",
    "irregular",
    "lacking",
    "listed",
    "lone",
    "moment",
    "odd",
    "present",
    "reach",
    "same",
    "strange",
    "unmet",
    "unsure",
    "whole",
    "within",
]  # fmt: skip
