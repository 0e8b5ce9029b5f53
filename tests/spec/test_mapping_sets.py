"""Sets of maps, overlays and examples; the examples of every shipped map hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.core.errors import MapError, SetupError
from casebridge.mapping import BUILT_IN, Map, MapSet, OwnIds, load_map, load_set, with_converters
from casebridge.plugins import load_plugins

SHIPPED = Path(__file__).parents[2] / "mappings"
MAPS = sorted(SHIPPED.rglob("*.yaml"))
CONVERTERS = with_converters(load_plugins().converters.values())


@pytest.mark.parametrize("path", MAPS, ids=[str(path.relative_to(SHIPPED)) for path in MAPS])
def test_the_examples_of_a_shipped_map_hold(path: Path) -> None:
    the_map = load_map(path, search=[SHIPPED], converters=CONVERTERS)
    assert the_map.run_examples() == []


@pytest.mark.parametrize("path", MAPS, ids=[str(path.relative_to(SHIPPED)) for path in MAPS])
def test_a_shipped_map_puts_back_what_did_not_change(path: Path) -> None:
    the_map = load_map(path, search=[SHIPPED], converters=CONVERTERS)
    for example in the_map.definition.examples:
        slice_ = the_map.read(example.other).slice
        assert the_map.write(slice_, OwnIds(), example.other).data == example.other


def test_maps_are_shipped() -> None:
    assert MAPS


BASE = """map: fhir/person
case: person
other: fhir-r4/Patient
match: {resourceType: Patient}
names: {mrn: "urn:base"}
fields:
  identifiers(system=$mrn).value: identifier(system=$mrn).value
  sexes(kind=administrative).value: {at: gender, codes: sex}
  telecoms: {each: telecom, key: value, fields: {value: value, use: use}}
  birth: birthDate
codes: {sex: {rows: [[male, male]], otherwise: refuse}}
ignore: [text]
examples: [{case: {birth: "1974"}, other: {resourceType: Patient, birthDate: "1974"}}]
"""
TOP = """map: mercy/person
base: fhir/person
names: {mrn: "urn:mercy"}
fields:
  telecoms.use: drop
  birth: drop
codes: {sex: {rows: [[male, MALE], [female, FEMALE]]}}
ignore: [meta]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir" / "person.yaml").write_text(BASE)
    (tmp_path / "mercy").mkdir()
    (tmp_path / "mercy" / "person.yaml").write_text(TOP)
    return tmp_path


def test_an_overlay_renames_adds_a_code_and_drops(folder: Path) -> None:
    the_map = load_map(folder / "mercy" / "person.yaml")
    assert (the_map.name, the_map.other) == ("mercy/person", "fhir-r4/Patient")
    assert the_map.match == {"resourceType": "Patient"}
    data = {"resourceType": "Patient", "identifier": [{"system": "urn:mercy", "value": "7"}], "gender": "FEMALE",
            "telecom": [{"value": "1", "use": "home"}], "birthDate": "1974", "meta": {"x": "1"},
            "text": {"y": "1"}}  # fmt: skip
    read = the_map.read(data)
    assert read.slice["person"] == {
        "identifiers": [{"system": "urn:mercy", "value": "7"}],
        "sexes": [{"kind": "administrative", "value": "female"}],
        "telecoms": [{"value": "1"}],
    }
    assert read.left_over == ["telecom[0].use", "birthDate"]
    assert the_map.write({"person": {"sexes": [{"kind": "administrative", "value": "male"}]}}, OwnIds()).data == {
        "resourceType": "Patient", "gender": "MALE",
    }  # fmt: skip


def test_an_error_in_an_overlay_names_the_overlay_and_one_in_the_base_the_base(folder: Path) -> None:
    overlay = folder / "mercy" / "person.yaml"
    overlay.write_text(TOP.replace("  birth: drop", "  brith: drop"))
    with pytest.raises(MapError, match=r"mercy/person.yaml:6:3: .*did you mean `birth`"):
        load_map(overlay)
    overlay.write_text(TOP.replace("[female, FEMALE]", "[female]"))
    with pytest.raises(MapError, match=r"mercy/person.yaml:7:"):
        load_map(overlay)
    overlay.write_text(TOP)
    (folder / "fhir" / "person.yaml").write_text(BASE.replace("codes: sex}", "codes: six}"))
    with pytest.raises(MapError, match=r"fhir/person.yaml:8:"):
        load_map(overlay)


def test_the_digest_covers_the_base(folder: Path) -> None:
    before = load_map(folder / "mercy" / "person.yaml").digest
    (folder / "fhir" / "person.yaml").write_text(BASE + "\n")
    assert load_map(folder / "mercy" / "person.yaml").digest != before


def test_a_base_of_itself_is_refused(folder: Path) -> None:
    (folder / "fhir" / "person.yaml").write_text("base: fhir/person\n" + BASE)
    with pytest.raises(MapError, match="CB-201"):
        load_map(folder / "fhir" / "person.yaml")


def task(name: str, match: str) -> str:
    return f"map: {name}\ncase: referral\nother: fhir-r4/Task\nmatch: {match}\nfields: {{note: note}}\n"


def a_set(folder: Path) -> MapSet:
    (folder / "fhir" / "any.yaml").write_text(task("any", "{resourceType: Task}"))
    (folder / "fhir" / "fulfill.yaml").write_text(task("fulfill", "{resourceType: Task, code: fulfill}"))
    return load_set("fhir", [folder / "nowhere", folder])


def named(found: Map | None) -> str:
    return found.name if found else ""


def test_a_record_finds_its_map_by_type_then_match_the_narrowest_first(folder: Path) -> None:
    maps = a_set(folder)
    assert len(maps) == 3
    assert named(maps.find("fhir-r4/Task", {"resourceType": "Task", "code": "fulfill"})) == "fulfill"
    assert named(maps.find("fhir-r4/Task", {"resourceType": "Task", "code": "contact"})) == "any"
    assert named(maps.find("fhir-r4/Patient", {"resourceType": "Patient"})) == "fhir/person"
    assert maps.find("hmis-csv/Client", {}) is None
    with pytest.raises(MapError, match="CB-208"):
        maps.for_native("hmis-csv/Client", {})
    assert [m.name for m in maps.writing("referral")] == ["fulfill", "any"]


def test_an_overlay_in_a_set_takes_the_place_of_its_base(folder: Path) -> None:
    (folder / "fhir" / "ours.yaml").write_text(TOP)
    assert [m.name for m in load_set("fhir", [folder])] == ["mercy/person"]


def test_two_files_of_a_set_never_give_their_maps_one_name(folder: Path) -> None:
    (folder / "fhir" / "any.yaml").write_text(task("fhir/task", "{resourceType: Task}"))
    (folder / "fhir" / "copy.yaml").write_text(task("fhir/task", "{resourceType: Task, code: fulfill}"))
    with pytest.raises(MapError, match=r"fhir/copy.yaml:1:1: fhir/any.yaml calls its map `fhir/task` too"):
        load_set("fhir", [folder])


def test_nor_does_a_map_of_the_set_it_lies_over(folder: Path) -> None:
    (folder / "fhir" / "any.yaml").write_text(task("fhir/task", "{resourceType: Task}"))
    (folder / "mercy" / "task.yaml").write_text(task("fhir/task", "{resourceType: Task, code: fulfill}"))
    with pytest.raises(MapError, match=r"fhir/any.yaml:1:1: mercy/task.yaml calls its map `fhir/task` too"):
        load_set("mercy", [folder])


@pytest.mark.parametrize("ending", ["yml", "YAML", "Yml"])
def test_a_file_that_would_be_passed_over_is_refused(folder: Path, ending: str) -> None:
    (folder / "mercy" / "person.yaml").rename(folder / "mercy" / f"person.{ending}")
    with pytest.raises(MapError, match=rf"person.{ending}: a map's file ends in .yaml.*Call the file person.yaml"):
        load_set("mercy", [folder])


def test_a_set_may_be_one_file_and_must_exist(folder: Path) -> None:
    assert [m.name for m in load_set("mercy/person", [folder])] == ["mercy/person"]
    with pytest.raises(MapError, match="CB-208"):
        load_set("merci", [folder])
    for name in ("../mercy", "/mercy", "", "a//b"):
        with pytest.raises(MapError, match="is not the name"):
            load_set(name, [folder])


def test_an_example_that_does_not_hold_says_what_differs(folder: Path) -> None:
    path = folder / "fhir" / "person.yaml"
    path.write_text(BASE.replace('{case: {birth: "1974"}', '{about: born, case: {birth: "1975", deceased: true}'))
    said = load_map(path).run_examples()
    assert [line.split("born`, ")[1].split(" (CB-206)")[0] for line in said] == [
        "import: person.deceased is missing, expected True",
        "import: person.birth is '1974', expected '1975'",
        "export: birthDate is '1975', expected '1974'",
    ]


def test_an_example_must_fit_the_case_model(folder: Path) -> None:
    path = folder / "fhir" / "person.yaml"
    path.write_text(BASE.replace('"1974"', '"last spring"'))
    assert "CB-306" in load_map(path).run_examples()[0]


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_a_converter_keeps_its_law(name: str) -> None:
    converter = BUILT_IN[name]
    assert converter.samples
    for theirs, ours in converter.samples:
        assert converter.read(theirs) == ours
        assert converter.read(converter.write(ours)) == ours
        if converter.law == "exact":
            assert converter.write(ours) == theirs
    for odd in (None, "", "\x00", [], {}, 3.5):
        if name == "ssn-usable":  # what is no number of anybody's stays with its sender
            assert converter.read(odd) == ""
        else:
            with pytest.raises(ValueError, match="expected"):
                converter.read(odd)
        with pytest.raises(ValueError, match="expected"):
            converter.write(odd)


def test_a_plugins_converter_may_not_take_a_name() -> None:
    assert with_converters([]) == BUILT_IN
    with pytest.raises(SetupError, match="CB-102"):
        with_converters([BUILT_IN["ssn"]])
