"""The case side of a place: the plain types of the case model there, and all the codes it takes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, get_origin

from pydantic import BaseModel

from casebridge.core import schema
from casebridge.core.case import KINDS, PLURALS
from casebridge.core.values import Absent
from casebridge.mapping.checking.places import Known, Spot, keys_of
from casebridge.mapping.model import Definition

BOOLEANS = frozenset({"true", "false"})
SLIP = 0.85  # how like a usual code another one must be to be taken for a mistyped one


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
    if not only_these(field):
        return None
    return schema.codes_of(field) | (BOOLEANS if bool in types_of(field) else frozenset())


@cache
def usual_of(field: str) -> frozenset[str]:
    """The usual codes of a field that takes others too (``core/data/values.csv``)."""
    return frozenset() if only_these(field) else schema.codes_of(field)


def strange(field: str, code: str) -> frozenset[str] | None:
    """The codes that ``code`` should be one of: all there are, or the usual ones when it looks like a slip of one."""
    known, usual = codes_of(field), usual_of(field)
    if known is not None:
        return None if code in known else known
    return usual if code not in usual and get_close_matches(code, usual, n=1, cutoff=SLIP) else None


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
