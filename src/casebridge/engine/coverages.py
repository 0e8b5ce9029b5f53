"""What a payer's word about one person means for the coverage it said before (X12 834 and 271: ``Native.coverage``).

Its coverage has no ids of its own: it is known by what is said of it. So an end that says less than the coverage it
ends (HD*024 without DTP*348, EB*6 without a plan) ends each that agrees with it in all it says, and an end of
eligibility (2000 DTP*357) ends them all. Nothing stays in effect that its payer has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from casebridge.core import changes
from casebridge.core.moments import earlier
from casebridge.store import records
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.records import StoredRecord

Named = Collection[tuple[str, str]]
"""Kinds and external ids of what the message itself says."""
Meant = tuple[StoredRecord, dict[str, Any]]
"""A record, and what is to stand in it."""

ELIGIBILITY = "eligibility"  # the line of what all of a member's coverage hangs on (834 2000 DTP*356, DTP*357)
_TELLING = ("line", "plan", "scope", "entry")
_OF_AN_END = ("status", "end", "reason", "labels")


def relabelled(c: Connection, source: str, message: Message, named: Named) -> Iterator[Meant]:
    """Whether a person's records are restricted holds for all of them (834 INS13), also for what was said before."""
    labels = message.document["slice"].get("person", {}).get("labels")
    for other in records.about(c, source, message.external_id) if labels else ():
        before = records.without(c, other, message.id)
        if before is not None and (other.kind, other.external_id) not in named and other.message <= message.id:
            yield before, changes.labelled(before.document, labels)


def is_end(kind: str, document: Mapping[str, Any]) -> bool:
    """Does it say that coverage is over, or never was?"""
    return kind == "participation" and _is_coverage(document) and document.get("status") in changes.OVER


def ended_by(
    c: Connection, source: str, message: Message, external_id: str, document: Mapping[str, Any], named: Named,
    today: str,
) -> tuple[bool, list[Meant]]:  # fmt: skip
    """Is an end to stand in a record of its own, and which others does it end?

    ``today`` counts where it has no date. What has ended already takes another end only if nothing is open.
    """
    own = records.without(c, records.find(c, source, "participation", external_id), message.id)
    others = [r for r in records.about(c, source, message.external_id, "participation")
              if (r.kind, r.external_id) not in named and _is_coverage(r.document)]  # fmt: skip
    later = [r for r in others if r.message > message.id]  # on a replay; what was said last stands
    before = [b for r in others if r not in later and (b := records.without(c, r, message.id))]
    day = str(document.get("end") or today)
    if document.get("line") == ELIGIBILITY:
        new = own is None or any(own.document.get(name) != document.get(name) for name in ("status", "end"))
        return True, [_end_of_all(r, document, day) for r in before if _open(r, day) and (new or _begun(r, day))]
    if own is not None and _open(own, day):
        return True, []
    fitting = [r for r in before if _agrees(r.document, document) and _begun(r, day)]
    if found := [r for r in fitting if _open(r, day)]:
        return False, [_end(r, document) for r in found]
    if own is not None:
        return True, []
    ended = [r for r in fitting if r.status == document["status"]]
    last = sorted(ended, key=lambda r: str(r.document.get("entry") or ""))[-1:]
    unknown = not last and not any(_agrees(r.document, document) for r in later)
    return unknown, [_end(r, document) for r in last]


def _is_coverage(document: Mapping[str, Any]) -> bool:
    return document.get("participation_kind") == "coverage"


def _open(record: StoredRecord, day: str) -> bool:
    """In effect, or to be, as far as was said; not what ended by itself before that day."""
    end = record.document.get("end")
    return record.status not in changes.OVER and not (isinstance(end, str) and earlier(end, day))


def _begun(record: StoredRecord, day: str) -> bool:
    entry = record.document.get("entry")
    return not (isinstance(entry, str) and earlier(day, entry))


def _end(record: StoredRecord, document: Mapping[str, Any]) -> Meant:
    return record, changes.laid_over(record.document, {n: document[n] for n in _OF_AN_END if document.get(n)})


def _end_of_all(record: StoredRecord, document: Mapping[str, Any], day: str) -> Meant:
    """What was to begin after the end of eligibility never does."""
    if _begun(record, day):
        return _end(record, document)
    return _end(record, {**document, "status": "cancelled", "end": None})


def _agrees(known: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Is it so in all that is said? The payer's number counts where both have one."""
    told = all(_parts(known.get(name)) == _parts(said[name]) for name in _TELLING if said.get(name))
    payers = [p for p in (known.get("payer_id"), said.get("payer_id")) if p]
    return told and (len(payers) < 2 or payers[0] == payers[1])


def _parts(value: object) -> object:
    """Several service types stand in one text, in any order."""
    return sorted(value.split(", ")) if isinstance(value, str) else value
