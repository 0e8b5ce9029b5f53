"""Where records wait between reading and writing: SQLite's own temporary database, gone when it is closed."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from casebridge.adapter import Native
from casebridge.core.jsontext import dumps, loads

CACHE_KIB = 16_384  # pages beyond this go to the temporary file
_TABLES = """
CREATE TABLE record (kind TEXT, external_id TEXT, subject TEXT, position TEXT, data BLOB, source INTEGER,
                     UNIQUE (kind, external_id));
CREATE INDEX about ON record (subject, kind);
CREATE INDEX came_in ON record (source);
CREATE TABLE earlier (kind TEXT, external_id TEXT, subject TEXT, position TEXT, data BLOB, source INTEGER);
CREATE INDEX earlier_of ON earlier (kind, external_id);
CREATE INDEX earlier_in ON earlier (source);
CREATE TABLE left_out (kind TEXT, external_id TEXT, why TEXT, UNIQUE (kind, external_id));
CREATE TABLE held (source INTEGER PRIMARY KEY);
CREATE TABLE name (kind TEXT, external_id TEXT, native_type TEXT, key TEXT, reference TEXT, UNIQUE (kind, external_id));
CREATE TABLE there (native_type TEXT, key TEXT, data BLOB, UNIQUE (native_type, key));
CREATE TABLE known (system TEXT, value TEXT, native_type TEXT, key TEXT);
CREATE INDEX by_identifier ON known (system, value);
CREATE TABLE enrolled (person TEXT, native_type TEXT, key TEXT, entry TEXT);
CREATE INDEX by_person ON enrolled (person);
CREATE TABLE met (external_id TEXT UNIQUE, key TEXT);
CREATE TABLE document (native_type TEXT, key TEXT, position TEXT, data BLOB, needs BLOB, kind TEXT, external_id TEXT,
                       refused INTEGER, UNIQUE (native_type, key));
CREATE TABLE need (native_type TEXT, key TEXT, number INTEGER);
CREATE INDEX needed ON need (native_type, key);
CREATE TABLE carried (kind TEXT, external_id TEXT, UNIQUE (kind, external_id));
"""
_DOCUMENT = "rowid, native_type, key, position, data, needs, kind, external_id"


@dataclass(frozen=True, slots=True)
class Kept:
    """One case record: ``external_id`` and ``subject`` are the source's ids, ``position`` says where it stood, and
    ``source`` is the number of the source record it came in."""

    kind: str
    external_id: str
    subject: str
    position: str
    data: dict[str, Any]
    source: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """What a record is called on the other side: its native type, its key there, and how others refer to it."""

    native_type: str
    key: str
    reference: str


@dataclass(frozen=True, slots=True)
class Document:
    """One document made for the other side; ``number`` tells it from all others, ``needs`` are the (native type, key)
    of those it refers to, ``kind`` and ``external_id`` name the case record it was made of."""

    number: int
    native_type: str
    key: str
    position: str
    data: dict[str, Any]
    needs: list[list[str]]
    kind: str
    external_id: str


class Shelf:
    """Case records by kind and id, then the documents made of them. Small ones stay in memory, large ones spill.

    ``heading`` is the record in which the source file speaks of itself (``Headed``).
    """

    def __init__(self) -> None:
        self.heading: Native | None = None
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.create_function("field", 2, lambda data, name: unpacked(data).get(name), deterministic=True)
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")

    def keep(self, kept: Kept) -> bool:
        """Keep a record; a later one of the same id takes its place. False when there was one."""
        row = (kept.kind, kept.external_id, kept.subject, kept.position, packed(kept.data), kept.source)
        if self.run("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?)", *row).rowcount:
            return True
        key = (kept.kind, kept.external_id)
        self.run("INSERT INTO earlier SELECT * FROM record WHERE kind = ? AND external_id = ?", *key)
        self.run("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)", *row)
        return False

    def record(self, kind: str, external_id: str) -> Kept | None:
        """One record by the source's id."""
        row = self._one("SELECT * FROM record WHERE kind = ? AND external_id = ?", kind, external_id)
        return None if row is None else _kept(row)

    def records(self, kind: str) -> Iterator[Kept]:
        """Every record of a kind, in the order they came."""
        for row in self._db.execute("SELECT * FROM record WHERE kind = ? ORDER BY rowid", (kind,)):
            yield _kept(row)

    def versions(self, kind: str) -> Iterator[Kept]:
        """Every record of a kind, and what earlier source records said of it."""
        sql = "SELECT * FROM record WHERE kind = ?1 UNION ALL SELECT * FROM earlier WHERE kind = ?1"
        for row in self.run(sql, kind):
            yield _kept(row)

    def replaced(self) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        """(kind, before, after) where a later record of the same id took the place of one that said otherwise."""
        sql = """SELECT kind, e.data, r.data FROM earlier AS e JOIN record AS r USING (kind, external_id)
                 WHERE e.data <> r.data"""
        for kind, before, after in self.run(sql):
            yield kind, unpacked(before), unpacked(after)

    def about(self, subject: str, kind: str) -> list[Kept]:
        """The records of a kind about one person."""
        sql = "SELECT * FROM record WHERE subject = ? AND kind = ? ORDER BY rowid"
        return [_kept(row) for row in self._db.execute(sql, (subject, kind))]

    def kinds(self) -> dict[str, int]:
        """How many records there are of each kind."""
        return dict(self._db.execute("SELECT kind, count(*) FROM record GROUP BY kind ORDER BY min(rowid)"))

    def call(self, kept: Kept, name: Name) -> None:
        """Give a record its name on the other side."""
        row = (kept.kind, kept.external_id, name.native_type, name.key, name.reference)
        self._db.execute("INSERT OR REPLACE INTO name VALUES (?, ?, ?, ?, ?)", row)

    def name(self, kind: str, external_id: str) -> Name | None:
        """What a record is called on the other side; None when it is not written there."""
        sql = "SELECT native_type, key, reference FROM name WHERE kind = ? AND external_id = ?"
        row = self._one(sql, kind, external_id)
        return None if row is None else Name(*row)

    def write(self, name: Name, kept: Kept, document: dict[str, Any], needs: Iterable[Name] = ()) -> bool:
        """Keep a document made for the other side; False, and nothing kept, when one of that name is there."""
        around = [[n.native_type, n.key] for n in needs]
        row = (name.native_type, name.key, kept.position, packed(document), packed(around), kept.kind, kept.external_id)
        made = self.run("INSERT OR IGNORE INTO document VALUES (?, ?, ?, ?, ?, ?, ?, 0)", *row)
        if made.rowcount != 1:
            return False
        self._db.executemany("INSERT INTO need VALUES (?, ?, ?)", [(*one, made.lastrowid) for one in around])
        return True

    def leave_out(self, kind: str, external_id: str, why: str = "") -> None:
        """This record is not to be written; see :mod:`casebridge.translating.holding`."""
        self.run("INSERT OR IGNORE INTO left_out VALUES (?, ?, ?)", kind, external_id, why)

    def start_again(self) -> None:
        """Forget what was made of the records; they themselves, and what is there already, stay."""
        for table in ("name", "document", "need", "carried", "met"):
            self.run(f"DELETE FROM {table}")  # noqa: S608  five names, no text of anybody's

    def carry(self, kept: Kept) -> None:
        """A record has gone along in another one's document."""
        self._db.execute("INSERT OR IGNORE INTO carried VALUES (?, ?)", (kept.kind, kept.external_id))

    def nameless(self) -> dict[str, int]:
        """How many records of each kind have no name there, and have not gone along either."""
        sql = """SELECT kind, count(*) FROM record WHERE (kind, external_id) NOT IN (SELECT kind, external_id FROM name)
                 AND (kind, external_id) NOT IN (SELECT kind, external_id FROM carried)
                 GROUP BY kind ORDER BY min(rowid)"""
        return dict(self.run(sql))

    def refuse(self, document: Document) -> bool:
        """The target cannot hold this document: its record is left out. False when that was known."""
        self.leave_out(document.kind, document.external_id)
        sql = "UPDATE document SET refused = 1 WHERE rowid = ? AND NOT refused"
        return self.run(sql, document.number).rowcount == 1

    def refused(self, native_type: str, key: str) -> bool:
        """Is there such a document, and was it refused?"""
        row = self._one("SELECT refused FROM document WHERE native_type = ? AND key = ?", native_type, key)
        return row is not None and bool(row[0])

    def hanging_on(self, document: Document) -> list[int]:
        """The numbers of documents that refer to this one and were not refused."""
        sql = """SELECT DISTINCT number FROM need AS n JOIN document AS d ON d.rowid = n.number
                 WHERE n.native_type = ? AND n.key = ? AND NOT d.refused ORDER BY number"""
        return [number for (number,) in self.run(sql, document.native_type, document.key)]

    def numbers(self) -> Iterator[int]:
        """The numbers of all documents that were not refused, in the order written."""
        return (row[0] for row in self.run("SELECT rowid FROM document WHERE NOT refused ORDER BY rowid"))

    def documents(self) -> Iterator[Document]:
        """All documents that were not refused, as they are when they are asked for."""
        return map(self.numbered, list(self.numbers()))

    def written(self) -> dict[str, int]:
        """How many documents there are of each native type, without those refused."""
        sql = "SELECT native_type, count(*) FROM document WHERE NOT refused GROUP BY native_type ORDER BY min(rowid)"
        return dict(self.run(sql))

    def numbered(self, number: int) -> Document:
        """A document by its number."""
        row = self._one(f"SELECT {_DOCUMENT} FROM document WHERE rowid = ?", number)  # noqa: S608  its columns
        return _document(row)

    # --- what is there already: the target's own file -------------------------------------------------------------

    def lay(self, native_type: str, key: str, data: dict[str, Any]) -> None:
        """A native record of the target's own file."""
        self._db.execute("INSERT OR REPLACE INTO there VALUES (?, ?, ?)", (native_type, key, packed(data)))

    def lies_beside(self) -> bool:
        """Is there such a file at all?"""
        return self._one("SELECT 1 FROM there LIMIT 1") is not None

    def there(self, native_type: str, key: str) -> dict[str, Any] | None:
        """A fresh copy of a native record of the target's own file, or None."""
        row = self._one("SELECT data FROM there WHERE native_type = ? AND key = ?", native_type, key)
        return None if row is None else unpacked(row[0])

    def know(self, system: str, value: str, name: Name) -> None:
        """One of theirs carries this identifier."""
        self._db.execute("INSERT INTO known VALUES (?, ?, ?, ?)", (system, value, name.native_type, name.key))

    def known(self, system: str, value: str) -> set[Name]:
        """Which of theirs carry an identifier."""
        sql = "SELECT native_type, key FROM known WHERE system = ? AND value = ?"
        return {Name(type_, key, key) for type_, key in self._db.execute(sql, (system, value))}

    def enroll(self, person: str, name: Name, entry: str) -> None:
        """One of theirs has an open enrollment."""
        self._db.execute("INSERT INTO enrolled VALUES (?, ?, ?, ?)", (person, name.native_type, name.key, entry))

    def meet(self, kept: Kept, name: Name) -> None:
        """A person of the source is one of theirs: called so from now on, and not written anew."""
        self.call(kept, name)
        self._db.execute("INSERT OR REPLACE INTO met VALUES (?, ?)", (kept.external_id, name.key))

    def met(self, external_id: str) -> str | None:
        """Their key of a person of the source who is one of theirs."""
        row = self._one("SELECT key FROM met WHERE external_id = ?", external_id)
        return None if row is None else str(row[0])

    def enrollment(self, person: str) -> str | None:
        """The latest open enrollment of one of theirs."""
        row = self._one("SELECT key FROM enrolled WHERE person = ? ORDER BY entry DESC LIMIT 1", person)
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def run(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Ask the database itself."""
        return self._db.execute(sql, values)

    def _one(self, sql: str, *values: object) -> Any:
        return self._db.execute(sql, values).fetchone()


def _kept(row: tuple[Any, ...]) -> Kept:
    kind, external_id, subject, position, data, source = row
    return Kept(kind, external_id, subject, position, unpacked(data), source)


def _document(row: tuple[Any, ...]) -> Document:
    number, native_type, key, position, data, needs, kind, external_id = row
    return Document(number, native_type, key, position, unpacked(data), unpacked(needs), kind, external_id)


def packed(value: Any) -> bytes:
    """Any JSON value for the shelf alone; a number that keeps its spelling needs JSON."""
    try:
        return b"m" + marshal.dumps(value)
    except ValueError:
        return b"j" + dumps(value)


def unpacked(data: bytes) -> Any:
    """The value again. It was packed by this process, in a file that no other can open."""
    return marshal.loads(data[1:]) if data[:1] == b"m" else loads(data[1:])  # noqa: S302
