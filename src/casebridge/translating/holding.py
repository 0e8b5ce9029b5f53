"""What is left out for others' sake: a source record is translated whole or not at all, and a wall stays a wall.

Where one part of a row is refused, its other parts must not go on alone: a client whose stay with a victim service
provider is refused would still be named. A record that another source record holds too stays, as that one says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from casebridge.translating.report import Report
from casebridge.translating.shelf import Shelf

WALL = "known only through a victim service provider, whose clients are in no export (34 U.S.C. 12291(b)(2))"
WHOLE = "another part of the same source record is left out: a record is translated whole or not at all"
STAYS = "every stay of this person was refused"
SUBJECT = "the person it is about is left out"

OF_NO_CLIENT = ("organization", "program", "location", "worker")

_CLOSURE = (
    # what a source record says of somebody else's record falls with the rest of it
    ("""INSERT OR IGNORE INTO held SELECT source FROM left_out JOIN record USING (kind, external_id)
       UNION SELECT source FROM left_out JOIN earlier USING (kind, external_id)""", ()),
    ("""INSERT OR IGNORE INTO left_out SELECT kind, external_id, ? FROM record AS r
       WHERE source IN held AND NOT EXISTS (SELECT 1 FROM earlier AS e WHERE e.kind = r.kind
       AND e.external_id = r.external_id AND e.source NOT IN held)""", (WHOLE,)),
    ("""INSERT OR IGNORE INTO left_out SELECT 'person', r.subject, ? FROM left_out JOIN record AS r
       USING (kind, external_id) WHERE kind = 'participation' AND r.subject IN
       (SELECT external_id FROM record WHERE kind = 'person') AND field(r.data, 'participation_kind') = 'program'
       AND NOT EXISTS (SELECT 1 FROM record AS o WHERE o.subject = r.subject AND o.kind = 'participation'
       AND (o.kind, o.external_id) NOT IN (SELECT kind, external_id FROM left_out))""", (STAYS,)),
    ("""INSERT OR IGNORE INTO left_out SELECT r.kind, r.external_id, ? FROM left_out AS l JOIN record AS r
       ON r.subject = l.external_id WHERE l.kind = 'person'""", (SUBJECT,)),
)  # fmt: skip
_CHANGED = """SELECT 1 FROM record AS r JOIN held USING (source) WHERE NOT EXISTS (SELECT 1 FROM left_out AS l
              WHERE l.kind = r.kind AND l.external_id = r.external_id)
              UNION ALL SELECT 1 FROM left_out JOIN carried USING (kind, external_id) LIMIT 1"""
_OPEN = """SELECT 1 FROM record WHERE subject = ? AND kind IN ('participation', 'case')
           AND (kind, external_id) NOT IN (SELECT kind, external_id FROM left_out)"""
_ROWS_OF = """INSERT OR IGNORE INTO held SELECT p.source FROM record AS p JOIN
              (SELECT source FROM record WHERE kind = 'organization' AND external_id = ?1 UNION
               SELECT source FROM earlier WHERE kind = 'organization' AND external_id = ?1) USING (source)
              WHERE p.kind = 'person'"""
_REMOVAL = (
    "DELETE FROM earlier WHERE source IN held",
    "DELETE FROM record WHERE source IN held",
    """INSERT INTO record SELECT kind, external_id, subject, position, data, max(source) FROM earlier AS e
       WHERE NOT EXISTS (SELECT 1 FROM record AS r WHERE r.kind = e.kind AND r.external_id = e.external_id)
       GROUP BY kind, external_id""",
    "DELETE FROM left_out",
)


def hold_whole(shelf: Shelf, report: Report) -> bool:
    """Take away all source records of what was left out so far; False when nothing else was in them."""
    while sum(shelf.run(sql, *reasons).rowcount for sql, reasons in _CLOSURE):
        pass
    found = list(shelf.run("SELECT kind, why, count(*) FROM left_out WHERE why <> '' GROUP BY kind, why"))
    report.held.update({(kind, why): count for kind, why, count in found})
    again = bool(found) or shelf.run(_CHANGED).fetchone() is not None
    for sql in _REMOVAL:
        shelf.run(sql)
    return again


def wall_off(shelf: Shelf, report: Report) -> None:
    """Leave out who is known only through a victim service provider, and every record that names it or a stay there.

    A format that knows such rows has left them out already; here they may come from any file.
    """
    walled = {o.external_id for o in shelf.versions("organization") if _walled(o.data)}
    if not walled:
        return
    behind = {("organization", id_) for id_ in walled}
    behind |= {("program", p.external_id) for p in shelf.versions("program") if not behind.isdisjoint(_refs(p.data))}
    whose: set[str] = set()
    while found := _pointing_at(behind, shelf):
        for kind, external_id, subject in found:
            shelf.leave_out(kind, external_id, WALL)
            whose.add(subject)
            behind.add((kind, external_id))
    for person in whose - {""}:
        if shelf.run(_OPEN, person).fetchone() is None:
            shelf.leave_out("person", person, WALL)
    for organization in walled:
        shelf.run(_ROWS_OF, organization)
    hold_whole(shelf, report)


def _pointing_at(behind: set[tuple[str, str]], shelf: Shelf) -> set[tuple[str, str, str]]:
    """(kind, id, person) of clients' records that name one of these and are not among them: stays, services,
    referrals to the provider."""
    kinds = [kind for kind in shelf.kinds() if kind not in OF_NO_CLIENT]
    return {(kind, record.external_id, record.subject) for kind in kinds for record in shelf.versions(kind)
            if (kind, record.external_id) not in behind and not behind.isdisjoint(_refs(record.data))}  # fmt: skip


def _walled(organization: Mapping[str, Any]) -> bool:
    """Is it one? Anything but a plain no counts as a yes."""
    return organization.get("vsp") not in (None, False) or organization.get("role") == "vsp"


def _refs(node: Any) -> Iterator[tuple[str, str]]:
    """Every reference in a record: (kind, the source's id)."""
    if isinstance(node, list):
        for item in node:
            yield from _refs(item)
    elif isinstance(node, dict):
        if isinstance(node.get("kind"), str) and isinstance(node.get("external_id"), str):
            yield node["kind"], node["external_id"]
        for child in node.values():
            yield from _refs(child)
