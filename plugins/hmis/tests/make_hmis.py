"""Made-up HMIS exports: ``python make_hmis.py OUT.zip --clients 50 --seed 7``. Nobody in them exists."""

from __future__ import annotations

import argparse
import csv
import io
import random
import zipfile
from datetime import date, timedelta
from pathlib import Path

from casebridge_hmis.spec import FY2024, FY2026, Spec

FIRST = ("Ada", "Björn", "Chiara", "Đorđe", "Esi", "Faye", "Goran", "Hana", "Inés", "Jun")
LAST = ("Abara", "Brook, Jr.", 'O"Dell', "Lindqvist", "Muñoz", "Nakamura", "Quick", "Zhou")
DAY = date(2026, 3, 1)
RACES = ("AmIndAKNative", "Asian", "BlackAfAmerican", "HispanicLatinao", "MidEastNAfrican", "NativeHIPacific", "White")

Export = dict[str, list[dict[str, str]]]


def make_export(clients: int = 5, seed: int = 1, *, vsp: bool = False, spec: Spec = FY2026) -> Export:
    """Rows of every file by name: a shelter, coordinated entry, and with ``vsp`` a provider behind the wall.

    Client 1 of every four is a head of household with an exit and an event; some answers are 8, 9 or 99.
    """
    chance = random.Random(seed)
    export: Export = {file: [] for file in spec.files}
    _frame(export, vsp)
    for number in range(1, clients + 1):
        _client(export, number, chance)
        _enrollment(export, number, chance, project=f"P{1 + number % 2}")
    if vsp:
        _client(export, 9001, chance)
        _enrollment(export, 9001, chance, project="P9", every_file=True)
    export["Export"][0]["CSVVersion"] = spec.version
    return {file: [{c.name: _of_year(r, c.name) for c in spec.columns(file)} for r in rows]
            for file, rows in export.items()}  # fmt: skip


RENAMED = {"HispanicLatinaeo": "HispanicLatinao", "TcellCount": "TCellCount", "TcellSource": "TCellSource"}
GENDERS = ("Woman", "Man", "NonBinary", "CulturallySpecific", "Transgender", "Questioning", "DifferentIdentity")


def _of_year(row: dict[str, str], name: str) -> str:
    """A row is made in FY2026; what FY2024 calls otherwise is renamed, what it has besides is made from the key."""
    if name in GENDERS:
        return "1" if GENDERS.index(name) == len(row["PersonalID"]) % len(GENDERS) else "0"
    return row.get(name, row.get(RENAMED.get(name, ""), ""))


def row(file: str, **values: str) -> dict[str, str]:
    """A row with every column; those not given are empty, the dates and the user are filled in."""
    usual = {"DateCreated": "2026-03-01 08:00:00", "DateUpdated": "2026-03-02 09:30:00", "UserID": "U1"}
    names = [column.name for column in FY2026.columns(file)]
    return {name: {**usual, "ExportID": "EX-1", **values}.get(name, "") for name in names}


def _frame(export: Export, vsp: bool) -> None:
    export["Export"].append(
        row("Export", SourceType="1", SourceID="XX-501", SourceName="Made-up HMIS", ExportDate="2026-03-02 10:00:00",
            ExportStartDate="2025-10-01", ExportEndDate="2026-03-01", SoftwareName="make_hmis", CSVVersion="2026 v1.0",
            ExportPeriodType="3", ExportDirective="2", HashStatus="1", ImplementationID="made-up-1"))  # fmt: skip
    export["User"].append(row("User", UserID="U1", UserFirstName="Uma", UserLastName="Worker"))
    walls = [("1", "0"), ("9", "1")] if vsp else [("1", "0")]
    for number, wall in walls:
        export["Organization"].append(
            row(
                "Organization",
                OrganizationID=f"O{number}",
                OrganizationName=f"House {number}",
                VictimServiceProvider=wall,
            )
        )
    for number, kind in [("1", "0"), ("2", "14"), *([("9", "2")] if vsp else [])]:
        export["Project"].append(
            row("Project", ProjectID=f"P{number}", OrganizationID="O9" if number == "9" else "O1",
                ProjectName=f"Project {number}", OperatingStartDate="2020-01-01", ContinuumProject="1",
                ProjectType=kind, TargetPopulation="4"))  # fmt: skip


def _client(export: Export, number: int, chance: random.Random) -> None:
    missing = chance.choice(["8", "9", "99"])
    known = number % 3 != 0
    races = dict.fromkeys(RACES, "0")
    if known:
        races[chance.choice(RACES)] = "1"
    export["Client"].append(
        row("Client", PersonalID=f"C{number}", NameDataQuality="1" if known else missing,
            FirstName=chance.choice(FIRST) if known else "", LastName=chance.choice(LAST) if known else "",
            SSN=f"9{10 + number // 9000}{11 + number % 80}{1 + number % 9000:04d}" if known else "",
            SSNDataQuality="1" if known else missing,
            DOB=str(date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))) if known else "",
            DOBDataQuality="1" if known else missing, Sex=chance.choice(["0", "1", "8", "9", "99"]),
            RaceNone="" if known else missing, VeteranStatus=chance.choice(["0", "1", "8", "9", "99"]), **races)
    )  # fmt: skip


def _enrollment(export: Export, number: int, chance: random.Random, project: str, every_file: bool = False) -> None:
    start = DAY - timedelta(days=chance.randrange(1, 300))
    ids = {"EnrollmentID": f"E{number}", "PersonalID": f"C{number}"}
    export["Enrollment"].append(
        row("Enrollment", **ids, ProjectID=project, EntryDate=str(start), HouseholdID=f"H{number}",
            RelationshipToHoH="1",
            EnrollmentCoC="XX-501", LivingSituation="116", DisablingCondition=chance.choice(["0", "1", "99"]))
    )  # fmt: skip
    if number % 4 == 1 or every_file:
        left = chance.choice(["410", "8", "9", "99", "30"])
        export["Exit"].append(row("Exit", **ids, ExitID=f"X{number}", ExitDate=str(DAY), Destination=left))
        result = {"ReferralResult": "1", "ResultDate": str(DAY)} if number % 8 == 1 else {}
        export["Event"].append(row("Event", **ids, EventID=f"V{number}", EventDate=str(DAY), Event="10", **result))
    if every_file or number % 2:
        export["Services"].append(
            row("Services", **ids, ServicesID=f"S{number}", DateProvided=str(DAY), RecordType="200", TypeProvided="200")
        )
        _answers(export, number, ids, chance)


def _answers(export: Export, number: int, ids: dict[str, str], chance: random.Random) -> None:
    """One row in each file of questions and answers; the key is the client's number in all of them."""
    asked = {**ids, "InformationDate": str(DAY), "DataCollectionStage": "1"}
    export["IncomeBenefits"].append(
        row("IncomeBenefits", **asked, IncomeBenefitsID=str(number), IncomeFromAnySource="1",
            TotalMonthlyIncome="1200.50", Earned="1", EarnedAmount="1200.50", SSI="0", BenefitsFromAnySource="8",
            InsuranceFromAnySource="9", ConnectionWithSOAR="99"))  # fmt: skip
    export["HealthAndDV"].append(
        row("HealthAndDV", **asked, HealthAndDVID=str(number), DomesticViolenceSurvivor="1", WhenOccurred="2",
            CurrentlyFleeing=chance.choice(["0", "1", "8", "9", "99"])))  # fmt: skip
    export["Disabilities"].append(
        row("Disabilities", **asked, DisabilitiesID=str(number), DisabilityType=chance.choice(["5", "8", "10"]),
            DisabilityResponse="1", IndefiniteAndImpairs=chance.choice(["0", "1", "99"])))  # fmt: skip
    export["CurrentLivingSituation"].append(
        row("CurrentLivingSituation", **ids, CurrentLivingSitID=str(number), InformationDate=str(DAY),
            CurrentLivingSituation="116", LocationDetails="by the river"))  # fmt: skip
    export["EmploymentEducation"].append(
        row("EmploymentEducation", **asked, EmploymentEducationID=str(number), LastGradeCompleted="5", Employed="0",
            NotEmployedReason="1"))  # fmt: skip
    export["YouthEducationStatus"].append(
        row("YouthEducationStatus", **asked, YouthEducationStatusID=str(number), CurrentSchoolAttend="0",
            MostRecentEdStatus="2"))  # fmt: skip
    export["Assessment"].append(
        row("Assessment", **ids, AssessmentID=str(number), AssessmentDate=str(DAY), AssessmentLocation="House 1",
            AssessmentType="3", AssessmentLevel="2", PrioritizationStatus="1"))  # fmt: skip
    for answer in ("1", "2"):
        export["AssessmentQuestions"].append(
            row("AssessmentQuestions", **ids, AssessmentID=str(number), AssessmentQuestionID=f"{number}-{answer}",
                AssessmentQuestion=f"Question {answer}", AssessmentQuestionGroup="Health",
                AssessmentQuestionOrder=answer, AssessmentAnswer=chance.choice(["yes", "no"])))  # fmt: skip
    export["AssessmentResults"].append(
        row("AssessmentResults", **ids, AssessmentID=str(number), AssessmentResultID=f"{number}-1",
            AssessmentResultType="Score", AssessmentResult=str(chance.randrange(20))))  # fmt: skip


def csv_text(names: list[str], rows: list[dict[str, str]], end: str = "\r\n") -> str:
    """One file; ``names`` is the header and decides the order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(names)
    writer.writerows([item.get(name, "") for name in names] for item in rows)
    return text.getvalue()


def files_of(export: Export, encoding: str = "utf-8", end: str = "\r\n", spec: Spec = FY2026) -> dict[str, bytes]:
    """``Client.csv`` and so on, as bytes."""
    return {
        f"{file}.csv": csv_text([c.name for c in spec.columns(file)], rows, end).encode(encoding)
        for file, rows in export.items()
    }


def zip_of(files: dict[str, bytes], folder: str = "") -> io.BytesIO:
    """A zip of the files, at the root or in one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            target.writestr(folder + name, data)
    buffer.seek(0)
    return buffer


def main() -> None:
    """Write one made-up export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vsp", action="store_true", help="with a victim service provider's client")
    parser.add_argument("--year", choices=["2026", "2024"], default="2026")
    given = parser.parse_args()
    spec = FY2024 if given.year == "2024" else FY2026
    export = make_export(given.clients, given.seed, vsp=given.vsp, spec=spec)
    given.out.write_bytes(zip_of(files_of(export, spec=spec)).getvalue())


if __name__ == "__main__":
    main()
