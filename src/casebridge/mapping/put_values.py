"""Export of single values: a leaf, a list spread over several places, a set of flags.

One rule carries the rest: where reading the original already gives the case value, nothing is touched. So the
partner's own code, spelling and order stay, and a record that did not change comes out as it went in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Mapping, Sequence
from typing import Any

from casebridge.core.errors import CaseBridgeError, Held, RecordError
from casebridge.mapping.model import Definition, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Path
from casebridge.mapping.reading import OFF, ON, Reader, beside
from casebridge.mapping.translate import Links, to_case, to_other
from casebridge.mapping.walk import (
    MISSING,
    WITHHELD,
    Hit,
    Partial,
    Scope,
    Trail,
    assign,
    blank,
    clone,
    find,
    holds,
    is_absent,
    remove,
    settled,
    text_of,
    value_at,
    withheld,
)  # fmt: skip

UNREADABLE: Any = object()
NOWHERE = Scope({})


class ValueWriter(ABC):
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
        self.beside: Sequence[Line] = definition.fields  # the lines written at the present place
        self.erasing = False
        self.unknown: dict[str, Any] = {}
        self.partial: frozenset[str] = frozenset()
        self.writes = 0
        self.standing: list[Any] = []  # the new node of every place we are inside of
        self.read_only: list[tuple[Line, Scope, Scope]] = []  # lines that did not write, their case side and new side

    @abstractmethod
    def fields(self, lines: Sequence[Line], case: Scope, new: Any, old: Scope | None) -> Any:
        """Write ``lines`` onto ``new``; returns the node, another one where it was a single value."""

    def ours(self, path: Path, new: Any) -> bool:
        """May we write there? Not into a shared parent, which only its owner writes, nor above the present place."""
        return not path.up and not (new is self.new and bool(path.steps) and path.steps[0].key in self.parents)

    def writes_to(self, line: Line, new: Any) -> bool:
        """Does the line go this way, and to places that are ours to write?"""
        paths: Sequence[Path] = ()
        if isinstance(line, Leaf | Group):
            paths = (line.other,)
        elif isinstance(line, Spread):
            paths = [part.other for part in line.parts]
        elif isinstance(line, Flags):
            paths = [path for _, path in line.flags]
        return "export" in line.ways and all(self.ours(path, new) for path in paths)

    def fresh(self, old: Scope | None) -> bool:
        """Is nothing of the partner's here yet, so that defaults may be written?"""
        return old is None or (self.creating and old.parent is None and not old.where)

    def current(self, line: Leaf | Spread | Flags, old: Scope | None) -> Any:
        """What the original says for this line, as a case value."""
        if old is None:
            return MISSING
        try:
            found = self.reader.value(line, old)
        except CaseBridgeError:
            return UNREADABLE
        return settled(found.value) if found else MISSING

    # --- a leaf ------------------------------------------------------------------------------------------------

    def leaf(self, line: Leaf, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write one value."""
        hit = find(case, line.case, self.trail)
        value = settled(hit.value) if hit else MISSING
        current = self.current(line, old)
        if value == WITHHELD:
            return self._withheld(line, current, new, old)
        if not blank(value) and alike(value, current):
            self.claim(line, hit)
            return new
        wanted = to_other(line, value, self.links)
        if blank(wanted):
            return self._nothing(line, value, current, new, old)
        self.claim(line, hit)
        if self._stands(line, wanted, old):
            return new
        if isinstance(wanted, list):
            wanted = [*wanted, *_unread(line, old)]
        self._move_from(self._source(line, current, old), line, new)
        return self._write(line, wanted, new)

    def _withheld(self, line: Leaf, current: Any, new: Any, old: Scope | None) -> Any:
        if "export" in line.required and self.fresh(old) and blank(current) and not self.erasing:
            raise Held(
                "CB-505", f"`{line.case}` is withheld from this recipient, but line {line.place} needs it",
                who="privacy",
            )  # fmt: skip
        return new

    def _nothing(self, line: Leaf, value: Any, current: Any, new: Any, old: Scope | None) -> Any:
        """The case side has nothing the other side has a word for: take theirs away, or write what stands for it."""
        default = None if self.erasing else line.if_missing.get("export")
        if default is not None and (self.fresh(old) or self._source(line, current, old)):
            return new if self._stands(line, default, old) else self._write(line, default, new)
        stays = blank(current) or (current is UNREADABLE and blank(value))
        if "export" in line.required and not self.erasing and (self.fresh(old) or not stays):
            raise RecordError(
                "CB-302", f"line {line.place} must write a value, and there is none", field=line.case.text
            )
        return new if stays else self._remove(line, new, old)

    def _stands(self, line: Leaf, wanted: Any, old: Scope | None) -> bool:
        hit = find(old, line.other) if old else None
        return old is not None and hit is not None and alike(hit.value, wanted) and beside(line, old)

    def _source(self, line: Leaf, current: Any, old: Scope | None) -> Path | None:
        """The place the original's value stands at; None where it is a default or cannot be read."""
        return None if old is None or current is UNREADABLE else self.reader.source(line, old)

    def _move_from(self, source: Path | None, line: Leaf, new: Any) -> None:
        """A value read from a further place moves to the first when it changes: the old one is no longer true."""
        if source is None or source is line.other or not self.ours(source, new):
            return
        hit = find(Scope(new), source)
        if hit and not hit.several:
            remove(new, source)

    def _write(self, line: Leaf, wanted: Any, new: Any) -> Any:
        self.writes += 1
        if not line.other.steps:
            return wanted
        assign(new, line.other, wanted)
        for condition in line.beside:
            if condition.test == "equal" and not holds(condition, new):
                assign(new, condition.path, condition.constant)
        return new

    def _remove(self, line: Leaf, new: Any, old: Scope | None) -> Any:
        """Take the value away from all its places. Beside other constants stands another's."""
        if not line.other.steps:
            return MISSING
        if kept := _unread(line, old):
            return self._write(line, kept, new)
        own = (line.other, *(condition.path for condition in line.beside))
        for path in (*(own if old is None or beside(line, old) else ()), *line.also_read):
            self.cut(line, path, new)
        return new

    def cut(self, line: Line, path: Path, new: Any) -> None:
        """Take away what stands at ``path``; MapError CB-209 when several items match."""
        hit = find(Scope(new), path) if self.ours(path, new) else None
        if hit is None:
            return
        if hit.several:
            raise line.place.error(
                "CB-209", f"the value at `{path}` must go, but several items match: it is not clear which is meant",
                remedy="Tell the items apart with a selector or a longer key; nothing was written.",
            )  # fmt: skip
        remove(new, path)

    def claim(self, line: Line, hit: Hit | None) -> None:
        """The case value at ``hit`` has room on the other side."""
        if hit is None:
            return
        if isinstance(line, Leaf) and line.link and isinstance(hit.value, dict):
            self.trail.claimed |= {(*hit.where, part) for part in ("kind", "id", "external_id")}
        else:
            self.trail.claimed.add(hit.where)

    # --- several places ----------------------------------------------------------------------------------------

    def spread(self, line: Spread, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the items of one list to a place each."""
        hit = find(case, line.case, self.trail)
        value = settled(hit.value) if hit else MISSING
        if value == WITHHELD:
            return new
        if alike(value, self.current(line, old)):
            self.claim(line, hit)
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
            return new if blank(self.current(part, old)) else self._remove(part, new, old)
        return new if self._stands(part, wanted, old) else self._write(part, wanted, new)

    def flags(self, line: Flags, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write a list of words as flags of 1 and 0; without a word that has one and without a reason, as nothing."""
        hit = find(case, line.case, self.trail)
        value = settled(hit.value) if hit else MISSING
        current = self.current(line, old)
        if value == WITHHELD or (current is UNREADABLE and blank(value)):
            return new
        words = {word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str) and word}
        self._claim_words(line, hit, words)
        if alike(value, current) or (isinstance(current, list) and _are(words, current)):
            self.claim(line, hit)
            return new
        answers = any(word in words for word, _ in line.flags)
        said = answers or (not words and line.none is not None and not blank(to_other(line.none, value, self.links)))
        for word, path in line.flags:
            self._flag(line, path, said, word in words, isinstance(current, list), new)
        return self.leaf(line.none, case if not words else NOWHERE, new, old) if line.none else new

    def _claim_words(self, line: Flags, hit: Hit | None, words: set[Any]) -> None:
        known = {word for word, _ in line.flags}
        if hit and isinstance(hit.value, list):
            said = (i for i, word in enumerate(hit.value) if isinstance(word, str) and word in known)
            self.trail.claimed |= {(*hit.where, i) for i in said}
        elif hit and words and words <= known:
            self.trail.claimed.add(hit.where)

    def _flag(self, line: Flags, path: Path, said: bool, on: bool, answered: bool, new: Any) -> None:
        """One flag. Where the list was answered before, a flag that already says so keeps its spelling."""
        present = value_at(new, path)
        if not said:
            if blank(present) or text_of(present) in (*ON, *OFF):  # another code is no answer of ours
                self.cut(line, path, new)
        elif (not blank(present) and text_of(present) in ON) is not on or (blank(present) and not answered):
            self.writes += 1
            assign(new, path, "1" if on else "0")


def _unread(line: Leaf, old: Scope | None) -> list[Any]:
    """The items of the original's list that say nothing to the line: no line claims them, so they stay."""
    hit = find(old, line.other) if old and (line.codes or line.link) else None
    listed = hit.value if hit and isinstance(hit.value, list) else []
    return [item for item in listed if to_case(line, item) is MISSING]


def unknown(definition: Definition, slice_: Mapping[str, Any]) -> dict[str, Any]:
    """The slots that a slice of several lacks: nobody knows what they hold, as if it were withheld."""
    several = definition.case if len(definition.case) > 1 else ()
    return {slot: withheld() for slot in several if slot not in slice_}


def as_known(definition: Definition, slice_: Mapping[str, Any], partial: Container[str]) -> dict[str, Any]:
    """A slice of several slots as far as it is known: lists of records that it does not call complete are partial."""
    lists = (slot for slot in definition.case if slot in partial and type(slice_.get(slot)) is list)
    return {**slice_, **unknown(definition, slice_), **{slot: Partial(slice_[slot]) for slot in lists}}


def _are(words: set[str], current: list[Any]) -> bool:
    """Does the original say exactly these words? It may hold anything."""
    return len(words) == len(current) and all(isinstance(word, str) and word in words for word in current)


def alike(mine: Any, theirs: Any) -> bool:
    """The same value, or nothing on both sides; a number is the same as its text."""
    if blank(mine) or blank(theirs):
        return blank(mine) and blank(theirs)
    if isinstance(mine, bool) or isinstance(theirs, bool):
        return mine is theirs
    if isinstance(mine, dict | list) or isinstance(theirs, dict | list):
        return bool(mine == theirs)
    return theirs is not UNREADABLE and text_of(mine) == text_of(theirs)
