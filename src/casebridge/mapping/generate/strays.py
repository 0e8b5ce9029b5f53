"""What a real record holds beside the map's lines: fields nobody claims, items no selector meets, what is ignored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casebridge.mapping.generate import values
from casebridge.mapping.generate.claims import Claim, Steps
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.ground import Kind, Settle, planting, reaching
from casebridge.mapping.generate.kinds import NativeKind
from casebridge.mapping.model import Definition
from casebridge.mapping.paths import Condition, Path, Step
from casebridge.mapping.walk import blank

UNCLAIMED = "local note"
_RARE = 0.12


def strays(definition: Definition, found: Iterable[Claim], root: NativeKind) -> list[Settle]:
    """What may be added to a record; none of it is read by any line. Empty when the map refuses such records."""
    paths = [steps for claim in found for steps in (*claim.other, *claim.also)]
    read = {_bare(steps)[:i] for steps in paths for i in range(1, len(steps) + 1)}
    added = [_ignored(path, root) for path in definition.ignore if path.steps and _bare(path.steps) not in read]
    if definition.rest == "refuse":
        return added
    known = frozenset(_words(paths, definition))
    lists = {steps[:i]: None for steps in paths for i, step in enumerate(steps, 1) if step.selector}
    groups = {_bare(steps[:i]): None for steps in paths for i in range(len(steps)) if not _shared(steps, definition)}
    return [
        *added,
        *(_item(steps, root, _taken(steps, lists)) for steps in lists if not _shared(steps, definition)),
        *(_unclaimed(steps, root, known) for steps in groups),
    ]


def _shared(steps: Steps, definition: Definition) -> bool:
    return bool(steps) and steps[0].key in (definition.shape.get("parents") or {})


def _bare(steps: Steps) -> tuple[str, ...]:
    return tuple(step.key for step in steps)


def _words(paths: Iterable[Steps], definition: Definition) -> Iterator[str]:
    """Every field name the map mentions on the other side."""
    conditions = list(definition.match)
    for steps in (*paths, *(path.steps for path in definition.ignore)):
        for step in steps:
            yield step.key
            conditions += step.selector or ()
    while conditions:
        for step in conditions.pop().path.steps:
            yield step.key
            conditions += step.selector or ()


def _taken(steps: Steps, lists: Iterable[Steps]) -> dict[tuple[str, ...], set[str]]:
    """The constants of all selectors on the list, by the field they compare."""
    taken: dict[tuple[str, ...], set[str]] = {}
    for other in lists:
        if _bare(other) == _bare(steps):
            for condition in other[-1].selector or ():
                taken.setdefault(_bare(condition.path.steps), set()).update(condition.values)
    return taken


def _ignored(path: Path, root: NativeKind) -> Settle:
    keys = _bare(path.steps)
    return _added(keys[:-1], [keys[-1]], root)


def _unclaimed(keys: tuple[str, ...], root: NativeKind, known: frozenset[str]) -> Settle:
    """A field that no line names."""
    kind = root
    for key in keys:
        kind = kind.below(key)
    fields = [name for name in (kind.element.fields if kind.element else {}) if name not in known]
    own = [UNCLAIMED] if kind.element is None or kind.element.type == "any" else []
    return _added(keys, fields or own, root)


def _added(keys: tuple[str, ...], names: list[str], kind: NativeKind) -> Settle:
    """One of the fields, in a group that stands there already."""
    for key in keys:
        kind = kind.below(key)

    def settle(dice: Dice, node: Any) -> None:
        if not names or dice.random() >= _RARE:
            return
        for key in keys:
            node = node.get(key) if type(node) is dict else None
            if type(node) is list:
                node = dice.pick(node) if node else None
        if type(node) is dict and node:
            name = dice.pick(names)
            value = kind.below(name).sample(dice.rng)
            if not blank(value):
                node.setdefault(name, value)

    return settle


def _item(steps: Steps, root: NativeKind, taken: dict[tuple[str, ...], set[str]]) -> Settle:
    """An item that the selector passes by, before or after those it means."""
    _, holder = reaching(steps[:-1], root)
    step = steps[-1]
    kind = holder.below(step.key)
    others = [_other_constant(condition, kind, taken) for condition in step.selector or ()]

    def settle(dice: Dice, node: Any) -> None:
        if dice.random() >= _RARE or kind.many is False:
            return
        for above in steps[:-1]:
            if type(node) is not dict or above.key not in node:
                return
            node = reaching((Step(above.key),), NativeKind())[0](dice, node) if above.selector is None else None
        if type(node) is dict and type(node.get(step.key)) is list:
            made: dict[str, Any] = {}
            for other in others:
                other(dice, made)
            if made:
                made.setdefault(UNCLAIMED, "passed by")
                node[step.key].insert(dice.rng.randrange(len(node[step.key]) + 1), made)

    return settle


def _other_constant(condition: Condition, kind: Kind, taken: dict[tuple[str, ...], set[str]]) -> Settle:
    """Something at the place of a condition that no selector asks for."""
    avoided = taken.get(_bare(condition.path.steps), set())
    plant, found = planting(condition.path, (kind,))
    element = found.element if isinstance(found, NativeKind) else None
    codes = [code for code in sorted((element.codes if element else None) or ()) if code not in avoided]

    def settle(dice: Dice, node: Any) -> None:
        if condition.test == "equal":
            plant(dice, node, (), dice.pick(codes) if codes else f"zz {values.text(dice.rng)}")

    return settle
