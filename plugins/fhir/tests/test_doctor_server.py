"""casebridge doctor at a FHIR server: what it is, what we may do there, and whose words say what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.examining.findings import findings
from casebridge_fhir.examining.rights import NOBODY, NOTHING
from casebridge_fhir.link import FhirRest
from casebridge_fhir.smart_scopes import needs
from examined import is_row, until
from told_server import NAMED, Told, told_server
from weather import weather

from casebridge import Context, Step

STATEMENT = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
EPIC = {**STATEMENT, "software": {"name": "Epic", "version": "May 2026"}}
EMPTY = {"resourceType": "Bundle", "type": "searchset"}
Look = Callable[..., Iterator[Step]]


@pytest.fixture
def told() -> Iterator[Told]:
    """A server that is Epic's and where everything is found."""
    with told_server() as server:
        server.tell("GET metadata", resource=EPIC)
        server.otherwise = (200, {}, EMPTY)
        yield server


@pytest.fixture
def look() -> Iterator[Look]:
    made: list[FhirRest] = []

    def examine(base: str, environment: Any = "prod", **settings: Any) -> Iterator[Step]:
        chosen = {"base_url": base, "pause": 0, "timeout": 5, **settings}
        made.append(FhirRest(FhirRest.Settings(**chosen), Context("mercy", environment)))
        return made[-1].examine()

    yield examine
    for each in made:
        each.close()


def failures(steps: Iterator[Step]) -> list[Step]:
    return [step for step in steps if step.state in ("failed", "attention")]


def about_rights(steps: Iterator[Step]) -> list[Step]:
    return [step for step in failures(steps) if step.name == "rights"]


def test_a_real_server_where_all_is_well_is_left_as_it_was(either: str, look: Look) -> None:
    with httpx2.Client(base_url=either, trust_env=False) as there:
        there.put(f"{either}/Organization/doctor", json={"resourceType": "Organization", "id": "doctor", "name": "us"})
        count = {need.resource: _count(there, f"{either}/{need.resource}") for need in needs()}
        steps = list(look(either, owner="Organization/doctor"))
        assert {step.name: step.state for step in steps} == {
            "name": "ok", "connection": "ok", "certificate": "ok", "metadata": "ok", "clock": "ok", "sign-in": "ok",
            "rights": "ok", "search": "ok", "organisation (owner)": "ok",
        }  # fmt: skip
        assert is_row(until(iter(steps), "connection"), "connection", "open")
        assert is_row(until(iter(steps), "metadata"), "metadata", "read")
        assert is_row(until(iter(steps), "clock"), "clock", "near")
        assert is_row(until(iter(steps), "rights"), "rights", "allowed")
        assert is_row(until(iter(steps), "search"), "search", "answered")
        assert is_row(steps[-1], "organisation", "there")
        assert {need.resource: _count(there, f"{either}/{need.resource}") for need in needs()} == count
        assert there.get(f"{either}/Task/{NOBODY}").status_code == 404


def _count(there: httpx2.Client, url: str) -> int:
    return int(there.get(url, params={"_summary": "count"}).json()["total"])


def test_what_is_sent_to_find_out_about_writing_is_nothing_that_can_be_stored(told: Told, look: Look) -> None:
    list(look(told.base))
    writes = {(method, path, body) for method, path, body in told.asked if method != "GET"}
    assert writes == {
        (method, path, NOTHING) for kind in ("Task", "Procedure")
        for method, path in (("POST", kind), ("PUT", f"{kind}/{NOBODY}"))
    }  # fmt: skip
    with pytest.raises(ValueError, match="Expecting value"):
        httpx2.Response(200, content=NOTHING).json()


@pytest.mark.parametrize(
    ("answer", "finding", "said"),
    [
        ({"resource": {**STATEMENT, "fhirVersion": "3.0.2"}}, "other-version", "speaks FHIR 3.0.2"),
        ({"resource": {"resourceType": "Bundle"}}, "not-fhir", "answers 200"),
        ({"status": 404}, "not-fhir", "answers 404"),
        ({"status": 302, "Location": "https://login.example/?next=1"}, "elsewhere", "on to https://login.example/"),
        ({"status": 429, "Retry_After": "3600"}, "busy", "answers 429"),
        ({"status": 503, "Retry_After": "3600"}, "busy", "answers 503"),
        ({"status": 502}, "broken", "answers 502"),
        ({"status": 0}, "silent", "does not answer as it should"),
    ],
)
def test_metadata_that_cannot_be_used(
    told: Told, look: Look, answer: dict[str, Any], finding: str, said: str
) -> None:
    told.tell("GET metadata", **answer)
    steps = list(look(told.base))
    (failed,) = failures(iter(steps))
    assert is_row(failed, "metadata", finding)
    assert said in failed.message
    assert steps[-1].message == "not tried because metadata failed"
    assert [path for _, path, _ in told.asked] == ["metadata"]


def test_metadata_that_is_closed_to_strangers_is_asked_again_signed_in(told: Told, look: Look) -> None:
    told.tell("GET metadata", 401)
    told.tell("GET Task", 401)
    steps = list(look(told.base, token="t"))
    assert [step.state for step in steps if step.name == "metadata"] == ["attention", "attention"]
    assert is_row(until(iter(steps), "metadata"), "metadata", "locked")


@pytest.mark.parametrize(("ahead", "finding", "said"), [
    (timedelta(seconds=-300), "apart", "300 seconds behind ours"), (timedelta(minutes=10), "apart", "ahead of ours"),
    (None, "untold", "does not tell the time")])  # fmt: skip
def test_clocks(told: Told, look: Look, ahead: timedelta | None, finding: str, said: str) -> None:
    told.ahead = ahead
    step = until(look(told.base), "clock")
    assert {"apart": is_row(step, "clock", "apart"), "untold": is_row(step, "clock", "untold")}[finding]
    assert said in step.message.replace("299", "300").replace("301", "300")


def test_rights_that_are_refused_are_asked_for_at_the_hospitals_epic_team(told: Told, look: Look) -> None:
    told.tell(f"PUT Task/{NOBODY}", 403)
    for path in ("GET Consent", f"GET Consent/{NOBODY}"):
        told.tell(path, 403)
    vital, optional = about_rights(look(told.base, user="cb", password="secret"))
    assert is_row(vital, "rights", "refused")
    assert vital.remedy == ("Ask mercy's Epic team to give our account cb in the production environment the right to "
                            "update Task: system/Task.u. Without it no referral is served.")  # fmt: skip
    assert is_row(optional, "rights", "refused-but-optional")
    assert "to read and search Consent: system/Consent.rs" in optional.remedy
    assert optional.state == "attention"


def test_what_a_server_does_not_offer(told: Told, look: Look) -> None:
    offered = [{"type": need.resource, "interaction": [{"code": code} for code in ("read", "search-type")]}
               for need in needs()]  # fmt: skip
    told.tell("GET metadata", resource={**EPIC, "rest": [{"mode": "server", "resource": offered}]})
    found = about_rights(look(told.base, "test"))
    assert [is_row(step, "rights", row) for step, row in zip(found, _NOT_OFFERED, strict=True)] == [True] * 3
    assert "can update Task, and to switch it on in the test (non-production) environment" in found[0].remedy
    assert "create Task" in found[1].message
    assert "create and update Procedure" in found[2].message


_NOT_OFFERED = ("not-offered", "not-offered-but-optional", "not-offered-but-optional")


def test_a_type_that_answers_with_trouble_of_its_own(told: Told, look: Look) -> None:
    told.tell("GET Location", 500)
    told.tell("GET HealthcareService", 400)  # wants more parameters: that is no question of rights
    (found,) = about_rights(look(told.base))
    assert is_row(found, "rights", "untold")
    assert "answers 500 to search of Location" in found.message


def test_a_search_that_the_server_heeds_in_part(sekmet: str, look: Look) -> None:
    with weather(sekmet, "no-self") as proxy:
        (found,) = failures(look(proxy.base))
        assert is_row(found, "search", "ignored")
        assert "heed _sort" in found.message


def test_a_search_that_is_refused(told: Told, look: Look) -> None:
    told.tell("GET Task", 400)
    (found,) = failures(look(told.base))
    assert is_row(found, "search", "refused")
    assert "Ask mercy's Epic team whether Task can be searched" in found.remedy


def test_an_organisation_that_is_not_there_or_not_shown(told: Told, look: Look) -> None:
    told.tell("GET Organization/us", 404)
    told.tell("GET Organization/them", 403)
    steps = {step.name: step for step in look(told.base, owner="Organization/us", recipient="Organization/them")}
    assert is_row(steps["organisation (owner)"], "organisation", "unknown")
    assert "correct owner" in steps["organisation (owner)"].remedy
    assert is_row(steps["organisation (recipient)"], "organisation", "refused")


def test_nothing_of_what_a_server_writes_about_people_is_said(told: Told, look: Look) -> None:
    told.otherwise = (500, {}, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": NAMED}]})
    said = "".join(f"{step}" for step in look(told.base, owner="Organization/us", token="sesame"))
    assert "Moreno" not in said
    assert "sesame" not in said


def test_each_row_of_the_table_was_made_to_happen() -> None:
    """In one of these files each row is the one that a step is held against."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_doctor_*.py"))
    assert [row for row in findings() if f'"{row[1]}"' not in tests or f'"{row[0]}"' not in tests] == []
