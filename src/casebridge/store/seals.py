"""The rows of the ledger as a seal sees them, and the seals themselves.

A row's text is JSON of all its columns that are not empty, but its number: which number it stands under is the seal's
own to say, so that two rows that changed places are told from two that were changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from casebridge.store.database import Connection
from casebridge.store.tables import disclosure, event, seal

COLUMNS = ("at", "name", "message", "partner", "stop", "state", "code", "correlation", "facts")
"""All of an event but its number. A column that is added later goes to the end: rows without it keep their text."""
BOOK = ("id", "at", "effect", "client", "message", "correlation", "recipient", "purpose", "permitted", "withheld",
        "rules", "accountable", "policy")  # fmt: skip
"""All of a disclosure but ``delivered_at``, which is written later and stands in the ledger as an event of its own."""
PAGE = 500
_WRITERS = text("""
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND relation = 'event'::regclass AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""")


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain over the events ``first`` to ``last`` (numbers without a row among them are possible)."""

    number: int
    first: int
    last: int
    rows: int
    at: str
    key: str
    digest: str
    tags: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """An event: its number, its text, and what the ledger must know of it."""

    seq: int
    text: bytes
    name: str
    facts: str


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A row of the book of disclosures, as far as the ledger knows it; ``digest`` is over all else."""

    digest: str
    message: str | None
    effect: str
    at: str
    delivered_at: str | None


def last(c: Connection) -> Seal | None:
    """The newest seal."""
    row = c.execute(select(seal).order_by(seal.c.number.desc()).limit(1)).first()
    return Seal(**row._mapping) if row else None


def listed(c: Connection, after: int = -1, limit: int = PAGE, until: int | None = None) -> list[Seal]:
    """Seals in order, those with a number above ``after`` and up to ``until``."""
    query = select(seal).where(seal.c.number > after).order_by(seal.c.number).limit(limit)
    if until is not None:
        query = query.where(seal.c.number <= until)
    return [Seal(**row._mapping) for row in c.execute(query)]


def digests(c: Connection, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
    """(last, digest) of these seals, of those that are there."""
    query = select(seal.c.number, seal.c.last, seal.c.digest).where(seal.c.number.in_(numbers))
    return {row.number: (row.last, row.digest) for row in c.execute(query)}


def newest_before(c: Connection, at: str) -> int | None:
    """The number of the last seal made before a moment."""
    return c.execute(select(func.max(seal.c.number)).where(seal.c.at < at)).scalar()


def add(c: Connection, made: Seal) -> bool:
    """Append a seal; False when somebody else has made one meanwhile."""
    before = c.execute(select(func.max(seal.c.number))).scalar() or 0
    if made.number != before + 1:
        return False
    insert = postgresql.insert if c.raw.dialect.name == "postgresql" else sqlite.insert
    new = insert(seal).values(**asdict(made)).on_conflict_do_nothing().returning(seal.c.number)
    return c.execute(new).first() is not None


def entries(c: Connection, first: int, until: int | None = None, limit: int | None = None) -> list[Entry]:
    """Events from the number ``first`` on, in order."""
    where: list[ColumnElement[bool]] = [event.c.seq >= first]
    if until is not None:
        where.append(event.c.seq <= until)
    rows = c.execute(select(event).where(*where).order_by(event.c.seq).limit(limit))
    return [_entry(row._mapping) for row in rows]


def pages(c: Connection, names: Sequence[str]) -> Iterator[list[Entry]]:
    """All events of these names, in order, a page at a time."""
    seq = -1
    while rows := c.execute(
        select(event).where(event.c.name.in_(names), event.c.seq > seq).order_by(event.c.seq).limit(PAGE)
    ).all():
        yield [_entry(row._mapping) for row in rows]
        seq = rows[-1].seq


def entry_of(c: Connection, name: str) -> Entry | None:
    """The newest event of a name."""
    row = c.execute(select(event).where(event.c.name == name).order_by(event.c.seq.desc()).limit(1)).first()
    return _entry(row._mapping) if row else None


def numbers_before(c: Connection, seq: int, limit: int) -> list[int]:
    """The numbers of events below ``seq``."""
    query = select(event.c.seq).where(event.c.seq < seq).order_by(event.c.seq).limit(limit)
    return list(c.execute(query).scalars())


def after(c: Connection, seq: int) -> tuple[int, str]:
    """How many events have a number above ``seq``, and when the first of them was written."""
    counted = select(func.count().label("rows"), func.min(event.c.at).label("since"))
    row = c.execute(counted.where(event.c.seq > seq)).one()
    return row.rows, row.since or ""


def writers(c: Connection) -> frozenset[str]:
    """Transactions that may have taken a number for an event and are not over.

    On PostgreSQL a number is taken before its row can be seen, so a higher one may be seen first. Whoever adds an
    event holds a lock on the table from before that until its end. SQLite has one writer: numbers appear in order.
    """
    if c.raw.dialect.name != "postgresql":
        return frozenset()
    return frozenset(c.execute(_WRITERS).scalars())


def erase(c: Connection, until: Seal) -> int:
    """Take away the events up to a seal's last and the seals before it; how many events."""
    c.execute(delete(seal).where(seal.c.number < until.number))
    return c.execute(delete(event).where(event.c.seq <= until.last)).rowcount


# --- the book of disclosures ---------------------------------------------------------------------------------


def book_digest(row: Mapping[Any, Any]) -> str:
    """What the ledger keeps of one disclosure: SHA-256 over all that is never written again."""
    return hashlib.sha256(_text(row, BOOK)).hexdigest()


def disclosed(c: Connection, ids: Sequence[str]) -> dict[str, Disclosed]:
    """These rows of the book, those that are there."""
    rows = (row._mapping for row in c.execute(select(disclosure).where(disclosure.c.id.in_(ids))))
    named = ("message", "effect", "at", "delivered_at")
    return {row["id"]: Disclosed(book_digest(row), *(row[name] for name in named)) for row in rows}


def deliveries(c: Connection, messages: Sequence[str]) -> dict[str, set[str]]:
    """When the ledger says that each of these messages was delivered."""
    query = select(event.c.message, event.c.at).where(event.c.message.in_(messages), event.c.name == "delivered")
    found: dict[str, set[str]] = {}
    for row in c.execute(query):
        found.setdefault(row.message, set()).add(row.at)
    return found


def last_released(c: Connection, messages: Sequence[str]) -> set[str]:
    """The newest release of each of these messages, by its id."""
    where = (disclosure.c.message.in_(messages), disclosure.c.effect == "released")
    return set(c.execute(select(func.max(disclosure.c.id)).where(*where).group_by(disclosure.c.message)).scalars())


def disclosure_ids(c: Connection) -> Iterator[list[str]]:
    """All of them, a page at a time."""
    known = ""
    while page := list(c.execute(_ids_after(known)).scalars()):
        yield page
        known = page[-1]


def _ids_after(known: str) -> Any:
    return select(disclosure.c.id).where(disclosure.c.id > known).order_by(disclosure.c.id).limit(PAGE)


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(row["seq"], _text(row, COLUMNS), row["name"], row["facts"])


def _text(row: Mapping[Any, Any], columns: Sequence[str]) -> bytes:
    return orjson.dumps({name: row[name] for name in columns if row[name] is not None})
