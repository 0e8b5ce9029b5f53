"""What a recipient found or wrote in the end: needs, assessments and documents that the outputs of a referral name.

They go back to its source as records of their own kind, if the rules permit it and the source takes them; what was
done goes as an activity (``telling``), with or without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.engine.site import Partner
from casebridge.store import records, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.referrals import StoredReferral

KINDS = frozenset({"need", "assessment", "document"})


@dataclass(frozen=True, slots=True)
class Result:
    """A record by our id; ``known``: the source has it already, as what is named is a copy of its own record."""

    kind: str
    id: str
    known: bool


def of(c: Connection, referral: StoredReferral, output: Mapping[str, Any]) -> Result | None:
    """What an output names, where we have it."""
    ref = output.get("ref") or {}
    kind, said = ref.get("kind"), ref.get("external_id")
    if kind not in KINDS:
        return None
    if isinstance(ref.get("id"), str):
        return Result(kind, ref["id"], known=False)
    who = [referral.recipient, *(child.recipient for child in referrals.children(c, referral.id))] if said else []
    for name in filter(None, who):
        there = records.remote_by_theirs(c, name, kind, str(said))
        found = there.our_id if there else records.id_of(c, name, kind, str(said))
        record = records.by_id(c, found) if found else None
        if record is not None:
            return Result(kind, record.id, known=record.source == referral.source)
    return None


def to_send(
    c: Connection, source: Partner, referral: StoredReferral, outputs: tuple[Mapping[str, Any], ...]
) -> Iterator[Result]:
    """Those that the source does not have, and has a map for."""
    for output in outputs:
        found = of(c, referral, output)
        record = records.by_id(c, found.id) if found and not found.known else None
        if found and record is not None and source.map_for(found.kind, record.document) is not None:
            yield found


def is_there(c: Connection, partner: Partner, result: Result) -> bool:
    """Has the partner the record, so that it can be named?"""
    return result.known or records.remote_of(c, partner.name, result.kind, result.id) is not None


def is_beside(message: Message) -> bool:
    """Is it only beside a referral, which goes without it where the partner does not take such a thing?"""
    record = message.about.get("record")
    copied = record is not None and record != message.about.get("referral")
    return copied and ("output" in message.about or message.kind in ("assessment", "document"))
