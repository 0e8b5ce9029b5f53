"""``casebridge translate`` killed with SIGKILL: the next run into the same file clears up after it alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from commands import Command, command_line

from casebridge.translating.whole_file import whole_file

HALF = """
import sys, time
from pathlib import Path
from casebridge.translating.whole_file import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("at work", flush=True)
    time.sleep(600)
"""
Writing = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def writing() -> Iterator[Writing]:
    """Starts another process that is in the middle of writing the file."""
    with ExitStack() as ending:

        def start(out: Path) -> subprocess.Popen[str]:
            process = subprocess.Popen([sys.executable, "-c", HALF, str(out)], stdout=subprocess.PIPE, text=True)
            ending.callback(process.communicate)
            ending.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "at work\n"
            return process

        yield start


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    head = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On\n"
    (tmp_path / "clients.csv").write_text(f"{head}K-17,Ada,Moreno,,,,,,,,,,\n", encoding="utf-8")
    return command_line(monkeypatch, capsys, tmp_path)


def translated(casebridge: Command) -> None:
    ended, said = casebridge("translate", "clients.csv", "out.json", "--from", "flatfile", "--to", "sdohcc",
                             "--set-from", "layout=agency-clients")  # fmt: skip
    assert ended == 0, said


def unfinished(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir() if path.name.startswith(".out.json.")]


def test_what_a_killed_run_left_is_gone_after_the_next(casebridge, tmp_path, writing):
    killed = writing(tmp_path / "out.json")
    killed.kill()
    killed.wait()
    assert unfinished(tmp_path) == [b"half"]
    translated(casebridge)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clients.csv", "out.json"]


def test_what_another_run_is_writing_just_now_stays(casebridge, tmp_path, writing):
    writing(tmp_path / "out.json")
    translated(casebridge)
    assert unfinished(tmp_path) == [b"half"]


def test_nothing_else_is_ever_taken_for_a_leftover(casebridge, tmp_path):
    others = [".out.json.swp", ".out.json.backup99", ".other.json.abcdefgh.unfinished", "out.json.abcd1234.unfinished"]
    for name in others:
        (tmp_path / name).write_text("kept", encoding="utf-8")
    translated(casebridge)
    assert [name for name in others if not (tmp_path / name).exists()] == []


def test_a_name_is_no_pattern(tmp_path):
    (tmp_path / ".outx.abcd1234.unfinished").write_text("another's", encoding="utf-8")
    with whole_file(tmp_path / "out[x]") as file:
        file.write(b"all")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".outx.abcd1234.unfinished", "out[x]"]


def test_a_file_is_put_in_its_place_when_it_is_whole_and_not_before(tmp_path):
    (tmp_path / "out").write_bytes(b"yesterday's")
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "out") as file:  # noqa: PT012
        file.write(b"half")
        file.flush()
        assert (tmp_path / "out").read_bytes() == b"yesterday's"
        raise ZeroDivisionError
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"yesterday's"]
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0o044  # as it was: it was never opened
