"""SDOHCC, Direct Referral, steps 1 and 2: the hospital writes a Task at our door, alone; what it refers to stays on the
hospital's own server and is read there."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from doors import SETTINGS, TOKEN, fhir_client
from fhir_server import FhirServer, fhir_server
from indirect import hospitals
from sites import TestSite

THERE = ("focus", "for", "requester")
ELSEWHERE = "https://another.example/fhir"


class Hospital:
    """Its own server, and what it does at our door."""

    def __init__(self, folder: Path, base: str, stack: ExitStack, more: str = "") -> None:
        (folder / "token").write_text(TOKEN)
        server = f'server = {{ base_url = "{base}", pause = 0, attempts = 1{more} }}'
        self.site = TestSite(folder, hospital_carrier="fhir", hospital_settings=f"{SETTINGS[:-1]}, {server} }}")
        stack.callback(self.site.bridge.close)
        self.base, self.tag = base, f"-{uuid.uuid4().hex[:8]}"
        self.door = stack.enter_context(fhir_client(self.site.bridge))
        *self.chart, task = hospitals(self.tag)
        there = {name: {"reference": f"{base}/{task[name]['reference']}"} for name in THERE}
        self.task = {k: v for k, v in task.items() if k != "id"} | there

    def keeps(self, *resources: dict[str, Any]) -> None:
        for resource in resources or self.chart:
            address = f"{self.base}/{resource['resourceType']}/{resource['id']}"
            httpx2.put(address, json=resource, trust_env=False).raise_for_status()

    def shelves_another(self, name: str) -> None:
        """Somebody else under this id at our door."""
        other = {"resourceType": "Patient", "id": name, "name": [{"family": "Vega"}], "birthDate": "1950-01-01"}
        assert self.door.put(f"Patient/{name}", json=other).status_code == 201

    def of_chart(self, kind: str) -> dict[str, Any]:
        return next(r for r in self.chart if r["resourceType"] == kind)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def played(stack: ExitStack) -> FhirServer:
    return stack.enter_context(fhir_server())


def why(answer: httpx2.Response) -> str:
    return str(answer.json()["issue"][0]["diagnostics"])


def test_what_a_task_refers_to_is_read_on_the_hospitals_server(
    either: str, tmp_path: Path, stack: ExitStack
) -> None:
    """On two servers of other people; the answer comes back on the Task, which still refers there."""
    hospital = Hospital(tmp_path, either, stack)
    hospital.keeps()
    made = hospital.door.post("Task", json=hospital.task)
    assert made.status_code == 201, made.text
    site = hospital.site
    site.work()
    (sent,) = site.out("agency")
    assert ("Moreno" in str(sent), "stove" in str(sent), "Debts" in str(sent)) == (True, True, False)
    site.answer(site.referral().id, "accept")
    now = hospital.door.get(f"Task/{made.json()['id']}").json()
    assert now["status"] == "accepted"
    assert {name: now[name] for name in THERE} == {name: hospital.task[name] for name in THERE}
    for kind in ("Patient", "ServiceRequest"):
        assert hospital.door.get(f"{kind}?_summary=count").json()["total"] == 0, "read, not kept at the door"
    assert site.held() == []


def test_with_its_next_version_they_are_read_anew(tmp_path: Path, stack: ExitStack, played: FhirServer) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    made = hospital.door.post("Task", json=hospital.task).json()
    hospital.site.work()
    order = hospital.of_chart("ServiceRequest")
    hospital.keeps({**order, "note": [{"text": "Lost the stove, too."}]})
    changed = hospital.door.put(f"Task/{made['id']}", json={**made, "priority": "urgent"})
    assert changed.status_code == 200, changed.text
    hospital.site.work()
    assert "Lost the stove" in str(hospital.site.out("agency")[-1])
    assert len(hospital.site.referrals()) == 1


def test_two_tasks_of_one_patient_there_are_about_one_person(
    tmp_path: Path, stack: ExitStack, played: FhirServer
) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    again = {**hospital.of_chart("ServiceRequest"), "id": "second"}
    hospital.keeps(again)
    for focus in (hospital.task["focus"], {"reference": f"{played.base}/ServiceRequest/second"}):
        answer = hospital.door.post("Task", json={**hospital.task, "focus": focus})
        assert answer.status_code == 201, answer.text
    first, second = hospital.site.referrals()
    assert (first.client, first.id != second.id) == (second.client, True)
    assert first.client


def test_a_patient_of_the_shelf_and_an_order_of_the_server_keep_apart(
    tmp_path: Path, stack: ExitStack, played: FhirServer
) -> None:
    """The same id at the door and on the server: two resources, of which nobody said that they are one."""
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    hospital.shelves_another(hospital.of_chart("Patient")["id"])
    assert hospital.door.post("Task", json=hospital.task).status_code == 201
    hospital.site.work()
    (sent,) = hospital.site.out("agency")
    assert ("Moreno" in str(sent), "Vega" in str(sent)) == (True, False)


@pytest.mark.parametrize("lost", ["ServiceRequest", "Patient"])
def test_what_is_not_there_is_said_and_nothing_is_kept(
    tmp_path: Path, stack: ExitStack, played: FhirServer, lost: str
) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps(*(r for r in hospital.chart if r["resourceType"] != lost))
    answer = hospital.door.post("Task", json=hospital.task)
    assert (answer.status_code, lost in why(answer)) == (422, True), answer.text
    assert hospital.door.get("Task?_summary=count").json()["total"] == 0
    hospital.keeps()
    assert hospital.door.post("Task", json=hospital.task).status_code == 201


def test_addresses_of_other_servers_are_never_asked(tmp_path: Path, stack: ExitStack, played: FhirServer) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    for base in (ELSEWHERE, f"{played.base}x", f"{played.base}/..", played.base.replace("127.0.0.1", "localhost")):
        seen = len(played.asked)
        answer = hospital.door.post("Task", json={**hospital.task, "focus": {"reference": f"{base}/ServiceRequest/s"}})
        assert (answer.status_code, "ServiceRequest" in why(answer)) == (422, True)
        assert not [asked for asked in played.asked[seen:] if "ServiceRequest" in asked]


def test_a_server_that_is_down_is_said_and_the_hospital_tries_again(
    tmp_path: Path, stack: ExitStack, played: FhirServer
) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    played.fault("GET", "ServiceRequest", 503)
    answer = hospital.door.post("Task", json=hospital.task)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
    assert "Your FHIR server" in why(answer)
    assert hospital.door.post("Task", json=hospital.task).status_code == 201


def test_a_server_that_lets_us_not_in_is_said_to_the_hospital(
    tmp_path: Path, stack: ExitStack, played: FhirServer
) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    for status in (401, 403):
        played.fault("GET", "ServiceRequest", status)
        answer = hospital.door.post("Task", json=hospital.task)
        assert (answer.status_code, "does not let us read" in why(answer)) == (422, True), answer.text


def test_a_slow_server_of_one_hospital_takes_few_places_at_the_door(
    tmp_path: Path, stack: ExitStack, played: FhirServer
) -> None:
    """Each Task that waits for it holds a thread; beyond four of them the hospital is told to come again."""
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    may_go = threading.Event()
    played.before = lambda path: path.startswith("ServiceRequest") and may_go.wait(20)
    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(hospital.door.post, "Task", json=hospital.task) for _ in range(12)]
        for answer in as_completed(waiting):
            assert answer.result().status_code == 503
            if sum(one.done() for one in waiting) == 8:
                break
        assert hospital.door.get("Task?_summary=count").status_code == 200, "and whoever reads is served"
        may_go.set()
        assert sorted(one.result().status_code for one in waiting) == [201] * 4 + [503] * 8


DENY = {
    "resourceType": "Consent", "status": "active",
    "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]},
    "provision": {"type": "deny"},
}  # fmt: skip


def test_a_refusal_there_counts_for_its_patient_and_for_nobody_of_the_shelf(
    tmp_path: Path, stack: ExitStack, played: FhirServer
) -> None:
    """What was read there was told of ``Patient/x``, as the shelf's own is called: the refusal was another person's."""
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    name = hospital.of_chart("Patient")["id"]
    hospital.keeps({**DENY, "id": f"no{hospital.tag}", "patient": {"reference": f"Patient/{name}"}})
    hospital.shelves_another(name)
    assert hospital.door.post("Task", json=hospital.task).status_code == 201
    hospital.site.work()
    assert hospital.site.out("agency") == []
    assert [m.code for m in hospital.site.held()] == ["CB-505"]
    assert hospital.door.post("", json=transaction(*order_for(name))).status_code == 200
    hospital.site.work()
    assert "Vega" in str(hospital.site.out("agency"))


def order_for(patient: str) -> list[dict[str, Any]]:
    """An order and its Task for the shelf's own patient."""
    order, task = (r for r in hospitals("-x") if r["resourceType"] in ("ServiceRequest", "Task"))
    who = {"reference": f"Patient/{patient}"}
    return [{k: v for k, v in order.items() if k != "reasonReference"} | {"subject": who}, {**task, "for": who}]


def transaction(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": f"https://home.example/{r['resourceType']}/{r['id']}", "resource": r,
         "request": {"method": "POST", "url": r["resourceType"]}} for r in resources]}  # fmt: skip


@pytest.mark.parametrize("how", ["put", "delete"])
def test_a_referral_is_withdrawn_when_nothing_of_it_is_left_there(
    tmp_path: Path, stack: ExitStack, played: FhirServer, how: str
) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    made = hospital.door.post("Task", json=hospital.task).json()
    hospital.site.work()
    played.resources.clear()
    path = f"Task/{made['id']}"
    answer = (hospital.door.put(path, json={**made, "status": "cancelled", "statusReason": {"text": "Gone home"}})
              if how == "put" else hospital.door.delete(path))  # fmt: skip
    assert answer.is_success, answer.text
    assert hospital.site.referral().status == "cancelled"


@pytest.mark.parametrize("whom", [
    None, {"reference": f"{ELSEWHERE}/Patient/1"}, {"reference": "Patient/never"}, {"identifier": {"value": "1"}},
    {"reference": "H/Patient/ada/_history/1"}, {"reference": "urn:uuid:00000001-0000-4000-8000-000000000005"},
])  # fmt: skip
def test_a_referral_for_nobody_that_we_know_is_refused(
    tmp_path: Path, stack: ExitStack, played: FhirServer, whom: dict[str, Any] | None
) -> None:
    """It was taken with 201 and sent on, without the consents of whom it is for."""
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    if whom and "reference" in whom:
        whom = {"reference": whom["reference"].replace("H/", f"{played.base}/")}
    task = {k: v for k, v in hospital.task.items() if k != "for"} | ({"for": whom} if whom else {})
    answer = hospital.door.post("Task", json=task)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Task.for"]), answer.text


def test_what_refers_to_more_than_anybody_reads_is_refused(
    tmp_path: Path, stack: ExitStack, played: FhirServer
) -> None:
    hospital = Hospital(tmp_path, played.base, stack)
    hospital.keeps()
    asked = [{"type": {"text": "see"}, "valueReference": {"reference": f"{played.base}/Observation/{n}"}}
             for n in range(300)]  # fmt: skip
    seen = len(played.asked)
    answer = hospital.door.post("Task", json={**hospital.task, "input": asked})
    assert (answer.status_code, "more than" in why(answer)) == (422, True), answer.text
    assert len(played.asked) - seen <= 210
