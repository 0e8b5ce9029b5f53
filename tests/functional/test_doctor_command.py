"""``casebridge doctor``: what a person reads, what a program reads, and the exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from commands import Command, command_line
from sites import TestSite, food_referral

from casebridge.engine.examining import last_heard

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
settings = {{ base_url = "{base}", pause = 0 {more} }}
[partner.clinic]
role = "covered_entity"
carrier = "fhir"
maps = "sdohcc"
[partner.pantry]
role = "cbo"
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ folder = "nowhere" }}
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command_line(monkeypatch, capsys, tmp_path)


def write(folder: Path, base: str, more: str = "") -> None:
    (folder / "casebridge.toml").write_text(CONFIG.format(base=base, more=more))


def found(run: Command, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    code, said = run("doctor", *arguments, "--json")
    return code, json.loads(said)


def test_one_partner_where_all_is_well(run: Command, sekmet: str, tmp_path: Path) -> None:
    write(tmp_path, sekmet)
    code, said = run("doctor", "mercy")
    assert code == 0
    assert said.startswith("mercy (Mercy Hospital, test) ok name: 127.0.0.1 is 127.0.0.1 ok connection: port")
    assert said.endswith("last heard: nothing has come from this partner yet")
    code, (row,) = found(run, "mercy")
    assert (code, row["ok"], row["message"]) == (0, True, "every step is well")
    assert {step["state"] for step in row["steps"]} == {"ok"}


def test_the_step_that_fails_names_the_hospital_as_who_must_act(run: Command, sekmet: str, tmp_path: Path) -> None:
    write(tmp_path, sekmet, ', owner = "Organization/of-production"')
    code, said = run("doctor", "mercy")
    assert code == 1
    assert "FAILED organisation (owner): the server knows no Organization/of-production" in said
    assert "Mercy Hospital: Ask mercy's FHIR server team which Organization stands for us" in said
    code, (row,) = found(run, "mercy")
    assert (code, row["ok"]) == (1, False)
    assert row["message"] == "organisation (owner): the server knows no Organization/of-production"


def test_every_partner_and_those_that_have_no_steps_show_their_probe(
    run: Command, sekmet: str, tmp_path: Path
) -> None:
    write(tmp_path, sekmet)
    code, rows = found(run)
    assert (code, [(row["partner"], row["ok"]) for row in rows]) == (
        1, [("mercy", True), ("clinic", False), ("pantry", False)]
    )  # fmt: skip
    steps = {row["partner"]: row["steps"][0] for row in rows[1:]}
    assert [(step["name"], step["state"], step["who"]) for step in steps.values()] == [("link", "failed", "it")] * 2
    assert "cannot sign in at our FHIR server" in steps["clinic"]["message"]


def test_a_partner_that_there_is_not(run: Command, tmp_path: Path) -> None:
    write(tmp_path, "https://mercy.example/fhir")
    code, said = run("doctor", "mercie")
    assert (code, "there is no partner mercie" in said, "[CB-101]" in said) == (3, True, True)


def test_when_something_last_came_is_a_time_people_read(tmp_path: Path) -> None:
    site = TestSite(tmp_path)
    site.drop("hospital", "t1.json", food_referral())
    step = last_heard(site.bridge.site, site.bridge.site.partners["hospital"])
    site.bridge.close()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC; payloads so far: 1", step.message)
