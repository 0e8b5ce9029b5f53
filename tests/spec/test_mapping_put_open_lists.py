"""put: a list of records the slice does not call complete: what it does not mention stays with the partner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import a_map

from casebridge.core.disclosure import Decision
from casebridge.core.slices import Leaf, withhold
from casebridge.mapping import Map, OwnIds, interpreter

WHOLE = "fields:\n  .: {each: rows, key: id, fields: {external_id: id, participation_kind: k, entry: e}}\n"
ONE = "fields: {entry: e, participation_kind: k}\n"
ROWS = {"rows": [{"id": "1", "k": "program", "e": "2020", "z": "q"}, {"id": "2", "k": "coverage", "e": "2021"}]}
NEEDS = "fields:\n  status: s\n  needs: {each: reason, key: ref, fields: {.: {at: ref, link: need}}}\n"
REASONS = {"s": "requested", "reason": [{"ref": "Condition/1", "z": "1"}, {"ref": "Condition/2"}]}


def head(slot: str) -> str:
    return f"map: t/m\ncase: {slot}\nother: t/T\n"


def written(the_map: Map, slice_: dict[str, Any], base: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    found = interpreter.write(the_map.definition, slice_, OwnIds(), base)
    again = the_map.write(slice_, OwnIds(), base)
    assert (again.data, again.no_room) == (found.data, found.no_room)
    return found.data, found.no_room


def without(the_map: Map, base: dict[str, Any], record: str) -> dict[str, Any]:
    """The slice that is read from ``base`` with a record of it withheld as a whole."""

    def decide(leaf: Leaf) -> Decision:
        return Decision("deny" if leaf.record == record else "permit", ())

    return withhold({**the_map.read(base).slice, "complete": ["participations"]}, decide)[0]


@pytest.mark.parametrize("record", ["participations[0]", "participations[1]"])
def test_a_row_of_a_withheld_record_stays(tmp_path: Path, record: str) -> None:
    the_map = a_map(tmp_path, WHOLE, head("participations"))
    assert written(the_map, without(the_map, ROWS, record), ROWS) == (ROWS, [])


def test_a_row_goes_where_the_slice_calls_its_list_complete(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, WHOLE, head("participations"))
    two = {"participations": the_map.read(ROWS).slice["participations"][1:]}
    assert written(the_map, two, ROWS)[0] == ROWS
    assert written(the_map, {**two, "complete": ["participations"]}, ROWS)[0] == {"rows": ROWS["rows"][1:]}


@pytest.mark.parametrize("text", [ONE, WHOLE])
def test_all_of_the_only_record_stays_when_it_is_withheld(tmp_path: Path, text: str) -> None:
    the_map = a_map(tmp_path, text, head("participations"))
    base: dict[str, Any] = {"rows": ROWS["rows"][:1]} if text is WHOLE else {"e": "2020", "k": "program", "z": "1"}
    slice_ = without(the_map, base, "participations[0]")
    assert slice_["participations"] == []
    assert written(the_map, slice_, base) == (base, [])
    assert written(the_map, {**slice_, "complete": ["participations"]}, base)[0] == (
        {} if text is WHOLE else {"z": "1"}
    )


@pytest.mark.parametrize("slot", ["referral", "referrals"])
def test_a_field_that_is_called_as_a_slot_is_no_slot(tmp_path: Path, slot: str) -> None:
    """The needs of a referral are all it is for; one taken away there goes at the partner's, too."""
    the_map = a_map(tmp_path, NEEDS, head(slot))
    one: dict[str, Any] = {"status": "requested", "needs": [{"kind": "need", "external_id": "Condition/2"}]}
    slice_ = {slot: [one] if slot == "referrals" else one}
    assert written(the_map, slice_, REASONS)[0] == {"s": "requested", "reason": [{"ref": "Condition/2"}]}
    none = {"status": "requested"}
    slice_ = {slot: [none] if slot == "referrals" else none}
    assert written(the_map, slice_, REASONS)[0] == {"s": "requested"}
