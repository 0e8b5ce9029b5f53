"""Subscriptions on both databases, open and closed: what happens is noted, numbered without a gap, told once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from casebridge.core.subscriptions import Subscription, Watch
from casebridge.store import subscriptions
from casebridge.store.database import Store
from casebridge.store.sealed import Sealed, new_line, read_keys
from casebridge.store.tables import subscription

AT = "2026-11-20T08:00:{:02}.000000Z"
KEY = new_line()
WATCH = Watch("Task", (("owner", frozenset({"Organization/us"})),), (("status", frozenset({"|draft"})),), deletes=True)
OURS = (("owner", "Organization/us"), ("status", "|requested"))
ONE = Subscription("s1", WATCH, {"endpoint": "https://ehr.example/secret"}, heartbeat=60)


@pytest.fixture(params=["open", "closed"])
def store(request: pytest.FixtureRequest, store_url: str) -> Iterator[Store]:
    made = Store(store_url, Sealed(read_keys(KEY)) if request.param == "closed" else None)
    yield made
    made.close()


def begin(store: Store) -> Subscription:
    with store.write() as c:
        one = subscriptions.put(c, "hospital", ONE, AT.format(0))
        subscriptions.told(c, "hospital", one, AT.format(0), 0)
        return subscriptions.get(c, "hospital", "s1") or one


def note(store: Store, id_: str, *keys: tuple[str, str], partner: str = "hospital", gone: bool = False) -> None:
    with store.write() as c:
        subscriptions.note(c, AT.format(1), partner, "Task", id_, None if gone else list(keys))


def waiting(store: Store) -> list[str]:
    with store.read() as c:
        return [what.id for _, what in subscriptions.unnumbered(c, "hospital", "s1", 99)]


def test_what_it_watches_is_noted_for_it_alone(store: Store) -> None:
    begin(store)
    note(store, "a", *OURS)
    note(store, "b", ("owner", "Organization/others"))
    note(store, "c", *OURS, ("status", "|draft"))
    note(store, "d", *OURS, partner="agency")
    note(store, "e", gone=True)
    assert waiting(store) == ["a", "e"]
    with store.read() as c:
        assert subscriptions.due_partners(c, AT.format(1)) == ["hospital"]


def test_numbers_have_no_gaps_where_something_may_not_be_seen(store: Store) -> None:
    one = begin(store)
    for id_ in "abcd":
        note(store, id_, *OURS)
    with store.write() as c:
        found = subscriptions.unnumbered(c, "hospital", "s1", 99)
        seen, unseen = ([s for s, what in found if (what.id == "b") is hidden] for hidden in (False, True))
        subscriptions.number(c, "hospital", "s1", seen, unseen)
    with store.read() as c:
        told = subscriptions.between(c, "hospital", "s1", 1, 99, 99)
        assert [(e.number, e.id) for e in told] == [(1, "a"), (2, "c"), (3, "d")]
    with store.write() as c:
        subscriptions.told(c, "hospital", replace(one, number=3), AT.format(2), 3)
    with store.read() as c:
        assert subscriptions.due_partners(c, AT.format(3)) == []  # silent until its heartbeat
        assert subscriptions.due_partners(c, "2026-11-20T08:01:02.000000Z") == ["hospital"]


def test_what_happens_while_it_is_told_is_not_forgotten(store: Store) -> None:
    """Whoever writes down that all is told, and whoever notes that more happened, may come at the same moment."""
    one = begin(store)
    for turn in range(20):
        threads = [threading.Thread(target=note, args=(store, f"t{turn}", *OURS)),
                   threading.Thread(target=tell, args=(store, one))]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as c:
            assert subscriptions.due_partners(c, AT.format(5)) == ["hospital"], turn
        with store.write() as c:
            found = subscriptions.unnumbered(c, "hospital", "s1", 99)
            subscriptions.number(c, "hospital", "s1", [], [seq for seq, _ in found])
            subscriptions.told(c, "hospital", one, AT.format(0), 0)


def tell(store: Store, one: Subscription) -> None:
    with store.write() as c:
        subscriptions.told(c, "hospital", one, AT.format(2), one.told)


def test_what_was_changed_meanwhile_is_not_touched(store: Store) -> None:
    one = begin(store)
    with store.write() as c:
        subscriptions.put(c, "hospital", replace(ONE, heartbeat=0), AT.format(1))
        subscriptions.told(c, "hospital", one, AT.format(2), 9)
        subscriptions.close(c, "hospital", one, AT.format(2), "error", "CB-401")
    with store.read() as c:
        now = subscriptions.get(c, "hospital", "s1")
    assert now is not None
    assert (now.status, now.told, now.version) == ("requested", 0, 2)


def test_an_ended_one_leaves_nothing(store: Store) -> None:
    begin(store)
    note(store, "a", *OURS)
    with store.write() as c:
        assert subscriptions.end(c, "hospital", "s1")
        assert not subscriptions.end(c, "hospital", "s1")
    assert waiting(store) == []


def test_with_keys_its_words_are_closed(store: Store) -> None:
    begin(store)
    with store.read() as c:
        (raw,) = c.execute(select(subscription.c.document)).scalars()
    assert (b"secret" in raw) == (not isinstance(store.box, Sealed))
