"""One segment as a plain dict: ``{"01": text, ...}``, empty elements left out.

Composites become dicts of components (``INS.06.01``), repeating ones lists of such dicts (``DMG.05``). A simple element
that repeats (``EB.03``) is one text with ``^`` between its values, whatever separates them in the file. The three pairs
of PER (03/04, 05/06, 07/08) become a list, because a map can walk a list but not count:
``PER.numbers``: ``[{"kind": PER03, "number": PER04}, ...]``. An extension (EX) is of the number before it.
"""

from __future__ import annotations

from typing import Any

from casebridge_x12.delimiters import Delimiters
from casebridge_x12.guide import Element, SegmentRule

KEYS = tuple(f"{index:02}" for index in range(100))
ELEMENT_LIMIT = len(KEYS) - 1
EXTENSION = "EX"  # PER03, PER05, PER07
BETWEEN = "^"  # the values of a simple element that repeats


def plain(elements: list[str]) -> dict[str, Any]:
    """The elements by number, the tag left out."""
    data = {key: value for key, value in zip(KEYS, elements, strict=False) if value}
    data.pop("00", None)
    return data


def native(rule: SegmentRule, elements: list[str], delimiters: Delimiters) -> dict[str, Any]:
    """The segment as ``rule`` describes it."""
    data = plain(elements)
    for element in rule.composites:
        key = KEYS[element.index]
        if key in data:
            data[key] = _structured(element, data[key], delimiters)
    if rule.tag == "PER":
        _pair_numbers(data)
    return data


def repetitions(text: str, delimiters: Delimiters) -> list[str]:
    """The values of an element that may repeat."""
    repetition = delimiters.repetition.decode("ascii")
    return text.split(repetition) if repetition else [text]


def _structured(element: Element, text: str, delimiters: Delimiters) -> Any:
    component = delimiters.component.decode("ascii")
    parts = repetitions(text, delimiters) if element.repeats else [text]
    if not element.components:
        return BETWEEN.join(part.strip(" ") for part in parts if part.strip(" "))
    found = [_components(part.split(component)) for part in parts]
    return found if element.repeats else found[0]


def _components(parts: list[str]) -> dict[str, Any]:
    return plain(["", *(part.rstrip(" ") for part in parts)])


def _pair_numbers(data: dict[str, Any]) -> None:
    numbers: list[dict[str, Any]] = []
    for kind, number in (("03", "04"), ("05", "06"), ("07", "08")):
        pair = {name: data.pop(key) for name, key in (("kind", kind), ("number", number)) if key in data}
        if pair.get("kind") == EXTENSION and "number" in pair and numbers and "number" in numbers[-1]:
            numbers[-1]["number"] += f" ext. {pair['number']}"
        elif pair:
            numbers.append(pair)
    if numbers:
        data["numbers"] = numbers
