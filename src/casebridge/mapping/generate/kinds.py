"""What may stand at a place: of the case model by its annotations, of a native record by its Element."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from casebridge.core.case import KINDS, PLURALS
from casebridge.core.jsontext import Number
from casebridge.core.native import Element
from casebridge.core.schema import codes_of
from casebridge.core.values import DATE_PATTERN, MOMENT_PATTERN, MONEY_PATTERN, Absent, Ref
from casebridge.mapping.generate import values
from casebridge.mapping.walk import blank, text_of

_PATTERNS = {DATE_PATTERN: values.partial_date, MOMENT_PATTERN: values.moment, MONEY_PATTERN: values.money}
_WHOLE, _DECIMAL = re.compile(r"-?(0|[1-9]\d{0,17})"), re.compile(r"-?(0|[1-9]\d*)\.\d+")
_MOST = 3  # items in a generated list
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class CaseKind:
    """A place of the case model: its annotation and its path from the kind (``person.names.family``)."""

    annotation: Any
    path: str = ""
    required: bool = False

    def below(self, key: str) -> CaseKind:
        """The place of a field of this group, or of the items of this list."""
        for part in _plain(self.annotation):
            if isinstance(part, dict) and key in part:
                return part[key]  # type: ignore[no-any-return]
            if _is_model(part) and key in part.model_fields:
                info = part.model_fields[key]
                found: Any = info.annotation
                if info.metadata and found is str:
                    found = Annotated[(str, *info.metadata)]
                return CaseKind(found, f"{self.path}.{key}", info.is_required())
        return CaseKind(Any, f"{self.path}.{key}")

    @property
    def many(self) -> bool:
        """Is it always a list? A characteristic's value may be one or several."""
        parts = [part for part in _parts(self.annotation) if part is not Absent]
        return bool(parts) and all(get_origin(part) is list for part in parts)

    @property
    def one(self) -> CaseKind:
        """One item of the list, the place itself where it is none."""
        lists = [part for part in _parts(self.annotation) if get_origin(part) is list]
        return CaseKind(get_args(lists[0])[0], self.path) if lists else self

    @property
    def may_be_absent(self) -> bool:
        """Does the case model allow an Absent here?"""
        return Absent in _parts(self.annotation)

    def sample(self, rng: Random, depth: int = 0) -> Any:
        """A value the case model accepts here, never an Absent."""
        lists = [part for part in _parts(self.annotation) if get_origin(part) is list]
        single = [part for part in _parts(self.annotation) if part is not Absent and part not in lists]
        if lists and (not single or rng.random() < 0.5):
            item = self.one
            return [item.sample(rng, depth) for _ in range(rng.randrange(1, _MOST + 1))]
        return self._single(rng, rng.choice(single), depth) if single else values.text(rng)

    def item(self, rng: Random) -> Any:
        """A value for one item of a list; as :meth:`sample` where it is no list."""
        return (self.one if self.many else self).sample(rng)

    def _single(self, rng: Random, part: Any, depth: int) -> Any:
        if part is bool:
            return rng.random() < 0.5
        if get_origin(part) is Literal:
            return rng.choice(get_args(part))
        if get_origin(part) is Annotated:
            return _by_pattern(part)(rng)
        if part is Ref:
            return {"kind": rng.choice(sorted(KINDS)), "external_id": values.reference(rng, "")}
        if _is_model(part):
            return self._group(rng, part, depth)
        usual = _usual(self.path)
        return rng.choice(usual) if usual and rng.random() < 0.7 else values.text(rng, self.path.rpartition(".")[2])

    def _group(self, rng: Random, model: type[BaseModel], depth: int) -> dict[str, Any]:
        chosen = {
            name: self.below(name)
            for name, info in model.model_fields.items()
            if info.is_required() or (depth < _DEEPEST and rng.random() < 0.5)
        }
        return {name: kind.sample(rng, depth + 1) for name, kind in chosen.items()}


@dataclass(frozen=True, slots=True)
class NativeKind:
    """A place of a native record; without an Element nothing is known of it.

    ``typed``: numbers and booleans are JSON's own; other formats write them as text.
    """

    element: Element | None = None
    key: str = ""
    typed: bool = True

    def below(self, key: str) -> NativeKind:
        """The place of a field of this group."""
        known = self.element is not None and self.element.type == "group"
        return NativeKind(self.element.fields.get(key) if known and self.element else None, key, self.typed)

    @property
    def many(self) -> bool | None:
        """Is it a list? None when nobody says."""
        return self.element.many if self.element is not None else None

    @property
    def one(self) -> NativeKind:
        """One item of the list."""
        return replace(self, element=replace(self.element, many=False)) if self.element is not None else self

    @property
    def required(self) -> bool:
        """Does the format demand it?"""
        return self.element is not None and self.element.required

    def sample(self, rng: Random, depth: int = 0) -> Any:
        """A value of the format here, a list where it is one."""
        if self.many:
            return [self.item(rng, depth) for _ in range(rng.randrange(1, _MOST))]
        return self.item(rng, depth)

    def item(self, rng: Random, depth: int = 0) -> Any:
        """A single value of the format here."""
        element = self.element
        if element is None:
            return values.text(rng, self.key)
        if element.codes:
            return self.spelled(rng.choice(sorted(element.codes)))
        if element.type == "group":
            return self._group(rng, element.fields, depth)
        if element.type == "number" and not self.typed:
            return values.money(rng)
        found = _NATIVE[element.type](rng)
        return found if self.typed else text_of(found)

    def spelled(self, code: Any) -> Any:
        """A constant or code in the format's own type: ``true`` where it has booleans, 7 where it has numbers."""
        kind = self.element.type if self.element is not None and self.typed and isinstance(code, str) else ""
        if kind == "boolean" and code in ("true", "false"):
            return code == "true"
        if kind == "number" and _WHOLE.fullmatch(code):
            return int(code)
        return Number(code) if kind == "number" and _DECIMAL.fullmatch(code) else code

    def _group(self, rng: Random, fields: Mapping[str, Element], depth: int) -> Any:
        names = rng.sample(sorted(fields), min(2, len(fields))) if depth < _DEEPEST else []
        found = {name: self.below(name).sample(rng, depth + 1) for name in names}
        return {name: value for name, value in found.items() if not blank(value)}


_NATIVE = {
    "boolean": lambda rng: rng.random() < 0.5, "number": values.number, "date": values.day,
    "moment": values.date_time, "text": values.text, "any": values.text,
}  # fmt: skip


def case_root(slots: tuple[str, ...], *, whole: bool) -> CaseKind:
    """The place where a map's case paths begin; ``whole`` when its one slot is written as a list."""
    if len(slots) > 1:
        return CaseKind({slot: _slot(slot) for slot in slots})
    found = _slot(slots[0])
    return found if whole or slots[0] in KINDS else CaseKind(KINDS[PLURALS[slots[0]]], PLURALS[slots[0]])


def _slot(slot: str) -> CaseKind:
    if slot in KINDS:
        return CaseKind(KINDS[slot], slot)
    return CaseKind(types.GenericAlias(list, (KINDS[PLURALS[slot]],)), PLURALS[slot])


@cache
def _usual(path: str) -> tuple[str, ...]:
    return tuple(sorted(codes_of(path))) if path else ()


def _by_pattern(part: Any) -> Any:
    pattern = next((found for meta in get_args(part)[1:] if (found := getattr(meta, "pattern", None))), "")
    return _PATTERNS.get(pattern, values.text)


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The members of a union without None."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for part in get_args(annotation) for inner in _parts(part))
    return () if annotation is types.NoneType else (annotation,)


def _plain(annotation: Any) -> Iterator[Any]:
    """The members of a union, and of the lists among them."""
    for part in _parts(annotation):
        if get_origin(part) is list:
            yield from _plain(get_args(part)[0])
        else:
            yield part
