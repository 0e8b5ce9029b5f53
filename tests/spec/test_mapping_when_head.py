"""``when`` at a map's head: the case side's counterpart of ``match``."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.core.errors import Held, MapError, RecordError
from casebridge.mapping import Map, OwnIds, load_map, load_set

COVERAGE = """map: t/coverage
case: participations
other: t/Coverage
when: {participation_kind: coverage}
fields:
  external_id: id
  entry: {at: from, when: {participation_kind: coverage}}
"""
ENROLLMENT = """map: t/enrollment
case: [person, participations]
other: t/Enrollment
when: {person.status: [active, planned]}
fields:
  person.birth: dob
  participations: {each: span, key: id, fields: {external_id: id}}
"""


def a_map(folder: Path, text: str) -> Map:
    path = folder / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return load_map(path)


def test_its_constants_are_written_on_import_and_have_room_on_export(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, COVERAGE)
    other = {"id": "1", "from": "2020"}
    slice_ = {"participations": [{"external_id": "1", "entry": "2020", "participation_kind": "coverage"}]}
    assert the_map.read(other).slice == slice_
    written = the_map.write(slice_, OwnIds())
    assert (written.data, written.no_room) == (other, [])


def test_where_the_map_writes_the_whole_list_every_item_gets_them(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, "map: t/m\ncase: participations\nother: t/T\nwhen: {participation_kind: coverage}\n"
                    "fields: {.: {each: span, key: id, fields: {external_id: id}}}\n")  # fmt: skip
    other = {"span": [{"id": "1"}, {"id": "2"}]}
    slice_ = the_map.read(other).slice
    assert [item["participation_kind"] for item in slice_["participations"]] == ["coverage", "coverage"]
    assert the_map.write(slice_, OwnIds(), other).data == other
    assert the_map.write(slice_, OwnIds()).no_room == []
    slice_["participations"][1]["participation_kind"] = "shelter"
    with pytest.raises(RecordError, match=r"participations\[1\]"):
        the_map.write(slice_, OwnIds())


def test_a_record_of_another_kind_is_not_written(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, COVERAGE)
    other = {"participations": [{"participation_kind": "shelter", "external_id": "1"}]}
    assert not the_map.fits(other)
    with pytest.raises(RecordError, match="CB-211") as caught:
        the_map.write(other, OwnIds())
    assert "writes only participation_kind=coverage" in str(caught.value)
    with pytest.raises(Held, match="CB-505"):  # writing it would tell what is withheld
        the_map.write({"participations": [{"participation_kind": {"absent": "withheld"}, "entry": "2020"}]}, OwnIds())


def test_with_several_slots_only_those_of_the_slice_are_asked(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, ENROLLMENT)
    assert the_map.read({"dob": "1974"}).slice == {"person": {"birth": "1974", "status": "active"}}
    assert the_map.fits({"person": {"status": "planned"}})
    assert not the_map.fits({"person": {"status": "ended"}})
    assert the_map.fits({"participations": [{"external_id": "1"}]})


def test_of_a_set_the_maps_that_fit_the_record_write_it(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for name, text in (("a", COVERAGE), ("b", COVERAGE.replace("coverage", "shelter")), ("c", ENROLLMENT)):
        (tmp_path / "t" / f"{name}.yaml").write_text(text)
    maps = load_set("t", [tmp_path])
    record = {"participation_kind": "shelter"}
    assert [m.name for m in maps.writing("participations")] == ["t/coverage", "t/enrollment", "t/shelter"]
    assert [m.name for m in maps.writing("participations", record)] == ["t/enrollment", "t/shelter"]


def test_a_case_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="did you mean `participation_kind`"):
        a_map(tmp_path, COVERAGE.replace("when: {participation_kind", "when: {participation_kin", 1))


def test_an_overlay_replaces_it_word_by_word(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "coverage.yaml").write_text(COVERAGE)
    (tmp_path / "t" / "site.yaml").write_text("map: t/site\nbase: t/coverage\nwhen: {program.external_id: P1}\n")
    the_map = load_map(tmp_path / "t" / "site.yaml")
    assert the_map.fits({"participations": [{"participation_kind": "coverage", "program": {"external_id": "P1"}}]})
    assert not the_map.fits({"participations": [{"participation_kind": "coverage"}]})
