"""Which social security numbers can be somebody's, and what becomes of the others in a map."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.core.errors import RecordError
from casebridge.core.ssn import usable_ssn
from casebridge.mapping import OwnIds, load_map
from casebridge.mapping.interpreter import write

SSN = "http://hl7.org/fhir/sid/us-ssn"
NOBODYS = [
    "000000000", "111111111", "999999999", "123456789", "987654321",  # what fills a field
    "078051120", "219-09-9999",  # printed in advertisements
    "000123456", "666123456", "900001234", "900120000",  # no such area, group, serial
    "12345", "xxx-xx-1234", "9001-20-001", "a01200012", "٩٠٠١٢٠٠٠١", "", None, 900120001,
]  # fmt: skip


@pytest.mark.parametrize("number", ["900120001", "900-12-0001", " 900 12 0001 "])
def test_a_number_that_can_be_somebodys_is_nine_digits(number):
    assert usable_ssn(number) == "900120001"


@pytest.mark.parametrize("number", NOBODYS)
def test_the_rest_is_nobodys(number):
    assert usable_ssn(number) == ""


@pytest.fixture
def the_map(tmp_path: Path):
    path = tmp_path / "client.yaml"
    path.write_text(
        "map: pantry/client\ncase: person\nother: pantry/client\nfields:\n"
        f'  identifiers(system="{SSN}" & scope=person).value: {{at: SSN, with: {{Quality: "1"}}, as: ssn-usable}}\n'
    )
    return load_map(path)


def test_filler_stays_with_its_sender(the_map):
    read = the_map.read({"SSN": "123456789", "Quality": "1"})
    assert (read.slice, "SSN" in read.left_over) == ({}, True)


def test_filler_is_not_written_as_a_full_number(the_map):
    slice_ = {"person": {"identifiers": [{"system": SSN, "scope": "person", "value": "123456789"}]}}
    for said in (lambda: the_map.write(slice_, OwnIds()), lambda: write(the_map.definition, slice_, OwnIds(), None)):
        with pytest.raises(RecordError) as refused:
            said()
        assert (refused.value.code, "identifiers" in str(refused.value)) == ("CB-301", True)
        assert "123456789" not in str(refused.value)
