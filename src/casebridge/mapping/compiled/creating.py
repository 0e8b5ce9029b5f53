"""The generated export onto nothing: the case side in, a new record of the other side out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from casebridge.core.case import PLURALS
from casebridge.mapping.compiled.conditions import test
from casebridge.mapping.compiled.creating_values import ValueCreator
from casebridge.mapping.compiled.exported import (
    always,
    by_slot,
    case_paths_of,
    enforced,
    exported,
    ours,
    read_again,
    speaks_of_nothing,
    writes,
)  # fmt: skip
from casebridge.mapping.compiled.inside import Inside, constants, flat
from casebridge.mapping.compiled.outside import THERE, Spot
from casebridge.mapping.compiled.text import NotCompiled, literal
from casebridge.mapping.model import Branch, Choose, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition, Path, Step
from casebridge.mapping.walk import described


class Creator(ValueCreator):
    """Writes the function ``create(s, links)`` that gives the other side of the slice ``s``."""

    def function(self) -> None:
        """The whole function."""
        map_, add = self.definition, self.source.add
        with self.source.block("def create(s, links):"):
            missing = " and ".join(f"{literal(slot)} not in s" for slot in map_.case)
            add(f"if {missing}: return {{}}")
            add("n = {}")
            into = Inside(self.source, "n", [*exported(map_.fields, self.parents), *constants(map_.match)])
            for condition in map_.match:
                into.constant(condition)
            if len(map_.case) > 1:
                self._several(into)
            else:
                self._one(map_.case[0], into)
            into.finish()
            for path, constant in map_.defaults.get("export", ()):
                add(f"default(n, {self.source.constant('P', path)}, {literal(constant)})")
            add("return n")

    def _several(self, into: Inside) -> None:
        """A map of several slots: lines of a slot the slice does not have stay silent."""
        map_ = self.definition
        spot = Spot("s")
        spot.expect(case_paths_of(map_.fields))
        for condition in map_.when:
            with self.source.block(f"if {literal(condition.path.steps[0].key)} in s:"):
                self._demand([condition], spot)
        for slots, lines in by_slot(map_.fields):
            asked = " or ".join(f"{literal(slot)} in s" for slot in slots)
            with self.source.block(f"if {asked}:"):
                self.fields(lines, spot, into, root=True)

    def _one(self, slot: str, into: Inside) -> None:
        map_, add = self.definition, self.source.add
        add(f"c = s[{literal(slot)}]")
        spot = Spot("c")
        if any(not line.case.steps for line in map_.fields):
            if map_.when:
                when = self.source.constant("W", map_.when)
                with self.source.block("for i in c if type(c) is list else listed(c):"):
                    add(f"if not holds_all({when}, i): irregular()")
        else:
            if slot in PLURALS:
                add("if len(c) > 1: irregular()")
                add("c = c[0] if c else {}")
            add("if 'absent' in c: whole(c)")
            spot.expect([*case_paths_of(map_.fields), *(c.path for c in map_.when)])
            self._demand(map_.when, spot)
        self.fields(map_.fields, spot, into, root=True)

    def _demand(self, conditions: Iterable[Condition], spot: Spot) -> None:
        for condition in conditions:
            found = self.lookups.value(spot, condition.path)
            self.source.add(f"if not {test(self.source, condition, found)}: irregular()")

    # --- lines -------------------------------------------------------------------------------------------------

    def fields(self, lines: Sequence[Line], spot: Spot, into: Inside, *, root: bool = False) -> None:
        """All lines of one group, branches last."""
        for last in (False, True):
            for line in lines:
                if isinstance(line, Choose) is not last or not writes(line, self.parents if root else frozenset()):
                    continue
                with self.source.serving(line, "->"):
                    if not line.when:
                        self.line(line, spot, into, root=root)
                        continue
                    tests = [test(self.source, c, self.lookups.value(spot, c.path)) for c in line.when]
                    with self.source.block(f"if {' and '.join(tests)}:"):
                        self.line(line, spot, into, root=root)

    def line(self, line: Line, spot: Spot, into: Inside, *, root: bool) -> None:
        """One line."""
        if line.case.up:
            raise NotCompiled(f"the case path {line.case} rises above its group")
        if isinstance(line, Leaf):
            self.leaf(line, self.lookups.value(spot, line.case), into)
        elif isinstance(line, Spread):
            self.spread(line, spot, into)
        elif isinstance(line, Flags):
            self.flags(line, spot, into)
        elif isinstance(line, Group):
            self._group(line, spot, into, root=root)
        elif isinstance(line, Each):
            self._each(line, spot, into)
        elif isinstance(line, Choose):
            self._choose(line, spot, into, root=root)
        else:
            raise NotCompiled(type(line).__name__)

    # --- groups, lists, branches -------------------------------------------------------------------------------

    def _group(self, line: Group, spot: Spot, into: Inside, *, root: bool) -> None:
        found = self.lookups.value(spot, line.case)
        if any(id(leaf) in self.keys for leaf in always(line.fields)):
            self.source.add(f"if type({found}) is dict and veiled({found}): continue")
        if speaks_of_nothing(line.fields):
            self.source.add(f"if hidden({found}): irregular()")
            held = self.source.name("v")
            self.source.add(f"{held} = {found} or {{}}")
            self._inside(line, held, spot, into, root=root)
            return
        with self.source.block(f"if {THERE.format(found)}:"):
            self._inside(line, found, spot, into, root=root)

    def _inside(self, line: Group, found: str, spot: Spot, into: Inside, *, root: bool) -> None:
        below = spot.inner(found, line.case.steps) if line.case.steps else spot
        below.expect(case_paths_of(line.fields))
        if line.case.steps:
            self.source.add(f"if 'absent' in {found}: whole({found})")
        if line.split and not line.other.steps:
            raise NotCompiled("a split value that is the whole item")
        if not line.other.steps:
            self.fields(line.fields, below, into, root=root)
            return
        group = self.source.name("g")
        self.source.add(f"{group} = {{}}")
        inner = Inside(self.source, group, exported(line.fields, frozenset()))
        self.fields(line.fields, below, inner)
        inner.finish()
        if line.split:
            text = self.source.name("x")
            self.source.add(f"{text} = joined({self.source.constant('L', line)}, {group})")
            with self.source.block(f"if {text}:"):
                into.value(line.other.steps, text)
            return
        if into.shared(line.other.steps):
            self._refuse_shared(line)
        with self.source.block(f"if {group}:"):
            steps = line.other.steps
            if into.below[steps] == 1 and steps[-1].selector is None:
                self.source.add(f"{into.group(steps[:-1])}[{literal(steps[-1].key)}] = {group}")
            else:
                self.source.add(f"{into.group(steps)}.update({group})")

    def _refuse_shared(self, line: Group) -> None:
        """A group that other lines fill too is made apart and laid over theirs: only single values bear that."""
        if any(isinstance(each, Choose) for each in line.fields):
            raise NotCompiled("branches in a group that other lines write into")
        if not flat(exported(line.fields, frozenset())):
            raise NotCompiled("a list or group in a group that other lines write into")

    def _each(self, line: Each, spot: Spot, into: Inside) -> None:
        steps = (*line.case.steps[:-1], Step(line.case.steps[-1].key)) if line.case.steps else ()
        found = self.lookups.at(spot, steps)
        if into.mingled(line.other.steps):
            selector = self.source.constant("S", line.other.steps[-1].selector or ())
            list_ = self.source.constant("P", Path((*line.other.steps[:-1], Step(line.other.steps[-1].key))))
            self.source.add(f"unmet({into.local}, {list_}, {selector})")
        items = self.source.name("l")
        self.source.add(f"{items} = []")
        with self.source.block(f"if {THERE.format(found)}:"):
            self.items(line, found, spot, items)
        with self.source.block(f"if {items}:"):
            into.items(line.other.steps, items)

    def items(self, line: Each, found: str, spot: Spot, items: str) -> None:
        """Every case item the line covers, made into an item of theirs and added to ``items``."""
        item = self.source.name("i")
        selector = (line.case.steps[-1].selector or ()) if line.case.steps else ()
        with self.source.block(f"for {item} in {found} if type({found}) is list else listed({found}):"):
            below = Spot(item, spot)
            below.expect([*case_paths_of(line.fields), *(path for path, _ in line.key)])
            if (selector or speaks_of_nothing(line.fields)) and any(path.steps for path in case_paths_of(line.fields)):
                self.source.add(f"if 'absent' in {item}: whole({item})")
            self._only(selector, below)
            if speaks_of_nothing(line.fields):
                self.source.add(f"if type({item}) is dict and all_withheld({item}): continue")
            looked_at = {id(leaf) for leaf in always(line.fields)}
            self.keys |= looked_at & {id(leaf) for _, leaf in line.key}
            keys = [self.lookups.at(below, path.steps) for path, leaf in line.key if id(leaf) not in looked_at]
            if keys:
                self.source.add(f"if hidden({', '.join(keys)}): continue")
            self._item(line, below, items)

    def _only(self, selector: tuple[Condition, ...], below: Spot) -> None:
        """Skip an item that the list's own selector does not mean."""
        if not selector:
            return
        local = self.source.constant("S", selector)
        if not all(len(c.path.steps) == 1 and c.test == "equal" for c in selector):
            self.source.add(f"if not holds_all({local}, {below.local}): unsure({local}, {below.local}); continue")
            return
        tests = [test(self.source, c, self.lookups.value(below, c.path)) for c in selector]
        with self.source.block(f"if not ({' and '.join(tests)}):"):
            self.source.add(f"unsure({local}, {below.local})")
            self.source.add("continue")

    def _item(self, line: Each, below: Spot, items: str) -> None:
        own = line.other.steps[-1].selector
        given = described(own) if own else {}
        lines = [each for each in line.fields if writes(each, frozenset())]
        if len(lines) == 1 and isinstance(lines[0], Leaf) and not lines[0].other.steps and not lines[0].when:
            leaf = lines[0]
            if given:
                raise NotCompiled("a list of single values under a selector")
            with self.source.serving(leaf, "->"):
                self.leaf(leaf, self.lookups.value(below, leaf.case), Inside(self.source, "", ()),
                          lambda value: self.source.add(f"{items}.append({value})"))  # fmt: skip
            return
        made = self.source.name("o")
        self.source.add(f"{made} = {{}}")
        all_ = [*exported(line.fields, frozenset()), *constants(own or ())]
        if given and any(isinstance(each, Choose) for each in lines):
            raise NotCompiled("branches in a list that a selector picks")
        inner = Inside(self.source, made, all_)
        self.fields(line.fields, below, inner)
        with self.source.block(f"if {made}:"):
            for condition in own or ():
                inner.constant(condition)
            self.source.add(f"{items}.append({made})")
        self.source.add(f"elif type({below.local}) is dict and 'absent' in {below.local}: whole({below.local})")
        inner.finish()

    def _choose(self, line: Choose, spot: Spot, into: Inside, *, root: bool) -> None:
        parents = self.parents if root else frozenset()
        for branch in line.branches:
            for condition in branch.case:
                self.lookups.value(spot, condition.path)
        word = "if"
        for branch in line.branches:
            tests = [test(self.source, c, self.lookups.value(spot, c.path)) for c in branch.case]
            settled = tuple(c for c in branch.other if c.path in line.settled)
            if settled:
                tests.append(f"holds_all({self.source.constant('S', settled)}, {into.local})")
            with self.source.block(f"{word} {' and '.join(tests) or 'True'}:"):
                for condition in enforced(line, branch.other, parents):
                    if condition.test == "equal":
                        into.enforce(condition)
                    elif condition.test == "absent" and into.is_value(condition.path.steps):
                        self.source.add(f"{into.local}.pop({literal(condition.path.steps[0].key)}, None)")
                    elif condition.test == "absent":
                        cut = self.source.constant("S", (condition,))
                        self.source.add(f"if not holds_all({cut}, {into.local}): irregular()")
                self.fields(branch.fields, spot, into, root=root)
                self._stands(line, branch, into, parents)
            word = "elif"

    def _stands(self, line: Choose, branch: Branch, into: Inside, parents: frozenset[str]) -> None:
        """Take back what would not be read as this branch."""
        asked = [c for c in branch.other if ours(c.path, parents)]
        places = [each.steps for each in exported(branch.fields, parents)]
        places += [c.path.steps for c in enforced(line, branch.other, parents) if c.test == "equal"]
        if not asked or not places:
            return
        stands = self._asked(asked, into)
        with self.source.block(f"if not ({stands}):"):
            if all(into.is_value(steps) for steps in places) and all(read_again(each) for each in branch.fields):
                for steps in places:
                    self.source.add(f"{into.local}.pop({literal(steps[0].key)}, None)")
            else:
                self.source.add("irregular()")

    def _asked(self, conditions: list[Condition], into: Inside) -> str:
        if any(len(c.path.steps) != 1 or c.path.steps[0].selector is not None for c in conditions):
            return f"holds_all({self.source.constant('S', tuple(conditions))}, {into.local})"
        tests = []
        for condition in conditions:
            local = self.source.name("w")
            self.source.add(f"{local} = {into.local}.get({literal(condition.path.steps[0].key)})")
            tests.append(test(self.source, condition, local))
        return " and ".join(tests)


