"""How alike two case items are, and what of them is withheld."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from casebridge.mapping.tree import MISSING, WITHHELD, blank, leaves, text_of


def agrees(mine: Any, theirs: Any) -> bool:
    """Does each say what the other does, as far as it is not withheld?"""
    said = (where for where in leaves(mine) if _leaf(mine, where) != WITHHELD)
    return said_otherwise(mine, theirs) == 0 and all(
        frozen(_leaf_or_nothing(theirs, where)) == frozen(_leaf(mine, where)) for where in said
    )


def alike_as(item: Any) -> Hashable:
    """The same for items that agree with each other and have nothing withheld."""
    said = ((where, frozen(_leaf(item, where))) for where in leaves(item))
    return frozenset((where, value) for where, value in said if value is not MISSING)


def said_otherwise(mine: Any, theirs: Any) -> int:
    """How many values of ``theirs`` the case item has otherwise or not at all; what is withheld is not known."""
    count = 0
    for where in leaves(theirs):
        value = _leaf_or_nothing(mine, where)
        count += value != WITHHELD and frozen(value) != frozen(_leaf(theirs, where))
    return count


def shown(item: Any) -> int:
    """How many values of a case item are not withheld."""
    return sum(_leaf(item, where) != WITHHELD for where in leaves(item))


def veiled(item: Any) -> bool:
    """Is something of the item withheld?"""
    return any(_leaf(item, where) == WITHHELD for where in leaves(item))


def all_withheld(item: Any) -> bool:
    """Is there nothing in the item that is not withheld?"""
    found = list(leaves(item))
    return bool(found) and all(_leaf(item, where) == WITHHELD for where in found)


def frozen(value: Any) -> Hashable:
    """A hashable form of plain data; a number equals its text, nothing equals a missing key."""
    if isinstance(value, dict):
        return tuple(sorted((key, frozen(child)) for key, child in value.items() if not blank(child)))
    if isinstance(value, list):
        return ("[]", *(frozen(child) for child in value))
    return MISSING if value is None else text_of(value)


def _leaf(item: Any, where: Iterable[Any]) -> Any:
    for part in where:
        item = item[part]
    return item


def _leaf_or_nothing(node: Any, where: Iterable[Any]) -> Any:
    for part in where:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return MISSING
        if node == WITHHELD:
            return node
    return node
