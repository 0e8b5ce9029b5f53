"""Where something stands in a resource: a small path language for the tables of rules, with JSON pointers.

``category.coding``                a step into each item of a list
``value[x]``                       a choice of types: valueString, valueQuantity ...
``category(:survey)``              only items with a code of the set ``survey``
``input(type:questionnaire)``      only items whose ``type`` has such a code; ``(extension.url:x)`` goes deeper
``performer|derivedFrom``          at the end: any of these elements
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_STEP = re.compile(r"(?P<name>\w+)(?P<choice>\[x\])?(?:\((?P<sub>[\w.]*):(?P<set>[\w-]+)\))?")
_SPLIT = re.compile(r"\.(?![^(]*\))")  # dots outside parentheses


@dataclass(frozen=True, slots=True)
class Place:
    """A value, its JSON pointer and its name as FHIRPath has it (``Task.output[0].type``)."""

    pointer: str
    field: str
    value: Any

    def member(self, name: str) -> Iterator[Place]:
        """The values of one member; each item of a list."""
        if not isinstance(self.value, dict) or name not in self.value:
            return
        value, pointer, field = self.value[name], f"{self.pointer}/{name}", f"{self.field}.{name}"
        if not isinstance(value, list):
            yield Place(pointer, field, value)
            return
        for number, item in enumerate(value):
            yield Place(f"{pointer}/{number}", f"{field}[{number}]", item)


@dataclass(frozen=True, slots=True)
class Codes:
    """A named set of codes: (system, code), where the code ``*`` is every code of its system."""

    name: str
    pairs: frozenset[tuple[str, str]]

    def hold(self, value: Any) -> bool:
        """Has this code, Coding or CodeableConcept (or one of the codings in it) a code of the set?"""
        if isinstance(value, str):
            return any(code in (value, "*") for _, code in self.pairs)
        if not isinstance(value, dict):
            return False
        if "coding" in value:
            listed = value["coding"]
            return isinstance(listed, list) and any(self.hold(one) for one in listed if isinstance(one, dict))
        system, code = value.get("system", ""), value.get("code")
        if not isinstance(system, str) or not isinstance(code, str):
            return False
        return (system, code) in self.pairs or (system, "*") in self.pairs


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path; ``codes`` tells the items that are meant by what stands at ``sub`` in them."""

    name: str
    choice: bool = False
    sub: tuple[str, ...] = ()
    codes: Codes | None = None

    def __str__(self) -> str:
        return self.name + ("[x]" if self.choice else "")

    def of(self, place: Place) -> Iterator[Place]:
        """The places this step leads to."""
        for name in self._names(place.value):
            yield from (found for found in place.member(name) if self.codes is None or self._meant(found))

    def _names(self, value: Any) -> Iterator[str]:
        if not self.choice:
            yield self.name
        elif isinstance(value, dict):
            size = len(self.name)
            yield from (n for n in value if n.startswith(self.name) and n[size : size + 1].isupper())

    def _meant(self, place: Place) -> bool:
        found = [place]
        for name in self.sub:
            found = [inner for one in found for inner in one.member(name)]
        return any(self.codes is not None and self.codes.hold(one.value) for one in found)


@dataclass(frozen=True, slots=True)
class Path:
    """Steps, and at the end one element or any of several."""

    steps: tuple[Step, ...]
    last: tuple[Step, ...]

    def __str__(self) -> str:
        return ".".join([*map(str, self.steps), " or ".join(map(str, self.last))])

    def parents(self, root: Place) -> list[Place]:
        """What the last step is taken from."""
        found = [root]
        for step in self.steps:
            found = [inner for one in found for inner in step.of(one)]
        return found

    def of(self, root: Place) -> list[Place]:
        """Every value at this path."""
        return [found for parent in self.parents(root) for found in self.ends(parent)]

    def ends(self, parent: Place) -> list[Place]:
        """Every value that the last step leads to from ``parent``."""
        return [found for step in self.last for found in step.of(parent)]


@cache
def path(text: str, sets: tuple[Codes, ...]) -> Path:
    """The path that ``text`` means; ValueError when it is none or names a set that is not among ``sets``."""
    known = {one.name: one for one in sets}
    *before, last = _SPLIT.split(text)
    return Path(tuple(_step(one, known) for one in before), tuple(_step(one, known) for one in last.split("|")))


def _step(text: str, known: Mapping[str, Codes]) -> Step:
    match = _STEP.fullmatch(text)
    if match is None or (match["set"] is not None and match["set"] not in known):
        raise ValueError(f"no path: {text}")
    sub = tuple(match["sub"].split(".")) if match["sub"] else ()
    return Step(match["name"], bool(match["choice"]), sub, known[match["set"]] if match["set"] else None)
