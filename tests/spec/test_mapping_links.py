"""References: a line writes those to the kinds of record that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import lines, no_room, put

PERSON = {"kind": "person", "external_id": "P1"}
OTHERS = [
    ("subject: {at: s, link: person}", {"kind": "worker", "external_id": "W1"}),
    ("subject: {at: s, link: person}", {"kind": "participation", "external_id": "P1"}),
    ("subject: {at: s, link: {Patient: person, Group: program}}", {"kind": "worker", "external_id": "Patient/1"}),
]


@pytest.mark.parametrize(("line", "ref"), OTHERS)
def test_a_reference_to_another_kind_of_record_has_no_room(tmp_path: Path, line: str, ref: dict[str, Any]) -> None:
    """Written, it would be read as a person with that id."""
    the_map = lines(tmp_path, line)
    assert put(the_map, {"subject": ref}) == {}
    assert no_room(the_map, {"subject": ref})
    assert put(the_map, {"subject": PERSON}) == {"s": "P1"}


def test_in_a_list_too_it_is_nobody_of_theirs(tmp_path: Path) -> None:
    the_map = lines(tmp_path, "relations: {each: f, key: m, fields: {person: {at: m, link: person}, role: r}}")
    base = {"f": [{"m": "P1", "r": "child", "note": "theirs"}]}
    ours = [{"person": {"kind": "worker", "external_id": "P1"}, "role": "aunt"}, {"person": PERSON, "role": "child"}]
    assert put(the_map, {"relations": ours}, base)["f"][0] == base["f"][0]
