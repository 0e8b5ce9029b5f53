"""Tasks that nobody owns yet: how they are asked for, and what we write into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from casebridge_fhir.link import FhirRest
from casebridge_fhir.open_tasks import owned
from hospitals import Hospital, link_to
from pydantic import ValidationError

from casebridge.core.errors import RecordError

US = "Organization/us"
BASE = "https://hospital.example/fhir"
OTHER = {"owner": {"reference": "Organization/other"}}


def test_two_real_servers_list_them(either: str) -> None:
    with Hospital(either) as hospital, link_to(hospital.base, hospital.name) as link:
        hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-p"})
        mine, taken = hospital.task("mine"), hospital.task("taken", **OTHER)
        unowned = hospital.task("open", owner=None)
        polling = link(open_tasks=True)
        for _ in range(2):
            hospital.poll(polling)
            assert [id_ for id_, _ in hospital.given if id_.startswith(hospital.name)] == [mine["id"], unowned["id"]]
        assert taken["id"] not in dict(hospital.given)


def page(*tasks: dict[str, Any]) -> httpx2.Response:
    entry = [{"fullUrl": f"{BASE}/Task/{t['id']}", "resource": t} for t in tasks]
    return httpx2.Response(200, json={"resourceType": "Bundle", "type": "searchset", "entry": entry})


def given(link: FhirRest) -> list[str]:
    return [payload.name for payload in link.receive(None)]


def test_they_are_asked_for_as_what_they_are(script: Any, scripted: Callable[..., FhirRest], task: Any) -> None:
    script.on("GET", "Task", page(), page(task("open"), task("taken", **OTHER), task("draft", status="draft")))
    assert given(scripted(owner=US, open_tasks=True)) == ["Task/open/1"]
    first, second = (dict(request.url.params.multi_items()) for request in script.asked_for("GET", "Task"))
    assert first["owner"] == US
    assert (second["owner:missing"], second["status"], second.get("_lastUpdated")) == ("true", "requested", None)


def test_a_server_that_cannot_be_asked_so_still_gives_what_is_ours(
    script: Any, scripted: Callable[..., FhirRest], task: Any
) -> None:
    refusal = httpx2.Response(400, json={"resourceType": "OperationOutcome", "issue": [{"code": "not-supported"}]})
    script.on("GET", "Task", page(task("mine", owner={"reference": US})), refusal)
    assert given(scripted(owner=US, open_tasks=True)) == ["Task/mine/1"]


def test_who_takes_them_must_be_known() -> None:
    with pytest.raises(ValidationError, match="open_tasks needs owner"):
        FhirRest.Settings(base_url=BASE, open_tasks=True)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ({"status": "accepted"}, {"status": "accepted", "owner": {"reference": US}}),
        ({"status": "completed"}, {"status": "completed", "owner": {"reference": US}}),
        ({"status": "rejected"}, {"status": "requested"}),
        ({"status": "requested"}, {"status": "requested"}),
        ({"status": "rejected", "owner": {"reference": US}}, {"status": "rejected", "owner": {"reference": US}}),
        ({"status": "accepted", "owner": {"reference": f"{BASE}/{US}"}},
         {"status": "accepted", "owner": {"reference": f"{BASE}/{US}"}}),
        ({"status": "accepted", "owner": {"identifier": {"value": "us"}}},
         {"status": "accepted", "owner": {"identifier": {"value": "us"}}}),
        ({"status": "accepted", **OTHER}, None),
        ({"status": "accepted", "owner": {"reference": "https://other.example/fhir/Organization/us"}}, None),
    ],
)  # fmt: skip
def test_what_is_accepted_is_ours_and_what_is_declined_stays_open(
    said: dict[str, Any], written: dict[str, Any] | None
) -> None:
    task = {"resourceType": "Task", "id": "t"}
    if written is None:
        with pytest.raises(RecordError) as refused:
            owned({**task, **said}, US, BASE)
        assert refused.value.code == "CB-353"
    else:
        assert owned({**task, **said}, US, BASE) == {**task, **written}
