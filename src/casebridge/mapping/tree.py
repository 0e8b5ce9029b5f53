"""Nested plain data as maps see it: single values, what counts as nothing, and the places of values.

A place is a tuple of keys and list indexes: ``("name", 0, "family")``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

Where = tuple[str | int, ...]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Any = _Missing()
# To compare with: it cannot be changed. Whoever hands one on makes one with `withheld()`.
WITHHELD: Mapping[str, str] = MappingProxyType({"absent": "withheld"})


def withheld() -> dict[str, Any]:
    """A new Absent that says something is withheld."""
    return dict(WITHHELD)


class Partial(list[Any]):
    """A list of records that may be more than these: of one that is not among them nobody knows what it says."""


def blank(value: Any) -> bool:
    """Nothing there: no key, null, an empty text, list or group."""
    return value is MISSING or value is None or value == "" or value == [] or value == {}


def is_absent(value: Any) -> bool:
    """The case model's Absent: a value that is missing for a known reason."""
    return isinstance(value, dict) and len(value) == 1 and "absent" in value


def text_of(value: Any) -> str:
    """A scalar as the text codes and selectors compare: true, false, 72.50."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def clone(value: Any, origin: dict[int, tuple[Any, Any]] | None = None) -> Any:
    """A copy of nested plain data; ``origin`` remembers for each copied node (by id) the node it came from."""
    copied: Any
    if isinstance(value, dict):
        copied = {key: clone(child, origin) for key, child in value.items()}
    elif isinstance(value, list):
        copied = [clone(child, origin) for child in value]
    else:
        return value
    if origin is not None:
        origin[id(copied)] = (copied, value)
    return copied


def settled(value: Any) -> Any:
    """A value written whole: withheld when any of it is, and without the parts that are Absent."""
    if not isinstance(value, dict | list) or is_absent(value):
        return value
    parts = {key: settled(child) for key, child in (value.items() if isinstance(value, dict) else enumerate(value))}
    if any(part == WITHHELD for part in parts.values()):
        return withheld()
    kept = {key: part for key, part in parts.items() if not is_absent(part)}
    return kept if isinstance(value, dict) else list(kept.values())


def leaves(node: Any, where: Where = ()) -> Iterator[Where]:
    """The places of all single values; an Absent is one value, an empty list or group none."""
    if isinstance(node, dict) and not is_absent(node):
        for key, child in node.items():
            yield from leaves(child, (*where, key))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from leaves(child, (*where, i))
    elif not blank(node):
        yield where


def spelled(where: Where) -> str:
    """``("name", 0, "family")`` as ``name[0].family``."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def unclaimed(node: Any, claimed: set[Where], where: Where = ()) -> Iterator[Where]:
    """The places of all single values that stand neither at nor under a claimed place."""
    if where in claimed:
        return
    if isinstance(node, dict) and not is_absent(node):
        for key, child in node.items():
            yield from unclaimed(child, claimed, (*where, key))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from unclaimed(child, claimed, (*where, i))
    elif not blank(node):
        yield where
