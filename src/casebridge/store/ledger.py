"""Messages: where each one stands, and what is to be done next."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, and_, exists, func, literal_column, or_, select, update

from casebridge.core.errors import CaseBridgeError
from casebridge.core.ids import new_id
from casebridge.store.connection import Connection
from casebridge.store.leases import Lane, line_of
from casebridge.store.tables import event, message


@dataclass(slots=True)
class Message:
    """One row of the ledger, its JSON columns read. Nobody changes one; frozen, it would take twice as long to make."""

    seq: int
    id: str
    direction: str
    partner: str
    kind: str
    stop: str
    state: str
    attempt: int
    due_at: str
    created_at: str
    external_id: str = ""
    order_key: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""
    who: str = ""
    correlation: str | None = None
    parent: str | None = None
    payload: str | None = None
    position: dict[str, Any] = field(default_factory=dict)
    map_name: str = ""
    map_digest: str = ""
    purpose: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    document: Any = None
    dispatch: str | None = None
    part: int = 0
    urgent: bool = False

    @property
    def our_id(self) -> str:
        """Of something sent: our id of the record that the partner gets."""
        return str(self.about.get("record") or self.about.get("activity") or self.about.get("referral"))


_FIELDS = tuple(Message.__dataclass_fields__)
_COLUMNS = [message.c[name] for name in _FIELDS]
_EMPTY = dict.fromkeys(c.name for c in message.columns if c.name != "seq") | {"attempt": 0, "part": 0, "urgent": False}
_NOTHING = dict.fromkeys(("message", "partner", "stop", "state", "code", "correlation"))
_WAITING: ColumnElement[str] = literal_column("'waiting'")  # as the partial indexes spell them
_HELD: ColumnElement[str] = literal_column("'held'")
_text = json.JSONEncoder(sort_keys=True).encode
_AS_THEY_COME = {"stream_results": True, "max_row_buffer": 100}  # PostgreSQL gives all rows at once otherwise
_ID, _PARENT = ("id",), ("parent",)
_PLACE = ("parent", "position")
_UNSENT = ("correlation", "stop", "state")
_WAKING = ("stop", "state", "due_at", "urgent")


def _message(c: Connection, row: Row[Any] | dict[str, Any]) -> Message:
    """``row``: its columns in our order, or by name (it has no number before it is written)."""
    named = isinstance(row, dict)
    values = {name: row.get(name, 0) for name in _FIELDS} if named else dict(zip(_FIELDS, row, strict=True))
    values["position"] = orjson.loads(values["position"] or "{}")
    values["about"] = orjson.loads(values["about"] or "{}")
    values["document"] = c.unpack(values["document"], "message", values["id"])
    for name in ("external_id", "order_key", "code", "reason", "remedy", "who", "map_name", "map_digest", "purpose"):
        values[name] = values[name] or ""
    return Message(**values)


def add(c: Connection, now: str, **values: Any) -> str | None:
    """Write a new message; None when the same position of the same parent is already there."""
    place, parent = values.pop("position", None), values.get("parent")
    position = placed(place) if parent or place else None
    known = c.rows(message)
    if parent and known.of(_PLACE, parent, position):
        return None
    document, about = values.pop("document", None), values.pop("about", None)
    id_ = values.pop("id", None) or new_id()
    row = {**_EMPTY, "id": id_, "position": position, "created_at": now, "updated_at": now, "due_at": now,
           "part": line_of(c, values["direction"], values.get("order_key")),
           "document": None if document is None else c.pack(document, "message", id_),
           "about": None if about is None else _text(about), **values}  # fmt: skip
    known.add(row)
    if not parent:
        known.none(_PARENT, id_)  # nothing was read of what came just now
    _wake(c, row, now)
    return str(row["id"])


def load_places(c: Connection, parent: str, places: Iterable[Mapping[str, Any]]) -> None:
    """Have at hand which of these positions of a payload were understood before."""
    known = c.rows(message)
    keys = [(parent, placed(place)) for place in places]
    if known.empty(_PARENT, parent):
        for key in keys:
            known.none(_PLACE, *key)
    else:
        known.load(_PLACE, keys)


def placed(place: Mapping[str, Any] | None) -> str:
    """A position as it is stored."""
    return _text(place or {})


def change(c: Connection, message_: Message, now: str, **values: Any) -> None:
    """Move a message; a reason that is over is wiped unless a new one is given."""
    values = {"code": None, "reason": None, "remedy": None, "who": None, **values}
    if values.get("document") is not None:
        values["document"] = c.pack(values["document"], "message", message_.id)
    if "about" in values:
        values["about"] = _text(values["about"])
    c.rows(message).patch((message_.id,), updated_at=now, **values)
    if not values.keys().isdisjoint(_WAKING):
        was = {name: getattr(message_, name) for name in ("stop", "state", "partner", "part", "urgent", "due_at")}
        _wake(c, {**was, **values}, now)


def _wake(c: Connection, row: Mapping[str, Any], now: str) -> None:
    if row["state"] == "waiting" and row["stop"] != "deliver" and row["due_at"] <= now:
        c.woken.add(Lane(row["stop"], row["partner"], row["part"], row["urgent"]))


def why(error: CaseBridgeError) -> dict[str, str]:
    """The columns that say why a message is held."""
    who = getattr(error, "who", "it")
    return {"code": error.code, "reason": error.message if hasattr(error, "message") else str(error),
            "remedy": error.remedy, "who": who}  # fmt: skip


def get(c: Connection, id_: str) -> Message | None:
    """One message by its id."""
    row = c.rows(message).one(_ID, id_)
    return _message(c, row) if row else None


def locked(c: Connection, id_: str) -> Message | None:
    """One message by its id; nobody else changes it before we commit."""
    c.execute(select(message.c.id).where(message.c.id == id_).with_for_update()).all()
    return get(c, id_)


BYTES = 4 * 1024 * 1024
"""Of documents that are worked on together: they lie in memory several times over."""


def work(c: Connection, lane: Lane, now: str, limit: int = 500) -> list[Message]:
    """Due messages of a lane in order of arrival; each waits behind an unfinished earlier one of its own key. Fewer
    than ``limit`` when their documents are long."""
    earlier = message.alias()
    behind = exists().where(
        earlier.c.direction == message.c.direction, earlier.c.partner == message.c.partner,
        earlier.c.order_key == message.c.order_key, earlier.c.seq < message.c.seq,
        earlier.c.state.in_((_WAITING, _HELD)),
        or_(earlier.c.state == "held", earlier.c.stop != message.c.stop, earlier.c.due_at > now,
            earlier.c.urgent != message.c.urgent, earlier.c.part != message.c.part),
    )  # fmt: skip
    query = select(*_COLUMNS).where(
        message.c.stop == lane.stop, message.c.partner == lane.partner, message.c.urgent == lane.urgent,
        message.c.part == lane.part, message.c.state == _WAITING,
        func.coalesce(message.c.due_at, "") <= now,  # so that the index of the line is walked, in its order
        or_(message.c.order_key.is_(None), ~behind),
    )  # fmt: skip
    found: list[Message] = []
    size = 0
    with c.execute(query.order_by(message.c.seq).limit(limit).execution_options(**_AS_THEY_COME)) as rows:
        for row in rows:
            found.append(_message(c, row))
            size += len(row.document or b"")
            if size >= BYTES:
                break
    return found


def hurry(c: Connection, partner: str, keys: Iterable[str]) -> None:
    """What came in before with these keys and still waits to be applied is urgent from now on."""
    where = (message.c.direction == "in", message.c.partner == partner, message.c.order_key.in_(sorted(keys)),
             message.c.state.in_((_WAITING, _HELD)),  # as its index is spelled
             message.c.state == _WAITING, message.c.stop == "apply")  # fmt: skip
    c.execute(update(message).where(*where).values(urgent=True))


def still_there(c: Connection, lane: Lane, messages: Sequence[Message]) -> list[Message]:
    """Those of these messages that still wait in the lane in which they were read: none was hurried or dropped
    meanwhile, nor will be before we commit."""
    query = select(message.c.id).where(
        message.c.id.in_([m.id for m in messages]), message.c.state == _WAITING, message.c.stop == lane.stop,
        message.c.urgent == lane.urgent).with_for_update()  # fmt: skip
    there = set(c.execute(query).scalars())
    return [m for m in messages if m.id in there]


def bring_forward(c: Connection, partner: str, now: str) -> None:
    """Outgoing messages of a partner that wait for its next dispatch are due now."""
    where = (message.c.direction == "out", message.c.partner == partner, message.c.state == "waiting",
             message.c.stop == "prepare", message.c.due_at > now)  # fmt: skip
    c.execute(update(message).where(*where).values(due_at=now))


def of_dispatches(c: Connection, ids: Sequence[str]) -> dict[str, list[Message]]:
    """The messages in each dispatch, in the order they were rendered."""
    query = select(*_COLUMNS).where(message.c.dispatch.in_(ids)).order_by(message.c.seq)
    found: dict[str, list[Message]] = {}
    for row in c.execute(query) if ids else ():
        found.setdefault(row.dispatch, []).append(_message(c, row))
    return found


def listed(c: Connection, **where: Any) -> list[Message]:
    """Messages whose columns equal the given values, oldest first."""
    said = (message.c[k] == (_HELD if v == "held" else v) for k, v in where.items())
    query = select(*_COLUMNS).where(and_(True, *said)).order_by(message.c.seq + 0)  # sorted: not all of them walked
    return [_message(c, row) for row in c.execute(query)]


def of_payload(c: Connection, parent: str) -> list[Message]:
    """The messages of the records of a payload, in their order."""
    return [_message(c, row) for row in c.rows(message).of(_PARENT, parent)]


def page(c: Connection, limit: int, offset: int = 0, *, newest: bool = False, **where: Any) -> list[Message]:
    """Some of ``listed``, for a page; with ``newest`` the latest first."""
    query = select(*_COLUMNS).where(and_(True, *(message.c[k] == v for k, v in where.items())))
    order = message.c.seq.desc() if newest else message.c.seq
    return [_message(c, row) for row in c.execute(query.order_by(order).limit(limit).offset(offset))]


def tally(c: Connection, *names: str, **where: Any) -> dict[tuple[str, ...], int]:
    """How many messages there are by the named columns, of those whose columns equal the given values."""
    columns = [message.c[name] for name in names]
    query = select(*columns, func.count()).where(and_(True, *(message.c[k] == v for k, v in where.items())))
    return {tuple(v or "" for v in row[:-1]): row[-1] for row in c.execute(query.group_by(*columns))}


def waiting_out(c: Connection, partner: str, about: Mapping[str, Any], correlation: str) -> str | None:
    """An outgoing message about the same thing that has not been prepared yet: it will carry today's state anyway.

    One that another worker is preparing at this moment is waited for: it may carry the state of before.
    """
    said = _text(about)
    rows = c.rows(message).of(_UNSENT, correlation, "prepare", "waiting")
    mine = (str(r["id"]) for r in rows if r["partner"] == partner and r["about"] == said)
    return next((id_ for id_ in mine if _still_waits(c, id_)), None)


def _still_waits(c: Connection, id_: str) -> bool:
    """Where others write at the same time (PostgreSQL): does it, and will it until we commit?"""
    if c.raw.dialect.name == "sqlite":
        return True
    here = (message.c.id == id_, message.c.stop == "prepare", message.c.state == _WAITING)
    return c.execute(select(message.c.id).where(*here).with_for_update()).first() is not None


def nothing_unsent(c: Connection, correlation: str) -> None:
    """Known without looking: of a referral that began just now nothing waits."""
    c.rows(message).none(_UNSENT, correlation, "prepare", "waiting")


def load_unsent(c: Connection, correlations: Iterable[str]) -> None:
    """Have at hand what waits to be told about these referrals."""
    c.rows(message).load(_UNSENT, [(id_, "prepare", "waiting") for id_ in correlations])


def counts(c: Connection, parent: str) -> dict[str, int]:
    """How many of a file's records are in which state: in = done + held + skipped + waiting + dropped."""
    query = select(message.c.state, func.count()).where(message.c.parent == parent).group_by(message.c.state)
    return {row[0]: row[1] for row in c.execute(query)}


def note(c: Connection, now: str, name: str, message_: Message | None = None, **values: Any) -> None:
    """Write an event; never personal data."""
    facts = values.pop("facts", {})
    if message_ is not None:
        values = {"message": message_.id, "partner": message_.partner, "stop": message_.stop,
                  "correlation": message_.correlation, **values}  # fmt: skip
    said = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()
    c.add(event, {**_NOTHING, "at": now, "name": name, "facts": said, **values})


def first_event(c: Connection, name: str, partner: str, after: str) -> str | None:
    """When the first event of this name about a partner was after a moment."""
    query = select(func.min(event.c.at)).where(event.c.name == name, event.c.partner == partner, event.c.at > after)
    return c.execute(query).scalar()


def events(c: Connection, **where: Any) -> list[dict[str, Any]]:
    """Events whose columns equal the given values, oldest first."""
    query = select(event).where(and_(True, *(event.c[k] == v for k, v in where.items()))).order_by(event.c.seq)
    return [{**row._mapping, "facts": json.loads(row.facts)} for row in c.execute(query)]
