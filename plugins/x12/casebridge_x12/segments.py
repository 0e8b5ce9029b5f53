"""One segment as a plain dict: ``{"01": text, ...}``, empty elements left out.

Composites become dicts of components (``INS.06.01``), repeating ones lists of such dicts (``DMG.05``). The three pairs
of PER (03/04, 05/06, 07/08) become a list, because a map can walk a list but not count:
``PER.numbers``: ``[{"kind": PER03, "number": PER04}, ...]``.
"""

from __future__ import annotations

from typing import Any

from casebridge_x12.delimiters import Delimiters
from casebridge_x12.guide import SegmentRule

KEYS = tuple(f"{index:02}" for index in range(100))
ELEMENT_LIMIT = len(KEYS) - 1


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
            data[key] = _composite(data[key], element.repeats, delimiters)
    if rule.tag == "PER":
        _pair_numbers(data)
    return data


def _composite(text: str, repeats: bool, delimiters: Delimiters) -> Any:
    component = delimiters.component.decode("ascii")
    if not repeats:
        return _components(text.split(component))
    repetition = delimiters.repetition.decode("ascii")
    return [_components(part.split(component)) for part in (text.split(repetition) if repetition else [text])]


def _components(parts: list[str]) -> dict[str, Any]:
    return plain(["", *(part.rstrip(" ") for part in parts)])


def _pair_numbers(data: dict[str, Any]) -> None:
    numbers = []
    for kind, number in (("03", "04"), ("05", "06"), ("07", "08")):
        pair = {name: data.pop(key) for name, key in (("kind", kind), ("number", number)) if key in data}
        if pair:
            numbers.append(pair)
    if numbers:
        data["numbers"] = numbers
