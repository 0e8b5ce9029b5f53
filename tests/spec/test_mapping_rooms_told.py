"""What had no room is asked of the interpreter once for all exports that a map cannot tell apart; no value is kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mapped import HEAD, a_map

from casebridge.mapping import Map, OwnIds, interpreter
from casebridge.mapping.compiled import rooms
from casebridge.mapping.compiled.rooms import Heard, Rooms

LINES = """
fields:
  status: {at: state, codes: {rows: [[open, o], [closed, c]], otherwise: report}}
  birth: {at: born, as: date8}
  subject: {at: about, link: person}
  created: {at: note, only: import}
  names: {each: names, key: family, fields: {family: last, given: first}}
  telecoms(system=phone): {each: phones, key: value, fields: {value: number}}
"""


@pytest.fixture
def the_map(tmp_path: Path) -> Map:
    return a_map(tmp_path, LINES, HEAD)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the interpreter was asked."""
    found: list[Any] = []
    ask = Rooms._ask

    def counted(self: Rooms, slice_: Any, *more: Any) -> list[str]:
        found.append(slice_)
        return ask(self, slice_, *more)

    monkeypatch.setattr(Rooms, "_ask", counted)
    return found


def no_room(the_map: Map, person: dict[str, Any], base: dict[str, Any] | None = None) -> list[str]:
    return the_map.write({"person": person}, OwnIds(), base).no_room


def client(name: str, birth: str = "1980-05-17", **more: Any) -> dict[str, Any]:
    return {"names": [{"family": name, "suffix": f"{name} Jr."}], "birth": birth, **more}


def test_two_clients_with_the_same_answers_are_asked_about_once(the_map: Map, asked: list[Any]) -> None:
    assert no_room(the_map, client("Abbas")) == ["person.names[0].suffix"]
    assert no_room(the_map, client("Okafor", "1991-11-02")) == ["person.names[0].suffix"]
    assert len(asked) == 1


def test_each_answer_is_its_own_list(the_map: Map) -> None:
    no_room(the_map, client("Abbas")).clear()
    assert no_room(the_map, client("Okafor")) == ["person.names[0].suffix"]


@pytest.mark.parametrize(("one", "other", "said"), [
    ({"status": "open"}, {"status": "unheard of"}, ["person.status"]),
    ({"status": "open"}, {"status": ""}, []),
    ({"subject": {"kind": "person", "external_id": "P1"}}, {"subject": {"kind": "need", "external_id": "P1"}},
     ["person.subject.kind", "person.subject.external_id"]),
    ({"telecoms": [{"system": "phone", "value": "1"}]}, {"telecoms": [{"system": "fax", "value": "1"}]},
     ["person.telecoms[0].system", "person.telecoms[0].value"]),
    ({"created": {"absent": "withheld"}}, {"created": {"absent": "unknown"}}, ["person.created"]),
    ({"created": ["a"]}, {"created": ["a", "b"]}, ["person.created[0]", "person.created[1]"]),
    ({"status": "open"}, {"status": "open", "extra": "more"}, ["person.extra"]),
])  # fmt: skip
def test_what_the_map_tells_apart_is_told_apart(
    the_map: Map, one: dict[str, Any], other: dict[str, Any], said: list[str]
) -> None:
    no_room(the_map, one)
    assert no_room(the_map, other) == said


def test_a_value_that_stands_in_their_record_is_told_from_another(the_map: Map) -> None:
    """A line that is only read: its place holds the value only where it is the same one."""
    assert no_room(the_map, {"created": "call first"}, {"note": "call first"}) == []
    assert no_room(the_map, {"created": "call later"}, {"note": "call first"}) == ["person.created"]
    assert no_room(the_map, {"created": "7"}, {"note": 7}) == []
    assert no_room(the_map, {"created": "8"}, {"note": 7}) == ["person.created"]


class Directory:
    """Knows one person, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def theirs(self, ref: Mapping[str, Any]) -> str | None:
        self.asked += 1
        return "A" if ref.get("id") == "1" else None


def test_a_reference_the_partner_knows_is_told_from_one_it_does_not(the_map: Map) -> None:
    known, unknown = ({"person": {"subject": {"kind": "person", "id": id_}}} for id_ in ("1", "2"))
    assert the_map.write(known, Directory()).no_room == []
    assert the_map.write(unknown, Directory()).no_room == ["person.subject.kind", "person.subject.id"]


def test_a_reference_is_asked_for_once(the_map: Map) -> None:
    directory = Directory()
    assert the_map.write({"person": {"subject": {"kind": "person", "id": "2"}}}, directory).no_room
    assert directory.asked == 1


def test_a_reference_that_holds_a_list_is_asked_for_again() -> None:
    directory = Directory()
    heard = Heard(directory)
    assert [links.theirs({"kind": "person", "id": "1", "also": []}) for links in (heard, heard.again())] == ["A", "A"]
    assert directory.asked == 2


def test_no_value_of_a_record_is_kept(the_map: Map) -> None:
    no_room(the_map, client("Abbas", created="walks with a cane", **{"Jane Doe 1980-01-01": "x"}))
    no_room(the_map, client("Okafor", created="walks with a cane"))
    kept = repr(the_map.compiled.rooms._told)
    assert "person.created" in kept
    assert not any(word in kept for word in ("Abbas", "Okafor", "cane", "1980", "Jane"))


def test_the_oldest_answers_go_first(the_map: Map, asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST", 2)
    for count in (1, 2, 1, 3, 1, 2):  # as many unknown fields
        assert len(no_room(the_map, {f"extra{i}": "x" for i in range(count)})) == count
    assert [len(slice_["person"]) for slice_ in asked] == [1, 2, 3, 2]
    assert len(the_map.compiled.rooms._told) == 2


@pytest.mark.parametrize("line", [
    "relations: {each: with, key: a, fields: {name: {at: a, also_read: [^]}}}",
    "relations: {each: with, key: a, fields: {name: n, person: {at: a, link: person}, person.kind: kind}}",
])  # fmt: skip
def test_a_map_that_may_look_at_anything_is_asked_every_time(tmp_path: Path, asked: list[Any], line: str) -> None:
    """A value without a name of its own; a reference that items are known by, made by more than a link."""
    the_map = a_map(tmp_path, f"fields:\n  {line}\n", HEAD)
    for _ in range(2):
        assert no_room(the_map, {"relations": [{"name": "x", "role": "aunt"}]}) == ["person.relations[0].role"]
    assert len(asked) == 2


# --- what a map makes of values --------------------------------------------------------------------------------

MADE = """
fields:
  birth: {at: born, as: date8}
  created: {at: born, only: import}
  updated: {at: changed, as: date8, only: import}
  status: {at: note}
  effective: {at: note, as: date8, only: import}
  subject: {at: about, link: {Patient: person, Unit: location}}
  extra.who: {at: about, link: {Patient: person}, only: import}
  extra.parts: {at: parts, split: "^", fields: {a: "1", b: "2"}, only: import}
  died: {choose: [{case: {deceased: moment}, other: {}, fields: {deceased: died}}]}
  relations: {each: beside, key: about, fields: {person: {at: about, link: person}, role: as}}
"""


class Called:
    """Answers by id, or by the partner's own word."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers

    def theirs(self, ref: Mapping[str, Any]) -> str | None:
        return self.answers.get(str(ref.get("id") or ref.get("external_id")))



VEILED = {"person": {"kind": "person", "id": "a"}, "role": {"absent": "withheld"}}


@pytest.mark.parametrize(("one", "other", "said"), [
    (({"updated": "2020-01-02"}, {"changed": "20200102"}), ({"updated": "2020-01-02"}, {"changed": "20200103"}),
     ["person.updated"]),
    (({"updated": "2020-01-02"}, {"changed": "20200102"}), ({"updated": "2020-01-02"}, {"changed": "2020-01-3"}),
     ["person.updated"]),
    (({"birth": "1980-05-17", "created": "19800517"}, None), ({"birth": "1980-05-18", "created": "19800517"}, None),
     ["person.created"]),
    (({"status": "20200102", "effective": "2020-01-02"}, None),
     ({"status": "20200103", "effective": "2020-01-02"}, None),
     ["person.effective"]),
    (({"deceased": "2020-01-02"}, None), ({"deceased": "in 2020"}, None), ["person.deceased"]),
    (({"extra": {"parts": {"a": "x", "b": "y"}}}, {"parts": "x^y"}),
     ({"extra": {"parts": {"a": "x", "b": "y"}}}, {"parts": "x^z"}), ["person.extra.parts.b"]),
])  # fmt: skip
def test_what_is_made_of_a_value_is_told_apart(
    tmp_path: Path, one: tuple[dict[str, Any], Any], other: tuple[dict[str, Any], Any], said: list[str]
) -> None:
    the_map = a_map(tmp_path, MADE, HEAD)
    assert no_room(the_map, *one) == []
    assert no_room(the_map, *other) == said


def test_what_the_partner_calls_a_reference_is_read_as_its_kind(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, MADE, HEAD)
    said = []
    for name in ("Patient/7", "Unit/7"):
        who = {"kind": "person", "external_id": name}
        person = {"subject": {"kind": "person", "id": "a"}, "extra": {"who": who}}
        said.append(the_map.write({"person": person}, Called(a=name)).no_room)
    told = [f"person.{name}" for name in ("subject.kind", "subject.id", "extra.who.kind", "extra.who.external_id")]
    assert said == [[], told]  # a Unit could not be read again


def test_items_known_by_a_reference_are_told_apart_by_what_the_partner_calls_it(tmp_path: Path) -> None:
    """Two of ours whose role is withheld, and two of theirs: the same persons, or others."""
    the_map = a_map(tmp_path, MADE, HEAD)
    base = {"beside": [{"about": "p", "as": "aunt"}, {"about": "p", "as": "friend"}]}
    slice_ = {"person": {"relations": [VEILED, VEILED]}}
    same, others = Called(a="A", p="A"), Called(a="A", p="B")
    wanted = [interpreter.write(the_map.definition, slice_, links, base).no_room for links in (same, others)]
    assert wanted[0] != wanted[1]
    assert [the_map.write(slice_, links, base).no_room for links in (same, others)] == wanted
