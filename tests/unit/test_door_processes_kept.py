"""The processes beside the first one are kept running: one that ends, hangs or cannot be started is seen to."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lane_sites import comes_true

from casebridge.web import door_processes
from casebridge.web.door_processes import DoorProcesses

DOOR = """
import os, sys, time
print("ready", flush=True)
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
sys.stdin.read() if sys.argv[2] == "ends" else time.sleep(60)
"""


class Lanes:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def told(self, name: str) -> None:
        self.heard.append(name)


@contextmanager
def kept(tmp_path: Path, how: str, line: list[str] | None = None) -> Iterator[Any]:
    """One process of ours in place of one at the doors."""
    processes = DoorProcesses(Lanes(), [], 1)  # type: ignore[arg-type]
    processes._line = line or [sys.executable, "-c", DOOR, str(tmp_path / "pids"), how]
    processes.start()
    try:
        yield processes
    finally:
        processes.stop()
        processes.join(0)


def started(tmp_path: Path) -> list[int]:
    file = tmp_path / "pids"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_processes, "rest_after", lambda failures: 0.01)


def test_one_that_says_nothing_any_more_is_ended_and_another_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(door_processes, "SILENT", 0.5)
    with kept(tmp_path, "hangs"):
        assert comes_true(lambda: len(started(tmp_path)) > 1)
    assert "says nothing any more" in caplog.text
    assert f"ended ({-signal.SIGKILL})" in caplog.text


def test_one_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(door_processes, "PATIENCE", 0.1)
    with kept(tmp_path, "ends", [str(tmp_path / "nothing")]) as processes:
        assert comes_true(lambda: caplog.text.count("ended (FileNotFoundError)") > 1)
        processes._line = [sys.executable, "-c", DOOR, str(tmp_path / "pids"), "ends"]
        assert comes_true(lambda: len(started(tmp_path)) == 1)


def test_what_each_says_reaches_the_lanes_and_its_end_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = "import sys; print('ready\\nalive\\naccept/hospital/0', flush=True); sys.stdin.read()"
    says = [sys.executable, "-c", words]
    with kept(tmp_path, "ends", says) as processes:
        assert comes_true(lambda: processes._lanes.heard == ["accept/hospital/0"])
    assert "started again" not in caplog.text
