"""docs/guides/validate.md: every file and command on the page, and what it says they print; and the command itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commands import Command, command_line
from right_referral import referral

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "validate.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ?(.*)\n((?:.*\n)*?)```$", GUIDE, re.MULTILINE)
FILES = {info: text for kind, info, text in BLOCKS if kind == "json"}
COMMANDS = [
    (line.strip(), int(info) if info.isdigit() else 0, after[2] if after[0] == "text" else "")
    for (kind, info, line), after in zip(BLOCKS, [*BLOCKS[1:], ("", "", "")], strict=True) if kind == "sh"
]  # fmt: skip


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return command_line(monkeypatch, capsys, tmp_path)


@pytest.mark.parametrize(("line", "code", "expected"), COMMANDS, ids=[line for line, _, _ in COMMANDS])
def test_a_command_of_the_guide_does_what_the_guide_says(casebridge, line, code, expected):
    ended, said = casebridge(*line.split()[1:])
    assert ended == code, said
    for sentence in expected.splitlines():
        assert " ".join(sentence.split()) in said


def test_the_guide_has_files_and_commands():
    assert len(COMMANDS) >= 4
    assert set(FILES) == {"referral.json", "codes/food-insecurity.json"}


def saved(folder: Path, resources: list) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    (folder / "file.json").write_text(json.dumps(bundle), encoding="utf-8")


def test_a_right_file_ends_well_and_says_what_nobody_looked_at(casebridge, tmp_path):
    saved(tmp_path, referral())
    ended, said = casebridge("validate", "file.json")
    assert ended == 0
    assert re.search(r"Nothing is wrong, \d+ places not checked\.$", said)


def test_findings_that_are_alike_are_told_once(casebridge, tmp_path):
    patients = [{"resourceType": "Patient", "id": f"p{n}", "gender": "f"} for n in range(300)]
    saved(tmp_path, patients)
    ended, said = casebridge("validate", "file.json")
    assert ended == 5
    assert said.count("Patient.gender") == 1
    assert "Patient.gender (/entry/0/resource/gender), and 299 places like it" in said
    assert said.endswith("300 wrong.")
    assert len(json.loads(casebridge("validate", "file.json", "--json")[1])) == 300


def test_nothing_found_is_an_empty_list(casebridge, tmp_path):
    (tmp_path / "p.json").write_text('{"resourceType": "Patient", "id": "p1"}')
    assert casebridge("validate", "p.json", "--json") == (0, "[]")
    assert casebridge("validate", "p.json") == (0, "Nothing is wrong.")


@pytest.mark.parametrize(
    ("text", "arguments", "code", "says"),
    [
        ('{"resourceType": "Patient"', [], 5, "not JSON"),
        ('{"resourceType": ' + '{"a":' * 5000, [], 5, "CB-303"),
        ('{"resourceType": "Patient", "id": "p1"}' + " " * 2000, ["--set", "max_bytes=1024"], 5, "CB-304"),
        ("Client ID,First Name\n", [], 3, "is of no format with checks (fhir-r4)"),
        ("", [], 3, "is of no format with checks"),
        ('{"resourceType": "Patient", "id": "p1"}', ["--format", "none"], 3, "CB-103"),
        ('{"resourceType": "Patient", "id": "p1"}', ["--expansions", "none"], 3, "there is no folder"),
        ('{"resourceType": "Patient", "id": "p1"}', ["--set", "colour=red"], 3, "needs its settings: colour"),
    ],
)
def test_what_cannot_be_looked_at_is_told(casebridge, tmp_path, text, arguments, code, says):
    (tmp_path / "file.json").write_text(text)
    ended, said = casebridge("validate", "file.json", *arguments)
    assert (ended, says in said) == (code, True), said


def test_a_file_that_is_not_there_is_named(casebridge):
    ended, said = casebridge("validate", "nothing.json")
    assert ended == 3
    assert "there is no file nothing.json Name the file to look at. [CB-241]" in said
