"""What a map looks at in the values it writes: its own words, and what converters and links make of a value.

Every other text is to the map like any other text: it can only be the same as another one of the record, or not. A
value is known by the name of the field it stands under, so one name may say more than a single place of it would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from casebridge.mapping.compiled.comparing import compares, known_by_more
from casebridge.mapping.compiled.words import parts_of_map, words_of_map
from casebridge.mapping.model import Choose, Definition, Each, Flags, Group, Leaf, Line, Link, Spread
from casebridge.mapping.paths import Condition, Path
from casebridge.mapping.translate import Links

Turn = Callable[[Any, Links], Any]


@dataclass(slots=True)
class Looks:
    """What is made of the values under one name: ``turns`` give what they are read or written as, and ``whole`` means
    that the value itself counts. A reference to one of ``targets`` is asked for, and the answer turned by ``again``.
    """

    turns: dict[str, Turn] = field(default_factory=dict)  # by a text that says what they do, so that each is done once
    whole: bool = False
    targets: set[str] = field(default_factory=set)
    again: dict[str, Turn] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Single:
    """A line of one value: the name the value has on the case side, and the names on the other side, written first.

    ``key`` means that items may be known by it, ``split`` that it is a part of a text or such a text.
    """

    line: Leaf
    case: str
    others: tuple[str, ...]
    key: bool
    split: bool


class LookedAt:
    """Of one map. ``case`` and ``other`` say by the name of a field what is made of its values, ``read`` are the names
    on the paths of the map. LookupError for a map with a value that has no name, or with a reference that is no link's.
    """

    def __init__(self, definition: Definition) -> None:
        parts = parts_of_map(definition)
        self.words = words_of_map(definition, parts)
        self.moments = any(isinstance(part, Condition) and part.test == "moment" for part in parts)
        self.read = frozenset(["absent", *(s.key for part in parts if isinstance(part, Path) for s in part.steps)])
        self.compares = compares(definition)
        if any(isinstance(part, Each) and known_by_more(part) for part in parts):
            raise LookupError("the items of a list are known by a reference that another line may have made")
        root = definition.case[0] if len(definition.case) == 1 else ""
        keys = frozenset(id(leaf) for part in parts if isinstance(part, Each) for _, leaf in part.key)
        singles = list(_singles(definition.fields, root, "", keys, split=False))
        kinds = Link(kinds={kind: kind for part in parts if isinstance(part, Link) for kind in part.kinds})
        other, case = {"absent": Looks(whole=True)}, {"absent": Looks(whole=True)}
        for single in singles:
            for name in single.others:
                _read(single, other.setdefault(name, Looks()), kinds)
        for single in singles:
            _write(single, case.setdefault(single.case, Looks()), other[single.others[0]])
        for name, looks in other.items():  # a group may be written as it is, and lines read what is in it
            copied = case.setdefault(name, Looks())
            copied.turns |= looks.turns
            copied.whole |= looks.whole
        self.case, self.other = _telling(case), _telling(other)


def _read(single: Single, looks: Looks, kinds: Link) -> None:
    """What a value is read as; ``kinds`` gives the word before the slash if any link of the map knows it."""
    looks.whole |= single.split
    link, convert = single.line.link, single.line.convert
    if convert:
        looks.turns[f"read {convert.name}"] = lambda value, _: convert.read(value)
    if link and link.kinds:
        looks.turns["kind"] = lambda value, _: kinds.kind_of(value)
    if link and single.key:
        looks.turns[f"link {link.kind or link.kinds}"] = lambda value, links: _asked(link, value, links)


def _asked(link: Link, reference: str, links: Links) -> str | None:
    """What the partner calls the record that a reference of theirs leads to: so items are told from each other."""
    kind = link.kind_of(reference)
    return links.theirs({"kind": kind, "external_id": reference}) if kind and reference else None


def _write(single: Single, looks: Looks, there: Looks) -> None:
    """What a value becomes, and as what it is read where it then stands."""
    looks.whole |= single.split or there.whole
    if single.line.link:
        looks.targets |= set(single.line.link.targets)
        looks.again |= there.turns
    if single.line.convert:
        name, write = f"write {single.line.convert.name}", single.line.convert.write
        looks.turns[name] = lambda value, _: write(value)
        looks.turns |= {f"{name}, {said}": _both(write, turn) for said, turn in there.turns.items()}
    else:
        looks.turns |= there.turns


def _both(write: Callable[[Any], Any], turn: Turn) -> Turn:
    return lambda value, links: turn(write(value), links)


def _telling(looks: dict[str, Looks]) -> dict[str, Looks]:
    return {name: one for name, one in looks.items() if one.turns or one.whole or one.targets}


def _singles(
    lines: Iterable[Line], case: str, other: str, keys: frozenset[int], *, split: bool
) -> Iterator[Single]:  # fmt: skip
    """Every line of one value; ``case`` and ``other`` are the names of the place the lines stand at."""
    for line in lines:
        if isinstance(line, Leaf):
            others = tuple(_name(path, other) for path in (line.other, *line.also_read))
            yield Single(line, _name(line.case, case), others, id(line) in keys, split)
        elif isinstance(line, Spread | Flags):
            inner = line.parts if isinstance(line, Spread) else [line.none] if line.none else []
            yield from _singles(inner, case, other, keys, split=split)
        elif isinstance(line, Choose):
            for branch in line.branches:
                yield from _singles(branch.fields, case, other, keys, split=split)
        elif isinstance(line, Each | Group):
            mine, theirs = _name(line.case, case), _name(line.other, other)
            parted = isinstance(line, Group) and bool(line.split)
            if parted:
                yield Single(Leaf(line.case, line.place), mine, (theirs,), key=False, split=True)
            yield from _singles(line.fields, mine, theirs, keys, split=split or parted)


def _name(path: Path, here: str) -> str:
    """The name of the field that a value at ``path`` stands under."""
    if path.up and not path.steps:
        raise LookupError(f"the path {path} is the place above itself")
    return path.steps[-1].key if path.steps else here
