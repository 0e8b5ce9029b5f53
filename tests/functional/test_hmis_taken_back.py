"""What the HMIS took back: an exit entered by mistake holds no bed, and no export of ours says that they left."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from commands import Command, command_line
from exports import export, required, row
from sites import TestSite, bundle, order, patient, task

from casebridge.store import records

LEFT = {"EnrollmentID": "E1", "PersonalID": "C1", "ExitDate": "2026-02-01", "Destination": "410"}
DELETED = {"DateDeleted": "2026-02-03 09:00:00"}


@pytest.fixture
def site(tmp_path: Path):
    made = TestSite(tmp_path)
    yield made
    made.bridge.close()


def exported(id_: str, *exits: dict[str, str]) -> bytes:
    def change(found) -> None:
        required(found)
        found["Export"][0]["ExportID"] = id_
        found["Exit"] = [row("Exit", ExitID=f"X{n}", **LEFT | more) for n, more in enumerate(exits)]

    return export(change)


def standing(site: TestSite) -> tuple[str | None, str | None]:
    with site.bridge.site.store.read() as c:
        found = records.find(c, "hmis", "participation", "E1")
    return found and (found.document.get("status"), found.document.get("end"))


@pytest.mark.parametrize(("exits", "stands"), [
    ([DELETED], ("enrolled", None)),
    ([DELETED, {"ExitDate": "2026-04-01"}], ("ended", "2026-04-01")),
])  # fmt: skip
def test_an_exit_that_was_taken_back_no_longer_counts(site, exits, stands):
    site.drop("hmis", "first.zip", exported("EX-1", {}))
    assert standing(site) == ("ended", "2026-02-01")
    site.drop("hmis", "second.zip", exported("EX-2", *exits))
    assert standing(site) == stands
    assert site.held() == []


def test_a_bed_is_asked_for_who_never_left(site):
    site.drop("hospital", "p.json", bundle(patient()))
    site.drop("hmis", "export.zip", exported("EX-1", DELETED))
    site.drop("hospital", "t.json", bundle(task(), order("homelessness", "emergency-shelter"), patient()))
    assert site.held() == []
    (sent,) = (site.folder / "hmis").rglob("casebridge-*.zip")
    with zipfile.ZipFile(sent) as found:
        (left,) = csv.DictReader(io.StringIO(found.read("Exit.csv").decode()))
    assert left["DateDeleted"] == DELETED["DateDeleted"]


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line(monkeypatch, capsys, tmp_path)


def test_another_years_export_does_not_say_that_they_left(casebridge, tmp_path):
    (tmp_path / "a.zip").write_bytes(exported("EX-1", DELETED))
    years = ("--from", "hmis-2026", "--to", "hmis-2024")
    ended, said = casebridge("translate", "a.zip", "b.zip", *years, "--loss-report", "l.csv")
    assert ended == 0, said
    with zipfile.ZipFile(tmp_path / "b.zip") as found:
        assert len(found.read("Exit.csv").splitlines()) == 1
    lost = list(csv.DictReader(io.StringIO((tmp_path / "l.csv").read_text(encoding="utf-8"))))
    assert ("not read", "hmis-csv/Enrollment.deleted_exits[].ExitDate") in {(one["what"], one["where"]) for one in lost}
