"""How much of each file the maps understand: the share of its columns that a line claims, in both years.

A column counts when a line reads or writes it, when a branch asks for it, or when the shape joins by it. One that is
ignored (ExportID) or only kept in the stored original does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from casebridge_hmis.row_ids import ROW_IDS
from casebridge_hmis.spec import FY2024, FY2026, SHARED

from casebridge.mapping import load_set, with_converters
from casebridge.mapping.model import Choose, Each, Flags, Group, Leaf, Line, Spread

MAPPINGS = Path(__file__).parents[3] / "mappings"
FILES = ("Client", "Enrollment", "Exit", "Event", "Services", "IncomeBenefits", "HealthAndDV", "Disabilities",
         "Assessment", "AssessmentQuestions", "AssessmentResults", "CurrentLivingSituation", "EmploymentEducation",
         "YouthEducationStatus", "Project", "Organization", "User")  # fmt: skip
YEARS = {FY2026: "hmis-2026", FY2024: "hmis-2024"}


def paths(lines: Iterable[Line], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every outside path of the lines, as its keys from the record's root."""
    for line in lines:
        if isinstance(line, Leaf):
            for path in (line.other, *line.also_read, *(c.path for c in line.beside)):
                yield above + keys(path)
        elif isinstance(line, Spread):
            yield from paths(line.parts, above)
        elif isinstance(line, Flags):
            yield from (above + keys(path) for _, path in line.flags)
            yield from paths([line.none] if line.none else [], above)
        elif isinstance(line, Choose):
            for branch in line.branches:
                yield from (above + keys(condition.path) for condition in branch.other)
                yield from paths(branch.fields, above)
        elif isinstance(line, Group | Each):
            yield from paths(line.fields, above + keys(line.other))


def keys(path) -> tuple[str, ...]:
    return tuple(step.key for step in path.steps)


def claimed(maps) -> dict[str, set[str]]:
    """The columns that the maps of one year claim, by file."""
    found: dict[str, set[str]] = {}
    for map_ in maps:
        file = map_.other.partition("/")[2]
        inside = {name: said["type"] for name, said in map_.shape.get("children", {}).items()}
        for name in inside.values():
            found.setdefault(name, set()).update(SHARED)
        for first, *rest in paths(map_.definition.fields):
            found.setdefault(inside.get(first, file), set()).add(rest[0] if first in inside else first)
    return found


@pytest.fixture(scope="module")
def understood():
    """``understood[spec][file]``: the columns that are claimed."""
    known = with_converters(ROW_IDS)
    return {spec: claimed(load_set(name, [MAPPINGS], converters=known)) for spec, name in YEARS.items()}


@pytest.mark.parametrize("spec", YEARS, ids=lambda spec: spec.title)
@pytest.mark.parametrize("file", FILES)
def test_at_least_four_of_five_columns_are_claimed_by_a_line(understood, spec, file):
    columns = {c.name for c in spec.columns(file)}
    assert len(understood[spec][file] & columns) >= 0.8 * len(columns)


EXIT = {"ExitID", "DateCreated", "DateUpdated", "UserID", "DateDeleted"}


@pytest.mark.parametrize("spec", YEARS, ids=lambda spec: spec.title)
@pytest.mark.parametrize("file", FILES)
def test_what_no_line_claims_is_the_key_of_the_export_and_who_wrote_the_exit(understood, spec, file):
    """ExportID is ignored: it is the sender's for this one export, and the writer's own in ours."""
    unclaimed = {c.name for c in spec.columns(file)} - understood[spec][file]
    assert unclaimed == {"ExportID"} | (EXIT if file == "Exit" else set())


@pytest.mark.parametrize("spec", YEARS, ids=lambda spec: spec.title)
def test_a_line_names_only_columns_there_are(understood, spec):
    for file, found in understood[spec].items():
        assert found - {c.name for c in spec.columns(file)} <= set(SHARED), file
