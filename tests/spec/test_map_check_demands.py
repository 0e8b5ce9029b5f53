"""What a format wants in every record: a line, a branch's constant, `match` or `defaults` gives it, or a note."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.core.native import Element
from casebridge.mapping import load_map
from casebridge.mapping.checking import check

HEAD = "map: county/stay\ncase: person\nother: county/stay\n"
TEXT = Element("text")
STAY = Element("group", children=lambda: {"kind": Element("text", required=True), "born": TEXT})


@pytest.mark.parametrize(("lines", "told"), [
    ("fields: {birth: born}", True),
    ("fields: {birth: born, external_id: kind}", False),
    ("fields: {birth: born}\ndefaults: {export: {kind: A}}", False),
    ("match: {kind: A}\nfields: {birth: born}", False),
    ("fields:\n  how:\n    choose:\n"
     "      - {case: {birth: present}, other: {kind: B}, fields: {birth: born}}\n"
     "      - {case: {birth: absent}, other: {kind: U}, fields: {}}", False),
    ("fields:\n  how:\n    only: import\n    choose:\n"
     "      - {case: {birth: present}, other: {kind: B}, fields: {birth: born}}", True),
])  # fmt: skip
def test_a_note_tells_what_the_format_wants_and_nothing_writes(tmp_path: Path, lines: str, told: bool) -> None:
    file = tmp_path / "stay.yaml"
    file.write_text(f"{HEAD}{lines}\n")
    report = check(load_map(file), STAY, runs=0)
    assert not report.errors
    assert ["CB-230"] * told == [note.code for note in report.notes if note.code == "CB-230"]
