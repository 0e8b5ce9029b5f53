"""``casebridge load``: a population from a real export, bad lines, deleted records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from commands import Command, command_line
from exporting import exports, lies, patient
from told_server import Told, told_server

CONFIG = """
[site]
name = "County"
timezone = "America/New_York"
[partner.mercy]
title = "Mercy Hospital"
role = "covered_entity"
environment = "test"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ base_url = "{base}", pause = 0 }}
[partner.closed]
role = "covered_entity"
mode = "off"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ base_url = "{base}", pause = 0 }}
[partner.pantry]
role = "cbo"
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ folder = "pantry" }}
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command_line(monkeypatch, capsys, tmp_path)


@pytest.fixture
def told() -> Iterator[Told]:
    with told_server() as server:
        yield server


def write(folder: Path, base: str) -> None:
    (folder / "casebridge.toml").write_text(CONFIG.format(base=base))


def rows(run: Command, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*arguments, "--json")[1])
    return found


def test_a_population_from_a_real_export(run: Command, sekmet: str, tmp_path: Path) -> None:
    write(tmp_path, sekmet)
    members = [f"load-{n}" for n in range(3)]
    with httpx2.Client(trust_env=False) as there:
        for name in members:
            condition = {"resourceType": "Condition", "id": name, "subject": {"reference": f"Patient/{name}"}}
            shot = {"resourceType": "Immunization", "id": name, "status": "completed", "occurrenceString": "once",
                    "vaccineCode": {"text": "flu"}, "patient": {"reference": f"Patient/{name}"}}  # fmt: skip
            for resource in ({**patient(name), "id": name}, condition, shot):
                there.put(f"{sekmet}/{resource['resourceType']}/{name}", json=resource).raise_for_status()
        group = {"resourceType": "Group", "id": "load", "type": "person", "actual": True,
                 "member": [{"entity": {"reference": f"Patient/{name}"}} for name in members]}  # fmt: skip
        there.put(f"{sekmet}/Group/load", json=group).raise_for_status()
    code, said = run("load", "mercy", "--group", "load")
    assert code == 0, said
    assert "0 came before, 0 held, 0 records withdrawn." in said
    found = {row["name"].partition("-")[0]: (row["records"], row["applied"]) for row in rows(run, "files")}
    assert found == {"Patient": (3, 3), "Condition": (3, 3), "Group": (1, 1)}  # no Immunization: no map reads it


def test_a_bad_line_is_held_alone_and_what_no_map_takes_is_not_for_us(
    run: Command, told: Told, tmp_path: Path
) -> None:
    write(tmp_path, told.base)
    exports(told, lies(told, "f1", patient("ada"), b'{"resourceType":"Pati\n', patient("ben"),
                       {"resourceType": "Immunization", "id": "i"}))  # fmt: skip
    code, said = run("load", "mercy", "--json")
    assert (code, json.loads(said)["kept"]) == (0, 1)
    (file,) = rows(run, "files")
    assert (file["applied"], file["held"], file["not_ours"]) == (2, 1, 1)
    (held,) = rows(run, "held", "list")
    assert (held["code"], "row 2" in str(held)) == ("CB-303", True)


def test_a_deleted_patient_says_so_here(run: Command, told: Told, tmp_path: Path) -> None:
    write(tmp_path, told.base)
    known = lies(told, "f1", {**patient("ada"), "active": True, "meta": {"versionId": "1"}}, patient("ben"))
    exports(told, known)
    assert run("load", "mercy")[0] == 0
    gone = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "DELETE", "url": "Patient/ada"}}, {"request": {"method": "DELETE", "url": "Patient/x"}}]}
    exports(told, deleted=[lies(told, "d", gone, type_="Bundle")])
    code, said = run("load", "mercy", "--since", "2026-11-20T08:00:00Z")
    assert (code, "1 records withdrawn" in said) == (0, True), said
    (file,) = [row for row in rows(run, "files") if row["name"].startswith("deleted")]
    assert (file["applied"], file["held"]) == (1, 0)


def test_what_cannot_be_loaded(run: Command, told: Told, tmp_path: Path) -> None:
    write(tmp_path, told.base)
    for arguments, said in ((("nobody",), "there is no partner nobody"), (("pantry",), "cannot be asked for all"),
                            (("closed",), "closed is switched off"),
                            (("mercy", "--types", "Binary"), "no map of mercy reads Binary")):  # fmt: skip
        code, printed = run("load", *arguments)
        assert (code, said in printed) == (3, True), printed
