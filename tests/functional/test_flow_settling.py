"""A sender that cannot be told: what it offers again is known, and what it offers next is received."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sites import TestSite

from casebridge.core.errors import TryAgain
from casebridge.store import payloads, records
from casebridge.store.leases import Lane

LOOKS = 3


def patient(family: str) -> dict[str, Any]:
    """A patient alone, without a version: a payload with no key of its own."""
    return {"resourceType": "Patient", "id": "p1", "name": [{"family": family}]}


def put(site: TestSite, name: str, family: str, time: float) -> Path:
    """A file in the hospital's folder, last changed at ``time``."""
    site.drop_quietly("hospital", name, patient(family))
    path = site.folder / "hospital" / "in" / name
    os.utime(path, (time, time))
    return path


def stored(site: TestSite) -> list[tuple[str, int]]:
    """The payloads, and how often each came again."""
    with site.bridge.site.store.read() as c:
        return sorted(
            (payloads.name_of(c, m.payload or ""), payloads.repeats_of(c, m.payload or ""))
            for m in site.messages(kind="payload"))  # fmt: skip


def families(site: TestSite) -> list[str]:
    """Every family name the hospital's person had, in order."""
    with site.bridge.site.store.read() as c:
        found = records.find(c, "hospital", "person", "Patient/p1")
        assert found is not None
        return [found.document["names"][0]["family"], str(found.version)]


class Stuck:
    """Cannot move files of these names; None: any."""

    def __init__(self, site: TestSite, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        link = site.bridge.site.partners["hospital"].link
        assert link is not None
        settle, self.tried = link.settle, []  # type: ignore[var-annotated]

        def moved(payload: Any, outcome: Any) -> None:
            self.tried.append(payload.name)
            if not names or payload.name in names:
                raise TryAgain("CB-401", f"{payload.name} cannot be moved")
            settle(payload, outcome)

        monkeypatch.setattr(link, "settle", moved)


def test_files_that_cannot_be_moved_are_counted_as_duplicates(
    site: TestSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "old.json", "Moreno", 1e9)
    put(site, "new.json", "Haddad", 1.1e9)
    with monkeypatch.context() as stuck:
        Stuck(site, stuck)
        for _ in range(LOOKS):
            site.work()
        assert stored(site) == [("new.json", LOOKS - 1), ("old.json", LOOKS - 1)]
        assert families(site) == ["Haddad", "2"], "old and new are not applied in turn"
    site.work()
    assert stored(site) == [("new.json", LOOKS), ("old.json", LOOKS)]
    assert sorted(f.name for f in (site.folder / "hospital" / "done").iterdir()) == ["new.json", "old.json"]


def test_after_a_crash_before_the_move_all_of_them_are_known(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, family in enumerate(("A", "B", "C")):
        put(site, f"{family}.json", family, 1e9 + number)
    with monkeypatch.context() as stuck:
        Stuck(site, stuck)
        site.work()
    site.reopen()
    site.work()
    assert stored(site) == [("A.json", 1), ("B.json", 1), ("C.json", 1)]
    assert families(site) == ["C", "3"]


def test_what_was_moved_and_comes_again_is_new(site: TestSite) -> None:
    """A, then B, then A means A, even when the last A is the very file of the first: moved back by hand."""
    put(site, "a.json", "A", 1e9)
    site.work()
    put(site, "b.json", "B", 1.1e9)
    site.work()
    (site.folder / "hospital" / "done" / "a.json").rename(site.folder / "hospital" / "in" / "a.json")
    site.work()
    assert families(site) == ["A", "3"]
    assert stored(site) == [("a.json", 0), ("a.json", 0), ("b.json", 0)]


def test_other_content_at_the_same_place_is_new(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handle of the link says no more than the link knows: what came under it counts, too."""
    link: Any = site.bridge.site.partners["hospital"].link
    receive = link.receive

    def same_handle(cursor: str | None) -> Any:
        for payload in receive(cursor):
            payload.token = "always the same"
            yield payload

    monkeypatch.setattr(link, "receive", same_handle)
    Stuck(site, monkeypatch)
    path = put(site, "a.json", "A", 1e9)
    site.work()
    path.unlink()
    put(site, "a.json", "B", 1e9)
    site.work()
    assert families(site) == ["B", "2"]


def test_one_that_cannot_be_moved_keeps_no_other_back(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    Stuck(site, monkeypatch, "a.json")
    for number, name in enumerate(("a.json", "b.json", "c.json")):
        put(site, name, name[0], 1e9 + number)
    site.work()
    assert [f.name for f in (site.folder / "hospital" / "in").iterdir()] == ["a.json"]
    assert site.bridge.lanes.problems == {"hospital": "a.json cannot be moved (CB-401)"}


def test_a_server_that_is_gone_is_not_asked_for_every_file(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Stuck(site, monkeypatch)
    for number, name in enumerate("abcdef"):
        put(site, f"{name}.json", name, 1e9 + number)
    site.bridge.lanes.worker.turn(Lane("accept", "hospital"))
    assert stuck.tried == ["a.json", "b.json", "c.json"]
    assert len(stored(site)) == len("abcdef")
