"""put where a map chooses: branches that switch, constants that tell them apart, and what stands in the shadow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import a_map, edited, no_room, put, read

from casebridge.mapping import Map, OwnIds, interpreter

RESULT = """fields:
  category: event
  result:
    when: {category: [shelter, housing]}
    choose:
      - {case: {status: accepted}, other: {Result: "1"}, fields: {at: Day}}
      - {case: {status: rejected}, other: {Result: "2"}, fields: {reason: Why, at: Day}}
      - {case: {status: requested}, other: {Result: absent}, fields: {}}
"""
DECEASED = """fields:
  deceased:
    choose:
      - {case: {deceased: boolean}, other: {flag: present}, fields: {deceased: flag}}
      - {case: {deceased: moment}, other: {when: present}, fields: {deceased: when}}
"""
SHARED = """fields:
  birth: b
  outcome:
    choose:
      - {case: {status: done}, other: {order.state: "9"}, fields: {extra.on: end}}
shape: {root: Task, parents: {order: {type: Order, follow: focus, owner: theirs}}}
"""
REFERRAL = "map: t/referral\ncase: referral\nother: t/Thing\n"


@pytest.fixture
def result(tmp_path: Path) -> Map:
    return a_map(tmp_path, RESULT.replace("fields:\n", "fields:\n  extra.x: x\n", 1))


@pytest.fixture(autouse=True)
def person_with_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """The case paths are made up for these tests."""
    monkeypatch.setattr("casebridge.mapping.case_paths.check", lambda definition: None)


ACCEPTED = {"event": "shelter", "Result": "1", "Day": "2026-01-02", "z": "k"}
REJECTED = {"event": "shelter", "Result": "2", "Day": "2026-01-02", "Why": "full", "z": "k"}
REQUESTED = {"event": "shelter", "z": "k"}


@pytest.mark.parametrize(
    ("base", "change", "expected"),
    [
        (ACCEPTED, {"extra": {"x": "1"}}, {**ACCEPTED, "x": "1"}),
        (ACCEPTED, {"status": "rejected", "reason": "full"}, REJECTED),
        (REJECTED, {"status": "accepted", "reason": None}, ACCEPTED),
        (ACCEPTED, {"status": "requested", "at": None}, REQUESTED),
        (REQUESTED, {"status": "accepted", "at": "2026-01-02"}, ACCEPTED),
        (REJECTED, {"status": "unheard of", "at": None, "reason": None}, REQUESTED),
        (REJECTED, {"status": {"absent": "withheld"}}, REJECTED),
        # the branch counts for these events only
        (ACCEPTED, {"category": "meal"}, {"event": "meal", "z": "k"}),
        (ACCEPTED, {"category": "housing"}, {**ACCEPTED, "event": "housing"}),
        ({"event": "meal", "Result": "theirs"}, {"extra": {"x": "1"}}, {"event": "meal", "Result": "theirs", "x": "1"}),
        # a result that no branch knows gives way to one that says so
        ({"event": "shelter", "Result": "7"}, {"status": "requested"}, {"event": "shelter"}),
    ],
)
def test_a_branch_switches(result: Map, base: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]) -> None:
    assert put(result, read(result, base), base) == base
    data = edited(result, base, **change)
    assert data == expected
    if "withheld" not in str(change) and "unheard" not in str(change):
        wanted = read(result, base) | {name: value for name, value in change.items() if value is not None}
        again = read(result, data)
        assert again.get("status") == (wanted["status"] if data["event"] != "meal" else None)


def test_what_both_branches_hold_keeps_its_spelling(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, RESULT.replace("at: Day", "at: {at: Day, as: ssn}"))
    base = {**ACCEPTED, "Day": "999-01-0001"}
    data = edited(the_map, base, status="rejected", reason="full")
    assert data == {**REJECTED, "Day": "999-01-0001"}


def test_a_value_changes_its_place_with_its_type(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, DECEASED)
    base = {"flag": True, "x": "k"}
    assert edited(the_map, base, deceased="2020-01") == {"when": "2020-01", "x": "k"}
    assert edited(the_map, {"when": "2020-01", "x": "k"}, deceased=True) == {"flag": True, "x": "k"}
    assert edited(the_map, base, deceased=None) == {"x": "k"}
    both = {"flag": True, "when": "2020-01"}  # what stands in the shadow must not come to light
    assert edited(the_map, both, deceased=None) == {}


def test_a_constant_in_a_shared_parent_is_never_written(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, SHARED)
    base = {"b": "1", "order": {"state": "1", "who": "them"}}
    person = {"birth": "1", "status": "done", "extra": {"on": "2020"}}
    assert put(the_map, person, base)["order"] == base["order"]
    assert put(the_map, {"birth": "1"}, {**base, "order": {"state": "9"}, "end": "2020"}) == {
        "b": "1", "order": {"state": "9"},
    }  # fmt: skip


def test_also_read_never_reaches_into_a_shared_parent(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, "fields: {priority: {at: priority, also_read: [order.priority]}}\n"
                    + "shape: {root: Task, parents: {order: {type: Order, follow: focus, owner: theirs}}}\n",
                    REFERRAL)  # fmt: skip
    base = {"order": {"priority": "asap"}, "x": "1"}
    for referral, expected in (({"priority": "routine"}, {**base, "priority": "routine"}), ({}, base)):
        assert the_map.write({"referral": referral}, OwnIds(), base).data == expected


def test_what_no_branch_can_say_has_no_room(result: Map) -> None:
    assert no_room(result, {"category": "shelter", "status": "unheard of"}) == ["person.status"]
    assert no_room(result, {"category": "meal", "status": "accepted"}) == ["person.status"]


ENROLLMENT = """fields:
  birth: b
  enrollment:
    choose:
      - case: {status: ended}
        other: {program: present, left: present}
        fields: {extra.plan: program, extra.end: left}
      - case: {status: enrolled}
        other: {program: present, left: absent}
        fields: {extra.plan: program, extra.on: on}
  names:
    each: name
    key: [use, text]
    fields:
      kind:
        choose:
          - {case: {use: code}, other: {c: present, t: X}, fields: {text: c}}
          - {case: {use: word}, other: {c: absent}, fields: {text: w}}
"""


@pytest.mark.parametrize(
    ("person", "data", "missing"),
    [
        ({"status": "ended", "extra": {"plan": "P", "end": "2"}}, {"program": "P", "left": "2"}, []),
        # without the program nobody would read the rest: it is not written, and that is said
        ({"birth": "1", "status": "enrolled", "extra": {"on": "2"}}, {"b": "1"}, ["person.status", "person.extra.on"]),
        # and it would have been read as something else
        ({"status": "ended", "extra": {"plan": "P"}}, {}, ["person.status", "person.extra.plan"]),
        ({"names": [{"use": "code"}]}, {}, ["person.names[0].use"]),
        ({"names": [{"use": "code", "text": "7"}]}, {"name": [{"t": "X", "c": "7"}]}, []),
    ],
)
def test_a_branch_that_would_not_be_read_again_is_not_written(
    tmp_path: Path, person: dict[str, Any], data: dict[str, Any], missing: list[str]
) -> None:
    the_map = a_map(tmp_path, ENROLLMENT)
    assert put(the_map, person) == data
    assert no_room(the_map, person) == missing


def test_what_a_branch_can_no_longer_say_goes(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, ENROLLMENT)
    base = {"program": "P", "left": "2", "x": "k"}
    hidden = {"absent": "withheld"}
    assert edited(the_map, base, extra={"end": "2"}) == {"x": "k"}
    assert edited(the_map, base, extra={"plan": hidden, "end": "3"}) == {**base, "left": "3"}


SPAN = """fields:
  status: s
  extra:
    choose:
      - {case: {extra.end: present}, other: {day: absent, span.end: present}, fields: {extra.end: span.end}}
      - {case: {extra.end: absent}, other: {span: absent}, fields: {extra.on: day}}
"""


@pytest.mark.parametrize("odd", [[None], 10**30, {"note": "theirs"}, [[{"end": "1"}]]])
def test_what_no_branch_reads_stays_where_no_branch_has_something_to_say(tmp_path: Path, odd: Any) -> None:
    the_map = a_map(tmp_path, SPAN)
    base = {"span": odd, "s": "a"}
    assert edited(the_map, base) == base
    assert edited(the_map, base, status="b") == {**base, "s": "b"}
    assert edited(the_map, base, extra={"on": "3"}) == {"day": "3", "s": "a"}


HALF = """fields:
  status: {at: type, codes: {rows: [[active, H], [inactive, W]], otherwise: refuse}}
  more:
    choose:
      - {case: {status: active}, other: {type: H, sure: "1"}, fields: {birth: born}}
      - {case: {status: inactive}, other: {type: W, sure: "2"}, fields: {birth: born}}
"""


@pytest.mark.parametrize(
    ("change", "data"),
    [
        pytest.param({}, {"type": "H", "born": "?"}, id="nothing changed"),
        pytest.param({"birth": "1990-01-01"}, {"type": "H", "sure": "1", "born": "1990-01-01"}, id="we know it"),
        pytest.param({"status": "inactive"}, {"type": "W", "sure": "2"}, id="another branch"),
    ],
)
def test_what_fits_a_branch_by_half_stays_until_we_say_otherwise(
    tmp_path: Path, change: dict[str, str], data: dict[str, str]
) -> None:
    the_map, base = a_map(tmp_path, HALF, "map: t/m\ncase: person\nother: t/T\n"), {"type": "H", "born": "?"}
    slice_ = {"person": {**the_map.read(base).slice["person"], **change}}
    assert the_map.write(slice_, OwnIds(), base).data == data
    assert interpreter.write(the_map.definition, slice_, OwnIds(), base).data == data


ITEMS = """fields:
  telecoms:
    each: phone
    key: value
    fields:
      value: number
      safe_to_contact: {at: safe, as: boolean01}
      use: {at: type, codes: {rows: [[home, H], [work, W]], otherwise: refuse}}
      more:
        choose:
          - {case: {use: home}, other: {type: H, sure: "1"}, fields: {best_time: hours}}
          - {case: {use: work}, other: {type: W, sure: "2"}, fields: {best_time: hours}}
"""


def test_nor_does_an_item_change_that_fits_by_half(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, ITEMS, "map: t/m\ncase: person\nother: t/T\n")
    base = {"phone": [{"number": "1", "type": "H", "hours": "9-17"}, {"number": "2", "type": "W", "sure": "2"}]}
    slice_ = the_map.read(base).slice
    slice_["person"]["telecoms"][0]["safe_to_contact"] = True
    data = {"phone": [{**base["phone"][0], "safe": "1"}, base["phone"][1]]}
    assert the_map.write(slice_, OwnIds(), base).data == data
    assert interpreter.write(the_map.definition, slice_, OwnIds(), base).data == data
