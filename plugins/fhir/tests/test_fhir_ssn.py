"""The converter ssn-usable keeps its law."""

from __future__ import annotations

from casebridge_fhir.ssn import SSN_USABLE

from casebridge.testing import check_converter


def test_its_law_holds() -> None:
    check_converter(SSN_USABLE)
