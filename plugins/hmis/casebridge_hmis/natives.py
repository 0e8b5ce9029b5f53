"""What may stand where in a record of HMIS CSV: the columns of its file, the rows inside it and its parents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from casebridge import Natives
from casebridge.core.native import Element, ElementType
from casebridge_hmis.spec import HASH_STATUS, INSIDE, KNOWN, SHARED, Column, Spec

TYPES: Mapping[str, ElementType] = {"S": "text", "I": "number", "M": "number", "D": "date", "T": "moment"}
FILLED = frozenset({"ExportID", "UserID", "DateCreated", "DateUpdated"})
"""Required columns that the writer fills in by itself; a map may leave them out."""

RIDING = frozenset(file for rows in INSIDE.values() for file, _ in rows.values())
READING: Mapping[str, Mapping[str, Element]] = {
    "Export": {
        "refused_rows": Element("number", about="rows of victim service providers' clients, counted and forgotten"),
        "notes": Element("text", many=True, about="what was unusual about the export"),
    },
    "Client": {HASH_STATUS: Element("text", about="the names were hashed, so they are not in the row")},
}
"""What reading adds to the rows of a file."""


def natives_of(spec: Spec) -> Natives:
    """The schema of one year's records, such as ``hmis-csv/Client``."""
    records = tuple(file for file in KNOWN if file not in RIDING)
    return Natives(spec.format, records, lambda record, shape, _: _root(spec, records, record, shape), text=True)


def _root(spec: Spec, records: tuple[str, ...], record: str, shape: Mapping[str, Any]) -> Element | None:
    return _group(spec, record, _joined(spec, shape)) if record in records else None


def _group(
    spec: Spec, file: str, joined: Callable[[], Mapping[str, Element]], *, many: bool = False, owner: Any = "ours"
) -> Element:
    @cache
    def children() -> Mapping[str, Element]:
        columns = {column.name: _column(spec, file, column) for column in spec.columns(file)}
        return {**columns, **READING.get(file, {}), **joined()}

    return Element("group", many=many, owner=owner, about=f"{file}.csv", source=f"HMIS CSV {spec.title} {file}.csv",
                   children=children)  # fmt: skip


def _joined(spec: Spec, shape: Mapping[str, Any]) -> Callable[[], Mapping[str, Element]]:
    """What the map's shape joins to the record; what it joins to nothing known is left out."""

    def children() -> Mapping[str, Element]:
        parents = {
            name: _group(spec, said["type"], _joined(spec, said), owner=said.get("owner", "theirs"))
            for name, said in (shape.get("parents") or {}).items() if said.get("type") in KNOWN
        }  # fmt: skip
        rows = {
            name: _group(spec, said["type"], _joined(spec, said), many=said.get("one") not in ("true", True))
            for name, said in (shape.get("children") or {}).items() if said.get("type") in KNOWN
        }  # fmt: skip
        return {**parents, **rows}

    return children


def _joins(file: str, column: Column) -> bool:
    """Does the format itself write the column, because the row rides inside another?"""
    return file in RIDING and column.name in (*SHARED, "ExitID")


def _column(spec: Spec, file: str, column: Column) -> Element:
    codes = frozenset(code for name in column.lists for code in spec.codes(name))
    return Element(
        "text" if codes else TYPES[column.type[0]], codes=codes or None,
        required=column.required and column.name not in FILLED and not _joins(file, column), about=column.name,
        source=f"HMIS CSV {spec.title} {file}.{column.name}" + "".join(f", list {name}" for name in column.lists),
    )  # fmt: skip
