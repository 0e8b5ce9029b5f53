"""The link through its own real client: what goes over the wire, route by route (respx)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import respx
from casebridge_fhir.link import FhirRest

from casebridge import Conflict, Context, Dispatch, Receipt
from casebridge.core.errors import TryAgain

BASE = "https://hospital.example/fhir"


@pytest.fixture
def link() -> Iterator[FhirRest]:
    made = FhirRest(FhirRest.Settings(base_url=BASE, pause=0, token="s3cret"), Context("hospital"))
    yield made
    made.close()


def test_an_update_carries_version_token_and_media_type(
    httpx2_mock: respx.Router, link: FhirRest, dispatch: Callable[..., Dispatch], task: Callable[..., dict[str, Any]]
) -> None:
    stored = task(status="accepted", meta={"versionId": "2"})
    put = httpx2_mock.put(f"{BASE}/Task/t1").respond(200, json=stored)
    receipt = link.send(dispatch(task(status="accepted")), "k1")
    assert isinstance(receipt, Receipt)
    assert (receipt.things[0].external_id, receipt.things[0].version) == ("Task/t1", "2")
    request = put.calls.last.request
    assert request.headers["If-Match"] == 'W/"1"'
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert request.headers["Content-Type"].startswith("application/fhir+json")
    assert json.loads(request.content)["status"] == "accepted"


def test_a_version_that_moved_on_comes_back_as_a_conflict(
    httpx2_mock: respx.Router, link: FhirRest, dispatch: Callable[..., Dispatch], task: Callable[..., dict[str, Any]]
) -> None:
    httpx2_mock.put(f"{BASE}/Task/t1").respond(412)
    moved = task(description="a nurse was here", meta={"versionId": "7"})
    httpx2_mock.get(f"{BASE}/Task/t1").respond(200, json=moved)
    answer = link.send(dispatch(task(status="accepted")), "k1")
    assert isinstance(answer, Conflict)
    assert answer.things[0].version == "7"


def test_a_server_that_asks_us_to_wait_is_left_alone(httpx2_mock: respx.Router, link: FhirRest) -> None:
    polled = httpx2_mock.get(url__startswith=f"{BASE}/Task").respond(429, headers={"Retry-After": "3600"})
    with pytest.raises(TryAgain) as waits:
        list(link.receive(None))
    assert polled.call_count == 1
    assert waits.value.after is not None
    assert waits.value.after > datetime.now(UTC) + timedelta(minutes=50)
