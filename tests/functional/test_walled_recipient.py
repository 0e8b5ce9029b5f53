"""A referral that goes to a victim service provider, or to a Part 2 program: whoever learns that one went there has
learnt of violence or of treatment (34 U.S.C. 12291(b)(2); 42 CFR 2.12). Every place where somebody else could read it;
for mails see test_children_alarms.py."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agencies import NAMES, OFFER, child, on_sqlite, parent, say, say_quietly, states, with_agencies
from sites import TestSite, bundle, order, patient, task

from casebridge import logs
from casebridge.core.event import Event
from casebridge.engine import relocating
from casebridge.engine.standing import seen
from casebridge.engine.timeline import referral_page
from casebridge.engine.views import referral_rows
from casebridge.web import metrics

ITS_WORDS = ("a lock", "enrolled", "Enrolled", "Bus")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that ``serve`` would log, at its most talkative."""
    root, others = logging.getLogger(), [logging.getLogger(name) for name in (logs.OURS, logs.EVENTS)]
    before = root.handlers[:], root.level, [one.level for one in others]
    stream = io.StringIO()
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    for one, level in zip(others, before[2], strict=True):
        one.setLevel(level)


@pytest.fixture
def observed() -> list[Event]:
    """What plugins are told."""
    return []


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., TestSite]]:
    yield from on_sqlite(tmp_path)


@pytest.fixture(params=["a victim service provider", pytest.param("a Part 2 program", marks=pytest.mark.long)])
def site(
    request: pytest.FixtureRequest, made: Callable[..., TestSite], tmp_path: Path, log: io.StringIO,
    observed: list[Event],
) -> TestSite:  # fmt: skip
    """One of the three that were asked stands behind a wall, has taken it, and brought it to its end."""
    vsp = "victim" in request.param
    found = with_agencies(made, tmp_path, OFFER, walled="south" if vsp else "", part2="" if vsp else "south")
    bridge = found.bridge.site
    logs.start("debug", log, walled=bridge.walled)
    told = bridge.notify
    bridge.notify = lambda event: (observed.append(event), told(event))[1]
    found.drop("hospital", "1.json", bundle(task(), order("employment-status"), patient()))
    say(found, "south", "accept")
    say_quietly(found, "south", "complete", outcome="A room with a lock", detail="enrolled")
    found.drop_quietly("south", "unreadable.json", '{"referral": "Bus ticket"}')
    found.work()
    assert states(found) == {"all": "completed", "south": "completed", "north": "cancelled", "west": "cancelled"}
    return found


def silent(text: str, site: TestSite, *more: str) -> None:
    for word in ("south", *ITS_WORDS, child(site, "south").id, *more):
        assert word not in text, word


def test_neither_the_hospital_nor_the_others_are_told(site: TestSite) -> None:
    for reader in ("hospital", "north", "west"):
        silent(str(site.out(reader)), site)


def test_its_own_words_are_not_shown_at_the_desk(site: TestSite) -> None:
    """Whom it was sent to, the desk knows: it has to call there."""
    pages = [referral_page(site.bridge.site, one.id) for one in (parent(site), child(site, "south"))]
    shown = str([*pages, *referral_rows(site.bridge.site)])
    for word in ITS_WORDS:
        assert word not in shown, word


def test_no_line_of_the_log_and_no_observer_learns_it(
    site: TestSite, log: io.StringIO, observed: list[Event]
) -> None:
    lines = log.getvalue()
    assert "delivered hospital" in lines
    assert lines.count("delivered not-named") == 3
    assert "held not-named" in lines, "somebody has to look after it all the same"
    silent(lines, site)
    assert {event.partner for event in observed} == {"hospital", "north", "west", "not-named"}
    silent(str(observed), site)


def test_its_server_is_named_when_it_is_down_for_that_says_nothing_of_anybody(
    site: TestSite, log: io.StringIO
) -> None:
    site.bridge.site.tell("circuit-opened", partner="south", stop="deliver", state="open", code="CB-401")
    assert "circuit-opened south deliver open CB-401" in log.getvalue()


def test_figures_and_the_list_of_a_backup_do_not_tell(site: TestSite, tmp_path: Path) -> None:
    inner = site.bridge.site
    figures = metrics.text(lambda: seen(inner), list, inner.walled).decode()
    named = [line for line in figures.splitlines() if "south" in line]
    assert {line.partition("{")[0] for line in named} == {"casebridge_circuit_state"}
    silent(str(relocating.backup(inner, tmp_path / "backup.db", lambda *_: None)), site)


def test_the_names_that_may_not_be_told_are_those_behind_a_wall(site: TestSite) -> None:
    assert site.bridge.site.walled == {"south"} < set(NAMES)
