"""The generated import: one record of the other side in, the case side out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from casebridge.core.case import PLURALS
from casebridge.mapping.compiled.conditions import test
from casebridge.mapping.compiled.importing_values import ValueImporter
from casebridge.mapping.compiled.inside import Inside, constants, flat, written
from casebridge.mapping.compiled.outside import THERE, Spot, paths_of
from casebridge.mapping.compiled.text import NotCompiled, literal
from casebridge.mapping.model import Branch, Choose, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition, Path, Step
from casebridge.mapping.walk import described


class Importer(ValueImporter):
    """Writes the function ``read(d)`` that gives the case side of the record ``d``."""

    def function(self) -> None:
        """The whole function."""
        map_, add = self.definition, self.source.add
        if map_.rest == "refuse":
            raise NotCompiled("`rest: refuse`, so every leaf must be accounted for")
        with self.source.block("def read(d):"):
            spot = Spot("d")
            spot.expect([*paths_of(map_.fields), *(c.path for c in map_.match)])
            add("if 'absent' in d: whole(d)")
            whole_list = [line for line in map_.fields if not line.case.steps and isinstance(line, Each)]
            if whole_list:
                self._list(spot, whole_list)
            else:
                self._record(spot)

    def match(self) -> None:
        """The function ``match(d)``: is the record ``d`` one the map is for?"""
        spot = Spot("d")
        spot.expect(c.path for c in self.definition.match)
        with self.source.block("def match(d):"):
            self.source.add("if 'absent' in d: whole(d)")
            for condition in self.definition.match:
                found = self.lookups.value(spot, condition.path)
                self.source.add(f"if not {test(self.source, condition, found)}: return False")
            self.source.add("return True")

    def _record(self, spot: Spot) -> None:
        map_, add = self.definition, self.source.add
        add("o = {}")
        into = Inside(self.source, "o", [*written(map_.fields), *constants(map_.when)])
        for condition in map_.when:
            into.constant(condition)
        self.fields(map_.fields, spot, into)
        into.finish()
        for path, constant in map_.defaults.get("import", ()):
            if len(path.steps) == 1 and path.steps[0].selector is None:
                add(f"if {literal(path.steps[0].key)} not in o: o[{literal(path.steps[0].key)}] = {literal(constant)}")
            else:
                add(f"default(o, {self.source.constant('P', path)}, {literal(constant)})")
        slot = map_.case[0]
        complete = f", 'complete': {literal(map_.complete)}" if map_.complete else ""
        if len(map_.case) > 1:
            if complete:
                add(f"o['complete'] = {literal(map_.complete)}")
            add("return o")
        else:
            held = "[o]" if slot in PLURALS else "o"
            add(f"return {{{literal(slot)}: {held}{complete}}} if o else {{{complete[2:]}}}")

    def _list(self, spot: Spot, lines: Sequence[Line]) -> None:
        """A map whose only line is the list of a slot."""
        map_ = self.definition
        line = lines[0]
        if len(map_.fields) != 1 or not isinstance(line, Each) or len(map_.case) != 1 or map_.defaults.get("import"):
            raise NotCompiled("a map of a whole list that has other lines beside it")
        if "import" not in line.ways or line.when:
            raise NotCompiled("a map of a whole list that is not always imported")
        if map_.when or map_.case[0] not in PLURALS:
            raise NotCompiled("a list under `when`")
        slot = literal(map_.case[0])
        complete = f", 'complete': {literal(map_.complete)}" if map_.complete else ""
        items = self.items(line, spot)
        self.source.add(f"return {{{slot}: {items}{complete}}} if {items} else {{{complete[2:]}}}")

    # --- lines -------------------------------------------------------------------------------------------------

    def fields(self, lines: Sequence[Line], spot: Spot, into: Inside) -> None:
        """All lines of one group: those with ``when`` and branches last, as the interpreter has it."""
        early = [line for line in lines if not line.when and not isinstance(line, Choose)]
        for run, group in self._runs([line for line in early if "import" in line.ways]):
            if group is None:
                for line in run:
                    self.line(line, spot, into)
                continue
            held = self.lookups.value(spot, group)
            with self.source.block(f"if type({held}) is dict:"):
                self.lookups.sure(held)
                for line in run:
                    self.line(line, spot, into)
            self.source.add(f"elif {held}: beyond({held})")
        for line in lines:
            if line in early or "import" not in line.ways:
                continue
            if not line.when:
                self.line(line, spot, into)
                continue
            with self.source.block(f"if {self._holds(line.when, into)}:"):
                self.line(line, spot, into)

    def _runs(self, lines: Sequence[Line]) -> Iterator[tuple[list[Line], Path | None]]:
        """Neighbours that look into one group, with the path of the group."""
        run: list[Line] = []
        present: Path | None = None
        for line in lines:
            group = _group_of(line)
            if run and (group is None or group != present):
                yield run, present if len(run) > 1 else None
                run = []
            run, present = [*run, line], group
            if group is None:
                yield run, None
                run = []
        if run:
            yield run, present if len(run) > 1 else None

    def _holds(self, conditions: tuple[Condition, ...], into: Inside) -> str:
        """The ``when`` of a line, asked of the case side as far as it stands."""
        if any(condition.path.up for condition in conditions):
            return f"holds_all({self.source.constant('W', conditions)}, {into.local})"
        case = Spot(into.local)  # a new one: what was looked up before may have changed
        case.expect(condition.path for condition in conditions)
        return " and ".join(test(self.source, c, self.case.value(case, c.path)) for c in conditions)

    def line(self, line: Line, spot: Spot, into: Inside) -> None:
        """One line."""
        with self.source.serving(line, "<-"):
            if isinstance(line, Leaf):
                self.leaf(line, spot, lambda value: self._set(line, value, into))
            elif isinstance(line, Spread):
                self.spread(line, spot, into)
            elif isinstance(line, Flags):
                self.flags(line, spot, into)
            elif isinstance(line, Group):
                self._group(line, spot, into)
            elif isinstance(line, Each):
                self._each(line, spot, into)
            elif isinstance(line, Choose):
                self._choose(line, spot, into)
            else:
                raise NotCompiled(type(line).__name__)

    def _set(self, line: Line, value: str, into: Inside) -> None:
        if line.case.steps:
            into.value(line.case.steps, value)
        elif isinstance(line, Leaf) and line.link:
            self.source.add(f"{into.local}.update({value})")
        else:
            raise NotCompiled("a line for the whole item among other lines")

    # --- groups, lists, branches -------------------------------------------------------------------------------

    def _group(self, line: Group, spot: Spot, into: Inside) -> None:
        found = self.lookups.value(spot, line.other)
        if line.split:
            with self.source.block(f"if {THERE.format(found)}:"):
                parts = self.source.name("v")
                self.source.add(f"{parts} = parts_of({self.source.constant('L', line)}, {found})")
                self._below(line, Spot(parts, spot), into)
            return
        with self.source.block(f"if {found} and type({found}) is dict:"):
            self._below(line, Spot(found, spot) if line.other.up else spot.inner(found, line.other.steps), into)
        alive = speaks(line.fields) or demands(line.fields) or any(not path.steps for path in paths_of(line.fields))
        with self.source.block(f"elif {THERE.format(found)}:"):
            self.source.add("irregular()" if alive else f"beyond({found})")

    def _below(self, line: Group, below: Spot, into: Inside) -> None:
        below.expect(paths_of(line.fields))
        if not line.case.steps or speaks(line.fields):
            self.source.add(f"if 'absent' in {below.local}: whole({below.local})")
        if not line.case.steps:
            self.fields(line.fields, below, into)
            return
        self._refuse_shared(line, into)
        group = self.source.name("g")
        self.source.add(f"{group} = {{}}")
        inner = Inside(self.source, group, written(line.fields))
        self.fields(line.fields, below, inner)
        inner.finish()
        with self.source.block(f"if {group}:"):
            self._join(line, group, into)
        self.source.add(f"elif 'absent' in {below.local}: whole({below.local})")

    def _refuse_shared(self, line: Group, into: Inside) -> None:
        """A group that other lines fill too is made apart and laid over theirs: only single values bear that."""
        if not into.shared(line.case.steps):
            return
        if not flat(written(line.fields)):
            raise NotCompiled("a list or group in a group that other lines write into")
        if any(each.when or isinstance(each, Choose) for each in line.fields):
            raise NotCompiled("`when` or branches in a group that other lines write into")

    def _join(self, line: Group, group: str, into: Inside) -> None:
        steps = line.case.steps
        if into.below[steps] == 1 and steps[-1].selector is None:
            self.source.add(f"{into.group(steps[:-1])}[{literal(steps[-1].key)}] = {group}")
        else:
            self.source.add(f"{into.group(steps)}.update({group})")

    def _each(self, line: Each, spot: Spot, into: Inside) -> None:
        items = self.items(line, spot)
        with self.source.block(f"if {items}:"):
            into.items(line.case.steps, items)

    def items(self, line: Each, spot: Spot) -> str:
        """The case items of a list, in a local of their own."""
        add, block = self.source.add, self.source.block
        last = line.other.steps[-1]
        found = self.lookups.at(spot, (*line.other.steps[:-1], Step(last.key)))
        items, item = self.source.name("l"), self.source.name("i")
        add(f"{items} = []")
        every = f"for {item} in {found} if type({found}) is list else alone({found}):"
        with block(f"if {THERE.format(found)}:"), block(every):
            if last.selector:
                self._only(last.selector, item)
            below = Spot(item, spot)
            below.expect(paths_of(line.fields))
            if speaks(line.fields):
                add(f"if blank({item}): continue")
                add(f"if type({item}) is dict and 'absent' in {item}: whole({item})")
            self._item(line, below, items)
        return items

    def _only(self, selector: tuple[Condition, ...], item: str) -> None:
        """Skip an item that the list's own selector does not mean."""
        if all(len(c.path.steps) == 1 and not c.path.steps[0].selector for c in selector):
            tests = []
            for condition in selector:
                local = self.source.name("k")
                self.source.add(f"{local} = {item}.get({literal(condition.path.steps[0].key)})")
                strange = f"type({local}) is not str and {local} is not None"
                tests.append(f"({test(self.source, condition, local)} or {strange} and "
                             f"same({local}, {self.source.constant('V', condition.values)}))"
                             if condition.test == "equal" else test(self.source, condition, local))  # fmt: skip
            self.source.add(f"if not ({' and '.join(tests)}): continue")
        else:
            self.source.add(f"if not holds_all({self.source.constant('S', selector)}, {item}): continue")

    def _item(self, line: Each, below: Spot, items: str) -> None:
        own = line.case.steps[-1].selector if line.case.steps else None
        given = literal(described(own))[1:-1] if own else ""
        imported = [each for each in line.fields if "import" in each.ways]
        leaf = imported[0] if len(imported) == 1 else None
        if isinstance(leaf, Leaf) and not leaf.case.steps and not leaf.when:
            if given:
                raise NotCompiled("a list of single values under a selector")
            if leaf.other.steps:
                self.source.add(f"if 'absent' in {below.local}: whole({below.local})")
            with self.source.serving(leaf, "<-"):
                self.leaf(leaf, below, lambda value: self.source.add(f"{items}.append({value})"))
            return
        made = self.source.name("o")
        self.source.add(f"{made} = {{}}")
        inner = Inside(self.source, made, written(line.fields))
        self.fields(line.fields, below, inner)
        inner.finish()
        kept = f"{{{given}, **{made}}}" if given else made
        self.source.add(f"if {made}: {items}.append({kept})")
        self.source.add(f"elif 'absent' in {below.local}: whole({below.local})")

    def _choose(self, line: Choose, spot: Spot, into: Inside) -> None:
        for branch in line.branches:
            for condition in branch.other:
                self.lookups.value(spot, condition.path)
        self._branches(list(line.branches), spot, into)

    def _branches(self, branches: list[Branch], spot: Spot, into: Inside) -> None:
        word = "if"
        for branch in branches:
            tests = [test(self.source, c, self.lookups.value(spot, c.path)) for c in branch.other]
            with self.source.block(f"{word} {' and '.join(tests) or 'True'}:"):
                self.fields(branch.fields, spot, into)
                for condition in branch.case:
                    into.constant(condition)
            word = "elif"


def speaks(lines: Sequence[Line]) -> bool:
    """Can the lines say something where nothing stands?"""
    return any(
        line.when or isinstance(line, Choose | Spread | Flags) or (isinstance(line, Leaf) and _from_elsewhere(line))
        or (isinstance(line, Group) and (bool(line.other.up) or speaks(line.fields)))
        for line in lines
    )  # fmt: skip


def _from_elsewhere(line: Leaf) -> bool:
    """A default, or a place above the present one."""
    return bool(line.if_missing) or any(path.up for path in (line.other, *line.also_read))


def demands(lines: Sequence[Line]) -> bool:
    """Must one of the lines find something on import?"""
    return any(
        (isinstance(line, Leaf) and "import" in line.required)
        or (isinstance(line, Group) and demands(line.fields))
        for line in lines
    )


def _group_of(line: Line) -> Path | None:
    """The group a line with one plain place looks into."""
    if not isinstance(line, Leaf) or line.also_read or line.if_missing or line.required or len(line.other.steps) < 2:
        return None
    return Path(line.other.steps[:-1], line.other.up)
