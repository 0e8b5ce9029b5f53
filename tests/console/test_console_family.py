"""What the planner sees around a referral: who was asked, that it may be a second one, and that nobody may call."""

from __future__ import annotations

import csv
import io

from playwright.sync_api import Page, expect

from casebridge.engine.site import Route
from casebridge.store import referrals

COLUMNS = ["number", "status", "detail", "reason", "need", "service", "needed_by", "note", "at", "first", "last", "ssn"]
FOOD = {"status": "requested", "need": "food-insecurity", "service": "Food box", "first": "Rosa", "last": "Delgado",
        "ssn": "900112222"}  # fmt: skip


def rows(*given: dict[str, str]) -> bytes:
    """The desk's file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(given)
    return out.getvalue().encode()


def test_who_was_asked_and_how_each_stands(page: Page, house) -> None:
    route = Route("referral", ("pantry",), domain="food-insecurity", then=("food-bank",))
    house.bridge.site.routes = (route,)
    house.arrives("mercy", "one.csv", rows({"number": "R-1", **FOOD}))
    with house.bridge.site.store.read() as c:
        (child,) = referrals.children(c, house.referral("R-1"))
    house.arrives("pantry", "no.csv", rows({"number": child.id, "status": "rejected", "reason": "no room"}))
    page.goto(f"{house.url}/referral/{house.referral('R-1')}")
    asked = page.get_by_role("region", name="Who was asked")
    expect(asked.get_by_role("listitem")).to_have_count(2)
    expect(asked).to_contain_text("Elm Street Pantry: Declined")
    expect(asked).to_contain_text("Front desk, 555-0133")
    expect(asked).to_contain_text("Riverside Food Bank: On its way. Not sent yet")
    page.goto(house.url)
    expect(page.get_by_role("table")).to_contain_text("Riverside Food Bank")
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(2)  # the head, and one referral
    page.goto(f"{house.url}/referral/{child.id}")
    page.get_by_role("link", name="The whole referral, as its sender knows it").click()
    assert page.url.endswith(house.referral("R-1"))


def test_a_second_referral_of_one_need_says_so_on_both_pages(page: Page, house) -> None:
    house.arrives("mercy", "two.csv", rows({"number": "R-1", **FOOD}, {"number": "R-2", **FOOD}))
    for here, there in (("R-1", "R-2"), ("R-2", "R-1")):
        page.goto(f"{house.url}/referral/{house.referral(here)}")
        expect(page.locator(".note")).to_contain_text("Possibly the same")
        expect(page.locator(".note a")).to_have_attribute("href", f"/referral/{house.referral(there)}")
