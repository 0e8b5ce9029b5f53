"""Walking paths over nested plain dicts: finding, assigning and removing one value.

``find`` never changes anything; ``assign`` and ``remove`` change the node they are given. A concrete place is a tuple
of keys and list indexes: ``("name", 0, "family")``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from casebridge.core.errors import RecordError
from casebridge.mapping.paths import Condition, Path, Step

Where = tuple[str | int, ...]
_MOMENT = re.compile(r"\d{4}(-\d{2}){0,2}([T ].*)?")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Any = _Missing()
WITHHELD = {"absent": "withheld"}


def blank(value: Any) -> bool:
    """Nothing there: no key, null, an empty text, list or group."""
    return value is MISSING or value is None or value == "" or value == [] or value == {}


def is_absent(value: Any) -> bool:
    """The case model's Absent: a value that is missing for a known reason."""
    return isinstance(value, dict) and len(value) == 1 and "absent" in value


def text_of(value: Any) -> str:
    """A scalar as the text codes and selectors compare: true, false, 72.50."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def clone(value: Any, origin: dict[int, tuple[Any, Any]] | None = None) -> Any:
    """A copy of nested plain data; ``origin`` remembers for each copied node (by id) the node it came from."""
    copied: Any
    if isinstance(value, dict):
        copied = {key: clone(child, origin) for key, child in value.items()}
    elif isinstance(value, list):
        copied = [clone(child, origin) for child in value]
    else:
        return value
    if origin is not None:
        origin[id(copied)] = (copied, value)
    return copied


def settled(value: Any) -> Any:
    """A value written whole: withheld when any of it is, and without the parts that are Absent."""
    if not isinstance(value, dict | list) or is_absent(value):
        return value
    parts = {key: settled(child) for key, child in (value.items() if isinstance(value, dict) else enumerate(value))}
    if any(part == WITHHELD for part in parts.values()):
        return WITHHELD
    kept = {key: part for key, part in parts.items() if not is_absent(part)}
    return kept if isinstance(value, dict) else list(kept.values())


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
    """The value at ``path`` under ``node``, or MISSING."""
    hit = _find(node, path.steps, (), path.text, None)
    return MISSING if hit is None else hit.value


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
                return Hit(WITHHELD, where) if _clouded(node, step.selector) else None
            if len(found) > 1 and trail:
                trail.note(f"{text}: {len(found)} items match; the first is used")
            several = several or len(found) > 1
            node, where = found[0]
            if trail:
                claim_conditions(node, step.selector, where, trail)
    return Hit(node, where, several)


def _select(node: Any, selector: tuple[Condition, ...], where: Where) -> list[tuple[Any, Where]]:
    """Every item that meets the selector."""
    return [(item, place) for item, place in items_of(node, where) if holds_all(selector, item)]


def _clouded(node: Any, selector: tuple[Condition, ...]) -> bool:
    """Some item may be the one meant, but what would tell is withheld."""
    return any(doubtful(selector, item) for item, _ in items_of(node, ()))


def items_of(node: Any, where: Where) -> Iterator[tuple[Any, Where]]:
    """The items of a list, or a single group as the only one."""
    if isinstance(node, list):
        yield from ((item, (*where, i)) for i, item in enumerate(node))
    elif not blank(node):
        yield node, where


def holds(condition: Condition, node: Any) -> bool:
    """Is the condition met under ``node``?"""
    value = value_at(node, condition.path)
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
    return all(holds(condition, node) for condition in conditions)


def doubtful(conditions: Iterable[Condition], node: Any) -> bool:
    """Not met as it stands, but could be if what is withheld were known."""
    unknown = False
    for condition in conditions:
        if value_at(node, condition.path) == WITHHELD:
            unknown = True
        elif not holds(condition, node):
            return False
    return unknown


def claim_conditions(node: Any, conditions: Iterable[Condition], where: Where, trail: Trail) -> None:
    """Claim the places of the constants that conditions compare."""
    for condition in conditions:
        hit = _find(node, condition.path.steps, where, "", trail)
        if hit and condition.test == "equal":
            trail.claimed.add(hit.where)


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
        group[last.key] = [{**described(last.selector), **value}]
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
        for item, _ in items_of(child, ()):
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


def leaves(node: Any, where: Where = ()) -> Iterator[Where]:
    """The places of all single values; an Absent is one value, an empty list or group none."""
    if isinstance(node, dict) and not is_absent(node):
        for key, child in node.items():
            yield from leaves(child, (*where, key))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from leaves(child, (*where, i))
    elif not blank(node):
        yield where


def spelled(where: Where) -> str:
    """``("name", 0, "family")`` as ``name[0].family``."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def unclaimed(node: Any, claimed: set[Where], where: Where = ()) -> Iterator[Where]:
    """The places of all single values that stand neither at nor under a claimed place."""
    if where in claimed:
        return
    if isinstance(node, dict) and not is_absent(node):
        for key, child in node.items():
            yield from unclaimed(child, claimed, (*where, key))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from unclaimed(child, claimed, (*where, i))
    elif not blank(node):
        yield where
