"""What a replay is to take up, how far it is, and what stands in its way."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from casebridge.store import ledger
from casebridge.store.connection import Connection
from casebridge.store.ledger import Message
from casebridge.store.tables import fact, message

NAME = "replay"
"""In ``fact``: the replay that has not come to its end. There is one at a time."""
OVER = ("done", "skipped", "shown")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages: what is empty does not matter. ``since`` and ``until`` are moments (ISO, UTC) they came at;
    ``done`` takes in what went through, was passed over or only shown."""

    ids: tuple[str, ...] = ()
    partner: str = ""
    code: str = ""
    stop: str = ""
    kind: str = ""
    direction: str = ""
    who: str = ""
    file: str = ""
    since: str = ""
    until: str = ""
    done: bool = False
    held: bool = True

    def where(self) -> list[ColumnElement[bool]]:
        """As conditions on the ledger. A file that was read is no message to replay: its records are."""
        states = (*(("held",) if self.held else ()), *(OVER if self.done else ()))
        found: list[ColumnElement[bool]] = [message.c.state.in_(states)]
        if self.done:
            found.append((message.c.kind != "payload") | (message.c.state == "held"))
        if self.ids:
            found.append(message.c.id.in_(self.ids))
        named = {"partner": self.partner, "code": self.code, "stop": self.stop, "kind": self.kind,
                 "direction": self.direction, "who": self.who, "parent": self.file}  # fmt: skip
        found += [message.c[name] == value for name, value in named.items() if value]
        found += [message.c.created_at >= self.since] if self.since else []
        return found + ([message.c.created_at < self.until] if self.until else [])


@dataclass(frozen=True, slots=True)
class Run:
    """A replay under way: how it was asked for, the ledger's last number when it began, and the last one done."""

    id: str
    selection: Selection
    wish: dict[str, Any]
    last: int
    total: int
    after: int = 0
    counts: dict[str, int] | None = None


def count(c: Connection, selection: Selection) -> tuple[int, int]:
    """How many messages it takes up, and the ledger's last number among them."""
    row = c.execute(select(func.count(), func.max(message.c.seq)).where(*selection.where())).one()
    return row[0], row[1] or 0


def page(c: Connection, selection: Selection, after: int, last: int, limit: int) -> list[Message]:
    """The next ones, in the order they came."""
    where = (*selection.where(), message.c.seq > after, message.c.seq <= last)
    ids = c.execute(select(message.c.id).where(*where).order_by(message.c.seq).limit(limit)).scalars().all()
    return [found for id_ in ids if (found := ledger.get(c, id_)) is not None]


def keep(c: Connection, run: Run) -> None:
    """Write down how far it is."""
    value = json.dumps(asdict(run))
    if c.execute(update(fact).where(fact.c.name == NAME).values(value=value)).rowcount == 0:
        c.execute(insert(fact).values(name=NAME, value=value))


def end(c: Connection) -> None:
    """It came to its end, or is given up."""
    c.execute(delete(fact).where(fact.c.name == NAME))


def unfinished(c: Connection) -> Run | None:
    """The replay that was broken off."""
    value = c.execute(select(fact.c.value).where(fact.c.name == NAME)).scalar()
    if value is None:
        return None
    said = json.loads(value)
    chosen = said["selection"]
    return Run(**{**said, "selection": Selection(**{**chosen, "ids": tuple(chosen["ids"])})})


def about(said: Message) -> dict[str, Any]:
    """What an outgoing message is about, whether it is sent again or not."""
    return {name: value for name, value in said.about.items() if name not in ("again", "also")}


def told_later(c: Connection, said: Message) -> str | None:
    """A later message that tells the same partner of the same thing: it carries what this one would, or newer."""
    where = (message.c.correlation == said.correlation, message.c.partner == said.partner,
             message.c.direction == "out", message.c.seq > said.seq,
             message.c.state.in_(("waiting", "held", "done", "shown")))  # fmt: skip
    later = (ledger.get(c, id_) for id_ in c.execute(select(message.c.id).where(*where)).scalars().all())
    return next((m.id for m in later if m and m.kind == said.kind and about(m) == about(said)), None)


def told(c: Connection, correlation: str) -> list[Message]:
    """What partners were told of a referral: of each thing the last message."""
    found = ledger.listed(c, correlation=correlation, direction="out", stop="deliver", state="done")
    last = {(m.partner, m.kind, json.dumps(about(m), sort_keys=True)): m for m in found}
    return sorted(last.values(), key=lambda m: m.seq)
