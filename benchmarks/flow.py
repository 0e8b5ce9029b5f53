"""The durable flow, accept to delivered, beside bare SQL and bare HTTP: ``python -m benchmarks.flow [--json]``.

A *message* is one record that travels in or out: a referral is three coming in (Task, ServiceRequest, Patient) and one
going out. Each is stored, understood by its map, applied, decided by ``release``, rendered, and sent to a link that
goes to the disk once a batch. ``--referrals N`` says how many; ``--only NAME`` runs one part.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Thread

import httpx2

from benchmarks import _flow_peer
from benchmarks._flow_floor import floor
from benchmarks._flow_processes import delivered, idle, postgresql, processes
from benchmarks._flow_receiver import receiver
from benchmarks._flow_site import bundles, drop, make_site, take_back
from benchmarks._printed import Figure, show
from casebridge.adapter import Payload
from casebridge.app import Bridge, open_bridge
from casebridge.engine.flow import accept
from casebridge.engine.pace import settle_in

RECORDS = 4  # of one referral: three in, one out
A_FILE = 500
ALONE = 100


def drained(file: Path) -> float:
    """Seconds until everything that lies in the hospital's folder is delivered."""
    bridge = open_bridge(file)
    try:
        start = time.perf_counter()
        bridge.lanes.drain()
        return time.perf_counter() - start
    finally:
        bridge.close()


def journal_of(folder: Path) -> int:
    """How many the agency got."""
    return (folder / "agency.jsonl").read_bytes().count(b'"referral"')


def sqlite(referrals: int) -> list[Figure]:
    """One process, SQLite, synchronous=FULL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "site")
        file = make_site(folder)
        drop(folder, referrals, A_FILE)
        seconds = drained(file)
        if journal_of(folder) != referrals:
            raise SystemExit(f"{journal_of(folder)} delivered, {referrals} expected")
        bare = floor(folder / "books.db", Path(name, "floor.db"))
    rate, most = referrals * RECORDS / seconds, referrals * RECORDS / bare
    return [
        figure("messages/s on SQLite, accept to delivered", rate, "/s", "the same rows by bare SQL", rate / most),
        figure("referrals/s on SQLite, from the hospital's file to the agency's", referrals / seconds, "/s", "", 1),
        figure("bare SQL: the same rows inserted and updated", most, "/s", "", 1),
    ]


def over_http(referrals: int) -> list[Figure]:
    """To a receiver on this machine, a request each, beside a loop that only posts the same bodies.

    First the referrals, three records in and one body out; then the hospital takes each of them back: one in, one out.
    """
    with tempfile.TemporaryDirectory() as name, receiver(Path(name, "bodies")) as url:
        folder, bodies = Path(name, "site"), Path(name, "bodies")
        bridge = open_bridge(make_site(folder, carrier="post", settings=f'url = "{url}"'))
        try:
            with at_work(bridge):
                drop(folder, referrals, A_FILE)
                whole = arrived(bridge, bodies, referrals)
                take_back(folder, referrals, A_FILE)
                news = arrived(bridge, bodies, 2 * referrals)
        finally:
            bridge.close()
        same = bodies.read_bytes().splitlines()
        with httpx2.Client() as client:
            start = time.perf_counter()
            for body in same:
                client.post(url, content=body).raise_for_status()
            bare = time.perf_counter() - start
    most = len(same) / bare
    loop = "a loop that only posts"
    return [
        figure("referrals/s over HTTP, accept to delivered", referrals / whole, "/s", loop, referrals / whole / most),
        figure("changes/s over HTTP, one in, one out", referrals / news, "/s", loop, referrals / news / most),
        figure("bare httpx2: the same bodies", most, "/s", "", 1),
    ]


@contextmanager
def at_work(bridge: Bridge) -> Iterator[None]:
    """Its lanes run."""
    worker = Thread(target=bridge.lanes.run)
    worker.start()
    try:
        yield
    finally:
        bridge.lanes.stop()
        worker.join()


def arrived(bridge: Bridge, bodies: Path, expected: int) -> float:
    """Seconds until so many bodies came, from the moment the hospital's folder is looked into."""
    start, came = time.perf_counter(), 0
    bridge.lanes.receive()
    with bodies.open("rb") as file:
        while (came := came + file.read().count(b"\n")) < expected:
            time.sleep(0.02)
            if time.perf_counter() - start > 600:
                raise SystemExit("they do not arrive")
    return time.perf_counter() - start


def alone(_: int) -> list[Figure]:
    """One referral at a time in a process at work, from a door to the agency's journal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "site")
        bridge = open_bridge(make_site(folder))
        try:
            with at_work(bridge):
                times = sorted(one_at_a_time(bridge, folder, n) for n in range(ALONE))
        finally:
            bridge.close()
    return [
        figure("one referral alone, p50", statistics.median(times) * 1000, "ms", "", 1),
        figure("one referral alone, p99", times[int(len(times) * 0.99)] * 1000, "ms", "", 1),
    ]


def one_at_a_time(bridge: Bridge, folder: Path, number: int) -> float:
    """Seconds from a door's acceptance of one to the agency's journal."""
    (body,) = bundles(1, 1, first=number)
    start = time.perf_counter()
    accept(bridge.site, bridge.site.partners["hospital"], Payload("one", BytesIO(body)))
    while journal_of(folder) <= number:
        time.sleep(0.0005)
        if time.perf_counter() - start > 30:
            raise SystemExit("it was not delivered")
    return time.perf_counter() - start


def beside_a_peer(referrals: int) -> list[Figure]:
    """File to file, one message in and one out: the hospital takes its referrals back; and MessageFoundry."""
    if not _flow_peer.installed():
        print("MessageFoundry is not installed here (make bench installs it): left out", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "site")
        bridge = open_bridge(make_site(folder))
        try:
            with at_work(bridge):
                drop(folder, referrals, A_FILE)
                arrived(bridge, folder / "agency.jsonl", referrals)
                take_back(folder, referrals, A_FILE)
                ours = referrals / arrived(bridge, folder / "agency.jsonl", 2 * referrals)
        finally:
            bridge.close()
    few = min(referrals, 500)
    theirs = few / _flow_peer.passed_on(few, A_FILE, free_port())
    return [
        figure("changes/s from file to file, one in, one out", ours, "/s", "MessageFoundry", ours / theirs),
        figure("MessageFoundry: messages/s from file to file", theirs, "/s", "", 1),
    ]


def free_port() -> int:
    """One that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def postgres(referrals: int) -> list[Figure]:
    """Two ``casebridge work`` on PostgreSQL that writes to the disk."""
    with tempfile.TemporaryDirectory() as name, postgresql() as url:
        folder = Path(name, "site")
        file = make_site(folder, url)
        drop(folder, referrals, A_FILE)
        with processes("work", file, 2):
            seconds = delivered(url, referrals)
    rate = referrals * RECORDS / seconds
    return [figure("messages/s on PostgreSQL, two workers, accept to delivered", rate, "/s", "", 1)]


def at_rest(_: int) -> list[Figure]:
    """A server that nobody asks for anything."""
    with tempfile.TemporaryDirectory() as name:
        megabytes, percent = idle(make_site(Path(name, "site")))
    return [
        figure("idle server: memory", megabytes, "MB", "", 1),
        figure("idle server: of a core", percent, "%", "", 1),
    ]


def figure(name: str, value: float, unit: str, compared_to: str, ratio: float) -> Figure:
    """One line."""
    return {"name": name, "value": round(value, 1), "unit": unit, "compared_to": compared_to, "ratio": round(ratio, 3)}


PARTS: dict[str, Callable[[int], list[Figure]]] = {
    "sqlite": sqlite, "postgres": postgres, "http": over_http, "peer": beside_a_peer,
    "alone": alone, "idle": at_rest,
}  # fmt: skip


def main() -> None:
    """All parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--referrals", type=int, default=2000)
    parser.add_argument("--only", choices=sorted(PARTS))
    asked = parser.parse_args()
    settle_in()
    found = [f for name, part in PARTS.items() if asked.only in (None, name) for f in part(asked.referrals)]
    show(found, ["casebridge", "SQLAlchemy", "httpx2"], as_json=asked.json)


if __name__ == "__main__":
    main()
