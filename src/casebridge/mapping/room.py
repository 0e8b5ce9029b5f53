"""Which values of the case side have no room on the other side, once a record is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.model import Leaf, Line
from casebridge.mapping.put_values import alike
from casebridge.mapping.reading import Reader
from casebridge.mapping.translate import Links, to_other
from casebridge.mapping.walk import MISSING, WITHHELD, Scope, Where, blank, find, is_absent, spelled, unclaimed
from casebridge.mapping.writing import Writer

ENVELOPE = frozenset({"id", "kind", "version", "external_id", "source", "asserted_by", "recorded_at"})


def without_room(slice_: dict[str, Any], writer: Writer) -> list[str]:
    """The case paths of values that stand nowhere in what was written. What is withheld needs no room.

    The store's own fields are not named, but a record of a list that says nothing but who it is, is named as a whole.
    """
    claimed = set(writer.trail.claimed)
    for line, case, new in writer.read_only:
        claimed.update(_held(line, case, new, writer.links))
    content = {slot: value for slot, value in slice_.items() if slot != "complete"}
    unread = [where for where in unclaimed(content, claimed) if value_of(content, where) != WITHHELD]
    nameless = [spelled(where[:2]) for where in unread if _bare(where, content, claimed)]
    return [*dict.fromkeys(nameless), *(spelled(where) for where in unread if not _of_store(where))]


def _bare(where: Where, content: dict[str, Any], claimed: set[Where]) -> bool:
    """Is it the name of a record in a list, of which there is no more than that, and none of it is written?"""
    if not _of_store(where) or not isinstance(where[1], int) or where[2:] != ("external_id",):
        return False
    record = value_of(content, where[:2])
    return record.keys() <= ENVELOPE and not any(place[:2] == where[:2] for place in claimed)


def _held(line: Line, case: Scope, new: Scope, links: Links) -> Iterator[Where]:
    """The case values of a line that does not write, but whose place holds them all the same."""
    if isinstance(line, Leaf) and line.link:
        yield from _linked(line, case, new, links)
    try:
        read = Reader().line(line, new, {}, ())
    except CaseBridgeError:
        return
    yield from _agreeing(case.node, read, case.where)


def _linked(line: Leaf, case: Scope, new: Scope, links: Links) -> Iterator[Where]:
    hit, theirs = find(case, line.case), find(new, line.other)
    if hit and theirs and isinstance(hit.value, dict) and not is_absent(hit.value):
        wanted = to_other(line, hit.value, links)
        if not blank(wanted) and alike(wanted, theirs.value):
            yield hit.where


def _agreeing(mine: Any, theirs: Any, where: Where) -> Iterator[Where]:
    """The places of ``mine`` that say the same in ``theirs``; items of a list wherever they stand."""
    if isinstance(mine, dict) and isinstance(theirs, dict) and not is_absent(mine):
        for key in mine.keys() & theirs.keys():
            yield from _agreeing(mine[key], theirs[key], (*where, key))
    elif isinstance(mine, list) and isinstance(theirs, list):
        free = dict(enumerate(mine))
        for item in theirs:
            at = next((i for i, own in free.items() if _contains(own, item)), None)
            if at is not None:
                yield from _agreeing(free.pop(at), item, (*where, at))
    elif not blank(mine) and alike(mine, theirs):
        yield where


def _contains(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return all(_contains(mine.get(key), child) for key, child in theirs.items() if not blank(child))
    return alike(mine, theirs)


def _of_store(where: Where) -> bool:
    """A field of the envelope that is the store's own, not the partner's."""
    inner = where[2:] if len(where) > 1 and isinstance(where[1], int) else where[1:]
    return bool(inner) and inner[0] in ENVELOPE


def value_of(node: Any, where: Where) -> Any:
    """The value at a concrete place, or MISSING."""
    for part in where:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return node
