"""The generated ``put``: finds what a slice changes about the last original, so that only those lines are put."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from casebridge.core.case import PLURALS
from casebridge.mapping.compiled.conditions import test
from casebridge.mapping.compiled.exported import case_paths_of, exported, writes
from casebridge.mapping.compiled.importing import speaks
from casebridge.mapping.compiled.inside import Written, disjoint, together, written
from casebridge.mapping.compiled.outside import Lookups, Spot, paths_of
from casebridge.mapping.compiled.patch import parents_of, places, touched_by
from casebridge.mapping.compiled.text import NotCompiled, Source, literal
from casebridge.mapping.model import BOTH, Branch, Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition, Path, Step

Field = tuple[str, ...]  # a field of the case side: its name, or its slot and its name


class Putter:
    """Writes the function ``put(s, links, b)`` that gives the original ``b`` with what the slice ``s`` says."""

    def __init__(self, definition: Definition, source: Source) -> None:
        self.definition, self.source = definition, source
        self.lookups, self.native = Lookups(source, case=True), Lookups(source)
        self.parents = parents_of(definition)
        self.depth = 2 if len(definition.case) > 1 else 1
        self.ours, self.read, self.base = Spot("c"), Spot("r"), Spot("b")
        self.shared = self._shared()

    def function(self) -> None:
        """The whole function."""
        map_, add = self.definition, self.source.add
        if any(not line.case.steps for line in map_.fields):
            raise NotCompiled("a line for the whole list of its slot")
        paths = [*case_paths_of(map_.fields), *(c.path for c in map_.when)]
        for spot in (self.ours, self.read):
            spot.expect(paths)
        self.base.expect([*paths_of(map_.fields), *(c.path for c in map_.match)])
        with self.source.block("def put(s, links, b):"):
            if self.parents:
                add(f"if b.keys() <= {self.source.constant('Q', self.parents)}: irregular()")
            for condition in map_.match:
                found = self.native.value(self.base, condition.path)
                add(f"if not {test(self.source, condition, found)}: irregular()")
            self._roots()
            add("p = None")
            for last in (False, True):
                self._lines([line for line in map_.fields if isinstance(line, Choose) is last])
            add("return dict(b) if p is None else p.new")

    def _roots(self) -> None:
        """The case side of the slice, and what the original itself says."""
        map_, add = self.definition, self.source.add
        if len(map_.case) > 1:
            add(f"if {' and '.join(f'{literal(slot)} not in s' for slot in map_.case)}: return dict(b)")
            add("c, r = s, read(b)")
            for condition in map_.when:
                with self.source.block(f"if {literal(condition.path.steps[0].key)} in s:"):
                    self._demand(condition)
            return
        slot = literal(map_.case[0])
        add(f"if {slot} not in s: return dict(b)")
        add(f"c, r = s[{slot}], read(b).get({slot})")
        if map_.case[0] in PLURALS:
            add(f"if not c and {slot} not in s.get('complete', ()): return dict(b)")
            add("if len(c) > 1: irregular()")
            add("c, r = c[0] if c else {}, r[0] if r else {}")
        add("if r is None: r = {}")
        add("if 'absent' in c: whole(c)")
        for condition in map_.when:
            self._demand(condition)

    def _demand(self, condition: Condition) -> None:
        found = self.lookups.value(self.ours, condition.path)
        self.source.add(f"if not {test(self.source, condition, found)}: irregular()")

    # --- lines -------------------------------------------------------------------------------------------------

    def _lines(self, lines: Sequence[Line]) -> None:
        """Lines in their order; neighbours that speak of one field are asked together."""
        run: list[Line] = []
        for line in [line for line in lines if writes(line, self.parents)]:
            if run and (not self._plain(line) or self._fields(line) != self._fields(run[0])):
                self._run(run)
                run = []
            run.append(line)
            if not self._plain(line):
                self._run(run)
                run = []
        if run:
            self._run(run)

    def _plain(self, line: Line) -> bool:
        return not line.when and not isinstance(line, Choose) and "import" in line.ways and not self._doubtful(line)

    def _run(self, lines: list[Line]) -> None:
        line = lines[0]
        if not self._plain(line):
            self._alone(line)
            return
        moved = " or p is not None" if any(self._beside(each) for each in lines) else ""
        for each in lines:
            if isinstance(each, Each) and speaks(each.fields):
                moved += f" or hollow({self.native.at(self.base, listed_at(each.other))})"
        with self.source.block(f"if {self._differ(self._fields(line))}{moved}:"):
            for each in lines:
                with self.source.serving(each, "<->"):
                    if isinstance(each, Leaf | Spread | Flags):
                        ours, read = (self.lookups.value(spot, each.case) for spot in (self.ours, self.read))
                        moved = " or p is not None" if self._beside(each) else ""
                        with self.source.block(f"if {self._unequal(ours, read)}{moved}:"):
                            self._put(each, f"{ours}, {read}" if isinstance(each, Leaf) else "")
                    elif isinstance(each, Each) and self._by_itself(each):
                        self._list(each)
                    else:
                        self._put(each)

    def _alone(self, line: Line) -> None:
        """A line that counts only sometimes, has branches or no way back."""
        fields = self._fields(line)
        with self.source.serving(line, "<->"):
            if isinstance(line, Choose):
                fields = self._fields_of(c.path for branch in line.branches for c in branch.case)
            present = " or ".join(f"{literal(slot)} in s" for slot in dict.fromkeys(f[0] for f in fields))
            with self.source.block(f"if {present}:" if self.depth > 1 and present else "if True:"):
                if not line.when:
                    self._branches(line)
                    return
                changed = self._differ(self._fields_of(c.path for c in line.when))
                asked = [test(self.source, c, self.lookups.value(self.ours, c.path)) for c in line.when]
                with self.source.block(f"if {' and '.join(asked)}:"):
                    self._put(line)
                if line.ways == BOTH:
                    with self.source.block(f"elif {changed}:"):
                        self.source.add("irregular()")

    def _branches(self, line: Line) -> None:
        if not isinstance(line, Choose) or self._doubtful(line):
            self._put(line)
            return
        same = self.source.name("x")
        chosen = " else ".join([*(self._stays(branch) for branch in line.branches), "False"])
        self.source.add(f"{same} = {chosen}")
        settled = any(c.path in line.settled for b in line.branches for c in b.other)
        moved = " or p is not None" if settled or self._beside(line) else ""
        with self.source.block(f"if not {same} or {self._differ(self._fields(line))}{moved}:"):
            self._put(line)

    def _stays(self, branch: Branch) -> str:
        """``fits the case side if the original is of this branch``"""
        there = [test(self.source, c, self.native.value(self.base, c.path)) for c in branch.other]
        here = [test(self.source, c, self.lookups.value(self.ours, c.path)) for c in branch.case]
        return f"({' and '.join(here) or 'True'}) if {' and '.join(there) or 'True'}"

    def _put(self, line: Line, values: str = "") -> None:
        known, touched = self.source.constant("L", line), self.source.constant("K", touched_by(line))
        self.source.add("if p is None: p = Patch(definition, links, b, c, s.get('complete') or ())")
        self.source.add(f"p.value({known}, {touched}, {values})" if values else f"p.put({known}, {touched})")

    def _list(self, line: Each) -> None:
        """A list that is paired by its key here."""
        plan, name = self.source.name("G"), literal(line.case.steps[0].key)
        ours = [each for each in line.fields if writes(each, frozenset())]
        lines = tuple((each, _telling(each)) for each in sorted(ours, key=lambda x: isinstance(x, Choose)))
        with self.source.aside():
            with self.source.block(f"def key_{plan}(i):"):
                self.source.add("if 'absent' in i: whole(i)")
                parts = [self.lookups.at(Spot("i"), path.steps) for path, _ in line.key]
                key = ", ".join(f"({part} or None) if type({part}) is str else part({part})" for part in parts)
                self.source.add(f"return ({key},)")
            inner = self.source.constant("M", lines)
            self.source.add(f"{plan} = ListPlan({self.source.constant('L', line)}, key_{plan}, {inner})")
        self.source.add("if p is None: p = Patch(definition, links, b, c, s.get('complete') or ())")
        self.source.add(f"p.items({plan}, c.get({name}), r.get({name}))")

    # --- fields ------------------------------------------------------------------------------------------------

    def _differ(self, fields: Iterable[Field]) -> str:
        """Does the slice say of one of the fields something else than the original?"""
        tests = []
        for field in fields:
            name = literal(field[-1])
            if len(field) == 2:
                slot = literal(field[0])
                ours, read = f"c[{slot}].get({name})", f"(r[{slot}].get({name}) if {slot} in r else None)"
                tests.append(f"{slot} in c and ({self._changed(ours, read)})")
            elif self.depth > 1:
                tests.append(f"{name} in c and ({self._changed(f'c[{name}]', f'r.get({name})')})")
            else:
                tests.append(self._changed(f"c.get({name})", f"r.get({name})"))
        return " or ".join(tests) or "False"

    def _changed(self, ours: str, read: str) -> str:
        """Whether two values that are still to be looked up are different."""
        mine, theirs = self.source.name("w"), self.source.name("w")
        return self._unequal(f"({mine} := {ours})", f"({theirs} := {read})", mine, theirs)

    def _unequal(self, ours: str, read: str, mine: str = "", theirs: str = "") -> str:
        """Whether two values are different. Python takes true for 1 and 72.50 for 72.5; a text needs no closer look."""
        mine, theirs = mine or ours, theirs or read
        return f"{ours} != {read} or type({mine}) is not str and {mine} is not {theirs} and unlike({mine}, {theirs})"

    def _fields(self, line: Line) -> tuple[Field, ...]:
        """The fields of the case side a line speaks of."""
        return self._fields_of(_case_paths(line))

    def _fields_of(self, paths: Iterable[Path]) -> tuple[Field, ...]:
        found = []
        for path in paths:
            steps = path.steps[: self.depth]
            plain = not steps or steps[0].selector is None
            deep = self.depth > 1 and plain and len(steps) > 1 and steps[0].key not in PLURALS
            found.append(tuple(step.key for step in (steps if deep else steps[:1])))
        return tuple(dict.fromkeys(field for field in found if field))

    def _beside(self, line: Line) -> bool:
        """May another line take away what stands in a place of this one, so that it must be written again?"""
        return any(
            _near(one, other)
            for each in self.definition.fields if each is not line and writes(each, self.parents)
            for one in places(each) for other in places(line)
        )  # fmt: skip

    def _by_itself(self, line: Each) -> bool:
        """Is the list alone at one field of each side, and do its items need nothing round them?"""
        plain = all(len(path.steps) == 1 and path.steps[0].selector is None for path in (line.case, line.other))
        fields, steps = self.definition.fields, (line.case.steps[0].key, line.other.steps[0].key)
        ours = [each for each in written(fields) if each.steps and each.steps[0].key == steps[0]]
        theirs = [each for each in exported(fields, self.parents) if each.steps and each.steps[0].key == steps[1]]
        alone = len(ours) == len(theirs) == 1 and self.depth == 1
        return plain and alone and _needs_nothing(line) and not any(leaf.link for _, leaf in line.key)

    def _shared(self) -> frozenset[Field]:
        """Fields that two lines may fill at one place: what the original says there is not one line's alone."""
        pairs = _colliding(written(self.definition.fields))
        return frozenset(field for steps in pairs for field in self._fields_of([Path(steps)]))

    def _doubtful(self, line: Line) -> bool:
        """May the original read the same though the line has something to write?"""
        return not faithful(line) or any(field in self.shared for field in self._fields(line))


def _colliding(all_: Iterable[Written]) -> Iterator[tuple[Step, ...]]:
    """Case paths that two lines may fill on one record."""
    filled = [each for each in all_ if not each.constant]
    for i, a in enumerate(filled):
        for b in filled[i + 1 :]:
            shorter = min(len(a.steps), len(b.steps))
            if a.steps[:shorter] == b.steps[:shorter] and together(a.branch, b.branch) and not (a.group or b.group):
                yield a.steps


def faithful(line: Line) -> bool:
    """Does reading tell all that the line and those under it would write?"""
    if isinstance(line, Choose):
        inner = [each for branch in line.branches for each in branch.fields]
    else:
        inner = list(line.fields) if isinstance(line, Each | Group) else []
    if isinstance(line, Each | Group) and any(_colliding(written(inner))):
        return False
    if any(isinstance(each, Each) and speaks(each.fields) for each in inner):
        return False  # an empty item may say something, and goes when it is put
    return all(
        ("import" in each.ways or not writes(each, frozenset())) and faithful(each) for each in [*inner]
    )


def _needs_nothing(line: Each) -> bool:
    """Do the items need nothing that stands round them, and count always?"""
    paths = [*paths_of(line.fields), *case_paths_of(line.fields)]
    return not any(path.up or not path.steps for path in paths) and not any(_sometimes(each) for each in line.fields)


def _sometimes(line: Line) -> bool:
    """Is there a `when` in the line or under it, or a place above it?"""
    inner = line.fields if isinstance(line, Each | Group) else ()
    if isinstance(line, Choose):
        inner = tuple(each for branch in line.branches for each in branch.fields)
    above = any(path.up for path in [*paths_of(inner), *case_paths_of(inner)])
    return bool(line.when) or above or any(_sometimes(each) for each in inner)


def _near(one: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    """Does one place lie in, round or beside the other, so that a selector may see it? Constants keep places apart."""
    for a, b in zip(one, other, strict=False):
        ours, theirs = (tuple(c for c in step.selector or () if c.test == "equal") for step in (a, b))
        if a.key != b.key or disjoint(ours, theirs):
            return False
    return True


def listed_at(path: Path) -> tuple[Step, ...]:
    """The list itself that a path picks items of."""
    return (*path.steps[:-1], Step(path.steps[-1].key))


def _telling(line: Line) -> str | None:
    """The field of a case item that says whether a line of it has something to do."""
    if isinstance(line, Choose) or "import" not in line.ways or not faithful(line):
        return None
    return line.case.steps[0].key


def _case_paths(line: Line) -> Iterable[Path]:
    if isinstance(line, Choose):
        for branch in line.branches:
            yield from (condition.path for condition in branch.case)
            for each in branch.fields:
                yield from (condition.path for condition in each.when)
                yield from _case_paths(each)
    elif isinstance(line, Group) and not line.case.steps:
        for each in line.fields:
            yield from (condition.path for condition in each.when)
            yield from _case_paths(each)
    else:
        yield line.case
