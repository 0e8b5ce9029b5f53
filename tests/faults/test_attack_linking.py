"""Two strangers never become one client: not by filler, and not by somebody who changes an identifier."""

from __future__ import annotations

from typing import Any

import pytest
from sites import TestSite, bundle, patient

from casebridge.store import links
from casebridge.store.links import PersonKey

MEDICAID = "urn:casebridge:medicaid-id"


def clients(site: TestSite, *persons: str) -> list[str | None]:
    with site.bridge.site.store.read() as c:
        return [links.client_of(c, PersonKey("hospital", f"Patient/{p}")) for p in persons]


def known_by(id_: str, value: str, version: str = "1") -> dict[str, Any]:
    return patient(id_, ssn=None, identifier=[{"system": MEDICAID, "value": value}], meta={"versionId": version})


@pytest.mark.parametrize("ssn", ["123-45-6789", "987654321", "078051120", "219-09-9999", "999999999"])
def test_a_filler_number_links_nobody(site: TestSite, ssn: str) -> None:
    site.drop("hospital", "a.json", bundle(patient("a", ssn=ssn), patient("b", ssn=ssn)))
    one, other = clients(site, "a", "b")
    assert one
    assert other
    assert one != other


@pytest.mark.parametrize("value", ["UNKNOWN", "N/A", "0", "0000000", " ", "PENDING", "99999999", "none"])
def test_nor_does_what_people_write_when_there_is_no_id(site: TestSite, value: str) -> None:
    site.drop("hospital", "a.json", bundle(known_by("a", value), known_by("b", value)))
    one, other = clients(site, "a", "b")
    assert one
    assert other
    assert one != other


def test_a_person_whose_identifier_changes_draws_no_stranger_into_the_client(site: TestSite) -> None:
    site.drop("hospital", "1.json", bundle(known_by("ada", "M100"), known_by("changed", "M100")))
    site.drop("hospital", "2.json", bundle(known_by("changed", "M200", "2")))
    site.drop("hospital", "3.json", bundle(known_by("stranger", "M200")))
    ada, stranger = clients(site, "ada", "stranger")
    assert ada
    assert stranger
    assert ada != stranger
    changed, stranger = clients(site, "changed", "stranger")
    assert changed == stranger, "whose id it is now; the one it had before is undone"
    with site.bridge.site.store.read() as c:
        assert links.under_review(c) == []
