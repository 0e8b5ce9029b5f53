"""The schema of our native records, made from the layout that a map names: ``shape: {layout: agency-clients}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from casebridge import Natives
from casebridge.core.errors import SetupError
from casebridge.core.native import Element
from casebridge_flatfile.joining import EARLIER
from casebridge_flatfile.layout import Layout, RecordLayout, load_layout, shipped_layouts
from casebridge_flatfile.tmsis import LAYOUT

FOLDER = "layouts"  # beside the maps, as in docs/adapters/flatfile.md


def element(record: str, shape: Mapping[str, Any], folder: Path) -> Element | None:
    """The columns of ``flatfile/<record>``; None when the layout has no such record.

    The layout is a file beside the map, above it, in a folder ``layouts`` there, or a shipped one. A map without a
    layout may name any column. Raises SetupError CB-380 when the named layout is not there or is wrong.
    """
    name = str(shape.get("layout", ""))
    if not name:
        return Element("any", about="a row; the map names no layout, so its columns are not known")
    layout = _layout(name, folder)
    if layout.join:
        return _joined(layout) if record == layout.join else None
    found = next((r for r in layout.of_role("data") if r.name == record), None)
    return None if found is None else _row(layout, found)


def tmsis(record: str, shape: Mapping[str, Any], folder: Path) -> Element | None:
    """The segments of ``tmsis/<record>``, by the layout the map names or else the shipped one."""
    return element(record, {"layout": LAYOUT} | dict(shape), folder)


def _row(layout: Layout, record: RecordLayout) -> Element:
    columns = {
        column.name: Element(
            required=column.required or column.name in record.key, about=column.heading,
            source=f"layout {layout.layout}, column {column.heading}",
        )
        for column in record.columns
    }  # fmt: skip
    return _group(columns, f"a row of {layout.layout}", layout)


def _joined(layout: Layout) -> Element:
    """Each record's rows under its name: one group where only one counts, and the others apart."""
    rows = {record.name: (record, _row(layout, record)) for record in layout.of_role("data")}
    subject = layout.of_role("data")[0].subject
    fields = {name: replace(rows[next(iter(rows))][1].fields[name], required=True) for name in subject}
    fields |= {name: replace(row, many=not record.latest) for name, (record, row) in rows.items()}
    older = {name: replace(row, many=True) for name, (record, row) in rows.items() if record.latest}
    fields[EARLIER] = replace(_group(older, "what does not count, or not any more", layout), owner="theirs")
    return _group(fields, f"a person of {layout.layout}", layout)


def _group(fields: Mapping[str, Element], about: str, layout: Layout) -> Element:
    return Element("group", about=about, source=f"layout {layout.layout}", children=lambda: fields)


def _layout(name: str, folder: Path) -> Layout:
    """The first that is there, from the map's folder outwards; the last try says what is missing."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise SetupError("CB-380", f"{name}: a map names its layout from its own folder, without `..`")
    for near in (folder, folder.parent, folder.parent.parent):
        for file in (near / name, near / f"{name}.yaml", near / FOLDER / f"{name}.yaml"):
            if file.is_file():
                return load_layout(str(file), "")
    return load_layout(name, "")


def _known_records() -> tuple[str, ...]:
    layouts = [load_layout(name, "") for name in shipped_layouts()]
    records = [record.name for layout in layouts if not layout.join for record in layout.of_role("data")]
    return tuple(dict.fromkeys(records))


NATIVES = (
    Natives("flatfile", _known_records(), element, text=True), Natives("tmsis", ("eligibility",), tmsis, text=True),
)  # fmt: skip
