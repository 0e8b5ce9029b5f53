"""Fills a record of one side line by line: the same lines make native records and case slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from casebridge.mapping.generate.claims import Claim, claims, in_shared, shared_parents
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.ground import Above, Kind, planting, reaching, settling
from casebridge.mapping.generate.kinds import CaseKind, NativeKind
from casebridge.mapping.generate.pools import Pool, case_pool, other_pool, readers
from casebridge.mapping.likeness import frozen
from casebridge.mapping.model import Branch, Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition, Path
from casebridge.mapping.walk import blank, clone, holds_all, value_at

Side = Literal["case", "other"]
Sow = Callable[[Dice, Any, Above], Any]
_ALSO, _STRAY, _TWICE, _FLAG_NOISE = 0.3, 0.2, 0.06, 0.05


class Around:
    """Where lines stand: what may stand there on both sides (nearest first), and what a branch says of its leaves."""

    def __init__(self, case: tuple[CaseKind, ...], other: tuple[NativeKind, ...], hints: Mapping[Path, str]) -> None:
        self.case, self.other, self.hints = case, other, hints
        self.lines: Sequence[Line] = ()

    def inner(self, line: Line, other: Path) -> Around:
        """Inside a group or a list of it."""
        case: CaseKind = self.case[min(line.case.up, len(self.case) - 1)]
        native: NativeKind = self.other[min(other.up, len(self.other) - 1)]
        for step in line.case.steps:
            case = case.below(step.key)
        native = _kind_at(Path(other.steps), native)
        return Around((case.one, *self.case), (native.one, *self.other), {})

    def branch(self, branch: Branch) -> Around:
        """Inside a branch: what its case conditions say of the type of a leaf."""
        hints: dict[Path, str] = {c.path: c.test for c in branch.case if c.test in ("boolean", "moment")}
        inside = Around(self.case, self.other, hints)
        inside.lines = self.lines
        return inside

    def kinds(self, side: Side) -> tuple[Kind, ...]:
        """Those of one side."""
        return self.case if side == "case" else self.other


class Sower:
    """Makes of a map's lines what fills one side of it."""

    def __init__(self, definition: Definition, side: Side) -> None:
        found = claims(definition)
        self.side: Side = side
        self.parents = shared_parents(definition)
        self.pools: dict[int, Pool] = {}
        self.readers = readers(found)
        self.claims: dict[int, Claim] = {id(claim.line): claim for claim in found}
        self.left = {id(claim.line) for claim in found if self._leaves(definition, claim)}

    def _leaves(self, definition: Definition, claim: Claim) -> bool:
        """Lines that the case side cannot write through."""
        if self.side == "other":
            return False
        return "export" not in claim.ways or in_shared(definition, claim) or _up(claim.line)

    def level(self, lines: Sequence[Line], around: Around, depth: int = 0) -> Sow:
        """All lines of one level; branches and lines with ``when`` last."""
        around.lines = [*around.lines, *lines]
        first = [self.line(line, around, depth) for line in lines if not line.when and not isinstance(line, Choose)]
        last = [self.line(line, around, depth) for line in lines if line.when or isinstance(line, Choose)]
        sows = [sow for sow in (*first, *last) if sow is not None]

        def sow_all(dice: Dice, node: Any, above: Above) -> Any:
            for sow in sows:
                node = sow(dice, node, above)
            return node

        return sow_all

    def line(self, line: Line, around: Around, depth: int) -> Sow | None:
        """What fills one line, or None when this side has nothing to fill there."""
        if id(line) in self.left:
            return None
        if isinstance(line, Leaf):
            sow = self.leaf(line, around, depth)
        elif isinstance(line, Spread):
            sow = self.spread(line, around)
        elif isinstance(line, Flags):
            sow = self.flags(line, around)
        elif isinstance(line, Choose):
            sow = self.choose(line, around, depth)
        elif isinstance(line, Each):
            sow = self.each(line, around, depth)
        elif isinstance(line, Group):
            sow = self.group(line, around, depth)
        else:
            raise TypeError(type(line).__name__)
        return _only_when(line.when, sow) if line.when and self.side == "case" and sow else sow

    # --- single values -----------------------------------------------------------------------------------------

    def pool(self, leaf: Leaf, around: Around, line: Line, other: Path) -> Pool:
        """The values of a leaf of ``line`` at an outside path."""
        _, case = planting(line.case, around.case)
        _, native = planting(other, around.other)
        hint = around.hints.get(line.case, "")
        if self.side == "case":
            return case_pool(leaf, native, case, hint)  # type: ignore[arg-type]
        also = self._also_reading(line, other)
        return other_pool(leaf, native, case, tuple(also), hint)  # type: ignore[arg-type]

    def _also_reading(self, line: Line, other: Path) -> list[Leaf]:
        """Other leaves that read the same place of one record, and must be able to."""
        claim = self.claims.get(id(line))
        if claim is None:
            return []
        places = [place for place in (*claim.other, *claim.also) if place[-1:] == other.steps[-1:]]
        readers = [each for place in places for each in self.readers.get(place, ()) if each.beside(claim)]
        return [leaf for each in readers for leaf in each.leaves if not isinstance(each.line, Flags)]

    def leaf(self, line: Leaf, around: Around, depth: int) -> Sow | None:
        """One value; on the other side sometimes at one of the further places that are read."""
        pool = self.pools[id(line)] = self.pool(line, around, line, line.other)
        if not pool.items:
            return None
        plant, kind = planting(self.path(line), around.kinds(self.side))
        must = self._must(line, kind, depth)
        further = self._further(line, around)

        def sow(dice: Dice, node: Any, above: Above) -> Any:
            if not must and dice.random() >= dice.density:
                return node
            if further and dice.random() < _ALSO:
                node = dice.each(further)(dice, node, above)
                if dice.random() < _ALSO:
                    return node
            return plant(dice, node, above, pool.draw(dice))

        return self._beside(line, around, sow)

    def path(self, line: Line) -> Path:
        """The line's path on this side."""
        return line.case if self.side == "case" else line.other  # type: ignore[attr-defined]

    def _must(self, line: Leaf, kind: Kind, depth: int) -> bool:
        """Always there: what the map requires, and inside a group what its side requires."""
        way = "export" if self.side == "case" else "import"
        return way in line.required or (depth > 0 and kind.required and len(self.path(line).steps) == 1)

    def _further(self, line: Leaf, around: Around) -> list[Sow]:
        if self.side == "case":
            return []
        return [sow for path in line.also_read if (sow := self._also(line, path, around)) is not None]

    def _also(self, line: Leaf, path: Path, around: Around) -> Sow | None:
        pool = self.pool(line, around, line, path)
        plant, _ = planting(path, around.other)
        return (lambda dice, node, above: plant(dice, node, above, pool.draw(dice))) if pool.items else None

    def _beside(self, line: Leaf, around: Around, sow: Sow) -> Sow:
        """With the constants of ``with`` beside it, most of the time."""
        if self.side == "case" or not line.beside:
            return sow
        kinds = around.other[min(line.other.up, len(around.other) - 1) :]
        settle = settling(line.beside, kinds[0])

        def sow_beside(dice: Dice, node: Any, above: Above) -> Any:
            node = sow(dice, node, above)
            if dice.random() < 0.9:
                settle(dice, (node, *above)[line.other.up] if len(above) >= line.other.up else node)
            return node

        return sow_beside

    def spread(self, line: Spread, around: Around) -> Sow | None:
        """A list: on the other side a place for each item, some of them empty."""
        pools = [self.pool(part, around, line, part.other) for part in line.parts]
        if not all(pool.items for pool in pools):
            return None
        if self.side == "case":
            plant, _ = planting(line.case, around.case)
            self.pools[id(line)] = Pool(pools[0].items, many=True)
            return _now_and_then(lambda dice, node, above: plant(dice, node, above, _row(dice, pools)))
        plants = [planting(part.other, around.other)[0] for part in line.parts]

        def sow(dice: Dice, node: Any, above: Above) -> Any:
            for plant, pool in zip(plants, pools, strict=True):
                if dice.random() < dice.density:
                    node = plant(dice, node, above, dice.each(pool.items))
            return node

        return sow

    def flags(self, line: Flags, around: Around) -> Sow:
        """Words as flags of 1 and 0, or why there are none."""
        none = self.leaf(line.none, around, 0) if line.none else None
        words = [word for word, _ in line.flags]
        if self.side == "case":
            plant, _ = planting(line.case, around.case)
            listed: Sow = lambda dice, node, above: plant(dice, node, above, _some(dice, words))  # noqa: E731
            return _now_and_then(_either(listed, self._none_of(line, around)))
        plants = [planting(path, around.other) for _, path in line.flags]

        def sow(dice: Dice, node: Any, above: Above) -> Any:
            chosen = _some(dice, words) if dice.random() < 0.6 else []
            for word, (plant, kind) in zip(words, plants, strict=True):
                if dice.random() >= _FLAG_NOISE:
                    node = plant(dice, node, above, _flag(kind, word in chosen))
            return none(dice, node, above) if none and not chosen else node

        return _now_and_then(sow)

    def _none_of(self, line: Flags, around: Around) -> Sow | None:
        pool = self.pool(line.none, around, line, line.none.other) if line.none else Pool(())
        plant, _ = planting(line.case, around.case)
        items = tuple(item for item in pool.items if isinstance(item, dict))
        return (lambda dice, node, above: plant(dice, node, above, dice.each(items))) if items else None

    # --- groups, lists, branches -------------------------------------------------------------------------------

    def group(self, line: Group, around: Around, depth: int) -> Sow:
        """The lines under a group; the parts of a ``split`` become one text."""
        path = self.path(line)
        inner = self.level(line.fields, around.inner(line, line.other), depth + 1)
        if line.split and self.side == "other":
            plant, _ = planting(path, around.other)
            return _now_and_then(lambda dice, node, above: plant(dice, node, above, _joined(line, dice, inner)))
        kinds = around.kinds(self.side)
        reach, _ = reaching(path.steps, kinds[min(path.up, len(kinds) - 1)])

        def sow(dice: Dice, node: Any, above: Above) -> Any:
            group = reach(dice, (node, *above)[path.up] if len(above) >= path.up else node)
            if type(group) is dict:
                inner(dice, group, (node, *above))
            return node

        return sow if not path.steps else _now_and_then(sow)

    def each(self, line: Each, around: Around, depth: int) -> Sow:
        """The items of a list: none, or up to three."""
        path = self.path(line)
        inside = around.inner(line, line.other)
        fields = self.level(line.fields, inside, depth + 1)
        selector = (path.steps[-1].selector or ()) if path.steps else ()
        describe = settling(selector, inside.kinds(self.side)[0])
        reach, _ = reaching(path.steps[:-1], around.kinds(self.side)[0])
        single = self.side == "other" and _kind_at(path, around.other[0]).many is False

        def item(dice: Dice, above: Above) -> Any:
            made: dict[str, Any] = {}
            describe(dice, made)
            return fields(dice, made, above)

        def sow(dice: Dice, node: Any, above: Above) -> Any:
            made = [item(dice, (node, *above)) for _ in range(1 if single else dice.few())]
            made = [each for each in made if not blank(each)]
            if self.side == "other" and made and not single and dice.random() < _TWICE:
                made.append(clone(made[0]))
            if self.side == "case":
                made = _keyed_once(line, made)
            if not path.steps:
                return made or node
            group = reach(dice, node)
            if type(group) is dict and made:
                _list_into(group, path.steps[-1].key, made, single=single)
            return node

        return _now_and_then(sow)

    def choose(self, line: Choose, around: Around, depth: int) -> Sow:
        """One of the branches, with what holds for it; sometimes none."""
        branches = [self.branch(branch, around, depth) for branch in line.branches if self._usable(branch)]

        def sow(dice: Dice, node: Any, above: Above) -> Any:
            if not branches or (not depth and dice.random() >= min(max(dice.density, 0.5), 0.9)):
                return node
            return dice.each(branches)(dice, node, above)

        return sow

    def _usable(self, branch: Branch) -> bool:
        """On the case side a branch counts when a line or a constant of it can be written."""
        if self.side == "other" or not branch.fields or any(id(line) not in self.left for line in branch.fields):
            return True
        return any(c.test == "equal" and c.path.steps[0].key not in self.parents for c in branch.other)

    def _needed(self, conditions: Sequence[Condition], branch: Branch, around: Around) -> list[Line]:
        """The lines beside the branch that fill what must be present for it."""
        present = [c.path for c in conditions if c.test == "present"]
        lines = [line for line in around.lines if isinstance(line, Leaf | Group | Each) and line not in branch.fields]
        return [line for line in lines if any(_starts(self.path(line), path) for path in present)]

    def branch(self, branch: Branch, around: Around, depth: int) -> Sow:
        """The lines of a branch and its conditions."""
        conditions = branch.case if self.side == "case" else branch.other
        fields = self.level(branch.fields, around.branch(branch), depth)
        settle = settling(conditions, around.kinds(self.side)[0])

        constant = settling([c for c in conditions if c.test == "equal"], around.kinds(self.side)[0])
        beside = [more for line in self._needed(conditions, branch, around) if (more := self.line(line, around, depth))]

        def sow(dice: Dice, node: Any, above: Above) -> Any:
            if type(node) is dict:
                constant(dice, node)
            node = fields(dice, node, above)
            if type(node) is dict and not holds_all(conditions, node):
                density, dice.density = dice.density, 1.0
                node = fields(dice, node, above)
                for needed in beside:
                    node = needed(dice, node, above)
                dice.density = density
                settle(dice, node)
            return node

        return sow


def _starts(path: Path, other: Path) -> bool:
    return not path.up and not other.up and path.steps[: len(other.steps)] == other.steps


def _kind_at(path: Path, kind: NativeKind) -> NativeKind:
    for step in path.steps:
        kind = kind.below(step.key)
    return kind


def _up(line: Line) -> bool:
    return isinstance(line, Leaf) and bool(line.other.up)


def _flag(kind: Kind, on: bool) -> Any:
    text = "1" if on else "0"
    return kind.spelled(text) if isinstance(kind, NativeKind) else text


def _only_when(conditions: tuple[Condition, ...], sow: Sow) -> Sow:
    return lambda dice, node, above: sow(dice, node, above) if holds_all(conditions, node) else node


def _now_and_then(sow: Sow) -> Sow:
    return lambda dice, node, above: sow(dice, node, above) if dice.random() < dice.density else node


def _either(first: Sow, second: Sow | None) -> Sow:
    if second is None:
        return first
    return lambda dice, node, above: (first if dice.random() < 0.6 else second)(dice, node, above)


def _some(dice: Dice, words: list[str]) -> list[str]:
    """Some of the words in their order, at least one."""
    chosen = {dice.pick(words) for _ in range(dice.few())}
    return [word for word in words if word in chosen]


def _row(dice: Dice, pools: list[Pool]) -> list[Any]:
    return [dice.each(pool.items) for pool in pools[: dice.few(len(pools))]]


def _joined(line: Group, dice: Dice, inner: Sow) -> Any:
    """The parts as one text, as far as there are any."""
    parts = inner(dice, {}, ())
    texts = {int(key): str(value).replace(line.split, "") for key, value in parts.items()}
    return line.split.join(texts.get(i, "") for i in range(1, max(texts, default=0) + 1))


def _keyed_once(line: Each, items: list[Any]) -> list[Any]:
    """Items that the key tells apart."""
    kept: dict[Any, Any] = {}
    for item in items:
        kept.setdefault(tuple(frozen(value_at(item, path)) for path, _ in line.key), item)
    return list(kept.values())


def _list_into(group: dict[str, Any], key: str, items: list[Any], *, single: bool) -> None:
    standing = group.get(key)
    if single:
        if blank(standing):
            group[key] = items[0]
    elif isinstance(standing, list):
        standing.extend(items)
    else:
        group[key] = items if blank(standing) else [standing, *items]
