"""A source record is translated whole or not at all; nobody known only through a victim service provider goes along.

The shipped layout ``shelter-stays`` holds such rows itself; a site's own layout may know nothing of them.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from importlib.resources import files
from pathlib import Path

import exports
import pytest
from commands import Command, command_line

HEAD = (
    "Stay ID,Client ID,First Name,Last Name,Date of Birth,SSN,Sex,Veteran,Agency ID,Agency,Victim Services,"
    "Project ID,Project,Project Type,Continuum Project,Project Since,Household ID,Relationship,Came On,Left On,Went To"
)
OPEN = "A1,Riverside,No,P1,Harbor Light,Night shelter,Yes,01/01/2020"
SAFE = "A9,Safe Place,Yes,P9,Safe house,Night shelter,Yes,01/01/2020"


def stay(id_: str, person: str, family: str, where: str, came: str = "01/05/2026", ssn: str = "") -> str:
    """One row of the list."""
    return f"{id_},{person},Ada,{family},02/20/1987,{ssn},Female,No,{where},H-{id_},Head,{came},,"


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    shipped = files("casebridge_flatfile").joinpath("layouts", "shelter-stays.yaml").read_text(encoding="utf-8")
    own = shipped.replace(', pattern: "No", expected: "No"', "")
    assert own != shipped
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    return command_line(monkeypatch, capsys, tmp_path)


def run(casebridge: Command, folder: Path, *stays: str, to: str = "hmis-2026", out: str = "out.zip") -> tuple[int, str]:
    (folder / "stays.csv").write_text("\n".join([HEAD, *stays, ""]), encoding="utf-8")
    return casebridge("translate", "stays.csv", out, "--from", "flatfile-shelter", "--set-from", "layout=own.yaml",
                      "--to", to, "--loss-report", "loss.json")  # fmt: skip


def column(folder: Path, name: str, *columns: str) -> list[tuple[str, ...]]:
    with zipfile.ZipFile(folder / "out.zip") as export:
        rows = csv.DictReader(io.StringIO(export.read(f"{name}.csv").decode("utf-8")))
        return [tuple(row[c] for c in columns) for row in rows]


def held(folder: Path) -> dict[str, int]:
    lost = json.loads((folder / "loss.json").read_text(encoding="utf-8"))["lost"]
    return {row["where"]: row["values"] for row in lost if row["what"] == "held"}


def test_a_client_of_a_victim_service_provider_is_in_no_file(casebridge, tmp_path):
    _, said = run(casebridge, tmp_path, stay("S-1", "K-1", "Moreno", OPEN), stay("S-9", "K-9", "Verborgen", SAFE))
    assert column(tmp_path, "Client", "PersonalID", "LastName") == [("K-1", "Moreno")]
    assert column(tmp_path, "Enrollment", "EnrollmentID") == [("S-1",)]
    with zipfile.ZipFile(tmp_path / "out.zip") as export:
        assert all(word not in export.read(n) for n in export.namelist() for word in (b"Verborgen", b"K-9", b"S-9"))
    assert held(tmp_path) == {"organization": 1, "program": 1, "person": 1, "participation": 1}
    assert "victim service provider" in said
    assert "Verborgen" not in said


def test_nor_in_a_file_of_another_notation(casebridge, tmp_path):
    run(casebridge, tmp_path, stay("S-1", "K-1", "Moreno", OPEN), stay("S-9", "K-9", "Verborgen", SAFE),
        to="sdohcc", out="out.json")  # fmt: skip
    written = (tmp_path / "out.json").read_bytes()
    assert b"Moreno" in written
    assert b"Verborgen" not in written


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_client_of_both_goes_with_what_the_other_one_says(casebridge, tmp_path, order):
    """The safe house knows her new name and number; the night shelter does not, and neither does the export."""
    stays = [stay("S-1", "K-1", "Moreno", OPEN), stay("S-9", "K-1", "Verborgen", SAFE, ssn="219-09-9998")]
    run(casebridge, tmp_path, *(stays[n] for n in order))
    assert column(tmp_path, "Client", "PersonalID", "LastName", "SSN") == [("K-1", "Moreno", "")]
    assert column(tmp_path, "Enrollment", "EnrollmentID") == [("S-1",)]


def test_a_list_of_such_clients_alone_makes_no_file(casebridge, tmp_path):
    ended, said = run(casebridge, tmp_path, stay("S-9", "K-9", "Verborgen", SAFE))
    assert (ended, "CB-243" in said, "victim service provider" in said) == (5, True, True), said
    assert not (tmp_path / "out.zip").exists()


def test_a_row_of_which_a_part_is_refused_is_left_out_whole(casebridge, tmp_path):
    """The household's id of the second row is longer than HMIS takes."""
    spoilt = stay("S-2", "K-2", "Haddad", OPEN).replace("H-S-2", "H" * 40)
    ended, _ = run(casebridge, tmp_path, stay("S-1", "K-1", "Moreno", OPEN), spoilt)
    assert ended == 5
    assert column(tmp_path, "Client", "PersonalID") == [("K-1",)]
    assert column(tmp_path, "Enrollment", "EnrollmentID") == [("S-1",)]
    assert held(tmp_path) == {"person": 1}


def test_a_record_that_another_row_holds_too_stays_as_that_one_says(casebridge, tmp_path):
    spoilt = stay("S-2", "K-1", "Haddad", OPEN).replace("H-S-2", "H" * 40)
    run(casebridge, tmp_path, stay("S-1", "K-1", "Moreno", OPEN), spoilt)
    assert column(tmp_path, "Client", "PersonalID", "LastName") == [("K-1", "Moreno")]
    assert column(tmp_path, "Enrollment", "EnrollmentID") == [("S-1",)]


def test_what_hangs_on_a_record_that_was_left_out_goes_with_it(casebridge, tmp_path):
    """A project without its first day is refused; the stay hangs on it, and its client has no other."""
    untyped = stay("S-2", "K-2", "Haddad", OPEN.replace("P1", "P2").replace("01/01/2020", ""))
    run(casebridge, tmp_path, stay("S-1", "K-1", "Moreno", OPEN), untyped)
    assert column(tmp_path, "Client", "PersonalID") == [("K-1",)]
    assert column(tmp_path, "Project", "ProjectID") == [("P1",)]


def test_what_many_lack_is_said_once_with_a_count(casebridge, tmp_path):
    """FY2024 requires EnrollmentCoC, FY2026 does not; a client without any enrollment left is left out as well."""

    def three(found: exports.Rows) -> None:
        found["Client"].append(exports.client("C3", "Okafor", "899611003"))
        found["Enrollment"].append(exports.enrollment("E3", "C3"))
        exports.required(found)
        for enrolled in found["Enrollment"][:2]:
            enrolled["EnrollmentCoC"] = ""

    (tmp_path / "in.zip").write_bytes(exports.export(three))
    ended, _ = casebridge("translate", "in.zip", "out.zip", "--from", "hmis-2026", "--to", "hmis-2024",
                          "--loss-report", "loss.json")  # fmt: skip
    assert ended == 5
    assert column(tmp_path, "Client", "PersonalID") == [("C3",)]
    lost = json.loads((tmp_path / "loss.json").read_text(encoding="utf-8"))["lost"]
    (said,) = [row for row in lost if row["what"] == "refused in all"]
    assert (said["values"], said["code"], "EnrollmentCoC" in said["why"]) == (2, "CB-302", True)
    assert held(tmp_path) == {"person": 2}
