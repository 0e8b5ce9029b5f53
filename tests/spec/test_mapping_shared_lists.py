"""Several lines read one list of ours and one of them writes it: what stands in another's place stays there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapped import HEAD, a_map, edited, no_room, put, read

from casebridge.mapping import Map
from casebridge.mapping.checking import check
from casebridge.mapping.likeness import agrees, veiled
from casebridge.mapping.shared_lists import standing
from casebridge.mapping.walk import Scope

LINES = """
fields:
  telecoms: {each: own, key: value, fields: {system: system, value: value}}
  telecoms_of_household:
    choose:
      - other: {household: present}
        case: {}
        fields: {telecoms: {each: household.phones, key: value, only: import, fields: {system: system, value: value}}}
"""
A, B, C = ({"system": "phone", "value": v} for v in "ABC")
HIDDEN = {"absent": "withheld"}


@pytest.fixture
def the_map(tmp_path: Path) -> Map:
    return a_map(tmp_path, LINES)


def record(own: list[Any], household: list[Any]) -> dict[str, Any]:
    return {**({"own": own} if own else {}), **({"household": {"phones": household}} if household else {})}


CASES = [
    # theirs: own, household      ours                their own, afterwards
    (record([A], [B]), [A, B], [A]),
    (record([], [B]), [B], None),
    (record([A], [A]), [A, A], [A]),
    (record([A], [B]), [A, B, C], [A, C]),
    (record([A], [B]), [B], None),
    (record([A], [B]), [A], [A]),
    (record([A], [B]), [A, {"system": "fax", "value": "B"}], [A, {"system": "fax", "value": "B"}]),
    (record([A], []), [A, B], [A, B]),
    ({}, [A, B], [A, B]),
]


@pytest.mark.parametrize(("theirs", "ours", "own"), CASES)
def test_what_the_other_place_holds_is_not_written_again(the_map, theirs, ours, own):
    written = put(the_map, {"telecoms": ours}, theirs)
    assert written.get("own") == own
    assert written.get("household") == theirs.get("household")
    assert no_room(the_map, {"telecoms": ours}, theirs) == []


def test_both_are_read(the_map):
    assert read(the_map, record([A], [B])) == {"telecoms": [A, B]}


@pytest.mark.parametrize("theirs", [case[0] for case in CASES])
def test_nothing_changes_when_nothing_changed(the_map, theirs):
    assert edited(the_map, theirs) == theirs


def test_what_is_withheld_in_part_is_neither_written_again_nor_a_reason_to_drop(the_map):
    theirs = record([A], [B])
    assert put(the_map, {"telecoms": [A, {"system": HIDDEN, "value": "B"}]}, theirs) == theirs
    assert put(the_map, {"telecoms": [{"system": "phone", "value": HIDDEN}]}, theirs) == theirs


def test_the_check_takes_one_that_writes_and_no_more(tmp_path):
    assert check(a_map(tmp_path, LINES), None, runs=200).errors == ()
    two = LINES.replace("only: import, ", "")
    assert {f.code for f in check(a_map(tmp_path, two, HEAD), None, runs=0).errors} == {"CB-218"}


VALUES = st.sampled_from(["a", "b", None, {"absent": "withheld"}])
ITEMS = st.lists(st.fixed_dictionaries({"code": VALUES}, optional={"system": VALUES}), max_size=5)


@given(ours=ITEMS, theirs=ITEMS.map(lambda items: [i for i in items if not veiled(i)]))
def test_each_item_that_stands_there_is_one_of_theirs_and_none_serves_twice(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]]
) -> None:
    listed = [Scope(item, (i,)) for i, item in enumerate(ours)]
    found, unsure = standing(listed, theirs)
    left = list(theirs)
    for item in found:
        left.remove(next(one for one in left if agrees(item.node, one)))
    assert unsure == any(veiled(item.node) for item in found)
    rest = [item for item in listed if not any(item is one for one in found)]
    assert not any(agrees(item.node, one) for item in rest if not veiled(item.node) for one in left)
