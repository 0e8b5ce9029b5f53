"""The circuit of each destination, shared by every worker: whether anything is sent there now.

``closed``: all goes well. ``open``: nothing is sent before ``until``. ``half-open``: one worker at a time tries
``window`` dispatches; while it does, ``until`` says how long the others wait for it, later and later while its worker
lives, and ``changed_at`` is the mark of its try.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from casebridge.store.connection import Connection
from casebridge.store.tables import circuit


@dataclass(frozen=True, slots=True)
class Circuit:
    """One row. ``failures`` in a row; ``code`` of the last; a destination that never failed has none."""

    partner: str
    state: str = "closed"
    failures: int = 0
    until: str | None = None
    code: str | None = None
    window: int = 1
    changed_at: str = ""

    def shut(self, now: str) -> bool:
        """Nothing may be sent there. A change in the future means that the clock went back: it is no reason to wait."""
        return self.state != "closed" and (self.until or "") > now >= self.changed_at


def get(c: Connection, partner: str) -> Circuit:
    """The circuit of a destination."""
    row = c.execute(select(circuit).where(circuit.c.partner == partner)).first()
    return Circuit(**row._mapping) if row else Circuit(partner)


def listed(c: Connection) -> dict[str, Circuit]:
    """Destinations whose circuit is not closed, for people to see."""
    rows = c.execute(select(circuit).where(circuit.c.state != "closed").order_by(circuit.c.partner))
    return {row.partner: Circuit(**row._mapping) for row in rows}


def shut(c: Connection, now: str) -> frozenset[str]:
    """Destinations that nothing is sent to now: their lanes have no work that is due."""
    return frozenset(name for name, found in listed(c).items() if found.shut(now))


def locked(c: Connection, partner: str, now: str) -> Circuit:
    """The circuit, which no other worker changes before this transaction ends."""
    insert = sqlite.insert if c.raw.dialect.name == "sqlite" else postgresql.insert
    new: Any = insert(circuit).values(**asdict(Circuit(partner, changed_at=now)))
    c.execute(new.on_conflict_do_nothing())
    row = c.execute(select(circuit).where(circuit.c.partner == partner).with_for_update()).one()
    return Circuit(**row._mapping)


def keep(c: Connection, changed: Circuit) -> None:
    """Write the circuit that was ``locked``."""
    c.execute(update(circuit).where(circuit.c.partner == changed.partner).values(**asdict(changed)))


def claim(c: Connection, partner: str, now: str, until: str) -> bool:
    """Have the next try for oneself, until that moment; False when another worker has it."""
    over: ColumnElement[bool] = or_(circuit.c.until <= now, circuit.c.changed_at > now)
    mine = and_(circuit.c.partner == partner, circuit.c.state != "closed", over)
    tried = update(circuit).where(mine).values(state="half-open", until=until, changed_at=now)
    return c.execute(tried).rowcount == 1


def keep_tries(c: Connection, tries: Mapping[str, str], until: str) -> None:
    """The others wait longer for these tries, partner -> mark, as far as they still go on."""
    for partner, mark in tries.items():
        mine = and_(circuit.c.partner == partner, circuit.c.state == "half-open", circuit.c.changed_at == mark)
        c.execute(update(circuit).where(mine).values(until=until))


def nobody_tries(c: Connection, now: str) -> None:
    """Whoever tried is gone: the next try is anybody's."""
    c.execute(update(circuit).where(circuit.c.state == "half-open", circuit.c.until > now).values(until=now))
