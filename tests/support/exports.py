"""A small HMIS export of made-up people as a zip or a folder, and ways to spoil it."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from casebridge_hmis.spec import FY2026

Rows = dict[str, list[dict[str, str]]]
Files = dict[str, bytes]
USUAL = {"DateCreated": "2026-03-01 08:00:00", "DateUpdated": "2026-03-02 09:30:00", "UserID": "U1"}


def row(file: str, **values: str) -> dict[str, str]:
    """A row with every column of FY2026."""
    given = {**USUAL, "ExportID": "EX-1", **values}
    return {c.name: given.get(c.name, "") for c in FY2026.columns(file)}


def client(id_: str, family: str, ssn: str, **more: str) -> dict[str, str]:
    """A person with a name and a social security number."""
    return row("Client", PersonalID=id_, FirstName="Ada", LastName=family, NameDataQuality="1", SSN=ssn,
               SSNDataQuality="1", DOB="1987-02-20", DOBDataQuality="1", **more)  # fmt: skip


def enrollment(id_: str, person: str, project: str = "P1") -> dict[str, str]:
    """A head of household in a project."""
    return row("Enrollment", EnrollmentID=id_, PersonalID=person, ProjectID=project, EntryDate="2026-01-05",
               HouseholdID=f"H{id_}", RelationshipToHoH="1", EnrollmentCoC="XX-501")  # fmt: skip


def rows() -> Rows:
    """Two people in a shelter, one in a victim service provider's project, and their frame."""
    return {
        "Export": [row("Export", SourceType="1", SourceID="XX-501", SourceName="Made-up", HashStatus="1",
                       ExportDate="2026-03-02 10:00:00", ExportStartDate="2025-10-01",
                       ExportEndDate="2026-03-01", SoftwareName="made-up",
                       CSVVersion="2026 v1.0", ExportPeriodType="3", ExportDirective="2")],
        "User": [row("User", UserID="U1", UserFirstName="Uma", UserLastName="Worker")],
        "Organization": [row("Organization", OrganizationID="O1", OrganizationName="House", VictimServiceProvider="0"),
                         row("Organization", OrganizationID="O9", OrganizationName="Safe", VictimServiceProvider="1")],
        "Project": [row("Project", ProjectID="P1", OrganizationID="O1", ProjectName="Shelter", ProjectType="0"),
                    row("Project", ProjectID="P9", OrganizationID="O9", ProjectName="Safe house", ProjectType="0")],
        "Client": [client("C1", "Moreno", "899611001"), client("C2", "Haddad", "899611002"),
                   client("C9", "Verborgen", "899611009")],
        "Enrollment": [enrollment("E1", "C1"), enrollment("E2", "C2"), enrollment("ENROLLED-9", "C9", "P9")],
        "Exit": [], "Event": [],
    }  # fmt: skip


def required(found: Rows) -> None:
    """What FY2026 requires of rows that are written, and the small export leaves out."""
    for project in found["Project"]:
        project |= {"OperatingStartDate": "2020-01-01", "ContinuumProject": "1"}
    for person in found["Client"]:
        races = ("AmIndAKNative", "Asian", "BlackAfAmerican", "HispanicLatinao", "MidEastNAfrican", "NativeHIPacific",
                 "White")  # fmt: skip
        person |= {**dict.fromkeys(races, "0"), "RaceNone": "99", "VeteranStatus": "99"}
    for enrolled in found["Enrollment"]:
        enrolled |= {"DisablingCondition": "99"}


def files_of(found: Rows) -> Files:
    """``Client.csv`` and so on, as bytes."""
    return {f"{name}.csv": _text(name, lines).encode() for name, lines in found.items()}


def zipped(files: Files) -> bytes:
    """One zip of the files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def export(change: Callable[[Rows], object] = lambda found: None, text: Callable[[Files], object] = lambda f: None
           ) -> bytes:  # fmt: skip
    """The export as a zip, its rows changed by ``change`` and its files by ``text`` first."""
    found = rows()
    change(found)
    files = files_of(found)
    text(files)
    return zipped(files)


def unpacked(files: Files, folder: Path) -> None:
    """The export as a folder of files."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _text(name: str, lines: list[dict[str, str]]) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, [c.name for c in FY2026.columns(name)], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    return target.getvalue()
