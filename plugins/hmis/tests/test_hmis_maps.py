"""The maps of ``mappings/hmis-2026``, on made-up exports and on HUD's sample: what they say; nothing is lost."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from casebridge_hmis.row_ids import ROW_IDS
from casebridge_hmis.spec import FY2026

from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import MapError, RecordError
from casebridge.mapping import OwnIds, load_set, with_converters
from casebridge.testing import check_converter

MAPPINGS = Path(__file__).parents[3] / "mappings"


@pytest.fixture(scope="module")
def maps():
    return load_set("hmis-2026", [MAPPINGS], converters=with_converters(ROW_IDS))


@pytest.fixture(scope="module")
def maps_2024():
    return load_set("hmis-2024", [MAPPINGS], converters=with_converters(ROW_IDS))


@pytest.fixture(scope="module")
def event_map(maps):
    return next(m for m in maps if m.other == "hmis-csv/Event")


@pytest.fixture
def slices(making, read, maps):
    """Slices of a made-up export by (native type, key)."""
    natives, _ = read(making.zip_of(making.files_of(making.make_export(9))))
    return {(n.type, n.external_id): maps.for_native(n.type, n.data).read(n.data).slice for n in natives}


def test_every_example_holds(maps, maps_2024):
    assert [m.name.partition("/")[2] for m in maps] == [m.name.partition("/")[2] for m in maps_2024]
    assert len(maps) == 15
    assert [failure for m in (*maps, *maps_2024) for failure in m.run_examples()] == []


@pytest.mark.parametrize("seed", range(5))
def test_every_record_is_valid_and_put_back_unchanged(making, read, maps, seed):
    natives, _ = read(making.zip_of(making.files_of(making.make_export(20, seed))))
    for native in natives:
        kept(maps, native)


def kept(maps, native, *, put=True):
    """The native's record is valid in the case model, and written onto its original changes nothing."""
    found = maps.for_native(native.type, native.data)
    read = found.read(native.data)
    for kind, _, record in records_of(read.slice):
        validate_record(kind, record, native.position)
    if put and found.definition.only != "import":
        assert found.write(read.slice, OwnIds(), native.data).data == native.data


def test_every_code_of_hud_has_its_word(maps):
    for name, column in [
        ("Event", "4.20.2"),
        ("Enrollment", "3.12.1"),
        ("Project", "2.02.6"),
        ("Enrollment", "3.15.1"),
    ]:
        tables = {
            frozenset(row.other for row in table.rows)
            for m in maps
            if m.other == f"hmis-csv/{name}"
            for table in tables_of(m.definition.fields)
        }
        assert frozenset(FY2026.codes(column)) in tables


def tables_of(lines):
    for line in lines:
        if getattr(line, "codes", None):
            yield line.codes
        for branch in getattr(line, "branches", ()):
            yield from tables_of(branch.fields)


def test_8_9_and_99_are_three_kinds_of_missing(maps, making):
    client = making.row("Client", PersonalID="C1", NameDataQuality="8", DOBDataQuality="9", Sex="99", VeteranStatus="8",
                        RaceNone="99")  # fmt: skip
    person = maps.for_native("hmis-csv/Client", client).read(client).slice["person"]
    assert person["names"][0]["quality"] == {"absent": "asked-unknown"}
    assert person["birth"] == {"absent": "asked-declined"}
    assert person["sexes"] == [{"kind": "hud", "value": {"absent": "not-asked"}}]
    assert {c["code"]: c["value"] for c in person["characteristics"]} == {
        "race": {"absent": "not-asked"}, "veteran": {"absent": "asked-unknown"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "quality", "links"),
    [
        ("900120001", "1", True),
        ("900120001", "2", False),
        ("xxxxx0001", "1", False),
        ("000000000", "1", False),
        ("", "99", False),
    ],
)
def test_only_a_full_number_that_can_be_somebodys_links_people(maps, making, number, quality, links):
    client = making.row("Client", PersonalID="C1", NameDataQuality="1", SSN=number, SSNDataQuality=quality)
    read = maps.for_native("hmis-csv/Client", client).read(client)
    known = [{"system": "http://hl7.org/fhir/sid/us-ssn", "scope": "person", "value": number}] if links else None
    assert read.slice["person"].get("identifiers") == known
    assert links or not number or "SSN" in read.left_over


@pytest.mark.parametrize("filler", ["123456789", "000123456", "666123456"])
def test_filler_is_never_written_as_a_full_number(maps, filler):
    person = {"external_id": "C1", "identifiers": [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "scope": "person", "value": filler}]}  # fmt: skip
    client = next(m for m in maps if m.other == "hmis-csv/Client")
    with pytest.raises(RecordError, match="CB-301") as refused:
        client.write({"person": person}, OwnIds())
    assert filler not in str(refused.value)


@pytest.mark.parametrize("converter", ROW_IDS, ids=lambda c: c.name)
def test_a_converter_keeps_its_law(converter):
    check_converter(converter)


def test_an_enrollment_with_an_exit_has_ended(slices):
    there, left = (slices["hmis-csv/Enrollment", key]["participation"] for key in ("E2", "E1"))
    assert (there["status"], there["participation_kind"], there["relationship"]) == ("enrolled", "program", "self")
    assert (left["status"], left["end"]) == ("ended", "2026-03-01")
    assert left["subject"] == {"kind": "person", "external_id": "C1"}
    assert left["program"] == {"kind": "program", "external_id": "P2"}


def test_an_organization_says_whether_it_stands_behind_the_wall(slices):
    assert slices["hmis-csv/Organization", "O1"]["organization"]["vsp"] is False


def test_an_event_says_whose_and_which_referral_it_is(slices):
    referral = slices["hmis-csv/Event", "V1"]["referral"]
    assert referral["correlation"] == "V1"
    assert referral["participation"] == {"kind": "participation", "external_id": "E1"}
    assert (referral["status"], referral["detail"], referral["at"]) == ("accepted", "enrolled", "2026-03-01")
    assert slices["hmis-csv/Event", "V5"]["referral"]["status"] == "requested"


# --- writing an event ----------------------------------------------------------------------------------------------


REFERRAL = {
    "external_id": "01KAZREFERRAL0000000000001", "correlation": "01KAZREFERRAL0000000000001", "status": "requested",
    "category": "emergency-shelter", "occurrence": "2026-11-22T09:30:00-05:00",
    "subject": {"kind": "person", "external_id": "C2"}, "participation": {"kind": "participation", "external_id": "E2"},
}  # fmt: skip
EVENT = {"EventID": "01KAZREFERRAL0000000000001", "PersonalID": "C2", "EnrollmentID": "E2", "EventDate": "2026-11-22",
         "Event": "10"}  # fmt: skip


def write(event_map, base=None, **changes):
    return event_map.write({"referral": {**REFERRAL, **changes}}, OwnIds(), base).data


def test_a_referral_of_ours_becomes_an_event_with_our_id(event_map):
    assert write(event_map) == EVENT


def test_from_the_referral_to_the_export_and_back(making, read, codec, event_map, released, morning):
    natives, _ = read(making.zip_of(making.files_of(making.make_export(3))))
    enrollment = next(n.data for n in natives if n.type == "hmis-csv/Enrollment" and n.external_id == "E2")
    parents = {"enrollment": enrollment, "client": enrollment["client"]}
    (file,) = codec().render([released("Event", {**parents, **write(event_map)})], morning)
    event = read(io.BytesIO(file.data), strict=True)[0][-1]
    said = event_map.read(event.data).slice["referral"]
    assert {k: said[k] for k in REFERRAL} == {**REFERRAL, "occurrence": "2026-11-22"}


@pytest.mark.parametrize("category", ["food", "transport", "legal"])
def test_hmis_has_no_event_for_food(event_map, category):
    with pytest.raises(MapError, match="hmis_event") as caught:
        write(event_map, category=category)
    assert caught.value.code == "CB-205"


ANSWERED = {"ReferralResult": "1", "ResultDate": "2026-11-23"}


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"status": "accepted", "at": "2026-11-23T08:00:00-05:00"}, ANSWERED),
        ({"status": "rejected", "detail": "declined-by-client"}, {"ReferralResult": "2"}),
        ({"status": "rejected", "detail": "declined-by-provider"}, {"ReferralResult": "3"}),
        ({"status": "rejected", "detail": "declined-by-client", "at": "2026-11-23"},
         {"ReferralResult": "2", "ResultDate": "2026-11-23"}),
        ({"status": "rejected", "detail": "at-capacity"}, {}),
        ({"status": "rejected", "detail": "at-capacity", "at": "2026-11-23"}, {}),
        ({"status": "rejected", "at": "2026-11-23"}, {}),
        ({"status": "cancelled", "at": "2026-11-23"}, {}),
    ],
)
def test_what_of_a_status_hmis_has_room_for(event_map, changes, result):
    assert write(event_map, **changes) == {**EVENT, **result}


@pytest.mark.parametrize("status", ["in-progress", "on-hold", "completed", "failed", "cancelled"])
def test_what_comes_after_an_acceptance_leaves_it_as_it_is(event_map, status):
    assert write(event_map, {**EVENT, **ANSWERED}, status=status, at="2026-12-24") == {**EVENT, **ANSWERED}


def test_an_event_without_results_never_gets_one(event_map):
    assert write(event_map, category="crisis-assessment", status="accepted", at="2026-11-23") == {**EVENT, "Event": "3"}


def test_their_own_event_keeps_its_key(event_map):
    theirs = {**EVENT, "EventID": "V77"}
    assert write(event_map, theirs, external_id="V77") == theirs


def test_every_record_of_the_sample_is_put_back_unchanged_or_names_what_is_wrong(lsa, codec, maps):
    """Four of its exits have a destination that HUD's list does not know."""
    wrong = []
    with lsa.open("rb") as stream:
        for native in codec().parse(stream, maps.shapes):
            if hasattr(native, "data"):
                try:
                    kept(maps, native)
                except MapError as error:
                    wrong.append(error)
    assert [e.code for e in wrong] == ["CB-205"] * 4
    assert all("destination" in str(e) for e in wrong)


def test_an_activity_without_an_enrollment_is_no_service_of_hmis(maps):
    """What a food bank did goes to whoever asked for it, but HMIS has no row for it."""
    done = {"activity_kind": "service", "status": "done", "code": {"code": "467681000124101"}}
    assert maps.writing("activity", done) == []
    assert maps.writing("activity", {**done, "participation": {"kind": "participation", "external_id": "E1"}}) != []


# --- what would change in silence -----------------------------------------------------------------------------------


def test_a_middle_name_alone_is_no_first_name(maps):
    client = next(m for m in maps if m.other == "hmis-csv/Client")
    row = {"PersonalID": "C1", "MiddleName": "Lee", "LastName": "Abara", "SSNDataQuality": "99"}
    found = client.read(row)
    assert found.slice["person"]["names"] == [{"use": "usual", "family": "Abara"}]
    assert found.left_over == ["MiddleName"]
    assert client.write(found.slice, OwnIds(), row).data == row
    assert "FirstName" not in client.write(found.slice, OwnIds()).data


@pytest.mark.parametrize(("columns", "read", "left_over"), [
    ({"Asian": "0", "White": "1"}, ["white"], []),
    ({"Asian": "99", "White": "1"}, ["white"], ["Asian"]),
    ({"Asian": "99", "White": "0", "RaceNone": "8"}, {"absent": "asked-unknown"}, ["Asian"]),
])  # fmt: skip
def test_a_race_column_that_says_neither_yes_nor_no_is_told(maps, columns, read, left_over):
    client = next(m for m in maps if m.other == "hmis-csv/Client")
    found = client.read({"PersonalID": "C1", **columns})
    (race,) = (one["value"] for one in found.slice["person"]["characteristics"] if one["code"] == "race")
    assert (race, found.left_over) == (read, left_over)
