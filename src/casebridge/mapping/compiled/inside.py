"""Building a side: groups and items are made when the first value for them comes, and are held in locals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from casebridge.mapping.compiled.conditions import test
from casebridge.mapping.compiled.text import NotCompiled, Source, literal
from casebridge.mapping.model import Choose, Each, Group, Leaf, Line
from casebridge.mapping.paths import Condition, Path, Step
from casebridge.mapping.walk import described

Steps = tuple[Step, ...]
Alternative = tuple[tuple[int, int], ...]  # the branches a line stands in: (choose, branch)


@dataclass(frozen=True, slots=True)
class Written:
    """A case path that a line writes, in which branches, and whether it adds items to a list."""

    steps: Steps
    branch: Alternative
    items: bool = False
    group: bool = False
    constant: bool = False
    inner: frozenset[Steps] = frozenset()  # what the lines of an item write into it


def written(lines: Iterable[Line], branch: Alternative = ()) -> Iterator[Written]:
    """What the lines write on import into the group they stand at."""
    for line in lines:
        if "import" not in line.ways:
            continue
        if isinstance(line, Choose):
            for i, each in enumerate(line.branches):
                at = (*branch, (id(line), i))
                yield from written(each.fields, at)
                yield from constants(each.case, at)
        elif isinstance(line, Group) and not line.case.steps:
            yield from written(line.fields, branch)
        elif line.case.up:
            raise NotCompiled(f"the case path {line.case} rises above its group")
        else:
            inner = frozenset(w.steps for w in written(line.fields)) if isinstance(line, Each) else frozenset()
            group = isinstance(line, Group) or (isinstance(line, Leaf) and line.link is not None)
            yield Written(line.case.steps, branch, isinstance(line, Each), group, inner=inner)


def together(one: Alternative, other: Alternative) -> bool:
    """Can both run on one record? Two branches of one choose cannot."""
    chosen = dict(one)
    return all(chosen.get(choose, i) == i for choose, i in other)


def constants(conditions: Iterable[Condition], branch: Alternative = ()) -> list[Written]:
    """What conditions write."""
    return [Written(c.path.steps, branch, constant=True) for c in conditions if c.test == "equal" and c.path.steps]


class Inside:
    """One group under construction, held by ``local``."""

    def __init__(self, source: Source, local: str, all_: Iterable[Written]) -> None:
        self.source, self.local = source, local
        self.all = list(all_)
        self.below: Counter[Steps] = Counter()
        for each in self.all:
            for i in range(1, len(each.steps) + (each.group or self._picks(each))):
                self.below[each.steps[:i]] += 1
        self.lists: dict[Steps, set[Step]] = {}
        for each in self.all:
            for i, step in enumerate(each.steps):
                if step.selector is not None or (each.items and i == len(each.steps) - 1):
                    self.lists.setdefault((*each.steps[:i], Step(step.key)), set()).add(step)
        self.volatile = set(self._volatile())
        self.dynamic = {listed for listed, steps in self.lists.items() if self._overlapping(listed, steps)}
        self._check()
        self.locals: dict[Steps, str] = {}
        self._mark = source.mark()
        self._start: list[str] = []

    def _picks(self, each: Written) -> bool:
        return bool(each.steps) and each.steps[-1].selector is not None and not each.items

    def _overlapping(self, listed: Steps, steps: set[Step]) -> bool:
        """Could an item made for one of these be taken for an item of another?"""
        if any((*listed[:-1], step) in self.volatile for step in steps):
            return True
        filled = [e for e in self.all if e.items and (*e.steps[:-1], Step(e.steps[-1].key)) == listed]
        picked = [s.selector for s in steps if s.selector is not None and not self._only_items(listed, s)]
        if any(not _apart(each, selector) for each in filled for selector in picked):
            return True
        return any(not disjoint(a, b) for i, a in enumerate(picked) for b in picked[i + 1 :])

    def mingled(self, steps: Steps) -> bool:
        """Could an item of this list be taken for one that other lines pick?"""
        listed = (*steps[:-1], Step(steps[-1].key))
        picked = [s.selector for s in self.lists[listed] if s.selector is not None and not self._only_items(listed, s)]
        each = next(e for e in self.all if e.items and e.steps == steps)
        return any(not _apart(each, selector) for selector in picked)

    def _only_items(self, listed: Steps, step: Step) -> bool:
        return all(each.items for each in self.all if each.steps == (*listed[:-1], step)) and not any(
            each.steps[: len(listed)] == (*listed[:-1], step) and len(each.steps) > len(listed) for each in self.all
        )

    def _volatile(self) -> Iterator[Steps]:
        """Items that may be no longer what their selector means once a line has written into them."""
        for each in self.all:
            for i, step in enumerate(each.steps):
                tested = [c.path.steps for c in step.selector or ()]
                inner = [w.steps[i + 1 :] for w in self.all if w.steps[: i + 1] == each.steps[: i + 1]]
                compared = any(overlap(path, below) for path in tested for below in inner if below)
                if compared or any(c.test != "equal" for c in step.selector or ()):
                    yield each.steps[: i + 1]

    def _check(self) -> None:
        for each in self.all:
            for i in range(len(each.steps) - 1):
                if any(
                    w.steps == each.steps[: i + 1] and not w.group and together(w.branch, each.branch)
                    for w in self.all if w is not each and not w.items
                ):
                    raise NotCompiled("a line that writes into the value of another line")

    def shared(self, steps: Steps) -> bool:
        """May something stand in the group at ``steps`` that another line put there?"""
        inside = [each for each in self.all if each.steps[: len(steps)] == steps]
        groups = [each for each in inside if each.steps == steps and each.group]
        return any(one is not each and together(one.branch, each.branch) for one in groups for each in inside) or any(
            steps[: i + 1] in self.volatile or (*steps[:i], Step(steps[i].key)) in self.dynamic
            for i in range(len(steps))
        )

    def finish(self) -> None:
        """Say at the start which locals hold nothing yet."""
        self.source.fill(self._mark, f"{' = '.join(self._start)} = None" if self._start else "")

    # --- places ------------------------------------------------------------------------------------------------

    def group(self, steps: Steps) -> str:
        """The local of the group at ``steps``, made here where it is missing."""
        if not steps:
            return self.local
        if any(steps[: i + 1] in self.volatile for i in range(len(steps))):
            local, path = self.source.name("c"), self.source.constant("P", Path(steps))
            self.source.add(f"{local} = reach({self.local}, {path}.steps, {path})")
            return local
        if self.below[steps] == 1:
            return self._make(steps, self.source.name("c"))
        if steps not in self.locals:
            self.locals[steps] = self.source.name("c")
            self._start.append(self.locals[steps])
        local = self.locals[steps]
        if not self.source.known(("made", local)):
            with self.source.block(f"if {local} is None:"):
                self._make(steps, local)
            self.source.learn(("made", local), local)
        return local

    def _make(self, steps: Steps, local: str) -> str:
        above, step = self.group(steps[:-1]), steps[-1]
        add, name = self.source.add, literal(step.key)
        listed = (*steps[:-1], Step(step.key))
        found = any((*steps[:i], Step(steps[i].key)) in self.dynamic for i in range(len(steps) - 1))
        if step.selector is None and not found:
            add(f"{local} = {above}[{name}] = {{}}")
        elif found or listed in self.dynamic:
            path = self.source.constant("P", Path((step,)))
            add(f"{local} = reach({above}, {path}.steps, {path})")
        elif len(self.lists[listed]) == 1:
            add(f"{local} = {literal(described(step.selector or ()))}")
            add(f"{above}[{name}] = [{local}]")
        else:
            add(f"{local} = {literal(described(step.selector or ()))}")
            add(f"{self.list(listed)}.append({local})")
        return local

    def list(self, listed: Steps) -> str:
        """The local of a list that several lines add to, made here where it is missing."""
        above, name = self.group(listed[:-1]), literal(listed[-1].key)
        if listed in self.dynamic:
            local = self.source.name("l")
            self.source.add(f"{local} = {above}.setdefault({name}, [])")
            return local
        if listed not in self.locals:
            self.locals[listed] = self.source.name("l")
            self._start.append(self.locals[listed])
        local = self.locals[listed]
        if not self.source.known(("made", local)):
            self.source.add(f"if {local} is None: {local} = {above}[{name}] = []")
            self.source.learn(("made", local), local)
        return local

    # --- values ------------------------------------------------------------------------------------------------

    def value(self, steps: Steps, value: str) -> None:
        """Write one value; where another line may have written too, groups become one."""
        listed = (*steps[:-1], Step(steps[-1].key))
        if steps[-1].selector is not None:
            if listed in self.dynamic or len(self.lists[listed]) > 1 or not all(
                each.group for each in self.all if each.steps == steps
            ):
                raise NotCompiled("a value for a whole item of a list")
            self.source.add(f"{self.group(steps)}.update({value})")
            return
        if self.below[steps] > 1:
            self.source.add(f"{self.group(steps)}.update({value})")
            return
        if self.written_once(steps):
            self._whole(steps, value)
            return
        above, name = self.group(steps[:-1]), literal(steps[-1].key)
        if self._twice(steps):
            self.source.add(f"merge({above}, {name}, {value})")
        else:
            self.source.add(f"{above}[{name}] = {value}")

    def written_once(self, steps: Steps) -> bool:
        """Is this the only value in the group that holds it?"""
        above = steps[:-1]
        return bool(above) and self.below[above] == 1 and not any(
            steps[: i + 1] in self.volatile or (*steps[:i], Step(steps[i].key)) in self.dynamic
            for i in range(len(above))
        )

    def _whole(self, steps: Steps, value: str) -> None:
        """Write a value together with the groups that hold nothing else."""
        text = value
        while len(steps) > 1 and self.below[steps[:-1]] == 1:
            steps, name = steps[:-1], literal(steps[-1].key)
            given = literal(described(steps[-1].selector or ()))[1:-1]
            text = f"{{{given}, {name}: {text}}}" if given else f"{{{name}: {text}}}"
            listed = (*steps[:-1], Step(steps[-1].key))
            if steps[-1].selector is not None and len(self.lists[listed]) > 1:
                self.source.add(f"{self.list(listed)}.append({text})")
                return
            if steps[-1].selector is not None:
                text = f"[{text}]"
        self.source.add(f"{self.group(steps[:-1])}[{literal(steps[-1].key)}] = {text}")

    def direct(self, steps: Steps) -> bool:
        """Does writing there take one statement?"""
        return len(steps) == 1 and not self._twice(steps)

    def is_value(self, steps: Steps) -> bool:
        """Is it one field of the group, and no group or list itself?"""
        return len(steps) == 1 and steps[0].selector is None and not self.below[steps] and steps not in self.lists

    def _twice(self, steps: Steps) -> bool:
        same = [each for each in self.all if each.steps == steps and not each.constant]
        return any(together(a.branch, b.branch) for i, a in enumerate(same) for b in same[i + 1 :])

    def items(self, steps: Steps, items: str) -> None:
        """Add items to a list."""
        listed = (*steps[:-1], Step(steps[-1].key))
        lone = sum((*e.steps[:-1], Step(e.steps[-1].key)) == listed for e in self.all if e.steps) == 1
        if lone and len(self.lists[listed]) == 1 and not self.below[steps]:
            self.source.add(f"{self.group(steps[:-1])}[{literal(steps[-1].key)}] = {items}")
        else:
            self.source.add(f"{self.list(listed)}.extend({items})")

    def constant(self, condition: Condition) -> None:
        """Write a constant where nothing stands."""
        if condition.test != "equal" or not condition.path.steps:
            return
        group, name = self.group(condition.path.steps[:-1]), literal(condition.path.steps[-1].key)
        self.source.add(f"if {name} not in {group}: {group}[{name}] = {literal(condition.constant)}")

    def enforce(self, condition: Condition) -> None:
        """Write a constant where something else stands."""
        group, name = self.group(condition.path.steps[:-1]), literal(condition.path.steps[-1].key)
        local = self.source.name("w")
        self.source.add(f"{local} = {group}.get({name})")
        stands, constant = test(self.source, condition, local), literal(condition.constant)
        self.source.add(f"if not {stands}: {group}[{name}] = {constant}")


def flat(all_: Iterable[Written]) -> bool:
    """Nothing but single values, so that one group can be laid over another?"""
    return not any(len(each.steps) > 1 or each.items or each.group for each in all_)


def _apart(each: Written, selector: tuple[Condition, ...]) -> bool:
    """Are the items of a list, made with the constants of its own selector, never those another one picks?"""
    lasting = tuple(
        c for c in each.steps[-1].selector or () if not any(overlap(c.path.steps, path) for path in each.inner)
    )
    return disjoint(lasting, selector)


def disjoint(one: tuple[Condition, ...], other: tuple[Condition, ...]) -> bool:
    """Some field that both compare, with different constants, or there for one and not for the other."""
    return any(a.path == b.path and _differ(a, b) for a in one for b in other)


def _differ(a: Condition, b: Condition) -> bool:
    if "absent" in (a.test, b.test):
        return a.test != b.test
    return a.test == b.test == "equal" and not set(a.values) & set(b.values)


def overlap(one: Steps, other: Steps) -> bool:
    """Does one path lead to, into or round the place of the other?"""
    return all(_meet(a, b) for a, b in zip(one, other, strict=False))


def _meet(a: Step, b: Step) -> bool:
    return a.key == b.key and not (a.selector and b.selector and disjoint(a.selector, b.selector))
