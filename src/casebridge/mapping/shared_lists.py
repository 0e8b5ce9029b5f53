"""A list of ours that several lines read and one of them writes: what stands in the places of the others stays there.

A referral has the labels of its own Task and those of the order behind it. Put back, the order's labels are not written
into the Task a second time; on a record that has no order they are written with the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.likeness import agrees, alike_as, veiled
from casebridge.mapping.model import Choose, Each, Group, Line
from casebridge.mapping.reading import Reader, case_list
from casebridge.mapping.walk import Scope, holds_all

Sharers = dict[int, tuple[Line, ...]]


def sharers(lines: Sequence[Line]) -> Sharers:
    """By the id of each list that is written, the lines beside it that are only read, into the same list."""
    return dict(_sharers(lines))


def elsewhere(line: Each, beside: Sequence[Line], case: Scope, old: Scope) -> list[Any]:
    """The items of the list that are read from places of theirs which the line itself does not write."""
    found: list[Any] = []
    for other in beside:
        if holds_all(other.when, case.node):
            try:
                found += case_list(line, Reader().line(other, old, {}, ()))
            except CaseBridgeError:
                continue  # what cannot be read holds nothing of ours
    return found


def standing(listed: Sequence[Scope], there: Sequence[Any]) -> tuple[list[Scope], bool]:
    """Those of our items that stand ``there`` as they are, and whether one of them is not sure to be the one meant.

    Of an item with something withheld nobody can tell; it stays where it fits.
    """
    free = Counter(alike_as(theirs) for theirs in there)
    found: list[Scope] = []
    for item in (item for item in listed if not veiled(item.node)):
        if free[said := alike_as(item.node)]:
            free[said] -= 1
            found.append(item)
    left, sure = list[Any](), len(found)
    for theirs in there:
        if free[said := alike_as(theirs)]:
            free[said] -= 1
            left.append(theirs)
    for item in (item for item in listed if veiled(item.node)):
        at = next((i for i, theirs in enumerate(left) if agrees(item.node, theirs)), None)
        if at is not None:
            del left[at]
            found.append(item)
    return found, len(found) > sure


def _sharers(lines: Sequence[Line]) -> Iterator[tuple[int, tuple[Line, ...]]]:
    for line in lines:
        if isinstance(line, Each) and "export" in line.ways and line.case.steps:
            beside = tuple(other for other in lines if other is not line and _only_reads(other, line))
            if beside:
                yield id(line), beside
        if isinstance(line, Each | Group):
            yield from _sharers(line.fields)
        elif isinstance(line, Choose):
            for branch in line.branches:
                yield from _sharers(branch.fields)


def _only_reads(other: Line, line: Each) -> bool:
    """Does the line, or one in a branch of it, read items of the list, and write none?"""
    if isinstance(other, Choose):
        return any(_only_reads(each, line) for branch in other.branches for each in branch.fields)
    return isinstance(other, Each) and other.case == line.case and "export" not in other.ways
