"""Import: from the other side's record to the case side, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from casebridge.core.errors import RecordError
from casebridge.mapping.model import Branch, Choose, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Path, Step
from casebridge.mapping.translate import to_case
from casebridge.mapping.walk import (
    MISSING,
    Hit,
    Scope,
    Trail,
    Where,
    apply_conditions,
    assign,
    blank,
    claim_conditions,
    described,
    find,
    holds_all,
    items_of,
    reach,
    text_of,
    value_at,
)  # fmt: skip

ON, OFF = ("1", "true"), ("0", "false")
Trace = list[tuple[Where, Where, Line]]


class Reader:
    """Reads records. ``trail`` gathers claims and notes, ``trace`` where each case value came from."""

    def __init__(self, trail: Trail | None = None, trace: Trace | None = None) -> None:
        self.trail, self.trace = trail, trace

    def fields(self, lines: Sequence[Line], scope: Scope, into: Any, where: Where = ()) -> Any:
        """Read ``lines`` at ``scope`` into the case node ``into``, which stands at ``where``; returns the node.

        Lines with ``when`` and branches come last, when what they depend on is there.
        """
        for line in lines:
            if not line.when and not isinstance(line, Choose):
                into = self.line(line, scope, into, where)
        for line in lines:
            if (line.when or isinstance(line, Choose)) and holds_all(line.when, into):
                into = self.line(line, scope, into, where)
        return into

    def line(self, line: Line, scope: Scope, into: Any, where: Where) -> Any:
        """Read one line into ``into``."""
        if "import" not in line.ways:
            self._claim_all(line, scope)
            return into
        if isinstance(line, Group):
            return self._group(line, scope, into, where)
        if isinstance(line, Each):
            return self._each(line, scope, into, where)
        if isinstance(line, Choose):
            return self._choose(line, scope, into, where)
        return self._set(line, self.value(line, scope), into, where)

    def value(self, line: Line, scope: Scope) -> Hit | None:
        """The case value of a line with one value, and the place on the other side it came from."""
        if isinstance(line, Leaf):
            return self._leaf(line, scope)
        if isinstance(line, Spread):
            return self._spread(line, scope)
        if isinstance(line, Flags):
            return self._flags(line, scope)
        raise TypeError(type(line).__name__)

    # --- single values -----------------------------------------------------------------------------------------

    def _leaf(self, line: Leaf, scope: Scope) -> Hit | None:
        found = self._found(line, scope)
        if found is not None:
            _, theirs, hit = found
            self._claim(line, theirs, hit, scope)
            return hit
        if "import" in line.if_missing:
            return Hit(to_case(line, line.if_missing["import"]), ())
        if "import" in line.required:
            raise RecordError(
                "CB-302", f"nothing stands where line {line.place} needs a value", field=line.other.text
            )
        return None

    def _found(self, line: Leaf, scope: Scope) -> tuple[Path, Any, Hit] | None:
        """The first of the line's places that holds something, what stands there, and that in our spelling."""
        for path in (line.other, *line.also_read):
            hit = find(scope, path, self.trail)
            if hit is None or blank(hit.value) or (path is line.other and not beside(line, scope)):
                continue
            value = to_case(line, hit.value)
            if not blank(value):
                return path, hit.value, Hit(value, hit.where, hit.several)
        return None

    def source(self, line: Leaf, scope: Scope) -> Path | None:
        """Which of the line's places the value is read from."""
        found = self._found(line, scope)
        return found[0] if found else None

    def _spread(self, line: Spread, scope: Scope) -> Hit | None:
        found = [hit for part in line.parts if (hit := self._leaf(part, scope))]
        return Hit([hit.value for hit in found], found[0].where) if found else None

    def _flags(self, line: Flags, scope: Scope) -> Hit | None:
        found = [(word, hit) for word, path in line.flags if (hit := find(scope, path, self.trail))]
        words = [word for word, hit in found if not blank(hit.value) and text_of(hit.value) in ON]
        for _, hit in found:
            if blank(hit.value) or text_of(hit.value) in (*ON, *OFF):  # another code is no answer: it is left over
                self._claim_place(hit.where)
        if words:
            return Hit(words, found[0][1].where)
        return self._leaf(line.none, scope) if line.none else None

    def _set(self, line: Line, hit: Hit | None, into: Any, where: Where) -> Any:
        if hit is None or blank(hit.value):
            return into
        if not line.case.steps:
            return {**into, **hit.value} if isinstance(hit.value, dict) and isinstance(into, dict) else hit.value
        present = value_at(into, line.case)
        if isinstance(present, dict) and isinstance(hit.value, dict):
            present.update(hit.value)
        else:
            assign(into, line.case, hit.value)
        self._follow(line, into, where, hit.where)
        return into

    # --- groups, lists, branches -------------------------------------------------------------------------------

    def _group(self, line: Group, scope: Scope, into: Any, where: Where) -> Any:
        hit = find(scope, line.other, self.trail)
        if hit is None or blank(hit.value):
            return into
        node = parts_of(line, hit.value) if line.split else hit.value
        below = Scope(node, hit.where, scope)
        if line.split:
            self._claim_place(hit.where)
        if not line.case.steps:
            return self.fields(line.fields, below, into, where)
        present = find(Scope(into, where), line.case)
        if present and isinstance(present.value, dict) and present.value:
            self.fields(line.fields, below, present.value, present.where)
            return into
        found = self.fields(line.fields, below, {}, coming(into, line.case, where))
        if isinstance(found, dict) and found:
            reach(into, line.case.steps, line.case).update(found)
        elif not blank(found):
            assign(into, line.case, found)
        return into

    def _each(self, line: Each, scope: Scope, into: Any, where: Where) -> Any:
        listed = case_list(line, into)
        place = where + tuple(step.key for step in line.case.steps)
        for item in self.items(line, scope):
            found = self.item(line, item, (*place, len(listed)))
            if not blank(found):
                listed.append(found)
        if not line.case.steps:
            return listed or into
        if listed:
            reach(into, line.case.steps[:-1], line.case)[line.case.steps[-1].key] = listed
        return into

    def item(self, line: Each, scope: Scope, where: Where) -> Any:
        """One item as a case item, with the constants of the case side's selector."""
        found = self.fields(line.fields, scope, {}, where)
        selector = line.case.steps[-1].selector if line.case.steps else None
        if blank(found) or not isinstance(found, dict) or not selector:
            return found
        return {**described(selector), **found}

    def items(self, line: Each, scope: Scope) -> list[Scope]:
        """The items on the other side that an ``each`` covers; a blank one says nothing, whatever `if_missing` has."""
        steps = (*line.other.steps[:-1], Step(line.other.steps[-1].key))
        hit = find(scope, Path(steps, line.other.up, line.other.text), self.trail)
        selector = line.other.steps[-1].selector or ()
        found = [
            Scope(item, place, scope)
            for item, place in (items_of(hit.value, hit.where) if hit else ())
            if not blank(item) and holds_all(selector, item)
        ]
        if self.trail:
            for item in found:
                claim_conditions(item.node, selector, item.where, self.trail)
        return found

    def _choose(self, line: Choose, scope: Scope, into: Any, where: Where) -> Any:
        branch = chosen(line.branches, scope.node)
        if branch is None:
            return into
        if self.trail:
            claim_conditions(scope.node, branch.other, scope.where, self.trail)
        into = self.fields(branch.fields, scope, into, where)
        if isinstance(into, dict):
            apply_conditions(branch.case, into)
        return into

    # --- claims ------------------------------------------------------------------------------------------------

    def _claim(self, line: Leaf, theirs: Any, hit: Hit, scope: Scope) -> None:
        """Claim the place; of a list some of whose items say nothing to us, the others only."""
        if self.trail:
            if isinstance(theirs, list) and isinstance(hit.value, list) and len(hit.value) < len(theirs):
                said = (i for i, item in enumerate(theirs) if to_case(line, item) is not MISSING)
                self.trail.claimed |= {(*hit.where, i) for i in said}
            else:
                self.trail.claimed.add(hit.where)
            for condition in line.beside:
                if constant := find(scope, condition.path):
                    self.trail.claimed.add(constant.where)

    def _claim_place(self, where: Where) -> None:
        if self.trail:
            self.trail.claimed.add(where)

    def _claim_all(self, line: Line, scope: Scope) -> None:
        """A line that only exports owns its place all the same."""
        if self.trail is None:
            return
        paths: Iterable[Path] = ()
        if isinstance(line, Leaf | Group | Each):
            paths = (line.other,)
        elif isinstance(line, Spread):
            paths = [part.other for part in line.parts]
        elif isinstance(line, Flags):
            paths = [path for _, path in line.flags]
        for path in paths:
            hit = find(scope, path)
            if hit:
                self.trail.claimed.add(hit.where)

    def _follow(self, line: Line, into: Any, where: Where, source: Where) -> None:
        if self.trace is not None:
            hit = find(Scope(into, where), line.case)
            if hit:
                self.trace.append((hit.where, source, line))


def beside(line: Leaf, scope: Scope) -> bool:
    """Do the sibling constants of ``with`` stand there?"""
    above = scope.rise(line.other.up)
    return not line.beside or (above is not None and holds_all(line.beside, above.node))


def chosen(branches: Iterable[Branch], node: Any) -> Branch | None:
    """The first branch whose outside conditions hold."""
    return next((branch for branch in branches if holds_all(branch.other, node)), None)


def coming(into: Any, path: Path, where: Where) -> Where:
    """The place a group will have in the case side once it is made."""
    for step in path.steps:
        into, where = into.get(step.key) if isinstance(into, dict) else None, (*where, step.key)
        if step.selector is not None:
            found = list(items_of(into, ()))
            at = next((i for i, (item, _) in enumerate(found) if holds_all(step.selector, item)), len(found))
            into, where = found[at][0] if at < len(found) else None, (*where, at)
    return where


def case_list(line: Each, into: Any) -> list[Any]:
    """The list on the case side that ``each`` adds to: the one that is there, or a new one."""
    if not line.case.steps:
        return into if isinstance(into, list) else []
    steps = (*line.case.steps[:-1], Step(line.case.steps[-1].key))
    present = value_at(into, Path(steps, 0, line.case.text))
    return present if isinstance(present, list) else []


def parts_of(line: Group, value: Any) -> dict[str, str]:
    """A text of fixed parts as ``{"1": ..., "2": ...}``."""
    parts = value.split(line.split) if isinstance(value, str) else []
    if not parts or len(parts) > last_part(line):
        raise RecordError(
            "CB-301", f"line {line.place} splits this value in {last_part(line)} parts", field=line.other.text,
            expected=f"at most {last_part(line)} parts with {line.split!r} between them", found=value,
        )  # fmt: skip
    return {str(i): part for i, part in enumerate(parts, 1) if part}


def last_part(line: Group) -> int:
    """The number of the last part a ``split`` names."""
    return max(int(part.other.text) for part in line.fields if isinstance(part, Leaf))


__all__ = ["MISSING", "Reader", "Trace", "beside", "chosen", "last_part", "parts_of"]
