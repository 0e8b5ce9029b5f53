"""put where the key of an item is withheld in part: of two look-alikes neither is overwritten, and none is dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import a_map, edited, no_room

from casebridge.core.errors import MapError
from casebridge.mapping import Map

HIDDEN = {"absent": "withheld"}
PHONES = """fields:
  telecoms:
    each: phone
    key: [system, use, value]
    fields: {system: system, use: use, value: value, period: {in: period, fields: {start: start, end: end}}}
"""
Items = list[dict[str, Any]]


def phone(value: Any = None, start: Any = None, use: str = "home", **more: Any) -> dict[str, Any]:
    period = {"period": {"start": start}} if start else {}
    return {"system": "phone", "use": use, **({"value": value} if value else {}), **period, **more}


@pytest.fixture
def phones(tmp_path: Path) -> Map:
    return a_map(tmp_path, PHONES)


A, B, C = phone("111", "2001", rank="1"), phone("222", "2002", rank="2"), phone("333", "2003", "work", rank="3")

CASES: list[tuple[str, Items, Items, Items]] = [
    # what is tried, their phones, our phones, what becomes of theirs
    ("nothing else changed", [A, B], [phone(HIDDEN, "2001"), phone("222", "2002")], [A, B]),
    ("the one it can only be", [A, C], [phone(HIDDEN, "1999"), phone("333", "2003", "work")],
     [phone("111", "1999", rank="1"), C]),
    ("the other is known by its key", [A, B], [phone(HIDDEN, "1999"), phone("222", "2002")],
     [phone("111", "1999", rank="1"), B]),
    ("the other is known by its key, and changed", [A, B], [phone(HIDDEN), phone("222", "1999")],
     [phone("111", rank="1"), phone("222", "1999", rank="2")]),
    ("a look-alike comes first", [phone("222"), phone("111")], [phone(HIDDEN), phone("222", "1999")],
     [phone("222", "1999"), phone("111")]),
    ("two it may be", [A, B], [phone(HIDDEN, "1999"), phone(HIDDEN, "2002")], [A, B]),
    ("two it may be, and one of them is gone", [A, B], [phone(HIDDEN, "1999")], [A, B]),
    ("two it may be, and none has changed", [phone("111"), phone("222")], [phone(HIDDEN)],
     [phone("111"), phone("222")]),
    ("two may be it", [A], [phone(HIDDEN, "1999"), phone(HIDDEN, "1998")], [A]),
    ("none it may be: its use has changed", [A, C], [phone(HIDDEN, "2001", "old"), phone("333", "2003", "work")],
     [A, C]),
    ("one known, one gone, all of another withheld", [A, C], [phone("333", "2003", "work"), HIDDEN], [A, C]),
    ("a new one beside two it may be", [A, B], [phone(HIDDEN, "1999"), phone("444", "2004", "old")],
     [A, B, phone("444", "2004", "old")]),
    ("nothing is withheld, one is gone", [A, B, C], [phone("222", "2002"), phone("333", "2003", "work")], [B, C]),
    ("one key twice, told apart by what is shown", [phone("1", "2001", rank="1"), phone("1", "2002", rank="2")],
     [phone("1", "2001"), {**phone("1"), "period": {"start": HIDDEN}}],
     [phone("1", "2001", rank="1"), phone("1", "2002", rank="2")]),
    ("one key twice, and what tells them apart is withheld",
     [phone("1", "2001", rank="1"), phone("1", "2002", rank="2")],
     [{**phone("1"), "period": {"start": HIDDEN}}, phone("1", "1999")],
     [phone("1", "2001", rank="1"), phone("1", "2002", rank="2")]),
]  # fmt: skip


@pytest.mark.parametrize(("theirs", "ours", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_of_two_look_alikes_neither_is_overwritten(phones: Map, theirs: Items, ours: Items, expected: Items) -> None:
    assert edited(phones, {"phone": theirs}, telecoms=ours) == {"phone": expected}


def test_what_could_not_be_written_is_said(phones: Map) -> None:
    said = no_room(phones, {"telecoms": [phone(HIDDEN, "1999")]}, {"phone": [A, B]})
    assert "person.telecoms[0].period.start" in said


def test_without_anything_withheld_a_deletion_in_doubt_is_still_refused(phones: Map) -> None:
    with pytest.raises(MapError, match="CB-209"):
        edited(phones, {"phone": [phone("1", "2001"), phone("1", "2002")]}, telecoms=[phone("1", "1999")])
