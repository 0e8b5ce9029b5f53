"""The code by hand that maps are measured against does what the map does, so the ratio is honest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _hmis_client as hmis
from benchmarks import _patient40_by_hand as by_hand
from benchmarks._patient40_put_by_hand import put
from benchmarks.mapping import edited
from casebridge.mapping import OwnIds, load_map

ROOT = Path(__file__).resolve().parents[2]
MAP = load_map(ROOT / "benchmarks" / "data" / "patient40.yaml")
FIXED = ("resourceType", "url", "system")
PATIENT = json.loads((ROOT / "benchmarks" / "data" / "patient40.json").read_text())


def _without(record: Any) -> list[Any]:
    """The record, once without each of its parts."""
    if isinstance(record, list):
        gone = [record[:i] + record[i + 1 :] for i in range(len(record))]
        less = [(i, smaller) for i, item in enumerate(record) for smaller in _without(item)]
        return gone + [[*record[:i], smaller, *record[i + 1 :]] for i, smaller in less]
    if not isinstance(record, dict):
        return []
    gone = [{k: v for k, v in record.items() if k != key} for key in record if key not in FIXED]
    return gone + [{**record, key: less} for key, value in record.items() for less in _without(value)]


PATIENTS = [PATIENT, *_without(PATIENT)]


@pytest.mark.parametrize("patient", PATIENTS, ids=range(len(PATIENTS)))
def test_reading_and_writing_by_hand_is_what_the_map_does(patient: dict[str, Any]) -> None:
    person = MAP.read(patient).slice.get("person", {})
    assert by_hand.read(patient) == person
    assert by_hand.write(person) == MAP.write({"person": person}, OwnIds()).data


@pytest.mark.parametrize("patient", PATIENTS, ids=range(len(PATIENTS)))
def test_putting_by_hand_is_what_the_map_does(patient: dict[str, Any]) -> None:
    person = MAP.read(PATIENT).slice["person"]
    for after in (person, edited(person)):
        assert put(after, patient) == MAP.write({"person": after}, OwnIds(), patient).data


def test_rows_of_clients_by_hand_are_what_the_map_gives() -> None:
    text, read = hmis.made_up(200), hmis.through_the_map()
    ours = [json.loads(line) for line in hmis.to_ndjson(text, read).splitlines()]
    assert [json.loads(line) for line in hmis.by_hand(text).splitlines()] == ours
    assert len(ours) == 200
