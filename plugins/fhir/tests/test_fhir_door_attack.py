"""The FHIR door under attack by a partner that is signed in, or by nobody: what is refused, how, and what it costs."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.door import parameters, transactions
from casebridge_fhir.door.criteria import moments
from casebridge_fhir.door.door import AT_ONCE
from casebridge_fhir.door.query import place
from casebridge_fhir.door.transactions import version_of
from doors import SETTINGS, TOKEN, fhir_client
from sites import TestSite

from casebridge.core.errors import RecordError
from casebridge.core.jsontext import loads

Document = dict[str, Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestSite]:
    folder: Path = tmp_path_factory.mktemp("site")
    (folder / "token").write_text(TOKEN)
    made = TestSite(folder, hospital_carrier="fhir", hospital_settings=SETTINGS)
    yield made
    made.bridge.close()


@pytest.fixture(scope="module")
def hospital(site: TestSite) -> Iterator[httpx2.Client]:
    with fhir_client(site.bridge) as client:
        yield client


def patient(**more: Any) -> Document:
    return {"resourceType": "Patient", "name": [{"family": "Moreno"}], **more}


def asked(method: str, url: str, resource: Document | None = None, type_: str = "transaction") -> Document:
    entry = {"request": {"method": method, "url": url}} | ({"resource": resource} if resource else {})
    return {"resourceType": "Bundle", "type": type_, "entry": [entry]}


@pytest.mark.parametrize("url", [
    "Patient", "Patient/", "Patient?identifier=urn:mrn|1", "Patient/a/_history/1", "Patient/a\r\nSet-Cookie: a",
    "Patient/a b", "Patient/" + "a" * 65, "Patient/b",
])  # fmt: skip
def test_a_bundle_writes_under_the_id_of_one_resource_and_no_other(hospital: httpx2.Client, url: str) -> None:
    """A conditional update, which is not offered, was written under an empty id: all of them over one another."""
    answer = hospital.post("", json=asked("PUT", url, patient(id="a")))
    assert answer.status_code == 400, answer.text
    assert "Moreno" not in answer.text
    assert hospital.get("Patient?name=Moreno").json()["total"] == 0


def test_a_conditional_delete_is_refused(hospital: httpx2.Client) -> None:
    assert hospital.post("", json=asked("DELETE", "Patient?identifier=urn:mrn|1")).status_code == 400


@pytest.mark.parametrize("query", [
    "Patient?_count=" + "9" * 5000, "Patient?_lastUpdated=9999-12-31T23:59:59Z", "Patient?_lastUpdated=lt0001",
    "Patient?_lastUpdated=lt0001-01-01T00:00:00%2B14:00", "Task?" + "part-of." * 3000 + "status=x",
    "Patient/a/_history/" + "9" * 5000, "Patient/a/_history/" + "9" * 20,
    "Patient?_page=" + base64.urlsafe_b64encode(b"[" * 30000).decode(),
])  # fmt: skip
def test_what_is_beyond_all_bounds_is_no_trouble_of_ours(hospital: httpx2.Client, query: str) -> None:
    assert hospital.get(query).status_code in (200, 400, 404)


@pytest.mark.parametrize(("path", "status"), [
    ("Patient/a%00b", 404), ("Subscription/a%00b", 404), ("Patient?_id=a%00b", 400),
    ("Patient?_id=" + "a," * 5000, 400),
])  # fmt: skip
def test_what_no_database_takes_does_not_reach_it(hospital: httpx2.Client, path: str, status: int) -> None:
    answer = hospital.get(path)
    assert (answer.status_code, "you may see" in answer.text) == (status, False)


@pytest.mark.parametrize("said", [["\0", "x"], ["\ud800", "x"], [1, 2], [{}, []], "ab", ["a"], None])
def test_a_page_that_we_did_not_make_is_refused(said: Any) -> None:
    with pytest.raises(RecordError, match="page"):
        place(base64.urlsafe_b64encode(json.dumps(said).encode()).decode())


@pytest.mark.parametrize("tag", ['W/"' + "9" * 5000 + '"', 'W/"٣"', "*", 'W/"-1"'])
def test_a_version_that_we_never_gave(tag: str) -> None:
    with pytest.raises(Exception, match="no version of ours"):
        version_of(tag)


def test_a_date_at_the_end_of_time_does_not_end_searches(hospital: httpx2.Client) -> None:
    """One such resource made every search by date fail."""
    assert moments("9999-12-31T23:59:59Z") == (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
                                               datetime.max.replace(tzinfo=UTC))  # fmt: skip
    period = {"start": "0001-01-01T00:00:00+14:00", "end": "9999-12-31T23:59:59-14:00"}
    made = hospital.post("Observation", json={
        "resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "effectivePeriod": period})  # fmt: skip
    assert made.status_code == 201
    assert hospital.get("Observation?date=ge2020").json()["total"] == 1


def test_a_number_that_is_none_we_can_keep(hospital: httpx2.Client) -> None:
    with pytest.raises(ValueError, match="number"):
        loads(b'{"a":1e9999999999999999999}')
    text = b'{"resourceType":"Observation","valueQuantity":{"value":1e9999999999999999999}}'
    answer = hospital.post("Observation", content=text, headers={"Content-Type": "application/fhir+json"})
    assert answer.status_code == 400


def test_a_resource_is_not_found_by_everything(hospital: httpx2.Client) -> None:
    """A composite parameter has a key for each pair: 10,000 codes and as many values were a hundred million."""
    codings = [{"system": "urn:a", "code": str(n)} for n in range(2000)]
    many = {"resourceType": "Observation", "status": "final", "code": {"coding": codings},
            "valueCodeableConcept": {"coding": codings}}  # fmt: skip
    answer = hospital.post("Observation", json=many)
    assert answer.status_code == 422
    assert str(parameters.MOST_KEYS) in answer.text


def test_what_an_index_does_not_take_is_refused(hospital: httpx2.Client) -> None:
    """PostgreSQL refused such a row, and the partner was told to try again, for ever."""
    form = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "urn:" + "a" * 3000}
    assert hospital.post("QuestionnaireResponse", json=form).status_code == 422


def test_a_bundle_of_searches_ends(hospital: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand searches that nothing narrows kept a thread of the door for hours."""
    monkeypatch.setattr(transactions, "READING", 0.0)
    bundle = asked("GET", "Patient?name:contains=a", type_="batch")
    bundle["entry"] *= 3
    found = [e["response"]["status"] for e in hospital.post("", json=bundle).json()["entry"]]
    assert found == ["413", "413", "413"]


def test_nobody_is_heard_to_the_end_before_it_says_who_it_is(hospital: httpx2.Client) -> None:
    """Bodies of strangers were kept in memory before anybody asked for their token."""
    url = httpx2.URL(str(hospital.base_url))
    with socket.create_connection((url.host, url.port or 80), timeout=5) as line:
        line.sendall(b"POST /fhir/Patient HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n{")
        assert line.recv(100).startswith(b"HTTP/1.1 401")


SECOND = """
[partner.second]
role = "covered_entity"
carrier = "fhir"
format = "fhir-r4"
maps = "sdohcc"
settings = { token = "file:second", may_write = ["*"] }
"""


def test_who_sends_slowly_on_many_lines_waits_for_itself_only(tmp_path: Path) -> None:
    for name in ("token", "second"):
        (tmp_path / name).write_text(TOKEN + name)
    site = TestSite(tmp_path, hospital_carrier="fhir", hospital_settings=SETTINGS, more=SECOND)
    with (fhir_client(site.bridge, TOKEN + "token") as hospital, ExitStack() as lines,
          httpx2.Client(base_url=hospital.base_url, timeout=20) as other):  # fmt: skip
        body = json.dumps(patient()).encode()
        slow = [lines.enter_context(slowly(hospital.base_url, TOKEN + "token", body)) for _ in range(AT_ONCE)]
        with pytest.raises(httpx2.ReadTimeout):
            hospital.get("Patient", timeout=0.5)
        known = {"Authorization": f"Bearer {TOKEN}second"}
        assert other.post("Patient", json=patient(), headers=known).status_code == 201
        for line in slow:
            line.sendall(body[1:])
            assert line.recv(100).startswith(b"HTTP/1.1 201")
        assert hospital.get("Patient?_summary=count").json()["total"] == AT_ONCE
    site.bridge.close()


@contextmanager
def slowly(url: httpx2.URL, token: str, body: bytes) -> Iterator[socket.socket]:
    """A line on which the first byte of a Patient was sent."""
    with socket.create_connection((url.host, url.port or 80), timeout=20) as line:
        line.sendall((f"POST {url.path}Patient HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {token}\r\n"
                      f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
                     + body[:1])  # fmt: skip
        yield line
