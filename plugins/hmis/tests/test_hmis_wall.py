"""Whose rows stay out of the store (34 U.S.C. 12291(b)(2)): all that no open project certainly has."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from casebridge.core.errors import RecordError

SURVIVOR = re.compile(rb"[A-Z]9001|Elm St")


@pytest.fixture(scope="session")
def screened(codec):
    """``screened(zip)`` -> the files that may be stored, by name; the zip with them."""

    def screening(stream):
        out = io.BytesIO()
        kept = out if codec().screen(stream, out) else stream
        kept.seek(0)
        with zipfile.ZipFile(kept) as archive:
            return {name: archive.read(name) for name in archive.namelist()}, kept

    return screening


def leaks(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: line for name, data in files.items() for line in data.splitlines() if SURVIVOR.search(line)}


def keys(natives, file):
    return [n.external_id for n in natives if n.type == f"hmis-csv/{file}"]


def text(file: str, old: bytes, new: bytes):
    def change(files: dict[str, bytes]) -> None:
        assert old in files[f"{file}.csv"]
        files[f"{file}.csv"] = files[f"{file}.csv"].replace(old, new)

    return change


def without(file: str, key: bytes):
    def change(files: dict[str, bytes]) -> None:
        lines = files[f"{file}.csv"].splitlines(keepends=True)
        files[f"{file}.csv"] = b"".join(line for line in lines if not line.startswith(key + b","))

    return change


DAMAGES = {
    # what is wrong with the organization, the project or the enrollment: the file changed
    "a comma in the organization's name": text("Organization", b"O9,House 9,", b"O9,House 9, Inc.,"),
    "no organization": without("Organization", b"O9"),
    "nobody can say what it is": text("Organization", b"O9,House 9,1", b"O9,House 9,Y"),
    "a space behind the key": text("Project", b"P9,O9", b"P9,O9 "),
    "a comma in the project's name": text("Project", b"P9,O9,Project 9", b"P9,O9,Project 9, Inc"),
    "no project": without("Project", b"P9"),
    "a project of nobody's": text("Project", b"P9,O9", b"P9,O?"),
    "no enrollment": without("Enrollment", b"E9001"),
    "an enrollment in no project": text("Enrollment", b",P9,", b",,"),
    "a comma too many in the enrollment": text("Enrollment", b"E9001,C9001,", b"E9001,,C9001,"),
    "an enrollment nobody has": text("Enrollment", b"E9001,C9001,", b"E9001,,"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_whoever_cannot_be_placed_is_not_stored(making, read, screened, what):
    files = making.files_of(making.make_export(3, vsp=True))
    DAMAGES[what](files)
    kept, stream = screened(making.zip_of(files))
    natives, errors = read(stream)
    assert leaks(kept) == {}
    assert not [e for e in errors if "9001" in f"{e} {e.external_id}"]
    assert keys(natives, "Client") == ["C1", "C2", "C3"]
    assert keys(natives, "HealthAndDV") == ["HealthAndDV/1", "HealthAndDV/3"]


def test_that_rows_were_left_out_in_doubt_is_told_once_without_row_and_key(making, read, screened):
    files = making.files_of(making.make_export(3, vsp=True))
    DAMAGES["no organization"](files)
    before, after = read(making.zip_of(files)), read(screened(making.zip_of(files))[1])
    for natives, errors in (before, after):
        project, doubt = errors
        assert (project.code, str(project.position)) == ("CB-331", "Project.csv, row 4")
        assert (doubt.code, str(doubt.position), doubt.external_id) == ("CB-336", "Enrollment.csv", "")
        assert "of 15 rows" in doubt.message
        assert "Client.csv: 1, CurrentLivingSituation.csv: 1" in doubt.message
        assert natives[0].data["refused_rows"] == "15"


def test_rows_certainly_behind_the_wall_are_counted_after_screening_too(making, read, screened):
    natives, errors = read(screened(making.zip_of(making.files_of(making.make_export(3, vsp=True))))[1])
    assert (errors, natives[0].data["refused_rows"]) == ([], "15")


def test_a_client_of_nobodys_is_not_let_in_beside_a_provider_that_has_no_project(making, read, screened):
    export = making.make_export(3, vsp=True)
    export["Project"].pop()
    export["Enrollment"].pop()
    kept, stream = screened(making.zip_of(making.files_of(export)))
    assert leaks(kept) == {}
    assert keys(read(stream)[0], "Client") == ["C1", "C2", "C3"]


def test_a_delta_that_places_nobody_lets_nobody_in(making, read, screened):
    export = making.make_export(3, vsp=True)
    export["Export"][0].update(ExportDirective="1", ExportPeriodType="1")
    export |= {"Organization": [], "Project": [], "Enrollment": [], "Exit": []}
    kept, stream = screened(making.zip_of(making.files_of(export)))
    natives, errors = read(stream)
    assert leaks(kept) == {}
    assert [n.type for n in natives] == ["hmis-csv/Export", "hmis-csv/User"]
    assert [e.code for e in errors] == ["CB-336"]


def test_an_enrollment_taken_back_opens_nothing(making, read, screened):
    export = making.make_export(3, vsp=True)
    taken_back = {"EnrollmentID": "E8000", "ProjectID": "P1", "DateDeleted": "2026-03-01 09:00:00"}
    export["Enrollment"].append({**export["Enrollment"][-1], **taken_back})
    kept, stream = screened(making.zip_of(making.files_of(export)))
    natives, errors = read(stream)
    assert leaks(kept) == {}
    assert (errors, keys(natives, "Client")) == ([], ["C1", "C2", "C3"])


def test_that_an_enrollment_was_taken_back_is_read_where_nothing_speaks_of_a_wall(making, read):
    export = making.make_export(3)
    export["Enrollment"][1]["DateDeleted"] = "2026-03-01 09:00:00"
    natives, errors = read(making.zip_of(making.files_of(export)))
    assert (errors, keys(natives, "Enrollment")) == ([], ["E1", "E2", "E3"])


@pytest.mark.parametrize(("enrollment", "person"), [("E1", "C9001"), ("E9001", "C1"), ("E9001", ""), ("", "C9001")])
def test_their_row_under_somebody_elses_key_is_theirs(making, read, screened, enrollment, person):
    export = making.make_export(3, vsp=True)
    theirs = export["HealthAndDV"][-1]
    theirs |= {"EnrollmentID": enrollment, "PersonalID": person, "HealthAndDVID": "Elm St"}
    kept, stream = screened(making.zip_of(making.files_of(export)))
    natives, errors = read(stream)
    assert leaks(kept) == {}
    assert not [e for e in errors if "Elm St" in f"{e} {e.external_id}"]
    assert keys(natives, "HealthAndDV") == ["HealthAndDV/1", "HealthAndDV/3"]


def test_a_row_of_a_lost_enrollment_of_somebody_who_is_also_elsewhere_is_left_out(making, read, screened):
    """It may have been the victim service provider's."""
    export = making.make_export(3, vsp=True)
    export["HealthAndDV"].append({**export["HealthAndDV"][0], "HealthAndDVID": "Elm St", "EnrollmentID": "E?"})
    kept, stream = screened(making.zip_of(making.files_of(export)))
    natives, errors = read(stream)
    assert leaks(kept) == {}
    assert ([e.code for e in errors], "Elm St" in repr(natives)) == (["CB-336"], False)


def test_a_walled_row_with_the_key_of_an_open_enrollment_takes_nothing_away(making, read):
    export = making.make_export(3, vsp=True)
    before, _ = read(making.zip_of(making.files_of(export)))
    export["Enrollment"].append({**export["Enrollment"][-1], "EnrollmentID": "E1"})
    natives, errors = read(making.zip_of(making.files_of(export)))
    assert errors == []
    assert [n.external_id for n in natives] == [n.external_id for n in before]
    assert natives[0].data["refused_rows"] == "16"


def test_a_row_that_swallowed_others_is_left_out(making, read, screened):
    export = making.make_export(3, vsp=True)
    files = making.files_of(export)
    lines = files["Enrollment.csv"].split(b"\r\n")
    lines[3] = lines[3].replace(b",H3,", b',"H3,')
    lines[4] = lines[4].replace(b",H9001,", b',H9001",')
    files["Enrollment.csv"] = b"\r\n".join(lines)
    kept, stream = screened(making.zip_of(files))
    assert leaks(kept) == {}
    assert keys(read(stream)[0], "Client") == ["C1", "C2"]


# --- what else is in the zip, and on which line ------------------------------------------------------------------


OTHERS = ["CustomNotes.csv", "Client.csv.bak", "old/HealthAndDV.csv", "Elm St.pdf", ".Client.csv"]


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_nobody_reads_is_left_out_beside_a_wall(making, read, screened, name):
    files = making.files_of(making.make_export(3, vsp=True))
    files[name] = files["Client.csv"]
    kept, stream = screened(making.zip_of(files))
    natives, _ = read(stream)
    assert (leaks(kept), name in kept) == ({}, False)
    assert natives[0].data["notes"] == ["files that are none of HMIS CSV, left out: 1"]


def test_where_there_is_no_wall_every_file_is_kept_as_it_is(making, codec):
    files = making.files_of(making.make_export(3)) | {"CustomNotes.csv": b"C1,likes tea"}
    assert not codec().screen(making.zip_of(files), io.BytesIO())


ROWS = {
    # a row that is not kept, and how what is wrong further on is told before and after screening
    "lines ended by a carriage return alone": ("a\rb\rc", []),
    "lines in quotation marks": ("a\nb\r\nc", []),
    "a row with too many values": ("a", [b",one too many"]),
    "two rows with too many values, one over several lines": ("a\nb", [b",one too many", b',"two\r\nthree"']),
}


@pytest.mark.parametrize("what", ROWS)
def test_rows_keep_their_numbers_and_what_is_said_of_them(making, read, screened, what):
    text, added = ROWS[what]
    export = making.make_export(5, vsp=True)
    export["Client"].insert(0, export["Client"].pop() | {"AdditionalRaceEthnicity": text})
    export["Client"][-1]["DOB"] = "bad"
    files = making.files_of(export)
    lines = files["Client.csv"].split(b"\r\n")
    for number, more in enumerate(added):
        at = next(i for i, line in enumerate(lines) if line.startswith(b"C%d," % (number + 1)))
        lines[at] += more
    files["Client.csv"] = b"\r\n".join(lines)
    _, before = read(making.zip_of(files))
    kept, stream = screened(making.zip_of(files))
    _, after = read(stream)
    assert leaks(kept) == {}
    assert [(str(e.position), e.message) for e in after] == [(str(e.position), e.message) for e in before]
    assert len([e for e in after if "values" in e.message]) == len(added)


@pytest.mark.parametrize("file", ["Client", "Services", "Funder"])
def test_a_header_that_swallowed_rows_is_none(making, codec, screened, file):
    """One quotation mark in it, and rows up to the next one would be a column's name, kept and noted."""
    files = making.files_of(making.make_export(3, vsp=True))
    files["Funder.csv"] += b"F1,P1\r\n"
    first, rest = files[f"{file}.csv"].split(b",DateCreated,", 1)
    files[f"{file}.csv"] = first + b',"DateCreated,' + rest.rstrip() + b'"\r\n'
    with pytest.raises(RecordError) as caught:
        screened(making.zip_of(files))
    assert (caught.value.code, str(caught.value.position)) == ("CB-303", f"{file}.csv, row 1")
    assert not SURVIVOR.search(str(caught.value).encode())
