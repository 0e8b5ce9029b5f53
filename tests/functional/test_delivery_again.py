"""What may have arrived is looked for before it is sent again; where nobody can tell, the books say so."""

from __future__ import annotations

from typing import Any

import pytest
from receivers import DOWN, DeliverySite
from sites import TestSite

from casebridge.core.errors import SetupError, TryAgain
from casebridge.store import dispatches
from casebridge.store.leases import PARTS, Lane

REACHED = TryAgain("CB-401", "it closed the connection in the middle")
UNREACHED = TryAgain("CB-401", "it takes no connection", unsent=True)
CASES = [  # can the link tell? did it arrive? what the link said; how often it is handed over, how often it is doubted
    (True, True, REACHED, 1, 0),
    (True, False, REACHED, 2, 0),
    (False, True, REACHED, 2, 1),
    (False, False, REACHED, 2, 1),
    (False, False, UNREACHED, 2, 0),
    (False, False, TryAgain("CB-402", "come later"), 2, 0),
    (False, False, SetupError("CB-106", "who are you?"), 2, 0),
]


@pytest.mark.parametrize(("finds", "arrives", "said", "calls", "doubted"), CASES)
def test_what_may_have_arrived(
    site: TestSite, finds: bool, arrives: bool, said: Any, calls: int, doubted: int
) -> None:
    at = DeliverySite(site)
    at.receiver.finds, at.receiver.arrives = finds, arrives
    at.receiver.down(said)
    at.refer("p1")
    at.receiver.down(None)
    at.later(minutes=1)
    assert len(at.receiver.calls) == calls
    assert len(set(at.receiver.calls)) == 1, "the same key"
    assert len(at.noted("sent-again")) == doubted
    assert at.waiting() == []


def test_a_decision_made_anew_after_an_unknown_answer_keeps_key_and_doubt(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.finds, at.receiver.arrives = False, True
    at.receiver.down(REACHED)
    at.refer("p1")
    at.receiver.down(None)
    at.later(hours=1)
    assert len(at.receiver.calls) == 2
    assert len(set(at.receiver.calls)) == 1
    assert len(at.noted("sent-again")) == 1
    (page,) = at.journeys("agency")
    assert page.perhaps_twice


def test_what_stands_behind_one_that_fails_was_not_tried(site: TestSite) -> None:
    at = DeliverySite(site, parallel=1)
    at.receiver.window = 3
    at.receiver.down(DOWN)
    at.refer("p1", "p2", "p3", work=False)
    at.turn("prepare")
    at.turn("deliver")
    with at.inner.store.read() as c:
        found = dispatches.due(c, Lane("deliver", "agency"), "2099")
    assert sorted((d.state, d.sends) for d in found) == [("claimed", 0), ("claimed", 0), ("inflight", 1)]
    assert len(at.receiver.calls) == 1


def test_as_many_lanes_as_the_partner_may_have_at_once(site: TestSite) -> None:
    for parallel, lanes in ((1, {0}), (2, {0, 1}), (PARTS, set(range(PARTS)))):
        at = DeliverySite(site, parallel=parallel)
        at.receiver.down(DOWN)
        at.refer(*(f"q{parallel}-{n}" for n in range(12)), work=False)
        at.turn("prepare")
        with at.inner.store.write() as c:
            parts = {part for part in range(PARTS) if dispatches.due(c, Lane("deliver", "agency", part), "2099")}
            assert parts <= lanes
            c.raw.exec_driver_sql("UPDATE dispatch SET state = 'sent'")


def test_no_more_a_second_than_the_partner_allows(site: TestSite) -> None:
    at = DeliverySite(site, rate=0.5)  # a bucket holds five seconds' worth: two
    at.refer(*(f"p{n}" for n in range(8)))
    got = [len(at.receiver.got)]
    for _ in range(4):
        at.later(seconds=2)
        got.append(len(at.receiver.got))
    at.later(seconds=60)
    assert got == [2, 3, 4, 5, 6]
    assert len(at.receiver.got) == 8
