"""docs/guides/translate.md: every file and command on the page, and what it says they print."""

from __future__ import annotations

import re
from pathlib import Path

import exports
import pytest
from commands import Command, command_line
from members import file_834, member
from sites import bundle, order, patient, task

from casebridge.core.jsontext import dumps

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "translate.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ?(.*)\n((?:.*\n)*?)```$", GUIDE, re.MULTILINE)
FILES = {info: text for kind, info, text in BLOCKS if kind == "csv"}
COMMANDS = [
    (line.strip(), int(info) if info.isdigit() else 0, after[2] if after[0] == "text" else "")
    for (kind, info, line), after in zip(BLOCKS, [*BLOCKS[1:], ("", "", "")], strict=True) if kind == "sh"
]  # fmt: skip


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "members.834").write_bytes(file_834(member("MORENO", "ADA", "899611001")))
    (tmp_path / "hmis-export.zip").write_bytes(exports.export(exports.required))
    shelter = order("homelessness", "emergency-shelter")
    asked = task(authoredOn="2026-11-20T08:00:00Z")
    (tmp_path / "referrals.json").write_bytes(dumps(bundle(asked, shelter, patient())))
    run = command_line(monkeypatch, capsys, tmp_path)
    run("translate", "hmis-export.zip", "export-2024.zip", "--from", "hmis-2026", "--to", "hmis-2024")
    return run


def in_one_line(text: str) -> str:
    """The words of a screen, without the lines that frame tables."""
    return " ".join(re.sub(r"[\u2500-\u257f]", " ", text).split())


@pytest.mark.parametrize(("line", "code", "expected"), COMMANDS, ids=[line for line, _, _ in COMMANDS])
def test_a_command_of_the_guide_does_what_the_guide_says(casebridge, line, code, expected):
    ended, said = casebridge(*line.split()[1:])
    assert ended == code, said
    for sentence in expected.splitlines():
        assert in_one_line(sentence) in in_one_line(said)


def test_the_guide_has_files_and_commands():
    assert len(COMMANDS) >= 5
    assert FILES
