"""What generated functions call where a record leaves the beaten path. Each answers, or hands the record over."""

from __future__ import annotations

from typing import Any, NoReturn

from casebridge.mapping.codes import CodeTable
from casebridge.mapping.paths import Condition
from casebridge.mapping.walk import WITHHELD, blank, doubtful, holds_all, is_absent, settled, text_of
from casebridge.mapping.walk import clone as clone


class Irregular(Exception):  # noqa: N818  not an error: the interpreter takes over
    """This record is not for the generated function."""


IRREGULAR = Irregular()


def irregular() -> NoReturn:
    """Hand the record over to the interpreter."""
    raise IRREGULAR


def odd(node: dict[str, Any], key: str) -> Any:
    """What stands at ``key`` though it counts as false; an Absent group is for the interpreter."""
    if "absent" in node and is_absent(node):
        raise IRREGULAR
    return node.get(key)


def whole(node: dict[str, Any]) -> None:
    """``node`` has a field called ``absent``: an Absent itself is for the interpreter."""
    if is_absent(node):
        raise IRREGULAR


def alone(node: Any) -> tuple[Any, ...]:
    """A single group where a list may stand."""
    if type(node) is dict:
        return (node,)
    raise IRREGULAR


def unsure(selector: tuple[Condition, ...], item: Any) -> None:
    """An item whose value is no text: only the interpreter knows whether the selector means it."""
    if holds_all(selector, item) or doubtful(selector, item):
        raise IRREGULAR


def first(items: Any, selector: tuple[Condition, ...]) -> Any:
    """The first item a long selector means."""
    for item in items if type(items) is list else alone(items):
        if holds_all(selector, item):
            return item
        if doubtful(selector, item):
            raise IRREGULAR
    return None


def same(value: Any, texts: tuple[str, ...]) -> bool:
    """A value that is no text against constants: true, false and numbers have a text too."""
    return not blank(value) and not isinstance(value, dict | list) and text_of(value) in texts


def present(value: Any) -> bool:
    """Something stands there."""
    return not blank(value) and not is_absent(value)


def lacking(value: Any) -> bool:
    """Nothing stands there, or an Absent that is not withheld."""
    return blank(value) or (is_absent(value) and value != WITHHELD)


def single(value: Any) -> Any:
    """One value; a list or a group is for the interpreter."""
    if isinstance(value, dict | list):
        raise IRREGULAR
    return value


def unlisted_in(table: CodeTable, value: Any) -> Any:
    """A code of theirs that is not a text with a row; None when it is only reported."""
    if isinstance(value, dict | list):
        raise IRREGULAR
    try:
        found = table.read(value)
    except KeyError:
        raise IRREGULAR from None
    return None if blank(found) else found


def unlisted_out(table: CodeTable, value: Any) -> Any:
    """A case code that is not a text with a row, or an Absent; None when there is no word for it."""
    if value == WITHHELD:
        return None
    if isinstance(value, dict | list) and not is_absent(value):
        raise IRREGULAR
    try:
        found = table.write(value)
    except KeyError:
        raise IRREGULAR from None
    return None if blank(found) else found


def flagged(value: Any) -> bool:
    """A flag that is on, though not written as 1."""
    return not blank(value) and text_of(value) in ("1", "true")


def outgoing(value: Any) -> Any:
    """A case value as it may be written: without Absent parts; None when it is withheld, Absent or empty."""
    value = settled(value)
    return None if blank(value) or is_absent(value) else value


def merge(group: dict[str, Any], key: str, value: Any) -> None:
    """A value where another line may have put one: groups become one."""
    standing = group.get(key)
    if isinstance(standing, dict) and isinstance(value, dict):
        standing.update(value)
    else:
        group[key] = value
