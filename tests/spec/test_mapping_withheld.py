"""put: what is withheld from a partner leaves what the partner already has as it is, whatever else is withheld."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from casebridge.mapping import Map, OwnIds, load_map
from casebridge.mapping.tree import WITHHELD

MAP = """
map: test/patient
case: person
other: fhir-r4/Patient
fields:
  names: {each: name, key: [use, family], fields: {use: use, family: family, given: given}}
  addresses: {each: address, key: [line], fields: {line: line, city: city}}
  identifiers:
    each: identifier
    key: [system, value]
    fields:
      system: system
      value:
        choose:
          - {case: {system: ssn}, other: {system: ssn}, fields: {value: {at: value, as: ssn}}}
          - {case: {system: mrn}, other: {system: mrn}, fields: {value: value}}
          - {case: {value: present}, other: {value: present}, fields: {value: value}}
  relations:
    each: contact
    key: person
    fields: {role: role, person: {at: who, link: person}}
"""
HIDDEN = {"absent": "withheld"}
BASE: dict[str, Any] = {
    "name": [{"use": "usual", "family": "Elm"}, {"use": "old", "given": ["Opal"]}, {"use": "old", "family": "Fir"}],
    "address": [{"line": ["1 Oak St", "Apt 2"], "city": "Riverside"}, {"line": ["9 Elm St"]}],
    "identifier": [{"system": "ssn", "value": "900-12-0001"}, {"value": "77"}],
    "contact": [{"role": "mother", "who": "Patient/1"}, {"role": "mother", "who": "Patient/2"}],
}


@pytest.fixture(scope="module")
def the_map(tmp_path_factory: pytest.TempPathFactory) -> Map:
    path = tmp_path_factory.mktemp("maps") / "map.yaml"
    path.write_text(MAP)
    return load_map(path)


@pytest.mark.parametrize(
    "hide",
    [
        pytest.param(lambda p: p["relations"][0]["person"].update(external_id=HIDDEN), id="a part of a reference"),
        pytest.param(lambda p: p["relations"][1]["person"].update(external_id=HIDDEN), id="of the second one"),
        pytest.param(lambda p: p["addresses"][0]["line"].__setitem__(1, HIDDEN), id="one line of a key of several"),
        pytest.param(
            lambda p: (p["names"].__setitem__(2, HIDDEN), p["names"][1].update(given=HIDDEN, use=HIDDEN)),
            id="one item whole, another in part",
        ),
        pytest.param(lambda p: p["identifiers"][0].update(system=HIDDEN), id="what tells the branches apart"),
    ],
)
def test_what_is_withheld_leaves_theirs(the_map: Map, hide: Any) -> None:
    slice_ = copy.deepcopy(the_map.read(BASE).slice)
    hide(slice_["person"])
    assert the_map.write(slice_, OwnIds(), BASE).data == BASE


@pytest.mark.parametrize("reason", ["withheld", "not-asked"])
@pytest.mark.parametrize("theirs", ["a list", "what holds it", "an item"])
def test_what_looks_like_an_absent_of_ours_in_their_record_stays(tmp_path: Path, reason: str, theirs: str) -> None:
    path, odd = tmp_path / "map.yaml", {"absent": reason}
    head = "map: test/patient\ncase: person\nother: fhir-r4/Patient\n"
    fields = "  names: {each: held.name, key: family, fields: {family: family}}\n  birth: birthDate\n"
    path.write_text(f"{head}fields:\n{fields}")
    items = [{"family": "Elm"}, odd]
    held: dict[str, Any] = {"a list": {"name": odd}, "what holds it": odd, "an item": {"name": items}}
    base = {"held": held[theirs], "birthDate": "1970"}
    the_map = load_map(path)
    slice_ = the_map.read(base).slice
    assert the_map.write(slice_, OwnIds(), base).data == base
    slice_["person"]["birth"] = "1971"
    assert the_map.write(slice_, OwnIds(), base).data == {**base, "birthDate": "1971"}


def test_what_their_record_holds_never_changes_what_withheld_means(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    head = "map: test/patient\ncase: person\nother: fhir-r4/Patient\n"
    path.write_text(f"{head}fields:\n  effective: {{in: part(kind=span), fields: {{start: from, end: to}}}}\n")
    base = {"part": [{"kind": HIDDEN, "from": "1999"}]}
    written = load_map(path).write({"person": {"effective": {"start": "2024"}}}, OwnIds(), base).data
    assert written == {"part": [{"kind": HIDDEN, "from": "1999"}, {"kind": "span", "from": "2024"}]}
    assert WITHHELD == {"absent": "withheld"}
    with pytest.raises(TypeError):
        WITHHELD["start"] = "2024"  # type: ignore[index]
