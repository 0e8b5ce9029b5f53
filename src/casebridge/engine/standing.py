"""How the site stands: what waits, since when, how fast it goes, what is held, who works, how each partner does.

One look for ``casebridge status``, the console's page and ``/metrics``; cheap with a million messages waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from casebridge.engine.pulse import Beat, beats_of
from casebridge.engine.site import Site
from casebridge.store import beats, circuits, depth, level, problems, rates, tally
from casebridge.store.database import StoreTrouble, iso
from casebridge.store.depth import Queue, Reason
from casebridge.store.rates import Rate
from casebridge.store.tally import Sort, Sum

SPANS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
PACE = ("accepted", "understood", "applied", "prepared", "delivered", "held")
"""The events that say how fast it goes: payloads that came and were read, then messages."""


@dataclass(frozen=True, slots=True)
class PartnerStanding:
    """One partner. Moments in stored form, "" for never; ``circuit`` closed, open or half-open."""

    name: str
    title: str
    mode: str
    waiting: int
    more: bool
    held: int
    received: str
    delivered: str
    circuit: str = "closed"
    circuit_until: str = ""
    problem: str = ""
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits at one stop for one partner; ``more`` than that; ``oldest`` of what is due, "" when nothing is."""

    stop: str
    partner: str
    urgent: bool
    waiting: int
    more: bool
    oldest: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The whole look, at the moment ``at``. ``sums`` are all events there ever were, by sort."""

    at: str
    waiting: tuple[Waiting, ...]
    lanes: int
    lanes_due: int
    held: tuple[Reason, ...]
    more_held: bool
    rates: Mapping[str, Rate]
    partners: tuple[PartnerStanding, ...]
    workers: tuple[Beat, ...]
    holders: Mapping[str, tuple[int, str]]
    size: int
    free: int | None
    sums: Mapping[Sort, Sum]

    @property
    def oldest(self) -> str:
        """When the message that has waited longest was made; "" when nothing waits that is due."""
        return min((one.oldest for one in self.waiting if one.oldest), default="")

    @property
    def urgent(self) -> tuple[Waiting, ...]:
        """What waits of the urgent."""
        return tuple(one for one in self.waiting if one.urgent)


def standing(site: Site) -> Standing:
    """One look. Raises StoreTrouble when the database is not there."""
    now, moment = site.now(), site.clock()
    with site.store.read() as c:
        queues = depth.queues(c, now)
        held, more_held = depth.held(c)
        sums, unanswered = tally.total(c), depth.unanswered(c)
        trips = circuits.listed(c)
        not_received = {name: problem.text for name, problem in problems.listed(c).items()}
        pace = {name: rates.since(c, iso(moment - span)) for name, span in SPANS.items()}
        size, holders = level.size(c, site.store.url), beats.holders(c)
    waiting = _together(queues)
    last = _last(sums)
    partners = tuple(
        PartnerStanding(
            name, partner.title or name, partner.mode, sum(w.waiting for w in waiting if w.partner == name),
            any(w.more for w in waiting if w.partner == name), sum(r.held for r in held if r.partner == name),
            last.get(("accepted", name), ""), last.get(("delivered", name), ""),
            trips[name].state if name in trips else "closed", (trips[name].until or "") if name in trips else "",
            not_received.get(name, ""), unanswered.get(name, 0))
        for name, partner in site.partners.items()
    )  # fmt: skip
    return Standing(
        now, waiting, len(queues), sum(queue.due for queue in queues), tuple(held), more_held, pace, partners,
        tuple(beat for beat in beats_of(site) if beat.alive(site)), holders, size, level.free(site.store.url), sums,
    )  # fmt: skip


def seen(site: Site) -> Standing | None:
    """The same; None when the database is not there."""
    try:
        return standing(site)
    except StoreTrouble:
        return None


def count(site: Site) -> None:
    """Count for good what the ledger grew by (a job of ``engine/upkeep.py``)."""
    more = 1
    while more:
        with site.store.write() as c:
            more = tally.fold(c)


def _together(queues: list[Queue]) -> tuple[Waiting, ...]:
    """The parts of a destination as one."""
    found: dict[tuple[str, str, bool], list[Queue]] = {}
    for queue in queues:
        found.setdefault((queue.stop, queue.partner, queue.urgent), []).append(queue)
    return tuple(
        Waiting(*place, sum(q.waiting for q in some), any(q.more for q in some),
                min((q.oldest for q in some if q.oldest), default=""))
        for place, some in found.items()
    )  # fmt: skip


def _last(sums: Mapping[Sort, Sum]) -> dict[tuple[str, str], str]:
    """(event, partner) -> when the last one was."""
    found: dict[tuple[str, str], str] = {}
    for (name, partner, *_), one in sums.items():
        found[name, partner] = max(found.get((name, partner), ""), one.last)
    return found
