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
ITEMS = (
    "fields: {telecoms: {each: t, key: v, fields: {value: v, use: {at: u, if_missing: {export: X}, loss: x}, "
    "period: {in: p, fields: {start: s}}}}}"
)
OPTIONAL = (
    "fields:\n  birth: B\n  effective: {in: Span, fields: {start: {at: From, required: export}, "
    "end: {at: To, if_missing: {export: '9999'}, loss: x}}}"
)
CODED = (
    "{in: Span, fields: {start: {at: From, codes: "
    "{rows: [[absent:asked-unknown, '8'], ['2000', '1']], otherwise: refuse}}}}"
)
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
    pytest.param(
        "fields: {effective: {in: Span, fields: {start: {at: From, required: import}, end: To}}}",
        {"Span": "2026"},
        "CB-302",
        id="a value that must be there, under a single value in the place of its group",
    ),
    pytest.param(
        "fields: {relations: {each: contacts, key: role, fields: {role: role, scope: {at: ^.kind, only: import}}}}",
        {"kind": "K", "contacts": [{"role": "a"}, {}]},
        {"relations": [{"role": "a", "scope": "K"}]},
        id="an empty item says nothing, whatever stands above it",
    ),
    pytest.param(
        "fields: {effective: {in: Span, fields: {start: From, end: {at: To, if_missing: {import: '9999'}, loss: x}}}}",
        {"Span": {}},
        {},
        id="an empty group says nothing, whatever its defaults are",
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
    pytest.param(
        ITEMS,
        {"telecoms": [{"period": {"start": HIDDEN}}]},
        None,
        {},
        id="an item that is withheld whole is not written new",
    ),
    pytest.param(
        ITEMS,
        {"telecoms": [{"value": "2"}, {"period": {"start": HIDDEN}}]},
        {"t": [{"v": "2"}]},
        {"t": [{"v": "2"}]},
        id="nor put beside theirs",
    ),
    pytest.param(
        "fields: {addresses(kind=home).line: [A1, A2]}",
        {"addresses": [{"kind": "home", "line": ["1 Elm", "Apt 2", HIDDEN]}]},
        None,
        {},
        id="a list of which a part is withheld beyond its places",
    ),
    pytest.param(
        f"fields:\n  birth: {{at: B, when: {{effective.start: absent}}}}\n  effective: {CODED}",
        {"birth": "2000", "effective": {"absent": "asked-unknown"}},
        None,
        {"B": "2000"},
        id="the reason for a group that is missing is no code of its fields",
    ),
    pytest.param(
        f"fields:\n  effective: {CODED}",
        {"effective": {"start": {"absent": "asked-unknown"}}},
        {"B": "2000"},
        {"B": "2000", "Span": {"From": "8"}},
        id="the reason for a field that is missing is, and brings its group",
    ),
    pytest.param(
        OPTIONAL, {"birth": "2001"}, {"B": "2000"}, {"B": "2001"},
        id="a group that neither side has asks nothing and gets no default",
    ),
    pytest.param(
        OPTIONAL, {"birth": "2000"}, {"B": "2000"}, {"B": "2000"},
        id="neither where nothing changes",
    ),
    pytest.param(
        OPTIONAL, {"effective": {"start": "2001"}}, {"Z": "1"}, {"Z": "1", "Span": {"From": "2001", "To": "9999"}},
        id="a new group gets its defaults",
    ),
    pytest.param(
        OPTIONAL, {"effective": {"end": "2001"}}, {"Z": "1"},
        "CB-302",
        id="and must hold what is required",
    ),
    pytest.param(
        "fields: {telecoms: {each: t, key: v, fields: {value: v, period: {in: p, fields: {start: {at: s, "
        "required: export}}}}}}",
        {"telecoms": [{"value": "2"}]},
        {"t": [{"v": "2"}]},
        {"t": [{"v": "2"}]},
        id="a group that neither side has asks nothing inside an item",
    ),
]  # fmt: skip


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
