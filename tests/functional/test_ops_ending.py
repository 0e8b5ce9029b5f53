"""Real processes: ended in order by one signal, at once by two, refused beside another, and up again after a kill."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lane_sites import comes_true
from programs import Program, ran
from sites import TestSite, food_referral

from casebridge.ending import LONGEST

WEB = '\n[web]\npartners = "127.0.0.1:0"\nconsole = "127.0.0.1:0"\npoll_seconds = 0.2\n'
SLOW = """
import time
from pathlib import Path
from casebridge import hookimpl

@hookimpl
def on_event(event):
    if event.name == "understood":
        Path("began").touch()
        time.sleep({seconds})
"""


@pytest.fixture
def a_site(make_site: Callable[..., TestSite]) -> Callable[..., TestSite]:
    """The files of a site that no process works on."""

    return lambda seconds=0: closed(make_site(more=WEB), seconds)


def closed(site: TestSite, seconds: float = 0) -> TestSite:
    """Nobody has it open; with an observer that takes its time at the second stop."""
    if seconds:
        (site.folder / "plugins").mkdir()
        (site.folder / "plugins" / "slow.py").write_text(SLOW.format(seconds=seconds))
    site.bridge.close()
    return site


@contextlib.contextmanager
def started(site: TestSite, command: str) -> Iterator[Program]:
    """A process that has said that it is at work."""
    with Program(command, cwd=site.folder) as process:
        try:
            assert process.stdout is not None
            process.first = process.stdout.readline() + (process.stdout.readline() if command == "serve" else "")  # type: ignore[attr-defined]
            assert process.first, process.communicate()[1]  # type: ignore[attr-defined]
            yield process
        finally:
            process.kill()


def ended(process: Program) -> tuple[int, list[dict[str, Any]]]:
    """Its exit code, and its log."""
    _, err = process.communicate(timeout=LONGEST + 10)
    return process.returncode, [json.loads(line) for line in err.splitlines()]


def leave(site: TestSite) -> None:
    (site.folder / "hospital" / "in").mkdir(exist_ok=True)
    (site.folder / "hospital" / "in" / "a.json").write_text(json.dumps(food_referral()))


@pytest.mark.parametrize(("command", "number"), [("serve", signal.SIGTERM), ("work", signal.SIGINT)])
def test_the_first_signal_ends_it_after_the_batch_at_hand(a_site: Any, command: str, number: int) -> None:
    site = a_site(seconds=1)
    with started(site, command) as process:
        leave(site)
        assert comes_true((site.folder / "began").exists)
        process.send_signal(number)
        code, log = ended(process)
    assert code == 0
    assert "told to end" in " ".join(line["event"] for line in log)
    assert [line for line in log if line["level"] == "error"] == []
    site.reopen_with_same_settings()
    assert [m.stop for m in site.messages(kind="payload")] == ["understand"]
    site.work()
    assert len(site.out("agency")) == 1


def test_the_second_signal_ends_it_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    site = closed(TestSite(tmp_path, more=WEB), seconds=20)
    with started(site, "serve") as process:
        leave(site)
        assert comes_true((site.folder / "began").exists)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code, _ = ended(process)
        assert time.monotonic() - began < 10
    assert code == -signal.SIGTERM
    (site.folder / "plugins" / "slow.py").unlink()
    site.reopen_with_same_settings()
    site.work()
    assert len(site.out("agency")) == 1


def test_a_kill_leaves_nothing_in_the_way_of_the_next_start(a_site: Any) -> None:
    site = a_site()
    with started(site, "serve") as process:
        process.kill()
        process.wait()
    with started(site, "serve") as process:
        leave(site)
        assert comes_true(lambda: len(site.out("agency")) == 1)
        console = process.first.split()[1]  # type: ignore[attr-defined]
        assert httpx2.get(f"{console}/health").text == "alive\n"
        assert comes_true(lambda: httpx2.get(f"{console}/ready").status_code == 200)
        process.send_signal(signal.SIGTERM)
        code, log = ended(process)
    assert code == 0
    assert {"at", "level", "logger", "event"} <= set(log[0])
    assert [line for line in log if line["event"].startswith("ledger-head")]


def test_a_second_one_on_the_same_sqlite_file_is_refused(tmp_path: Path) -> None:
    site = closed(TestSite(tmp_path, more=WEB))
    with started(site, "serve"):
        code, _, err = ran("work", cwd=tmp_path)
    assert (code, "[CB-105]" in err) == (3, True), err
