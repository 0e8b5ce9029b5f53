"""References: a line writes those to the kinds of record that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import lines, no_room, put

PERSON = {"kind": "person", "external_id": "Patient/P1"}
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
    assert put(the_map, {"subject": PERSON}) == {"s": "Patient/P1"}


def test_in_a_list_too_it_is_nobody_of_theirs(tmp_path: Path) -> None:
    the_map = lines(tmp_path, "relations: {each: f, key: m, fields: {person: {at: m, link: person}, role: r}}")
    base = {"f": [{"m": "Patient/P1", "r": "child", "note": "theirs"}]}
    worker = {"kind": "worker", "external_id": "Patient/P1"}
    ours = [{"person": worker, "role": "aunt"}, {"person": PERSON, "role": "child"}]
    assert put(the_map, {"relations": ours}, base)["f"][0] == base["f"][0]


@pytest.mark.parametrize("partner_says", ["RelatedPerson/5", "Group/5", "5"])
def test_a_reference_that_could_not_be_read_again_has_no_room(tmp_path: Path, partner_says: str) -> None:
    """The person may be called something there for which the line has no word."""
    the_map = lines(tmp_path, "subject: {at: s, link: {Patient: person, Group: program}}")
    person = {"subject": {"kind": "person", "external_id": partner_says}}
    assert put(the_map, person) == {}
    assert no_room(the_map, person) == ["person.subject.kind", "person.subject.external_id"]
    assert put(the_map, {"subject": {"kind": "person", "external_id": "Patient/5"}}) == {"s": "Patient/5"}
