"""Writing: a whole small export that FY2026 would take, or an error that names file and column."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from casebridge_hmis.spec import FY2026
from casebridge_hmis.writing import export_id

from casebridge.core.errors import RecordError


@pytest.fixture
def event(making, read):
    """A new event as the map makes it: the referral's own fields, and the stored originals of its parents."""
    natives, _ = read(making.zip_of(making.files_of(making.make_export(5))))
    enrollment = next(n.data for n in natives if n.type == "hmis-csv/Enrollment" and n.external_id == "E2")
    return {"EventID": "01KAZREFERRAL0000000000001", "EventDate": "2026-11-22", "Event": "10",
            "enrollment": enrollment, "client": dict(enrollment["client"])}  # fmt: skip


def written(codec, records, morning, **settings):
    """(the one file, its rows by file)."""
    (file,) = codec(**settings).render(records, morning)
    found = {}
    with zipfile.ZipFile(io.BytesIO(file.data)) as z:
        for name in z.namelist():
            lines = z.read(name).decode().split("\r\n")
            found[name.removesuffix(".csv")] = lines
    return file, found


def refused(codec, records, morning, **settings) -> RecordError:
    with pytest.raises(RecordError) as caught:
        list(codec(**settings).render(records, morning))
    return caught.value


def test_one_zip_with_every_file_and_every_column_in_order(codec, event, released, morning):
    file, rows = written(codec, [released("Event", event)], morning)
    assert (file.name, file.media_type, file.records) == (
        "casebridge-01KAZ0000000000000DISPATCH.zip",
        "application/zip",
        (0,),
    )
    assert list(rows) == list(FY2026.files)
    headers = {f: ",".join(c.name for c in FY2026.columns(f)) for f in FY2026.files}
    assert {f: lines[0] for f, lines in rows.items()} == headers
    filled = {f: len(lines) - 2 for f, lines in rows.items() if len(lines) > 2}
    assert filled == {"Export": 1, "Organization": 1, "Project": 1, "User": 2, "Client": 1, "Enrollment": 1, "Event": 1}


def test_what_is_written_is_read_back(codec, event, released, morning, read):
    file, _ = written(codec, [released("Event", event)], morning)
    natives, errors = read(io.BytesIO(file.data), strict=True)
    assert errors == []
    back = natives[-1].data
    assert codec().identity(io.BytesIO(file.data)) == "01KAZ0000000000000DISPATCH"
    names = ("EventID", "EnrollmentID", "PersonalID", "EventDate", "Event", "UserID", "DateCreated")
    assert {name: back[name] for name in names} == {
        "EventID": "01KAZREFERRAL0000000000001", "EnrollmentID": "E2", "PersonalID": "C2", "EventDate": "2026-11-22",
        "Event": "10", "UserID": "casebridge", "DateCreated": "2026-11-22 06:00:00",
    }  # fmt: skip
    del event["client"]["ExportID"], back["client"]["ExportID"]
    assert back["client"] == event["client"]


def test_the_export_row_says_who_and_when_in_the_sites_time(codec, event, released, morning):
    settings = {"coc": "XX-501", "source_type": "1", "source_name": "Riverside", "contact_phone": "5552340100"}
    _, rows = written(codec, [released("Event", event)], replace(morning, now=morning.now.replace(hour=3)), **settings)
    assert rows["Export"][1] == (
        '"01KAZ0000000000000DISPATCH",1,"XX-501","Riverside","","",'.replace('""', "")
        + '"5552340100",,,2026-11-21 22:00:00,2026-11-21,2026-11-21,"CaseBridge",,"2026 v1.0",1,1,1,"casebridge"'
    )


def test_the_same_dispatch_gives_the_same_bytes(codec, event, released, morning):
    first, _ = written(codec, [released("Event", event)], morning)
    second, _ = written(codec, [released("Event", event)], morning)
    assert first == second


def test_every_row_stands_once_and_the_latest_copy_of_a_parent_wins(codec, event, released, morning):
    older = {
        **event,
        "EventID": "older",
        "client": {**event["client"], "DateUpdated": "2020-01-01 00:00:00", "DOB": ""},
    }
    file, rows = written(codec, [released("Event", event), released("Event", older)], morning)
    assert file.records == (0, 1)
    assert [len(rows[f]) - 2 for f in ("Event", "Client", "Enrollment")] == [2, 1, 1]
    assert event["client"]["LastName"].replace('"', '""') in rows["Client"][1]


def test_an_enrollment_and_its_exit(codec, making, read, released, morning):
    natives, _ = read(making.zip_of(making.files_of(making.make_export(1))))
    enrollment = next(n.data for n in natives if n.type == "hmis-csv/Enrollment")
    _, rows = written(codec, [released("Enrollment", enrollment), released("Client", enrollment["client"])], morning)
    assert [len(rows[f]) - 2 for f in ("Exit", "Enrollment", "Client", "Project", "User")] == [1, 1, 1, 1, 1]


def test_a_user_nobody_described_is_named_by_id(codec, event, released, morning):
    event["client"]["UserID"] = "U77"
    _, rows = written(codec, [released("Event", event)], morning)
    assert '"U77",,,,,,2026-11-22 06:00:00,2026-11-22 06:00:00,,"01KAZ0000000000000DISPATCH"' in rows["User"]


@pytest.mark.parametrize(("user", "updated"), [("casebridge", "2026-11-22 06:00:00"), ("U1", "2026-11-01 10:00:00")])
def test_an_event_of_ours_sent_again_was_updated_now_and_theirs_when_they_say(
    codec, event, released, morning, read, user, updated
):
    event.update(UserID=user, DateCreated="2026-11-01 10:00:00", DateUpdated="2026-11-01 10:00:00")
    file, _ = written(codec, [released("Event", event)], morning)
    back = read(io.BytesIO(file.data))[0][-1].data
    assert (back["DateCreated"], back["DateUpdated"]) == ("2026-11-01 10:00:00", updated)


@pytest.fixture
def hashed(making, read):
    """The same client as an export with hashed names told of it."""
    export = making.make_export(5)
    export["Export"][0]["HashStatus"] = "2"
    natives, _ = read(making.zip_of(making.files_of(export)), hashed="blank")
    return next(n.data for n in natives if n.type == "hmis-csv/Client" and n.external_id == "C2")


def test_a_client_whose_names_were_hashed_is_not_written_without_them(codec, event, hashed, released, morning):
    event["client"] = event["enrollment"]["client"] = hashed
    error = refused(codec, [released("Event", event)], morning)
    assert (error.code, error.position.file, error.external_id) == ("CB-342", "Client.csv", "C2")
    assert refused(codec, [released("Client", hashed)], morning).code == "CB-342"


@pytest.mark.parametrize(("day", "right"), [("2020-01-01", True), ("", True), ("2099-01-01", False)])
def test_of_two_copies_the_latest_counts_and_of_equals_the_one_with_names(
    codec, event, hashed, released, morning, day, right
):
    event["enrollment"]["client"] = hashed | ({"DateUpdated": f"{day} 00:00:00"} if day else {})
    if right:
        _, rows = written(codec, [released("Event", event)], morning)
        assert event["client"]["LastName"].replace('"', '""') in rows["Client"][1]
    else:
        assert refused(codec, [released("Event", event)], morning).code == "CB-342"


WRONG = {
    "a required column": (lambda e: e["client"].pop("VeteranStatus"), "CB-302", "Client.csv", "VeteranStatus"),
    "no date": (lambda e: e.pop("EventDate"), "CB-302", "Event.csv", "EventDate"),
    "no key": (lambda e: e.pop("EventID"), "CB-302", "Event.csv", "EventID"),
    "too long": (lambda e: e.update(LocationCrisisOrPHHousing="x" * 251), "CB-301", "Event.csv",
                 "LocationCrisisOrPHHousing"),
    "characters": (lambda e: e["client"].update(LastName="<b>"), "CB-301", "Client.csv", "LastName"),
    "not in the list": (lambda e: e["client"].update(Sex="7"), "CB-301", "Client.csv", "Sex"),
    "no number": (lambda e: e["client"].update(YearSeparated="then"), "CB-301", "Client.csv", "YearSeparated"),
    "no date in a date": (lambda e: e.update(EventDate="2026-11-22 10:00:00"), "CB-301", "Event.csv", "EventDate"),
    "a date without time": (lambda e: e.update(DateCreated="2026-11-22"), "CB-301", "Event.csv", "DateCreated"),
    "not a text": (lambda e: e.update(EventDate={"absent": "withheld"}), "CB-301", "Event.csv", "EventDate"),
    "food": (lambda e: e.pop("Event"), "CB-340", "Event.csv", "Event"),
    "a result it cannot have": (lambda e: e.update(Event="3", ReferralResult="1"), "CB-301", "Event.csv",
                                "ReferralResult"),
    "a date without result": (lambda e: e.update(ResultDate="2026-11-23"), "CB-301", "Event.csv", "ResultDate"),
    "not the head": (lambda e: e["enrollment"].update(RelationshipToHoH="2"), "CB-341", "Event.csv", "EnrollmentID"),
    "no enrollment": (lambda e: e.pop("enrollment"), "CB-302", "Event.csv", "EnrollmentID"),
    "no client": (lambda e: (e.pop("client"), e["enrollment"].pop("client")), "CB-331", "Enrollment.csv", "PersonalID"),
    "another's": (lambda e: (e.update(PersonalID="C9"), e["client"].update(PersonalID="C9")), "CB-331", "Event.csv",
                  "PersonalID"),
    "the wall": (lambda e: e["enrollment"]["project"]["organization"].update(VictimServiceProvider="1"), "CB-334",
                 "Enrollment.csv", "ProjectID"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_fy2026_would_refuse_is_not_written(codec, event, released, morning, what):
    spoil, code, file, field = WRONG[what]
    spoil(event)
    error = refused(codec, [released("Event", event)], morning)
    assert (error.code, error.position.file, error.field) == (code, file, field)


def test_there_is_no_file_for_other_records(codec, released, morning):
    assert refused(codec, [released("Funder", {})], morning).code == "CB-301"


def test_long_dispatch_ids_are_shortened_without_clashing():
    assert export_id("short") == "short"
    ids = {export_id("x" * 40 + str(n)) for n in range(50)}
    assert (len(ids), {len(i) for i in ids}) == (50, {32})


def test_an_hmis_needs_its_coc_code(codec):
    with pytest.raises(ValueError, match="CoC code"):
        codec(source_type="1")
