"""Which values of an export a map may compare with each other, and by what it knows the items of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from casebridge.mapping.compiled.patch import parents_of
from casebridge.mapping.model import Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.parts import all_lines
from casebridge.mapping.paths import Path

_REFERENCE = frozenset({"kind", "id", "external_id"})


def compares(definition: Definition) -> bool:
    """Can writing onto nothing ask whether two values are the same?

    It does where a line that does not write looks for its value among what others wrote, and where an item may be one
    that another line has made.
    """
    parents = parents_of(definition)
    lines = list(all_lines(definition.fields))
    if any("export" not in line.ways or any(_not_ours(path, parents) for path in _theirs(line)) for line in lines):
        return True
    paths = [condition.path for condition in definition.match]
    return any(_mingled(line, lines, paths) for line in lines if isinstance(line, Each))


def known_by_more(line: Each) -> bool:
    """May the reference that items are known by come from a line that is no link? Then it can be any record at all."""
    names = {step.key for path, leaf in line.key if leaf.link for step in (path.steps[-1:] or line.case.steps[-1:])}
    made = [each.case for each in all_lines(line.fields) if isinstance(each, Leaf) and not each.link]
    return bool(names) and any(not path.steps or path.steps[-1].key in names | _REFERENCE for path in made)


def _not_ours(path: Path, parents: frozenset[str]) -> bool:
    return bool(path.up) or any(step.key in parents for step in path.steps)


def _mingled(line: Each, lines: Sequence[Line], paths: Iterable[Path]) -> bool:
    """Does any other line name the list, but those of its items?"""
    own = {id(line), *(id(inner) for inner in all_lines(line.fields))}
    paths = [*paths, *(path for other in lines if id(other) not in own for path in _theirs(other))]
    name = line.other.steps[-1].key
    return any(part.key == name for path in paths for part in path.steps)


def _theirs(line: Line) -> Iterator[Path]:
    """The paths on the other side that a line itself names."""
    if isinstance(line, Leaf):
        yield from (line.other, *line.also_read, *(condition.path for condition in line.beside))
    elif isinstance(line, Group | Each):
        yield line.other
    elif isinstance(line, Spread):
        yield from (path for part in line.parts for path in _theirs(part))
    elif isinstance(line, Flags):
        yield from (path for _, path in line.flags)
        yield from _theirs(line.none) if line.none else ()
    elif isinstance(line, Choose):
        yield from (condition.path for branch in line.branches for condition in branch.other)
