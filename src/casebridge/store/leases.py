"""Lanes and the fenced leases on them: who works on what.

A lane is (stop, destination, part); urgent work has a lane of its own. Whoever takes a lane over raises its epoch, and
every commit of a worker says the epoch it began with: one that was superseded commits nothing more, whatever the
clocks say. The clock only decides how soon a lane whose worker fell silent is taken over.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from casebridge.store.connection import Connection
from casebridge.store.tables import fact, lane

ASKED = "asked/"  # in ``fact``: a wake that found the lane in other hands
PARTS = 4
"""Lanes of one destination: as many of its clients' queues may be worked on at once."""


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """An ordered queue. ``stop`` is accept, understand, apply, prepare, deliver, or notify for its subscriptions."""

    stop: str
    partner: str
    part: int = 0
    urgent: bool = False

    @property
    def name(self) -> str:
        """``deliver/food-bank/2`` or ``deliver/food-bank/2/urgent``."""
        return "/".join([self.stop, self.partner, str(self.part)] + ["urgent"] * self.urgent)

    @classmethod
    def named(cls, name: str) -> Lane:
        """The lane of that name."""
        stop, _, rest = name.partition("/")
        place = rest.removesuffix("/urgent")
        partner, _, part = place.rpartition("/")
        return cls(stop, partner, int(part), place != rest)


def part_of(order_key: str | None, parts: int = PARTS) -> int:
    """Which of so many parts of its destination's clients a key belongs to."""
    return zlib.crc32(order_key.encode()) % parts if order_key else 0


def line_of(c: Connection, direction: str, order_key: str | None) -> int:
    """The part of a message's lane. What comes in is one queue a partner; so is what goes out where one process does
    all the work (SQLite): two threads would prepare no more than one does."""
    return part_of(order_key) if direction == "out" and c.raw.dialect.name != "sqlite" else 0


class Superseded(Exception):
    """Another worker took the lane over: commit nothing, send nothing more."""


def take(c: Connection, lane_: Lane, holder: str, now: str, until: str) -> int | None:
    """The epoch under which ``holder`` has the lane until ``until``; None while somebody else has it.

    A holder in the middle of a commit is not waited for: its process may have been stopped there.
    """
    mine = lane.c.name == lane_.name
    row = c.execute(select(lane).where(mine).with_for_update(skip_locked=True)).first()
    if row is None:
        return _first(c, lane_, holder, until)
    if row.holder is not None and row.until > now:
        return None
    c.execute(update(lane).where(mine).values(epoch=row.epoch + 1, holder=holder, until=until))
    return int(row.epoch) + 1


def _first(c: Connection, lane_: Lane, holder: str, until: str) -> int | None:
    """A lane that nobody ever had, unless its row is only locked."""
    if c.execute(select(lane.c.name).where(lane.c.name == lane_.name)).first():
        return None
    row = {"name": lane_.name, "epoch": 1, "holder": holder, "until": until}
    return c.execute(_insert(c)(lane).values(row).on_conflict_do_nothing().returning(lane.c.epoch)).scalar()


def _insert(c: Connection) -> Any:
    return (sqlite if c.raw.dialect.name == "sqlite" else postgresql).insert


def keep(c: Connection, lane_: Lane, epoch: int, until: str) -> None:
    """Still mine, for longer; Superseded when it is not. Part of every commit and said before every send."""
    mine = update(lane).where(lane.c.name == lane_.name, lane.c.epoch == epoch, lane.c.holder.is_not(None))
    if c.execute(mine.values(until=until)).rowcount == 0:
        raise Superseded(lane_.name)


def keep_all(c: Connection, held: Mapping[Lane, int], until: str) -> None:
    """Those of these leases that are still ours, for longer; one in the middle of a commit of its own needs no help."""
    names = [one.name for one in held]
    rows = c.execute(select(lane).where(lane.c.name.in_(names)).with_for_update(skip_locked=True)).all()
    epochs = {one.name: epoch for one, epoch in held.items()}
    ours = [row.name for row in rows if row.epoch == epochs[row.name] and row.holder is not None]
    c.execute(update(lane).where(lane.c.name.in_(ours)).values(until=until))


def let_go(c: Connection, lane_: Lane, epoch: int) -> None:
    """Free for others, if it is still mine."""
    c.execute(update(lane).where(lane.c.name == lane_.name, lane.c.epoch == epoch).values(holder=None, until=None))


def ask(c: Connection, lane_: Lane) -> None:
    """Somebody came with a wake while another had the lane. After this commit, try to ``take`` it again: either it is
    free now, or its holder finds the note when it lets go."""
    row = {"name": ASKED + lane_.name, "value": ""}
    c.execute(_insert(c)(fact).values(row).on_conflict_do_nothing())


def asked(c: Connection, lanes: Iterable[Lane]) -> list[Lane]:
    """Lanes that somebody came for while we had them; to be looked at after they were let go."""
    found = []
    for one in lanes:
        if c.execute(delete(fact).where(fact.c.name == ASKED + one.name)).rowcount:
            found.append(one)
    return found
