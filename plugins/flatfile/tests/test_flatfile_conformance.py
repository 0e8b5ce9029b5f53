"""The conformance kit over this adapter."""

from __future__ import annotations

import pytest
from casebridge_flatfile.dates import DATE_US
from casebridge_flatfile.format import FlatfileFormat

from casebridge.testing import check_converter, check_format

SAMPLES = {
    "agency-clients": b"Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,"
    b"Enrolled On,Left On\r\nK-17,Ada,Moreno,02/20/1987,,,,,,,Shelter,,\r\nK-18,,,,,,,,,,,,\r\n",
    "county-roster": b"H01JB                      20261121\r\nD10000000101Moreno\r\nT000000001\r\n",
}


@pytest.mark.parametrize("layout", SAMPLES)
def test_the_format_keeps_its_contract(layout):
    check_format(FlatfileFormat, [SAMPLES[layout]], settings={"layout": layout})


def test_the_converter_keeps_its_law():
    check_converter(DATE_US)
