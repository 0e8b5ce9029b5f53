"""References by identifier alone: looked up at the partner's server, one match or none."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from casebridge_fhir.format import FhirR4, outgoing
from casebridge_fhir.link import FhirRest
from hospitals import Hospital, link_to

from casebridge import Native
from casebridge.core.errors import RecordError
from casebridge.core.released import _issue

MRN = {"system": "urn:mercy:mrn", "value": "77"}
LOGICAL = {"type": "Patient", "identifier": MRN, "display": "Ada"}
BASE = "https://hospital.example/fhir"


def page(*resources: dict[str, Any], asked: str = "identifier=x") -> httpx2.Response:
    entry = [{"fullUrl": f"{BASE}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    link = [{"relation": "self", "url": f"{BASE}/x?{asked}"}]
    return httpx2.Response(200, json={"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry})


def patient(id_: str = "p", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, "meta": {"versionId": "1"}, "identifier": [MRN], **more}


def read(link: FhirRest, format_: FhirR4) -> list[Native | RecordError]:
    (payload,) = link.receive(None)
    return list(format_.parse(io.BytesIO(payload.stream.read()), {}))


@pytest.fixture
def asked(script: Any, task: Any) -> Callable[..., dict[str, Any]]:
    """A Task whose patient is known by a number only; what the search for it answers."""

    def make(*found: dict[str, Any], how: str = "identifier=x", **more: Any) -> dict[str, Any]:
        one: dict[str, Any] = task(**{"for": LOGICAL, **more})
        script.on("GET", "Task", page(one, asked="_sort=_lastUpdated"))
        script.on("GET", "Patient", page(*found, asked=how))
        return one

    return make


def test_the_one_record_that_carries_it_is_meant(
    script: Any, scripted: Callable[..., FhirRest], format_: FhirR4, asked: Any
) -> None:
    one = asked(patient(), patient("q", identifier=[{"system": "urn:other", "value": "77"}]))
    *around, native = read(scripted(), format_)
    assert isinstance(native, Native)
    assert [n.external_id for n in around if isinstance(n, Native)] == ["Patient/p"]
    assert native.order_key == "Patient/p"
    (search,) = script.asked_for("GET", "Patient")
    assert search.url.params["identifier"] == "urn:mercy:mrn|77"
    assert search.headers["prefer"] == "handling=strict"
    back = _issue(document=native.data, recipient="h", purpose="referral", policy="1", native_type="fhir-r4/Task")
    assert outgoing(back)["for"] == one["for"], "to the sender it goes back as it was"


@pytest.mark.parametrize(
    ("found", "more", "said"),
    [
        ([], {}, "no record"),
        ([patient(), patient("q")], {}, "several records"),
        ([patient(identifier=[{"system": "urn:other", "value": "77"}])], {}, "no record"),
        ([patient()], {"how": "_count=9"}, "no record"),  # a server that ignores what it is asked
        ([patient()], {"for": {"identifier": {"value": "77"}}}, "no record"),  # anybody's number
    ],
)
def test_otherwise_a_person_must_look(
    scripted: Callable[..., FhirRest], format_: FhirR4, asked: Any,
    found: list[dict[str, Any]], more: dict[str, Any], said: str,
) -> None:  # fmt: skip
    asked(*found, **more)
    error = read(scripted(), format_)[-1]
    assert isinstance(error, RecordError)
    assert (error.code, error.external_id, error.field) == ("CB-350", "Task/t1", "Task.for")
    assert said in str(error)
    assert "77" not in str(error)


def test_a_helper_that_is_no_record_there_holds_nothing_up(
    script: Any, scripted: Callable[..., FhirRest], format_: FhirR4, task: Any
) -> None:
    npi = {"type": "Organization", "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}}
    script.on("GET", "Task", page(task(requester=npi), asked="_sort=_lastUpdated"))
    script.on("GET", "Organization", page())
    native = read(scripted(), format_)[-1]
    assert isinstance(native, Native)
    assert "reference" not in native.data["requester"]


def test_what_is_in_the_same_payload_is_found_there(format_: FhirR4, task: Any) -> None:
    inside = [task(**{"for": LOGICAL}), patient()]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in inside]}
    *_, native = format_.parse(io.BytesIO(json.dumps(bundle).encode()), {})
    assert isinstance(native, Native)
    assert (native.data["for"]["reference"], native.order_key) == ("Patient/p", "Patient/p")


def test_two_real_servers_find_it(either: str) -> None:
    with Hospital(either) as hospital, link_to(hospital.base, hospital.name) as link:
        number = {"system": "urn:mercy:mrn", "value": hospital.name}
        hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-p", "identifier": [number]})
        hospital.task("mine", **{"for": {"type": "Patient", "identifier": number}})
        assert hospital.poll(link())
        (bundle,) = hospital.payloads
        assert bundle["entry"][0]["resource"]["for"]["reference"] == f"Patient/{hospital.name}-p"
        assert [line.split()[0] for line in hospital.inside(bundle)][1:] == [f"Patient/{hospital.name}-p"]
        assert json.dumps(bundle).count("urn:casebridge:looked-up") == 1
