"""Slices as data: their leaves, a copy with some withheld, two of them as one. Pure; nothing is changed in place.

A *leaf* is a value that is decided as a whole: text, a number, true or false, an ``Absent``, a reference to another
record, or an empty group or list. Its *path* is the case path with positions (``person.telecoms[0].value``), its
*field* the path in the record without them (``telecoms.value``), which is what the rules of disclosure know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.core.case import PLURALS, records_of
from casebridge.core.disclosure import Decision

WITHHELD: Mapping[str, str] = {"absent": "withheld"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a slice. ``record`` is the path of the record it belongs to (``needs[1]``)."""

    path: str
    kind: str
    record: str
    field: str
    value: Any


def is_absent(value: object) -> bool:
    """Is this an ``Absent``: missing for a known reason?"""
    return isinstance(value, Mapping) and set(value) == {"absent"}


def is_reference(value: object) -> bool:
    """Does this point to another record?"""
    return isinstance(value, Mapping) and "kind" in value and ("id" in value or "external_id" in value)


def references_in(value: Any) -> Iterator[str]:
    """The source's ids of all that is referred to inside ``value``."""
    if is_reference(value):
        yield from filter(None, [value.get("external_id")])
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from references_in(inner)


def leaves(slice_: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every leaf of every record, in order."""
    for kind, record, content in records_of(dict(slice_)):
        for name, inside in content.items():
            for path, field, value in _walk(inside, f"{record}.{name}", name):
                yield Leaf(path, kind, record, field, value)


def withhold(
    slice_: Mapping[str, Any], decide: Callable[[Leaf], Decision]
) -> tuple[dict[str, Any], list[tuple[Leaf, Decision]]]:
    """The slice with what may not leave withheld, and the decision on every leaf.

    A field nothing of which leaves becomes ``{"absent": "withheld"}`` as a whole. A record of a list nothing of which
    leaves is left out, and its list is no longer called complete: what is missing there has not ended.
    """
    decisions = [(leaf, decide(leaf)) for leaf in leaves(slice_)]
    by_path = {leaf.path: decision for leaf, decision in decisions}
    kept: dict[str, Any] = {}
    complete = set(slice_.get("complete", ()))
    for slot, content in slice_.items():
        if slot in PLURALS:
            records = [_reduced(r, f"{slot}[{i}]", by_path) for i, r in enumerate(content)]
            kept[slot] = [r for r in records if any(not is_absent(v) or v["absent"] != "withheld" for v in r.values())]
            complete -= {slot} if len(kept[slot]) < len(content) else set()
        elif slot != "complete":
            kept[slot] = _reduced(content, slot, by_path)
    if "complete" in slice_:
        kept["complete"] = [name for name in slice_["complete"] if name in complete]
    return kept, decisions


def merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two slices as one. In a slot both have, ``second``'s fields win; records of a list meet by their id."""
    merged = dict(first)
    for slot, content in second.items():
        if slot == "complete":
            merged[slot] = list(dict.fromkeys([*first.get(slot, ()), *content]))
        elif slot in PLURALS:
            merged[slot] = _merged_list(first.get(slot, ()), content)
        else:
            merged[slot] = {**first.get(slot, {}), **content}
    return merged


def _walk(value: Any, path: str, field: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, Mapping) and value and not (is_absent(value) or is_reference(value)):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}", f"{field}.{key}")
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from _walk(item, f"{path}[{i}]", field)
    else:
        yield path, field, value


def _reduced(record: Mapping[str, Any], path: str, by_path: Mapping[str, Decision]) -> dict[str, Any]:
    return {key: _filtered(value, f"{path}.{key}", by_path) for key, value in record.items()}


def _filtered(value: Any, path: str, by_path: Mapping[str, Decision]) -> Any:
    """The value as far as it may leave; withheld as a whole when nothing of it may."""
    if path in by_path:
        return _released(value, by_path[path])
    if isinstance(value, list):
        items: list[Any] = [_filtered(item, f"{path}[{i}]", by_path) for i, item in enumerate(value)]
        return dict(WITHHELD) if all(item == WITHHELD for item in items) else items
    fields = {key: _filtered(item, f"{path}.{key}", by_path) for key, item in value.items()}
    return dict(WITHHELD) if all(item == WITHHELD for item in fields.values()) else fields


def _released(value: Any, decision: Decision) -> Any:
    """A redaction nobody knows how to do withholds."""
    if decision.effect == "permit":
        return value
    if decision.effect == "redact" and "keep-year" in decision.obligations:
        return value[:4] if isinstance(value, str) else value if is_absent(value) else dict(WITHHELD)
    return dict(WITHHELD)


def _merged_list(first: Any, second: Any) -> list[Any]:
    merged = [dict(record) for record in first]
    for record in second:
        same = next((m for m in merged if _id(m) is not None and _id(m) == _id(record)), None)
        if same is None:
            merged.append(dict(record))
        else:
            same.update(record)
    return merged


def _id(record: Mapping[str, Any]) -> str | None:
    return record.get("id") or record.get("external_id")
