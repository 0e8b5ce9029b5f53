"""Small maps for tests, run by the interpreter and by whatever a map runs with: both must say the same."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from casebridge.mapping import Map, OwnIds, interpreter, load_map

HEAD = "map: t/person\ncase: person\nother: t/Thing\n"


def a_map(folder: Path, text: str, head: str = HEAD) -> Map:
    """The map whose text follows its head."""
    path = folder / "map.yaml"
    path.write_text(head + text, encoding="utf-8")
    return load_map(path)


def lines(folder: Path, text: str) -> Map:
    """The map of these lines, one below the other."""
    body = "".join(f"  {line}\n" for line in text.strip().splitlines())
    return a_map(folder, f"fields:\n{body}")


def read(the_map: Map, data: dict[str, Any]) -> dict[str, Any]:
    """The person read from ``data``."""
    found = interpreter.read(the_map.definition, data)
    again = the_map.read(data)
    assert (again.slice, again.left_over) == (found.slice, found.left_over)
    return dict(found.slice.get("person", {}))


def put(the_map: Map, person: dict[str, Any], base: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the person becomes, written onto ``base`` or onto nothing. Nothing that was given is changed."""
    return _written(the_map, person, base).data


def no_room(the_map: Map, person: dict[str, Any], base: dict[str, Any] | None = None) -> list[str]:
    """The case paths of what nothing could hold."""
    return _written(the_map, person, base).no_room


def _written(the_map: Map, person: dict[str, Any], base: dict[str, Any] | None) -> interpreter.Exported:
    slice_ = {"person": person}
    before = copy.deepcopy((slice_, base))
    found = interpreter.write(the_map.definition, slice_, OwnIds(), base)
    again = the_map.write(slice_, OwnIds(), base)
    assert (again.data, again.no_room) == (found.data, found.no_room)
    assert (slice_, base) == before
    return found


def edited(the_map: Map, base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """``base`` after the person read from it is changed and put back; None takes a field away."""
    person = read(the_map, base) | {name: value for name, value in changes.items() if value is not None}
    return put(the_map, {name: value for name, value in person.items() if changes.get(name, value) is not None}, base)
