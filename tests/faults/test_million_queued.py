"""A million small messages wait: a worker begins in seconds and takes no more memory for it, the look at the queues is
soon there, and an urgent referral passes them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from signal import SIGTERM

import pytest
from measured import Measured
from programs import ran
from sites import TestSite, bundle, order, patient, task
from sqlalchemy import func, select, text
from workers import comes_true

from casebridge.store import beats
from casebridge.store.tables import message

MILLION = 1_000_000
MEMORY = 150 * 1024  # KiB beyond what a worker needs that has nothing to do
PATIENCE = 60  # seconds for what takes a few
OFTEN = "\n[web]\npoll_seconds = 0.5\n"
NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) ",
    "postgresql": "WITH s AS (SELECT generate_series(1, {count}) AS n) ",
}
COPIED = ("id", "external_id", "order_key", "position")


def queue(site: TestSite, count: int) -> None:
    """So many patients wait to be applied: a real one, understood by the gateway itself, over and over again."""
    site.drop_quietly("hospital", "one.json", bundle(patient("p", None)))
    worker = site.bridge.lanes.worker
    for stop in ("accept", "understand"):
        worker.turn(next(lane for lane in [*worker.due(), *site.bridge.lanes._links()]
                         if (lane.stop, lane.partner) == (stop, "hospital")))  # fmt: skip
    worker.let_go()
    columns = [c.name for c in message.columns if c.name != "seq" and c.name not in COPIED]
    number = "substr('0000000' || n, length('0000000' || n) - 6)"
    with site.bridge.site.store.write() as c:
        c.execute(text(
            NUMBERS[c.raw.dialect.name].format(count=count - 1)
            + f"INSERT INTO message ({', '.join([*COPIED, *columns])}) "
            + f"SELECT substr(id, 1, 19) || {number}, 'Patient/q' || n, 'Patient/q' || n, '{{\"row\": ' || n || '}}', "
            + ", ".join(columns) + " FROM message, s WHERE kind = 'fhir-r4/Patient'"))  # fmt: skip
        if c.raw.dialect.name == "postgresql":
            c.execute(text("ANALYZE message"))  # autovacuum would, in its time


def waiting(site: TestSite) -> int:
    with site.bridge.site.store.read() as c:
        return int(c.execute(select(func.count()).where(message.c.state == "waiting")).scalar_one())


def signs(site: TestSite) -> int:
    """How many workers say that they are at work."""
    with site.bridge.site.store.read() as c:
        return len(beats.listed(c))


def at_rest(site: TestSite) -> int:
    """What a worker needs that has nothing to do, in KiB."""
    with Measured(site.folder, "work") as process:
        assert comes_true(lambda: signs(site) == 1, PATIENCE)
        return process.ended(SIGTERM)


def refer_urgently(site: TestSite) -> None:
    sent = task(priority="urgent"), order(priority="urgent"), patient()
    site.drop_quietly("hospital", "urgent.json", bundle(*sent))


def timed(what: str, do: Callable[[], object]) -> None:
    began = time.monotonic()
    assert do()
    print(f"{what}: {time.monotonic() - began:.1f} s")  # noqa: T201


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_million_wait_and_an_urgent_referral_passes_them_all(
    make_site: Callable[..., TestSite], store_url: str
) -> None:
    site = make_site(store=store_url, treatment="treatment", more=OFTEN)
    before = at_rest(site)
    timed("queued", lambda: queue(site, MILLION) is None)
    with Measured(site.folder, "work") as process:
        timed("the worker's first sign of life", lambda: comes_true(lambda: signs(site) == 1, PATIENCE))
        timed("its first messages", lambda: comes_true(lambda: site.noted("applied"), PATIENCE))
        timed("status", lambda: ran("status", "-c", site.folder / "casebridge.toml", timeout=PATIENCE)[0] == 0)
        refer_urgently(site)
        timed("the urgent referral", lambda: comes_true(lambda: site.out("agency"), PATIENCE))
        left = waiting(site)
        taken = process.ended(SIGTERM)
    print(f"{left} wait still; {before} KiB at rest, {taken} KiB at work")  # noqa: T201
    assert process.code == 0
    assert left > MILLION * 0.9  # it did not wait for them
    assert taken - before < MEMORY
