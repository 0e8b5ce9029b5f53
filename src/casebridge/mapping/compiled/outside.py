"""Looking things up in a record: each shared prefix once (the trie of paths, as locals of the generated function)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from casebridge.mapping.compiled.conditions import plain_keys, test
from casebridge.mapping.compiled.text import NotCompiled, Source, literal
from casebridge.mapping.model import Choose, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition, Path, Step

# No None, empty text, list or group; false and 0 are values.
THERE = "{0} or {0} is not None and {0} != '' and {0} == 0"
_numbers = count()
Selector = tuple[Condition, ...]


@dataclass(slots=True, eq=False)
class Spot:
    """A group of the record that a local holds; ``above`` is the group round it (what ``^`` reaches)."""

    local: str
    above: Spot | None = None
    wanted: dict[tuple[Step, ...], list[Selector]] = field(default_factory=dict)
    number: int = field(default_factory=lambda: next(_numbers))
    prefix: tuple[Step, ...] = ()  # the steps from the spot whose number it has

    def inner(self, local: str, steps: tuple[Step, ...]) -> Spot:
        """The group at ``steps``: what is looked up under it from here is known there."""
        return Spot(local, self, number=self.number, prefix=(*self.prefix, *steps))

    def rise(self, up: int) -> Spot | None:
        """The spot ``up`` places above."""
        spot: Spot | None = self
        for _ in range(up):
            spot = spot.above if spot else None
        return spot

    def expect(self, paths: Iterable[Path]) -> None:
        """Learn which items of its lists will be wanted, so that one loop finds them all."""
        for path in paths:
            for i, step in enumerate(path.steps if not path.up else ()):
                if step.selector:
                    wanted = self.wanted.setdefault((*path.steps[:i], Step(step.key)), [])
                    if step.selector not in wanted:
                        wanted.append(step.selector)


def paths_of(lines: Iterable[Line]) -> Iterator[Path]:
    """Every outside path that the lines look up from the place they stand at."""
    for line in lines:
        if isinstance(line, Leaf):
            yield from (line.other, *line.also_read, *(condition.path for condition in line.beside))
        elif isinstance(line, Spread):
            yield from paths_of(line.parts)
        elif isinstance(line, Flags):
            yield from (path for _, path in line.flags)
            yield from paths_of([line.none] if line.none else [])
        elif isinstance(line, Choose):
            for branch in line.branches:
                yield from (condition.path for condition in branch.other)
                yield from paths_of(branch.fields)
        elif isinstance(line, Each):
            yield Path(line.other.steps[:-1], line.other.up)
        elif isinstance(line, Group):
            yield line.other


def plain_path(path: Path) -> bool:
    """One field of the item itself?"""
    return len(path.steps) == 1 and not path.up and path.steps[0].selector is None


class Lookups:
    """Emits lookups. On the case side, under an Absent group everything is that Absent."""

    def __init__(self, source: Source, *, case: bool = False) -> None:
        self.source = source
        self.case, self.odd = case, "within" if case else "odd"

    def value(self, spot: Spot, path: Path) -> str:
        """The local that holds what stands at ``path``; None in it when nothing does."""
        start = spot.rise(path.up)
        if start is None:
            raise NotCompiled(f"the path {path} rises above the record")
        return self.at(start, path.steps)

    def at(self, spot: Spot, steps: tuple[Step, ...]) -> str:
        """As :meth:`value`, for steps from ``spot``."""
        if not steps:
            return spot.local
        key = (spot.number, (*spot.prefix, *steps))
        if known := self.source.known(key):
            return known
        if steps[-1].selector is not None:
            return self._item(spot, steps)
        group = self.at(spot, steps[:-1])
        local, name = self.source.name(), literal(steps[-1].key)
        if len(steps) == 1 or self.source.known(("sure", group)):
            self.source.add(f"{local} = {group}.get({name})")
        else:
            there = f"({group}.get({name}) or {self.odd}({group}, {name}))"
            self.source.add(f"{local} = {there} if type({group}) is dict else beyond({group}) if {group} else None")
        return self.source.learn(key, local)

    def sure(self, group: str) -> None:
        """In the present block ``group`` is there; that it is no Absent is seen to here."""
        self.source.add(f"if 'absent' in {group}: whole({group})")
        self.source.learn(("sure", group), group)

    def _item(self, spot: Spot, steps: tuple[Step, ...]) -> str:
        plain = (*steps[:-1], Step(steps[-1].key))
        items = self.at(spot, plain)
        selector = steps[-1].selector or ()
        if not selector:
            local = self.source.name()
            self.source.add(f"{local} = ({items}[0] if type({items}) is list else {items}) if {items} else None")
            return self.source.learn((spot.number, (*spot.prefix, *steps)), local)
        wanted = spot.wanted.get(plain, [])
        wanted = wanted if selector in wanted else [selector]
        locals_ = {each: self.source.name() for each in wanted}
        simple = [each for each in wanted if all(plain_path(c.path) for c in each)]
        self._loop(items, {each: locals_[each] for each in simple})
        for each in wanted:
            if each not in simple:
                long = self.source.constant("S", each)
                self.source.add(f"{locals_[each]} = first({items}, {long}) if {items} else None")
            place = (*spot.prefix, *steps[:-1], Step(steps[-1].key, each))
            self.source.learn((spot.number, place), locals_[each])
        return locals_[selector]

    def _loop(self, items: str, wanted: dict[Selector, str]) -> None:
        """One loop over the items that finds the first for each selector."""
        if not wanted:
            return
        add, block = self.source.add, self.source.block
        add(f"{' = '.join(wanted.values())} = None")
        if self.case:
            cloud = self.source.name("q")
            add(f"{cloud} = False")
            with block(f"if type({items}) is list:"):
                self._each(items, wanted, cloud)
                with block(f"if {cloud}:"):
                    for selector, found in wanted.items():
                        add(f"if {found} is None: {found} = clouded({items}, {self.source.constant('S', selector)})")
            with block(f"elif {THERE.format(items)}:"):
                add(f"{' = '.join(wanted.values())} = lone({items})")
            return
        with block(f"if {THERE.format(items)}:"):
            self._each(f"{items} if type({items}) is list else alone({items})", wanted, "")

    def _each(self, items: str, wanted: dict[Selector, str], cloud: str) -> None:
        item = self.source.name("i")
        with self.source.block(f"for {item} in {items}:"):
            keys = {key: self.source.name("k") for key in plain_keys(wanted)}
            for key, local in keys.items():
                self.source.add(f"{local} = {item}.get({literal(key)})")
            self._pick(item, keys, wanted, cloud)

    def _pick(self, item: str, keys: dict[str, str], wanted: dict[Selector, str], cloud: str) -> None:
        """Is ``item`` the first for one of the selectors?"""
        constants = [value for selector in wanted for value in selector[0].values]
        alone = len(keys) == 1 and len(set(constants)) == len(constants)
        word = "if"
        for selector, found in wanted.items():
            fits = " and ".join(test(self.source, c, keys[c.path.steps[0].key]) for c in selector)
            with self.source.block(f"{word} {fits}:"):
                self.source.add(f"if {found} is None: {found} = {item}")
            if alone:  # one field, different constants: the item is meant by one of them at most
                word = "elif"
                continue
            self._doubt(item, keys, [selector], cloud)
        if alone:
            self._doubt(item, keys, list(wanted), cloud)

    def _doubt(self, item: str, keys: dict[str, str], wanted: list[Selector], cloud: str) -> None:
        """A value that is no text may still be the one meant."""
        strange = " or ".join(
            f"type({keys[key]}) is not str and ({keys[key]} is not None or 'absent' in {item})"
            for key in plain_keys(wanted)
        )
        with self.source.block(f"elif {strange}:"):
            for selector in wanted:
                known = self.source.constant("S", selector)
                self.source.add(f"{cloud} = strange({known}, {item})" if cloud else f"unsure({known}, {item})")
