"""The lens rules for lines and selectors: no place is written twice, and no item is meant by two selectors.

Both were needed by a counter-example that broke real data (docs/why/mapping.md). In each direction a line writes one
side: export the other side, import the case side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from casebridge.mapping.checking.places import (
    At,
    Known,
    Spot,
    contradict,
    disjoint,
    may_meet,
    same,
    spelled,
)  # fmt: skip
from casebridge.mapping.checking.report import Finding, Way
from casebridge.mapping.checking.survey import Stand, Survey
from casebridge.mapping.model import Leaf
from casebridge.mapping.paths import Condition, Path

PRESENT = Condition(Path(), "present")
LINKED = ("kind", "id", "external_id")


@dataclass(frozen=True, slots=True)
class Writing:
    """One place that a line writes in one direction, and what holds when it does."""

    stand: Stand
    spot: Spot
    guards: tuple[Known, ...]


def check(found: Survey, is_single: Callable[[Spot], bool] = lambda spot: False) -> Iterator[Finding]:
    """Places written twice and selectors that overlap, in each direction. ``is_single``: known to be no list."""
    for way in ("export", "import"):
        writings = list(_writings(found, way))
        told: set[object] = set()
        for a, b in combinations(writings, 2):
            if a.spot and b.spot and a.spot[0].key != b.spot[0].key:
                continue
            if _alternatives(a.stand, b.stand) or contradict(a.guards, b.guards) or _union(a, b):
                continue
            for finding, token in _pair(a, b, way, is_single):
                if token not in told:
                    told.add(token)
                    yield finding


def _writings(found: Survey, way: Way) -> Iterator[Writing]:
    for stand in found.stands:
        if way not in stand.ways or stand.role in ("group", "also"):
            continue
        if way == "import":
            yield Writing(stand, stand.case, stand.other_if + stand.when)
        else:
            yield Writing(stand, stand.other, stand.case_if + _said(stand))


def _said(stand: Stand) -> tuple[Known, ...]:
    """A line writes only where the case side has a value, unless something stands for nothing."""
    line = stand.line
    if not isinstance(line, Leaf) or "export" in line.if_missing:
        return ()
    if line.codes and any(str(row.case).startswith("absent:") for row in line.codes.rows):
        return ()
    return (Known(stand.case, PRESENT),)


def _alternatives(a: Stand, b: Stand) -> bool:
    """Are they in two branches of one choose?"""
    mine = dict(a.branches)
    return any(mine.get(choose, branch) != branch for choose, branch in b.branches)


def _pair(a: Writing, b: Writing, way: Way, is_single: Callable[[Spot], bool]) -> Iterator[tuple[Finding, object]]:
    at = _overlap(a, b, is_single)
    if at is not None:
        token = ("item", a.spot[:at], frozenset((str(a.spot[at]), str(b.spot[at]))))
        yield _selectors(a, b, at, way), token
    elif may_meet(a.spot, b.spot) and _clash(a, b, way):
        yield _twice(a, b, way), ("place", a.stand.owner, b.stand.owner)


def _overlap(a: Writing, b: Writing, is_single: Callable[[Spot], bool]) -> int | None:
    """The step at which both can mean one item of a list without being equal."""
    for i, (x, y) in enumerate(zip(a.spot, b.spot, strict=False)):
        if x.key != y.key or disjoint(x.selector, y.selector):
            return None
        if x.each != y.each and not _ends_alone(a, b, i):
            return i
        if not same(x.selector, y.selector) and not _ends_alone(a, b, i):
            return None if is_single(tuple(At(s.key) for s in a.spot[: i + 1])) else i
    return None


def _union(a: Writing, b: Writing) -> bool:
    """Lists may be read into one if all but one are only read: their items stand one after the other."""
    steps = zip(a.spot, b.spot, strict=False)
    two = any(x.key == y.key and x.each and y.each and x.each != y.each for x, y in steps)
    return two and "export" not in a.stand.ways & b.stand.ways


def _ends_alone(a: Writing, b: Writing, i: int) -> bool:
    """One of the two is the whole list, as one value: then it is a place written twice."""
    return any(len(w.spot) == i + 1 and w.spot[i].selector is None and not w.spot[i].each for w in (a, b))


def _clash(a: Writing, b: Writing, way: Way) -> bool:
    if "list" in (a.stand.role, b.stand.role):
        return _list_clash(a, b)
    if way == "import":
        return a.stand.owner != b.stand.owner and "beside" not in (a.stand.role, b.stand.role) and not _linked(a, b)
    if a.stand.constant and b.stand.constant:
        return not set(a.stand.constant.values) & set(b.stand.constant.values)
    return True


def _list_clash(a: Writing, b: Writing) -> bool:
    """A list covered item by item and also written as one value."""
    listed, other = (a, b) if a.stand.role == "list" else (b, a)
    if other.stand.role == "list":
        return len(a.spot) == len(b.spot) and a.stand.owner != b.stand.owner
    return len(other.spot) <= len(listed.spot) and listed.stand.line not in other.stand.round


def _linked(a: Writing, b: Writing) -> bool:
    """A reference may have words beside it: ``subject`` by a link, ``subject.display`` by another line."""
    short, long = sorted((a, b), key=lambda w: len(w.spot))
    line = short.stand.line
    below = long.spot[len(short.spot) :]
    return isinstance(line, Leaf) and line.link is not None and bool(below) and below[0].key not in LINKED


def _selectors(a: Writing, b: Writing, at: int, way: Way) -> Finding:
    first, second = _ordered(a, b)
    x, y = first.spot[at], second.spot[at]
    path = spelled((*first.spot[:at], At(x.key)))
    verb = "write two items where import read one" if way == "export" else "put one fact into two items"
    whole = next((w for w in (first, second) if w.spot[at].each), None)
    if whole is not None and x.each != y.each:
        other = second if whole is first else first
        return Finding(
            "CB-218", second.stand.line.place,
            f"`each` in {_line(whole, other)} covers {_items(whole, at, path)}, and {_line(other, whole)} writes "
            f"{_items(other, at, path)} too",
            f"An item that both mean would be written by both: {way} could {verb}, or take one away.",
            "Give both a selector that tells their items apart, such as "
            f"`{x.key}(kind=a)` and `{x.key}(kind=b)`, or write `only:` on one of them.",
        )  # fmt: skip
    return Finding(
        "CB-218", second.stand.line.place,
        f"two selectors can pick the same item of `{path}`: `{_step(first, at)}` in {_line(first, second)} and "
        f"`{_step(second, at)}` in {_line(second, first)}",
        f"An item with {_both(x, y)} is meant by both, and {way} would {verb}.",
        "Write the same selector in both, or tell them apart by one field with different values, or by "
        "`present` and `absent`.",
    )  # fmt: skip


def _step(writing: Writing, at: int) -> str:
    step = writing.spot[at]
    return str(step) if step.selector else f"{step.key}{'()' if step.selector == () else ''}"


def _items(writing: Writing, at: int, path: str) -> str:
    step = writing.spot[at]
    if step.selector:
        return f"`{step}`"
    return f"all items of `{path}`" if step.each else f"the first item of `{path}`"


def _both(x: At, y: At) -> str:
    conditions = dict.fromkeys(str(c) for c in (*(x.selector or ()), *(y.selector or ())))
    return " and ".join(f"`{c}`" for c in conditions) or "any content"


def _twice(a: Writing, b: Writing, way: Way) -> Finding:
    first, second = _ordered(a, b)
    path = spelled(min(first.spot, second.spot, key=len))
    if first.stand.owner == second.stand.owner:
        return Finding(
            "CB-217", second.stand.line.place, f"{_line(second, first)} writes `{path}` twice",
            "The second value would take the place of the first.", "Name each place once.",
        )  # fmt: skip
    what = f"`{spelled(first.stand.other)}` and `{spelled(second.stand.other)}`" if way == "import" else (
        f"`{spelled(first.stand.case)}` and `{spelled(second.stand.case)}`")  # fmt: skip
    other = "export" if way == "import" else "import"
    return Finding(
        "CB-217", second.stand.line.place,
        f"two lines write `{path}` on {way}: {_line(first, second)} and {_line(second, first)}",
        f"A record with both {what} would lose one of them.",
        f"Write `only: {other}` on one of them, or put them in branches of one `choose`, or give them a `when` that "
        "cannot hold for both.",
    )  # fmt: skip


def _ordered(a: Writing, b: Writing) -> tuple[Writing, Writing]:
    first, second = sorted((a, b), key=lambda w: (w.stand.line.place.line, w.stand.line.place.column))
    return first, second


def _line(writing: Writing, beside: Writing) -> str:
    """The line by its number; by its file too where the one beside it stands in another."""
    line = writing.stand.line
    apart = line.place.file != beside.stand.line.place.file
    return f"{line.place.short if apart else f'line {line.place.line}'} (`{line.case}`)"
