"""Reading an export: what is tolerated, what is held, what is refused, and what is not read at all."""

from __future__ import annotations

import io
import zipfile

import pytest
from casebridge_hmis.codec import HmisCsv
from casebridge_hmis.spec import FY2024, FY2026, KNOWN

from casebridge.core.errors import RecordError
from casebridge.testing import check_format


def keys(natives, file):
    return [n.external_id for n in natives if n.type == f"hmis-csv/{file}"]


def one(natives, file, key):
    return next(n for n in natives if n.type == f"hmis-csv/{file}" and n.external_id == key)


def changed(making, file, change, **options):
    """A made-up export with one file's text changed."""
    files = making.files_of(making.make_export(**options))
    files[f"{file}.csv"] = change(files[f"{file}.csv"])
    return making.zip_of(files)


def test_records_come_joined_and_in_order(making, read):
    natives, errors = read(making.zip_of(making.files_of(making.make_export(2))))
    assert errors == []
    assert [n.type.removeprefix("hmis-csv/") for n in natives] == [
        "Export", "Organization", "Project", "Project", "User", "Client", "Client", "Enrollment", "Enrollment",
        "Services", "IncomeBenefits", "HealthAndDV", "Disabilities", "CurrentLivingSituation", "EmploymentEducation",
        "YouthEducationStatus", "Assessment", "Event",
    ]  # fmt: skip
    enrollment = one(natives, "Enrollment", "E1")
    assert enrollment.data["project"]["organization"]["OrganizationName"] == "House 1"
    assert enrollment.data["client"]["PersonalID"] == "C1"
    assert enrollment.data["user"]["UserLastName"] == "Worker"
    assert enrollment.data["exit"]["ExitID"] == "X1"
    assert "EnrollmentID" not in enrollment.data["exit"]  # it stands in the enrollment
    assert "exit" not in one(natives, "Enrollment", "E2").data
    event = one(natives, "Event", "V1").data
    assert event["client"]["PersonalID"] == "C1"
    assert event["enrollment"]["project"]["ProjectID"] == "P2"
    assessment = one(natives, "Assessment", "Assessment/1").data
    assert [q["AssessmentQuestionID"] for q in assessment["questions"]] == ["1-1", "1-2"]
    assert assessment["results"][0]["AssessmentResultType"] == "Score"
    assert (enrollment.order_key, str(enrollment.position)) == ("C1", "Enrollment.csv, row 2")


@pytest.mark.parametrize("folder", ["", "export_2026/"])
def test_the_files_may_lie_in_a_folder(making, codec, read, folder):
    stream = making.zip_of(making.files_of(making.make_export(1)), folder)
    assert codec().identity(stream) == "EX-1"
    assert keys(read(stream)[0], "Client") == ["C1"]


@pytest.mark.parametrize(
    ("encoding", "note"),
    [("utf-8", None), ("utf-8-sig", None), ("cp1252", "not UTF-8, read as cp1252"), ("latin-1", "cp1252")],
)
def test_names_survive_in_any_usual_encoding(making, read, encoding, note):
    export = making.make_export(1)
    export["Client"][0]["LastName"] = "Muñoz"
    files = making.files_of(export) | {
        "Client.csv": making.files_of({"Client": export["Client"]}, encoding)["Client.csv"]
    }
    natives, errors = read(making.zip_of(files))
    assert errors == []
    assert one(natives, "Client", "C1").data["LastName"] == "Muñoz"
    notes = natives[0].data["notes"]
    assert not notes if note is None else any(note in n for n in notes)


def test_bytes_that_cp1252_does_not_know_are_latin_1(making, read):
    natives, _ = read(changed(making, "Client", lambda b: b.replace(b"C1", b"C\x811"), clients=0, vsp=False))
    assert keys(natives, "Client") == []
    export = making.make_export(1)
    export["Client"][0]["LastName"] = "A\x81"
    files = making.files_of(export) | {
        "Client.csv": making.files_of({"Client": export["Client"]}, "latin-1")["Client.csv"]
    }
    natives, _ = read(making.zip_of(files))
    assert one(natives, "Client", "C1").data["LastName"] == "A\x81"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_do_not_matter(making, read, end):
    natives, errors = read(making.zip_of(making.files_of(making.make_export(3), end=end)))
    assert (errors, len(keys(natives, "Client"))) == ([], 3)


def test_header_in_another_case_and_order_with_an_extra_column(making, read):
    export = making.make_export(1)
    names = [*(c.name.upper() for c in reversed(FY2026.columns("Client"))), "VendorFlag"]
    rows = [{**{k.upper(): v for k, v in r.items()}, "VendorFlag": "x"} for r in export["Client"]]
    files = making.files_of(export) | {"Client.csv": making.csv_text(names, rows).encode()}
    natives, errors = read(making.zip_of(files))
    assert errors == []
    client = one(natives, "Client", "C1").data
    assert {k: client[k] for k in export["Client"][0]} == export["Client"][0]
    assert client["VendorFlag"] == "x"
    notes = " ".join(natives[0].data["notes"])
    assert "not spelled as in FY2026: " in notes
    assert "another order" in notes
    assert "VendorFlag" in notes


def test_a_missing_column_is_said_once_and_the_rows_are_read(making, read):
    export = making.make_export(3)
    names = [c.name for c in FY2026.columns("Client") if c.name != "VeteranStatus"]
    files = making.files_of(export) | {"Client.csv": making.csv_text(names, export["Client"]).encode()}
    natives, errors = read(making.zip_of(files))
    assert len(keys(natives, "Client")) == 3
    assert "VeteranStatus" not in one(natives, "Client", "C1").data
    assert [str(e) for e in errors] == [
        "Client.csv, row 1: the column is missing; the rows are read without it [VeteranStatus]; expected the "
        "38 columns of FY2026 (CB-332). Export again as HMIS CSV FY2026 with every column of the file."
    ]
    with pytest.raises(RecordError, match="VeteranStatus"):
        read(making.zip_of(files), strict=True)


BAD_ROWS = {
    "a duplicate key": ("Client", lambda r: r[1].update(PersonalID="C1"), "CB-330", "Client.csv, row 3"),
    "an orphan enrollment": ("Enrollment", lambda r: r[1].update(PersonalID="C77"), "CB-331", "Enrollment.csv, row 3"),
    "a bad date": ("Enrollment", lambda r: r[1].update(EntryDate="3/1/2026"), "CB-301", "Enrollment.csv, row 3"),
    "no such day": ("Client", lambda r: r[1].update(DOB="2025-02-30"), "CB-301", "Client.csv, row 3"),
    "no key": ("Services", lambda r: r[1].update(ServicesID=" "), "CB-302", "Services.csv, row 3"),
    "no date": ("Enrollment", lambda r: r[1].update(EntryDate=""), "CB-302", "Enrollment.csv, row 3"),
    "a second exit": ("Exit", lambda r: r[1].update(EnrollmentID="E1", PersonalID="C1"), "CB-330", "Exit.csv, row 3"),
    "two exits of one key": ("Exit", lambda r: r[1].update(ExitID="X1"), "CB-330", "Exit.csv, row 3"),
    "another person's enrollment": ("Event", lambda r: r[1].update(PersonalID="C1"), "CB-331", "Event.csv, row 3"),
    "a wall nobody can read": ("Organization", lambda r: r[1].update(VictimServiceProvider="?"), "CB-301",
                               "Organization.csv, row 3"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_ROWS)
def test_a_bad_row_is_held_and_the_others_go_on(making, read, what):
    file, spoil, code, where = BAD_ROWS[what]
    export = making.make_export(5)
    export["Organization"].append(
        making.row("Organization", OrganizationID="O2", OrganizationName="H", VictimServiceProvider="0")
    )
    before, _ = read(making.zip_of(making.files_of(export)))
    spoil(export[file])
    natives, errors = read(making.zip_of(making.files_of(export)))
    assert (errors[0].code, str(errors[0].position)) == (code, where)
    assert len(natives) >= len(before) - 3
    assert len(natives) < len(before) or file == "Exit"
    values = {v for r in export["Client"] for k, v in r.items() if k in ("LastName", "SSN", "DOB") and v}
    assert not [v for v in values for e in errors if v in str(e)]


def test_rows_that_are_no_rows(making, read):
    def spoil(data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        lines[1] += b",one too many"
        return b"\r\n".join([*lines[:3], b"", *lines[3:]])

    natives, errors = read(changed(making, "User", lambda d: d, clients=0))
    assert errors == []
    natives, errors = read(changed(making, "Client", spoil, clients=3))
    assert {str(e.position) for e in errors} == {f"{file}.csv, row 2" for file in KNOWN[KNOWN.index("Client") :]} | {
        "AssessmentQuestions.csv, row 3"}  # fmt: skip
    assert keys(natives, "Client") == ["C2", "C3"]
    assert one(natives, "Client", "C3").position.row == 5


def test_an_unclosed_quotation_mark_names_the_lines_it_swallowed(making, read):
    natives, errors = read(changed(making, "Client", lambda b: b.replace(b"C2,", b'"C2,', 1), clients=4))
    assert errors[0].code == "CB-301"
    assert "lines 3 to" in str(errors[0])
    assert "quotation mark" in errors[0].remedy
    assert keys(natives, "Client") == ["C1"]


def test_a_field_without_end_is_an_error_and_reading_goes_on(making, read):
    endless = b'C1,"' + b"x" * 200_000 + b"\r\n"
    natives, errors = read(changed(making, "Client", lambda b: b.replace(b"C1,", endless + b"C1,", 1), clients=1))
    assert keys(natives, "Organization") == ["O1"]
    assert "quotation mark is not closed" in str(errors[0])
    assert errors[0].position.row == 2


# --- not to be trusted at all ------------------------------------------------------------------------------------


def refused(codec, stream, **settings) -> RecordError:
    """Raised before anything is yielded."""
    with pytest.raises(RecordError) as caught:
        next(codec(**settings).parse(stream, {}))
    return caught.value


@pytest.mark.parametrize("data", [b"", b"PK", b"PersonalID,FirstName\n", b"\x00" * 5000])
def test_not_a_zip(codec, data):
    assert refused(codec, io.BytesIO(data)).code == "CB-303"
    assert codec().identity(io.BytesIO(data)) is None


def test_half_a_zip(making, codec):
    data = making.zip_of(making.files_of(making.make_export(5))).getvalue()
    assert refused(codec, io.BytesIO(data[: len(data) // 2])).code == "CB-303"


def test_a_zip_with_damaged_bytes_inside(making, codec):
    stream = making.zip_of(making.files_of(making.make_export(50)))
    data = bytearray(stream.getvalue())
    at = zipfile.ZipFile(stream).getinfo("Client.csv").header_offset + 60
    data[at : at + 40] = bytes(40)
    error = refused(codec, io.BytesIO(bytes(data)))
    assert (error.code, error.position.file) == ("CB-303", "Client.csv")


@pytest.mark.parametrize("file", ["Export", "Organization", "Project", "Client", "Enrollment", "Exit"])
def test_a_file_that_cannot_be_done_without(making, codec, file):
    files = making.files_of(making.make_export(2))
    del files[f"{file}.csv"]
    error = refused(codec, making.zip_of(files))
    assert (error.code, error.position.file) == ("CB-333", f"{file}.csv")


def test_without_event_csv_there_are_no_events(making, read):
    files = making.files_of(making.make_export(2))
    del files["Event.csv"]
    natives, errors = read(making.zip_of(files))
    assert (errors, keys(natives, "Event")) == ([], [])
    assert natives[0].data["notes"] == ["Event.csv is not in the export"]


def test_export_csv_without_its_row(making, codec):
    export = making.make_export(1)
    export["Export"] = []
    error = refused(codec, making.zip_of(making.files_of(export)))
    assert error.code == "CB-303"
    assert codec().identity(making.zip_of(making.files_of(export))) is None


def test_of_several_export_rows_the_latest_counts(making, codec, read):
    export = making.make_export(1)
    export["Export"].insert(0, {**export["Export"][0], "ExportID": "EX-0", "ExportDate": "2026-02-01 10:00:00"})
    stream = making.zip_of(making.files_of(export))
    natives, errors = read(stream)
    assert codec().identity(stream) == natives[0].external_id == "EX-1"
    assert [(e.code, e.position.row) for e in errors] == [("CB-330", 2)]


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("Client", "PersonalID"),
        ("Enrollment", "ProjectID"),
        ("Event", "EnrollmentID"),
        ("Organization", "VictimServiceProvider"),
    ],
)
def test_without_a_key_column_no_row_can_be_trusted(making, codec, file, column):
    export = making.make_export(1)
    names = [c.name for c in FY2026.columns(file) if c.name != column]
    files = making.files_of(export) | {f"{file}.csv": making.csv_text(names, export[file]).encode()}
    error = refused(codec, making.zip_of(files))
    assert (error.code, error.field) == ("CB-332", column)


def test_a_column_twice(making, codec):
    error = refused(codec, changed(making, "Client", lambda b: b.replace(b"LastName", b"firstname", 1), clients=1))
    assert (error.code, error.field) == ("CB-332", "FirstName")


def test_hashed_names_are_refused_or_left_out(making, codec, read):
    export = making.make_export(1)
    export["Export"][0]["HashStatus"] = "4"
    stream = making.zip_of(making.files_of(export))
    assert refused(codec, stream).code == "CB-335"
    client = one(read(stream, hashed="blank")[0], "Client", "C1").data
    assert not {"FirstName", "MiddleName", "LastName", "SSN"} & client.keys()  # not given, not empty
    assert (client["NameDataQuality"], client["HashStatus"]) == ("1", "4")


def test_an_export_of_another_year(making, codec, read):
    export = making.make_export(1)
    export["Export"][0]["CSVVersion"] = "2024 v1.7"
    stream = making.zip_of(making.files_of(export))
    assert "CSVVersion is not of FY2026" in read(stream)[0][0].data["notes"][0]
    assert refused(codec, stream, strict=True).field == "CSVVersion"


# --- zips meant to harm ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../Export.csv", "/etc/Export.csv", "a/../../Export.csv", "C:/Export.csv", "..\\x.csv"]
)
def test_names_that_lead_out_of_the_folder(making, codec, name):
    assert refused(codec, making.zip_of({**making.files_of(making.make_export(1)), name: b"x"})).code == "CB-303"


def test_too_many_entries(making, codec):
    files = making.files_of(making.make_export(1)) | {f"x{n}.txt": b"" for n in range(600)}
    assert refused(codec, making.zip_of(files)).code == "CB-304"


def test_a_list_of_files_that_would_fill_the_memory_is_not_even_read(making, codec):
    data = bytearray(making.zip_of(making.files_of(making.make_export(1))).getvalue())
    data[-10:-6] = (50_000_000).to_bytes(4, "little")  # the size of the directory, in the record at the end
    error = refused(codec, io.BytesIO(bytes(data)))
    assert (error.code, "too many files" in str(error)) == ("CB-304", True)


def test_too_large_together(making, codec):
    assert refused(codec, making.zip_of(making.files_of(making.make_export(9))), max_bytes=1000).code == "CB-304"


def test_a_bomb(making, codec):
    files = making.files_of(making.make_export(1)) | {"Disabilities.csv": b"0" * 5_000_000}
    assert refused(codec, making.zip_of(files)).code == "CB-304"


def test_two_exports_in_one_zip(making, codec):
    files = making.files_of(making.make_export(1))
    both = {f"a/{n}": d for n, d in files.items()} | {f"b/{n}": d for n, d in files.items()}
    assert refused(codec, making.zip_of(both)).code == "CB-303"


def test_what_a_mac_leaves_in_a_zip_is_overlooked(making, read):
    files = making.files_of(making.make_export(1)) | {"__MACOSX/._Export.csv": b"\x00\x05", ".DS_Store": b"\x00"}
    assert keys(read(making.zip_of(files))[0], "Client") == ["C1"]


def test_a_zip_with_a_password(making, codec):
    stream = making.zip_of(making.files_of(making.make_export(1)))
    data = bytearray(stream.getvalue())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 0x1  # the flag in the first entry of the directory
    error = refused(codec, io.BytesIO(bytes(data)))
    assert "password" in str(error)


# --- the wall ----------------------------------------------------------------------------------------------------


def test_rows_of_a_victim_service_provider_are_counted_and_forgotten(making, read):
    natives, errors = read(making.zip_of(making.files_of(making.make_export(4, vsp=True))))
    assert errors == []
    assert natives[0].data["refused_rows"] == "15"  # a row in each file of clients' rows, two questions
    assert "9001" not in repr([(n.data, n.external_id, n.order_key) for n in natives])
    assert keys(natives, "Project") == ["P1", "P2", "P9"]


@pytest.mark.parametrize("spec", [FY2026, FY2024], ids=lambda spec: spec.title)
def test_every_file_with_clients_in_it_stands_behind_the_same_wall(making, codec_2024, codec, spec):
    export = making.make_export(2, vsp=True, spec=spec)
    reader = codec if spec is FY2026 else codec_2024
    stream = making.zip_of(making.files_of(export, spec=spec))
    natives = list(reader().parse(stream, {}))
    theirs = sum(row.get("PersonalID") == "C9001" for rows in export.values() for row in rows)
    assert natives[0].data["refused_rows"] == str(theirs)
    assert {n.type.partition("/")[2] for n in natives} >= {"Services", "HealthAndDV", "Disabilities", "Assessment"}
    assert "9001" not in repr(natives)
    out = io.BytesIO()
    assert reader().screen(stream, out)
    with zipfile.ZipFile(out) as screened:
        assert not [name for name in screened.namelist() if b"9001" in screened.read(name)]


@pytest.mark.parametrize("file", ["Services", "HealthAndDV", "Event"])
def test_a_row_whose_enrollment_is_lost_is_theirs_if_the_person_is(making, read, codec, file):
    export = making.make_export(1, vsp=True)
    export[file][-1]["EnrollmentID"] = "E?"
    stream = making.zip_of(making.files_of(export))
    natives, errors = read(stream)
    assert (errors, "9001" in repr(natives)) == ([], False)
    out = io.BytesIO()
    codec().screen(stream, out)
    with zipfile.ZipFile(out) as screened:
        assert not [name for name in screened.namelist() if b"C9001" in screened.read(name)]


def test_their_bad_rows_make_no_noise_either(making, read):
    export = making.make_export(1, vsp=True)
    export["Enrollment"][-1]["EntryDate"] = "yesterday"
    export["Client"][-1]["DOB"] = "long ago"
    export["Client"].append(dict(export["Client"][-1]))
    natives, errors = read(making.zip_of(making.files_of(export)))
    assert (errors, natives[0].data["refused_rows"]) == ([], "16")


@pytest.mark.parametrize("file", ["Organization", "Project"])
def test_what_stands_twice_is_behind_the_wall_if_one_of_the_two_says_so(making, read, file):
    export = making.make_export(1, vsp=True)
    open_too = {"VictimServiceProvider": "0"} if file == "Organization" else {"OrganizationID": "O1"}
    export[file].insert(0, {**export[file][-1], **open_too})
    natives, errors = read(making.zip_of(making.files_of(export)))
    assert natives[0].data["refused_rows"] == "15"
    assert [e.code for e in errors] == ["CB-330"]
    assert "9001" not in repr(natives)


def test_who_is_also_elsewhere_is_read_from_there(making, read):
    export = making.make_export(1, vsp=True)
    export["Enrollment"].append({**export["Enrollment"][0], "EnrollmentID": "E9002", "PersonalID": "C9001"})
    natives, errors = read(making.zip_of(making.files_of(export)))
    assert errors == []
    assert keys(natives, "Client") == ["C1", "C9001"]
    assert keys(natives, "Enrollment") == ["E1", "E9002"]
    assert keys(natives, "Event") == ["V1"]


NOWHERE = {
    # what is wrong, in an export in which nothing speaks of a wall: the row changed, what is left out
    "a client without an enrollment": ("Enrollment", lambda r: r.pop(1), "Client.csv: 1"),
    "a project of nobody's": ("Enrollment", lambda r: r[1].update(ProjectID="?"), "Client.csv: 1, Enrollment.csv: 1"),
    "a client without a key": ("Client", lambda r: r[1].update(PersonalID=" "), "Client.csv: 1"),
    "an exit of no enrollment": ("Exit", lambda r: r[1].update(EnrollmentID="E77"), "Exit.csv: 1"),
    "an exit of nobody": ("Exit", lambda r: r[1].update(PersonalID=""), "Exit.csv: 1"),
}


@pytest.mark.parametrize("what", NOWHERE)
def test_what_no_open_project_has_may_be_theirs_and_is_told_without_its_row(making, read, what):
    file, spoil, where = NOWHERE[what]
    export = making.make_export(5)
    spoil(export[file])
    natives, errors = read(making.zip_of(making.files_of(export)))
    assert where in str(errors[-1])
    assert (errors[-1].code, errors[-1].external_id, errors[-1].position.row) == ("CB-336", "", None)
    assert natives[0].data["refused_rows"] == str(where.count(":"))


def test_the_shapes_of_the_maps_do_not_change_the_joins(making, codec):
    stream = making.zip_of(making.files_of(making.make_export(1)))
    plain = list(codec().parse(stream, {}))
    assert list(codec().parse(stream, {"hmis-csv/Event": {"parents": {}}})) == plain


def test_a_zip_packed_another_way(making, codec):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as target:
        for name, data in making.files_of(making.make_export(1)).items():
            target.writestr(name, data)
    assert "ordinary zip" in str(refused(codec, buffer))


def test_utf_16_is_named(making, codec):
    error = refused(codec, changed(making, "Client", lambda b: b.decode().encode("utf-16"), clients=1))
    assert "UTF-16" in str(error)
    assert error.remedy == "Export again as UTF-8."


def test_it_keeps_the_contract_of_a_format(making):
    sample = making.zip_of(making.files_of(making.make_export(3))).getvalue()
    check_format(HmisCsv, [sample], round_trip=False)  # ours is another export, with an ExportID of its own
