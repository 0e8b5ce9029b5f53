"""Lanes and the fenced leases on them: who works on what.

A lane is (stop, destination, part); urgent work has a lane of its own. Whoever takes a lane over raises its epoch, and
every commit of a worker says the epoch it began with: one that was superseded commits nothing more, whatever the
clocks say. The clock only decides how soon a lane whose worker fell silent is taken over.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from sqlalchemy import Connection, insert, or_, select, update

from casebridge.store.tables import lane

PARTS = 4
"""Lanes of one destination: as many of its clients' queues may be worked on at once."""


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """An ordered queue. ``stop`` is accept, understand, apply, prepare or deliver."""

    stop: str
    partner: str
    part: int = 0
    urgent: bool = False

    @property
    def name(self) -> str:
        """``deliver/food-bank/2`` or ``deliver/food-bank/2/urgent``."""
        return "/".join([self.stop, self.partner, str(self.part)] + ["urgent"] * self.urgent)


def part_of(direction: str, order_key: str | None) -> int:
    """Which part of its destination's clients a message belongs to; what comes in is one queue a partner."""
    return zlib.crc32(order_key.encode()) % PARTS if direction == "out" and order_key else 0


class Superseded(Exception):
    """Another worker took the lane over: commit nothing, send nothing more."""


def take(c: Connection, lane_: Lane, holder: str, now: str, until: str) -> int | None:
    """The epoch under which ``holder`` has the lane until ``until``; None while somebody else has it."""
    mine = update(lane).where(lane.c.name == lane_.name, or_(lane.c.holder.is_(None), lane.c.until <= now))
    if c.execute(mine.values(epoch=lane.c.epoch + 1, holder=holder, until=until)).rowcount:
        return int(c.execute(select(lane.c.epoch).where(lane.c.name == lane_.name)).scalar_one())
    known = c.execute(select(lane.c.epoch).where(lane.c.name == lane_.name)).scalar()
    if known is not None:
        return None
    c.execute(insert(lane).values(name=lane_.name, epoch=1, holder=holder, until=until))
    return 1


def keep(c: Connection, lane_: Lane, epoch: int, until: str) -> None:
    """Still mine, for longer; Superseded when it is not. Part of every commit and said before every send."""
    mine = update(lane).where(lane.c.name == lane_.name, lane.c.epoch == epoch, lane.c.holder.is_not(None))
    if c.execute(mine.values(until=until)).rowcount == 0:
        raise Superseded(lane_.name)


def let_go(c: Connection, lane_: Lane, epoch: int) -> None:
    """Free for others, if it is still mine."""
    c.execute(update(lane).where(lane.c.name == lane_.name, lane.c.epoch == epoch).values(holder=None, until=None))
