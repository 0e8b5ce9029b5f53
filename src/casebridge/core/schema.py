"""Asking the case model about itself: does this case path exist, which codes does it take?"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from casebridge.core import facts
from casebridge.core.case import KINDS
from casebridge.core.words import referral_words


@dataclass(frozen=True, slots=True)
class Concept:
    """One of the 54 things case management is made of (``data/concepts.csv``): where the core and others hold it."""

    number: int
    concept: str
    core_places: tuple[str, ...]
    fhir: str
    hmis: str
    x12: str
    hsds: str
    no_room: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodeValue:
    """One usual code of an open field (``data/values.csv``); others are allowed there."""

    field: str
    code: str
    words: str
    source: str


@cache
def concepts() -> tuple[Concept, ...]:
    """All concepts in order."""
    return tuple(
        Concept(
            int(r["number"]), r["concept"], tuple(r["core_places"].split("; ")), r["fhir"], r["hmis"], r["x12"],
            r["hsds"], tuple(r["no_room"].split()),
        )
        for r in _rows("concepts")
    )  # fmt: skip


@cache
def usual_codes() -> tuple[CodeValue, ...]:
    """The usual codes of open fields, the details of a referral among them."""
    details = [
        CodeValue("referral.detail", code, words.text, "CaseBridge")
        for (sort, code), words in referral_words().items() if sort == "detail"
    ]  # fmt: skip
    return (*(CodeValue(**row) for row in _rows("values")), *details)


def has_place(place: str) -> bool:
    """Does the case model have this place: ``need.domain``, or ``need.domain=homelessness``, code and all?"""
    path, _, code = place.partition("=")
    types_ = tuple(field_types(path))
    return bool(types_) and (not code or code in codes_of(path))


def codes_of(path: str) -> frozenset[str]:
    """The codes a path takes: those of its type, and the usual ones of an open field."""
    fixed = {value for t in field_types(path) if get_origin(t) is Literal for value in get_args(t)}
    kind, _, field = path.partition(".")
    return frozenset(fixed | {v.code for v in usual_codes() if v.field in (path, field, f"{kind}.{field}")})


@cache
def plain_codes() -> frozenset[str]:
    """The case model's own words that may stand in an error: kinds of services, states, roles.

    Domains, characteristics and answers are left out: beside a message they would say what somebody lives through.
    """
    return frozenset(row["code"] for row in _rows("services")) | _fixed_codes()


def field_types(path: str) -> Iterator[Any]:
    """The plain types found at ``kind.field.subfield``; none when there is no such place."""
    kind, *fields = path.split(".")
    found: list[Any] = [KINDS[kind]] if kind in KINDS else []
    for field in fields:
        found = [part for model in found for part in members(_field(model, field)) if part is not None]
    yield from found


def members(annotation: Any) -> Iterator[Any]:
    """The plain types inside a union, a list or an annotated type."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType, list):
        for part in get_args(annotation):
            if part is not types.NoneType:
                yield from members(part)
    elif origin is Annotated:
        yield from members(get_args(annotation)[0])
    else:
        yield annotation


def _fixed_codes() -> frozenset[str]:
    """The codes of all closed fields."""
    found: set[Any] = set()
    seen: set[Any] = set()
    models: list[Any] = list(KINDS.values())
    while models:
        model = models.pop()
        seen.add(model)
        for part in (part for field in model.model_fields.values() for part in members(field.annotation)):
            if get_origin(part) is Literal:
                found.update(get_args(part))
            elif isinstance(part, type) and issubclass(part, BaseModel) and part not in seen:
                models.append(part)
    return frozenset(code for code in found if isinstance(code, str))


def _field(model: Any, name: str) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel) and name in model.model_fields:
        return model.model_fields[name].annotation
    return None


def _rows(name: str) -> list[dict[str, str]]:
    return facts.rows("casebridge.core", f"{name}.csv")
