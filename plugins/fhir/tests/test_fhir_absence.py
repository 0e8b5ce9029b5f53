"""Tasks that were deleted at a server, or given to somebody else: which of those we had are not there any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from casebridge_fhir.absence import WHY, taken_away
from casebridge_fhir.link import FhirRest
from hospitals import Hospital, link_to

from casebridge import Outcome
from casebridge.core.errors import SetupError, TryAgain

US = {"owner": {"reference": "Organization/us"}}
Link = Callable[..., FhirRest]


def bundle(*tasks: dict[str, Any], asked: str = "_id=x") -> httpx2.Response:
    link = [{"relation": "self", "url": f"https://hospital.example/fhir/Task?{asked}"}]
    entry = [{"resource": task} for task in tasks]
    return httpx2.Response(200, json={"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry})


def test_two_real_servers_say_what_was_deleted_and_what_was_given_away(either: str) -> None:
    with Hospital(either) as hospital, link_to(hospital.base, hospital.name) as link:
        hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-p"})
        stays, goes, given = (f"Task/{hospital.task(name)['id']}" for name in ("stays", "goes", "given"))
        assert link().missing([stays, goes, given]) == {}
        assert hospital.http.delete(f"/{goes}").status_code in (200, 202, 204)
        hospital.task("given", owner={"reference": "Organization/other"})
        found = link().missing([stays, goes, given, "Task/never-there"])
        assert found.pop(goes) in (WHY[404], WHY[410])
        assert found == {given: WHY[200], "Task/never-there": WHY[404]}


def test_what_the_search_does_not_show_is_read_before_it_counts_as_gone(script: Any, scripted: Link, task: Any) -> None:
    script.on("GET", "Task", bundle(task("a", **US)))
    script.on("GET", "Task/b", httpx2.Response(200, json=task("b", **US)))
    assert scripted(owner="Organization/us").missing(["Task/a", "Task/b"]) == {}
    assert len(script.asked_for("GET", "Task/")) == 1


def test_a_server_that_refuses_the_search_is_asked_one_by_one(script: Any, scripted: Link, task: Any) -> None:
    script.on("GET", "Task", httpx2.Response(400))
    script.on("GET", "Task/a", httpx2.Response(200, json=task("a")))
    assert scripted().missing(["Task/a", "Task/b"]) == {"Task/b": WHY[404]}


@pytest.mark.parametrize("status", [403, 500, 503])
def test_no_answer_is_no_deletion(script: Any, scripted: Link, status: int) -> None:
    script.on("GET", "Task", bundle())
    script.on("GET", "Task/a", httpx2.Response(status))
    with pytest.raises((TryAgain, SetupError)):
        scripted(attempts=1).missing(["Task/a"])


def test_when_none_of_several_is_there_nobody_has_deleted_them(script: Any, scripted: Link) -> None:
    script.on("GET", "Task", bundle())
    assert len(scripted().missing([f"Task/{n}" for n in range(4)])) == 4
    with pytest.raises(SetupError, match="none of 5 Tasks"):
        scripted().missing([f"Task/{n}" for n in range(5)])


def test_nobody_hurries_for_one_that_is_gone(script: Any, scripted: Link, task: Any) -> None:
    script.on("GET", "Task", bundle(task(priority="urgent"), asked="_sort=_lastUpdated"))
    link = scripted()
    for payload in link.receive(None):
        link.settle(payload, Outcome("accepted"))
    assert link.every == 60
    script.on("GET", "Task", bundle())
    link.missing(["Task/t1"])
    assert link.every == 900


def test_what_is_no_task_is_not_asked_for(script: Any, scripted: Link) -> None:
    assert scripted().missing(["01JD3M4C9V0000000000000001"]) == {}
    assert script.asked == []


def test_taken_away_it_is_no_version_its_server_ever_had() -> None:
    mark = {"security": [{"code": "R"}]}
    seen = {"resourceType": "Task", "id": "a", "meta": {"versionId": "3", "lastUpdated": "2026-11-20", **mark},
            "status": "accepted"}  # fmt: skip
    last = taken_away(seen)
    assert (last["meta"], last["status"], last["id"]) == (mark, "cancelled", "a")
    assert last["statusReason"]["text"]
