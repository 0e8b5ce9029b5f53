"""The interpreter: runs a map's definition over one record, either way. The oracle for every other executor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from casebridge.core.case import PLURALS
from casebridge.core.errors import Held, RecordError, quiet_place
from casebridge.mapping.model import Choose, Definition, Line
from casebridge.mapping.paths import Condition, Path
from casebridge.mapping.put_values import as_known, unknown
from casebridge.mapping.reading import Reader, Trace
from casebridge.mapping.room import value_of, without_room
from casebridge.mapping.translate import Links
from casebridge.mapping.walk import (
    Scope,
    Trail,
    Where,
    apply_conditions,
    assign,
    blank,
    claim_conditions,
    described,
    doubtful,
    everywhere,
    find,
    holds_all,
    items_of,
    spelled,
    unclaimed,
    value_at,
)  # fmt: skip
from casebridge.mapping.writing import Writer


@dataclass(frozen=True, slots=True)
class Imported:
    """``slice`` is the case side, ``left_over`` the places no line claims, ``notes`` what was doubtful."""

    slice: dict[str, Any]
    left_over: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exported:
    """``data`` is the other side's record; ``no_room`` the case paths of values that no line could write."""

    data: dict[str, Any]
    no_room: list[str] = field(default_factory=list)


def matches(definition: Definition, data: dict[str, Any]) -> bool:
    """Is this record one the map is for?"""
    return holds_all(definition.match, data)


def fits(definition: Definition, slice_: Mapping[str, Any]) -> bool:
    """Does the case side meet the map's own ``when``? Slots the slice does not have are not asked."""
    return all(holds_all(conditions, node) for node, _, conditions in _asked(definition, slice_))


def _asked(
    definition: Definition, slice_: Mapping[str, Any]
) -> Iterator[tuple[Any, Where, tuple[Condition, ...]]]:
    """Each record the map's ``when`` speaks of, where it stands, and what it must meet."""
    if len(definition.case) > 1:
        yield slice_, (), tuple(c for c in definition.when if c.path.steps and c.path.steps[0].key in slice_)
        return
    slot = definition.case[0]
    for record, where in items_of(slice_.get(slot), (slot,)):
        yield record, where, definition.when


def read(definition: Definition, data: dict[str, Any], trace: Trace | None = None) -> Imported:
    """Import one record. Raises RecordError, or MapError for a code without a row."""
    trail = Trail()
    claim_conditions(data, definition.match, (), trail)
    found = Reader(trail, trace).fields(definition.fields, Scope(data), described(definition.when), _root(definition))
    if isinstance(found, list):
        found = [{**described(definition.when), **item} for item in found]
    if isinstance(found, dict):
        for path, constant in definition.defaults.get("import", ()):
            if blank(value_at(found, path)):
                assign(found, path, constant)
    left_over = _left_over(definition, data, trail)
    if left_over and definition.rest == "refuse":
        named = quiet_place(left_over[0])  # the partner chose the name: it may say something of a person
        raise definition.place.error("CB-210", f"no line of the map claims `{named}`, and `rest` is refuse")
    return Imported(_as_slice(definition, found), left_over, trail.notes)


def _root(definition: Definition) -> Where:
    """Where in the slice the case paths of the map begin."""
    if len(definition.case) > 1:
        return ()
    slot = definition.case[0]
    return (slot, 0) if slot in PLURALS else (slot,)


def _as_slice(definition: Definition, found: Any) -> dict[str, Any]:
    if len(definition.case) > 1:
        slice_ = dict(found)
    elif blank(found):
        slice_ = {}
    elif definition.case[0] in PLURALS:
        slice_ = {definition.case[0]: found if isinstance(found, list) else [found]}
    else:
        slice_ = {definition.case[0]: found}
    if definition.complete:
        slice_["complete"] = list(definition.complete)
    return slice_


def _left_over(definition: Definition, data: dict[str, Any], trail: Trail) -> list[str]:
    claimed = trail.claimed | {(name,) for name in definition.shape.get("parents") or {}}
    for path in definition.ignore:
        claimed |= {where for _, where in everywhere(data, path.steps)}
    return [spelled(where) for where in unclaimed(data, claimed)]


def write(definition: Definition, slice_: dict[str, Any], links: Links, base: dict[str, Any] | None) -> Exported:
    """Export one slice onto ``base`` (the last original seen) or onto nothing. Inputs are never changed."""
    writer = Writer(definition, links, base)
    writer.partial = frozenset(PLURALS) - frozenset(slice_.get("complete", ()))
    if any(slot in slice_ for slot in definition.case) and not _left_out(definition, writer, slice_):
        _check_when(definition, slice_, writer.trail)
        apply_conditions(definition.match, writer.new)
        writer.unknown = {} if writer.creating else unknown(definition, slice_)
        case = _case(definition, slice_ if writer.creating else as_known(definition, slice_, writer.partial))
        lines = definition.fields
        if len(definition.case) > 1:
            present = frozenset(slot for slot in definition.case if slot in slice_)
            lines = tuple(line for line in lines if _concerns(line, present))
        writer.fields(lines, case, writer.new, writer.old)
        if writer.creating:
            _defaults(definition, writer.new)
        _claim_defaults(definition, case, writer.trail)
    return Exported(writer.new, without_room(slice_, writer))


def _left_out(definition: Definition, writer: Writer, slice_: dict[str, Any]) -> bool:
    """The only slot is a list without a record, and not called complete: theirs may be withheld, and stays."""
    slot = definition.case[0]
    return not writer.creating and len(definition.case) == 1 and not slice_[slot] and slot in writer.partial


def _check_when(definition: Definition, slice_: dict[str, Any], trail: Trail) -> None:
    """The map writes only what its ``when`` names: another record would become this one on the way back."""
    for node, where, conditions in _asked(definition, slice_):
        said = ", ".join(map(str, conditions))
        if doubtful(conditions, node):
            raise Held("CB-505", f"the map {definition.name} writes only {said}, and that is withheld", who="privacy")
        if not holds_all(conditions, node):
            raise RecordError(
                "CB-211", f"the map {definition.name} writes only {said}; this record is another", field=spelled(where)
            )
        claim_conditions(node, conditions, where, trail)


def _concerns(line: Line, present: frozenset[str]) -> bool:
    """Does the line speak of a slot the slice has? What the slice does not have stays as it is."""
    if isinstance(line, Choose):
        paths = [condition.path for branch in line.branches for condition in branch.case]
        paths = paths or [each.case for branch in line.branches for each in branch.fields]
    else:
        paths = [line.case]
    return any(not path.steps or path.steps[0].key in present for path in paths)


def _case(definition: Definition, slice_: dict[str, Any]) -> Scope:
    if len(definition.case) > 1:
        return Scope(slice_)
    slot = definition.case[0]
    if slot not in PLURALS:
        return Scope(slice_[slot], (slot,))
    if any(not line.case.steps for line in definition.fields):
        return Scope(slice_[slot], (slot,))
    if len(slice_[slot]) > 1:
        raise RecordError(
            "CB-301", f"the map {definition.name} writes one record at a time", field=slot,
            expected="a list of one item",
        )  # fmt: skip
    return Scope(slice_[slot][0] if slice_[slot] else {}, (slot, 0))


def _defaults(definition: Definition, new: dict[str, Any]) -> None:
    for path, constant in definition.defaults.get("export", ()):
        if blank(value_at(new, path)):
            assign(new, path, constant)


def _claim_defaults(definition: Definition, case: Scope, trail: Trail) -> None:
    """A constant that import adds needs no room when it goes back."""
    for path, constant in definition.defaults.get("import", ()):
        hit = find(case, path)
        if hit and hit.value == constant:
            trail.claimed.add(hit.where)


__all__ = ["Exported", "Imported", "Path", "fits", "matches", "read", "value_of", "write"]
