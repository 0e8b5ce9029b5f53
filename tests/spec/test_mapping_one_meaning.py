"""A map means one thing: its generated functions and the interpreter give the same, here in shapes that tempt them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping import Map, OwnIds, interpreter, load_map

HEAD = "map: test/person\nother: test/Thing\n"
HIDDEN = {"absent": "withheld"}
READ = [
    pytest.param(
        "fields: {birth: 'x(e(url=a):present).v'}",
        {"x": [{"e": [{"url": "b"}], "v": "1"}, {"e": [{"url": "a"}], "v": "2"}]},
        {"birth": "2"},
        id="a selector inside a selector",
    ),
    pytest.param(
        "fields:\n  effective.start: S\n  effective: {in: B, fields: {end: {at: E, when: {start: present}}}}",
        {"S": "2000", "B": {"E": "2001"}},
        {"effective": {"start": "2000", "end": "2001"}},
        id="a condition on what another line put into the group",
    ),
    pytest.param(
        "case: [person, participations]\nonly: import\nfields:\n  person.names(use=old).family: F\n"
        "  person: {in: C, fields: {names(use=nickname).family: N}}",
        {"F": "Ng", "C": {"N": "Ai"}},
        {"names": [{"use": "old", "family": "Ng"}, {"use": "nickname", "family": "Ai"}]},
        id="a list filled by a line and by a group beside it",
    ),
]
WRITE = [
    pytest.param(
        "fields: {telecoms: {each: phones, key: number, fields: {value: number, use: {at: label, only: import}}}}",
        {"telecoms": [{"value": "555-0100", "use": "home"}]},
        {"phones": [{"number": "555-0100", "label": "work"}]},
        {"phones": [{"number": "555-0100", "label": "work"}]},
        id="what is only read is not written, in a list with a key neither",
    ),
    pytest.param(
        "only: export\nfields:\n  birth: X.n(use=a).v\n  effective: {in: X, fields: {start: n(use=b).v}}",
        {"birth": "2000", "effective": {"start": "2001"}},
        None,
        {"X": {"n": [{"use": "a", "v": "2000"}, {"use": "b", "v": "2001"}]}},
        id="a list filled by a line and by a group beside it",
    ),
]


def a_map(folder: Path, text: str) -> Map:
    path = folder / "map.yaml"
    path.write_text(HEAD + ("" if text.startswith("case:") else "case: person\n") + text)
    return load_map(path)


def outcome(run: Any) -> Any:
    """The data, or the code of the error."""
    try:
        return run()
    except CaseBridgeError as e:
        return e.code


@pytest.mark.parametrize(("text", "record", "person"), READ)
def test_reading(tmp_path: Path, text: str, record: dict[str, Any], person: Any) -> None:
    the_map = a_map(tmp_path, text)
    wanted = {"person": person} if isinstance(person, dict) and person else person
    assert outcome(lambda: the_map.read(record).slice) == wanted
    assert outcome(lambda: interpreter.read(the_map.definition, record).slice) == wanted


@pytest.mark.parametrize(("text", "person", "base", "wanted"), WRITE)
def test_writing(tmp_path: Path, text: str, person: dict[str, Any], base: dict[str, Any] | None, wanted: Any) -> None:
    the_map, slice_ = a_map(tmp_path, text), {"person": person}
    given = copy.deepcopy(base)
    assert outcome(lambda: the_map.write(slice_, OwnIds(), base).data) == wanted
    assert outcome(lambda: interpreter.write(the_map.definition, slice_, OwnIds(), base).data) == wanted
    assert base == given
