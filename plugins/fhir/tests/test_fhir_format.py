"""The format fhir-r4: what a payload becomes, and what is written."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from casebridge_fhir.format import FhirR4
from hypothesis import given
from hypothesis import strategies as st

from casebridge import Context, Native, RenderContext
from casebridge.core.errors import Bug, RecordError
from casebridge.core.jsontext import dumps, loads
from casebridge.core.released import _issue

SHAPES = {
    "fhir-r4/Task": {
        "parents": {
            "order": {"type": "ServiceRequest", "follow": "focus", "owner": "theirs"},
            "patient": {"type": "Patient", "follow": "for", "owner": "theirs"},
        }
    }
}
PATIENT = {"resourceType": "Patient", "id": "p1", "meta": {"versionId": "4"}}
ORDER = {"resourceType": "ServiceRequest", "id": "s1", "status": "active", "subject": {"reference": "Patient/p1"}}
Task = Callable[..., dict[str, Any]]


def bundle(*resources: dict[str, Any], kind: str = "collection", base: str = "https://h.example/fhir") -> bytes:
    entry = [{"fullUrl": f"{base}/{r['resourceType']}/{r.get('id')}", "resource": r} for r in resources]
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entry}).encode()


def read(format_: FhirR4, data: bytes) -> list[Native | RecordError]:
    return list(format_.parse(io.BytesIO(data), SHAPES))


def natives(format_: FhirR4, data: bytes) -> dict[str, Native]:
    found = read(format_, data)
    assert all(isinstance(each, Native) for each in found), found
    return {each.external_id: each for each in found if isinstance(each, Native)}


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_bundle_is_read_in_dependency_order_tasks_last(format_: FhirR4, task: Task) -> None:
    consent = {"resourceType": "Consent", "id": "c1", "patient": {"reference": "Patient/p1"}}
    found = natives(format_, bundle(task(), ORDER, consent, PATIENT, {"resourceType": "Organization", "id": "o1"}))
    assert list(found) == ["Organization/o1", "Patient/p1", "Consent/c1", "ServiceRequest/s1", "Task/t1"]
    assert {n.order_key for n in found.values()} == {"", "Patient/p1"}
    assert (found["Task/t1"].type, found["Task/t1"].version) == ("fhir-r4/Task", "1")
    assert str(found["Patient/p1"].position) == "/entry/3/resource"


def test_a_task_carries_its_order_and_patient(format_: FhirR4, task: Task) -> None:
    data = natives(format_, bundle(task(), ORDER, PATIENT))["Task/t1"].data
    assert data["order"] == ORDER
    assert data["patient"] == PATIENT


@pytest.mark.parametrize(
    "focus",
    [
        "ServiceRequest/s1",
        "ServiceRequest/s1/_history/2",
        "https://h.example/fhir/ServiceRequest/s1",
        "https://h.example/fhir/ServiceRequest/s1/_history/2",
    ],
)
def test_every_spelling_of_a_reference_meets_its_target(format_: FhirR4, task: Task, focus: str) -> None:
    data = natives(format_, bundle(task(focus={"reference": focus}), ORDER))["Task/t1"].data
    assert data["order"]["id"] == "s1"
    assert data["focus"] == {"reference": "ServiceRequest/s1"}


def test_a_contained_order_is_found(format_: FhirR4, task: Task) -> None:
    inside = {**ORDER, "id": "x"}
    data = natives(format_, bundle(task(focus={"reference": "#x"}, contained=[inside])))["Task/t1"].data
    assert data["order"] == inside


def test_a_logical_reference_counts_only_when_one_resource_has_the_identifier(format_: FhirR4, task: Task) -> None:
    number = {"system": "urn:orders", "value": "77"}
    one, two = {**ORDER, "identifier": [number]}, {**ORDER, "id": "s2", "identifier": [number]}
    pointing = task(focus={"identifier": number})
    assert natives(format_, bundle(pointing, one))["Task/t1"].data["order"] == one
    assert "order" not in natives(format_, bundle(pointing, one, two))["Task/t1"].data


def test_a_reference_to_another_server_is_not_ours(format_: FhirR4, task: Task) -> None:
    pointing = task(focus={"reference": "https://other.example/fhir/ServiceRequest/s1"})
    assert "order" not in natives(format_, bundle(pointing, ORDER))["Task/t1"].data


def test_a_transaction_bundle_works_by_its_urns(format_: FhirR4, task: Task) -> None:
    sent = task(focus={"reference": "urn:uuid:5"})
    del sent["id"]
    order = {k: v for k, v in ORDER.items() if k != "id"}
    entry = [{"fullUrl": "urn:uuid:4", "resource": sent}, {"fullUrl": "urn:uuid:5", "resource": order}]
    data = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entry}).encode()
    found = natives(format_, data)
    assert set(found) == {"urn:uuid:4", "urn:uuid:5"}
    assert found["urn:uuid:4"].data["order"] == order


def test_remarks_in_a_searchset_are_no_records_and_failures_are_held(format_: FhirR4, task: Task) -> None:
    remark = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-supported"}]}
    failure = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "exception", "diagnostics": "row of Ada Moreno"}],
    }
    entry = [{"resource": remark, "search": {"mode": "outcome"}}, {"resource": remark}, {"resource": failure},
             {"fullUrl": "https://h.example/fhir/Task/t1", "resource": task()}]  # fmt: skip
    found = read(format_, json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entry}).encode())
    error, good = found
    assert isinstance(error, RecordError)
    assert error.code == "CB-305"
    assert "exception" in error.message
    assert "Ada" not in str(error)
    assert isinstance(good, Native)


def test_a_bad_entry_is_yielded_and_the_others_go_on(format_: FhirR4) -> None:
    entry = [{"resource": {"id": "x"}}, {"fullUrl": "urn:uuid:1"}, 7, {"resource": PATIENT}, {"resource": {
        "resourceType": "Patient"}}]  # fmt: skip
    found = read(format_, json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entry}).encode())
    errors = [each for each in found if isinstance(each, RecordError)]
    assert [(e.code, e.position.pointer) for e in errors] == [
        ("CB-303", "/entry/0"), ("CB-303", "/entry/1"), ("CB-303", "/entry/2"), ("CB-302", "/entry/4/resource"),
    ]  # fmt: skip
    assert [each.external_id for each in found if isinstance(each, Native)] == ["Patient/p1"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b'{"resourceType": "Task"', "not JSON"),
        (b"[1]", "not a FHIR resource"),
        (b'{"id": "t1"}', "not a FHIR resource"),
        (b'{"resourceType": "Task", "id": "a", "id": "b"}', "named twice"),
        (b'{"resourceType": "Task", "x": NaN}', "NaN"),
        (b"\xff\xfe{", "UTF-8"),
        (b'{"resourceType": "Task", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested deeper"),
        (b'{"resourceType": "Bundle", "entry": {}}', "Bundle cannot be read"),
    ],
)
def test_what_is_no_fhir_json_is_refused_as_a_whole(format_: FhirR4, data: bytes, says: str) -> None:
    with pytest.raises(RecordError, match=says) as caught:
        read(format_, data)
    assert caught.value.code == "CB-303"
    assert format_.identity(io.BytesIO(data)) is None


def test_a_payload_that_is_too_large_is_refused_before_it_is_read() -> None:
    small = FhirR4(FhirR4.Settings(max_bytes=1024), Context("hospital"))
    with pytest.raises(RecordError) as caught:
        list(small.parse(io.BytesIO(b" " * 2000), {}))
    assert caught.value.code == "CB-304"


# --- identity ----------------------------------------------------------------------------------------------------


def test_identity_names_the_version(format_: FhirR4, task: Task) -> None:
    assert format_.identity(io.BytesIO(json.dumps(task()).encode())) == "Task/t1/1"
    assert format_.identity(io.BytesIO(bundle(task()))) == "Task/t1/1"
    assert format_.identity(io.BytesIO(bundle(PATIENT, task()))) is None
    assert format_.identity(io.BytesIO(bundle(task(meta={})))) is None
    assert format_.identity(io.BytesIO(bundle(task(), PATIENT, kind="searchset"))) is None


def test_the_same_task_with_a_newer_patient_is_another_payload(format_: FhirR4, task: Task) -> None:
    older, newer = {**PATIENT, "meta": {"versionId": "4"}}, {**PATIENT, "meta": {"versionId": "5"}}
    keys = {format_.identity(io.BytesIO(bundle(task(), patient))) for patient in (older, newer, older)}
    assert len(keys) == 2
    assert all(key is not None and key.startswith("Task/t1/1+") for key in keys)


# --- writing -----------------------------------------------------------------------------------------------------


def render(format_: FhirR4, document: dict[str, Any], kind: str) -> dict[str, Any]:
    made = _issue(document=document, recipient="h", purpose="referral", policy="1", native_type=f"fhir-r4/{kind}")
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    (file,) = format_.render([made], RenderContext("d1", now))
    resource: dict[str, Any] = loads(file.data)
    assert file.name == (f"{kind}/{resource['id']}" if "id" in resource else kind)
    return resource


def test_parents_that_are_theirs_are_never_written(format_: FhirR4, task: Task) -> None:
    data = natives(format_, bundle(task(), ORDER, PATIENT))["Task/t1"].data
    written = render(format_, {**data, "status": "accepted"}, "Task")
    assert written == task(status="accepted")


def test_empty_elements_are_not_written_but_positions_in_lists_stay(format_: FhirR4) -> None:
    name = {"given": ["Ada", "B"], "_given": [None, {"id": "x"}], "period": {}, "suffix": []}
    written = render(format_, {"name": [name], "contact": []}, "Patient")
    assert written == {"resourceType": "Patient", "name": [{"given": ["Ada", "B"], "_given": [None, {"id": "x"}]}]}


@pytest.mark.parametrize("kind", ["fhir-r4/ServiceRequest", "hmis-csv/Event", ""])
def test_an_order_is_never_written(format_: FhirR4, kind: str) -> None:
    made = _issue(document=ORDER, recipient="h", purpose="referral", policy="1", native_type=kind)
    with pytest.raises(Bug):
        list(format_.render([made], RenderContext("d1", datetime.now(UTC))))


def test_an_order_under_another_name_is_never_written(format_: FhirR4) -> None:
    made = _issue(document=ORDER, recipient="h", purpose="referral", policy="1", native_type="fhir-r4/Task")
    with pytest.raises(Bug):
        list(format_.render([made], RenderContext("d1", datetime.now(UTC))))


@pytest.mark.parametrize("number", ["72.50", "1e-7", "0.00000001", "1E+2", "-0", "1.0", "12345678901234567890123"])
def test_numbers_keep_their_spelling(format_: FhirR4, number: str) -> None:
    data = b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":%b}}' % number.encode()
    (native,) = read(format_, data)
    assert isinstance(native, Native)
    made = _issue(document=native.data, recipient="h", purpose="x", policy="1", native_type="fhir-r4/Observation")
    (file,) = format_.render([made], RenderContext("d1", datetime.now(UTC)))
    assert file.data == data


def test_a_plain_decimal_is_written_too_and_what_json_cannot_hold_is_refused() -> None:
    assert dumps([Decimal("72.50"), loads("1e-7")]) == b"[72.50,1e-7]"
    for value in (Decimal("NaN"), Decimal("Infinity"), object(), {1: 2}):
        with pytest.raises(TypeError):
            dumps(value)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(_json)
def test_json_text_round_trips(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert dumps(loads(dumps(value))) == dumps(value)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    format_ = FhirR4(FhirR4.Settings(), Context("hospital"))
    format_.identity(io.BytesIO(data))
    with contextlib.suppress(RecordError):
        list(format_.parse(io.BytesIO(data), {}))


def test_every_example_of_the_guide_parses(format_: FhirR4, examples: dict[str, Any]) -> None:
    for name, path in examples.items():
        (native,) = read(format_, path.read_bytes())
        assert isinstance(native, Native), name
        kind, _, known = name.partition("-")
        assert native.external_id == f"{kind}/{known}"


def test_many_resources_are_gathered_in_a_bundle_and_what_must_not_be_written_is_told(format_: FhirR4) -> None:
    good, bad = (_issue(document={"id": "1"}, recipient="h", purpose="referral", policy="1", native_type=type_)
                 for type_ in ("fhir-r4/Patient", "fhir-r4/ServiceRequest"))  # fmt: skip
    context, out = RenderContext("d1", datetime(2026, 11, 21, 12, 0, tzinfo=UTC)), io.BytesIO()
    assert [(index, error.code) for index, error in format_.gather([good, bad], context, out)] == [(1, "CB-901")]
    whole = io.BytesIO()
    assert list(format_.gather([good, good], context, whole)) == []
    assert [entry["resource"]["id"] for entry in loads(whole.getvalue())["entry"]] == ["1", "1"]
