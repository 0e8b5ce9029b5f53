"""A shelter's spreadsheet of stays becomes an HMIS export: agency, project, clients, enrollments, exits."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from commands import Command, command_line

HEAD = (
    "Stay ID,Client ID,First Name,Last Name,Date of Birth,SSN,Sex,Veteran,Agency ID,Agency,Victim Services,"
    "Project ID,Project,Project Type,Continuum Project,Project Since,Household ID,Relationship,Came On,Left On,Went To"
)
PROJECT = "A1,Riverside,No,P1,Harbor Light,Night shelter,Yes,01/01/2020"
STAYS = [
    f"S-1,K-17,Ada,Moreno,02/20/1987,219-09-9998,Female,No,{PROJECT},H-1,Head,01/05/2026,,",
    f"S-2,K-18,Tobi,Abara,,,Male,Declined,{PROJECT},H-2,Head,01/06/2026,02/01/2026,Hospital",
    f"S-3,K-18,Tobi,Abara,,,Male,Declined,{PROJECT},H-3,Head,03/06/2026,,",
]
ARGUMENTS = ("--from", "flatfile-shelter", "--set-from", "layout=shelter-stays", "--to", "hmis-2026")


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line(monkeypatch, capsys, tmp_path)


def rows(file: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(file) as export:
        return list(csv.DictReader(io.StringIO(export.read(name).decode("utf-8"))))


def test_stays_become_an_hmis_export_and_nothing_is_lost(casebridge, tmp_path):
    (tmp_path / "stays.csv").write_text("\n".join([HEAD, *STAYS, ""]), encoding="utf-8")
    ended, said = casebridge("translate", "stays.csv", "out.zip", *ARGUMENTS)
    assert ended == 0, said
    out = tmp_path / "out.zip"
    assert [c["PersonalID"] for c in rows(out, "Client.csv")] == ["K-17", "K-18"]
    assert [(e["EnrollmentID"], e["PersonalID"], e["ProjectID"]) for e in rows(out, "Enrollment.csv")] == [
        ("S-1", "K-17", "P1"), ("S-2", "K-18", "P1"), ("S-3", "K-18", "P1"),
    ]  # fmt: skip
    assert [(e["EnrollmentID"], e["ExitDate"], e["Destination"]) for e in rows(out, "Exit.csv")] == [
        ("S-2", "2026-02-01", "206")
    ]
    assert rows(out, "Client.csv")[1]["VeteranStatus"] == "9"


def test_what_only_an_earlier_row_says_is_counted(casebridge, tmp_path):
    """The second stay's row knows her first name alone, and that row counts; the agency is the same in both."""
    poorer = f"S-9,K-17,Ada,,,,,,{PROJECT},H-9,Head,03/05/2026,,"
    (tmp_path / "stays.csv").write_text("\n".join([HEAD, STAYS[0], poorer, ""]), encoding="utf-8")
    ended, said = casebridge("translate", "stays.csv", "out.zip", *ARGUMENTS, "--loss-report", "l.json")
    assert (ended, "Nothing was lost" in said) == (0, False), said
    assert "the later one of the same id, which counts" in " ".join(said.split())
    lost = json.loads((tmp_path / "l.json").read_text(encoding="utf-8"))["lost"]
    counted = {row["where"]: row["values"] for row in lost if row["what"] == "replaced"}
    assert counted["person.names[].family"] == counted["person.birth"] == counted["person.identifiers[].value"] == 1
    assert {where.partition(".")[0] for where in counted} == {"person"}
    assert "Moreno" not in said


def test_no_row_of_a_victim_service_provider_gets_through(casebridge, tmp_path):
    hidden = [stay.replace("Riverside,No", "Riverside,Yes") for stay in STAYS]
    (tmp_path / "stays.csv").write_text("\n".join([HEAD, *hidden, ""]), encoding="utf-8")
    _, said = casebridge("translate", "stays.csv", "out.zip", *ARGUMENTS)
    assert "Moreno" not in said
    out = tmp_path / "out.zip"
    assert not out.exists() or not any(rows(out, name) for name in ("Client.csv", "Enrollment.csv"))
