"""What a page of Tasks refers to is read in one request where the server can, one by one where it cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from fhir_answers import BASE, Link, Resource, Task, answer, outcome, page

CAN = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1",
       "rest": [{"mode": "server", "interaction": [{"code": "batch"}]}]}  # fmt: skip


def ok(resource: Resource) -> Resource:
    return {"response": {"status": "200 OK"}, "resource": resource}


def searchset(*resources: Resource, **more: Any) -> Resource:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources], **more}


def batch(*entries: Resource) -> Any:
    return answer({"resourceType": "Bundle", "type": "batch-response", "entry": list(entries)})


def inside(link: FhirRest) -> list[list[str]]:
    bundles = [json.loads(payload.stream.read()) for payload in link.receive(None)]
    return [[f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in b["entry"]] for b in bundles]


PATIENT = {"resourceType": "Patient", "id": "p1"}
REASONS = [{"reference": f"Condition/c{number}"} for number in "12"]
ORDER = {"resourceType": "ServiceRequest", "id": "s1", "reasonReference": REASONS,
         "requester": {"reference": f"{BASE}/Organization/o1"}}  # fmt: skip
CONSENT = {"resourceType": "Consent", "id": "k1", "patient": {"reference": f"{BASE}/Patient/p1"}}


@pytest.fixture
def ready(script: Any, task: Task) -> None:
    script.on("GET", "metadata", answer(CAN))
    script.on("GET", "Task", page(task()))


@pytest.mark.usefixtures("ready")
def test_level_by_level_in_one_request_each(script: Any, scripted: Link) -> None:
    reasons = [ok({"resourceType": "Condition", "id": "c1"}), {"response": {"status": "404"}}]
    script.on("POST", "/fhir", batch(ok(ORDER), ok(PATIENT), ok(searchset(CONSENT))),
              batch(ok({"resourceType": "Organization", "id": "o1"}), *reasons))  # fmt: skip
    assert inside(scripted()) == [
        ["Task/t1", "Organization/o1", "Patient/p1", "Consent/k1", "Condition/c1", "ServiceRequest/s1"]
    ]
    asked = [json.loads(request.content)["entry"] for request in script.asked_for("POST")]
    assert [[e["request"]["url"] for e in entries] for entries in asked] == [
        ["ServiceRequest/s1", "Patient/p1", "Consent?patient=Patient/p1"],
        ["Organization/o1", "Condition/c1", "Condition/c2"],
    ]
    assert {r.url.path for r in script.asked_for("GET")} == {"/fhir/Task", "/fhir/metadata"}


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    "said",
    [
        outcome(405), outcome(404), answer({"resourceType": "Bundle", "type": "collection"}), outcome(500),
        batch(), batch({}, {"response": {"status": "403"}}, {"response": 7}),
        batch(ok({**ORDER, "id": "other"}), ok(ORDER), ok(PATIENT)),
        batch(ok(ORDER), ok(PATIENT), ok(searchset(link=[{"relation": "next", "url": f"{BASE}/more"}]))),
    ],
)  # fmt: skip
def test_what_a_batch_leaves_open_is_read_by_itself(script: Any, scripted: Link, said: Any) -> None:
    script.on("POST", "/fhir", said)
    script.on("GET", "Patient/p1", answer(PATIENT))
    script.on("GET", "ServiceRequest/s1", answer({**ORDER, "reasonReference": [], "requester": None}))
    script.on("GET", "Consent", page(CONSENT, own="patient=Patient/p1"))
    ((*found,),) = inside(scripted(attempts=1))
    assert found[:3] == ["Task/t1", "Patient/p1", "Consent/k1"]
    assert found[-1] == "ServiceRequest/s1"


@pytest.mark.usefixtures("ready")
def test_a_server_that_refuses_it_is_not_asked_again(script: Any, scripted: Link, task: Task) -> None:
    script.on("POST", "/fhir", outcome(405))
    script.on("GET", "Task", page(task("a")), page(task("b")))
    link = scripted()
    assert len(inside(link) + inside(link)) == 2
    assert len(script.asked_for("POST")) == 1


@pytest.mark.parametrize(("said", "set_to", "asked"), [(CAN, None, 1), (CAN, False, 0), ({}, None, 0), ({}, True, 1)])
def test_the_servers_word_counts_unless_the_settings_know_better(
    script: Any, scripted: Link, task: Task, said: Resource, set_to: bool | None, asked: int
) -> None:
    script.on("GET", "metadata", answer(said or {"resourceType": "OperationOutcome"}))
    script.on("GET", "Task", page(task()))
    script.on("POST", "/fhir", batch())
    inside(scripted(batch=set_to))
    assert len(script.asked_for("POST")) == asked
