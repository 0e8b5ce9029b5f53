"""Which item of the case side is which item of the other side, by the key of an ``each``.

First items that read exactly alike, then items with one key, then an item whose key is withheld in part with the only
one it fits, if nothing else fits that. When then one item is left on each side and they differ in one part of a longer
key alone, it is one item whose key was edited. What is left on the other side is dropped; when that could hit the
wrong one of two look-alikes, nothing is dropped and it is said. Where something is withheld and it is not clear which
item is meant, theirs stay as they are: neither overwritten nor dropped. An item whose key is withheld is never written
new: nobody could recognise it again.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from casebridge.mapping.likeness import agrees, all_withheld, frozen, said_otherwise, shown, veiled
from casebridge.mapping.model import Each
from casebridge.mapping.translate import Links, theirs_of
from casebridge.mapping.walk import WITHHELD, Scope, blank, settled, value_at

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
    left = _Left([scope.node for scope in mine], read, {}, {})
    left.mine = {i: key_of(line, item, links) for i, item in enumerate(left.nodes)}
    left.theirs = {i: key_of(line, item, links) for i, item in enumerate(read) if not blank(item)}
    found = left.found
    left.take_exact()
    keyed = left.take_keyed()
    left.take_hidden()
    unsure = left.unsure or any(HIDDEN in key for key in left.mine.values())
    found.added = [i for i, key in left.mine.items() if HIDDEN not in key and not all_withheld(left.nodes[i])]
    found.dropped = [] if keep or unsure else list(left.theirs)
    _refuse_ambiguous(line, keyed, found, read, there, links)
    if len(found.added) == len(found.dropped) == 1:
        _take_edited(line, found, mine, read, left.mine, left.theirs)
    found.pairs.sort()
    return found


@dataclass(slots=True)
class _Left:
    """The items that are not paired yet, by index, each with its key; ``nodes`` and ``read`` are all items."""

    nodes: list[Any]
    read: list[Any]
    mine: dict[int, Key]
    theirs: dict[int, Key]
    found: Pairing = field(default_factory=Pairing)
    unsure: bool = False  # an item of ours is left of which something is withheld: it may be any of theirs

    def take(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Pair these."""
        for i, j in pairs:
            del self.mine[i], self.theirs[j]
            self.found.pairs.append((i, j))

    def take_exact(self) -> None:
        """Items that read exactly alike."""
        self.take(_match(
            {i: (key, frozen(self.nodes[i])) for i, key in self.mine.items()},
            {j: (key, frozen(self.read[j])) for j, key in self.theirs.items()},
        ))  # fmt: skip

    def take_keyed(self) -> list[tuple[int, int]]:
        """Items with one key, in order; returns them. Where one of several is withheld in part, order says nothing."""
        ours, theirs = _by_key(self.mine), _by_key(self.theirs)
        pairs: list[tuple[int, int]] = []
        for key, at in ours.items():
            there = theirs.get(key, [])
            if HIDDEN in key or not there:
                continue
            if len(at) == len(there) == 1 or not any(veiled(self.nodes[i]) for i in at):
                pairs += zip(at, there, strict=False)
            else:
                self.leave(at, there)
        self.take(pairs)
        return pairs

    def take_hidden(self) -> None:
        """Items whose key is withheld in part, each with the one it fits, if it fits one and is alone in that."""
        fits = self._fits()
        wanted = Counter(j for there in fits.values() for j in there)
        sure = {i: there[0] for i, there in fits.items() if len(there) == 1 and wanted[there[0]] == 1}
        self.take(sure.items())
        doubt = [i for i, there in fits.items() if there and i not in sure]
        self.leave(doubt, sorted({j for i in doubt for j in fits[i]}))

    def _fits(self) -> dict[int, list[int]]:
        """For each item whose key is withheld in part, those of theirs it may be."""
        hidden = {i: _pattern(key) for i, key in self.mine.items() if HIDDEN in key}
        known = {pattern: _by_key({j: _project(key, pattern) for j, key in self.theirs.items()})
                 for pattern in set(hidden.values())}  # fmt: skip
        return {i: known[pattern].get(_project(self.mine[i], pattern), []) for i, pattern in hidden.items()}

    def leave(self, mine: Iterable[int], theirs: Iterable[int]) -> None:
        """Of these nobody knows which is which: what says the same is paired, which writes nothing; the rest stays."""
        free = list(theirs)
        for i in sorted(mine, key=lambda i: -shown(self.nodes[i])):
            j = next((j for j in free if agrees(self.nodes[i], self.read[j])), None)
            if j is not None:
                free.remove(j)
                self.take([(i, j)])
            else:
                del self.mine[i]
                self.unsure = True
        for j in free:
            del self.theirs[j]


def _by_key(keys: Mapping[int, Key]) -> dict[Key, list[int]]:
    """The items of each key, in order."""
    found: dict[Key, list[int]] = defaultdict(list)
    for i, key in keys.items():
        found[key].append(i)
    return found


def _take_edited(
    line: Each, found: Pairing, mine: list[Scope], read: list[Any], keys: dict[int, Key], theirs: dict[int, Key]
) -> None:  # fmt: skip
    """One item more and one less, and they differ in one part of a longer key alone: the same item, edited."""
    i, j = found.added[0], found.dropped[0]
    parts = list(zip(keys[i], theirs[j], strict=True))
    changed = [(a, b) for a, b in parts if a != b]
    if len(changed) == 1 and any(a == b and a is not None for a, b in parts):
        new = changed[0][1] is None  # nothing stood where the key now says something
        if said_otherwise(mine[i].node, read[j]) + new <= 1:
            found.pairs.append((i, j))
            found.added, found.dropped = [], []


def _match(mine: dict[int, Any], theirs: dict[int, Any]) -> list[tuple[int, int]]:
    """Pairs with equal keys, each item once, in order."""
    waiting: dict[Any, deque[int]] = defaultdict(deque)
    for i, key in theirs.items():
        waiting[key].append(i)
    return [(i, waiting[key].popleft()) for i, key in mine.items() if waiting.get(key)]


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
        if leaf.link and isinstance(value, dict) and value.get("kind") in leaf.link.targets:
            value = theirs_of(value, links) or value.get("external_id") or value
        found.append(None if blank(value) else frozen(value))
    return tuple(found)


def _pattern(key: Key) -> tuple[int, ...]:
    return tuple(i for i, part in enumerate(key) if part is not HIDDEN)


def _project(key: Key, pattern: tuple[int, ...]) -> Key:
    return tuple(key[i] for i in pattern)


