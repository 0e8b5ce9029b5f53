"""The two real servers are fit to test with: what the link needs of a FHIR server, asked of each directly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

CODE = "http://hl7.org/fhir/CodeSystem/task-code"


@pytest.fixture
def http(either: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=either, trust_env=False) as client:
        yield client


def task(id_: str, **more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": CODE, "code": "fulfill"}]}
    return {"resourceType": "Task", "id": id_, "status": "requested", "intent": "order", "code": code, **more}


def test_each_says_what_it_can(http: httpx2.Client) -> None:
    said = http.get("/metadata").raise_for_status().json()
    (rest,) = said["rest"]
    known = {each["type"]: each for each in rest["resource"]}
    assert said["fhirVersion"].startswith("4.0")
    assert {"search-type", "update", "create"} <= {i["code"] for i in known["Task"]["interaction"]}
    assert known["Task"]["conditionalCreate"] is True


def test_an_old_version_is_refused_and_a_version_has_a_tag(http: httpx2.Client) -> None:
    first = http.put("/Task/fit-1", json=task("fit-1"))
    tag = first.headers["ETag"]
    assert tag == f'W/"{first.json()["meta"]["versionId"]}"'
    assert http.put("/Task/fit-1", json=task("fit-1"), headers={"If-Match": tag}).status_code == 200
    assert http.put("/Task/fit-1", json=task("fit-1"), headers={"If-Match": tag}).status_code == 412


def test_a_conditional_create_makes_one(http: httpx2.Client) -> None:
    named = task("", identifier=[{"system": "urn:test:fit", "value": "one"}])
    del named["id"]
    condition = {"If-None-Exist": "identifier=urn:test:fit|one"}
    made = [http.post("/Task", json=named, headers=condition) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 200]
    assert made[0].headers["Location"].startswith(str(http.base_url))


def test_a_search_says_what_it_heeded_and_has_pages(http: httpx2.Client) -> None:
    for number in range(3):
        http.put(f"/Task/fit-page{number}", json=task(f"fit-page{number}", owner={"reference": "Organization/fit"}))
    query = {"owner": "Organization/fit", "_sort": "_lastUpdated", "_count": "2", "no-such-thing": "1"}
    found: list[str] = []
    page = http.get("/Task", params=query).raise_for_status().json()
    assert "no-such-thing" not in next(link["url"] for link in page["link"] if link["relation"] == "self")
    while page:
        found += [e["resource"]["id"] for e in page["entry"] if e["resource"]["resourceType"] == "Task"]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        page = http.get(following[0]).raise_for_status().json() if following else None
    assert found == ["fit-page0", "fit-page1", "fit-page2"]


def test_a_batch_of_reads_answers_each(http: httpx2.Client) -> None:
    http.put("/Patient/fit-p", json={"resourceType": "Patient", "id": "fit-p"})
    asked = [{"request": {"method": "GET", "url": url}} for url in ("Patient/fit-p", "Patient/fit-none")]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": asked}
    said = http.post("/", json=batch).raise_for_status().json()
    assert [entry["response"]["status"][:3] for entry in said["entry"]] == ["200", "404"]
    assert said["entry"][0]["resource"]["id"] == "fit-p"
