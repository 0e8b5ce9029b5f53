"""What a recipient gets on its own FHIR server: each thing once, kept as its source has it, and never its own words
taken back. Both servers are played; neither heeds If-None-Exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import IndirectSite, hospitals, of_type, parties


@pytest.fixture
def hospital() -> Iterator[FhirServer]:
    with fhir_server() as state:
        yield state


@pytest.fixture
def agency() -> Iterator[FhirServer]:
    with fhir_server() as state:
        state.put(*parties())
        yield state


@pytest.fixture
def site(tmp_path: Path, hospital: FhirServer, agency: FhirServer) -> Iterator[IndirectSite]:
    made = IndirectSite(tmp_path, hospital.base, agency.base)
    yield made
    made.bridge.close()


def held(site: IndirectSite) -> list[tuple[str, str, str]]:
    return [(m.kind, m.code, m.reason) for m in site.messages(state="held")]


def at(agency: FhirServer, kind: str) -> dict[str, Any]:
    """The one resource of its type that we made there."""
    (found,) = [r for r in of_type(agency.resources.values(), kind) if r["id"].startswith("made-")]
    return found


def change(server: FhirServer, reference: str, **values: Any) -> None:
    """Its own people change a resource, and whoever polls sees it in the Task's next version."""
    server.put({**server.resources[reference], **values})


def touch(server: FhirServer, reference: str = "Task/ref") -> None:
    """The Task gets a new version, as servers give it one when its order or patient changes."""
    server.put(server.resources[reference])


def test_dependencies_come_first_and_the_task_last(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(*hospitals())
    site.work()
    assert held(site) == []
    kinds = ("Patient", "Condition", "Organization", "ServiceRequest", "Task")
    assert agency.writes == [f"POST {kind}" for kind in kinds]


def test_a_second_referral_for_the_person_reuses_what_is_there(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(*hospitals())
    site.work()
    again = {"ServiceRequest": "order2", "Task": "ref2"}
    hospital.put(*[{**r, "id": again[r["resourceType"]],
                    **({"focus": {"reference": "ServiceRequest/order2"}} if r["resourceType"] == "Task" else {})}
                   for r in hospitals() if r["resourceType"] in again])  # fmt: skip
    agency.writes.clear()
    site.work()
    assert held(site) == []
    assert agency.writes == ["POST ServiceRequest", "POST Task"]
    tasks = of_type(agency.resources.values(), "Task")
    assert len({t["for"]["reference"] for t in tasks}) == 1
    assert len({t["focus"]["reference"] for t in tasks}) == 2


def test_two_referrals_in_the_same_minute_make_one_patient(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    new = {"ServiceRequest": "order2", "Task": "ref2"}
    second = [{**r, "id": new[r["resourceType"]], "priority": "urgent"} for r in hospitals()
              if r["resourceType"] in new]  # fmt: skip
    second[1]["focus"] = {"reference": "ServiceRequest/order2"}
    hospital.put(*hospitals(), *second)
    site.work()
    assert held(site) == []
    assert sorted(agency.writes) == sorted(
        ["POST Patient", "POST Condition", "POST Organization", *["POST ServiceRequest", "POST Task"] * 2])


def test_what_changes_at_the_source_changes_in_the_copy(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(*hospitals())
    site.work()
    agency.writes.clear()
    change(hospital, "Patient/ada", telecom=[{"system": "phone", "use": "mobile", "value": "555-0199"}])
    change(hospital, "ServiceRequest/order", note=[{"text": "Has no stove any more."}])
    touch(hospital)
    site.work()
    assert held(site) == []
    assert at(agency, "Patient")["telecom"][0]["value"] == "555-0199"
    assert at(agency, "ServiceRequest")["note"][0]["text"] == "Has no stove any more."
    assert sorted(agency.writes) == sorted([f"PUT Patient/{at(agency, 'Patient')['id']}",
                                            f"PUT ServiceRequest/{at(agency, 'ServiceRequest')['id']}"])  # fmt: skip


def test_an_edit_after_acceptance_does_not_take_the_acceptance_back(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(*hospitals())
    site.work()
    task = at(agency, "Task")
    change(agency, f"Task/{task['id']}", status="accepted", businessStatus={"text": "Come on Tuesday"})
    change(hospital, "Task/ref", restriction={"period": {"end": "2026-12-01"}})
    site.work(2)
    assert held(site) == []
    now = at(agency, "Task")
    assert (now["status"], now["businessStatus"]) == ("accepted", {"text": "Come on Tuesday"})
    assert now["restriction"] == {"period": {"end": "2026-12-01"}}
    assert hospital.resources["Task/ref"]["status"] == "accepted"


def test_the_source_cancels_and_the_recipient_hears_it(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(*hospitals())
    site.work()
    change(hospital, "Task/ref", status="cancelled", statusReason={"text": "She has moved away"})
    site.work()
    assert held(site) == []
    task = at(agency, "Task")
    assert (task["status"], task["statusReason"]) == ("cancelled", {"text": "She has moved away"})
    assert at(agency, "ServiceRequest")["status"] == "revoked"


def test_a_cancellation_that_crosses_the_end_does_not_undo_it(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(*hospitals())
    site.work()
    task = at(agency, "Task")
    change(agency, f"Task/{task['id']}", status="rejected", statusReason={"text": "No room"})
    change(hospital, "Task/ref", status="cancelled", statusReason={"text": "She has moved away"})
    site.work(2)
    assert held(site) == []
    assert (at(agency, "Task")["status"], at(agency, "Task")["statusReason"]) == ("rejected", {"text": "No room"})


def test_a_need_that_changes_is_changed_in_its_copy(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(*hospitals())
    site.work()
    agency.writes.clear()
    change(hospital, "Condition/hunger", severity={"coding": [{"display": "Severe"}]}, code={
        "coding": [{"system": "http://snomed.info/sct", "code": "445281000124101", "display": "Nutrition impaired"}]})
    touch(hospital)
    site.work()
    assert held(site) == []
    assert at(agency, "Condition")["code"]["coding"][0]["display"] == "Nutrition impaired"
    assert agency.writes == [f"PUT Condition/{at(agency, 'Condition')['id']}"]


def test_a_task_of_ours_that_the_books_do_not_know_begins_nothing(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    """As after a backup: it is no referral of the agency's, which would go round in a circle."""
    hospital.put(*hospitals())
    site.work()
    known = at(agency, "Task")
    own = [{"system": "urn:casebridge:referral", "value": "01KKNOWNTOANOTHERSTORE0000"}]
    agency.put({**known, "id": "unknown", "identifier": own})
    site.work(2)
    assert len(site.referrals()) == 1
    assert held(site) == []


def test_our_order_ends_with_the_referral(site: IndirectSite, hospital: FhirServer, agency: FhirServer) -> None:
    hospital.put(*hospitals())
    site.work()
    change(agency, f"Task/{at(agency, 'Task')['id']}", status="rejected", statusReason={"text": "No room"})
    site.work(2)
    assert at(agency, "ServiceRequest")["status"] == "revoked"
    assert hospital.resources["ServiceRequest/order"]["status"] == "active", "theirs is not ours to end"


def test_what_was_done_comes_back_as_a_procedure(site: IndirectSite, hospital: FhirServer, agency: FhirServer) -> None:
    hospital.put(*hospitals())
    site.work()
    task = at(agency, "Task")
    agency.put({
        "resourceType": "Procedure", "id": "done", "status": "completed", "subject": task["for"],
        "basedOn": [task["focus"]], "performedDateTime": "2026-11-21T10:00:00Z", "note": [{"text": "Two bags of food"}],
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "710925007", "display": "Provision of food"}]},
    })  # fmt: skip
    sdohcc = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
    output = {"type": {"coding": [{"system": sdohcc, "code": "resulting-activity"}]},
              "valueReference": {"reference": "Procedure/done", "display": "Two bags of food"}}  # fmt: skip
    change(agency, f"Task/{task['id']}", status="accepted")
    site.work()
    change(agency, f"Task/{task['id']}", status="completed", output=[output])
    site.work()
    assert held(site) == []
    theirs = hospital.resources["Task/ref"]
    assert theirs["status"] == "completed"
    (named,) = theirs["output"]
    made = hospital.resources[named["valueReference"]["reference"]]
    assert made["code"]["coding"][0]["code"] == "710925007"
    assert made["subject"] == {"reference": "Patient/ada"}
    assert made["performedDateTime"] == "2026-11-21T10:00:00Z"
    assert named["valueReference"]["display"] == "Two bags of food"
    assert [w for w in hospital.writes if w.startswith("POST")] == ["POST Procedure"]


@pytest.mark.parametrize(
    ("status", "detail"), [("rejected", "at-capacity"), ("on-hold", "waitlisted"), ("failed", "no-show")]
)
def test_a_reason_and_its_finer_word_come_back(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer, status: str, detail: str
) -> None:
    hospital.put(*hospitals())
    site.work()
    task = at(agency, "Task")
    if status != "rejected":
        change(agency, f"Task/{task['id']}", status="accepted")
        site.work()
    change(agency, f"Task/{task['id']}", status=status, statusReason={"text": "Said in words"},
           businessStatus={"coding": [{"system": "urn:casebridge:detail", "code": detail}]})  # fmt: skip
    site.work()
    assert held(site) == []
    theirs = hospital.resources["Task/ref"]
    assert (theirs["status"], theirs["statusReason"]["text"]) == (status, "Said in words")
    assert theirs["businessStatus"]["coding"][0]["code"] == detail


# --- the recipient's people are quicker than its server's answer to us: what they did is theirs, and is heard of ------


def once(agency: FhirServer, status: str, changed: dict[str, Any]) -> None:
    """As soon as a Task with this state is written there, and before we are answered, they change it."""

    def at_once() -> None:
        for task in of_type(list(agency.resources.values()), "Task"):
            if task["status"] == status:
                agency.after_write = lambda: None
                agency.put({**task, **changed})

    agency.after_write = at_once


REJECTED = {"status": "rejected", "statusReason": {"text": "No room until Monday"}}


def test_what_is_done_before_our_create_is_answered_is_no_echo_of_ours(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    once(agency, "requested", REJECTED)
    hospital.put(*hospitals())
    site.work(3)
    assert hospital.resources["Task/ref"]["status"] == "rejected"
    assert hospital.resources["Task/ref"]["statusReason"]["text"] == "No room until Monday"
    assert len([w for w in agency.writes if w == "POST Task"]) == 1


@pytest.mark.parametrize("told", [True, False], ids=["the answer holds the resource", "the answer is empty"])
def test_nor_what_is_done_before_our_update_is_answered(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer, told: bool
) -> None:
    hospital.put(*hospitals())
    site.work()
    agency.quiet = not told
    once(agency, "requested", REJECTED)
    hospital.put({**hospital.resources["Task/ref"], "restriction": {"period": {"end": "2026-12-01"}}})
    site.work(3)
    assert hospital.resources["Task/ref"]["status"] == "rejected"
