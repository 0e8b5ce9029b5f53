"""Short names in code rows: one overlay line says what a partner calls an identifier; ours stays what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.core.errors import MapError
from casebridge.mapping import Map, OwnIds, load_map, with_converters

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
OURS, THEIRS = "http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"


def overlay(folder: Path, names: str) -> Map:
    path = folder / "hospital" / "patient.yaml"
    path.parent.mkdir()
    path.write_text(
        f"map: hospital/patient\nbase: sdohcc/patient\nnames: {names}\n"
        "codes: {id_system: {loss: they have one name}}\n"
    )
    return load_map(path, search=[MAPPINGS], converters=with_converters([]))


def test_a_renamed_identifier_is_ours_within_and_theirs_without(tmp_path: Path) -> None:
    map_ = overlay(tmp_path, f'{{ssn: "{THEIRS}"}}')
    theirs = {"resourceType": "Patient", "identifier": [{"system": THEIRS, "value": "900-12-0001"}]}
    read = map_.read(theirs).slice
    assert read["person"]["identifiers"] == [{"system": OURS, "value": "900120001", "scope": "person"}]
    assert map_.write(read, OwnIds(), theirs).data == theirs
    assert map_.write(read, OwnIds()).data["identifier"] == [{"system": THEIRS, "value": "900120001"}]


def test_a_number_under_another_name_is_kept_as_it_is(tmp_path: Path) -> None:
    map_ = overlay(tmp_path, f'{{ssn: "{THEIRS}"}}')
    theirs = {"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": "M-7"}]}
    assert map_.read(theirs).slice["person"]["identifiers"] == [{"system": "urn:mrn", "value": "M-7"}]


def test_a_row_that_names_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "map: a/m\ncase: person\nother: a/m\nnames: {mrn: 'urn:mrn'}\n"
        "fields: {asserted_by: {at: x, codes: t}}\ncodes: {t: {rows: [[a, $mnr]], otherwise: refuse}}\n"
    )
    with pytest.raises(MapError, match=r"`\$mnr` is not one of the map's names; did you mean `mrn`\?"):
        load_map(path)


def test_a_dollar_in_quotes_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "map: a/m\ncase: person\nother: a/m\nfields: {asserted_by: {at: x, codes: t}}\n"
        "codes: {t: {rows: [[a, '$mnr']], otherwise: refuse}}\n"
    )
    assert load_map(path).read({"x": "$mnr"}).slice == {"person": {"asserted_by": "a"}}
