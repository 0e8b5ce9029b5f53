"""Branches that exclude each other: of a ``choose``, and of the maps of one set.

The first branch that holds wins. A record may go in by one branch and come out by another unless, on each side,

- some path has different constants in two branches, or is present in one and absent in the other; or
- the first of the two says the same on both sides, through a line beside the ``choose`` (plain, or by a row of its
  codes): then the second is its "else" on both sides; or
- both have one case state and the first has room for all of the second's fields: the second is read, the first written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from casebridge.mapping.checking.places import At, excludes, spelled
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.checking.survey import Fork, Survey
from casebridge.mapping.model import BOTH, Branch, Choose, Definition, Group, Leaf, Line
from casebridge.mapping.paths import Condition


def check(found: Survey) -> Iterator[Finding]:
    """Branches that overlap."""
    for fork in found.forks:
        for a, b in combinations(fork.line.branches, 2):
            yield from _pair(fork, a, b)


def apart(a: Iterable[Condition], b: Iterable[Condition]) -> bool:
    """Can no node meet both rows of conditions?"""
    others = tuple(b)
    return any(excludes(x, y) for x in a for y in others)


def _pair(fork: Fork, a: Branch, b: Branch) -> Iterator[Finding]:
    if mirrored(fork.beside, a) or fork.ways != BOTH:
        return
    other_apart = apart(a.other, b.other)
    if not other_apart:
        yield _overlap(fork, a, b, "other", a.other, b.other)
    elif not apart(a.case, b.case) and not _one_state(a, b):
        yield _overlap(fork, a, b, "case", a.case, b.case)


def mirrored(beside: Sequence[Line], branch: Branch) -> bool:
    """Does the branch say the same on both sides, each condition through a two-way line beside the choose?"""
    lines = [line for line in beside if isinstance(line, Leaf) and line.ways == BOTH]
    return len(branch.case) == len(branch.other) and all(
        any(_says(line, c, o) for line in lines for o in branch.other) for c in branch.case
    )


def _says(line: Leaf, ours: Condition, theirs: Condition) -> bool:
    """Does the line hold a condition of ours exactly where theirs holds: plainly, or by a row of its codes?"""
    if (line.case, line.other) != (ours.path, theirs.path) or line.convert or line.link or line.when:
        return False
    if line.codes is None or "equal" not in (ours.test, theirs.test):
        return line.codes is None and (ours.test, set(ours.values)) == (theirs.test, set(theirs.values))
    there, back = line.codes.to_other, line.codes.to_case
    return {there.get(v) for v in ours.values} == set(theirs.values) and {
        back.get(v) for v in theirs.values
    } == set(ours.values)


def _one_state(a: Branch, b: Branch) -> bool:
    """One case state, and room in the first branch for whatever the second reads."""
    return set(a.case) == set(b.case) and _filled(b.fields) <= _filled(a.fields)


def _filled(lines: Iterable[Line], above: str = "") -> set[str]:
    found: set[str] = set()
    for line in lines:
        path = f"{above}.{line.case}"
        if isinstance(line, Group):
            found |= _filled(line.fields, path)
        elif isinstance(line, Choose):
            found |= {part for branch in line.branches for part in _filled(branch.fields, above)}
        else:
            found.add(path)
    return found


def _overlap(
    fork: Fork, a: Branch, b: Branch, side: str, mine: Sequence[Condition], theirs: Sequence[Condition]
) -> Finding:
    both = " and ".join(dict.fromkeys(f"`{_said(fork, side, c)}`" for c in (*mine, *theirs))) or "anything"
    what = "a record of the partner" if side == "other" else "a case record"
    wrong = "would be read by the first and written by the second" if side == "other" else (
        "would be written by the first only, and what only the second has room for would be lost")  # fmt: skip
    return Finding(
        "CB-219", b.place, f"the branches in lines {a.place.line} and {b.place.line} of `{fork.line.case}` overlap on "
        f"the {side} side",
        f"{what[0].upper()}{what[1:]} with {both} fits both, and {wrong}.",
        f"Add to one of them what tells them apart, under `{side}:`, such as `{_missing(mine)}: absent`.",
    )  # fmt: skip


def _said(fork: Fork, side: str, condition: Condition) -> str:
    group = fork.case if side == "case" else fork.other
    above = spelled(tuple(At(at.key) for at in group)) if group else ""
    said = str(condition)
    return f"{above}.{said}" if above else said


def _missing(conditions: Sequence[Condition]) -> str:
    return str(conditions[0].path) if conditions else "field"


def check_maps(definitions: Sequence[Definition]) -> Iterator[Finding]:
    """Maps of one set that fill one slot, or are for one record, without excluding each other."""
    for a, b in combinations(definitions, 2):
        reading = a.other == b.other and "export" not in (a.only, b.only)
        if reading and not apart(a.match, b.match) and not _special(a, b):
            yield _both(a, b, "match", f"a `{a.other}`", a.match + b.match)
        shared = set(a.case) & set(b.case) if _rivals(a, b) else set()
        if shared and "import" not in (a.only, b.only) and not apart(a.when, b.when):
            yield _both(a, b, "when", f"a `{min(shared)}`", a.when + b.when)


def _rivals(a: Definition, b: Definition) -> bool:
    """Could export take one for the other? A file of several slots is chosen by its type, a record by its slot."""
    return a.other == b.other or len(a.case) == len(b.case) == 1


def _special(a: Definition, b: Definition) -> bool:
    """One is a special case of the other; maps with more conditions are asked first."""
    return set(a.match) < set(b.match) or set(b.match) < set(a.match)


def _both(a: Definition, b: Definition, word: str, what: str, conditions: Sequence[Condition]) -> Finding:
    said = " and ".join(dict.fromkeys(f"`{c}`" for c in conditions)) or "any content"
    wrong = "read by one of them only, whichever is asked first" if word == "match" else "written by both"
    return Finding(
        "CB-227", b.place, f"the maps `{a.name}` and `{b.name}` are both for {what}: their `{word}` can hold together",
        f"One with {said} would be {wrong}.",
        f"Give both a `{word}:` that tells them apart by one field with different values.",
    )  # fmt: skip
