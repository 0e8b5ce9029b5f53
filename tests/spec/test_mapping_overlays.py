"""One site's own differences, laid over the map of section 2 of the language: a person in FHIR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from casebridge.core.errors import MapError
from casebridge.mapping import Map, OwnIds, load_map, load_set

PERSON = """map: fhir/person
version: 1
case: person
other: fhir-r4/Patient
match: {resourceType: Patient}
rest: keep
names: {mrn: "urn:base:mrn", v2-0203: "http://terminology.hl7.org/CodeSystem/v2-0203"}
fields:
  identifiers:
    each: identifier
    key: [system, value]
    fields:
      system: system
      value: value
      kind: {at: type.coding(system=$v2-0203).code, codes: id_kind}
      period: {in: period, fields: {start: start, end: end}}
  names:
    each: name
    key: [use, family, period.start]
    fields:
      use: use
      family: family
      given: given
      suffix: suffix
      text: {at: text, only: import}
      period: {in: period, fields: {start: start, end: end}}
  telecoms: {each: telecom, key: [system, use, value], fields: {system: system, use: use, value: value}}
  addresses:
    each: address
    key: [use, line, period.start]
    fields:
      kind: {at: use, codes: address_use}
      line: line
      city: city
      state: state
      zip: postalCode
      period: {in: period, fields: {start: start}}
  birth: birthDate
  extra.mrn: {at: identifier(system=$mrn).value, only: import}
  sexes(kind=administrative).value: {at: gender, codes: sex}
  deceased:
    choose:
      - {case: {deceased: moment}, other: {deceasedDateTime: present}, fields: {deceased: deceasedDateTime}}
      - {case: {deceased: boolean}, other: {deceasedBoolean: present}, fields: {deceased: deceasedBoolean}}
ignore: [text, meta]
codes:
  sex:
    rows:
      - [male, male]
      - [female, female]
      - [other, other]
      - [absent:asked-unknown, unknown]
      - [questioning, other, export]
    otherwise: refuse
    loss: "FHIR's administrative gender has one code for these"
  address_use: {rows: [[home, home], [work, work], [temporary, temp], [old, old]], otherwise: keep}
  id_kind: {rows: [[mrn, MR], [medicaid, MA]], otherwise: keep}
examples:
  - about: two names, one ended, no use
    case:
      names:
        - {family: ABBAS, given: [COLIN, "V."], period: {end: "2020-07-22"}}
        - {family: BAXTER, given: [COLIN, "V."], period: {start: "2020-07-22"}}
    other:
      resourceType: Patient
      name:
        - {family: ABBAS, given: [COLIN, "V."], period: {end: "2020-07-22"}}
        - {family: BAXTER, given: [COLIN, "V."], period: {start: "2020-07-22"}}
  - about: nearly everything
    case:
      identifiers: [{system: "urn:base:mrn", value: "7", kind: mrn, period: {start: "2020"}}]
      telecoms: [{system: phone, use: home, value: 555-0100}, {system: email, value: a@example.org}]
      addresses: [{kind: temporary, line: [Shelter 7, Door 2], city: Riverside, zip: "92501"}]
      birth: "1974-12"
      extra: {mrn: "7"}
      sexes: [{kind: administrative, value: {absent: asked-unknown}}]
      deceased: false
    other:
      resourceType: Patient
      identifier:
        - {system: "urn:base:mrn", value: "7", period: {start: "2020"},
           type: {coding: [{system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: MR}]}}
      telecom: [{system: phone, use: home, value: 555-0100}, {system: email, value: a@example.org}]
      address: [{use: temp, line: [Shelter 7, Door 2], city: Riverside, postalCode: "92501"}]
      birthDate: "1974-12"
      gender: unknown
      deceasedBoolean: false
  - about: the date is known
    case: {deceased: "2026-02-03"}
    other: {resourceType: Patient, deceasedDateTime: "2026-02-03"}
"""
MERCY = """map: mercy/person
base: fhir/person
names: {mrn: "urn:mercy:mrn"}
codes: {sex: {rows: [[nonbinary, X]]}}
ignore: [photo]
fields:
  telecoms.use: drop
  telecoms.best_time: hours
  names.period.end: drop
  deceased: drop
  languages: {each: communication, key: code, fields: {code: code}}
examples:
  - about: our own
    case:
      sexes: [{kind: administrative, value: nonbinary}]
      telecoms: [{system: phone, value: 555-0100, best_time: evenings}]
      languages: [{code: es}]
    other:
      resourceType: Patient
      gender: X
      telecom: [{system: phone, value: 555-0100, hours: evenings}]
      communication: [{code: es}]
"""
WARD = """map: mercy/ward
base: mercy/person
fields: {languages: drop, telecoms.best_time: {at: when, only: import}}
codes: {sex: {rows: [[nonbinary, NB]]}}
examples: [{case: {sexes: [{kind: administrative, value: nonbinary}]}, other: {resourceType: Patient, gender: NB}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"fhir/person": PERSON, "mercy/person": MERCY, "mercy/ward": WARD}.items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def overlay(folder: Path, text: str) -> Map:
    path = folder / "mercy" / "person.yaml"
    path.write_text("map: mercy/person\nbase: fhir/person\n" + text)
    return load_map(path)


@pytest.mark.parametrize("name", ["fhir/person", "mercy/person", "mercy/ward"])
def test_its_examples_hold(folder: Path, name: str) -> None:
    the_map = load_map(folder / f"{name}.yaml")
    assert the_map.definition.examples
    assert the_map.run_examples() == []


def test_an_identifier_system_is_renamed_in_one_word(folder: Path) -> None:
    data = {"resourceType": "Patient", "identifier": [{"system": "urn:mercy:mrn", "value": "1"}]}
    assert load_map(folder / "mercy" / "person.yaml").read(data).slice["person"]["extra"] == {"mrn": "1"}
    assert "extra" not in load_map(folder / "fhir" / "person.yaml").read(data).slice["person"]


def test_what_is_dropped_is_kept_for_the_partner_and_nothing_else(folder: Path) -> None:
    the_map = load_map(folder / "mercy" / "person.yaml")
    data = {"resourceType": "Patient", "telecom": [{"system": "phone", "use": "home", "value": "1"}], "photo": "x",
            "deceasedBoolean": False}  # fmt: skip
    found = the_map.read(data)
    assert found.slice == {"person": {"telecoms": [{"system": "phone", "value": "1"}]}}
    assert found.left_over == ["telecom[0].use", "deceasedBoolean"]  # the photo is ignored, as the base's text is
    assert the_map.write(found.slice, OwnIds(), data).data == data


@pytest.mark.parametrize(
    ("gender", "value"), [("X", "nonbinary"), ("female", "female"), ("unknown", {"absent": "asked-unknown"})]
)
def test_a_row_is_added_to_the_base_s_own(folder: Path, gender: str, value: Any) -> None:
    read = load_map(folder / "mercy" / "person.yaml").read({"resourceType": "Patient", "gender": gender})
    assert read.slice["person"]["sexes"][0]["value"] == value


def test_an_overlay_of_an_overlay(folder: Path) -> None:
    ward = load_map(folder / "mercy" / "ward.yaml")
    data = {"resourceType": "Patient", "gender": "X", "telecom": [{"value": "1", "when": "am"}],
            "communication": [{"code": "es"}]}  # fmt: skip
    found = ward.read(data)
    assert found.slice["person"] == {
        "sexes": [{"kind": "administrative", "value": "nonbinary"}], "telecoms": [{"value": "1", "best_time": "am"}],
    }  # fmt: skip
    assert ward.match == {"resourceType": "Patient"}
    assert ward.digest != load_map(folder / "mercy" / "person.yaml").digest


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("fields: {telecoms.usage: drop}", "CB-202", "did you mean `use`"),
        ("fields: {telecom.use: drop}", "CB-202", "there is nothing to drop"),
        ("fields: {languages: drop}", "CB-202", "there is nothing to drop"),
        ("fields: {telecoms.best: hours}", "CB-202", "`best` is not a field"),
        ("names: {mnr: x}\nfields: {birth: id(system=$mrm).x}", "CB-202", "did you mean"),
        ("feilds: {birth: drop}", "CB-203", "did you mean `fields`"),
    ],
)
def test_a_wrong_overlay_says_what_to_do(folder: Path, text: str, code: str, message: str) -> None:
    with pytest.raises(MapError) as caught:
        overlay(folder, text)
    assert caught.value.code == code
    assert message in str(caught.value)
    assert "mercy/person.yaml:" in str(caught.value)


def test_the_only_key_of_a_list_is_not_dropped(folder: Path) -> None:
    (folder / "fhir" / "person.yaml").write_text(PERSON.replace("key: [system, use, value]", "key: value"))
    with pytest.raises(MapError, match=r"mercy/person.yaml:3:10: `telecoms.value` is the key of the list"):
        overlay(folder, "fields: {telecoms.value: drop}")


def test_a_line_of_a_group_is_replaced_and_a_new_one_stands_beside_it(folder: Path) -> None:
    text = PERSON.replace("  birth: birthDate\n", "  effective: {in: span, fields: {start: from}}\n")
    (folder / "fhir" / "person.yaml").write_text(text)
    the_map = overlay(folder, "fields: {effective.start: since, effective.end: until}\n")
    data = {"resourceType": "Patient", "span": {"since": "1"}, "until": "2"}
    assert the_map.read(data).slice["person"] == {"effective": {"start": "1", "end": "2"}}


def named(folder: Path, set_: str) -> list[str]:
    return [m.name for m in load_set(set_, [folder])]


def test_a_set_of_overlays_brings_the_rest_of_the_set_they_lie_over(folder: Path) -> None:
    """A hospital's folder holds one map that differs; its referrals are read by the maps that came with us."""
    (folder / "mercy" / "ward.yaml").unlink()
    for name, other in (("task", "fhir-r4/Task"), ("event", "hmis-csv/Event")):
        text = f"map: fhir/{name}\ncase: referral\nother: {other}\nfields: {{note: note}}\n"
        (folder / "fhir" / f"{name}.yaml").write_text(text)
    assert named(folder, "mercy") == ["mercy/person", "fhir/task"]  # of FHIR, as the overlay is
    assert named(folder, "mercy/person") == ["mercy/person"]  # one map, as it was asked for
    (folder / "mercy" / "task.yaml").write_text("map: mercy/task\nbase: fhir/task\n")
    assert named(folder, "mercy") == ["mercy/person", "mercy/task"]


def test_a_base_is_known_by_its_file_too(folder: Path) -> None:
    (folder / "mercy" / "ward.yaml").unlink()
    (folder / "fhir" / "person.yaml").write_text(PERSON.replace("map: fhir/person", "map: fhir/patient", 1))
    assert named(folder, "mercy") == ["mercy/person"]


def beside_the_shipped(folder: Path, **files: str) -> list[str]:
    """The set `fhir` as a site has it whose own folder of that name holds these files."""
    (folder / "fhir" / "task.yaml").write_text("map: fhir/task\ncase: referral\nother: fhir-r4/Task\n"
                                               "fields: {note: note}\n")  # fmt: skip
    (folder / "own" / "fhir").mkdir(parents=True)
    for name, text in files.items():
        (folder / "own" / "fhir" / f"{name}.yaml").write_text(text)
    return [f"{m.name} in {m.path.relative_to(folder).parts[0]}" for m in load_set("fhir", [folder / "own", folder])]


def test_a_sites_folder_may_be_called_as_the_set_it_lies_over(folder: Path) -> None:
    ours = beside_the_shipped(folder, mercy="map: fhir/mercy\nbase: fhir/person\nfields: {birth: drop}\n")
    assert ours == ["fhir/mercy in own", "fhir/task in fhir"]


def test_and_so_may_its_file_and_its_map(folder: Path) -> None:
    """What is a base is told by the file: the two maps have one name, and one lies over the other."""
    ours = beside_the_shipped(folder, person="map: fhir/person\nbase: fhir/person\nfields: {birth: drop}\n")
    assert ours == ["fhir/person in own", "fhir/task in fhir"]


def test_sets_that_lie_over_each_other_end(folder: Path) -> None:
    (folder / "fhir" / "back.yaml").write_text("map: fhir/back\nbase: mercy/person\n")
    assert named(folder, "mercy") == ["fhir/back", "mercy/ward"]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("names: {mnr: 'urn:x'}", "CB-212", "nothing in this map uses the name `mnr`"),
        ("names: {v2-203: 'urn:x'}", "CB-212", "did you mean `v2-0203`"),
        ("codes: {gender: {rows: [[x, X]], otherwise: refuse}}", "CB-212", "uses the code table `gender`"),
        ("codes: {sx: {rows: [[nonbinary, X]]}}", "CB-203", "not a code table of the base map; did you mean `sex`"),
        ("fields: {telecom.use: drop}", "CB-202", "did you mean `telecoms.use`"),
    ],
)
def test_what_would_change_nothing_is_refused(folder: Path, text: str, code: str, message: str) -> None:
    with pytest.raises(MapError) as caught:
        overlay(folder, text)
    assert caught.value.code == code
    assert message in str(caught.value)


def test_what_an_overlay_dropped_leaves_its_name_unused(folder: Path) -> None:
    assert overlay(folder, "fields: {identifiers: drop, sexes(kind=administrative).value: drop}").version == "1"
