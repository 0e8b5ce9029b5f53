"""Export of branches and of lines that count only sometimes: what no longer holds is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.model import BOTH, Branch, Choose, Leaf, Line
from casebridge.mapping.paths import Condition
from casebridge.mapping.put_lists import ListWriter
from casebridge.mapping.put_values import NOWHERE, alike
from casebridge.mapping.reading import Reader, chosen
from casebridge.mapping.walk import (
    WITHHELD,
    Scope,
    Trail,
    Where,
    apply_conditions,
    assign,
    blank,
    claim_conditions,
    clone,
    described,
    doubtful,
    holds,
    holds_all,
    value_at,
)  # fmt: skip


class Recall(Reader):
    """Reads the original again for which lines with ``when`` counted there. What it cannot read does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: set[tuple[int, Where]] = set()

    def line(self, line: Line, scope: Scope, into: Any, where: Where) -> Any:
        """Read one line if it can be read."""
        if line.when:
            self.counted.add((id(line), scope.where))
        try:
            return super().line(line, scope, into, where)
        except CaseBridgeError:
            return into


class BranchWriter(ListWriter):
    """Writes ``choose`` lines, and erases what lapsed."""

    @cached_property
    def counted(self) -> set[tuple[int, Where]]:
        """The lines with ``when`` that counted in the original, and where."""
        recall = Recall()
        if self.old is not None:
            recall.fields(self.definition.fields, self.old, described(self.definition.when))
        return recall.counted

    def lapsed(self, line: Line, case: Scope, old: Scope | None) -> bool:
        """Did the line's ``when`` hold in the original, and does no longer? A line of one way leaves no trace."""
        if not line.when or old is None or line.ways != BOTH or doubtful(line.when, case.node):
            return False
        return not holds_all(line.when, case.node) and (id(line), old.where) in self.counted

    def choose(self, line: Choose, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the branch that fits, and take away what another has written."""
        was = chosen(line.branches, old.node) if old else None
        now = None if self.erasing else self._now(line, was, case, new, old)
        if now is None and not self.erasing and any(doubtful(b.case, case.node) for b in line.branches):
            return new
        if was is None and now is not None and old is not None and not self.fresh(old) and (
            _silent(now, case) or self._unchanged(now, case, old)
        ):
            return new  # what stands there is none of the map's business, and we have nothing to put in its place
        if was is not None and was is not now:
            new = self._erase(line, was, now, new, old)
            for branch in line.branches:  # what stood in its shadow must not come to light
                if branch is not now and branch is chosen(line.branches, new):
                    new = self._erase(line, branch, now, new, _fresh_copy(new, old))
            old = _fresh_copy(new, old)
        return new if now is None else self._branch(line, now, case, new, old)

    def _branch(self, line: Choose, branch: Branch, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write a branch. One that does not stand there afterwards would be read as another, or not: it goes."""
        outer, writes, looks = self.trail, self.writes, len(self.read_only)
        self.trail = Trail()
        claim_conditions(case.node, branch.case, case.where, self.trail)
        self._enforce(line, branch, new)
        new = self.fields(branch.fields, case, new, old)
        if all(holds(condition, new) for condition in branch.other if self.ours(condition.path, new)):
            outer.claimed |= self.trail.claimed
        else:
            new = self._erase(line, branch, None, new, _fresh_copy(new, old))
            self.writes = writes
            del self.read_only[looks:]
        self.trail = outer
        return new

    def _enforce(self, line: Choose, branch: Branch, new: Any) -> None:
        """Write the constants that tell the branch from its sisters, and clear what must not stand there."""
        before = self.writes
        for condition in branch.other:
            if condition.path in line.settled or holds(condition, new) or not self.ours(condition.path, new):
                continue
            if condition.test == "equal":
                assign(new, condition.path, condition.constant)
                self.writes = before + 1
            elif condition.test == "absent":
                self.cut(line, condition.path, new)

    def _now(self, line: Choose, was: Branch | None, case: Scope, new: Any, old: Scope | None) -> Branch | None:
        """The branch to write: theirs if it still fits, or could if what is withheld were known; else the first."""
        if was is not None and doubtful(was.case, case.node):
            return was
        if was is not None and old is not None and (self._fits(was, line, case, new) or self._agrees(was, case, old)):
            return was
        return next((branch for branch in line.branches if self._fits(branch, line, case, new)), None)

    def _agrees(self, branch: Branch, case: Scope, old: Scope) -> bool:
        """Does the original, read by its branch, already say what the case side says?"""
        try:
            read = self.reader.fields(branch.fields, old, {})
        except CaseBridgeError:
            return False
        if not isinstance(read, dict) or not read:
            return False
        apply_conditions(branch.case, read)
        return _alike(branch, case.node, read)

    def _unchanged(self, branch: Branch, case: Scope, old: Scope) -> bool:
        """Does the original, which no branch fits, say what the case side says of all that the branch speaks of?"""
        try:
            return _alike(branch, case.node, self.reader.fields(self.beside, old, {}))
        except CaseBridgeError:
            return False

    def _fits(self, branch: Branch, line: Choose, case: Scope, new: Any) -> bool:
        """The case side is as the branch says, and nothing that other lines wrote speaks against it."""
        settled = (condition for condition in branch.other if condition.path in line.settled)
        return holds_all(branch.case, case.node) and holds_all(settled, new)

    def _erase(self, line: Choose, branch: Branch, now: Branch | None, new: Any, old: Scope | None) -> Any:
        """Take away what a branch that no longer holds has written, but for what the new one writes as well."""
        lasting = [each for each in now.fields if isinstance(each, Leaf)] if now else []
        gone = [each for each in branch.fields if not any(_same_place(each, leaf) for leaf in lasting)]
        new = self.erased(gone, new, old)
        for condition in self._constants(line, branch, now, new):
            self.cut(line, condition.path, new)
        return new

    def erased(self, lines: list[Line], new: Any, old: Scope | None) -> Any:
        """``new`` without what ``lines`` have written."""
        before, self.erasing = self.erasing, True
        try:
            return self.fields(lines, Scope(self.unknown) if new is self.new else NOWHERE, new, old)
        finally:
            self.erasing = before

    def _constants(self, line: Choose, branch: Branch, now: Branch | None, new: Any) -> Iterator[Condition]:
        """The constants only this branch puts there."""
        kept = {c.path for c in (*(now.other if now else ()), *self.definition.match) if c.test == "equal"}
        for condition in branch.other:
            if condition.test == "equal" and condition.path not in kept | line.settled and holds(condition, new):
                yield condition


def _alike(branch: Branch, mine: Any, theirs: Any) -> bool:
    """Do both say the same where the branch does?"""
    paths = [line.case for line in branch.fields] + [c.path for c in branch.case if c.test == "equal"]
    return all(alike(value_at(mine, path), value_at(theirs, path)) for path in paths)


def _silent(branch: Branch, case: Scope) -> bool:
    """Has the case side nothing at all for the branch that we may know, not even a reason why?"""
    paths = [*(line.case for line in branch.fields), *(condition.path for condition in branch.case)]
    return all(blank(said := value_at(case.node, path)) or said == WITHHELD for path in paths)


def _same_place(line: Line, other: Leaf) -> bool:
    """Do both lines say the same thing in the same place, so that its spelling may stay?"""
    return isinstance(line, Leaf) and (line.other, line.codes, line.convert, line.link, line.when) == (
        other.other, other.codes, other.convert, other.link, other.when,
    )  # fmt: skip


def _fresh_copy(new: Any, old: Scope | None) -> Scope:
    return Scope(clone(new), old.where if old else (), old.parent if old else None)
