"""Records read again from stored payloads, so that a mended format counts too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from casebridge.adapter import Native
from casebridge.core.errors import Position, RecordError
from casebridge.engine.keys import keyed
from casebridge.engine.site import Site
from casebridge.store import payloads
from casebridge.store.ledger import Message


class Rereading:
    """Asked for many records in the order they came, it reads each payload once and keeps one record in memory."""

    def __init__(self, site: Site) -> None:
        self._site, self._payload = site, ""
        self._found: Iterator[Native | RecordError] = iter(())

    def native(self, message: Message) -> Native:
        """The record as the payload has it. Raises RecordError when it cannot be read, or is not there any more,
        and Held CB-523 when the payload was erased."""
        ahead = self._found if message.payload == self._payload else iter(())
        found = self._at(ahead, message) or self._at(self._opened(message), message)
        if found is None:
            raise RecordError("CB-303", f"the payload has no record at {Position(**message.position)} any more")
        if isinstance(found, RecordError):
            raise found
        return found

    def _opened(self, message: Message) -> Iterator[Native | RecordError]:
        partner = self._site.partners[message.partner]
        stream = payloads.open_payload(self._site.store, message.payload or "")
        self._payload, self._found = message.payload or "", iter(partner.format.parse(stream, partner.shapes))
        return self._found

    def _at(self, ahead: Iterator[Native | RecordError], message: Message) -> Native | RecordError | None:
        return next((f for f in map(keyed, ahead) if _place(f) == message.position), None)


def _place(found: Native | RecordError) -> dict[str, Any]:
    return found.position.as_dict() or {"pointer": found.external_id}


def native_of(site: Site, message: Message) -> Native:
    """One record, read again."""
    return Rereading(site).native(message)
