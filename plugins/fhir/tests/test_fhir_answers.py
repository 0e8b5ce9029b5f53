"""What the link makes of a server's answers: wait, try again, ask for a repair, hold; and what it never does."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from casebridge_fhir.link import FhirRest
from casebridge_fhir.server import LONGEST_WAIT, retry_after
from fhir_answers import BASE, SEARCH, Link, Resource, Task, answer, outcome, page
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casebridge import Context, Outcome, Payload
from casebridge.core.errors import RecordError, SetupError, TryAgain


def received(link: FhirRest, cursor: str | None = None) -> list[tuple[str, str | None, list[str]]]:
    found = []
    for payload in link.receive(cursor):
        bundle = json.loads(payload.stream.read())
        inside = [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]]
        found.append((payload.name, payload.cursor, inside))
        link.settle(payload, Outcome("accepted"))
    return found


def _each(link: FhirRest, payloads: Iterator[Payload], into: list[Any]) -> Iterator[Payload]:
    """The payloads one by one, so that those before an error are kept."""
    for payload in payloads:
        into.append((payload.name, payload.cursor))
        link.settle(payload, Outcome("accepted"))
    yield from ()


# --- passing failures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [httpx2.ConnectError("refused"), httpx2.ReadTimeout("slow"), outcome(500),
                                     answer(status=502), answer(status=503), answer(status=504)])  # fmt: skip
def test_a_passing_failure_is_tried_a_few_times_and_then_waits(script: Any, scripted: Link, failure: Any) -> None:
    script.on("GET", "Task", failure)
    with pytest.raises(TryAgain) as caught:
        received(scripted(attempts=3))
    assert caught.value.code == "CB-401"
    assert caught.value.after is None
    assert len(script.asked) == 3


def test_a_failure_that_passes_costs_nothing(script: Any, scripted: Link, task: Task) -> None:
    script.on("GET", "Task", answer(status=500), httpx2.ConnectError("refused"), page(task()))
    assert [name for name, _, _ in received(scripted())] == ["Task/t1/1"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_us_to_wait_is_left_alone_until_then(script: Any, scripted: Link, status: int) -> None:
    script.on("GET", "Task", answer(status=status, Retry_After="7200"))
    before = datetime.now(UTC)
    with pytest.raises(TryAgain) as caught:
        received(scripted())
    assert caught.value.code == "CB-402"
    assert caught.value.after is not None
    assert timedelta(hours=2) <= caught.value.after - before < timedelta(hours=2, minutes=2)
    assert len(script.asked) == 1


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "after"),
    [
        ("30", NOW + timedelta(seconds=30)),
        (" 7200 ", NOW + timedelta(hours=2)),
        (format_datetime(NOW + timedelta(hours=3), usegmt=True), NOW + timedelta(hours=3)),
        (format_datetime(NOW - timedelta(hours=3), usegmt=True), NOW),
        ("99999999999", NOW + timedelta(days=1)),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), NOW + timedelta(days=1)),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("Fri, 1 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_every_form(header: str, after: datetime | None) -> None:
    assert retry_after(header, NOW) == after


_DATES = st.builds(
    "Fri, {} {} {} {}:00:00 {}".format, st.integers(0, 40), st.sampled_from(["Jan", "Dec", "Foo"]),
    st.integers(-5, 99_999), st.integers(0, 30), st.sampled_from(["GMT", "+9999", "-2359", "+1400", "X", ""]),
)  # fmt: skip


@given(_DATES | st.text(max_size=40) | st.integers().map(str))
def test_whatever_a_server_says_of_when_is_now_to_a_day_ahead_or_nothing(header: str) -> None:
    after = retry_after(header, NOW)
    assert after is None or NOW <= after <= NOW + LONGEST_WAIT


# --- what somebody must repair -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_a_set_up_error(script: Any, scripted: Link, status: int) -> None:
    script.on("GET", "Task", outcome(status, "login"))
    with pytest.raises(SetupError) as caught:
        received(scripted(token="s3cret-token"))
    assert caught.value.code == "CB-106"
    assert "s3cret" not in str(caught.value)


def test_a_refused_search_is_a_set_up_error_with_its_codes(script: Any, scripted: Link) -> None:
    script.on("GET", "Task", outcome(400, "not-supported"))
    with pytest.raises(SetupError, match=r"not-supported \(Task\.status\)") as caught:
        received(scripted())
    assert "Ada" not in str(caught.value)


def test_an_answer_without_end_is_cut_off(script: Any, scripted: Link) -> None:
    script.on("GET", "Task", httpx2.Response(200, content=b"[" * 4096))
    with pytest.raises(RecordError) as caught:
        received(scripted(max_bytes=1024))
    assert caught.value.code == "CB-304"


@pytest.mark.parametrize("following", ["https://evil.example/fhir/Task?page=2", "http://hospital.example/fhir?page=2"])
def test_a_next_page_elsewhere_is_not_followed(script: Any, scripted: Link, task: Task, following: str) -> None:
    script.on("GET", "Task", page(task(), following=following))
    with pytest.raises(SetupError) as caught:
        received(scripted(token="s3cret"))
    assert caught.value.code == "CB-109"
    assert {request.url.host for request in script.asked} == {"hospital.example"}


def test_a_next_page_in_a_circle_ends(script: Any, scripted: Link, task: Task) -> None:
    script.on("GET", "Task", page(task(), following=f"{BASE}/Task?page=2"))
    with pytest.raises(SetupError, match="read already"):
        received(scripted())
    asked = script.asked_for("GET", "Task")  # the search, the proof that it is sorted, from the last stamp on, next
    assert len(asked) == 4


def test_a_redirect_elsewhere_is_not_followed_and_the_token_stays(script: Any, scripted: Link) -> None:
    script.on("GET", "Task", answer(status=302, location="https://storage.example/x"))
    with pytest.raises(SetupError) as caught:
        received(scripted(token="s3cret"))
    assert caught.value.code == "CB-109"
    assert [request.url.host for request in script.asked] == ["hospital.example"]


def test_a_redirect_on_the_same_server_is_followed(script: Any, scripted: Link, task: Task) -> None:
    script.on("GET", "Task", answer(status=307, location="/fhir/v4/Task?x=1"))
    script.on("GET", "v4/Task", page(task()))
    assert len(received(scripted())) == 1


# --- polling -----------------------------------------------------------------------------------------------------


def test_remarks_among_the_matches_are_skipped_and_logged_by_code(
    script: Any, scripted: Link, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    remark = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "throttled",
                                                             "diagnostics": "Ada Moreno"}]}  # fmt: skip
    script.on("GET", "Task", page(remark, task()))
    with caplog.at_level(logging.INFO, "casebridge.fhir"):
        assert [name for name, _, _ in received(scripted())] == ["Task/t1/1"]
    assert "throttled" in caplog.text
    assert "Ada" not in caplog.text


@pytest.mark.parametrize(("address", "stops"), [("DocumentReference/d1", False), ("Patient/p1", True)])
def test_what_was_sent_along_and_may_not_be_read_holds_nothing_up(
    script: Any, scripted: Link, task: Task, address: str, stops: bool
) -> None:
    along = {"input": [{"type": {"text": "x"}, "valueReference": {"reference": "DocumentReference/d1"}}]}
    script.on("GET", "Task", page(task(**along)))
    script.on("GET", address, outcome(403, "forbidden"))
    if stops:
        with pytest.raises(SetupError, match="403"):
            received(scripted())
    else:
        assert [name for name, _, _ in received(scripted())] == ["Task/t1/1"]


def test_dropped_parameters_are_made_up_for_here(script: Any, scripted: Link, task: Task) -> None:
    mine, others = {"reference": "Organization/us"}, {"reference": "Organization/x"}
    script.on("GET", "Task", page(
        task("late", owner=mine, meta={"versionId": "1", "lastUpdated": "2026-11-20T10:00:00Z"}),
        task("foreign", owner=others),
        task("contact", owner=mine, code={"coding": [{"code": "make-contact"}]}),
        task("early", owner=mine, meta={"versionId": "1", "lastUpdated": "2026-11-20T09:00:00Z"}),
        task("old", owner=mine, meta={"versionId": "1", "lastUpdated": "2026-11-01T09:00:00Z"}),
        own="_count=50",
    ))  # fmt: skip
    found = received(scripted(owner="Organization/us", overlap=0), "2026-11-20T08:00:00Z")
    assert [(name, cursor) for name, cursor, _ in found] == [
        ("Task/early/1", "2026-11-20T09:00:00Z"), ("Task/late/1", "2026-11-20T10:00:00Z"),
    ]  # fmt: skip


def test_a_server_that_refuses_includes_is_asked_without(script: Any, scripted: Link, task: Task) -> None:
    script.on("GET", "Task", outcome(400, "not-supported"), outcome(400, "not-supported"), page(task()))
    link = scripted()
    assert len(received(link)) == 1
    received(link)  # and is asked so from then on
    asked = [("prefer" in r.headers, "_include" in r.url.params) for r in script.asked_for("GET", "Task")]
    assert asked == [(True, True), (False, True), (False, False), (False, False)]


def test_an_unsorted_list_is_read_to_its_end_before_the_cursor_moves(script: Any, scripted: Link, task: Task) -> None:
    later = task("b", meta={"versionId": "1", "lastUpdated": "2026-11-20T10:00:00Z"})
    script.on("GET", "Task", page(later, following=f"{BASE}/next", own="code=x"))
    script.on("GET", "next", page(task("a"), own=""))
    assert [name for name, _, _ in received(scripted())] == ["Task/a/1", "Task/b/1"]


def test_a_poll_that_reaches_its_limit_goes_on_next_time(script: Any, scripted: Link, task: Task) -> None:
    script.on("GET", "Task", page(task(), following=f"{BASE}/next"))
    assert [name for name, _, _ in received(scripted(max_pages=1))] == ["Task/t1/1"]
    with pytest.raises(SetupError, match="max_pages"):
        received(scripted(max_pages=1), "2026-11-20T08:00:00.000Z")


def test_polls_overlap_and_the_cursor_never_goes_back(script: Any, scripted: Link, task: Task) -> None:
    script.on("GET", "Task", page(task()))
    found = received(scripted(overlap=60), "2026-11-20T08:00:30Z")
    assert [cursor for _, cursor, _ in found] == ["2026-11-20T08:00:30Z"]
    assert script.asked[0].url.params["_lastUpdated"] == "ge2026-11-20T07:59:30.000Z"


def test_a_version_handed_over_is_not_given_again(script: Any, scripted: Link, task: Task) -> None:
    link = scripted(overlap=60)
    newer = task("b", meta={"versionId": "1", "lastUpdated": "2026-11-20T08:00:10Z"})
    script.on("GET", "Task", page(task("a")), page(task("a"), newer), page(newer))
    assert [name for name, _, _ in received(link)] == ["Task/a/1"]
    assert [name for name, _, _ in received(link, "2026-11-20T08:00:00Z")] == ["Task/b/1"]
    assert received(link, "2026-11-20T08:00:10Z") == []


def test_a_version_that_was_not_stored_is_given_again(script: Any, scripted: Link, task: Task) -> None:
    link = scripted()
    script.on("GET", "Task", page(task("a"), task("b")))
    polled = link.receive("2026-11-20T08:00:00Z")
    link.settle(next(polled), Outcome("accepted"))
    next(polled)
    polled.close()  # the engine could not store the second
    assert [name for name, _, _ in received(link, "2026-11-20T08:00:00Z")] == ["Task/b/1"]


def test_one_task_that_cannot_be_completed_keeps_no_other_back_and_is_not_passed(
    script: Any, scripted: Link, task: Task
) -> None:
    def at(minute: int) -> Resource:
        return {"versionId": "1", "lastUpdated": f"2026-11-20T08:0{minute}:00Z"}

    bad = task("b", meta=at(2), owner={"reference": "Organization/bad"})
    script.on("GET", "Task", page(task("a", meta=at(1)), bad, task("c", meta=at(3))))
    script.on("GET", "Organization/bad", answer(status=500))
    link, found = scripted(attempts=1), []
    with pytest.raises(TryAgain):
        list(_each(link, link.receive(None), found))
    assert found == [("Task/a/1", "2026-11-20T08:01:00Z"), ("Task/c/1", "2026-11-20T08:01:00Z")]
    script.on("GET", "Organization/bad", answer({"resourceType": "Organization", "id": "bad"}))
    assert [name for name, _, _ in received(link, "2026-11-20T08:01:00Z")] == ["Task/b/1"]


def test_a_task_that_moves_to_the_end_between_two_pages_hides_no_other(script: Any, scripted: Link, task: Task) -> None:
    """A server whose next link counts positions: following it would skip what slid into the page already read."""
    stamps = {"a": "08:01", "b": "08:02", "c": "08:03", "d": "08:04"}
    tasks = [task(n, meta={"versionId": "1", "lastUpdated": f"2026-11-20T{t}:00Z"}) for n, t in stamps.items()]

    def search(request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/Task"):
            return httpx2.Response(404)
        script.asked.append(request)
        since = request.url.params.get("_lastUpdated", "ge")[2:].replace(".000", "")
        there = [t for t in tasks if t["meta"]["lastUpdated"] >= since]
        offset = int(request.url.params.get("_offset", "0"))
        if len(script.asked) == 1:  # between the first page and the second, the hospital changes the first Task
            moved = {**tasks.pop(0), "meta": {"versionId": "2", "lastUpdated": "2026-11-20T08:09:00Z"}}
            tasks.append(moved)
        following = f"{BASE}/Task?_offset={offset + 2}" if len(there) > offset + 2 else ""
        own = f"{SEARCH}&_lastUpdated={since}"
        return page(*there[offset : offset + 2], following=following, own=own)

    settings = FhirRest.Settings(base_url=BASE, page_size=2, overlap=0)
    link = FhirRest(settings, Context("hospital"), httpx2.MockTransport(search))
    names = [name for name, _, _ in received(link)]
    assert names == ["Task/a/1", "Task/b/1", "Task/c/1", "Task/d/1", "Task/a/2"]


def test_a_task_brings_what_it_refers_to_and_no_more(script: Any, scripted: Link, task: Task) -> None:
    def there(kind: str, id_: str, **more: Any) -> Resource:
        resource = {"resourceType": kind, "id": id_, **more}
        script.on("GET", f"{kind}/{id_}", answer(resource))
        return resource

    role = {"reference": f"{BASE}/PractitionerRole/r1"}
    more = [{"reference": "Encounter/d1"}, {"reference": "https://elsewhere.example/Condition/9"}]
    there("ServiceRequest", "s1", reasonReference=[{"reference": "Condition/c1"}], supportingInfo=more)
    there("Condition", "c1")
    there("PractitionerRole", "r1", organization={"reference": "Organization/o1"})
    there("Organization", "o1")
    script.on("GET", "Patient/p1", answer(status=410))
    consent = {"resourceType": "Consent", "id": "k1", "status": "inactive", "patient": {"reference": "Patient/p1"}}
    strange = {"resourceType": "Consent", "id": "k2", "status": "active", "patient": {"reference": "Patient/p2"}}
    script.on("GET", "Consent", page(consent, strange, own="patient=Patient/p1"))
    script.on("GET", "Task", page(task(requester=role)))
    ((_, _, inside),) = received(scripted())
    assert inside == [
        "Task/t1", "Organization/o1", "PractitionerRole/r1", "Consent/k1", "Condition/c1", "ServiceRequest/s1",
    ]  # fmt: skip
    assert {request.url.host for request in script.asked} == {"hospital.example"}
    assert not script.asked_for("GET", "Encounter")


def test_nothing_is_asked_for_twice_in_one_poll(script: Any, scripted: Link, task: Task) -> None:
    script.on("GET", "Patient/p1", answer({"resourceType": "Patient", "id": "p1"}))
    script.on("GET", "Task", page(task("a"), task("b")))
    received(scripted())
    paths = [request.url.path for request in script.asked]
    assert len(paths) == len(set(paths))


# --- probing and settings ----------------------------------------------------------------------------------------


def statement(version: str = "4.0.1", *can: str) -> httpx2.Response:
    task = {"type": "Task", "interaction": [{"code": code} for code in can]}
    return answer({"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": [{"resource": [task]}]})


@pytest.mark.parametrize(
    ("said", "ok", "words"),
    [
        (statement("4.0.1", "search-type", "update"), True, "searched and written"),
        (statement("4.0.1", "search-type"), False, "not written"),
        (statement("4.0.1", "read"), False, "does not say that Tasks can be searched"),
        (statement("5.0.0", "search-type", "update"), False, "speaks FHIR 5.0.0"),
        (answer({"resourceType": "Patient"}), False, "no CapabilityStatement"),
        (answer(status=401), False, "CB-106"),
        (httpx2.ConnectError("refused"), False, "CB-401"),
    ],
)
def test_probe_says_what_can_be_done(script: Any, scripted: Link, said: Any, ok: bool, words: str) -> None:
    script.on("GET", "metadata", said)
    probe = scripted().probe()
    assert (probe.ok, words in probe.message) == (ok, True), probe.message


def test_probe_notices_an_owner_nobody_can_address(script: Any, scripted: Link) -> None:
    script.on("GET", "metadata", statement("4.0.1", "search-type", "update"))
    probe = scripted(owner="Organization/us").probe()
    assert (probe.ok, "has no Organization/us" in probe.message) == (False, True)


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "http://hospital.example/fhir"},
        {"base_url": "ftp://hospital.example"},
        {"base_url": "https://user:pass@hospital.example/fhir"},
        {"base_url": "https://hospital.example/fhir?key=1"},
        {"base_url": "https://hospital.example/fhir", "verify_tls": False},
        {"base_url": "https://hospital.example/fhir", "owner": "us"},
        {"base_url": "https://hospital.example/fhir", "since": "yesterday"},
        {"base_url": "https://hospital.example/fhir", "unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FhirRest.Settings(**settings)


def test_the_token_is_not_shown() -> None:
    settings = FhirRest.Settings(base_url=BASE, token="s3cret")
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()
