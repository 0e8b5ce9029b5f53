"""A list of which a line cannot read every item: the others are left over, and stay when the list changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import a_map

from casebridge.mapping import OwnIds, interpreter

HEAD = "map: t/m\ncase: {}\nother: t/T\nrest: report\n"
CODES = "fields:\n  names(use=official).given: {at: g, codes: {rows: [[a, A], [b, B]], otherwise: report}}\n"
LINK = "fields:\n  derived_from: {at: g, link: {Observation: assessment, Condition: need}}\n"


@pytest.mark.parametrize(
    ("lines", "theirs", "read", "left"),
    [
        (CODES, ["A", "X", "B"], ["a", "b"], ["g[1]"]),
        (CODES, ["A", "B"], ["a", "b"], []),
        (CODES, ["X"], None, ["g[0]"]),
        (LINK, ["Group/7", "Condition/1"], [{"kind": "need", "external_id": "Condition/1"}], ["g[0]"]),
    ],
)
def test_what_a_line_cannot_read_is_left_over(
    tmp_path: Path, lines: str, theirs: list[str], read: list[Any] | None, left: list[str]
) -> None:
    the_map = a_map(tmp_path, lines, HEAD.format("person" if lines == CODES else "assessment"))
    found = the_map.read({"g": theirs})
    assert (found.slice, found.left_over) == (interpreter.read(the_map.definition, {"g": theirs}).slice, left)
    names = found.slice.get("person", {}).get("names", [{}])
    assert (names[0].get("given") or found.slice.get("assessment", {}).get("derived_from")) == read


@pytest.mark.parametrize(
    ("ours", "theirs", "data"),
    [
        (["a", "b"], ["A", "X", "B"], ["A", "X", "B"]),  # nothing changed: their order
        (["b"], ["A", "X", "B"], ["B", "X"]),
        ([], ["A", "X"], ["X"]),
        ([], ["A"], None),
    ],
)
def test_and_stays(tmp_path: Path, ours: list[str], theirs: list[str], data: list[str] | None) -> None:
    the_map = a_map(tmp_path, CODES, HEAD.format("person"))
    slice_ = {"person": {"names": [{"use": "official", "given": ours}]}}
    written = the_map.write(slice_, OwnIds(), {"g": theirs, "z": "1"})
    assert written.data == {"z": "1"} | ({"g": data} if data else {})
    assert interpreter.write(the_map.definition, slice_, OwnIds(), {"g": theirs, "z": "1"}).data == written.data
