"""put: the case side written onto the last original seen from the partner."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from casebridge.core.errors import MapError
from casebridge.mapping import Map, OwnIds, load_map

MAP = """
map: test/patient
case: person
other: fhir-r4/Patient
match: {resourceType: Patient}
fields:
  names:
    each: name
    key: [use, family]
    fields: {use: use, family: family, given: given, period: {in: period, fields: {start: start, end: end}}}
  telecoms: {each: telecom, key: value, fields: {system: system, value: value}}
  birth: birthDate
  subject: {at: link.reference, link: person}
  sexes(kind=administrative).value: {at: gender, codes: sex}
  identifiers(system=ssn).value: {at: identifier(system=ssn).value, as: ssn}
  extra.plan: coding().code
codes:
  sex:
    rows: [[male, male], [female, female], [female, woman, import], [absent:asked-unknown, unknown]]
    otherwise: refuse
"""

BASE: dict[str, Any] = {
    "resourceType": "Patient",
    "meta": {"versionId": "7"},
    "name": [
        {"use": "official", "family": "Ng", "given": ["Ada"], "_note": "theirs"},
        {"use": "old", "family": "Lim", "period": {"end": "2020"}},
    ],
    "telecom": [{"system": "phone", "value": "1", "rank": "1"}, {"system": "phone", "value": "2", "rank": "2"}],
    "birthDate": "1974-12",
    "gender": "woman",
    "link": {"reference": "Patient/9", "display": "theirs"},
    "identifier": [{"system": "mrn", "value": "M1"}, {"system": "ssn", "value": "999-01-0001", "use": "usual"}],
}


@pytest.fixture
def the_map(tmp_path: Path) -> Map:
    path = tmp_path / "map.yaml"
    path.write_text(MAP)
    return load_map(path)


def changed(the_map: Map, edit: Any, base: dict[str, Any] = BASE) -> dict[str, Any]:
    """``base`` after the person read from it is edited and put back; inputs must stay as they were."""
    slice_ = the_map.read(base).slice
    edit(slice_["person"])
    before = copy.deepcopy((slice_, base))
    written = the_map.write(slice_, OwnIds(), base)
    assert (slice_, base) == before
    return written.data


def without(*path: Any) -> dict[str, Any]:
    data = copy.deepcopy(BASE)
    node = data
    for part in path[:-1]:
        node = node[part]
    del node[path[-1]]
    return data


def having(value: Any, *path: Any) -> dict[str, Any]:
    data = copy.deepcopy(BASE)
    node = data
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return data


def test_nothing_changed(the_map: Map) -> None:
    assert changed(the_map, lambda person: None) == BASE
    assert the_map.write(the_map.read(BASE).slice, OwnIds(), BASE).no_room == []


def test_the_partners_own_code_and_spelling_stay_where_they_still_mean_the_same(the_map: Map) -> None:
    def edit(person: dict[str, Any]) -> None:
        person["birth"] = "1975"

    assert changed(the_map, edit) == having("1975", "birthDate")


def test_a_changed_code_is_written(the_map: Map) -> None:
    def edit(person: dict[str, Any]) -> None:
        person["sexes"][0]["value"] = {"absent": "asked-unknown"}

    assert changed(the_map, edit) == having("unknown", "gender")


def test_an_absent_value_without_a_code_takes_theirs_away(the_map: Map) -> None:
    def edit(person: dict[str, Any]) -> None:
        person["birth"] = {"absent": "asked-declined"}

    assert changed(the_map, edit) == without("birthDate")


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p.update(birth={"absent": "withheld"}),
        lambda p: p.update(names={"absent": "withheld"}),
        lambda p: p["names"].__setitem__(0, {k: {"absent": "withheld"} for k in ("use", "family", "given")}),
        lambda p: p["names"][0].update(family={"absent": "withheld"}, given={"absent": "withheld"}),
        lambda p: p["names"][1].update(period={"absent": "withheld"}),
        lambda p: p.update(sexes=[{"kind": {"absent": "withheld"}, "value": {"absent": "withheld"}}]),
        lambda p: p["identifiers"][0].update(value={"absent": "withheld"}),
        lambda p: p.update(subject={"absent": "withheld"}),
    ],
)
def test_a_withheld_value_leaves_theirs_alone(the_map: Map, edit: Any) -> None:
    assert changed(the_map, edit) == BASE


def test_on_create_a_withheld_value_is_not_written_nor_an_item_whose_key_is_withheld(the_map: Map) -> None:
    """Nobody could recognise such an item again: it would be written a second time once its key may be seen."""
    hidden = {"absent": "withheld"}
    person = {
        "birth": hidden,
        "names": [
            {"use": hidden, "family": hidden},
            {"use": "usual", "family": hidden},
            {"use": "old", "family": "Ng", "given": hidden},
        ],
    }
    written = the_map.write({"person": person}, OwnIds())
    assert written.data == {"resourceType": "Patient", "name": [{"use": "old", "family": "Ng"}]}
    assert written.no_room == ["person.names[1].use"]


def test_items_are_recognised_by_key_and_keep_their_order_and_what_no_line_claims(the_map: Map) -> None:
    def edit(person: dict[str, Any]) -> None:
        person["names"].reverse()
        person["names"][1]["given"] = ["Ada", "M."]
        person["names"].append({"use": "nickname", "family": "Ngo"})

    expected = having(["Ada", "M."], "name", 0, "given")
    expected["name"].append({"use": "nickname", "family": "Ngo"})
    assert changed(the_map, edit) == expected


def test_a_deleted_item_goes_and_its_neighbour_stays_itself(the_map: Map) -> None:
    assert changed(the_map, lambda person: person["telecoms"].pop(0)) == without("telecom", 0)


def test_an_emptied_list_goes(the_map: Map) -> None:
    assert changed(the_map, lambda person: person.pop("telecoms")) == without("telecom")


def test_what_a_selector_made_goes_when_nothing_else_is_left_in_it(the_map: Map) -> None:
    base = having([{"system": "ssn", "value": "999010001"}], "identifier")
    assert changed(the_map, lambda person: person.pop("identifiers"), base) == without("identifier")
    assert changed(the_map, lambda person: person.pop("identifiers")) == without("identifier", 1, "value")


def test_groups_go_when_empty(the_map: Map) -> None:
    assert changed(the_map, lambda person: person["names"][1].pop("period")) == without("name", 1, "period")


def test_a_reference_keeps_what_stands_beside_it(the_map: Map) -> None:
    def edit(person: dict[str, Any]) -> None:
        person["subject"] = {"kind": "person", "external_id": "Patient/10"}

    assert changed(the_map, edit) == having("Patient/10", "link", "reference")


class NoIds:
    def theirs(self, ref: dict[str, Any]) -> str | None:
        return None


def test_a_reference_the_partner_does_not_know_has_no_room(the_map: Map) -> None:
    written = the_map.write({"person": {"subject": {"kind": "person", "id": "01J"}}}, NoIds())
    assert written.data == {"resourceType": "Patient"}
    assert written.no_room == ["person.subject.kind", "person.subject.id"]


def test_a_deletion_is_refused_while_the_match_is_ambiguous(the_map: Map) -> None:
    twins = [{"value": "1", "system": "phone", "rank": "1"}, {"value": "1", "system": "phone", "rank": "2"}]
    with pytest.raises(MapError, match="CB-209"):
        changed(the_map, lambda person: person["telecoms"].pop(), having(twins, "telecom"))
    two = [{"system": "ssn", "value": "999010001"}, {"system": "ssn", "value": "999010002"}]
    with pytest.raises(MapError, match="CB-209"):
        changed(the_map, lambda person: person.pop("identifiers"), having(two, "identifier"))


def test_equal_twins_may_go(the_map: Map) -> None:
    twins = [{"value": "1", "system": "phone"}, {"value": "1", "system": "phone"}]
    data = changed(the_map, lambda person: person["telecoms"].pop(), having(twins, "telecom"))
    assert data == having(twins[:1], "telecom")


def test_numbers_keep_their_spelling(the_map: Map) -> None:
    from decimal import Decimal

    base = {"resourceType": "Patient", "coding": [{"code": Decimal("72.50")}]}
    data = the_map.write({"person": {"extra": {"plan": "72.50"}}}, OwnIds(), base).data
    assert data == base
    assert str(data["coding"][0]["code"]) == "72.50"


def test_a_list_of_a_thousand_items_is_put_item_by_item(the_map: Map) -> None:
    """Each item is read and paired once: the number of steps grows with the list, not with its square."""
    steps = {count: _steps(the_map, count) for count in (100, 1000)}
    assert steps[1000] < 12 * steps[100]


def _steps(the_map: Map, count: int) -> int:
    import sys

    telecom = [{"system": "phone", "value": str(i), "rank": "1"} for i in range(count)]
    base = {"resourceType": "Patient", "telecom": telecom}
    slice_ = the_map.read(base).slice
    slice_["person"]["telecoms"].reverse()
    slice_["person"]["telecoms"].pop(count // 2)
    calls = 0

    def count_calls(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count_calls)
    try:
        the_map.write(slice_, OwnIds(), base)
    finally:
        sys.setprofile(None)
    return calls
