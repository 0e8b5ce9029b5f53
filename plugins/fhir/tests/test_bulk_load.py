"""Loading a population by an export: what the link asks for, where it shows our token, and what it goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from casebridge_fhir.bulk import export as exporting_module
from casebridge_fhir.link import FhirRest
from exporting import READY, exports, lies, patient, times_asked
from talking import talking_server
from told_server import NAMED, Told, told_server

from casebridge import Context, Headway, Loading, Payload, Population, Withdrawal
from casebridge.core.errors import CaseBridgeError, RecordError

ALL = Population()
Link = Callable[..., FhirRest]
Found = list[Payload | Withdrawal | Headway]


@pytest.fixture
def server() -> Iterator[Told]:
    with told_server() as told:
        yield told


@pytest.fixture
def storage() -> Iterator[Told]:
    """Storage whose addresses are signed: a request that carries an Authorization as well is refused, as S3 does."""
    with told_server() as told:
        told.refuses_signed = True
        yield told


@pytest.fixture
def link(server: Told) -> Iterator[Link]:
    made: list[FhirRest] = []

    def make(**settings: Any) -> FhirRest:
        chosen = {"base_url": server.base, "token": "sesame", "pause": 0, "timeout": 5, **settings}
        made.append(FhirRest(FhirRest.Settings(**chosen), Context("hospital", "test")))
        return made[-1]

    yield make
    for each in made:
        each.close()


def load(link: FhirRest, wanted: Population = ALL, cursor: str = "") -> tuple[list[bytes], Found]:
    """(what the files held, all that came)"""
    found, held = [], []
    for one in link.load(wanted, cursor):
        found.append(one)
        if isinstance(one, Payload):
            held.append(one.stream.read())
    return held, found


def cursors(found: Found) -> list[str]:
    return [one.cursor for one in found if isinstance(one, Headway) and one.cursor is not None]


def test_each_file_is_a_payload_and_the_export_is_deleted_at_the_end(server: Told, link: Link) -> None:
    exports(server, lies(server, "f1", patient("ada"), patient("ben")), lies(server, "f2", patient("cy")))
    held, found = load(link())
    assert [text.count(b"\n") for text in held] == [2, 1]
    assert [one.name for one in found if isinstance(one, Payload)] == ["Patient-00001.ndjson", "Patient-00002.ndjson"]
    assert [method for method, path, _ in server.asked if path == "status"] == ["GET", "DELETE"]
    assert cursors(found)[-1] == ""
    assert READY in [one for one in found if isinstance(one, Headway)][-1].message
    assert isinstance(link(), Loading)


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (Population(), "Patient/$export?_outputFormat=application%2Ffhir%2Bndjson"),
        (Population(everything=True), "$export?_outputFormat=application%2Ffhir%2Bndjson"),
        (Population("g1", since="2026-11-01", types=("fhir-r4/Patient", "fhir-r4/Coverage")),
         "Group/g1/$export?_outputFormat=application%2Ffhir%2Bndjson&_since=2026-11-01&_type=Patient%2CCoverage"),
    ],
)  # fmt: skip
def test_what_is_asked_for(server: Told, link: Link, wanted: Population, asked: str) -> None:
    exports(server, level=asked.partition("$")[0])
    load(link(), wanted)
    assert server.asked[0][:2] == ("GET", asked)


def test_what_others_refer_to_comes_first_and_what_was_not_asked_for_is_not_fetched(server: Told, link: Link) -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/ada"}}
    exports(server, lies(server, "f1", condition, type_="Condition"), lies(server, "f2", patient("ada")),
            lies(server, "f3", b"{}\n", type_="Immunization"))  # fmt: skip
    _, found = load(link(), Population(types=("fhir-r4/Patient", "fhir-r4/Condition")))
    assert [one.name for one in found if isinstance(one, Payload)] == ["Patient-00001.ndjson", "Condition-00002.ndjson"]
    assert times_asked(server, "f3") == 0


@pytest.mark.parametrize("needs_token", [True, False])
def test_storage_elsewhere_never_sees_our_token(
    server: Told, storage: Told, link: Link, needs_token: bool
) -> None:
    lies(storage, "there", patient("ben"))
    server.tell("GET f1", 302, b"", Location=f"{storage.base}/there")
    exports(server, {"type": "Patient", "url": f"{server.base}/f1"}, lies(storage, "direct", patient("ada")),
            requiresAccessToken=needs_token)  # fmt: skip
    held, _ = load(link())
    assert len(held) == 2
    assert storage.signed == []
    assert ("f1" in server.signed) is needs_token  # where it is not needed it is not shown to our own server either


def test_files_that_want_a_token_are_refused_without_one(server: Told, link: Link) -> None:
    server.tell("GET f1", 401)
    exports(server, {"type": "Patient", "url": f"{server.base}/f1"})
    with pytest.raises(CaseBridgeError) as caught:
        load(link())
    assert caught.value.code == "CB-106"


@pytest.mark.parametrize("url", ["http://files.example/f1", "ftp://files.example/f1", "https://u:p@files.example/f1"])
def test_addresses_that_are_not_safe_are_not_followed(server: Told, link: Link, url: str) -> None:
    exports(server, {"type": "Patient", "url": url})
    with pytest.raises(CaseBridgeError) as caught:
        load(link())
    assert (caught.value.code, "files.example" in caught.value.message) == ("CB-109", False)


def test_a_server_that_takes_its_time(server: Told, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        exports(server, lies(server, "f1", patient("ada")))

    monkeypatch.setattr(exporting_module.time, "sleep", sleep)
    exports(server)
    server.tell("GET status", 202, b"", Retry_After="86400", X_Progress=f"40% of {NAMED}")
    held, found = load(link())
    assert len(held) == 1
    assert slept == [exporting_module.LONGEST_PAUSE]
    assert NAMED not in str(found)


def test_an_export_that_is_refused_says_what_to_ask_for(server: Told, link: Link) -> None:
    server.tell("GET Patient/$export", 400)
    with pytest.raises(CaseBridgeError) as caught:
        load(link())
    assert (caught.value.code, "Bulk Data" in caught.value.remedy) == ("CB-109", True)
    assert NAMED not in caught.value.message


def test_after_a_crash_it_goes_on_where_it_was(server: Told, link: Link) -> None:
    exports(server, *(lies(server, f"f{n}", patient(f"p{n}")) for n in range(6)))
    _, found = load(link(load_parallel=1))
    third = cursors(found)[3]
    server.asked.clear()
    held, _ = load(link(load_parallel=1), cursor=third)
    assert len(held) == 3
    assert [times_asked(server, f"f{n}") for n in range(6)] == [0, 0, 0, 1, 1, 1]
    assert times_asked(server, "Patient/$export") == 0


def test_an_earlier_load_of_something_else_is_given_up_there_too(server: Told, link: Link) -> None:
    exports(server, lies(server, "f1", patient("ada")))
    _, found = load(link())
    server.asked.clear()
    load(link(), Population(since="2026-11-01"), cursors(found)[0])
    assert [path.partition("?")[0] for method, path, _ in server.asked] == [
        "status", "Patient/$export", "status", "f1", "status"]  # fmt: skip


def test_an_export_that_has_expired_begins_again_and_not_for_ever(server: Told, link: Link) -> None:
    exports(server, lies(server, "f1", patient("ada")))
    gone = '["' + server.base + '/gone", ' + _wanted(cursors(load(link())[1])[0]) + ', "", 0]'
    server.asked.clear()
    held, _ = load(link(), cursor=gone)
    assert len(held) == 1
    server.tell("GET f1", 410)
    with pytest.raises(CaseBridgeError) as caught:
        load(link())
    assert caught.value.code == "CB-401"
    assert times_asked(server, "Patient/$export") == 1 + 3


def _wanted(cursor: str) -> str:
    return json.dumps(json.loads(cursor)[1])


def test_a_list_that_is_another_one_now_is_read_from_its_start(server: Told, link: Link) -> None:
    exports(server, *(lies(server, f"f{n}", patient(f"p{n}")) for n in range(4)))
    _, found = load(link())
    exports(server, *(lies(server, f"g{n}", patient(f"p{n}")) for n in range(4)))
    assert len(load(link(), cursor=cursors(found)[3])[0]) == 4


def test_deleted_records_are_withdrawn_and_what_could_not_be_exported_is_counted(server: Told, link: Link) -> None:
    gone = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "DELETE", "url": "Patient/ada"}}, {"request": {"method": "DELETE", "url": "../x"}}]}
    wrong = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception",
             "diagnostics": NAMED}]}  # fmt: skip
    exports(server, deleted=[lies(server, "d", gone, type_="Bundle")],
            error=[lies(server, "e", wrong, wrong, type_="OperationOutcome")])  # fmt: skip
    _, found = load(link())
    assert [one for one in found if isinstance(one, Withdrawal)] == [Withdrawal("fhir-r4/Patient", "Patient/ada")]
    assert "2 exception" in str([one.message for one in found if isinstance(one, Headway)])
    assert NAMED not in str(found)
    last = link().withdrawn(patient("ada"))
    assert last is not None
    assert b'"active":false' in last


def test_a_file_that_is_too_large_is_one_refused_payload(server: Told, link: Link) -> None:
    exports(server, lies(server, "f1", patient("ada" * 2000)), lies(server, "f2", patient("ben")))
    found = []
    for one in link(load_max_bytes=1024).load(ALL, ""):
        if isinstance(one, Payload):
            try:
                found.append(one.stream.read())
            except RecordError as error:
                found.append(error.code.encode())
    assert found[0] == b"CB-304"
    assert b"ben" in found[1]


def test_a_file_with_fewer_records_than_the_server_says_is_kept_and_spoken_of(server: Told, link: Link) -> None:
    exports(server, {**lies(server, "f1", patient("ada")), "count": 2}, {**lies(server, "f2"), "count": 0})
    held, found = load(link())
    assert len(held) == 1  # a file with nothing in it is no payload
    assert "Patient-00001.ndjson has 1 records; the server says 2" in [
        one.message for one in found if isinstance(one, Headway) and one.remark]  # fmt: skip


def test_a_file_that_trickles_in_for_ever_is_given_up(server: Told, link: Link) -> None:
    with talking_server() as talk:
        port = talk(b"HTTP/1.1 200 OK\r\n", then=b"x")
        exports(server, {"type": "Patient", "url": f"http://127.0.0.1:{port}/f1"})
        with pytest.raises(CaseBridgeError) as caught:
            load(link(load_seconds=0.3))
    assert (caught.value.code, "does not end" in caught.value.message) == ("CB-401", True)


def test_passing_failures_are_tried_again(server: Told, link: Link) -> None:
    exports(server, lies(server, "f1", patient("ada")))
    told = server.answers["GET f1"]
    server.tell("GET f1", 503)
    with pytest.raises(CaseBridgeError) as caught:
        load(link())
    assert (caught.value.code, times_asked(server, "f1")) == ("CB-401", 3)
    server.answers["GET f1"] = told
    assert len(load(link())[0]) == 1


def test_what_has_no_word_for_it_is_not_withdrawn(link: Link) -> None:
    assert link().withdrawn({"resourceType": "Binary", "id": "b"}) is None
