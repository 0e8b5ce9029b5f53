"""What may be erased, and erasing it a little at a time.

Never what waits or is held, nor what belongs to a referral of which something does, nor what a legal hold covers. Of a
payload the bytes go; its row with name, digest and count of repetitions stays, so that the same file is still known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, not_, or_, select, tuple_, update

from casebridge.store.connection import Connection
from casebridge.store.holds import Covered
from casebridge.store.referrals import TERMINAL
from casebridge.store.tables import (
    disclosure,
    dispatch,
    dispatch_file,
    event,
    message,
    payload,
    payload_part,
    referral,
    resource,
)

ROWS, PARTS = 500, 16
"""Rows, and parts of payloads (at most 4 MiB each), that one transaction erases."""
OPEN = ("waiting", "held")
GOING = ("claimed", "inflight")  # a dispatch that may still be sent


@dataclass(frozen=True, slots=True)
class Policy:
    """Days after which what is over with is erased, 0 to keep it; and how many bytes the store should not pass."""

    payloads: int = 0
    messages: int = 0
    events: int = 0
    disclosures: int = 0
    max_size: int = 0


def payloads_due(c: Connection, before: str, covered: Covered, limit: int = ROWS) -> list[str]:
    """Payloads that came before a moment and whose records are all over with."""
    mine, other = message.alias(), message.alias()
    open_ = exists().where(mine.c.payload == payload.c.id, mine.c.state.in_(OPEN))
    told = exists().where(mine.c.payload == payload.c.id, other.c.correlation == mine.c.correlation,
                          other.c.state.in_(OPEN))  # fmt: skip
    query = select(payload.c.id).where(
        payload.c.received_at < before, payload.c.erased_at.is_(None), ~open_, ~told,
        payload.c.partner.not_in(covered.partners), payload.c.id.not_in(covered.payloads),
    )  # fmt: skip
    return list(c.execute(query.order_by(payload.c.id).limit(limit)).scalars())


def mark_erased(c: Connection, ids: Sequence[str], now: str) -> None:
    """From now on nobody reads their bytes."""
    c.execute(update(payload).where(payload.c.id.in_(ids)).values(erased_at=now))


def erase_parts(c: Connection) -> tuple[int, int]:
    """Erase some parts of payloads that are marked; (parts, bytes as they lay there), (0, 0) at the end."""
    key = (payload_part.c.payload, payload_part.c.number)
    query = select(*key, func.length(payload_part.c.data)).join(payload, payload.c.id == payload_part.c.payload)
    rows = c.execute(query.where(payload.c.erased_at.is_not(None)).limit(PARTS)).all()
    if rows:
        c.execute(delete(payload_part).where(tuple_(*key).in_([tuple(row[:2]) for row in rows])))
    return len(rows), sum(row[2] for row in rows)


def erase_files(c: Connection, before: str, covered: Covered) -> int:
    """Erase files that were sent before a moment; how many."""
    mine, other = message.alias(), message.alias()
    open_ = exists().where(mine.c.dispatch == dispatch.c.id,
                           or_(mine.c.state.in_(OPEN), mine.c.correlation.in_(covered.referrals)))  # fmt: skip
    told = exists().where(mine.c.dispatch == dispatch.c.id, other.c.correlation == mine.c.correlation,
                          other.c.state.in_(OPEN))  # fmt: skip
    key = (dispatch_file.c.dispatch, dispatch_file.c.number)
    query = select(*key).join(dispatch, dispatch.c.id == dispatch_file.c.dispatch).where(
        dispatch.c.prepared_at < before, dispatch.c.state.not_in(GOING), ~open_, ~told,
        dispatch.c.partner.not_in(covered.partners),
    )  # fmt: skip
    keys = [tuple(row) for row in c.execute(query.limit(ROWS // 10))]
    if keys:
        c.execute(delete(dispatch_file).where(tuple_(*key).in_(keys)))
    return len(keys)


def erase_messages(c: Connection, before: str, covered: Covered) -> int:
    """Erase messages that were over before a moment; how many.

    A file's own message goes after those of its records; any goes after the bytes it came in; and none by which it is
    decided whether a partner may see what lies on its shelf.
    """
    child, other = message.alias(), message.alias()
    shown = select(resource.c.message).where(resource.c.current, resource.c.message.is_not(None))
    query = select(message.c.seq).where(
        message.c.updated_at < before, message.c.state.not_in(OPEN), message.c.partner.not_in(covered.partners),
        ~exists().where(child.c.parent == message.c.id),
        ~exists().where(payload.c.id == message.c.payload, payload.c.erased_at.is_(None)),
        ~exists().where(referral.c.id == message.c.correlation, referral.c.status.not_in(TERMINAL)),
        ~exists().where(other.c.correlation == message.c.correlation, other.c.state.in_(OPEN)),
        _free(message.c.correlation, covered.referrals), _free(message.c.payload, covered.payloads),
        ~exists().where(dispatch_file.c.dispatch == message.c.dispatch), message.c.id.not_in(shown),
    )  # fmt: skip
    numbers = list(c.execute(query.order_by(message.c.seq).limit(ROWS)).scalars())
    if numbers:
        over = message.c.state.not_in(OPEN)  # still: one may have been set off again meanwhile
        c.execute(delete(message).where(message.c.seq.in_(numbers), over))
    return len(numbers)


def erase_dispatches(c: Connection, before: str, covered: Covered) -> int:
    """Erase dispatches of which neither a file nor a message is left; how many."""
    query = select(dispatch.c.id).where(
        dispatch.c.prepared_at < before, dispatch.c.state.not_in(GOING), dispatch.c.partner.not_in(covered.partners),
        ~exists().where(message.c.dispatch == dispatch.c.id),
        ~exists().where(dispatch_file.c.dispatch == dispatch.c.id),
    )  # fmt: skip
    ids = list(c.execute(query.limit(ROWS)).scalars())
    if ids:
        c.execute(delete(dispatch).where(dispatch.c.id.in_(ids)))
    return len(ids)


def erase_disclosures(c: Connection, ids: Sequence[str], before: str, covered: Covered) -> list[str]:
    """Of these disclosures erase those that happened before a moment; the others."""
    old = select(disclosure.c.id).where(
        disclosure.c.id.in_(ids), disclosure.c.at < before,
        or_(disclosure.c.delivered_at.is_(None), disclosure.c.delivered_at < before),
        disclosure.c.recipient.not_in(covered.partners), _free(disclosure.c.client, covered.clients),
        _free(disclosure.c.correlation, covered.referrals),
    )  # fmt: skip
    gone = set(c.execute(old).scalars())
    if gone:
        c.execute(delete(disclosure).where(disclosure.c.id.in_(gone)))
    return [id_ for id_ in ids if id_ not in gone]


def oldest_open(c: Connection) -> str | None:
    """When the oldest began of all that is not over: what happened to it stays in the ledger."""
    began = [select(func.min(message.c.created_at)).where(message.c.state.in_(OPEN)),
             select(func.min(referral.c.created_at)).where(referral.c.status.not_in(TERMINAL))]  # fmt: skip
    return min((at for query in began if (at := c.execute(query).scalar())), default=None)


def oldest_event(c: Connection) -> str | None:
    """When the first event was written that the ledger still has."""
    return c.execute(select(event.c.at).order_by(event.c.seq).limit(1)).scalar()


def _free(column: Any, kept: Sequence[str]) -> ColumnElement[bool]:
    return or_(column.is_(None), not_(column.in_(kept)))
