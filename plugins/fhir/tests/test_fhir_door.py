"""The FHIR door, resource by resource: create, read, update, withdraw, as FHIR R4 http.html has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from casebridge_fhir.door.refusals import refused
from casebridge_fhir.xml import from_xml, to_xml
from databases import NewStore
from doors import SETTINGS, TOKEN, fhir_client
from sites import TestSite, order, patient, task

from casebridge.core.errors import Held, MapError, RecordError, SetupError, TryAgain

SSN = "http://hl7.org/fhir/sid/us-ssn"


@pytest.fixture
def site(tmp_path: Any, some_store: NewStore) -> Iterator[TestSite]:
    (tmp_path / "token").write_text(TOKEN)
    made = TestSite(tmp_path, store=some_store(), hospital_carrier="fhir", hospital_settings=SETTINGS,
                    treatment="treatment")  # fmt: skip
    yield made
    made.bridge.close()


@pytest.fixture
def hospital(site: TestSite) -> Iterator[httpx2.Client]:
    with fhir_client(site.bridge) as client:
        yield client


def named(family: str = "Moreno", ssn: str = "899611001") -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": SSN, "value": ssn}], "name": [{"family": family}]}


def without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in resource.items() if k not in ("id", "meta")}


def outcome(answer: httpx2.Response) -> str:
    (issue,) = answer.json()["issue"]
    return str(issue["diagnostics"])


def test_what_is_created_can_be_read_at_once(hospital: httpx2.Client) -> None:
    made = hospital.post("Patient", json=named())
    assert (made.status_code, made.headers["etag"]) == (201, 'W/"1"')
    read = hospital.get(made.headers["location"].partition("/_history")[0])
    assert read.status_code == 200
    assert read.json() == made.json()
    assert without_id(read.json()) == named()


def test_numbers_and_what_no_map_knows_are_kept(hospital: httpx2.Client) -> None:
    text = (b'{"resourceType":"Observation","status":"final","code":{"text":"Weight"},"valueQuantity":{"value":72.50},'
            b'"extension":[{"url":"urn:theirs","valueDecimal":1e-7}]}')  # fmt: skip
    made = hospital.post("Observation", content=text, headers={"Content-Type": "application/fhir+json"})
    assert made.status_code == 201, made.text
    assert '"value":72.50' in made.text
    assert '"valueDecimal":1e-7' in made.text


def test_an_update_makes_a_version_and_the_history_has_both(hospital: httpx2.Client) -> None:
    made = hospital.post("Patient", json=named()).json()
    path = f"Patient/{made['id']}"
    changed = hospital.put(path, json={**made, "name": [{"family": "Vega"}]}, headers={"If-Match": 'W/"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
    assert hospital.get(f"{path}/_history/1").json()["name"] == [{"family": "Moreno"}]
    history = hospital.get(f"{path}/_history").json()
    assert [e["resource"]["meta"]["versionId"] for e in history["entry"]] == ["2", "1"]


def test_an_update_upon_an_old_version_is_refused_and_says_what_to_do(hospital: httpx2.Client) -> None:
    made = hospital.post("Patient", json=named()).json()
    hospital.put(f"Patient/{made['id']}", json=made)
    late = hospital.put(f"Patient/{made['id']}", json=made, headers={"If-Match": 'W/"1"'})
    assert late.status_code == 412
    assert "at version 2 now" in outcome(late)


def test_what_is_withdrawn_is_gone_and_its_history_says_so(hospital: httpx2.Client) -> None:
    made = hospital.post("Patient", json=named()).json()
    path = f"Patient/{made['id']}"
    assert hospital.delete(path).status_code == 204
    assert hospital.get(path).status_code == 410
    assert hospital.get("Patient").json()["total"] == 0
    last, _ = hospital.get(f"{path}/_history").json()["entry"]
    assert last["request"]["method"] == "DELETE"


def test_the_same_create_twice_makes_one(hospital: httpx2.Client) -> None:
    condition = {"If-None-Exist": f"identifier={SSN}|899611001"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: hospital.post("Patient", json=named(), headers=condition), range(8)))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len({a.json()["id"] for a in answers}) == 1
    assert hospital.get("Patient").json()["total"] == 1


def test_xml_in_and_out(hospital: httpx2.Client) -> None:
    xml = {"Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml"}
    made = hospital.post("Patient", content=to_xml(named()), headers=xml)
    assert made.status_code == 201
    assert without_id(from_xml(made.content)) == named()
    again = hospital.get(f"Patient/{from_xml(made.content)['id']}", params={"_format": "json"})
    assert without_id(again.json()) == named()


@pytest.mark.parametrize(("body", "status", "says"), [
    (b"{", 400, "not JSON"),
    (b"[1]", 400, "not a FHIR resource"),
    (b'{"resourceType":"Task"}', 400, "another type"),
    (b'{"resourceType":"Patient","birthdate":"1987-02-20"}', 422, "birthdate"),
    (b'{"resourceType":"Patient","birthDate":"20.2.1987"}', 422, "birthDate"),
    (b'{"resourceType":"Patient","name":{"family":"Moreno"}}', 422, "name"),
    (b'{"a":' * 200 + b"1" + b"}" * 200, 400, "nested deeper"),
])  # fmt: skip
def test_bad_input_says_what_and_where_and_keeps_nothing(
    hospital: httpx2.Client, site: TestSite, body: bytes, status: int, says: str
) -> None:
    answer = hospital.post("Patient", content=body, headers={"Content-Type": "application/fhir+json"})
    assert answer.status_code == status
    assert says in outcome(answer)
    assert "Moreno" not in answer.text
    assert "1987" not in answer.text
    assert site.messages() == []


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "Patient/none", 404), ("GET", "Elephant", 404), ("GET", "Patient/x/_history/y", 404),
    ("PUT", "Elephant/1", 400), ("DELETE", "Patient/none", 404),
])  # fmt: skip
def test_what_is_not_there(hospital: httpx2.Client, method: str, path: str, status: int) -> None:
    body = json.dumps(named()).encode() if method == "PUT" else b""
    answer = hospital.request(method, path, content=body, headers={"Content-Type": "application/fhir+json"})
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("token", ["-", "wrong", TOKEN[:-1]])
def test_nobody_reads_or_writes_without_a_good_token(site: TestSite, token: str) -> None:
    with fhir_client(site.bridge, token) as stranger:
        assert stranger.get("metadata").status_code == 200
        for answer in (stranger.get("Patient"), stranger.post("Patient", json=named())):
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
    assert site.messages() == []


def test_only_what_the_partner_may_write(tmp_path: Any) -> None:
    (tmp_path / "token").write_text(TOKEN)
    site = TestSite(tmp_path, hospital_carrier="fhir", hospital_settings='{ token = "file:token" }')
    with fhir_client(site.bridge) as hospital:
        refused = hospital.post("Patient", json=named())
        assert refused.status_code == 403
        assert "ask us" in outcome(refused)
    site.bridge.close()


def test_the_statement_is_what_the_door_does(hospital: httpx2.Client) -> None:
    said = hospital.get("metadata").json()
    for described in said["rest"][0]["resource"]:
        answer = hospital.get(described["type"], headers={"Prefer": "handling=strict"})
        assert answer.status_code == 200, described["type"]
        for parameter in described["searchParam"]:
            asked = {f"{parameter['name']}:missing": "true"} if parameter["name"][0] != "_" else {}
            assert hospital.get(described["type"], params=asked, headers={"Prefer": "handling=strict"}).is_success


def referral() -> list[dict[str, Any]]:
    return [patient(), order(), task(lastModified="2026-11-20T08:00:00Z")]


def transaction(*resources: dict[str, Any]) -> dict[str, Any]:
    """Each new, referring to each other by addresses of the transaction."""
    names = {f"{r['resourceType']}/{r['id']}": f"urn:uuid:{number:08}-0000-4000-8000-000000000000"
             for number, r in enumerate(resources)}  # fmt: skip
    text = json.dumps([without_id(r) for r in resources])
    for name, urn in names.items():
        text = text.replace(f'"{name}"', f'"{urn}"')
    return {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": urn, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
        for urn, resource in zip(names.values(), json.loads(text), strict=True)]}  # fmt: skip


@pytest.fixture
def sent(hospital: httpx2.Client) -> str:
    """A referral posted whole; the path of its Task."""
    answer = hospital.post("", json=transaction(*referral()))
    assert answer.status_code == 200, answer.text
    assert [e["response"]["status"] for e in answer.json()["entry"]] == ["201 Created"] * 3
    return str(answer.json()["entry"][2]["response"]["location"]).partition("/_history")[0]


@pytest.mark.parametrize("some_store", ["sqlite", "postgresql"], indirect=True)
def test_a_referral_posted_is_applied_when_the_answer_comes(site: TestSite, sent: str) -> None:
    found = site.referral()
    assert (found.status, found.domain, found.category) == ("requested", "food-insecurity", "food-pantry")


def test_its_answer_lies_on_the_hospitals_shelf(site: TestSite, hospital: httpx2.Client, sent: str) -> None:
    site.work()
    site.answer(site.referral().id, "accept")
    there = hospital.get(sent)
    assert (there.json()["status"], there.headers["etag"]) == ("accepted", 'W/"2"')
    assert there.json()["lastModified"] != "2026-11-20T08:00:00Z"
    changed = hospital.get("Task", params={"status": "accepted"}).json()
    assert changed["total"] == 1
    shown = site.disclosures(recipient="hospital")
    assert [d["effect"] for d in shown] == ["released"] * len(shown)
    assert len(shown) >= 3  # it was delivered, read and found


def test_the_sender_takes_it_back_and_the_agency_hears(site: TestSite, hospital: httpx2.Client, sent: str) -> None:
    site.work()
    assert hospital.delete(sent).status_code == 204
    site.work()
    assert site.referral().status == "cancelled"
    assert site.out("agency")[-1]["status"] == "cancelled"


def test_a_state_that_may_not_follow_is_refused(site: TestSite, hospital: httpx2.Client, sent: str) -> None:
    there = hospital.get(sent).json()
    answer = hospital.put(sent, json={**there, "status": "completed"})
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "CB-347"
    assert hospital.get(sent).json()["status"] == "requested"
    assert site.referral().status == "requested"


@pytest.mark.parametrize("some_store", ["sqlite", "postgresql"], indirect=True)
def test_all_of_a_transaction_or_nothing(site: TestSite, hospital: httpx2.Client) -> None:
    person, what, ask = referral()
    answer = hospital.post("", json=transaction(person, what, {**ask, "status": "no-such"}))
    assert answer.status_code == 422
    assert hospital.get("Patient").json()["total"] == 0
    assert site.messages() == []


def test_a_batch_says_of_each_what_became_of_it(hospital: httpx2.Client) -> None:
    bundle = transaction(patient(), {**order(), "status": "no-such"}) | {"type": "batch"}
    bundle["entry"].append({"request": {"method": "GET", "url": "Patient?family=Moreno"}})
    entries = hospital.post("", json=bundle).json()["entry"]
    assert [e["response"]["status"] for e in entries] == ["201 Created", "422", "200 OK"]
    assert entries[2]["resource"]["total"] == 1


def test_resources_posted_one_by_one_find_each_other(
    site: TestSite, hospital: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Callable[[dict[str, Any]], str] = lambda r: "/".join(  # noqa: E731
        hospital.post(r["resourceType"], json=without_id(r)).headers["location"].split("/")[-4:-2])
    person = made(patient())
    what = made(order(subject={"reference": person}))
    made(task(focus={"reference": what}, **{"for": {"reference": person}}))
    found = site.referral()
    assert (found.domain, found.subject) == ("food-insecurity", person)


@pytest.mark.parametrize(("error", "status"), [
    (RecordError("CB-301", "wrong"), 422), (RecordError("CB-304", "large"), 413), (RecordError("CB-348", "what"), 400),
    (Held("CB-502", "a person must look"), 422), (MapError("CB-205", "no row for this code"), 422),
    (TryAgain("CB-404", "away"), 503), (SetupError("CB-101", "ours"), 500), (ValueError("Moreno"), 500),
])  # fmt: skip
def test_each_kind_of_error_has_its_answer(error: Exception, status: int) -> None:
    refusal = refused(error)
    assert refusal.status == status
    assert "Moreno" not in str(refusal.outcome())


@pytest.mark.parametrize("focus", ["https://mercy.example/fhir/ServiceRequest/o1", "ServiceRequest/never-sent"])
def test_a_task_whose_order_is_not_here_is_refused_not_left_to_wait(hospital: httpx2.Client, focus: str) -> None:
    alone = {**task(), "focus": {"reference": focus}}
    answer = hospital.put("Task/t1", json=alone)
    assert answer.status_code == 422
    assert "in one transaction" in outcome(answer)
    assert hospital.get("Task/t1").status_code == 404
    assert hospital.put("Patient/p1", json=patient()).status_code == 201
    there = hospital.post("ServiceRequest", json=order()).json()
    assert hospital.put("Task/t1", json={**alone, "focus": {"reference": f"ServiceRequest/{there['id']}"}}).is_success


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "Task/1", 405), ("OPTIONS", "Task", 405), ("GET", "Task/1/_history/1/more", 404),
        ("DELETE", "Task", 404), ("GET", "Task/$everything/x", 404), ("PUT", "", 404),
    ],
)  # fmt: skip
def test_what_is_not_served_is_said_in_fhir(hospital: httpx2.Client, method: str, path: str, status: int) -> None:
    answer = hospital.request(method, path)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    assert "/metadata" in outcome(answer)
