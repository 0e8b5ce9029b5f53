"""``meta.security`` goes through every map both ways: a record under walls never leaves without its mark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.answers import ANSWERS
from casebridge_fhir.decimals import DECIMAL

from casebridge.core.case import records_of, validate_record
from casebridge.mapping import Map, MapSet, OwnIds, load_set, with_converters

MAPS = Path(__file__).resolve().parents[3] / "mappings"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
RESTRICTED = {"system": CONFIDENTIALITY, "code": "R", "display": "restricted"}
PART2, PSY = {"system": ACT_CODE, "code": "42CFRPart2"}, {"system": ACT_CODE, "code": "PSY"}
WARDS = {"system": "urn:hospital:wards", "version": "3", "code": "P7", "display": "Ward P7", "userSelected": True}
IN_WORDS = {"display": "behavioral health"}
SECURITY = [RESTRICTED, PART2, PSY, WARDS, IN_WORDS]
Task = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def maps() -> MapSet:
    return load_set("sdohcc", [MAPS], converters=with_converters([ANSWERS, DECIMAL]))


def marked(map_: Map) -> dict[str, Any]:
    """The resource of an example of the map that goes both ways where there is one, marked."""
    resource = sorted(map_.definition.examples, key=lambda example: example.way != "both")[0].other
    return {**resource, "meta": {**resource.get("meta", {}), "security": SECURITY}}


def labels(map_: Map, resource: dict[str, Any]) -> list[Any]:
    slice_ = map_.read(resource).slice
    for kind, _, record in records_of(slice_):
        validate_record(kind, record)
    return next(record["labels"] for _, _, record in records_of(slice_))


def kept(label: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in label.items() if name != "userSelected"}


def test_every_map_reads_the_marks_known_or_not(maps: MapSet) -> None:
    read = {map_.name: labels(map_, marked(map_)) for map_ in maps}
    assert [name for name, found in read.items() if found != [kept(label) for label in SECURITY]] == []
    assert len(read) >= 21


def test_every_map_that_writes_writes_them_with_their_systems(maps: MapSet) -> None:
    writing = [map_ for map_ in maps if map_.definition.only != "import"]
    assert len(writing) >= 20
    for map_ in writing:
        slice_ = map_.read(marked(map_)).slice
        written = map_.write(slice_, OwnIds())
        assert written.data["meta"]["security"] == [kept(label) for label in SECURITY], map_.name
        assert [path for path in written.no_room if "labels" in path] == []


def test_put_keeps_what_the_partner_wrote_and_takes_away_what_is_gone(maps: MapSet) -> None:
    for map_ in maps:
        if map_.definition.only == "import":
            continue
        theirs = marked(map_)
        slice_ = map_.read(theirs).slice
        assert map_.write(slice_, OwnIds(), theirs).data == theirs
        ((_, _, record),) = [found for found in records_of(slice_) if "labels" in found[2]]
        record["labels"] = [*record["labels"][1:], {"system": ACT_CODE, "code": "HIV"}]
        after = map_.write(slice_, OwnIds(), theirs).data["meta"]["security"]
        assert after == [PART2, PSY, WARDS, IN_WORDS, {"system": ACT_CODE, "code": "HIV"}], map_.name


def test_labels_that_may_not_be_shown_leave_the_partners_own(maps: MapSet, task: Task) -> None:
    theirs = task(meta={"security": [PART2]})
    map_ = maps.for_native("fhir-r4/Task", theirs)
    slice_ = map_.read(theirs).slice
    slice_["referral"]["labels"] = {"absent": "withheld"}
    assert map_.write(slice_, OwnIds(), theirs).data == theirs
    assert "meta" not in map_.write(slice_, OwnIds()).data


def test_the_orders_marks_bind_the_task_and_are_written_where_the_order_is_not(maps: MapSet, task: Task) -> None:
    order = {"resourceType": "ServiceRequest", "id": "s1", "meta": {"security": [PART2]}}
    theirs = task(meta={"security": [RESTRICTED]}, order=order)
    map_ = maps.for_native("fhir-r4/Task", theirs)
    slice_ = map_.read(theirs).slice
    assert slice_["referral"]["labels"] == [RESTRICTED, PART2]
    assert map_.write(slice_, OwnIds(), theirs).data == theirs
    assert map_.write(slice_, OwnIds()).data["meta"]["security"] == [RESTRICTED, PART2]
