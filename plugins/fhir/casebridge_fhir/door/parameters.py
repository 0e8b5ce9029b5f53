"""Search parameters (FHIR R4, search 3.1.1): which there are, and the keys that a resource is found by.

A key is exact: ``system|code`` and ``?code`` (whatever its system) for tokens, ``Patient/1`` for references, the first
letters for texts. Dates have none: a search by date alone looks at every resource of the type.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from casebridge.core import facts
from casebridge.core.errors import RecordError
from casebridge_fhir.references import local_reference

MOST_KEYS = 5000  # of one resource
LONGEST_KEY = 2000  # bytes: an index of PostgreSQL takes no more than 2,700 a row
LENGTHS = (3, 5, 8, 12)  # letters of a text, by which it is looked up
_STEP = re.compile(r"^(?P<name>\w+)(?:\((?P<member>\w+)=(?P<value>\w+)\))?$")


@dataclass(frozen=True)
class Parameter:
    """One search parameter of a type; ``targets``: types that a reference may mean."""

    name: str
    kind: str
    paths: tuple[str, ...]
    targets: tuple[str, ...]

    @cached_property
    def elements(self) -> frozenset[str]:
        """Elements of the resource that its paths begin with."""
        return frozenset(_steps(path)[0][0] for path in self.paths)

    def values(self, resource: Mapping[str, Any]) -> Iterator[Any]:
        """What stands at its paths, lists taken apart."""
        for path in self.paths:
            yield from at(resource, path)


@cache
def parameters(type_: str) -> Mapping[str, Parameter]:
    """The search parameters of a type by name, without ``_id`` and ``_lastUpdated``, which all have."""
    return {p.name: p for of, p in _table() if of in ("*", type_)}


@cache
def _table() -> tuple[tuple[str, Parameter], ...]:
    rows = facts.rows("casebridge_fhir", "search_parameters.csv")
    return tuple((row["type"], Parameter(row["name"], row["kind"], tuple(row["paths"].split("|")),
                                         tuple(row["targets"].split()))) for row in rows)  # fmt: skip


@cache
def types() -> tuple[str, ...]:
    """The types that can be searched."""
    return tuple(dict.fromkeys(of for of, _ in _table() if of != "*"))


def keys(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """All keys of a resource: name of the parameter, key. RecordError CB-301 when there are too many."""
    found: set[tuple[str, str]] = set()
    for parameter in parameters(str(resource.get("resourceType"))).values():
        if parameter.elements.isdisjoint(resource):
            continue
        for key in keys_of(parameter, resource):
            found.add((parameter.name, key))
            if len(found) > MOST_KEYS or len(key.encode()) > LONGEST_KEY:
                limits = f"at most {MOST_KEYS} values that it is searched by, of {LONGEST_KEY} bytes each"
                raise RecordError("CB-301", "this resource would be found by too much", field=parameter.name,
                                  expected=limits)  # fmt: skip
    yield from found


def keys_of(parameter: Parameter, resource: Mapping[str, Any]) -> Iterator[str]:
    """The keys of one parameter."""
    if parameter.kind == "composite":
        yield from _composite(parameter, resource)
    elif parameter.kind in _KINDS:
        made = _KINDS[parameter.kind]
        for value in parameter.values(resource):
            yield from made(value)


def _composite(parameter: Parameter, resource: Mapping[str, Any]) -> Iterator[str]:
    """Both parts in one element: ``code$value`` (of a group's characteristics each by itself)."""
    inside = parameter.paths[0].rpartition(".")[0]
    names = [path.rpartition(".")[2] for path in parameter.paths]
    for element in at(resource, inside) if inside else [resource]:
        first, second = ({k for v in at(element, name) for k in token_keys(v)} for name in names)
        yield from (f"{a}${b}" for a in first for b in second)


def token_keys(value: Any) -> Iterator[str]:
    """``system|code`` and ``?code`` of a Coding, CodeableConcept, Identifier, code or boolean."""
    if isinstance(value, Mapping):
        for coding in value.get("coding", ()) if isinstance(value.get("coding"), list) else [value]:
            code = coding.get("code", coding.get("value")) if isinstance(coding, Mapping) else None
            if isinstance(code, str):
                yield from (f"{coding.get('system', '')}|{code}", f"?{code}")
    elif isinstance(value, bool):
        yield from token_keys("true" if value else "false")
    elif isinstance(value, str):
        yield from (f"|{value}", f"?{value}")


def reference_keys(value: Any) -> Iterator[str]:
    """``Patient/1``; ``@system|value`` of a logical one; the address of another server as it is."""
    if not isinstance(value, Mapping):
        return
    address = value.get("reference")
    if isinstance(address, str):
        yield local_reference(address)
    for key in token_keys(value.get("identifier")):
        yield f"@{key}"


def text_keys(value: Any) -> Iterator[str]:
    """Its first letters, alike for capitals and accents."""
    if isinstance(value, str) and value:
        yield from heads(folded(value))


def heads(text: str) -> list[str]:
    """Beginnings of a text, the longest last; nothing for one that is too short to be looked up by."""
    return [text[:length] for length in LENGTHS if len(text) >= length]


def _uri(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value


_KINDS = {"token": token_keys, "reference": reference_keys, "string": text_keys, "uri": _uri}


def folded(text: str) -> str:
    """A text as searches compare it (FHIR R4, search: string): no accents, no capitals."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def at(value: Any, path: str) -> list[Any]:
    """The values at a dotted path; a step may choose by a member: ``telecom(system=phone)``."""
    found = [value]
    for name, member, wanted in _steps(path):
        inner = [item.get(name) for item in found if isinstance(item, Mapping)]
        found = [one for item in inner if item is not None for one in (item if isinstance(item, list) else (item,))]
        if member:
            found = [one for one in found if isinstance(one, Mapping) and one.get(member) == wanted]
        if not found:
            return found
    return [one for one in found if one is not None]


@cache
def _steps(path: str) -> tuple[tuple[str, str | None, str | None], ...]:
    """Name, and the member and its value that choose."""
    matches = [_STEP.match(step) for step in path.split(".")]
    if None in matches:
        raise ValueError(f"not a path: {path}")
    return tuple((match["name"], match["member"], match["value"]) for match in matches if match)
