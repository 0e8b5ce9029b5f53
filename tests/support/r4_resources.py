"""Hypothesis makes FHIR R4 resources as the table of elements allows them, spelled as JSON spells them at its best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from casebridge_fhir.r4 import ANY_RESOURCE, ElementRow, resource_types, table
from hypothesis import strategies as st

from casebridge.core.jsontext import Number

Draw = Callable[[st.SearchStrategy[Any]], Any]
CHARACTERS = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"))
TEXT = st.text(CHARACTERS, min_size=1, max_size=12).filter(str.strip)
WORD = st.from_regex(r"[A-Za-z0-9\-\.]{1,12}", fullmatch=True)
DECIMAL = st.from_regex(r"-?(0|[1-9][0-9]{0,4})\.[0-9]{1,4}([eE][+-]?[0-9]{1,2})?", fullmatch=True).map(Number)
DATE = st.dates().map(lambda day: day.isoformat())
TIME = st.times().map(lambda time: time.replace(tzinfo=None, fold=0).isoformat("seconds"))
ZONE = st.sampled_from(["Z", "+00:00", "-05:00", "+14:00"])
INSTANT = st.tuples(DATE, TIME, ZONE).map(lambda parts: f"{parts[0]}T{parts[1]}{parts[2]}")
PARTIAL = st.tuples(DATE, st.sampled_from([4, 7, 10])).map(lambda parts: parts[0][: parts[1]])
URI = WORD.map(lambda word: f"urn:example:{word}")
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(), "decimal": st.one_of(DECIMAL, st.integers(-999, 999)),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "positiveInt": st.integers(1, 2**31 - 1), "unsignedInt": st.integers(0, 2**31 - 1),
    "date": PARTIAL, "dateTime": st.one_of(PARTIAL, INSTANT), "instant": INSTANT, "time": TIME,
    "id": WORD, "code": st.from_regex(r"[a-z\-]{1,8}( [a-z]{1,3})?", fullmatch=True),
    "uri": URI, "url": URI, "canonical": URI, "oid": st.sampled_from(["urn:oid:1.2.3", "urn:oid:2.16.840"]),
    "uuid": st.uuids(version=4).map(lambda value: f"urn:uuid:{value}"),
    "base64Binary": st.sampled_from(["QQ==", "QUI=", "QUJD"]),
}  # fmt: skip


def _element(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(["p", "b", "span", "td"])
    quoted = TEXT.map(lambda text: escape(text, {'"': "&quot;"}))
    return st.builds(lambda name, title, parts: f'<{name} title="{title}">{"".join(parts)}</{name}>' if parts
                     else f"<{name}/>", names, quoted, st.lists(inner, min_size=0, max_size=3))  # fmt: skip


NARRATIVE = st.lists(st.recursive(TEXT.map(escape), _element, max_leaves=5), min_size=1, max_size=3).map(
    lambda parts: f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(parts)}</div>'
)


@st.composite
def resources(draw: Draw, types: tuple[str, ...] = (), levels: int = 3) -> dict[str, Any]:
    """A resource of one of ``types`` (any, if none is named), nested ``levels`` deep where it may be."""
    type_ = draw(st.sampled_from(types or sorted(resource_types())))
    return {"resourceType": type_, **_members(draw, type_, levels)}


def _members(draw: Draw, type_: str, levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for row in _chosen(draw, type_, levels):
        if row.primitive:
            made |= _primitive(draw, type_, row, levels)
        elif row.many:
            made[row.name] = [_one(draw, row, levels) for _ in range(draw(st.integers(1, 2)))]
        else:
            made[row.name] = _one(draw, row, levels)
    return made


def _chosen(draw: Draw, type_: str, levels: int) -> list[ElementRow]:
    """The elements that must be there, and some that may; of a choice one."""
    rows = list(table()[type_].values())
    by_choice: dict[str, list[ElementRow]] = {}
    for row in rows:
        by_choice.setdefault(row.choice or row.name, []).append(row)
    wanted = [choice for choice in by_choice.values() if choice[0].required or choice[0].one_required]
    offered = [choice for choice in by_choice.values() if choice not in wanted] if levels > 0 or not wanted else []
    more = draw(st.lists(st.sampled_from(offered), max_size=3, unique_by=lambda c: c[0].name)) if offered else []
    chosen = wanted + more
    if not chosen:
        chosen = [next(c for c in offered if c[0].primitive)] if type_ not in resource_types() else []
    return [draw(st.sampled_from(_shallow(choice) if levels <= 0 else choice)) for choice in chosen]


def _shallow(choice: list[ElementRow]) -> list[ElementRow]:
    return [row for row in choice if row.primitive] or choice


def _one(draw: Draw, row: ElementRow, levels: int) -> dict[str, Any]:
    if row.of == ANY_RESOURCE:
        return draw(resources(("Patient", "Organization", "OperationOutcome"), min(levels - 1, 1)))
    return _members(draw, row.of, levels - 1) or {"id": "e"}


def _primitive(draw: Draw, type_: str, row: ElementRow, levels: int) -> dict[str, Any]:
    apart = row.of == "xhtml" or (type_, row.name) == ("Extension", "url")
    inside = row.name == "id" and type_ not in resource_types()
    if apart or inside or levels <= 0 or draw(st.integers(0, 5)) != 0:
        value = _value(draw, row)
        return {row.name: [value] if row.many else value}
    if not row.many:
        return {row.name: _value(draw, row), f"_{row.name}": _extensions(draw)}
    return {row.name: [_value(draw, row), None], f"_{row.name}": [None, _extensions(draw)]}


def _extensions(draw: Draw) -> dict[str, Any]:
    return draw(st.sampled_from([
        {"id": "x1"}, {"extension": [{"url": "urn:example:why", "valueCode": "unknown"}]},
    ]))  # fmt: skip


def _value(draw: Draw, row: ElementRow) -> Any:
    if row.of == "xhtml":
        return draw(NARRATIVE)
    return draw(st.sampled_from(sorted(row.codes)) if row.codes else PRIMITIVES.get(row.of, TEXT))
