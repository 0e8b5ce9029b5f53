"""Export: from the case side onto the last original seen from the partner (``put``), or onto nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from casebridge.core.errors import RecordError
from casebridge.mapping.model import Choose, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.put_branches import BranchWriter
from casebridge.mapping.reading import last_part, parts_of
from casebridge.mapping.walk import (
    MISSING,
    WITHHELD,
    Scope,
    assign,
    blank,
    clone,
    find,
    holds_all,
    husk,
    is_absent,
    reach,
)  # fmt: skip


class Writer(BranchWriter):
    """Writes one slice."""

    def fields(self, lines: Sequence[Line], case: Scope, new: Any, old: Scope | None) -> Any:
        """Write ``lines`` onto ``new``: first what lapsed goes; branches come last, when what they look at stands."""
        if not self.erasing and (lapsed := [line for line in lines if self.lapsed(line, case, old)]):
            new = self.erased(lapsed, new, old)
            old = Scope(clone(new), old.where, old.parent) if old else None
        around, self.beside = self.beside, lines
        for last in (False, True):
            for line in lines:
                if isinstance(line, Choose) is last:
                    new = self.line(line, case, new, old)
        self.beside = around
        return new

    def line(self, line: Line, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write one line onto ``new``; returns the node, another one where it was a single value."""
        if line.when and not self._counts(line, case, old):
            return new
        if not self.writes_to(line, new):
            self._look_later(line, case, new)
            return new
        if isinstance(line, Leaf):
            return self.leaf(line, case, new, old)
        if isinstance(line, Spread):
            return self.spread(line, case, new, old)
        if isinstance(line, Flags):
            return self.flags(line, case, new, old)
        if isinstance(line, Choose):
            return self.choose(line, case, new, old)
        if isinstance(line, Each):
            return self.each(line, case, new, old)
        if isinstance(line, Group):
            return self.group(line, case, new, old)
        raise TypeError(type(line).__name__)

    def _counts(self, line: Line, case: Scope, old: Scope | None) -> bool:
        if self.erasing:
            return old is not None and (id(line), old.where) in self.counted
        return holds_all(line.when, case.node)

    def _look_later(self, line: Line, case: Scope, new: Any) -> None:
        """A line that does not write: once all is written, see whether what it reads there is our value."""
        if self.erasing:
            return
        scope = Scope(self.new)
        for node in self.standing:
            scope = Scope(node, (), scope)
        self.read_only.append((line, case, scope))

    # --- groups ------------------------------------------------------------------------------------------------

    def group(self, line: Group, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the lines under a group, made where it is missing and taken away when it is empty."""
        hit = find(case, line.case, self.trail)
        if hit and hit.value == WITHHELD:
            return new
        empty = hit is None or blank(hit.value) or is_absent(hit.value)
        below = Scope({}, hit.where if hit else (), case) if empty or hit is None else Scope(hit.value, hit.where, case)
        if line.split:
            return self._split(line, below, new, old)
        old_hit = find(old, line.other) if old else None
        old_below = Scope(old_hit.value, old_hit.where, old) if old_hit and not blank(old_hit.value) else None
        if not line.other.steps:
            return self.inside(line.fields, below, new, old_below)
        present = find(Scope(new), line.other)
        if present is None or blank(present.value) or is_absent(present.value):
            silent = not self.fresh(old) and not said(line.fields, below)
            return new if silent else self._new_group(line, below, new)
        selector = line.other.steps[-1].selector or ()
        before = husk(present.value, selector)
        self.inside(line.fields, below, present.value, old_below)
        if not before and husk(present.value, selector):
            self.cut(line, line.other, new)
        return new

    def _new_group(self, line: Group, below: Scope, new: Any) -> Any:
        before = self.writes
        made = self.inside(line.fields, below, {}, None)
        if self.writes > before and not blank(made):
            reach(new, line.other.steps, line.other).update(made)
        return new

    def _split(self, line: Group, below: Scope, new: Any, old: Scope | None) -> Any:
        hit = find(old, line.other) if old else None
        before = parts_of(line, hit.value) if hit and not blank(hit.value) else {}
        old_below = Scope(before, hit.where, old) if hit and before else None
        parts = self.inside(line.fields, below, dict(before), old_below)
        if parts == before:
            return new
        texts = [str(parts.get(str(i), "")) for i in range(1, last_part(line) + 1)]
        if any(line.split in text for text in texts):
            raise RecordError(
                "CB-301", f"a part holds {line.split!r}, which line {line.place} puts between parts",
                field=line.case.text,
            )  # fmt: skip
        while texts and not texts[-1]:
            texts.pop()
        return self._joined(line, line.split.join(texts), new)

    def _joined(self, line: Group, text: str, new: Any) -> Any:
        self.writes += bool(text)
        if not line.other.steps:
            return text or MISSING
        if text:
            assign(new, line.other, text)
        else:
            self.cut(line, line.other, new)
        return new


def said(lines: Sequence[Line], case: Scope) -> bool:
    """Does the case side say something that one of the lines would write?"""
    return any("export" in line.ways and holds_all(line.when, case.node) and _said(line, case) for line in lines)


def _said(line: Line, case: Scope) -> bool:
    if isinstance(line, Choose):
        return any(said(branch.fields, case) for branch in line.branches)
    hit = find(case, line.case)
    if hit is None or blank(hit.value) or hit.value == WITHHELD:
        return False
    if isinstance(line, Group):
        return not is_absent(hit.value) and said(line.fields, Scope(hit.value, hit.where, case))
    return True
