"""A record of a list that only says who it is: where no line has room for it, it is named."""

from __future__ import annotations

from pathlib import Path

from casebridge.mapping import OwnIds, load_map

SPANS = """
map: county/spans
case: [person, participations]
other: county/spans
fields:
  participations(participation_kind=coverage):
    each: spans
    key: external_id
    fields: {external_id: id, line: plan}
"""
COVERAGE = {"participation_kind": "coverage", "external_id": "C1", "line": "medicaid"}


def no_room(tmp_path: Path, *records: dict[str, str]) -> list[str]:
    (tmp_path / "spans.yaml").write_text(SPANS)
    slice_ = {"participations": list(records), "complete": ["participations"]}
    return load_map(tmp_path / "spans.yaml").write(slice_, OwnIds(), {"spans": [{"id": "C1"}, {"id": "C2"}]}).no_room


def test_a_record_no_selector_meets_is_named_even_if_it_holds_nothing_but_its_name(tmp_path: Path) -> None:
    assert no_room(tmp_path, COVERAGE, {"external_id": "C2"}) == ["participations[1]"]


def test_a_name_that_is_written_is_not_named(tmp_path: Path) -> None:
    assert no_room(tmp_path, COVERAGE, {"participation_kind": "coverage", "external_id": "C2"}) == []


def test_what_a_record_says_is_named_and_its_name_goes_with_it(tmp_path: Path) -> None:
    assert no_room(tmp_path, COVERAGE, {"external_id": "C2", "line": "rent"}) == ["participations[1].line"]
