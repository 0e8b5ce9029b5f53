"""The schema of our native records, made from the layout that a map names: ``shape: {layout: agency-clients}``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from casebridge import Natives
from casebridge.core.errors import SetupError
from casebridge.core.native import Element
from casebridge_flatfile.layout import Layout, load_layout, shipped_layouts

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
    found = next((r for r in layout.of_role("data") if r.name == record), None)
    if found is None:
        return None
    columns = {
        column.name: Element(
            required=column.required or column.name in found.key, about=column.heading,
            source=f"layout {layout.layout}, column {column.heading}",
        )
        for column in found.columns
    }  # fmt: skip
    source = f"layout {layout.layout}"
    return Element("group", about=f"a row of {layout.layout}", source=source, children=lambda: columns)


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
    records = [record.name for name in shipped_layouts() for record in load_layout(name, "").of_role("data")]
    return tuple(dict.fromkeys(records))


NATIVES = Natives("flatfile", _known_records(), element)
