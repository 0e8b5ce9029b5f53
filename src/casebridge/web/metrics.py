"""``/metrics`` for Prometheus: the same look as ``casebridge status``, as numbers.

Labels are partners, stops, states and codes of the site's own configuration and of this program: their number is
bounded, and none of them can name a person. docs/guides/operations.md says of each what to do when it rises. What is
sent to a partner behind a wall, and when, is counted without its name (34 U.S.C. 12291(b)(2); 42 CFR 2.12).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from casebridge.core.errors import error_codes
from casebridge.engine.readiness import Answer
from casebridge.engine.standing import PartnerStanding, Standing
from casebridge.logs import NOT_NAMED
from casebridge.store.tally import Sort, Sum

CIRCUITS = ("closed", "half-open", "open")
LATEST = ("oldest_waiting_seconds",)
"""Of several the largest counts, and not their sum."""
Row = tuple[list[str], float]


class SiteMetrics(Collector):
    """Looks when it is asked; between two looks it costs nothing."""

    def __init__(
        self, look: Callable[[], Standing | None], answers: Callable[[], Iterable[Answer]], walled: Collection[str] = ()
    ) -> None:
        self.look, self.answers, self.walled = look, answers, walled

    def collect(self) -> Iterator[Metric]:
        """Every metric, at this moment; without a database only that nothing is ready."""
        found = self.look()
        circuits = found.partners if found else ()
        if found is not None:
            found = _without_names(found, self.walled)
            for part in (_queues, _partners, _events, _work):
                yield from part(found)
            yield _circuits(circuits)
        answers = [([answer.name], float(answer.well)) for answer in self.answers()]
        yield _gauge("ready", "1 when this part of /ready is well", ["part"], answers)


def text(
    look: Callable[[], Standing | None], answers: Callable[[], Iterable[Answer]], walled: Collection[str] = ()
) -> bytes:
    """The page in Prometheus' text format, with this process's own memory, time and open files. ``walled`` partners
    are not named with what is sent to them."""
    registry = CollectorRegistry()
    registry.register(SiteMetrics(look, answers, walled))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _without_names(found: Standing, walled: Collection[str]) -> Standing:
    """What is counted by partner, with one name for all that are behind a wall."""
    def named(partner: str) -> str:
        return NOT_NAMED if partner in walled else partner

    sums: dict[Sort, Sum] = {}
    for (name, partner, stop, state, code), one in found.sums.items():
        sort = (name, named(partner), stop, state, code)
        there = sums.get(sort)
        sums[sort] = replace(one, count=one.count + there.count, last=max(one.last, there.last)) if there else one
    return replace(
        found, sums=sums, waiting=tuple(replace(w, partner=named(w.partner)) for w in found.waiting),
        held=tuple(replace(r, partner=named(r.partner)) for r in found.held),
        partners=tuple(p for p in found.partners if p.name not in walled))  # fmt: skip


def _queues(found: Standing) -> Iterator[Metric]:
    place = ["stop", "partner", "urgent"]
    waiting = [([w.stop, w.partner, _yes(w.urgent)], float(w.waiting)) for w in found.waiting]
    yield _gauge("waiting_messages", "Messages that wait; counted up to 2000 in each lane", place, waiting)
    late = [([w.stop, w.partner, _yes(w.urgent)], _seconds(w.oldest, found.at)) for w in found.waiting]
    yield _gauge("oldest_waiting_seconds", "Age of the message that is due and has waited longest", place, late)
    held = [([r.partner, _code(r.code), r.who], float(r.held)) for r in found.held]
    yield _gauge("held_messages", "Held messages by reason and who must act", ["partner", "code", "who"], held)
    yield _gauge("lanes_due", "Lanes in which work is due now", [], [([], float(found.lanes_due))])


def _partners(found: Standing) -> Iterator[Metric]:
    name = ["partner"]
    received = [([p.name], _moment(p.received)) for p in found.partners if p.received]
    yield _gauge("last_received_timestamp_seconds", "When something last came from a partner", name, received)
    delivered = [([p.name], _moment(p.delivered)) for p in found.partners if p.delivered]
    yield _gauge("last_delivered_timestamp_seconds", "When a partner last took something", name, delivered)
    failing = [([p.name], float(bool(p.problem))) for p in found.partners]
    yield _gauge("partner_problem", "1 while nothing can be received from a partner", name, failing)
    unknown = [([p.name], float(p.unanswered)) for p in found.partners]
    yield _gauge("unanswered_dispatches", "Dispatches that set off and whose answer is unknown", name, unknown)


def _circuits(partners: Iterable[PartnerStanding]) -> Metric:
    """That a partner cannot be reached tells nothing of what there was to send."""
    rows = [([p.name, state], float(p.circuit == state)) for p in partners for state in CIRCUITS]
    return _gauge("circuit_state", "1 for the state in which sending to a partner is", ["partner", "state"], rows)


def _events(found: Standing) -> Iterator[Metric]:
    labels = ["event", "partner", "stop", "state", "code"]
    family = CounterMetricFamily("casebridge_events", "Events of the ledger since its beginning", labels=labels)
    for (name, partner, stop, state, code), one in found.sums.items():
        family.add_metric([name, partner, stop, state, _code(code)], one.count)
    yield family


def _work(found: Standing) -> Iterator[Metric]:
    alive = [([role], float(sum(b.role == role for b in found.workers))) for role in ("serve", "doors", "work")]
    yield _gauge("processes", "Processes of the site that gave a sign of life lately", ["role"], alive)
    held = sum(count for count, _ in found.holders.values())
    yield _gauge("lanes_leased", "Lanes that a worker has", [], [([], float(held))])
    yield _gauge("turns_under_way", "Batches being worked on", [], [([], float(sum(b.busy for b in found.workers)))])
    yield _gauge("store_bytes", "Bytes that the store takes", [], [([], float(found.size))])
    if found.free is not None:
        yield _gauge("store_free_bytes", "Bytes free beside the store", [], [([], float(found.free))])


def _gauge(name: str, said: str, labels: list[str], rows: Iterable[Row]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"casebridge_{name}", said, labels=labels)
    together: dict[tuple[str, ...], float] = {}
    for values, value in rows:
        there = together.get(tuple(values), 0.0)
        together[tuple(values)] = max(there, value) if name in LATEST else there + value
    for labels_, value in together.items():
        family.add_metric(list(labels_), value)
    return family


def _code(code: str) -> str:
    """One of ours, or ``other``: a plugin may write what it likes into an error."""
    return code if not code or code in error_codes() else "other"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _seconds(since: str, now: str) -> float:
    return max(0.0, _moment(now) - _moment(since)) if since else 0.0
