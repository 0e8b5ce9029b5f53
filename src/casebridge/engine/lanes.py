"""Who works on what, when. The ledger says what happened; this only finds what is due and calls the stop.

One process, one thread: a pass first settles what is in mid-flight, then receives, then empties the stops in order.
"""

from __future__ import annotations

import logging
import threading

from casebridge.adapter import Payload
from casebridge.core.errors import CaseBridgeError, TryAgain
from casebridge.engine import flow
from casebridge.engine.reloading import MapWatch
from casebridge.engine.site import Partner, Site
from casebridge.store import dispatches, ledger, payloads
from casebridge.store.database import iso
from casebridge.store.ledger import Message

log = logging.getLogger(__name__)


class Lanes:
    """Drains every lane of a site, on demand (``drain``) or for good (``run``)."""

    def __init__(self, site: Site, watch: MapWatch | None = None) -> None:
        self.site, self.watch = site, watch
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._one = threading.Lock()
        self._not_before: dict[str, str] = {}  # partner -> when it asked us to come again
        self.problems: dict[str, str] = {}  # partner -> why nothing could be received last time

    def wake(self) -> None:
        """There is work: do not wait for the next pass."""
        self._wake.set()

    def stop(self) -> None:
        """End ``run`` after the message at hand."""
        self._stop.set()
        self._wake.set()

    def run(self, every: float) -> None:
        """Pass after pass, ``every`` seconds apart or sooner when woken, until ``stop``."""
        while not self._stop.is_set():
            self.drain()
            self._wake.wait(every)
            self._wake.clear()

    def drain(self, *, receive: bool = True) -> int:
        """One pass over everything that is due, until nothing is; how many pieces of work were done."""
        with self._one:
            self._look_at_maps()
            done = self._deliver()
            if receive:
                done += sum(self._receive(p) for p in self.site.partners.values() if p.mode != "off" and p.link)
            while step := self._understand() + self._apply() + self._prepare() + self._deliver():
                done += step
                self._look_at_maps()
            return done

    def dispatch_now(self, partner: Partner) -> None:
        """Let what waits for this partner's next dispatch leave now."""
        with self.site.store.write() as c:
            ledger.bring_forward(c, partner.name, self.site.now())
        self.drain(receive=False)

    @property
    def map_problems(self) -> dict[str, str]:
        """Partner -> why its changed maps are not used; the old ones are."""
        return dict(self.watch.problems) if self.watch else {}

    def _look_at_maps(self) -> None:
        if self.watch:
            self.watch.look(self.site)

    def _receive(self, partner: Partner) -> int:
        assert partner.link is not None  # noqa: S101  (the caller looked)
        if self.site.now() < self._not_before.get(partner.name, ""):
            return 0
        count = 0
        try:
            with self.site.store.read() as c:
                cursor = payloads.get_cursor(c, partner.name)
            for payload in partner.link.receive(cursor):
                count += self._accept(partner, payload)
            self.problems.pop(partner.name, None)
        except CaseBridgeError as error:
            if isinstance(error, TryAgain) and error.after is not None:
                self._not_before[partner.name] = iso(error.after)
            self.problems[partner.name] = f"{error.message} ({error.code})"
            with self.site.store.write() as c:
                ledger.note(c, self.site.now(), "not-received", partner=partner.name, stop="accept", code=error.code)
        except Exception as error:  # noqa: BLE001 - a link is a stranger's code: the other partners go on
            self.problems[partner.name] = f"unexpected {type(error).__name__} (CB-901)"
            log.error("receiving from %s: unexpected %s", partner.name, type(error).__name__)
        return count

    def _accept(self, partner: Partner, payload: Payload) -> int:
        outcome = flow.accept(self.site, partner, payload)
        assert partner.link is not None  # noqa: S101  (it gave the payload)
        partner.link.settle(payload, outcome)
        return 1

    def _understand(self) -> int:
        with self.site.store.read() as c:
            work = ledger.work(c, "in", "understand", self.site.now(), self.site.partners)
        for message in work:
            flow.understand(self.site, message)
        return len(work)

    def _apply(self) -> int:
        with self.site.store.read() as c:
            work = ledger.work(c, "in", "apply", self.site.now(), self.site.partners)
        if work:
            flow.apply(self.site, work)
        return len(work)

    def _prepare(self) -> int:
        count = 0
        for partner in self.site.partners.values():
            if partner.mode == "off":
                continue
            with self.site.store.read() as c:
                work = ledger.work(c, "out", "prepare", self.site.now(), [partner.name])
            if partner.dispatch == "each":
                work = _first_of_each_key(work)
                for message in work:
                    flow.prepare(self.site, partner, [message])
            elif work:
                flow.prepare(self.site, partner, work)
            count += len(work)
        return count

    def _deliver(self) -> int:
        """What is due; it waits while its partner is off, in a dry run, or no longer configured."""
        live = {p.name for p in self.site.partners.values() if p.mode == "live" and p.link}
        with self.site.store.read() as c:
            due = [d for d in dispatches.due(c, self.site.now()) if d.partner in live]
        for stored in due:
            flow.deliver(self.site, stored)
        return len(due)


def _first_of_each_key(work: list[Message]) -> list[Message]:
    """What hangs together leaves one after the other: the second needs what the first made at the partner."""
    first: dict[str, Message] = {}
    for message in work:
        first.setdefault(message.order_key or message.id, message)
    return list(first.values())
