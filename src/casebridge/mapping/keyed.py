"""Which item of the case side is which item of the other side, by the key of an ``each``.

First items that read exactly alike, then those of which something is withheld, if they contradict nothing, then items
with one key, then items whose key is partly withheld. When then one item is left on each side and they differ in one
part of a longer key alone, it is one item whose key was edited. What is left on the other side is dropped; when that
could hit the wrong one of two look-alikes, nothing is dropped and it is said. An item whose key is withheld is never
written new: nobody could recognise it again.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from casebridge.mapping.model import Each
from casebridge.mapping.translate import Links, theirs_of
from casebridge.mapping.walk import MISSING, WITHHELD, Scope, blank, leaves, settled, text_of, value_at

Key = tuple[Hashable, ...]
HIDDEN = ("withheld",)


@dataclass(slots=True)
class Pairing:
    """Indexes: ``pairs`` of (case item, other item), case items to add, other items to drop."""

    pairs: list[tuple[int, int]] = field(default_factory=list)
    added: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


def pair(
    line: Each, mine: list[Scope], read: list[Any], there: list[Scope], links: Links, keep: bool
) -> Pairing:  # fmt: skip
    """Pair case items with the other side's items, which ``read`` gives as case items."""
    open_mine = {i: key_of(line, scope.node, links) for i, scope in enumerate(mine)}
    open_read = {i: key_of(line, item, links) for i, item in enumerate(read) if not blank(item)}
    found = Pairing()
    exact = _match(
        {i: (key, frozen(mine[i].node)) for i, key in open_mine.items()},
        {i: (key, frozen(read[i])) for i, key in open_read.items()},
    )
    _take(exact, open_mine, open_read, found)
    _take(_agreeing(open_mine, open_read, mine, read), open_mine, open_read, found)
    keyed = _match(
        {i: key for i, key in open_mine.items() if HIDDEN not in key}, dict(open_read)
    )
    _take(keyed, open_mine, open_read, found)
    for pattern in sorted({_pattern(key) for key in open_mine.values() if HIDDEN in key}, key=len, reverse=True):
        hidden = _match(
            {i: _project(key, pattern) for i, key in open_mine.items() if _pattern(key) == pattern},
            {i: _project(key, pattern) for i, key in open_read.items()},
        )
        _take(hidden, open_mine, open_read, found)
    found.added = [i for i, key in open_mine.items() if HIDDEN not in key and not _all_withheld(mine[i].node)]
    found.dropped = [] if keep else list(open_read)
    _refuse_ambiguous(line, keyed, found, read, there, links)
    if len(found.added) == len(found.dropped) == 1:
        _take_edited(line, found, mine, read, open_mine, open_read)
    found.pairs.sort()
    return found


def _agreeing(
    keys: dict[int, Key], theirs: dict[int, Key], mine: list[Scope], read: list[Any]
) -> list[tuple[int, int]]:  # fmt: skip
    """Items of which something is withheld, those that show most first, each with one it nowhere contradicts."""
    hidden = [i for i in keys if _shown(mine[i].node) < sum(1 for _ in leaves(mine[i].node))]
    free, pairs = list(theirs), []
    for i in sorted(hidden, key=lambda i: -_shown(mine[i].node)):
        j = next((j for j in free if _agree(mine[i].node, read[j])), None)
        if j is not None:
            free.remove(j)
            pairs.append((i, j))
    return pairs


def _agree(mine: Any, theirs: Any) -> bool:
    """Does each say what the other does, as far as it is not withheld?"""
    said = (where for where in leaves(mine) if _leaf(mine, where) != WITHHELD)
    return _said_otherwise(mine, theirs) == 0 and all(
        frozen(_leaf_or_nothing(theirs, where)) == frozen(_leaf(mine, where)) for where in said
    )


def _shown(item: Any) -> int:
    """How many values of a case item are not withheld."""
    return sum(_leaf(item, where) != WITHHELD for where in leaves(item))


def _take_edited(
    line: Each, found: Pairing, mine: list[Scope], read: list[Any], keys: dict[int, Key], theirs: dict[int, Key]
) -> None:  # fmt: skip
    """One item more and one less, and they differ in one part of a longer key alone: the same item, edited."""
    i, j = found.added[0], found.dropped[0]
    parts = list(zip(keys[i], theirs[j], strict=True))
    changed = [(a, b) for a, b in parts if a != b]
    if len(changed) == 1 and any(a == b and a is not None for a, b in parts):
        new = changed[0][1] is None  # nothing stood where the key now says something
        if _said_otherwise(mine[i].node, read[j]) + new <= 1:
            found.pairs.append((i, j))
            found.added, found.dropped = [], []


def _said_otherwise(mine: Any, theirs: Any) -> int:
    """How many values of ``theirs`` the case item has otherwise or not at all; what is withheld is not known."""
    count = 0
    for where in leaves(theirs):
        value = _leaf_or_nothing(mine, where)
        count += value != WITHHELD and frozen(value) != frozen(_leaf(theirs, where))
    return count


def _leaf_or_nothing(node: Any, where: Iterable[Any]) -> Any:
    for part in where:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return MISSING
        if node == WITHHELD:
            return node
    return node


def _match(mine: dict[int, Any], theirs: dict[int, Any]) -> list[tuple[int, int]]:
    """Pairs with equal keys, each item once, in order."""
    waiting: dict[Any, deque[int]] = defaultdict(deque)
    for i, key in theirs.items():
        waiting[key].append(i)
    return [(i, waiting[key].popleft()) for i, key in mine.items() if waiting.get(key)]


def _take(pairs: Iterable[tuple[int, int]], mine: dict[int, Key], theirs: dict[int, Key], found: Pairing) -> None:
    for i, j in pairs:
        del mine[i], theirs[j]
        found.pairs.append((i, j))


def _refuse_ambiguous(
    line: Each, keyed: list[tuple[int, int]], found: Pairing, read: list[Any], there: list[Scope], links: Links
) -> None:  # fmt: skip
    """An item may go only if no item that stays, changed or alike, could have been the one to go instead."""
    if not found.dropped:
        return
    changed = {key_of(line, read[j], links) for _, j in keyed}
    alike: dict[Hashable, int] = {frozen(read[j]): j for _, j in found.pairs}
    for i in found.dropped:
        twin = alike.get(frozen(read[i]))
        differs = twin is not None and there[twin].node != there[i].node
        if differs or key_of(line, read[i], links) in changed:
            raise line.place.error(
                "CB-209",
                f"an item of `{line.other}` must go, but another has the same key: it is not clear which is meant",
                remedy="Add a field to `key` that tells the items apart; nothing was written.",
            )


def key_of(line: Each, item: Any, links: Links) -> Key:
    """The key of a case item; references by the partner's own name for them."""
    found: list[Hashable] = []
    for path, leaf in line.key:
        value = value_at(item, path)
        if settled(value) == WITHHELD:
            found.append(HIDDEN)
            continue
        if leaf.link and isinstance(value, dict):
            value = theirs_of(value, links) or value.get("external_id") or value
        found.append(None if blank(value) else frozen(value))
    return tuple(found)


def _pattern(key: Key) -> tuple[int, ...]:
    return tuple(i for i, part in enumerate(key) if part is not HIDDEN)


def _project(key: Key, pattern: tuple[int, ...]) -> Key:
    return tuple(key[i] for i in pattern)


def _all_withheld(item: Any) -> bool:
    found = list(leaves(item))
    return bool(found) and all(_leaf(item, where) == WITHHELD for where in found)


def _leaf(item: Any, where: Iterable[Any]) -> Any:
    for part in where:
        item = item[part]
    return item


def frozen(value: Any) -> Hashable:
    """A hashable form of plain data; a number equals its text, nothing equals a missing key."""
    if isinstance(value, dict):
        return tuple(sorted((key, frozen(child)) for key, child in value.items() if not blank(child)))
    if isinstance(value, list):
        return ("[]", *(frozen(child) for child in value))
    return MISSING if value is None else text_of(value)
