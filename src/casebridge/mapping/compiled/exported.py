"""What the lines of an export look up on the case side, and what they write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from casebridge.mapping.compiled.inside import Alternative, Written, constants
from casebridge.mapping.compiled.text import NotCompiled
from casebridge.mapping.model import Choose, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition, Path


def case_paths_of(lines: Iterable[Line]) -> Iterator[Path]:
    """Every case path that the lines look up from the place they stand at."""
    for line in lines:
        yield from (condition.path for condition in line.when)
        if isinstance(line, Choose):
            for branch in line.branches:
                yield from (condition.path for condition in branch.case)
                yield from case_paths_of(branch.fields)
        elif isinstance(line, Each):
            yield Path(line.case.steps[:-1], line.case.up)
        else:
            yield line.case


def writes(line: Line, parents: frozenset[str]) -> bool:
    """Does the line go this way, and to places that are ours to write?"""
    paths: Sequence[Path] = ()
    if isinstance(line, Leaf | Group):
        paths = (line.other,)
    elif isinstance(line, Spread):
        paths = [part.other for part in line.parts]
    elif isinstance(line, Flags):
        paths = [path for _, path in line.flags]
    return "export" in line.ways and all(ours(path, parents) for path in paths)


def ours(path: Path, parents: frozenset[str]) -> bool:
    """May we write there? ``parents`` are the shared ones of the place the path starts at."""
    return not path.up and not (path.steps and path.steps[0].key in parents)


def exported(lines: Iterable[Line], parents: frozenset[str], branch: Alternative = ()) -> Iterator[Written]:
    """What the lines write on export into the group they stand at."""
    for line in lines:
        if not writes(line, parents):
            continue
        if isinstance(line, Choose):
            for i, each in enumerate(line.branches):
                at = (*branch, (id(line), i))
                yield from exported(each.fields, parents, at)
                yield from constants(enforced(line, each.other, parents), at)
        elif isinstance(line, Spread):
            yield from exported(line.parts, parents, branch)
        elif isinstance(line, Flags):
            yield from (Written(path.steps, branch) for _, path in line.flags)
            yield from exported([line.none] if line.none else [], parents, branch)
        elif isinstance(line, Group) and not line.other.steps and not line.split:
            yield from exported(line.fields, parents, branch)
        elif isinstance(line, Leaf | Group | Each):
            group = isinstance(line, Group) and not line.split
            inner = exported(line.fields, frozenset()) if isinstance(line, Each) else ()
            steps = frozenset(each.steps for each in inner)
            yield Written(line.other.steps, branch, isinstance(line, Each), group, inner=steps)
            if isinstance(line, Leaf):
                yield from constants(line.beside, branch)


def enforced(line: Choose, conditions: Iterable[Condition], parents: frozenset[str]) -> list[Condition]:
    """The conditions of a branch that are written."""
    return [c for c in conditions if c.path not in line.settled and ours(c.path, parents)]


def read_again(line: Line) -> bool:
    """A line of one place whose every value is read as it was written."""
    if not isinstance(line, Leaf) or line.also_read or line.beside or line.link:
        return False
    return line.codes is None or set(line.codes.to_other.values()) <= set(line.codes.to_case)


def always(lines: Iterable[Line]) -> Iterator[Leaf]:
    """The lines of an item that are looked at whatever it holds."""
    for line in lines:
        if line.when or not writes(line, frozenset()):
            continue
        if isinstance(line, Leaf):
            yield line
        elif isinstance(line, Group) and not line.split:
            yield from always(line.fields)


def speaks_of_nothing(lines: Iterable[Line]) -> bool:
    """Does a line say something even where its group is missing?"""
    for line in lines:
        if isinstance(line, Leaf) and ("export" in line.required or "export" in line.if_missing):
            return True
        if isinstance(line, Group) and speaks_of_nothing(line.fields):
            return True
        if isinstance(line, Choose):
            return True
    return False


def by_slot(lines: Sequence[Line]) -> Iterator[tuple[list[str], list[Line]]]:
    """Neighbouring lines with the slots they speak of; branches come last, as they run last."""
    found: list[tuple[list[str], list[Line]]] = []
    for line in sorted(lines, key=lambda line: isinstance(line, Choose)):
        branches = line.branches if isinstance(line, Choose) else ()
        paths = [c.path for branch in branches for c in branch.case] if branches else [line.case]
        if any(not path.steps for path in paths):
            raise NotCompiled("a line for the whole slice")
        slots = list(dict.fromkeys(path.steps[0].key for path in paths))
        if found and found[-1][0] == slots:
            found[-1][1].append(line)
        else:
            found.append((slots, [line]))
    return iter(found)
