"""The command line on a site where something went wrong: what it says, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Command, command_line
from members import file_834, member
from sites import TestSite, food_referral, patient

NAMES = ("Moreno", "MORENO", "Haddad", "HADDAD", "899611001", "899611009")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A referral under way, and one member of the state's file held."""
    site = TestSite(tmp_path)
    site.drop("hospital", "a.json", food_referral())
    site.drop("state", "834.txt", file_834(member("HADDAD", "LENA", "899611009", born="19871345")))
    site.bridge.close()
    return tmp_path


@pytest.fixture
def casebridge(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line(monkeypatch, capsys, folder)


def found(casebridge: Command, *arguments: str) -> list[dict[str, Any]]:
    ended, said = casebridge(*arguments, "--json")
    assert ended == 0, said
    read: list[dict[str, Any]] = json.loads(said)
    return read


def test_what_is_held_says_why_where_what_to_do_and_who(casebridge: Command) -> None:
    (row,) = found(casebridge, "held", "list")
    assert (row["partner"], row["code"], row["who must act"]) == ("state", "CB-301", "partner")
    (shown,) = found(casebridge, "held", "show", row["message"])
    assert (shown["file"], shown["position"].startswith("loop 2100A")) == ("834.txt", True)
    assert "2100A DMG02" in shown["why"]
    assert shown["remedy"]
    said = json.dumps([row, shown])
    assert not [name for name in NAMES if name in said]


def test_a_replay_without_a_cure_says_that_it_is_held_still(casebridge: Command) -> None:
    (row,) = found(casebridge, "held", "list")
    ended, said = casebridge("held", "replay", row["message"])
    assert (ended, "[CB-301]" in said, "2100A DMG02" in said) == (5, True, True)
    assert found(casebridge, "held", "list")[0]["message"] == row["message"]


def test_one_that_cannot_go_on_does_not_keep_the_others_back(casebridge: Command, folder: Path) -> None:
    site = TestSite(folder)
    site.drop("hospital", "c.json", {**patient("p3", None), "meta": {"versionId": "1"}})
    site.drop("hospital", "d.json", {**patient("p3", None), "meta": {"versionId": "1"}, "birthDate": "1990-01-01"})
    site.bridge.close()
    assert [row["code"] for row in found(casebridge, "held", "list")] == ["CB-301", "CB-501"]
    ended, said = casebridge("held", "replay", "all")
    assert (ended, "still held" in said, ": waiting" in said) == (5, True, True)
    assert [row["code"] for row in found(casebridge, "held", "list")] == ["CB-301"]


def test_dropping_needs_a_reason_and_then_it_is_gone_from_the_list(casebridge: Command) -> None:
    (row,) = found(casebridge, "held", "list")
    assert casebridge("held", "drop", row["message"])[0] == 2
    assert casebridge("held", "drop", row["message"], "--reason", "the state sends it again")[0] == 0
    assert found(casebridge, "held", "list") == []
    for command in (("show",), ("replay",), ("drop", "--reason", "again")):
        ended, said = casebridge("held", command[0], row["message"], *command[1:])
        assert (ended, "[CB-507]" in said) == (7, True)


def test_explain_says_file_place_and_map_line(casebridge: Command, folder: Path) -> None:
    site = TestSite(folder)
    (message,) = site.messages(kind="fhir-r4/Patient")
    site.bridge.close()
    (lineage,) = found(casebridge, "explain", message.id, "person.birth")
    assert (lineage["file"], lineage["other_path"], lineage["map"]) == ("a.json", "birthDate", "sdohcc/patient")
    assert lineage["line"] > 0
    ended, said = casebridge("explain", message.id, "person.shoe_size")
    assert (ended, "[CB-202]" in said) == (4, True)
    assert casebridge("explain", "01NOSUCHMESSAGE", "person.birth")[0] == 7


def test_who_got_my_data_names_every_recipient_and_what_was_withheld(casebridge: Command, folder: Path) -> None:
    site = TestSite(folder)
    client = site.referral().client or ""
    site.bridge.close()
    rows = found(casebridge, "client", "who-got-my-data", client)
    assert [(r["recipient"], r["effect"]) for r in rows] == [("agency", "released")]
    assert rows[0]["delivered_at"]
    assert any(path.startswith("person.birth") for path in rows[0]["withheld"])
    ended, said = casebridge("client", "who-got-my-data", "01NOBODY")
    assert (ended, "there is no client 01NOBODY" in said) == (7, True)


def test_the_program_itself_ends_with_the_exit_code_of_what_is_wrong(folder: Path) -> None:
    program = Path(sys.executable).with_name("casebridge")

    def run(*arguments: str) -> tuple[int, str]:
        ended = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
        return ended.returncode, ended.stdout + ended.stderr

    (folder / "hospital" / "in" / "b.json").write_text(json.dumps(patient("p2", None)))
    code, said = run("run")
    assert code == 0
    assert "1 held." in said
    assert run("check", "--config", "nowhere.toml")[0] == 3
    assert run("held", "show", "01NOSUCHMESSAGE")[0] == 7
    assert run("nonsense")[0] == 2


def break_a_map(folder: Path) -> None:
    """The site's own map of the hospital's patients, half written."""
    file = folder / "mappings" / "sdohcc" / "patient.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("map: county/patient\nbase: sdohcc/patient\nfields:\n  brith: birthDate\n", encoding="utf-8")


def test_who_only_looks_is_warned_of_a_broken_map_and_who_acts_is_refused(casebridge: Command, folder: Path) -> None:
    break_a_map(folder)
    for look in (("status",), ("referrals",), ("held", "list"), ("files",), ("shown",), ("doctor",)):
        ended, said = casebridge(*look)
        assert (ended, said.count("sdohcc/patient.yaml:4:3: ")) in ((0, 1), (1, 1)), said
        assert "the maps are not in order" in said
    for act in (("run",), ("check",), ("serve",), ("held", "replay", "all")):
        ended, said = casebridge(*act)
        assert (ended, "sdohcc/patient.yaml:4:3: " in said) == (4, True), said
