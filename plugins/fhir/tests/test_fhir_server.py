"""The link against a real FHIR R4 server (sekmet-fhir): paging, versions, conditional creates, the whole way round."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.answers import ANSWERS
from casebridge_fhir.decimals import DECIMAL
from casebridge_fhir.format import FhirR4
from casebridge_fhir.link import FhirRest

from casebridge import Conflict, Dispatch, Native, Payload, Receipt
from casebridge.mapping import OwnIds, load_set, with_converters

MAPS = Path(__file__).resolve().parents[3] / "mappings"
Resource = dict[str, Any]
Task = Callable[..., Resource]
Link = Callable[..., FhirRest]
Sending = Callable[..., Dispatch]


def put(hospital: httpx2.Client, resource: Resource) -> Resource:
    answer = hospital.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
    assert answer.is_success, answer.text
    stored: Resource = answer.json()
    return stored


def get(hospital: httpx2.Client, path: str) -> Resource:
    stored: Resource = hospital.get(f"/{path}").raise_for_status().json()
    return stored


def mine(payloads: list[Payload], prefix: str) -> list[Payload]:
    return [p for p in payloads if p.name.startswith(f"Task/{prefix}")]


@pytest.fixture
def refer(hospital: httpx2.Client, task: Task) -> Callable[[str], Resource]:
    """The hospital writes a patient, an order and its Task."""

    def make(id_: str, **more: Any) -> Resource:
        put(hospital, {"resourceType": "Patient", "id": f"{id_}-p", "name": [{"family": "Moreno", "given": ["Ada"]}]})
        put(hospital, {"resourceType": "ServiceRequest", "id": f"{id_}-s", "status": "active", "intent": "order",
                       "subject": {"reference": f"Patient/{id_}-p"}})  # fmt: skip
        referral = task(id_, **more)
        del referral["meta"]
        referral |= {"for": {"reference": f"Patient/{id_}-p"}, "focus": {"reference": f"ServiceRequest/{id_}-s"}}
        return put(hospital, referral)

    return make


def test_the_server_is_fit(link: Link) -> None:
    probe = link().probe()
    assert probe.ok, probe.message


def test_every_task_comes_once_whatever_the_page_size(link: Link, refer: Callable[[str], Resource]) -> None:
    made = [refer(f"page{n}") for n in range(7)]
    expected = [f"Task/{t['id']}/{t['meta']['versionId']}" for t in made]
    for size in (1, 3, 50):
        found = mine(list(link(page_size=size).receive(None)), "page")
        assert [p.name for p in found] == expected
        assert found[-1].cursor == made[-1]["meta"]["lastUpdated"]


def test_a_poll_from_any_cursor_loses_nothing_after_it(link: Link, refer: Callable[[str], Resource]) -> None:
    for n in range(3):
        refer(f"cursor{n}")
    found = mine(list(link(page_size=1).receive(None)), "cursor")
    for number, payload in enumerate(found):
        later = mine(list(link(overlap=0).receive(payload.cursor)), "cursor")
        assert {p.name for p in found[number:]} <= {p.name for p in later}


def test_a_payload_tells_the_whole_referral(link: Link, refer: Callable[[str], Resource], format_: FhirR4) -> None:
    refer("whole")
    (payload,) = mine(list(link().receive(None)), "whole")
    maps = load_set("sdohcc", [MAPS], converters=with_converters([ANSWERS, DECIMAL]))
    data = payload.stream.read()
    found = list(format_.parse(io.BytesIO(data), maps.shapes))
    assert all(isinstance(each, Native) for each in found)
    natives = {each.external_id: each for each in found if isinstance(each, Native)}
    assert list(natives) == ["Patient/whole-p", "ServiceRequest/whole-s", "Task/whole"]
    assert natives["Task/whole"].data["order"]["id"] == "whole-s"
    identity = format_.identity(io.BytesIO(data))
    assert identity is not None
    assert identity.startswith("Task/whole/1+")


def test_the_same_poll_twice_gives_the_same_bytes(link: Link, refer: Callable[[str], Resource]) -> None:
    refer("same")
    once, again = (mine(list(link().receive(None)), "same")[0].stream.read() for _ in range(2))
    assert once == again


def test_a_status_goes_back_and_the_order_is_untouched(
    link: Link, refer: Callable[[str], Resource], hospital: httpx2.Client, format_: FhirR4, dispatch: Sending
) -> None:
    refer("back")
    before = get(hospital, "ServiceRequest/back-s")
    (payload,) = mine(list(link().receive(None)), "back")
    maps = load_set("sdohcc", [MAPS], converters=with_converters([ANSWERS, DECIMAL]))
    *_, native = format_.parse(payload.stream, maps.shapes)
    assert isinstance(native, Native)
    map_ = maps.for_native(native.type, native.data)
    slice_ = map_.read(native.data).slice
    slice_["referral"] |= {"status": "rejected", "reason": "No bed until Monday", "correlation": "01REF"}
    exported = map_.write(slice_, OwnIds(), native.data)
    receipt = link().send(dispatch(exported.data), "k-back")
    assert isinstance(receipt, Receipt)
    stored = get(hospital, "Task/back")
    assert (stored["status"], stored["statusReason"]["text"]) == ("rejected", "No bed until Monday")
    assert stored["identifier"] == [{"system": "urn:casebridge:referral", "value": "01REF"}]
    assert receipt.things[0].version == stored["meta"]["versionId"] == "2"
    assert receipt.things[0].original == stored
    assert get(hospital, "ServiceRequest/back-s") == before


def test_an_update_upon_an_old_version_is_a_conflict_and_then_goes_through(
    link: Link, refer: Callable[[str], Resource], hospital: httpx2.Client, dispatch: Sending
) -> None:
    read = refer("moved")
    put(hospital, {**read, "priority": "urgent"})
    conflict = link().send(dispatch({**read, "status": "accepted"}), "k-moved")
    assert isinstance(conflict, Conflict)
    original = conflict.things[0].original
    assert original is not None
    assert original["priority"] == "urgent"
    receipt = link().send(dispatch({**original, "status": "accepted"}), "k-moved")
    assert isinstance(receipt, Receipt)
    stored = get(hospital, "Task/moved")
    assert (stored["status"], stored["priority"]) == ("accepted", "urgent")


def test_sending_twice_changes_nothing_the_second_time(
    link: Link, refer: Callable[[str], Resource], hospital: httpx2.Client, dispatch: Sending
) -> None:
    meant = dispatch({**refer("twice"), "status": "accepted"})
    assert link().find(meant, "k-twice") is None
    first, second = link().send(meant, "k-twice"), link().send(meant, "k-twice")
    assert first == second == link().find(meant, "k-twice")
    assert get(hospital, "Task/twice")["meta"]["versionId"] == "2"


def test_a_create_happens_once(
    link: Link, refer: Callable[[str], Resource], hospital: httpx2.Client, dispatch: Sending
) -> None:
    refer("once")
    procedure = {"resourceType": "Procedure", "status": "completed", "subject": {"reference": "Patient/once-p"}}
    meant = dispatch(procedure)
    assert link().find(meant, "k-once") is None
    receipts = [link().send(meant, "k-once") for _ in range(3)]
    assert receipts == [link().find(meant, "k-once")] * 3
    assert len(get(hospital, "Procedure?subject=Patient/once-p")["entry"]) == 1


def test_after_a_race_on_the_server_everybody_means_the_same_one(
    link: Link, refer: Callable[[str], Resource], dispatch: Sending
) -> None:
    """This server's If-None-Exist can make two when several ask at once; from then on the oldest counts."""
    refer("race")
    meant = dispatch({"resourceType": "Procedure", "status": "completed", "subject": {"reference": "Patient/race-p"}})
    links = [link() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: each.send(meant, "k-race"), links))
    said = [each.send(meant, "k-race") for each in links] + [each.find(meant, "k-race") for each in links]
    assert isinstance(said[0], Receipt)
    assert said == [said[0]] * 8


def test_a_refused_record_is_held_with_the_servers_codes(
    link: Link, refer: Callable[[str], Resource], dispatch: Sending
) -> None:
    wrong = {**refer("wrong"), "status": 7}
    with pytest.raises(Exception, match="CB-305") as caught:
        link().send(dispatch(wrong), "k-wrong")
    assert "Moreno" not in str(caught.value)


def test_all_examples_of_the_guide_survive_the_way_there_and_back(
    link: Link, hospital: httpx2.Client, examples: dict[str, Path], format_: FhirR4
) -> None:
    """Every Task of the guide with what it refers to, through a real server, read by the shipped maps."""
    maps = load_set("sdohcc", [MAPS], converters=with_converters([ANSWERS, DECIMAL]))
    for path in examples.values():
        hospital.put(f"/{path.stem.replace('-', '/', 1)}", content=path.read_bytes(),
                     headers={"Content-Type": "application/fhir+json"})  # fmt: skip
    referrals = {}
    for payload in link().receive(None):
        if "SDOHCC" not in payload.name:
            continue
        for native in format_.parse(payload.stream, maps.shapes):
            assert isinstance(native, Native)
            found = maps.find(native.type, native.data)
            if native.type == "fhir-r4/Task":
                assert found is not None
                referrals[native.external_id] = found.read(native.data).slice["referral"]
    assert len(referrals) == 7
    assert {r["domain"] for r in referrals.values()} == {"food-insecurity"}
    assert json.dumps(sorted({r["category"] for r in referrals.values()})) == '["food-pantry", "summer-meals"]'
