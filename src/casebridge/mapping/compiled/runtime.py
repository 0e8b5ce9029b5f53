"""What generated functions call where a record leaves the beaten path. Each answers, or hands the record over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import Group
from casebridge.mapping.paths import Condition, Path
from casebridge.mapping.reading import last_part, parts_of
from casebridge.mapping.translate import Links, theirs_of
from casebridge.mapping.walk import (
    WITHHELD,
    assign,
    blank,
    clone,
    doubtful,
    holds,
    holds_all,
    is_absent,
    items_of,
    reach,
    settled,
    text_of,
    value_at,
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
    return dict(WITHHELD) if any(doubtful(selector, item) for item in items) else None


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


def copied(value: Any) -> Any:
    """A list or group of theirs as a copy of our own."""
    if type(value) is list:
        for item in value:
            if type(item) is not str:
                break
        else:
            return value[:]
    return clone(value)


def single(value: Any) -> Any:
    """One value; a list or a group is for the interpreter."""
    if isinstance(value, dict | list):
        raise Irregular
    return value


def unlisted_in(table: CodeTable, value: Any) -> Any:
    """A code of theirs that is not a text with a row; None when it is only reported."""
    if isinstance(value, dict | list):
        raise Irregular
    try:
        found = table.read(value)
    except KeyError:
        raise Irregular from None
    return None if blank(found) else found


def unlisted_out(table: CodeTable, value: Any) -> Any:
    """A case code that is not a text with a row, or an Absent; None when there is no word for it."""
    if type(value) is dict and len(value) == 1 and "absent" in value:
        found = None if value == WITHHELD else table.write(value)
        return None if blank(found) else found
    if isinstance(value, dict | list):
        raise Irregular
    try:
        found = table.write(value)
    except KeyError:
        raise Irregular from None
    return None if blank(found) else found


def flagged(value: Any) -> bool:
    """A flag that is on, though not written as 1."""
    return not blank(value) and text_of(value) in ("1", "true")


def outgoing(value: Any) -> Any:
    """A case value as it may be written: without Absent parts; None when it is withheld, Absent or empty."""
    if type(value) is list:
        for item in value:
            if type(item) is not str:
                break
        else:
            return value[:] or None
    if isinstance(value, dict | list):
        value = settled(value)
    return None if blank(value) or is_absent(value) else value


def converted(turn: Callable[[Any], Any], value: Any) -> Any:
    """A case value that is no text, converted; None for an Absent."""
    if is_absent(value):
        return None
    if isinstance(value, dict | list):
        raise Irregular
    return turn(value)


def theirs(value: Any, links: Links) -> Any:
    """The partner's reference for a ref of ours, or None."""
    if type(value) is not dict or any(isinstance(part, dict | list) for part in value.values()):
        raise Irregular
    return theirs_of(value, links) or None


def hidden(*values: Any) -> bool:
    """Is one of these, or a part of it, withheld?"""
    return any(isinstance(value, dict | list) and settled(value) == WITHHELD for value in values)


def veiled(value: Any) -> bool:
    """Is the whole group withheld?"""
    return bool(value == WITHHELD)


def listed(value: Any) -> tuple[Any, ...]:
    """The items of what is no list on the case side: none where the list is Absent."""
    if type(value) is not dict:
        raise Irregular
    return () if is_absent(value) else (value,)


def words_of(value: Any) -> list[str] | None:
    """The words of a set of flags; None when they are withheld."""
    value = settled(value)
    if value == WITHHELD:
        return None
    return [word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str) and word]


def joined(line: Group, parts: dict[str, Any]) -> str:
    """The parts of a split value as one text."""
    texts = [str(parts.get(str(i), "")) for i in range(1, last_part(line) + 1)]
    if any(line.split in text for text in texts):
        raise Irregular
    while texts and not texts[-1]:
        texts.pop()
    return line.split.join(texts)


def part(value: Any) -> tuple[str, ...] | None:
    """A part of a key that is no text: nothing, or a list of texts."""
    if blank(value):
        return None
    if type(value) is not list or not all(type(item) is str for item in value):
        raise Irregular
    return tuple(value)


def parts(value: Any) -> list[Any] | None:
    """The items of a list that is spread over several places; None when it is withheld."""
    value = settled(value)
    if value == WITHHELD:
        return None
    return value if isinstance(value, list) else [] if blank(value) or is_absent(value) else [value]


def unmet(node: dict[str, Any], path: Path, selector: tuple[Condition, ...]) -> None:
    """No item that stands there already is one of the list's own."""
    for item, _ in items_of(value_at(node, path), ()):
        if holds_all(selector, item):
            raise Irregular


def hollow(items: Any) -> bool:
    """Is there an item that holds nothing?"""
    return type(items) is list and any(blank(item) for item in items)


def merge(group: dict[str, Any], key: str, value: Any) -> None:
    """A value where another line may have put one: groups become one."""
    standing = group.get(key)
    if isinstance(standing, dict) and isinstance(value, dict):
        standing.update(value)
    else:
        group[key] = value


__all__ = [
    "Irregular",
    "alone",
    "beyond",
    "clouded",
    "converted",
    "copied",
    "default",
    "first",
    "flagged",
    "hidden",
    "holds_all",
    "hollow",
    "irregular",
    "joined",
    "lacking",
    "listed",
    "lone",
    "merge",
    "moment",
    "odd",
    "outgoing",
    "part",
    "parts",
    "parts_of",
    "present",
    "reach",
    "same",
    "single",
    "strange",
    "theirs",
    "unlisted_in",
    "unlisted_out",
    "unmet",
    "unsure",
    "veiled",
    "whole",
    "within",
    "words_of",
]  # fmt: skip
