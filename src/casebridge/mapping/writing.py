"""Export: from the case side onto the last original seen from the partner (``put``), or onto nothing.

One rule carries the rest: where reading the original already gives the case value, nothing is touched. So the
partner's own code, spelling and order stay, and a record that did not change comes out as it went in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from casebridge.core.errors import CaseBridgeError, Held, RecordError
from casebridge.mapping.keyed import Pairing, pair
from casebridge.mapping.model import Branch, Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Path, Step
from casebridge.mapping.reading import Reader, beside, chosen, last_part, parts_of
from casebridge.mapping.translate import Links, to_other
from casebridge.mapping.walk import (
    MISSING,
    WITHHELD,
    Hit,
    Scope,
    Trail,
    assign,
    blank,
    claim_conditions,
    clone,
    described,
    doubtful,
    find,
    holds,
    holds_all,
    husk,
    is_absent,
    items_of,
    reach,
    remove,
    settled,
    text_of,
    value_at,
)  # fmt: skip

UNREADABLE: Any = object()
NOWHERE = Scope({})


class Writer:
    """Writes one slice. ``old`` is the original at the present place (None: nothing there), ``new`` its copy."""

    def __init__(self, definition: Definition, links: Links, base: dict[str, Any] | None) -> None:
        self.definition, self.links = definition, links
        self.trail, self.reader = Trail(), Reader()
        self.origin: dict[int, tuple[Any, Any]] = {}
        self.new: dict[str, Any] = clone(base or {}, self.origin)
        self.old = Scope(base) if base else None
        self.parents = frozenset(
            name for name, said in (definition.shape.get("parents") or {}).items() if said.get("owner") != "ours"
        )
        self.creating = not base or set(base) <= self.parents
        self.shared = frozenset(_shared(definition.fields, self.parents))
        self.erasing = self.comparing = False
        self.partial: frozenset[str] = frozenset()
        self.writes = 0

    def fields(self, lines: Sequence[Line], case: Scope, new: Any, old: Scope | None) -> Any:
        """Write ``lines`` onto ``new``; branches last, when what they depend on stands there."""
        for last in (False, True):
            for line in lines:
                if isinstance(line, Choose) is last:
                    new = self.line(line, case, new, old)
        return new

    def line(self, line: Line, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write one line onto ``new``; returns the node, another one where it was a single value."""
        if line.when and not self.erasing and not holds_all(line.when, case.node):
            return new
        if isinstance(line, Leaf):
            return self.leaf(line, case, new, old)
        if isinstance(line, Spread):
            return self.spread(line, case, new, old)
        if isinstance(line, Flags):
            return self.flags(line, case, new, old)
        if isinstance(line, Choose):
            return self.choose(line, case, new, old)
        if "export" not in line.ways:
            return new
        if isinstance(line, Each):
            return self.each(line, case, new, old)
        if isinstance(line, Group):
            return self.group(line, case, new, old)
        raise TypeError(type(line).__name__)

    # --- single values -----------------------------------------------------------------------------------------

    def leaf(self, line: Leaf, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write one value."""
        hit = find(case, line.case, self.trail)
        value = settled(hit.value) if hit else MISSING
        current = self.current(line, old)
        if value == WITHHELD:
            return self._withheld(line, current, new, old)
        readonly = "export" not in line.ways or line.other.up or self.comparing or id(line) in self.shared
        if alike(value, current) and not (blank(value) and not readonly):
            self._claim(line, hit)
            return new
        if readonly:
            return new
        wanted = to_other(line, value, self.links)
        if blank(wanted):
            return self._nothing(line, value, current, new, old)
        self._claim(line, hit)
        if not self._stands(line, wanted, old):
            return self._write(line, wanted, new)
        return new

    def current(self, line: Leaf | Spread | Flags, old: Scope | None) -> Any:
        """What the original says for this line, as a case value."""
        if old is None:
            return MISSING
        try:
            found = self.reader.value(line, old)
        except CaseBridgeError:
            return UNREADABLE
        return found.value if found else MISSING

    def fresh(self, old: Scope | None) -> bool:
        """Is nothing of the partner's here yet, so that defaults may be written?"""
        return old is None or (self.creating and old is self.old)

    def _withheld(self, line: Leaf, current: Any, new: Any, old: Scope | None) -> Any:
        if "export" in line.required and self.fresh(old) and blank(current) and not self.erasing:
            raise Held(
                "CB-505", f"`{line.case}` is withheld from this recipient, but line {line.place} needs it",
                who="privacy",
            )  # fmt: skip
        return new

    def _nothing(self, line: Leaf, value: Any, current: Any, new: Any, old: Scope | None) -> Any:
        """The case side has nothing the other side has a word for: take theirs away."""
        default = line.if_missing.get("export")
        if default is not None and self.fresh(old) and not self.erasing:
            return default if not line.other.steps else self._assigned(line, default, new)
        if "export" in line.required and not self.erasing:
            raise RecordError(
                "CB-302", f"line {line.place} must write a value, and there is none", field=line.case.text
            )
        if current is UNREADABLE and blank(value):
            return new
        if not blank(current):
            self._remove(line, new)
        return new

    def _stands(self, line: Leaf, wanted: Any, old: Scope | None) -> bool:
        hit = find(old, line.other) if old else None
        return old is not None and hit is not None and alike(hit.value, wanted) and beside(line, old)

    def _write(self, line: Leaf, wanted: Any, new: Any) -> Any:
        self.writes += 1
        return wanted if not line.other.steps else self._assigned(line, wanted, new)

    def _assigned(self, line: Leaf, wanted: Any, new: Any) -> Any:
        assign(new, line.other, wanted)
        for condition in line.beside:
            if condition.test == "equal" and not holds(condition, new):
                assign(new, condition.path, condition.constant)
        return new

    def _remove(self, line: Leaf, new: Any) -> None:
        for path in (line.other, *line.also_read, *(condition.path for condition in line.beside)):
            self._cut(line, path, new)

    def _cut(self, line: Line, path: Path, new: Any) -> None:
        hit = find(Scope(new), path)
        if hit is None:
            return
        if hit.several:
            raise line.place.error(
                "CB-209", f"the value at `{path}` must go, but several items match: it is not clear which is meant",
                remedy="Tell the items apart with a selector or a longer key; nothing was written.",
            )  # fmt: skip
        remove(new, path)

    def spread(self, line: Spread, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the items of one list to a place each."""
        hit = find(case, line.case, self.trail)
        value = settled(hit.value) if hit else MISSING
        if value == WITHHELD:
            return new
        if alike(value, self.current(line, old)):
            self._claim(line, hit)
            return new
        if "export" not in line.ways or self.comparing or id(line) in self.shared:
            return new
        values = value if isinstance(value, list) else [] if blank(value) or is_absent(value) else [value]
        for i, part in enumerate(line.parts):
            new = self._part(part, values[i] if i < len(values) else MISSING, new, old)
            if hit and i < len(values):
                self.trail.claimed.add((*hit.where, i) if isinstance(value, list) else hit.where)
        return new

    def _part(self, part: Leaf, value: Any, new: Any, old: Scope | None) -> Any:
        wanted = to_other(part, value, self.links)
        if blank(wanted):
            if not blank(self.current(part, old)):
                self._remove(part, new)
            return new
        return new if self._stands(part, wanted, old) else self._write(part, wanted, new)

    def flags(self, line: Flags, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write a list of words as flags of 1 and 0."""
        hit = find(case, line.case, self.trail)
        value = settled(hit.value) if hit else MISSING
        current = self.current(line, old)
        if value == WITHHELD or "export" not in line.ways or self.comparing:
            return new
        words = set(value) if isinstance(value, list) else set() if blank(value) or is_absent(value) else {value}
        if hit and isinstance(value, list):
            known = {word for word, _ in line.flags}
            self.trail.claimed |= {(*hit.where, i) for i, word in enumerate(value) if word in known}
        elif hit and words <= {word for word, _ in line.flags} and words:
            self.trail.claimed.add(hit.where)
        if alike(value, current) or (isinstance(current, list) and words == set(current)):
            self._claim(line, hit)
            return new
        for word, path in line.flags:
            self._flag(line, path, MISSING if blank(value) else "1" if word in words else "0", new)
        return self.leaf(line.none, case if not words else NOWHERE, new, old) if line.none else new

    def _flag(self, line: Flags, path: Path, wanted: Any, new: Any) -> None:
        present = value_at(new, path)
        if wanted is MISSING:
            self._cut(line, path, new)
        elif blank(present) or text_of(present) != wanted:
            self.writes += 1
            assign(new, path, wanted)

    def _claim(self, line: Line, hit: Hit | None) -> None:
        if hit is None:
            return
        if isinstance(line, Leaf) and line.link and isinstance(hit.value, dict):
            self.trail.claimed |= {(*hit.where, part) for part in ("kind", "id", "external_id")}
        else:
            self.trail.claimed.add(hit.where)

    # --- groups, lists, branches -------------------------------------------------------------------------------

    def group(self, line: Group, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the lines under a group, made where it is missing and taken away when it is empty."""
        hit = find(case, line.case, self.trail)
        if hit and hit.value == WITHHELD:
            return new
        empty = hit is None or blank(hit.value) or is_absent(hit.value)
        below = Scope({}, hit.where if hit else (), case) if empty or hit is None else Scope(hit.value, hit.where, case)
        if id(line) in self.shared:
            return self._compare(line, below, new, old)
        if line.split:
            return self._split(line, below, new, old)
        old_hit = find(old, line.other) if old else None
        old_below = Scope(old_hit.value, old_hit.where, old) if old_hit and not blank(old_hit.value) else None
        present = find(Scope(new), line.other)
        if present is None or blank(present.value):
            return self._new_group(line, below, new)
        selector = line.other.steps[-1].selector or ()
        before = husk(present.value, selector)
        self.fields(line.fields, below, present.value, old_below)
        if not before and husk(present.value, selector):
            self._cut(line, line.other, new)
        return new

    def _compare(self, line: Group, below: Scope, new: Any, old: Scope | None) -> Any:
        """Inside a shared parent nothing is written; what already agrees has its room there."""
        old_hit = find(old, line.other) if old else None
        if old_hit:
            self.comparing = True
            self.fields(line.fields, below, clone(old_hit.value), Scope(old_hit.value, old_hit.where, old))
            self.comparing = False
        return new

    def _new_group(self, line: Group, below: Scope, new: Any) -> Any:
        before = self.writes
        made = self.fields(line.fields, below, {}, None)
        if self.writes > before and not blank(made):
            reach(new, line.other.steps, line.other).update(made)
        return new

    def _split(self, line: Group, below: Scope, new: Any, old: Scope | None) -> Any:
        hit = find(old, line.other) if old else None
        before = parts_of(line, hit.value) if hit and not blank(hit.value) else {}
        parts = self.fields(line.fields, below, dict(before), Scope(before, (), old) if before else None)
        if parts == before:
            return new
        texts = [str(parts.get(str(i), "")) for i in range(1, last_part(line) + 1)]
        if any(line.split in text for text in texts):
            raise RecordError(
                "CB-301", f"a part holds {line.split!r}, which line {line.place} puts between parts",
                field=line.case.text,
            )  # fmt: skip
        if any(texts):
            self.writes += 1
            assign(new, line.other, line.split.join(texts).rstrip(line.split))
        else:
            self._cut(line, line.other, new)
        return new

    def each(self, line: Each, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the items of a list, each onto the item it is."""
        listed = self._case_items(line, case)
        if listed is None or self.comparing or id(line) in self.shared:
            return new
        below = old or Scope(None)
        items = self.reader.items(line, Scope(new))
        there = [Scope(self.origin.get(id(item.node), (None, item.node))[1], item.where, below) for item in items]
        read = [self.reader.item(line, scope, ()) for scope in there]
        pairing = pair(line, listed, read, there, self.links, self._keeps(line, case))
        return self._place(line, new, items, there, listed, pairing)

    def _keeps(self, line: Each, case: Scope) -> bool:
        """A list of records the slice does not call complete: what it does not mention stays."""
        return case.parent is None and bool(line.case.steps) and line.case.steps[0].key in self.partial

    def _case_items(self, line: Each, case: Scope) -> list[Scope] | None:
        """The case items the line covers, or None when they are withheld as a whole."""
        steps = (*line.case.steps[:-1], Step(line.case.steps[-1].key)) if line.case.steps else ()
        hit = find(case, Path(steps, line.case.up, line.case.text), self.trail)
        if hit and hit.value == WITHHELD:
            return None
        selector = (line.case.steps[-1].selector or ()) if line.case.steps else ()
        found: list[Scope] = []
        for item, where in items_of(hit.value, hit.where) if hit and not is_absent(hit.value) else ():
            if holds_all(selector, item) or doubtful(selector, item):
                claim_conditions(item, selector, where, self.trail)
                found.append(Scope(item, where, case))
        return found

    def _place(
        self, line: Each, new: Any, items: list[Scope], there: list[Scope], listed: list[Scope], pairing: Pairing
    ) -> Any:
        """Write each case item onto its partner, drop the dropped, append the new ones; the order stays."""
        put = {
            _index(items[theirs]): self.fields(line.fields, listed[mine], items[theirs].node, there[theirs])
            for mine, theirs in pairing.pairs
        }
        gone = {_index(items[i]) for i in pairing.dropped}
        added = [item for mine in pairing.added if not blank(item := self._new_item(line, listed[mine]))]
        if put or gone or added:
            self._relist(line, new, put, gone, added)
        return new

    def _relist(self, line: Each, new: Any, put: dict[int, Any], gone: set[int], added: list[Any]) -> None:
        key = line.other.steps[-1].key
        group = reach(new, line.other.steps[:-1], line.other)
        standing = group.get(key)
        whole = standing if isinstance(standing, list) else [] if blank(standing) else [standing]
        result = [put.get(i, item) for i, item in enumerate(whole) if i not in gone] + added
        self.writes += bool(gone)
        if not result:
            remove(new, Path((*line.other.steps[:-1], Step(key)), 0, line.other.text))
        elif isinstance(standing, list) or blank(standing) or len(result) != 1:
            group[key] = result
        else:
            group[key] = result[0]

    def _new_item(self, line: Each, case: Scope) -> Any:
        before = self.writes
        made = self.fields(line.fields, case, described(line.other.steps[-1].selector or ()), None)
        return made if self.writes > before else MISSING

    def choose(self, line: Choose, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the branch that fits, and take away what another has written."""
        was = chosen(line.branches, old.node) if old else None
        now = self._now(line, was, case, new, old)
        if "export" not in line.ways or (now is None and any(doubtful(b.case, case.node) for b in line.branches)):
            return new
        if was is not None and was is not now:
            new = self._erase(was, new, old)
            for branch in line.branches:  # what stood in its shadow must not come to light
                if branch is not now and branch is chosen(line.branches, new):
                    new = self._erase(branch, new, Scope(clone(new)))
            old = Scope(clone(new), (), old.parent if old else None)
        if now is None:
            return new
        claim_conditions(case.node, now.case, case.where, self.trail)
        before = self.writes
        for condition in now.other:
            if condition.test == "equal" and condition.path not in line.settled and not holds(condition, new):
                assign(new, condition.path, condition.constant)
                self.writes = before + 1
        return self.fields(now.fields, case, new, old)

    def _now(self, line: Choose, was: Branch | None, case: Scope, new: Any, old: Scope | None) -> Branch | None:
        """The branch to write: theirs if it still fits, else the first that does."""
        if was is not None and old is not None and (self._fits(was, line, case, new) or self._agrees(was, case, old)):
            return was
        return next((branch for branch in line.branches if self._fits(branch, line, case, new)), None)

    def _agrees(self, branch: Branch, case: Scope, old: Scope) -> bool:
        """Does the original, read by its branch, already say what the case side says?"""
        try:
            read = self.reader.fields(branch.fields, old, {})
        except CaseBridgeError:
            return False
        return isinstance(read, dict) and bool(read) and all(
            alike(value_at(case.node, line.case), value_at(read, line.case)) for line in branch.fields
        )

    def _fits(self, branch: Branch, line: Choose, case: Scope, new: Any) -> bool:
        """The case side is as the branch says, and nothing that other lines wrote speaks against it."""
        settled = (condition for condition in branch.other if condition.path in line.settled)
        return holds_all(branch.case, case.node) and holds_all(settled, new)

    def _erase(self, branch: Branch, new: Any, old: Scope | None) -> Any:
        """Take away what a branch that no longer holds has written."""
        self.erasing = True
        try:
            return self.fields(branch.fields, NOWHERE, new, old)
        finally:
            self.erasing = False


def alike(mine: Any, theirs: Any) -> bool:
    """The same value, or nothing on both sides; a number is the same as its text."""
    if blank(mine) or blank(theirs):
        return blank(mine) and blank(theirs)
    if isinstance(mine, bool) or isinstance(theirs, bool):
        return mine is theirs
    if isinstance(mine, dict | list) or isinstance(theirs, dict | list):
        return bool(mine == theirs)
    return theirs is not UNREADABLE and text_of(mine) == text_of(theirs)


def _index(item: Scope) -> int:
    """Where in its list an item stands; a single group is the only item."""
    last = item.where[-1]
    return last if isinstance(last, int) else 0


def _shared(lines: Sequence[Line], parents: frozenset[str]) -> Iterator[int]:
    """The lines (by id) that lead into a shared parent, which only its owner writes."""
    for line in lines:
        if isinstance(line, Choose):
            for branch in line.branches:
                yield from _shared(branch.fields, parents)
        paths = [part.other for part in line.parts] if isinstance(line, Spread) else []
        paths += [line.other] if isinstance(line, Leaf | Group | Each) else []
        if any(path.steps and not path.up and path.steps[0].key in parents for path in paths):
            yield id(line)
