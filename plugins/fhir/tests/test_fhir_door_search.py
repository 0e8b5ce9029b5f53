"""Searches at the FHIR door: a table of queries and what they find (FHIR R4, search 3.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.door import search
from casebridge_fhir.door.criteria import moments
from casebridge_fhir.door.parameters import at, keys
from databases import SOME, stores
from doors import SETTINGS, TOKEN, fhir_client
from hypothesis import given
from hypothesis import strategies as st
from sites import TestSite

PATIENTS = [
    {"resourceType": "Patient", "id": "ana", "name": [{"family": "Núñez", "given": ["Ana", "María"]}],
     "birthDate": "1987-02-20", "gender": "female", "telecom": [{"system": "phone", "value": "555-0101"}],
     "identifier": [{"system": "urn:mrn", "value": "1"}]},
    {"resourceType": "Patient", "id": "bo", "name": [{"family": "Nunn", "given": ["Bo"]}], "birthDate": "1987",
     "gender": "male", "identifier": [{"system": "urn:other", "value": "1"}]},
    {"resourceType": "Patient", "id": "cy", "name": [{"family": "Cy"}], "birthDate": "1990-05",
     "active": False},
]  # fmt: skip
OBSERVATIONS = [
    {"resourceType": "Observation", "id": f"o{n}", "status": "final",
     "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "subject": {"reference": f"Patient/{who}"},
     "effectiveDateTime": when, "valueCodeableConcept": {"coding": [{"system": "urn:v", "code": value}]}}
    for n, (code, who, when, value) in enumerate([
        ("88122-7", "ana", "2026-11-01T10:00:00Z", "yes"), ("88123-5", "ana", "2026-11-02", "no"),
        ("88122-7", "bo", "2026-11-03T09:00:00-05:00", "no")])
]  # fmt: skip


@pytest.fixture(scope="module", params=SOME)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestSite]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "token").write_text(TOKEN)
    with stores(request, tmp_path_factory) as new_store:
        made = TestSite(folder, store=new_store(), hospital_carrier="fhir", hospital_settings=SETTINGS)
        yield made
        made.bridge.close()


@pytest.fixture(scope="module")
def hospital(site: TestSite) -> Iterator[httpx2.Client]:
    with fhir_client(site.bridge) as client:
        for resource in [*PATIENTS, *OBSERVATIONS]:
            put = client.put(f"{resource['resourceType']}/{resource['id']}", json=resource)
            assert put.status_code == 201, put.text
        yield client


def found(answer: httpx2.Response, mode: str = "match") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [e["resource"].get("id") for e in answer.json().get("entry", []) if e["search"]["mode"] == mode]


@pytest.mark.parametrize(("query", "ids"), [
    ("Patient?_id=ana,cy", "ana cy"),
    ("Patient?identifier=urn:mrn|1", "ana"),
    ("Patient?identifier=1", "ana bo"),
    ("Patient?identifier=urn:mrn|", "ana"),
    ("Patient?identifier=|1", ""),
    ("Patient?family=nun", "ana bo"),
    ("Patient?family=NUÑEZ", "ana"),
    ("Patient?family=nu", "ana bo"),
    ("Patient?family:exact=Nunn", "bo"),
    ("Patient?family:exact=nunn", ""),
    ("Patient?given:contains=arí", "ana"),
    ("Patient?name=maría", "ana"),
    ("Patient?gender=female,male", "ana bo"),
    ("Patient?gender:not=female", "bo cy"),
    ("Patient?gender:missing=true", "cy"),
    ("Patient?active:missing=true", "ana bo"),
    ("Patient?active=false", "cy"),
    ("Patient?gender:missing=false", "ana bo"),
    ("Patient?phone=555-0101", "ana"),
    ("Patient?birthdate=1987", "ana bo"),
    ("Patient?birthdate=1987-02-20", "ana"),
    ("Patient?birthdate=ge1988", "cy"),
    ("Patient?birthdate=lt1987-03", "ana bo"),
    ("Patient?birthdate=gt1986&birthdate=lt1988", "ana bo"),
    ("Patient?gender=female&gender=male", ""),
    ("Observation?patient=Patient/ana", "o0 o1"),
    ("Observation?patient=ana", "o0 o1"),
    ("Observation?patient={base}Patient/bo", "o2"),
    ("Observation?subject:Patient.family=Nunn", "o2"),
    ("Observation?patient.identifier=urn:mrn|1", "o0 o1"),
    ("Observation?patient.family=nobody", ""),
    ("Observation?code=http://loinc.org|88122-7", "o0 o2"),
    ("Observation?code-value-concept=http://loinc.org|88122-7$urn:v|no", "o2"),
    ("Observation?date=2026-11-02", "o1"),
    ("Observation?date=gt2026-11-02T12:00:00Z", "o1 o2"),
    ("Observation?date=2026-11-03T14:00:00Z", "o2"),
    ("Observation?_lastUpdated=gt2000", "o0 o1 o2"),
    ("Observation?_lastUpdated=lt2000", ""),
    ("Observation?_sort=-_lastUpdated", "o2 o1 o0"),
])  # fmt: skip
def test_a_query_finds(hospital: httpx2.Client, query: str, ids: str) -> None:
    answer = hospital.get(query.format(base=hospital.base_url), headers={"Prefer": "handling=strict"})
    assert found(answer) == ids.split()
    assert answer.json()["total"] == len(ids.split())


@pytest.mark.parametrize("query", [
    "Patient?elephant=1", "Patient?birthdate=yesterday", "Patient?gender:missing=perhaps", "Patient?_count=many",
    "Observation?patient:above=1", "Patient?_page=xyz", "Observation?code-value-concept=a", "Patient?family=",
    "Observation?subject:Group.family=x",
])  # fmt: skip
def test_a_query_that_cannot_be_understood_is_refused_in_words(hospital: httpx2.Client, query: str) -> None:
    answer = hospital.get(query, headers={"Prefer": "handling=strict"})
    assert answer.status_code == 400
    (issue,) = answer.json()["issue"]
    assert issue["details"]["coding"][0]["code"] == "CB-348"
    assert issue["expression"]


def test_without_strict_an_unknown_parameter_is_left_out_and_said(hospital: httpx2.Client) -> None:
    answer = hospital.get("Patient?elephant=1&gender=male")
    assert found(answer) == ["bo"]
    (own,) = [link["url"] for link in answer.json()["link"] if link["relation"] == "self"]
    assert own.endswith("/Patient?gender=male")
    assert [e["resource"]["issue"][0]["expression"] for e in answer.json()["entry"] if e["search"]["mode"] == "outcome"
            ] == [["elephant"]]  # fmt: skip


def test_a_search_that_nothing_narrows_ends(hospital: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_LOOKED_AT", 2)
    monkeypatch.setattr(search, "MOST", 1)
    answer = hospital.get("Patient?name:contains=zzz")
    assert answer.status_code == 400
    assert "narrower" in answer.json()["issue"][0]["diagnostics"]
    assert found(hospital.get("Patient?name=Nunn")) == ["bo"]


def test_pages_hold_everything_once(hospital: httpx2.Client) -> None:
    seen, url = [], "Observation?_count=1&status=final"
    while url:
        answer = hospital.get(url)
        seen += found(answer)
        url = next((link["url"] for link in answer.json()["link"] if link["relation"] == "next"), "")
    assert seen == ["o0", "o1", "o2"]


@pytest.mark.parametrize(("query", "ids", "others"), [
    ("Observation?_include=Observation:subject&code=88123-5", "o1", "ana"),
    ("Observation?_include=Observation:*&_count=1", "o0", "ana"),
    ("Observation?_include=Observation:subject:Group", "o0 o1 o2", ""),
    ("Patient?_revinclude=Observation:patient&family=Nunn", "bo", "o2"),
    ("Patient?_revinclude=Observation:patient&family=Cy", "cy", ""),
])  # fmt: skip
def test_what_comes_along(hospital: httpx2.Client, query: str, ids: str, others: str) -> None:
    answer = hospital.get(query)
    assert found(answer) == ids.split()
    assert found(answer, "include") == others.split()


def test_a_search_by_form_keeps_it_out_of_the_address(hospital: httpx2.Client) -> None:
    assert found(hospital.post("Patient/_search", data={"family": "Cy"})) == ["cy"]


def test_a_count_alone(hospital: httpx2.Client) -> None:
    said = hospital.get("Observation?_summary=count&status=final").json()
    assert (said["total"], "entry" in said) == (3, False)


@given(st.dates(), st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d"]))
def test_a_date_of_any_precision_reaches_from_before_to_after_its_days(day: Any, form: str) -> None:
    text = day.strftime(form).zfill(len(form) + 2)
    span = moments(text)
    if day.year < 9999:
        assert span is not None
        assert span[0].date() <= day < span[1].date()


def test_every_parameter_finds_what_it_is_made_for() -> None:
    assert list(at({"telecom": [{"system": "email", "value": "a"}, {"system": "phone", "value": "1"}]},
                   "telecom(system=phone).value")) == ["1"]  # fmt: skip
    assert ("patient", "Patient/1") in set(keys({"resourceType": "Task", "for": {"reference": "Patient/1"}}))


def test_strange_shapes_have_no_keys_and_do_no_harm(tmp_path: Path) -> None:
    for value in (None, 1, "x", [], {}, [None], {"coding": "x"}, {"coding": [1]}, {"reference": 1}):
        list(keys({"resourceType": "Task", "status": value, "for": value, "code": value, "identifier": value}))
