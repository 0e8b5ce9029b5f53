"""Walking paths over nested plain dicts: finding, assigning and removing one value.

``find`` never changes anything; ``assign`` and ``remove`` change the node they are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from casebridge.core.errors import RecordError
from casebridge.mapping.paths import Condition, Path, Step
from casebridge.mapping.tree import (
    MISSING,
    WITHHELD,
    Partial,
    Where,
    blank,
    clone,
    is_absent,
    leaves,
    settled,
    spelled,
    text_of,
    unclaimed,
    withheld,
)  # fmt: skip

_MOMENT = re.compile(r"\d{4}(-\d{2}){0,2}([T ].*)?")


@dataclass(slots=True)
class Trail:
    """What a walk touched: the places that lines claim, and notes on doubtful matches."""

    claimed: set[Where] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True, slots=True)
class Scope:
    """The present place: its node, where that is, and the scope round it (what ``^`` reaches)."""

    node: Any
    where: Where = ()
    parent: Scope | None = None

    def rise(self, up: int) -> Scope | None:
        """The scope ``up`` places above, or None when there is none."""
        scope: Scope | None = self
        for _ in range(up):
            scope = scope.parent if scope else None
        return scope


@dataclass(frozen=True, slots=True)
class Hit:
    """A value found, and where. ``several`` is set when other items met the selectors too."""

    value: Any
    where: Where
    several: bool = False


def find(scope: Scope, path: Path, trail: Trail | None = None) -> Hit | None:
    """The value at ``path``, or None. Under a withheld or absent group everything is that Absent."""
    start = scope.rise(path.up)
    return None if start is None else _find(start.node, path.steps, start.where, path.text, trail)


def value_at(node: Any, path: Path) -> Any:
    """The value at ``path`` under ``node``, or MISSING: what :func:`find` gives, for conditions that ask it all day."""
    if path.plain and type(node) is dict and "absent" not in node:
        return node.get(path.plain, MISSING)
    for step in path.steps:
        if isinstance(node, list):
            if not node:
                return MISSING
            node = node[0]
        if is_absent(node):
            return node
        if not isinstance(node, dict) or step.key not in node:
            return MISSING
        node = node[step.key]
        if step.selector is not None and not is_absent(node):
            node = _first_meant(node, step.selector)
    return node


def _first_meant(node: Any, selector: tuple[Condition, ...]) -> Any:
    """The first item that meets the selector; withheld where what would tell it is; else MISSING."""
    listed = node if isinstance(node, list) else [] if blank(node) else [node]
    items = [item for _, item in candidates(listed, selector)]
    for item in items:
        if holds_all(selector, item):
            return item
    return withheld() if type(node) is Partial or any(doubtful(selector, item) for item in items) else MISSING


def _find(node: Any, steps: tuple[Step, ...], where: Where, text: str, trail: Trail | None) -> Hit | None:
    several = False
    for step in steps:
        if isinstance(node, list):
            if not node:
                return None
            several = several or len(node) > 1
            if len(node) > 1 and trail:
                trail.note(f"{text}: {len(node)} items where one is expected; the first is used")
            node, where = node[0], (*where, 0)
        if is_absent(node):
            return Hit(node, where, several)
        if not isinstance(node, dict) or step.key not in node:
            return None
        node, where = node[step.key], (*where, step.key)
        if step.selector is not None and not is_absent(node):
            found = _select(node, step.selector, where)
            if not found:
                return Hit(withheld(), where) if _clouded(node, step.selector) else None
            if len(found) > 1 and trail:
                trail.note(f"{text}: {len(found)} items match; the first is used")
            several = several or len(found) > 1
            node, where = found[0]
            if trail:
                claim_conditions(node, step.selector, where, trail)
    return Hit(node, where, several)


def _select(node: Any, selector: tuple[Condition, ...], where: Where) -> list[tuple[Any, Where]]:
    """Every item that meets the selector."""
    if not isinstance(node, list):
        return [(item, place) for item, place in items_of(node, where) if holds_all(selector, item)]
    named = candidates(node, selector)
    return [(item, (*where, i)) for i, item in named if holds_all(selector, item)]


def _clouded(node: Any, selector: tuple[Condition, ...]) -> bool:
    """Some item may be the one meant, but what would tell is withheld, or there may be more of them."""
    if type(node) is Partial:
        return True
    items = [item for _, item in candidates(node, selector)] if isinstance(node, list) else [node]
    return any(doubtful(selector, item) for item in items)


def candidates(items: list[Any], selector: tuple[Condition, ...]) -> list[tuple[int, Any]]:
    """The items that could meet the selector: those are out that plainly bear another text at its first key.

    A record of a hundred answers is asked a hundred times for one of them; most items need no closer look.
    """
    first = selector[0] if selector else None
    if first is None or first.test != "equal" or not first.path.plain:
        return list(enumerate(items))
    key, values = first.path.plain, first.values
    return [
        (i, item) for i, item in enumerate(items)
        if type(item) is not dict or type(said := item.get(key)) is not str or said in values
    ]  # fmt: skip


def items_of(node: Any, where: Where) -> Iterator[tuple[Any, Where]]:
    """The items of a list, or a single group as the only one."""
    if isinstance(node, list):
        yield from ((item, (*where, i)) for i, item in enumerate(node))
    elif not blank(node):
        yield node, where


def holds(condition: Condition, node: Any) -> bool:
    """Is the condition met under ``node``?"""
    return _meets(condition, value_at(node, condition.path))


def _meets(condition: Condition, value: Any) -> bool:
    if blank(value) or is_absent(value):
        return condition.test == "absent" and value != WITHHELD
    if condition.test == "absent":
        return False
    if condition.test == "present":
        return True
    if condition.test == "boolean":
        return isinstance(value, bool)
    if condition.test == "moment":
        return isinstance(value, str) and _MOMENT.fullmatch(value) is not None
    return not isinstance(value, dict | list) and text_of(value) in condition.values


def holds_all(conditions: Iterable[Condition], node: Any) -> bool:
    """Are all conditions met under ``node``?"""
    for condition in conditions:  # noqa: SIM110  a generator for each item takes a third longer
        if not _meets(condition, value_at(node, condition.path)):
            return False
    return True


def doubtful(conditions: Iterable[Condition], node: Any) -> bool:
    """Not met as it stands, but could be if what is withheld were known."""
    unknown = False
    for condition in conditions:
        value = value_at(node, condition.path)
        if value == WITHHELD:
            unknown = True
        elif not _meets(condition, value):
            return False
    return unknown


def claim_conditions(node: Any, conditions: Iterable[Condition], where: Where, trail: Trail) -> None:
    """Claim the places of the constants that conditions compare."""
    for condition in conditions:
        hit = _find(node, condition.path.steps, where, "", trail)
        if hit and condition.test == "equal":
            trail.claimed.add(hit.where)


def everywhere(node: Any, steps: tuple[Step, ...], where: Where = ()) -> Iterator[tuple[Any, Where]]:
    """The nodes a path means in all items of all lists on the way, and where they stand."""
    if not steps:
        yield node, where
    elif isinstance(node, list):
        for i, item in enumerate(node):
            yield from everywhere(item, steps, (*where, i))
    elif isinstance(node, dict) and steps[0].key in node:
        child, place = node[steps[0].key], (*where, steps[0].key)
        if steps[0].selector is None:
            yield from everywhere(child, steps[1:], place)
            return
        for item, here in items_of(child, place):
            if holds_all(steps[0].selector, item):
                yield from everywhere(item, steps[1:], here)


# --- changing --------------------------------------------------------------------------------------------------


def described(selector: tuple[Condition, ...]) -> dict[str, Any]:
    """The item a selector describes: its constants, the first of each alternative."""
    item: dict[str, Any] = {}
    apply_conditions(selector, item)
    return item


def apply_conditions(conditions: Iterable[Condition], node: dict[str, Any]) -> None:
    """Write the constants of conditions that do not hold because nothing stands there."""
    for condition in conditions:
        if condition.test == "equal" and blank(value_at(node, condition.path)):
            assign(node, condition.path, condition.constant)


def assign(node: Any, path: Path, value: Any) -> None:
    """Write ``value`` at ``path``, making the groups and items on the way."""
    group = reach(node, path.steps[:-1], path)
    last = path.steps[-1]
    if last.selector is not None:
        several = value if isinstance(value, list) else [value]  # a strange record has many where one may stand
        group[last.key] = [{**described(last.selector), **one} for one in several if isinstance(one, dict)]
    else:
        group[last.key] = value


def reach(node: Any, steps: tuple[Step, ...], path: Path) -> dict[str, Any]:
    """The group at ``steps``, made where it is missing."""
    node = _first(node, path)
    for step in steps:
        child = node.get(step.key)
        if step.selector is not None:
            child = _item(node, step.key, child, step.selector)
        elif blank(child) or is_absent(child):
            child = node[step.key] = {}
        node = _first(child, path)
    return node  # type: ignore[no-any-return]


def _first(node: Any, path: Path) -> Any:
    if isinstance(node, list):
        if not node:
            node.append({})
        node = node[0]
    if not isinstance(node, dict):
        raise RecordError(
            "CB-301", "a single value stands where the map writes a group", field=path.text, expected="a group"
        )
    return node


def _item(group: dict[str, Any], key: str, child: Any, selector: tuple[Condition, ...]) -> Any:
    """The item a selector means, appended when there is none."""
    if not blank(child):
        for _, item in candidates(child if isinstance(child, list) else [child], selector):
            if holds_all(selector, item):
                return item
    new = described(selector)
    if blank(child):
        group[key] = [new]
    elif isinstance(child, list):
        child.append(new)
    else:
        group[key] = [child, new]
    return new


def remove(node: Any, path: Path) -> None:
    """Take the value at ``path`` away, and the groups and items that nothing is left of."""
    trail: list[tuple[Any, str | int, tuple[Condition, ...]]] = []
    for step in path.steps:
        if isinstance(node, list):
            if not node:
                return
            trail.append((node, 0, ()))
            node = node[0]
        if not isinstance(node, dict) or step.key not in node:
            return
        trail.append((node, step.key, ()))
        node = node[step.key]
        if step.selector is not None:
            found = _select(node, step.selector, ())
            if not found:
                return
            if isinstance(node, list):
                trail.append((node, found[0][1][0], step.selector))
            else:
                trail[-1] = (*trail[-1][:2], step.selector)
            node = found[0][0]
    _cut(trail)


def _cut(trail: list[tuple[Any, str | int, tuple[Condition, ...]]]) -> None:
    """Delete the last link; then, upward, each holder that is now empty or a mere husk of its selector."""
    holder, key, _ = trail.pop()
    del holder[key]
    while trail:
        above, key, selector = trail.pop()
        if holder and not (selector and husk(holder, selector)):
            return
        del above[key]
        holder = above


def husk(item: Any, selector: tuple[Condition, ...]) -> bool:
    """Nothing is left in the item but what the selector itself put there."""
    return bool(blank(item)) or (
        isinstance(item, dict) and holds_all(selector, item) and set(leaves(item)) == set(leaves(described(selector)))
    )


__all__ = [
    "MISSING",
    "WITHHELD",
    "Hit",
    "Partial",
    "Scope",
    "Trail",
    "Where",
    "apply_conditions",
    "assign",
    "blank",
    "claim_conditions",
    "clone",
    "described",
    "doubtful",
    "everywhere",
    "find",
    "holds",
    "holds_all",
    "husk",
    "is_absent",
    "items_of",
    "leaves",
    "reach",
    "remove",
    "settled",
    "spelled",
    "text_of",
    "unclaimed",
    "value_at",
    "withheld",
]  # fmt: skip
