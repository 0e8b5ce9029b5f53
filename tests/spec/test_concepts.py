"""The 54 concepts of case management: each has a place in the core, and what others lack is said."""

from collections import Counter

import pytest

from casebridge.core.case import KINDS
from casebridge.core.schema import codes_of, concepts, field_types, has_place, usual_codes


def test_there_are_54():
    assert [concept.number for concept in concepts()] == list(range(1, 55))


@pytest.mark.parametrize("concept", concepts(), ids=lambda c: f"{c.number} {c.concept}")
def test_every_concept_has_a_place(concept):
    assert concept.core_places
    assert [place for place in concept.core_places if not has_place(place)] == []


def test_no_format_has_room_for_all_of_it():
    assert Counter(system for c in concepts() for system in c.no_room) == {"fhir": 1, "hmis": 19, "x12": 30, "hsds": 32}


def test_every_kind_is_needed_by_some_concept():
    assert {place.split(".")[0] for c in concepts() for place in c.core_places} == set(KINDS)


@pytest.mark.parametrize(
    ("place", "exists"),
    [
        ("need.domain", True),
        ("need.domain=homelessness", True),
        ("need.domain=thirst", False),
        ("referral.status=completed", True),
        ("referral.status=ready", False),
        ("person.names.given", True),
        ("person.names.nickname", False),
        ("household.members", False),
        ("person.labels.code=42CFRPart2", True),
    ],
)
def test_places_and_codes(place, exists):
    assert has_place(place) == exists


def test_every_list_of_usual_codes_belongs_to_a_field():
    for value in usual_codes():
        kind = value.field.partition(".")[0]
        assert tuple(field_types(value.field if kind in KINDS else f"person.{value.field}")), value.field
        assert value.words
        assert value.source


def test_there_are_24_domains_of_need():
    assert len(codes_of("need.domain")) == 24
