"""Newline-delimited JSON, as exports have it: each line for itself."""

from __future__ import annotations

import io
import json

import pytest
from casebridge_fhir.bulk.ndjson import is_ndjson
from casebridge_fhir.format import FhirR4

from casebridge import Context, Native
from casebridge.core.errors import RecordError

ADA = b'{"resourceType":"Patient","id":"ada"}'
BEN = b'{"resourceType":"Patient","id":"ben"}'


def parsed(data: bytes, max_bytes: int = 1024) -> list[tuple[int | None, str]]:
    """(line, id or code of the error) of each record."""
    format_ = FhirR4(FhirR4.Settings(max_bytes=max_bytes), Context("hospital"))
    found = list(format_.parse(io.BytesIO(data), {}))
    return [(one.position.row, one.external_id if isinstance(one, Native) else one.code) for one in found]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (ADA + b"\n" + BEN + b"\n", [(1, "Patient/ada"), (2, "Patient/ben")]),
        (ADA + b"\r\n\r\n" + BEN, [(1, "Patient/ada"), (3, "Patient/ben")]),  # without an end, and with a blank line
        (ADA + b'\n{"resourceType":"Pat\n' + BEN + b"\n", [(1, "Patient/ada"), (2, "CB-303"), (3, "Patient/ben")]),
        (b"half a line}\n" + ADA + b"\n" + BEN + b"\n", [(1, "CB-303"), (2, "Patient/ada"), (3, "Patient/ben")]),
        (ADA + b'\n{"resourceType":"Patient"}\n', [(1, "Patient/ada"), (2, "CB-302")]),
        (ADA + b"\n\xff\xfe\n" + BEN, [(1, "Patient/ada"), (2, "CB-303"), (3, "Patient/ben")]),
        (ADA + b"\n" + b"x" * 5000 + b"\n" + BEN, [(1, "Patient/ada"), (2, "CB-304"), (3, "Patient/ben")]),
        (ADA + b"\n[1]\n" + BEN, [(1, "Patient/ada"), (2, "CB-303"), (3, "Patient/ben")]),
        (ADA + b"\n" + ADA * 2, [(1, "Patient/ada"), (2, "CB-303")]),
    ],
)
def test_a_bad_line_is_alone_and_the_rest_goes_on(data: bytes, found: list[tuple[int, str]]) -> None:
    assert parsed(data) == found


def test_a_file_may_be_longer_than_anything_that_is_read_at_once() -> None:
    assert len(parsed((ADA + b"\n") * 1000)) == 1000


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_one_json_document_is_no_such_file(indent: int | None) -> None:
    inner = json.loads(ADA)
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}, {"resource": inner}]}
    for document in (inner, bundle, {**inner, "contained": [inner]}):
        assert not is_ndjson(io.BytesIO(json.dumps(document, indent=indent).encode() + b"\n"), 1024)


def test_a_file_of_lines_has_no_key_of_its_own() -> None:
    versioned = b'{"resourceType":"Patient","id":"ada","meta":{"versionId":"1"}}\n'
    format_ = FhirR4(FhirR4.Settings(), Context("hospital"))
    assert format_.identity(io.BytesIO(versioned * 2)) is None
    assert format_.identity(io.BytesIO(versioned)) == "Patient/ada/1"


def test_what_is_no_json_at_all_is_refused_whole() -> None:
    format_ = FhirR4(FhirR4.Settings(), Context("hospital"))
    with pytest.raises(RecordError) as caught:
        list(format_.parse(io.BytesIO(b"hello\nthere\n"), {}))
    assert caught.value.code == "CB-303"
