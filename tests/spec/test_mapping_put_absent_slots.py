"""put: a slice of a map of several slots may lack some of them. What they hold is not known: theirs stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import a_map

from casebridge.mapping import Map, OwnIds, interpreter

HEAD = "map: t/m\ncase: [person, case]\nother: t/T\n"
WHEN = "fields:\n  person.status: s\n  case.closed: {at: c, when: {person.status: deceased}}\n"
BRANCHES = """fields:
  person.status: s
  x:
    choose:
      - {case: {person.status: deceased}, other: {s: deceased}, fields: {case.closed: c}}
      - {case: {person.status: active}, other: {s: active}, fields: {case.opened: o}}
"""
PLAIN_BRANCH = "fields:\n  person.status: s\n  x: {choose: [{case: {}, other: {k: '1'}, fields: {case.closed: c}}]}\n"
BASE = {"s": "deceased", "c": "2020", "z": "1"}


def written(the_map: Map, slice_: dict[str, Any], base: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    found = interpreter.write(the_map.definition, slice_, OwnIds(), base)
    again = the_map.write(slice_, OwnIds(), base)
    assert (again.data, again.no_room) == (found.data, found.no_room)
    return found.data, found.no_room


@pytest.mark.parametrize("closed", ["2020", "2021"])
def test_a_when_of_a_slot_that_is_not_there_does_not_lapse(tmp_path: Path, closed: str) -> None:
    the_map = a_map(tmp_path, WHEN, HEAD)
    assert written(the_map, {"case": {"closed": closed}}, BASE) == (BASE, ["case.closed"])


def test_a_when_of_a_slot_that_is_there_lapses(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, WHEN, HEAD)
    slice_ = {"person": {"status": "active"}, "case": {}}
    assert written(the_map, slice_, BASE)[0] == {"s": "active", "z": "1"}


@pytest.mark.parametrize(
    ("slice_", "data"),
    [
        pytest.param({"person": {"status": "deceased"}}, BASE, id="the branch stays"),
        pytest.param({"person": {"status": "active"}}, {**BASE, "s": "active"}, id="another branch"),
        pytest.param({"person": {"status": "active"}, "case": {}}, {"s": "active", "z": "1"}, id="all is known"),
    ],
)
def test_what_a_branch_says_of_a_slot_that_is_not_there_stays(
    tmp_path: Path, slice_: dict[str, Any], data: dict[str, Any]
) -> None:
    assert written(a_map(tmp_path, BRANCHES, HEAD), slice_, BASE)[0] == data


def test_a_branch_without_a_condition_of_ours_is_written_where_its_slot_is_there(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, PLAIN_BRANCH, HEAD)
    base = {**BASE, "k": "1"}
    assert written(the_map, {"person": {"status": "active"}}, base)[0] == {**base, "s": "active"}
    assert written(the_map, {"person": {"status": "active"}}, BASE)[0] == {**BASE, "s": "active"}
    assert written(the_map, {"case": {"closed": "2021"}}, base)[0] == {**base, "c": "2021"}


ONE_OF_A_LIST = "fields:\n  person.status: s\n  participations(participation_kind=coverage).line: l\n"
OF_A_LIST = "map: t/m\ncase: [person, participations]\nother: t/T\n"
PROGRAM = {"participation_kind": "program", "line": "shelter"}


@pytest.mark.parametrize(
    ("listed", "complete", "data"),
    [
        pytest.param([], [], {"s": "active", "l": "medical"}, id="nobody said that there is none"),
        pytest.param([PROGRAM], [], {"s": "active", "l": "medical"}, id="another one says nothing of it"),
        pytest.param([PROGRAM], ["participations"], {"s": "active"}, id="these are all there are"),
        pytest.param([{**PROGRAM, "participation_kind": "coverage"}], [], {"s": "active", "l": "shelter"}, id="it"),
    ],
)
def test_a_record_that_a_list_does_not_mention_is_gone_only_from_a_complete_one(
    tmp_path: Path, listed: list[dict[str, Any]], complete: list[str], data: dict[str, Any]
) -> None:
    the_map = a_map(tmp_path, ONE_OF_A_LIST, OF_A_LIST)
    slice_ = {"person": {"status": "active"}, "participations": listed, "complete": complete}
    assert written(the_map, slice_, {"s": "active", "l": "medical"})[0] == data
