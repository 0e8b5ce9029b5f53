"""What a translated HMIS export says of itself: what its source said, where that was an export."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import exports
import pytest
from commands import Command, command_line

DAYS = {"ExportStartDate": "2025-10-01", "ExportEndDate": "2026-03-01"}
REACH = {**DAYS, "ExportPeriodType": "3", "ExportDirective": "2"}
WHO = {"SourceType": "1", "SourceID": "XX-501", "SourceName": "Made-up", "HashStatus": "1"}


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    (tmp_path / "in.zip").write_bytes(exports.export(exports.required))
    return command_line(monkeypatch, capsys, tmp_path)


def said_of_itself(file: Path, **expected: str) -> dict[str, str]:
    """Of the row of Export.csv the columns that are expected."""
    with zipfile.ZipFile(file) as archive:
        (row,) = csv.DictReader(archive.read("Export.csv").decode().splitlines())
    return {name: row[name] for name in expected}


@pytest.mark.parametrize(("target", "year"), [("hmis-2024", "2024"), ("hmis-2026", "2026")])
def test_an_export_reaches_as_far_as_the_one_it_is_made_of(casebridge, tmp_path, target, year):
    ended, said = casebridge("translate", "in.zip", "out.zip", "--from", "hmis-2026", "--to", target)
    assert ended == 0, said
    assert said_of_itself(tmp_path / "out.zip", **REACH, **WHO) == {**REACH, **WHO}
    made = said_of_itself(tmp_path / "out.zip", CSVVersion="", SoftwareName="", ExportID="")
    assert (made["CSVVersion"][:4], made["SoftwareName"]) == (year, "CaseBridge")
    assert made["ExportID"] != "EX-1"


def test_and_that_is_not_counted_as_lost(casebridge, tmp_path):
    casebridge("translate", "in.zip", "out.zip", "--from", "hmis-2026", "--to", "hmis-2024", "--loss-report", "l.json")
    lost = {row["where"] for row in json.loads((tmp_path / "l.json").read_text(encoding="utf-8"))["lost"]}
    assert lost.isdisjoint(f"hmis-csv/Export.{name}" for name in (*REACH, *WHO))
    assert {"hmis-csv/Export.ExportID", "hmis-csv/Export.ExportDate"} <= lost


def test_what_the_operator_says_goes_before_it(casebridge, tmp_path):
    casebridge("translate", "in.zip", "out.zip", "--from", "hmis-2026", "--to", "hmis-2024",
               "--set-to", "source_name=Riverside", "--set-to", "coc=YY-502")  # fmt: skip
    expected = {**REACH, "SourceType": "4", "SourceID": "YY-502", "SourceName": "Riverside"}
    assert said_of_itself(tmp_path / "out.zip", **expected) == expected


def test_a_list_of_clients_says_nothing_of_itself_so_it_is_a_delta_of_today(casebridge, tmp_path):
    head = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On\n"
    (tmp_path / "clients.csv").write_text(f"{head}K-19,Tobi,Okafor,03/01/1990,,,,,,,,,\n", encoding="utf-8")
    ended, said = casebridge("translate", "clients.csv", "out.zip", "--from", "flatfile", "--to", "hmis-2026",
                             "--set-from", "layout=agency-clients")  # fmt: skip
    assert ended == 0, said
    row = said_of_itself(tmp_path / "out.zip", ExportDate="", **REACH, **WHO)
    assert row["ExportStartDate"] == row["ExportEndDate"] == row["ExportDate"][:10]
    assert (row["ExportPeriodType"], row["ExportDirective"], row["SourceName"]) == ("1", "1", "CaseBridge")
