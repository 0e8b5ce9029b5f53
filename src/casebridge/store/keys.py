"""Which keys the rows of a store lie under, and whether they are at hand: said before anything is read or written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
)

from casebridge.core.errors import SetupError
from casebridge.store.box import AS_IS, MAGIC, PLAIN, Box
from casebridge.store.connection import Connection
from casebridge.store.sealed import Key
from casebridge.store.tables import (
    dispatch_file,
    fact,
    identifier,
    message,
    payload_part,
    record,
    referral_event,
    remote,
    resource,
    resource_key,
    subscription,
)  # fmt: skip

if TYPE_CHECKING:
    from casebridge.store.database import Store

KIND = "key/"  # in ``fact``: id of a key -> its mark
BATCH = 5000
CLOSED: tuple[tuple[Column[Any], tuple[str, ...]], ...] = (
    (payload_part.c.data, ("payload", "number")),
    (message.c.document, ("id",)),
    (dispatch_file.c.data, ("dispatch", "number")),
    (record.c.document, ("id",)),
    (referral_event.c.document, ("referral", "sequence")),
    (remote.c.original, ("partner", "kind", "our_id")),
    (resource.c.document, ("partner", "type", "id")),
    (subscription.c.document, ("partner", "id")),
)
"""Every column that goes through the box, and the columns that name its place."""
BLINDED: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (identifier, ("source", "external_id", "system")),
    (resource_key, ("partner", "type", "name", "id")),
)
"""Every table whose ``value`` is searched by, and the columns that say what it is a value of."""


def check(store: Store) -> None:
    """At the start: is every key at hand that rows lie under, and is each the one that closed them?

    SetupError CB-133 for another key of the same id, CB-134 for one that is missing. A key that nothing lies under
    any more is forgotten, with what it made of identifiers.
    """
    box = store.box
    with store.read() as c:
        known = marks(c)
        if not known and _anything(c):
            known = {PLAIN: ""}  # written before there were keys
        compare(known, box)
        gone = [id_ for id_ in known if id_ not in box.keys]
        missing = next((id_ for id_ in gone if left(c, id_, box.keys)), None)
        if missing is not None:
            raise SetupError("CB-134", f"rows of this store lie {_under(missing)}", remedy=_remedy(missing))
    for id_ in gone:
        _forget(store, id_, [*known, *box.keys])
    new = {id_: box.mark(id_) for id_ in box.keys if id_ not in known}
    if new:
        with store.write(one_worker=True) as c:
            there = marks(c)
            for id_ in new.keys() - there.keys():
                c.execute(insert(fact).values(name=KIND + id_, value=new[id_]))


def compare(known: Mapping[str, str], box: Box) -> None:
    """Is each key that is at hand the one whose mark is known? SetupError CB-133 when it is another of the same id."""
    for id_, mark in known.items():
        if id_ in box.keys and box.mark(id_) != mark:
            raise SetupError("CB-133", f"store.keys: {id_} is not the key that closed these rows")


def demand(known: Mapping[str, str], box: Box) -> None:
    """Raises SetupError CB-133 or CB-134 unless all these keys are at hand."""
    compare(known, box)
    for id_ in known.keys() - set(box.keys):
        raise SetupError("CB-134", f"rows lie {_under(id_)}", remedy=_remedy(id_))


def marks(c: Connection) -> dict[str, str]:
    """The keys that rows of the store may lie under, with their marks."""
    rows = c.execute(select(fact).where(fact.c.name.startswith(KIND, autoescape=True)))
    return {row.name.removeprefix(KIND): row.value for row in rows}


def under(column: ColumnElement[Any], id_: str) -> ColumnElement[bool]:
    """Rows whose document lies under this key."""
    head = Key(id_).head
    if id_ != PLAIN:
        return _begins(column, head)
    return or_(~_begins(column, MAGIC), _begins(column, AS_IS))


def _begins(column: ColumnElement[Any], head: bytes) -> ColumnElement[bool]:
    return func.substr(column, 1, len(head), type_=LargeBinary) == head


def blinded(id_: str, ids: Iterable[str], table: Any) -> ColumnElement[bool]:
    """Rows of a blinded table made with this key, where ``ids`` are all there are."""
    if id_ != PLAIN:
        return _made(table, id_)
    return and_(True, *(~_made(table, other) for other in ids if other != PLAIN))


def _made(table: Any, id_: str) -> ColumnElement[bool]:
    return cast("ColumnElement[bool]", table.c.value.startswith(f"#{id_}:", autoescape=True))


def left(c: Connection, id_: str, others: Sequence[str]) -> bool:
    """Does a document lie under this key, or what is searched by, that none of the ``others`` has made, too?"""
    if any(c.execute(select(exists().where(under(column, id_)))).scalar() for column, _ in CLOSED):
        return True
    return any(_alone(c, table, of, id_, others) for table, of in BLINDED)


def _alone(c: Connection, table: Table, of: tuple[str, ...], id_: str, others: Sequence[str]) -> bool:
    other = table.alias()
    same = [other.c[name] == table.c[name] for name in of]
    made = or_(*(blinded(one, (id_, *others), other) for one in others))
    mine = blinded(id_, (id_, *others), table)
    return bool(c.execute(select(exists().where(mine, ~exists().where(*same, made)))).scalar())


def _anything(c: Connection) -> bool:
    return any(c.execute(select(exists().where(column.is_not(None)))).scalar() for column, _ in CLOSED)


def _forget(store: Store, id_: str, ids: list[str]) -> None:
    """Take away what a key made of what is searched by, then its mark."""
    for table, of in BLINDED:
        key = tuple_(*(table.c[name] for name in (*of, "value")))
        some = select(*key.clauses).where(blinded(id_, ids, table)).limit(BATCH)
        gone = BATCH
        while gone:
            with store.write() as c:
                gone = c.execute(delete(table).where(key.in_(some))).rowcount
    with store.write() as c:
        c.execute(delete(fact).where(fact.c.name == KIND + id_))


def _under(id_: str) -> str:
    return "open, without a key" if id_ == PLAIN else f"under the key {id_}, which is not at hand"


def _remedy(id_: str) -> str:
    """What to do about a key that is missing."""
    line = f"`{PLAIN}`" if id_ == PLAIN else f"with the key {id_}"
    return (f"Add the line {line} at the end of the file that [store] keys names, start again, run casebridge store "
            "rekey, and take the line away when it says that nothing is left under it.")  # fmt: skip
