"""``casebridge work`` as an operator uses it: real processes on a real site, told to end, and one of them killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lane_sites import comes_true
from programs import Program
from sites import TestSite, bundle, order, patient, task

Start = Callable[[], Program]


@pytest.fixture
def start(site: TestSite) -> Iterator[Start]:
    """Starts workers of the site and waits until each is at work."""
    made: list[Program] = []
    config = site.folder / "casebridge.toml"
    config.write_text(config.read_text() + "\n[web]\npoll_seconds = 1\n")

    def one() -> Program:
        with open(site.folder / "said", "a+", encoding="utf-8") as said:
            child = Program("work", "--config", config, stderr=said)
        made.append(child)
        assert child.stdout is not None
        assert "is at work" in child.stdout.readline(), (site.folder / "said").read_text()
        return child

    yield one
    for child in made:
        child.kill()
        child.communicate()


def arrives(site: TestSite, number: int) -> None:
    """A file of the hospital's, whole at once."""
    text = json.dumps(bundle(task(id_=f"t{number}"), order(), patient()))
    path = site.folder / "hospital" / f"{number}.json"
    path.write_text(text)
    path.rename(site.folder / "hospital" / "in" / path.name)


def test_a_worker_takes_what_comes_until_it_is_told_to_end(site: TestSite, start: Start) -> None:
    (site.folder / "hospital" / "in").mkdir(exist_ok=True)
    worker = start()
    arrives(site, 1)
    assert comes_true(lambda: len(out(site)) == 1)
    worker.send_signal(signal.SIGTERM)
    said = worker.communicate(timeout=30)[0]
    assert (worker.returncode, said) == (0, "Ended.\n")


def test_a_second_worker_goes_on_when_the_first_ends_or_is_refused(site: TestSite, start: Start) -> None:
    """On PostgreSQL any number; a second process on one SQLite file is refused."""
    (site.folder / "hospital" / "in").mkdir(exist_ok=True)
    first = start()
    if site.store.startswith("sqlite"):
        with pytest.raises(AssertionError, match="CB-105"):
            start()
        return
    second = start()
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    arrives(site, 1)
    assert comes_true(lambda: len(out(site)) == 1)
    second.send_signal(signal.SIGINT)
    assert (second.wait(30), site.held()) == (0, [])


def out(site: TestSite) -> list[Path]:
    """Files that reached the agency."""
    return list((site.folder / "agency" / "out").glob("*.json"))
