"""A population is loaded: each file a partner exports is a payload on the first stop, like any other."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from casebridge.adapter import Loading, Payload
from casebridge.core.errors import SetupError
from casebridge.core.population import Headway, Population, Withdrawal
from casebridge.engine import intake
from casebridge.engine.receiving import BYTES, TOGETHER, Taken
from casebridge.engine.site import Partner, Site
from casebridge.store import payloads, records
from casebridge.store.database import Connection

TASKS = frozenset({"fhir-r4/Task", "fhir-r4/ServiceRequest"})
"""Not loaded unless asked for by name: a referral is one with its order, and polls bring both together."""


@dataclass(slots=True)
class Loaded:
    """What a load brought: files ``kept``, ``repeated``, ``refused``, and records that were ``withdrawn``;
    ``said``: remarks on what was not as it should be."""

    kept: int = 0
    repeated: int = 0
    refused: int = 0
    withdrawn: int = 0
    said: list[str] = field(default_factory=list)

    def count(self, state: str) -> None:
        """One more file of this outcome."""
        name = {"accepted": "kept", "duplicate": "repeated"}.get(state, "refused")
        setattr(self, name, getattr(self, name) + 1)


def wanted_types(partner: Partner, named: Iterable[str] = ()) -> tuple[str, ...]:
    """Native types to ask for: those ``named`` (``Patient``), or all that some map of the partner reads.

    SetupError CB-101 for a name that no map reads.
    """
    read = {map_.other for map_ in partner.maps}
    by_name = {other.rpartition("/")[2]: other for other in read}
    if unknown := [name for name in named if name not in by_name]:
        raise SetupError("CB-101", f"no map of {partner.name} reads {', '.join(unknown)}",
                         remedy=f"Its maps read {', '.join(sorted(by_name))}.")  # fmt: skip
    return tuple(sorted(by_name[name] for name in named)) or tuple(sorted(read - TASKS))


def load(site: Site, partner: Partner, wanted: Population, tell: Callable[[Headway], None]) -> Loaded:
    """Accept all files of a population, many in one commit with the place to go on from. What was broken off goes on.

    SetupError CB-101 when the partner's link cannot, or the partner is switched off; else raises what the link raises.
    What came before is kept.
    """
    link = partner.link
    if not isinstance(link, Loading):
        raise SetupError("CB-101", f"{partner.name} cannot be asked for all its records at once",
                         remedy="Only a partner with a FHIR server (fhir-rest) can.")  # fmt: skip
    if partner.mode == "off":
        remedy = 'Take mode = "off" away in casebridge.toml.'
        raise SetupError("CB-101", f"{partner.name} is switched off", remedy=remedy)
    name, done = f"{partner.name} load", Loaded()
    with site.store.read() as c:
        cursor = payloads.get_cursor(c, name) or ""
    batch = _Batch(site, partner, name, done)
    try:
        for found in link.load(wanted, cursor):
            if isinstance(found, Headway):
                batch.behind(found.cursor)
                done.said += [found.message] if found.remark else []
                tell(found)
            else:
                batch.add(found)
    finally:
        batch.keep()
    return done


class _Batch:
    """What is committed together, and where the load then goes on."""

    def __init__(self, site: Site, partner: Partner, name: str, done: Loaded) -> None:
        self._site, self._partner, self._name, self._done = site, partner, name, done
        self._taken: list[Taken] = []
        self._safe: tuple[int, str | None] = (0, None)  # so many of them are before this cursor
        self._size = 0

    def add(self, found: Payload | Withdrawal) -> None:
        """One more; it is read here, to its end."""
        payload = self._withdrawn(found) if isinstance(found, Withdrawal) else found
        if payload is not None:
            taken = intake.taken(self._partner, payload)
            self._taken.append((payload, taken))
            self._size += getattr(taken, "size", 0)
            self._done.withdrawn += isinstance(found, Withdrawal)

    def behind(self, cursor: str | None) -> None:
        """All that was added so far is before this cursor."""
        if cursor is None:
            return
        first = self._safe[1] is None and not self._taken
        self._safe = (len(self._taken), cursor)
        if first or not cursor or len(self._taken) >= TOGETHER or self._size >= BYTES:
            self.keep()

    def keep(self) -> None:
        """Commit what is before the last cursor, and the cursor."""
        number, cursor = self._safe
        batch, self._taken = self._taken[:number], self._taken[number:]
        self._safe, self._size = (0, None), 0
        if cursor is None:
            return
        with self._site.store.write() as c:
            payloads.one_at_a_time(c, self._partner.name)
            kept = [intake.keep(c, self._site, self._partner, payload, taken) for payload, taken in batch]
            payloads.set_cursor(c, self._name, cursor, self._site.now())
        for outcome, message in kept:
            self._done.count(outcome.state)
            self._site.tell("payload", partner=self._partner.name, message=message or "", stop="accept",
                            state=outcome.state)  # fmt: skip

    def _withdrawn(self, withdrawal: Withdrawal) -> Payload | None:
        """The last version we have seen of it, saying that it counts no more; nothing for what we never had."""
        assert isinstance(self._partner.link, Loading)  # noqa: S101  (load has looked)
        with self._site.store.read() as c:
            for document in _originals(c, self._partner, withdrawal):
                data = self._partner.link.withdrawn(document)
                if data is not None:
                    name = f"deleted-{withdrawal.type.rpartition('/')[2]}.json"
                    return Payload(name, io.BytesIO(data), "application/fhir+json")
        return None


def _originals(c: Connection, partner: Partner, withdrawal: Withdrawal) -> Iterator[dict[str, object]]:
    for kind in {slot for map_ in partner.maps if map_.other == withdrawal.type for slot in map_.case}:
        remote = records.remote_by_theirs(c, partner.name, kind, withdrawal.external_id)
        if remote is not None and remote.original:
            yield remote.original
