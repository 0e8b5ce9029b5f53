"""The case side of a place: the plain types of the case model there, and all the codes it takes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, get_origin

from pydantic import BaseModel

from casebridge.core import schema
from casebridge.core.case import KINDS, PLURALS
from casebridge.core.values import Absent
from casebridge.mapping.checking.places import Known, Spot, keys_of
from casebridge.mapping.model import Definition

BOOLEANS = frozenset({"true", "false"})


def field_of(definition: Definition, spot: Spot) -> str:
    """The case model's own name of a place: ``person.names.use``."""
    keys = keys_of(spot)
    slots = definition.case if len(definition.case) == 1 else keys[:1]
    rest = keys if len(definition.case) == 1 else keys[1:]
    return ".".join((*(PLURALS.get(slot, slot) for slot in slots), *rest))


@cache
def types_of(field: str) -> tuple[Any, ...]:
    """The types of a field without Absent; empty where the case model is open (``extra``)."""
    kind = field.split(".")[0]
    if kind not in KINDS:
        return ()
    return tuple(t for t in schema.field_types(field) if t is not Absent and t is not Any)


@cache
def codes_of(field: str) -> frozenset[str] | None:
    """All the codes a field takes, or None where it takes any text (or where the case model says nothing)."""
    found = types_of(field)
    if found and all(t is bool or get_origin(t) is Literal for t in found):
        return schema.codes_of(field) | (BOOLEANS if bool in found else frozenset())
    return None if str not in found else schema.codes_of(field) or None


def codes_at(definition: Definition, spot: Spot, held: Iterable[Known] = ()) -> frozenset[str] | None:
    """As :func:`codes_of`, where some conditions hold: ``deceased: boolean`` leaves true and false."""
    if any(k.spot == spot and k.condition.test == "boolean" for k in held):
        return BOOLEANS
    return codes_of(field_of(definition, spot))


@cache
def only_these(field: str) -> bool:
    """Does the case model refuse any other value there?"""
    found = types_of(field)
    return bool(found) and all(t is bool or get_origin(t) is Literal for t in found)


def is_boolean(field: str) -> bool:
    """Is it yes or no, and nothing else?"""
    return types_of(field) == (bool,)


def is_group(field: str) -> bool:
    """Has it fields of its own?"""
    found = types_of(field)
    return bool(found) and all(isinstance(t, type) and issubclass(t, BaseModel) for t in found)


def witness(values: Iterable[str]) -> str:
    """One of the values, always the same."""
    return min(values)
