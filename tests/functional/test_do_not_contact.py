"""Nobody may contact the client about this request: ServiceRequest.orderDetail, contacting-subject-prohibited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agencies import NEXT, on_sqlite, with_agencies
from sites import SDOH, TestSite, bundle, order, patient, task

from casebridge.engine.timeline import referral_page

PROHIBITED = {"orderDetail": [{"coding": [{"system": SDOH, "code": "contacting-subject-prohibited"}]}]}
MOVED = '[[route]]\nwhen = { kind = "referral", domain = "transportation-insecurity" }\nto = "agency"'
REACHED_BY = {"telecom": [{"system": "phone", "value": "555-0142"}], "address": [{"line": ["12 Elm St"]}]}


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., TestSite]]:
    yield from on_sqlite(tmp_path)


@pytest.fixture
def site(make_site: Callable[..., TestSite]) -> TestSite:
    return make_site()


def referral(domain: str = "food-insecurity", **order_more: Any) -> dict[str, Any]:
    return bundle(task(), order(domain, **order_more), patient(**REACHED_BY))


@pytest.mark.parametrize("domain", ["food-insecurity", "transportation-insecurity"])
def test_the_agency_is_told_and_gets_nothing_to_contact_the_client_with(
    make_site: Callable[..., TestSite], domain: str
) -> None:
    site = make_site(more=MOVED)
    site.drop("hospital", "1.json", referral(domain, **PROHIBITED))
    (got,) = site.out("agency")
    assert got["do_not_contact"] is True
    assert "Moreno" in str(got)
    assert "telecoms" not in got
    assert "555-0142" not in str(got)
    assert "Elm" not in str(got)


def test_without_it_the_agency_gets_the_number(site: TestSite) -> None:
    site.drop("hospital", "1.json", referral())
    (got,) = site.out("agency")
    assert "do_not_contact" not in got
    assert got["telecoms"] == [{"system": "phone", "value": "555-0142"}]


def test_another_detail_of_the_order_prohibits_nothing(site: TestSite) -> None:
    other = {"orderDetail": [{"coding": [{"system": "urn:x", "code": "contacting-subject-prohibited"}]}, {"text": "!"}]}
    site.drop("hospital", "1.json", referral(**other))
    assert site.out("agency")[0]["telecoms"]


def test_a_next_try_is_under_it_too(make_site: Callable[..., TestSite], tmp_path: Path) -> None:
    site = with_agencies(make_site, tmp_path, NEXT)
    site.drop("hospital", "1.json", referral("employment-status", **PROHIBITED))
    (got,) = site.out("north")
    assert got["do_not_contact"] is True
    assert "555-0142" not in str(got)


def test_it_is_withdrawn_when_the_order_says_so_later(site: TestSite) -> None:
    """The client asks for it after the referral was sent: from then on nobody gets the number any more."""
    site.drop("hospital", "1.json", referral())
    later = order(**PROHIBITED)
    later["meta"] = {"versionId": "2"}
    site.drop("hospital", "2.json", bundle(task(), later, patient(**REACHED_BY)))
    assert site.out("agency")[-1]["do_not_contact"] is True
    assert "555-0142" not in str(site.out("agency")[-1])


def test_the_desk_is_told(site: TestSite) -> None:
    site.drop("hospital", "1.json", referral(**PROHIBITED))
    page = referral_page(site.bridge.site, site.referral().id)
    assert page is not None
    assert page.asked["do_not_contact"] is True
