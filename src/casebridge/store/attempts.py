"""Since when a message was tried in vain, as the books say it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from casebridge.store.connection import Connection
from casebridge.store.tables import event

PUT_OFF = "put-off"


@dataclass(frozen=True, slots=True)
class Failing:
    """The first failure in a row, and the code of the last that was written down."""

    since: str
    code: str


def failing(c: Connection, messages: Sequence[str]) -> dict[str, Failing]:
    """What was last written of these messages being put off."""
    if not messages:
        return {}
    last = select(func.max(event.c.seq)).where(event.c.message.in_(messages), event.c.name == PUT_OFF)
    rows = c.execute(select(event).where(event.c.seq.in_(last.group_by(event.c.message).scalar_subquery())))
    return {row.message: Failing(json.loads(row.facts).get("since", row.at), row.code or "") for row in rows}
