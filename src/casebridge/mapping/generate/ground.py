"""Where a generated value goes: groups and list items are made on the way, as the selectors describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from casebridge.mapping.generate import values
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.kinds import CaseKind, NativeKind
from casebridge.mapping.generate.pools import of_test
from casebridge.mapping.paths import Condition, Path, Step
from casebridge.mapping.walk import blank, holds, holds_all, remove

Kind = CaseKind | NativeKind
Above = tuple[Any, ...]
Reach = Callable[[Dice, Any], Any]
Settle = Callable[[Dice, Any], None]


def reaching(steps: tuple[Step, ...], kind: Kind) -> tuple[Reach, Kind]:
    """The way to a group (None where something else stands), and what may stand below it."""
    links: list[Reach] = []
    for step in steps:
        kind = kind.below(step.key)
        links.append(_field(step.key, kind) if step.selector is None else _item(step.key, step.selector, kind))

    def reach(dice: Dice, node: Any) -> Any:
        for link in links:
            if type(node) is list:
                node = node[0] if node else None
            if type(node) is not dict:
                return None
            node = link(dice, node)
        return node[0] if type(node) is list and node else node

    return reach, kind


def _field(key: str, kind: Kind) -> Reach:
    many = bool(kind.many)

    def link(dice: Dice, node: Any) -> Any:
        child = node.get(key)
        if child is None:
            child = node[key] = [{}] if many else {}
        return child

    return link


def _item(key: str, selector: tuple[Condition, ...], kind: Kind) -> Reach:
    describe = settling(selector, kind)
    single = kind.many is False
    name, wanted = _told_by(selector)

    def link(dice: Dice, node: Any) -> Any:
        child = node.get(key)
        listed = child if type(child) is list else [] if child is None else [child]
        for item in reversed(listed):  # the last made is the likeliest
            if type(item) is not dict or (type(said := item.get(name)) is str and said not in wanted):
                continue
            if holds_all(selector, item):
                return item
        made: dict[str, Any] = {}
        describe(dice, made)
        if not single:
            node[key] = [*listed, made]
        elif child is None:
            node[key] = made
        else:
            return None
        return made

    return link


def _told_by(selector: tuple[Condition, ...]) -> tuple[str, tuple[Any, ...]]:
    """The key whose text tells most items apart at once, and what it may be."""
    for condition in selector:
        steps = condition.path.steps
        if condition.test == "equal" and len(steps) == 1 and steps[0].selector is None and not condition.path.up:
            return steps[0].key, condition.values
    return "", ()


def planting(path: Path, kinds: tuple[Kind, ...]) -> tuple[Callable[[Dice, Any, Above, Any], Any], Kind]:
    """Puts a value at a path seen from the nearest of ``kinds``; returns the node, another one for ``.``."""
    start = kinds[min(path.up, len(kinds) - 1)]
    if not path.steps:
        return (lambda dice, node, above, value: node if path.up else value), start
    reach, holder = reaching(path.steps[:-1], start)
    key, up = path.steps[-1].key, path.up

    def plant(dice: Dice, node: Any, above: Above, value: Any) -> Any:
        group = reach(dice, node if not up else above[up - 1] if len(above) >= up else None)
        if type(group) is dict:
            group[key] = value
        return node

    return plant, holder.below(key)


def settling(conditions: Iterable[Condition], kind: Kind) -> Settle:
    """Makes conditions hold on a node: constants (any of the alternatives), something present, something absent."""
    settlers = [_settler(condition, kind) for condition in conditions]

    def settle(dice: Dice, node: Any) -> None:
        for settler in settlers:
            settler(dice, node)

    return settle


def _settler(condition: Condition, kind: Kind) -> Settle:
    if not condition.path.steps:
        return lambda dice, node: None
    plant, found = planting(condition.path, (kind,))
    make = _maker(condition, found)

    def settle(dice: Dice, node: Any) -> None:
        if holds(condition, node):
            return
        if make is None:
            remove(node, condition.path)
        else:
            plant(dice, node, (), make(dice))

    return settle


def _maker(condition: Condition, kind: Kind) -> Callable[[Dice], Any] | None:
    if condition.test == "absent":
        return None
    if condition.test == "equal":
        known = [condition.constant, *condition.values[1:]]
        return lambda dice: _spelled(dice.pick(known), kind)
    if condition.test in ("boolean", "moment"):
        return lambda dice: of_test(condition.test, kind, dice.rng)
    return lambda dice: _something(dice, kind)


def _spelled(constant: Any, kind: Kind) -> Any:
    return kind.spelled(constant) if isinstance(kind, NativeKind) else constant


def _something(dice: Dice, kind: Kind) -> Any:
    for _ in range(5):
        if not blank(found := kind.sample(dice.rng)):
            return found
    return values.text(dice.rng)


def without_husks(node: Any) -> Any:
    """The node without empty groups and lists below it; changes it in place."""
    if type(node) is dict:
        for key in [key for key, child in node.items() if type(child) in (dict, list) and not without_husks(child)]:
            del node[key]
    elif type(node) is list:
        node[:] = [child for child in node if type(child) not in (dict, list) or without_husks(child)]
    return node
