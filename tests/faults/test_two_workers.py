"""Two workers at the same thing at the same moment, on either database: each thing is done once."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from postgres import Cluster
from sites import TestSite

from casebridge.adapter import Outcome, Payload
from casebridge.core.errors import CaseBridgeError
from casebridge.engine import flow, intake
from casebridge.engine.together import together
from casebridge.store import maptexts, payloads
from casebridge.store.database import Clash, Connection, Store, StoreTrouble

A_MOMENT = 0.3  # seconds in which the second would have done it all, were it not held up


@pytest.fixture
def site(make_site: Callable[..., TestSite], store_url: str) -> TestSite:
    return make_site(store=store_url)


def beside(store: Store, first: Callable[[Connection], object], second: Callable[[], Any]) -> Any:
    """What ``second`` comes to, which begins when ``first`` has written everything and not committed yet."""
    with ThreadPoolExecutor(1) as other:
        with store.write() as c:
            first(c)
            c.flush()
            doing = other.submit(second)
            time.sleep(A_MOMENT)
        return doing.result()


def test_the_same_payload_at_two_doors_is_kept_once(site: TestSite) -> None:
    gateway = site.bridge.site
    agency = gateway.partners["agency"]

    def payload() -> Payload:
        return Payload("answer.json", io.BytesIO(b'{"referral": "1", "answer": "accept"}'))

    def first(c: Connection) -> None:
        payloads.one_at_a_time(c, "agency")
        intake.keep(c, gateway, agency, payload(), intake.taken(agency, payload()))

    found: Outcome = beside(gateway.store, first, lambda: flow.accept(gateway, agency, payload()))
    assert found.state == "duplicate"


def test_two_that_meet_a_new_map_both_go_on(store_url: str) -> None:
    store = Store(store_url)

    def keep(c: Connection) -> None:
        maptexts.keep(c, "d1", "sdohcc/task", "the text")

    def second() -> str | None:
        with store.write() as c:
            keep(c)
            return maptexts.get(c, "d1")

    assert beside(store, keep, second) == "the text"
    store.close()


def test_who_comes_second_to_a_row_looks_again(postgres: Cluster) -> None:
    name = postgres.fresh()
    store = Store(postgres.url(name))

    def keep(c: Connection) -> None:
        payloads.set_cursor(c, "hospital", "2026-11-22", "2026")

    def second() -> None:
        with store.write() as c:
            keep(c)

    with pytest.raises(Clash):
        beside(store, keep, second)
    second()
    store.close()
    postgres.drop(name)


class Turn:
    """A turn at a lane of which only the commits count."""

    def __init__(self) -> None:
        self.site, self.told = self, 0

    @contextmanager
    def write(self, *, one_worker: bool = False) -> Iterator[Turn]:
        yield self

    def tell(self, **values: Any) -> None:
        self.told += 1


def done(times: dict[str, int], trouble: type[Exception] = Clash) -> tuple[int, list[str]]:
    """Items a, b and c are done together; each in ``times`` meets trouble so often. (how many done, who was held)"""
    turn, held, left = Turn(), list[str](), dict(times)

    def do(c: Any, items: Sequence[str]) -> list[dict[str, Any]]:
        for item in items:
            left[item] = left.get(item, 0) - 1
            if left[item] >= 0:
                raise trouble(item)
        return [{"name": item} for item in items]

    def alone(item: str, error: CaseBridgeError) -> None:
        held.append(item)

    together(turn, ["a", "b", "c"], do, alone)  # type: ignore[arg-type]
    return turn.told, held


def test_who_was_beaten_to_it_once_goes_on() -> None:
    assert done({"b": 1}) == (3, [])
    assert done({"a": 1, "b": 1, "c": 1}) == (3, [])


def test_who_is_always_beaten_to_it_is_held_alone() -> None:
    assert done({"b": 1000}) == (2, ["b"])


def test_trouble_of_the_database_holds_nobody() -> None:
    with pytest.raises(StoreTrouble):
        done({"b": 1}, StoreTrouble)
