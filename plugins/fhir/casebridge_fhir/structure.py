"""Is this a resource as FHIR R4 has it? Elements, lists, required ones, primitive values, codes, choices.

What the table of elements says is checked, and no more: neither invariants nor profiles nor references. A resource of
a type that the table does not have is only looked at where it is nested in another, and there taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from casebridge.core.errors import quiet_place
from casebridge_fhir.primitives import CHECKS, Check
from casebridge_fhir.r4 import ANY_RESOURCE, ElementRow, resource_types, table

MOST_PROBLEMS = 200
_MOST_CODES_SHOWN = 20
_EMPTY = "this is empty; leave it out"
_ONE = "this must not be a list"
_Place: TypeAlias = tuple[Any, str, int | None]  # the place above or None, a step, the number in a list: cheap to make


class Problem(NamedTuple):
    """``path`` is FHIRPath (``Task.input[0].value``), ``code`` an IssueType of OperationOutcome; no value is shown."""

    path: str
    text: str
    code: str


class _Rule(NamedTuple):
    """What one element must be; ``fits`` is set for a primitive."""

    name: str
    shown: str
    of: str
    many: bool
    fits: Check | None
    codes: frozenset[str] | None
    choice: str
    extensible: bool


class _Type(NamedTuple):
    """A type's elements; ``wanted``: what must stand there, and the names of which one will do."""

    rules: Mapping[str, _Rule]
    wanted: tuple[tuple[str, frozenset[str]], ...]


def problems(resource: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with ``resource`` (as ``jsontext.loads`` gives it), in the order it stands there; 200 at most."""
    type_ = resource.get("resourceType")
    if not isinstance(type_, str) or type_ not in resource_types():
        return [Problem("resourceType", "this is not a resource of FHIR R4 that is supported here", "not-supported")]
    look = _Look()
    look.members(_type(type_), resource, (None, type_, None))
    return look.found


@cache
def _type(name: str) -> _Type:
    rows = table()[name]
    wanted = {row.name: {row.name, f"_{row.name}"} for row in rows.values() if row.required}
    for row in rows.values():
        if row.one_required:
            wanted.setdefault(row.choice, set()).update((row.name, f"_{row.name}"))
    rules = {row.name: _rule(name, row) for row in rows.values()}
    if name in resource_types():
        rules["resourceType"] = _Rule("resourceType", "resourceType", "code", False, bool, None, "", False)
    return _Type(rules, tuple((name, frozenset(names)) for name, names in wanted.items()))


def _rule(type_: str, row: ElementRow) -> _Rule:
    fits = CHECKS[row.of][0] if row.primitive else None
    attribute = type_ not in resource_types() and (row.name == "id" or (type_, row.name) == ("Extension", "url"))
    extensible = row.primitive and row.of != "xhtml" and not attribute
    return _Rule(row.name, row.choice or row.name, row.of, row.many, fits, row.codes, row.choice, extensible)


class _Look:
    """One look at one resource."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def members(self, type_: _Type, value: Mapping[str, Any], place: _Place) -> None:
        rules, chosen = type_.rules, set[str]()
        plain = not any(name[:1] == "_" for name in value)
        for name, item in value.items():
            rule = rules.get(name)
            if rule is None:
                rule = self._extensions_alone(rules, name, value, place)
                if rule is None:
                    continue
            elif plain and rule.fits and not rule.many:
                if not rule.fits(item) or (rule.codes and item not in rule.codes):
                    self._value(rule, item, (place, rule.shown, None))
            elif item is None:
                self._say((place, rule.shown, None), _EMPTY, "structure")
            else:
                self._element(rule, item, value.get(f"_{name}") if rule.fits else None, place)
            if rule.choice:
                if rule.choice in chosen:
                    self._say((place, rule.choice, None), f"only one {rule.choice}[x] may be given", "structure")
                chosen.add(rule.choice)
        for name, names in type_.wanted:
            if names.isdisjoint(value):
                self._say((place, name, None), "this is required, and missing", "required")

    def _extensions_alone(
        self, rules: Mapping[str, _Rule], name: str, value: Mapping[str, Any], place: _Place
    ) -> _Rule | None:
        """``_birthDate``: looked at with its value, or here when there is none."""
        rule = rules.get(name[1:]) if name[:1] == "_" else None
        if rule is None or not rule.extensible:
            self._say((place, name, None), "FHIR R4 has no such element here", "structure")
            return None
        if value[name] is None:
            self._say((place, rule.shown, None), _EMPTY, "structure")
        elif rule.name not in value:
            self._element(rule, None, value[name], place)
            return rule
        return None

    def _element(self, rule: _Rule, item: Any, more: Any, parent: _Place) -> None:
        if not rule.many:
            place = (parent, rule.shown, None)
            if isinstance(more, list):
                self._say(place, _ONE, "structure")
            else:
                self._one(rule, item, more, place)
            return
        for given in (item, more):
            if given is None:
                continue
            if not isinstance(given, list) or not given:
                text = "this list is empty; leave it out" if given == [] else "this must be a list"
                self._say((parent, rule.shown, None), text, "structure")
                return
        if item and more and len(item) != len(more):
            text = "the values and their extensions are not of the same number"
            self._say((parent, rule.shown, None), text, "structure")
            return
        for index in range(len(item or more or ())):
            one, extra = item[index] if item else None, more[index] if more else None
            self._one(rule, one, extra, (parent, rule.shown, index))

    def _one(self, rule: _Rule, item: Any, more: Any, place: _Place) -> None:
        if rule.fits is None:
            self._object(rule.of, item, place)
            return
        if item is None and more is None:
            self._say(place, _EMPTY, "structure")
        if item is not None:
            self._value(rule, item, place)
        if more is not None:
            self._object("Element", more, place)

    def _object(self, type_: str, item: Any, place: _Place) -> None:
        if not isinstance(item, Mapping):
            wrong = _EMPTY if item is None else _ONE if isinstance(item, list) else "this must be an object"
            self._say(place, wrong, "structure")
        elif not item:
            self._say(place, _EMPTY, "structure")
        elif type_ == ANY_RESOURCE:
            self._resource(item, place)
        else:
            self.members(_type(type_), item, place)

    def _resource(self, item: Mapping[str, Any], place: _Place) -> None:
        type_ = item.get("resourceType")
        if not isinstance(type_, str) or not type_[:1].isupper():
            self._say((place, "resourceType", None), "this is not the name of a resource", "required")
        elif type_ in resource_types():
            self.members(_type(type_), item, place)

    def _value(self, rule: _Rule, item: Any, place: _Place) -> None:
        if isinstance(item, list):
            self._say(place, _ONE, "structure")
        elif rule.fits and not rule.fits(item):
            self._say(place, f"this must be {CHECKS[rule.of][1]}", "value")
        elif rule.codes and item not in rule.codes:
            few = len(rule.codes) <= _MOST_CODES_SHOWN
            known = "one of: " + ", ".join(sorted(rule.codes)) if few else "a code of its value set in FHIR R4"
            self._say(place, f"this must be {known}", "code-invalid")

    def _say(self, place: _Place, text: str, code: str) -> None:
        if len(self.found) < MOST_PROBLEMS:
            self.found.append(Problem(quiet_place(_path(place)), text, code))


def _path(place: _Place | None) -> str:
    steps: list[str] = []
    while place is not None:
        place, name, index = place
        steps.append(name if index is None else f"{name}[{index}]")
    return ".".join(reversed(steps))
