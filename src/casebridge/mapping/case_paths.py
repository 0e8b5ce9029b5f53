"""Do the case paths of a map exist in the case model? A typo must not read as an empty field."""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from casebridge.core.case import KINDS, PLURALS
from casebridge.core.values import Absent
from casebridge.mapping.model import Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.notation import Place, nearest
from casebridge.mapping.paths import Condition, Path, Step


@dataclass(frozen=True, slots=True)
class Slots:
    """The root of a map that fills several slots: slot name to what stands there."""

    fields: dict[str, Any]


Shape = Any  # a pydantic model, Slots, list[...] or a plain type


def check(definition: Definition) -> None:
    """MapError CB-202 for the first case path that the case model does not have."""
    root = _root(definition)
    _lines(definition.fields, [root])
    _conditions(definition.when, _item_of(root), definition.place)
    for path, _ in definition.defaults.get("import", ()):
        _walk(path, root, definition.place)


def _root(definition: Definition) -> Shape:
    if len(definition.case) == 1:
        slot = definition.case[0]
        whole = any(not line.case.steps and isinstance(line, Each) for line in definition.fields)
        kind = KINDS[PLURALS.get(slot, slot)]
        return types.GenericAlias(list, (kind,)) if whole else kind
    return Slots({
        slot: KINDS[slot] if slot in KINDS else types.GenericAlias(list, (KINDS[PLURALS[slot]],))
        for slot in definition.case
    })  # fmt: skip


def _lines(lines: Iterable[Line], above: list[Shape]) -> None:
    for line in lines:
        _conditions(line.when, above[-1], line.place)
        if isinstance(line, Choose):
            for branch in line.branches:
                _conditions(branch.case, above[-1], branch.place)
                _lines(branch.fields, above)
            continue
        start = above[-1 - line.case.up] if line.case.up < len(above) else Any
        found = _walk(line.case, start, line.place)
        if isinstance(line, Each):
            _lines(line.fields, [*above, _item(line, found)])
        elif isinstance(line, Group):
            _lines(line.fields, [*above, found])
        elif isinstance(line, Leaf | Spread | Flags):
            continue


def _item(line: Each, found: Shape) -> Shape:
    """What an item of the list is; the list itself if the path has no selector yet."""
    if line.case.steps and line.case.steps[-1].selector is not None:
        return found
    listed = _listed(found)
    if listed is None and found is not Any:
        raise line.place.error("CB-202", f"`{line.case}` is not a list in the case model, so `each` cannot stand there")
    return Any if listed is None else listed


def _item_of(shape: Shape) -> Shape:
    """The head's ``when`` speaks of each record, also where the map writes the whole list of them."""
    listed = _listed(shape)
    return shape if listed is None else listed


def _walk(path: Path, shape: Shape, place: Place) -> Shape:
    for i, step in enumerate(path.steps):
        if shape is Any:
            return Any
        shape = _step(path, step, shape, place, last=i == len(path.steps) - 1)
    return shape


def _step(path: Path, step: Step, shape: Shape, place: Place, *, last: bool) -> Shape:
    fields = _fields(shape)
    if fields is None:
        raise place.error("CB-202", f"the case model has no fields below this one: `{step.key}` in `{path}`")
    if step.key not in fields:
        known = nearest(step.key, fields) or f"; it has {', '.join(sorted(fields))}"
        raise place.error("CB-202", f"`{step.key}` is not a field of the case model in `{path}`{known}")
    found = fields[step.key]
    listed = _listed(found)
    if step.selector is not None:
        if listed is None and found is not Any:
            raise place.error("CB-202", f"`{step.key}` is not a list in the case model: `{path}` cannot pick an item")
        item = Any if listed is None else listed
        _conditions(step.selector, item, place)
        return item
    if listed is not None and not last and _fields(found) is None:
        raise place.error(
            "CB-202", f"`{step.key}` is a list in the case model: pick an item of it in `{path}`, as in "
            f"`{step.key}(use=official)`, or `{step.key}()` for the first",
        )  # fmt: skip
    return found


def _conditions(conditions: Iterable[Condition], shape: Shape, place: Place) -> None:
    for condition in conditions:
        _walk(condition.path, shape, place)


def _fields(shape: Shape) -> dict[str, Any] | None:
    """The fields below, or None for a single value; below a free group anything goes."""
    if isinstance(shape, Slots):
        return shape.fields
    for part in _parts(shape):
        if isinstance(part, type) and issubclass(part, BaseModel) and part is not Absent:
            return _fields_of(part)
    return None


@cache
def _fields_of(model: type[BaseModel]) -> dict[str, Any]:
    return {name: _free(info.annotation) for name, info in model.model_fields.items()}


def _free(annotation: Any) -> Any:
    """An annotation; a free dict is Any."""
    return Any if any(part is Any or get_origin(part) is dict for part in _parts(annotation)) else annotation


def _listed(shape: Shape) -> Any | None:
    for part in _parts(shape):
        if get_origin(part) is list:
            return get_args(part)[0]
    return None


def _parts(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for part in get_args(annotation) for inner in _parts(part))
    return (annotation,)
