"""Native records that reach every line of a map, and case slices that the map can write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from casebridge.core.case import PLURALS, records_of, validate_record
from casebridge.core.errors import RecordError
from casebridge.core.native import Element
from casebridge.mapping.generate.claims import claims, in_lists
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.ground import settling, without_husks
from casebridge.mapping.generate.kinds import CaseKind, NativeKind, case_root
from casebridge.mapping.generate.sowing import Around, Sow, Sower
from casebridge.mapping.generate.strays import strays
from casebridge.mapping.maps import Map
from casebridge.mapping.model import Definition

_GIVES_UP = 200  # slices in a row that the case model refuses


def records(map_: Map, element: Element | None, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Endless native records the map is for, the same for one seed.

    Sparse and full ones; every leaf, code row, branch and further place sometimes; lists of none to three items, now
    and then one twice; items that no selector meets, fields that no line claims. Regular in type: see
    :func:`casebridge.mapping.generate.hostile` for the rest. ``element`` is the record's schema, if there is one.
    """
    definition = map_.definition
    root = _native(element)
    sow = Sower(definition, "other").level(definition.fields, _around(definition, root))
    beside = strays(definition, claims(definition), root)
    match = settling(definition.match, root)
    dice = Dice(seed)
    while True:
        dice.next()
        record: dict[str, Any] = {}
        match(dice, record)
        record = without_husks(sow(dice, record, ()))
        for settle in beside:
            settle(dice, record)
        match(dice, record)
        yield record


def slices(map_: Map, seed: int = 0, element: Element | None = None) -> Iterator[dict[str, Any]]:
    """Endless slices of valid case records with values that the map can write, the same for one seed.

    None at all when the map only imports.
    """
    definition = map_.definition
    if definition.only == "import":
        return
    _, sow = case_sower(definition, element)
    when = settling([c for c in definition.when if c.test == "equal"], _case(definition))
    dice = Dice(seed)
    tried = 0
    while tried < _GIVES_UP:
        dice.next()
        tried += 1
        start: Any = {}
        when(dice, start)
        found = sow(dice, start, ())
        if isinstance(found, dict):
            when(dice, found)
        slice_ = _as_slice(definition, without_husks(found))
        if slice_ and map_.fits(slice_) and valid(slice_):
            tried = 0
            yield slice_


def case_sower(definition: Definition, element: Element | None) -> tuple[Sower, Sow]:
    """What fills the case side, and the sower that knows each line's pool."""
    sower = Sower(definition, "case")
    return sower, sower.level(definition.fields, _around(definition, _native(element)))


def _native(element: Element | None) -> NativeKind:
    return NativeKind(element, typed=element is None or not element.text)


def _around(definition: Definition, root: NativeKind) -> Around:
    return Around((_case(definition),), (root,), {})


def _case(definition: Definition) -> CaseKind:
    return case_root(definition.case, whole=in_lists(definition))


def _as_slice(definition: Definition, found: Any) -> dict[str, Any]:
    if not found:
        return {}
    if len(definition.case) > 1:
        slice_ = dict(found)
    else:
        slot = definition.case[0]
        slice_ = {slot: [found] if slot in PLURALS and not isinstance(found, list) else found}
    if definition.complete:
        slice_["complete"] = list(definition.complete)
    return slice_


def valid(slice_: dict[str, Any]) -> bool:
    """Does the case model accept every record of the slice?"""
    try:
        for kind, _, record in records_of({slot: part for slot, part in slice_.items() if slot != "complete"}):
            validate_record(kind, record)
    except RecordError:
        return False
    return True
