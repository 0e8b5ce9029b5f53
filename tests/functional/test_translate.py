"""``casebridge translate``: a file from one notation to another, and what it says was lost."""

from __future__ import annotations

import csv
import json
import zipfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import exports
import pytest
from commands import Command, command_line
from members import file_834, member
from sites import bundle, order, patient, task

HEAD = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On\n"
ADA = "K-17,Ada,Moreno,02/20/1987,900-12-0001,555-0100,1 Main St,Riverside,NY,10001,Food pantry,01/05/2026,\n"
TOBI = "K-19,Tobi,Okafor,03/01/1990,,,,,,,Shelter,11/01/2025,02/01/2026\n"
SPOILT = "K-18,Bo,Abara,13/20/1987,,,,,,,,,\n"
FROM_CSV = ("--from", "flatfile", "--set-from", "layout=agency-clients")


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line(monkeypatch, capsys, tmp_path)


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    (tmp_path / "clients.csv").write_text(HEAD + ADA + TOBI, encoding="utf-8")
    return tmp_path


def resources(file: Path, kind: str) -> list[dict[str, Any]]:
    """The resources of a kind in a Bundle."""
    found = [entry["resource"] for entry in json.loads(file.read_text(encoding="utf-8"))["entry"]]
    return [resource for resource in found if resource["resourceType"] == kind]


def test_a_list_of_clients_becomes_a_bundle_of_patients(casebridge, clients):
    ended, said = casebridge("translate", "clients.csv", "out.json", *FROM_CSV, "--to", "sdohcc")
    assert ended == 0, said
    ada, tobi = resources(clients / "out.json", "Patient")
    assert (ada["id"], tobi["id"]) == ("K-17", "K-19")
    assert ada["name"] == [{"use": "official", "family": "Moreno", "given": ["Ada"]}]
    assert ada["birthDate"] == "1987-02-20"
    assert "2 fhir-r4/Patient" in said


def test_a_bad_record_is_named_and_the_rest_goes_on(casebridge, clients):
    (clients / "clients.csv").write_text(HEAD + ADA + SPOILT + TOBI, encoding="utf-8")
    ended, said = casebridge("translate", "clients.csv", "out.json", *FROM_CSV, "--to", "sdohcc",
                             "--loss-report", "loss.csv")  # fmt: skip
    assert ended == 5
    assert [r["id"] for r in resources(clients / "out.json", "Patient")] == ["K-17", "K-19"]
    with (clients / "loss.csv").open(encoding="utf-8", newline="") as file:
        (refused,) = [row for row in csv.DictReader(file) if row["what"] == "refused"]
    assert refused["where"] == "row 3"
    assert refused["code"] == "CB-301"
    assert "13/20/1987" not in said + refused["why"]


def test_the_loss_report_says_how_many_values_had_no_room_by_field(casebridge, clients):
    casebridge("translate", "clients.csv", "out.json", *FROM_CSV, "--to", "sdohcc/patient", "--loss-report", "l.json")
    told = json.loads((clients / "l.json").read_text(encoding="utf-8"))
    assert told["read"] == 2
    assert told["written"] == {"fhir-r4/Patient": 2}
    lost = {(row["what"], row["where"]): row["values"] for row in told["lost"]}
    assert lost["no place", "participation"] == 2


def test_the_same_file_gives_the_same_bytes(casebridge, clients):
    for name in ("a.json", "b.json"):
        casebridge("translate", "clients.csv", name, *FROM_CSV, "--to", "sdohcc")
    assert (clients / "a.json").read_bytes() == (clients / "b.json").read_bytes()


def test_references_hold_in_what_is_written(casebridge, tmp_path):
    ill = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"},
           "category": [{"coding": [{"code": "problem-list-item"}]}]}  # fmt: skip
    (tmp_path / "in.json").write_text(json.dumps(bundle(patient(), ill)), encoding="utf-8")
    ended, said = casebridge("translate", "in.json", "out.json", "--from", "sdohcc", "--to", "sdohcc")
    assert ended == 0, said
    (person,) = resources(tmp_path / "out.json", "Patient")
    (condition,) = resources(tmp_path / "out.json", "Condition")
    assert condition["subject"]["reference"] == f"Patient/{person['id']}" == "Patient/p1"


def test_a_file_that_cannot_be_trusted_leaves_everything_as_it_was(casebridge, tmp_path):
    (tmp_path / "in.834").write_bytes(file_834(member("MORENO", "ADA", "899611001"), end=False))
    (tmp_path / "out.json").write_text("yesterday's", encoding="utf-8")
    ended, said = casebridge("translate", "in.834", "out.json", "--from", "x12", "--to", "sdohcc")
    assert ended == 5
    assert "cut off" in said or "CB-312" in said
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == "yesterday's"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.834", "out.json"]


def labelled() -> bytes:
    """A file of two members; Lena's record is restricted (INS13 = R)."""
    lena = member("HADDAD", "LENA", "899611009")
    lena[0] = (*lena[0], "", "", "", "", "R")
    return file_834(member("MORENO", "ADA", "899611001"), lena)


def test_a_label_without_a_place_keeps_its_record_back(casebridge, tmp_path):
    (tmp_path / "in.834").write_bytes(labelled())
    ended, said = casebridge("translate", "in.834", "out.zip", "--from", "x12", "--to", "hmis-2026")
    assert ended == 5
    assert "CB-242" in said
    assert "HADDAD" not in said
    assert [row["LastName"] for row in table(tmp_path / "out.zip", "Client")] == ["MORENO"]


def test_nor_does_the_label_of_what_goes_along_in_a_row(casebridge, tmp_path):
    """A list of clients has the coverage in the row of the person; here the coverage alone is restricted."""
    covered = {"resourceType": "Coverage", "id": "k1", "status": "active", "beneficiary": {"reference": "Patient/p1"},
               "payor": [{"display": "State"}], "meta": {"security": [{"code": "R"}]}}  # fmt: skip
    (tmp_path / "in.json").write_text(json.dumps(bundle(patient(), covered)), encoding="utf-8")
    ended, said = casebridge("translate", "in.json", "out.csv", "--from", "sdohcc", "--to", "flatfile",
                             "--set-to", "layout=agency-clients")  # fmt: skip
    assert (ended, "this participation is labelled as protected" in said) == (5, True), said
    assert not (tmp_path / "out.csv").exists()


def test_a_label_goes_where_there_is_a_place_for_it(casebridge, tmp_path):
    (tmp_path / "in.834").write_bytes(labelled())
    ended, said = casebridge("translate", "in.834", "out.json", "--from", "x12", "--to", "sdohcc")
    assert ended == 0, said
    people = resources(tmp_path / "out.json", "Patient")
    marks = {person["name"][0]["family"]: person.get("meta", {}).get("security") for person in people}
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    assert marks == {"MORENO": None, "HADDAD": [restricted]}


def test_marks_stay_on_whatever_goes_from_fhir_to_fhir(casebridge, tmp_path):
    """Known or not, with their systems and their words; a Task that goes without its order has the order's too."""
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    walls = [{"system": act, "code": code, "display": f"about {code}"} for code in ("42CFRPart2", "ETH", "PSY")]
    ours = [{"system": "urn:hospital:wards", "code": "P7"}]
    found = [task(meta={"versionId": "1", "security": ours}), order(meta={"versionId": "1", "security": walls}),
             patient(meta={"versionId": "1", "security": [*ours, *walls]})]  # fmt: skip
    (tmp_path / "in.json").write_text(json.dumps(bundle(*found)), encoding="utf-8")
    ended, said = casebridge("translate", "in.json", "out.json", "--from", "sdohcc", "--to", "sdohcc")
    assert (ended, "CB-242" in said) == (0, False), said
    ((person,), (referral,)) = (resources(tmp_path / "out.json", kind) for kind in ("Patient", "Task"))
    assert person["meta"]["security"] == referral["meta"]["security"] == [*ours, *walls]


def test_who_has_decided_drops_the_labels(casebridge, tmp_path):
    (tmp_path / "in.834").write_bytes(labelled())
    casebridge("translate", "in.834", "out.zip", "--from", "x12", "--to", "hmis-2026", "--drop-labels")
    assert [row["LastName"] for row in table(tmp_path / "out.zip", "Client")] == ["MORENO", "HADDAD"]


def test_it_says_what_the_target_has_no_place_for(casebridge, tmp_path):
    """HMIS has events for housing; it has none for food."""
    (tmp_path / "in.json").write_text(json.dumps(bundle(task(), order(), patient())), encoding="utf-8")
    ended, said = casebridge("translate", "in.json", "out.zip", "--from", "sdohcc", "--to", "hmis-2026/event")
    assert ended == 5
    assert not (tmp_path / "out.zip").exists()
    assert "hmis_event" in said or "`Event`" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--from", "nowhere", "--to", "sdohcc"), 3, "CB-240"),
        (("--from", "flatfile", "--to", "sdohcc", "--set-from", "layout=nowhere"), 3, "CB-380"),
        (("--from", "flatfile", "--to", "sdohcc", "--set-from", "layout"), 3, "NAME=VALUE"),
        ((*FROM_CSV, "--to", "x12"), 3, "does not write files"),
        ((*FROM_CSV, "--to", "sdohcc", "--loss-report", "nowhere/loss.csv"), 3, "There is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(casebridge, clients, arguments, code, said):
    ended, told = casebridge("translate", "clients.csv", "out.json", *arguments)
    assert (ended, said in told) == (code, True), told
    assert not (clients / "out.json").exists()


def test_it_never_writes_over_the_file_it_reads(casebridge, clients):
    ended, said = casebridge("translate", "clients.csv", "clients.csv", *FROM_CSV, "--to", "sdohcc")
    assert ended == 3, said
    assert (clients / "clients.csv").read_text(encoding="utf-8").startswith("Client ID")


@pytest.mark.parametrize("place", ["clients.csv", "./clients.csv", "out.json", "theirs.json", "folder", "link.csv"])
def test_nor_does_the_loss_report(casebridge, clients, place):
    """Neither over the input, the output and the file beside it, by whatever name; a folder is refused before."""
    (clients / "theirs.json").write_text(json.dumps(bundle(patient())), encoding="utf-8")
    (clients / "folder").mkdir()
    (clients / "link.csv").symlink_to("clients.csv")
    before = {p.name: p.read_bytes() for p in clients.iterdir() if p.is_file()}
    ended, said = casebridge("translate", "clients.csv", "out.json", *FROM_CSV, "--to", "sdohcc",
                             "--beside", "theirs.json", "--loss-report", place)  # fmt: skip
    assert (ended, "CB-241" in said) == (3, True), said
    assert {p.name: p.read_bytes() for p in clients.iterdir() if p.is_file()} == before


# --- HMIS --------------------------------------------------------------------------------------------------------


def table(file: Path, name: str) -> list[dict[str, str]]:
    """The rows of one file of an HMIS export."""
    with zipfile.ZipFile(file) as archive:
        return list(csv.DictReader(archive.read(f"{name}.csv").decode().splitlines()))


def test_a_list_of_clients_becomes_an_hmis_export(casebridge, clients):
    """What HMIS requires and nobody asked is 99, *data not collected*. An enrollment needs a project: a row with one
    that cannot be written is left out whole."""
    alone = [ADA.replace("Food pantry,01/05/2026", ","), "K-19,Tobi,Okafor,03/01/1990,,,,,,,,,\n"]
    (clients / "clients.csv").write_text(HEAD + "".join(alone) + TOBI.replace("K-19", "K-20"), encoding="utf-8")
    ended, said = casebridge("translate", "clients.csv", "out.zip", *FROM_CSV, "--to", "hmis-2026")
    ada, tobi = table(clients / "out.zip", "Client")
    assert (ada["FirstName"], ada["LastName"], ada["SSN"], ada["SSNDataQuality"]) == ("Ada", "Moreno", "900120001", "1")
    assert (tobi["PersonalID"], tobi["SSN"], tobi["SSNDataQuality"], tobi["RaceNone"]) == ("K-19", "", "99", "99")
    assert table(clients / "out.zip", "Enrollment") == []
    assert (ended, said.count("[ProjectID]")) == (5, 1), said
    assert "person.telecoms[].value" in said


def test_an_export_comes_back_row_for_row(casebridge, tmp_path):
    (tmp_path / "in.zip").write_bytes(exports.export(exports.required))
    ended, said = casebridge("translate", "in.zip", "out.zip", "--from", "hmis-2026", "--to", "hmis-2026")
    assert ended == 0, said
    kept = {"Client": ("PersonalID", "LastName", "DOB", "SSN", "UserID"), "Project": ("ProjectID", "OrganizationID"),
            "Enrollment": ("EnrollmentID", "PersonalID", "ProjectID", "EntryDate", "HouseholdID")}  # fmt: skip
    behind_the_wall = ("C9", "ENROLLED-9")
    for name, columns in kept.items():
        came = [[row[c] for c in columns] for row in table(tmp_path / "in.zip", name)]
        went = [[row[c] for c in columns] for row in table(tmp_path / "out.zip", name)]
        assert went == [row for row in came if row[0] not in behind_the_wall], name


def test_a_victim_service_providers_clients_do_not_come_through(casebridge, tmp_path):
    (tmp_path / "in.zip").write_bytes(exports.export(exports.required))
    for target, name in (("hmis-2026", "out.zip"), ("sdohcc", "out.json")):
        casebridge("translate", "in.zip", name, "--from", "hmis-2026", "--to", target)
        with zipfile.ZipFile(tmp_path / name) if name.endswith("zip") else nullcontext() as archive:
            parts = [archive.read(n) for n in archive.namelist()] if archive else [(tmp_path / name).read_bytes()]
        assert parts
        assert all(word not in part for part in parts for word in (b"Verborgen", b"899611009", b"ENROLLED-9"))


def test_coverage_of_an_834_becomes_patients_with_their_coverage(casebridge, tmp_path):
    (tmp_path / "in.834").write_bytes(file_834(member("MORENO", "ADA", "899611001", ends="20251231")))
    ended, said = casebridge("translate", "in.834", "out.json", "--from", "x12", "--to", "sdohcc")
    assert ended == 0, said
    (person,) = resources(tmp_path / "out.json", "Patient")
    (coverage,) = resources(tmp_path / "out.json", "Coverage")
    assert coverage["beneficiary"] == {"reference": f"Patient/{person['id']}"}
    assert coverage["period"] == {"start": "2025-01-01", "end": "2025-12-31"}


def test_an_export_goes_to_fy2024_and_back(casebridge, tmp_path):
    (tmp_path / "in.zip").write_bytes(exports.export(exports.required))
    for source, target, there, name in (("hmis-2026", "hmis-2024", "in.zip", "24.zip"),
                                        ("hmis-2024", "hmis-2026", "24.zip", "26.zip")):  # fmt: skip
        ended, said = casebridge("translate", there, name, "--from", source, "--to", target)
        assert ended == 0, said
    assert "HispanicLatinaeo" in table(tmp_path / "24.zip", "Client")[0]  # FY2024's own spelling
    assert [row["Sex"] for row in table(tmp_path / "26.zip", "Client")] == ["", ""]
    kept = {"Client": ("PersonalID", "LastName", "SSN"), "Enrollment": ("EnrollmentID", "EntryDate")}
    for name, columns in kept.items():
        once, twice = ([[row[c] for c in columns] for row in table(tmp_path / f, name)] for f in ("24.zip", "26.zip"))
        assert once == twice
        assert len(once) == 2


def referrals(tmp_path: Path, *orders: dict[str, Any], person: dict[str, Any] | None = None) -> None:
    """The hospital's bundle: a Task and its order for each, and the patient."""
    tasks = [task(id_=f"t{n}", focus={"reference": f"ServiceRequest/s{n}"}, authoredOn="2026-11-20T08:00:00Z")
             for n, _ in enumerate(orders)]  # fmt: skip
    asked = [{**one, "id": f"s{n}"} for n, one in enumerate(orders)]
    (tmp_path / "in.json").write_text(json.dumps(bundle(*tasks, *asked, person or patient())), encoding="utf-8")


def test_a_referral_becomes_an_event_under_the_clients_enrollment_there(casebridge, tmp_path):
    """One bed and one food parcel: HMIS has an event for the first, and the report says so of the second."""
    referrals(tmp_path, order("homelessness", "emergency-shelter"), order())
    (tmp_path / "theirs.zip").write_bytes(exports.export(exports.required))
    ended, said = casebridge("translate", "in.json", "out.zip", "--from", "sdohcc", "--to", "hmis-2026",
                             "--beside", "theirs.zip", "--loss-report", "l.json")  # fmt: skip
    assert ended == 0, said
    (event,) = table(tmp_path / "out.zip", "Event")
    assert (event["Event"], event["PersonalID"], event["EnrollmentID"]) == ("10", "C1", "E1")
    assert [row["PersonalID"] for row in table(tmp_path / "out.zip", "Client")] == ["C1"]
    lost = json.loads((tmp_path / "l.json").read_text(encoding="utf-8"))["lost"]
    (food,) = [row for row in lost if row["what"] == "no place" and row["where"] == "referral"]
    assert "code" in food["why"]


def test_what_the_file_beside_does_not_know_of_who_is_in_it_is_counted(casebridge, tmp_path):
    referrals(tmp_path, order("homelessness", "emergency-shelter"), person=patient(birthDate="1987-02-21"))
    (tmp_path / "theirs.zip").write_bytes(exports.export(exports.required))
    _, said = casebridge("translate", "in.json", "out.zip", "--from", "sdohcc", "--to", "hmis-2026",
                         "--beside", "theirs.zip", "--loss-report", "l.json")  # fmt: skip
    assert "1 person in the file beside already: not written anew." in said
    told = json.loads((tmp_path / "l.json").read_text(encoding="utf-8"))
    not_taken = {row["where"]: row["values"] for row in told["lost"] if row["what"] == "not taken"}
    assert (told["met"], not_taken["person.birth"]) == (1, 1)
    assert "person.names[].family" not in not_taken


@pytest.mark.parametrize("mark", ["R", "42CFRPart2"])
def test_a_label_of_who_is_met_keeps_back_what_is_about_them(casebridge, tmp_path, mark):
    """The client is in HMIS already and is not written; the event alone would say who is in treatment."""
    referrals(tmp_path, order("homelessness", "emergency-shelter"), person=patient(meta={"security": [{"code": mark}]}))
    (tmp_path / "theirs.zip").write_bytes(exports.export(exports.required))
    asked = ("translate", "in.json", "out.zip", "--from", "sdohcc", "--to", "hmis-2026", "--beside", "theirs.zip")
    ended, said = casebridge(*asked)
    assert (ended, "CB-242" in said or "labelled as protected" in said) == (5, True), said
    assert not (tmp_path / "out.zip").exists()
    casebridge(*asked, "--drop-labels")
    assert [row["PersonalID"] for row in table(tmp_path / "out.zip", "Event")] == ["C1"]


def test_nobody_is_met_by_name(casebridge, tmp_path):
    referrals(tmp_path, order("homelessness", "emergency-shelter"), person=patient(ssn="899611555"))
    (tmp_path / "theirs.zip").write_bytes(exports.export(exports.required))
    ended, said = casebridge("translate", "in.json", "out.zip", "--from", "sdohcc", "--to", "hmis-2026/event",
                             "--beside", "theirs.zip")  # fmt: skip
    assert ended == 5
    assert not (tmp_path / "out.zip").exists()
    assert "EnrollmentID" in said


# --- names, and what goes along ----------------------------------------------------------------------------------


def test_two_records_never_share_a_name_in_silence(casebridge, clients):
    (clients / "clients.csv").write_text(HEAD + "7,Ada,Moreno,,,,,,,,,,\nPatient/7,Bo,Abara,,,,,,,,,,\n")
    ended, said = casebridge("translate", "clients.csv", "out.json", *FROM_CSV, "--to", "sdohcc")
    assert (ended, "CB-246" in said) == (5, True), said
    assert [r["name"][0]["family"] for r in resources(clients / "out.json", "Patient")] == ["Moreno"]


def test_what_goes_along_in_anothers_row_is_not_told_as_lost(casebridge, clients):
    """A person and their enrollment are one row of the list."""
    ended, said = casebridge("translate", "clients.csv", "out.csv", *FROM_CSV, "--to", "flatfile",
                             "--set-to", "layout=agency-clients")  # fmt: skip
    assert (ended, "Nothing was lost." in said) == (0, True), said
    rows = list(csv.DictReader((clients / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert [(r["Client ID"], r["Program"], r["Left On"]) for r in rows] == [
        ("K-17", "Food pantry", ""), ("K-19", "Shelter", "02/01/2026")]  # fmt: skip


def test_one_bad_row_among_hundreds_is_found(casebridge, clients):
    """HMIS is strict about a whole export; the rows that FY2026 would refuse are told apart from the others."""
    rows = [f"K-{n},Ada{'[' if n == 333 else ''},Moreno,,,,,,,,,," for n in range(500)]
    (clients / "clients.csv").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    ended, said = casebridge("translate", "clients.csv", "out.zip", *FROM_CSV, "--to", "hmis-2026")
    assert (ended, "row 335" in said) == (5, True), said
    assert len(table(clients / "out.zip", "Client")) == 499


def test_a_test_file_needs_the_word_test(casebridge, tmp_path):
    data = file_834(member("MORENO", "ADA", "899611001"))
    assert b"*P*" in data
    (tmp_path / "in.834").write_bytes(data.replace(b"*P*", b"*T*", 1))
    ended, said = casebridge("translate", "in.834", "out.json", "--from", "x12", "--to", "sdohcc")
    assert (ended != 0, "Say --test" in said, "this partner" in said) == (True, True, False), said
    ended, said = casebridge("translate", "in.834", "out.json", "--from", "x12", "--to", "sdohcc", "--test")
    assert "Say --test" not in said
