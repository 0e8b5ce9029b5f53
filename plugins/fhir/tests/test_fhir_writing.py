"""The link writes: updates upon a version, creates once, finds what arrived."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fhir_answers import BASE, Link, Resource, Task, answer, outcome, page

from casebridge import Conflict, Dispatch, OutFile, Receipt
from casebridge.core.errors import Bug, RecordError, SetupError, TryAgain

# --- writing -----------------------------------------------------------------------------------------------------

STORED = {"versionId": "2", "lastUpdated": "2026-11-20T09:00:00Z"}


def test_an_update_names_the_version_it_was_made_upon(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task
) -> None:
    script.on("PUT", "Task/t1", answer(task(status="accepted", meta=STORED)))
    receipt = scripted(token="s3cret").send(dispatch(task(status="accepted")), "k1")
    assert isinstance(receipt, Receipt)
    assert receipt.reference == "Task/t1/_history/2"
    (request,) = script.asked
    assert request.headers["If-Match"] == 'W/"1"'
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert json.loads(request.content).pop("lastModified") > "2026"


@pytest.mark.parametrize("status", [409, 412, 500])
def test_a_moved_version_is_a_conflict_with_the_new_original(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task, status: int
) -> None:
    theirs = task(status="cancelled", meta=STORED)
    script.on("PUT", "Task/t1", outcome(status, "conflict"))
    script.on("GET", "Task/t1", answer(theirs))
    conflict = scripted().send(dispatch(task(status="accepted")), "k1")
    assert isinstance(conflict, Conflict)
    (thing,) = conflict.things
    assert (thing.record, thing.external_id, thing.version, thing.original) == (0, "Task/t1", "2", theirs)


@pytest.mark.parametrize("first", [outcome(500), httpx2.ReadTimeout("no answer"), outcome(412)])
def test_an_update_that_arrived_all_the_same_is_a_receipt(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task, first: Any
) -> None:
    script.on("PUT", "Task/t1", first)
    script.on("GET", "Task/t1", answer(task(status="accepted", meta=STORED, text={"status": "generated"})))
    receipt = scripted().send(dispatch(task(status="accepted")), "k1")
    assert isinstance(receipt, Receipt)
    assert receipt.things[0].version == "2"


R, HIV = ({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code} for code in ("R", "HIV"))


@pytest.mark.parametrize(
    ("current", "arrived"), [([], False), ([HIV], False), ([R], True), ([HIV, R], True), (None, False), ("R", False)]
)
def test_what_came_without_its_label_did_not_arrive(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task, current: Any, arrived: bool
) -> None:
    script.on("PUT", "Task/t1", outcome(412))
    script.on("GET", "Task/t1", answer(task(meta={**STORED, "security": current})))
    said = scripted().send(dispatch(task(meta={"versionId": "1", "security": [R]})), "k1")
    assert isinstance(said, Receipt if arrived else Conflict)


def test_an_update_that_did_not_arrive_is_tried_again_later(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task
) -> None:
    script.on("PUT", "Task/t1", outcome(500))
    script.on("GET", "Task/t1", answer(task()))
    with pytest.raises(TryAgain) as caught:
        scripted(attempts=2).send(dispatch(task(status="accepted")), "k1")
    assert caught.value.code == "CB-401"
    assert len(script.asked_for("PUT")) == 2


@pytest.mark.parametrize("status", [400, 404, 405, 422])
def test_a_refused_record_names_codes_and_elements_only(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task, status: int
) -> None:
    script.on("PUT", "Task/t1", outcome(status, "business-rule"))
    with pytest.raises(RecordError, match=r"business-rule \(Task\.status\)") as caught:
        scripted().send(dispatch(task()), "k1")
    assert caught.value.code == "CB-305"
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize("location", ["https://elsewhere.example/fhir/Task/t1", f"{BASE}/v4/Task/t1"])
def test_a_write_is_never_redirected(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task, location: str
) -> None:
    script.on("PUT", "Task/t1", answer(status=307, location=location))
    with pytest.raises(SetupError) as caught:
        scripted(token="s3cret").send(dispatch(task()), "k1")
    assert caught.value.code == "CB-109"
    assert len(script.asked) == 1


PROCEDURE: Resource = {"resourceType": "Procedure", "status": "completed", "subject": {"reference": "Patient/p1"}}


def made(id_: str, key: str = "k1", at: str = "2026-11-20T09:00:00Z") -> Resource:
    own = [{"system": "urn:casebridge:dispatch", "value": key}]
    return {**PROCEDURE, "id": id_, "identifier": own, "meta": {"versionId": "1", "lastUpdated": at}}


def test_a_create_looks_first_and_says_if_none_exist(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch]
) -> None:
    script.on("GET", "Procedure", page(own=""))
    script.on("POST", "Procedure", answer(made("x1"), 201))
    receipt = scripted().send(dispatch(PROCEDURE), "k1")
    assert isinstance(receipt, Receipt)
    assert receipt.things[0].external_id == "Procedure/x1"
    look, create, again = script.asked
    assert (look.method, create.method, again.method) == ("GET", "POST", "GET")
    assert look.url.params["identifier"] == "urn:casebridge:dispatch|k1"
    assert create.headers["If-None-Exist"] == "identifier=urn:casebridge:dispatch|k1"
    assert json.loads(create.content)["identifier"] == made("x1")["identifier"]


def test_a_repeated_create_makes_nothing(script: Any, scripted: Link, dispatch: Callable[..., Dispatch]) -> None:
    script.on("GET", "Procedure", page({**PROCEDURE, "id": "other"}, made("x1"), own=""))
    receipt = scripted().send(dispatch(PROCEDURE), "k1")
    assert isinstance(receipt, Receipt)
    assert receipt.things[0].external_id == "Procedure/x1"
    assert not script.asked_for("POST")


def test_several_matches_mean_the_oldest(script: Any, scripted: Link, dispatch: Callable[..., Dispatch]) -> None:
    both = page(made("young", at="2026-11-20T09:00:02Z"), made("old", at="2026-11-20T09:00:01Z"), own="")
    script.on("GET", "Procedure", page(own=""), both)
    script.on("POST", "Procedure", outcome(412, "multiple-matches"))
    receipt = scripted().send(dispatch(PROCEDURE), "k1")
    assert isinstance(receipt, Receipt)
    assert receipt.things[0].external_id == "Procedure/old"


@pytest.mark.parametrize("location", [f"{BASE}/Procedure/x1/_history/1", "Procedure/x1", ""])
def test_a_create_answered_with_location_only_or_nothing_is_found(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], location: str
) -> None:
    script.on("GET", "Procedure", page(own=""), page(made("x1"), own=""))
    script.on("GET", "Procedure/x1", answer(made("x1")))
    script.on("POST", "Procedure", answer(status=201, **({"location": location} if location else {})))
    receipt = scripted().send(dispatch(PROCEDURE), "k1")
    assert isinstance(receipt, Receipt)
    assert receipt.things[0].original == made("x1")


def test_a_create_whose_answer_was_lost_is_looked_for_before_it_is_repeated(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch]
) -> None:
    script.on("GET", "Procedure", page(own=""), page(made("x1"), own=""))
    script.on("POST", "Procedure", httpx2.ReadTimeout("no answer"))
    receipt = scripted().send(dispatch(PROCEDURE), "k1")
    assert isinstance(receipt, Receipt)
    assert len(script.asked_for("POST")) == 1


def test_after_a_lost_answer_what_a_cache_shows_is_not_believed(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch]
) -> None:
    """It may still have what was there before: then the same would be made twice."""
    script.on("GET", "Procedure", page(own=""), page(own=""), page(made("x1"), own=""))
    script.on("POST", "Procedure", httpx2.ReadTimeout("no answer"))
    link = scripted()
    assert isinstance(link.send(dispatch(PROCEDURE), "k1"), Receipt)
    assert len(script.asked_for("POST")) == 1
    looks = script.asked_for("GET", "Procedure")
    assert len({str(look.url) for look in looks[1:]}) == 2, "a cache knows an answer by its address"
    assert {look.headers["Cache-Control"] for look in looks} == {"no-cache"}


@pytest.mark.parametrize("refused", [outcome(429), outcome(401)], ids=["429", "401"])
def test_what_was_made_and_could_not_be_looked_at_counts_as_sent(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], refused: httpx2.Response
) -> None:
    """Else it would be sent anew, and not looked for before; and what a cache shows then is not believed."""
    script.on("GET", "Procedure", page(own=""), refused, page(own=""), page(made("x1"), own=""))
    script.on("POST", "Procedure", answer(made("x1"), 201))
    link = scripted(attempts=1)
    with pytest.raises(TryAgain) as caught:
        link.send(dispatch(PROCEDURE), "k1")
    assert (caught.value.code, caught.value.unsent) == ("CB-401", False)
    assert isinstance(link.send(dispatch(PROCEDURE), "k1"), Receipt)
    assert len(script.asked_for("POST")) == 1


def test_nor_when_what_was_on_its_way_is_looked_for(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch]
) -> None:
    script.on("GET", "Procedure", page(own=""), page(made("x1"), own=""))
    assert isinstance(scripted().find(dispatch(PROCEDURE), "k1"), Receipt)


def test_an_order_is_never_sent(script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task) -> None:
    whole = dispatch(task())
    forged = OutFile("ServiceRequest/s1", b'{"resourceType":"ServiceRequest","id":"s1"}', "application/fhir+json", (0,))
    with pytest.raises(Bug):
        scripted().send(Dispatch("d1", "hospital", (forged,), whole.releases), "k1")
    assert script.asked == []


# --- finding -----------------------------------------------------------------------------------------------------


def test_find_tells_an_update_that_arrived_from_one_that_did_not_and_from_anothers(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task
) -> None:
    meant = dispatch(task(status="accepted"))
    script.on("GET", "Task/t1", answer(task()), answer(task(status="accepted", meta=STORED)),
              answer(task(status="cancelled", meta=STORED)))  # fmt: skip
    link = scripted()
    assert link.find(meant, "k1") is None
    assert isinstance(link.find(meant, "k1"), Receipt)
    assert isinstance(link.find(meant, "k1"), Conflict)


def test_find_of_a_dispatch_half_arrived_sends_again_and_doubles_nothing(
    script: Any, scripted: Link, dispatch: Callable[..., Dispatch], task: Task
) -> None:
    meant = dispatch(PROCEDURE, task(status="accepted"))
    script.on("GET", "Procedure", page(made("x1"), own=""))
    script.on("GET", "Task/t1", answer(task()))
    script.on("PUT", "Task/t1", answer(task(status="accepted", meta=STORED)))
    link = scripted()
    assert link.find(meant, "k1") is None
    receipt = link.send(meant, "k1")
    assert isinstance(receipt, Receipt)
    assert [thing.external_id for thing in receipt.things] == ["Procedure/x1", "Task/t1"]
    assert not script.asked_for("POST")
