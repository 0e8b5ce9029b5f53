"""What a planner must see at once: what changed, what is pressing, when it leaves, and what never went."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from casebridge.engine import views
from casebridge.engine.site import Route
from casebridge.mapping import load_set
from casebridge.store import ledger, links, records, referrals, tokens

COLUMNS = "number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn"
NEEDS = "What needs you"


def referral(number: str, need: str = "food-insecurity", needed_by: str = "") -> bytes:
    return f"{COLUMNS}\n{number},requested,,,{need},Food box,{needed_by},,,Lena,Moreno,900112222\n".encode()


# --- coverage that ended -------------------------------------------------------------------------------------


def coverage_ends(house, number: str) -> None:
    site = house.bridge.site
    with site.store.write() as c:
        ledger.note(c, site.now(), "coverage-ended", correlation=house.referral(number), stop="apply")


def test_coverage_that_ended_is_on_the_first_page_until_the_referral_ends(page: Page, house):
    (house.folder / "not-mounted").mkdir()
    house.arrives("mercy", "one.csv", referral("R-1"))
    coverage_ends(house, "R-1")
    page.goto(house.url)
    needs = page.get_by_role("region", name=NEEDS)
    expect(needs.get_by_role("heading", name="Something changed for a client 1 to look at")).to_be_visible()
    said = needs.get_by_role("listitem").inner_text()
    assert re.fullmatch(r"Lena Moreno: coverage ended, heard \d{1,2} \w{3}, \d\d:\d\d", said)
    expect(page.locator("tbody tr")).to_contain_text("Coverage ended")
    needs.get_by_role("link", name="Lena Moreno").click()
    assert page.url.endswith(house.referral("R-1"))

    declined = f"{COLUMNS}\n{house.referral('R-1')},rejected,,no room,,,,,,,,\n".encode()
    house.arrives("pantry", "answer.csv", declined)
    page.goto(house.url)
    expect(page.get_by_role("region", name=NEEDS)).to_contain_text("Nothing needs you now.")
    assert "Coverage ended" not in page.content()


def test_coverage_that_ended_for_one_is_not_said_of_another(house):
    for number in ("R-1", "R-2"):
        house.arrives("mercy", f"{number}.csv", referral(number))
    coverage_ends(house, "R-2")
    coverage_ends(house, "R-2")  # heard twice: still one line
    count, rows = views.needs(house.bridge.site, {}).changed
    assert (count, [row.referral for row in rows]) == (1, [house.referral("R-2")])


# --- needed by -----------------------------------------------------------------------------------------------


@pytest.fixture
def at(house):
    """Set the site's clock."""

    def set_(moment: str) -> None:
        house.bridge.site.clock = lambda: datetime.fromisoformat(moment)

    return set_


PRESSING = (
    ("2026-11-23", "2026-11-21T23:59:00-05:00", ""),
    ("2026-11-23", "2026-11-22T00:00:00-05:00", "soon"),
    ("2026-11-23", "2026-11-23T23:59:00-05:00", "soon"),  # a day is over at its end, in the site's zone
    ("2026-11-23", "2026-11-24T00:00:00-05:00", "past"),
    ("2026-11-23T12:00:00-05:00", "2026-11-22T11:59:00-05:00", ""),
    ("2026-11-23T12:00:00-05:00", "2026-11-22T12:00:00-05:00", "soon"),
    ("2026-11-23T12:00:00-05:00", "2026-11-23T17:00:00+00:00", "past"),
    ("", "2026-11-23T12:00:00-05:00", ""),
)


def test_what_is_pressing(house, at):
    given = dict.fromkeys(needed_by for needed_by, _, _ in PRESSING)
    for number, needed_by in enumerate(given):
        house.arrives("mercy", f"{number}.csv", referral(f"R-{number}", needed_by=needed_by))
    for needed_by, now, pressing in PRESSING:
        at(now)
        found = {row.needed_by: row.pressing for row in views.referral_rows(house.bridge.site)}
        assert (needed_by, now, found[needed_by]) == (needed_by, now, pressing)


def test_what_is_pressing_is_marked_in_words_and_no_more_once_it_ended(page: Page, house, at):
    house.arrives("mercy", "one.csv", referral("R-1", needed_by="2026-11-23"))
    at("2026-11-24T12:00:00-05:00")
    page.goto(house.url)
    cell = page.locator("td[data-label='Needed by']")
    expect(cell).to_have_text("23 Nov, past")
    expect(cell.locator("svg")).to_have_count(1)
    house.arrives("pantry", "answer.csv", f"{COLUMNS}\n{house.referral('R-1')},rejected,,full,,,,,,,,\n".encode())
    page.goto(house.url)
    expect(cell).to_have_text("23 Nov")


# --- the list ------------------------------------------------------------------------------------------------


def test_the_list_begins_with_whom_it_is_about(page: Page, lived_in):
    page.goto(lived_in.url)
    assert page.locator("thead th").all_inner_texts() == [
        "For", "What", "Needed by", "State", "Who to call", "From", "To", "Since", "Reference"]  # fmt: skip


def test_the_filter_counts_by_the_words_the_list_shows(page: Page, lived_in):
    page.goto(lived_in.url)
    options = page.get_by_label("Show", exact=True).locator("option").all_inner_texts()
    assert options == ["every state (31)", "Accepted (2)", "Stopped here. Not sent yet (28)",
                       "On its way. Not sent yet (1)"]  # fmt: skip
    page.get_by_label("Show", exact=True).select_option("waiting")
    page.get_by_role("button", name="Show these").click()
    assert page.locator("td[data-label='State']").all_inner_texts() == ["On its way. Not sent yet"]


def test_telephone_numbers_do_not_break_and_can_be_dialled(page: Page, lived_in):
    page.goto(lived_in.url + "/?status=accepted")
    number = page.get_by_role("link", name="555-0133").first
    assert number.get_attribute("href") == "tel:5550133"
    assert number.evaluate("e => getComputedStyle(e).whiteSpace") == "nowrap"


# --- when it leaves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dispatch", "words"),
    [("06:00", r"Leaves \d{1,2} \w{3}, 06:00"),
     ("on-demand", r"Leaves when somebody lets it \(casebridge dispatch pantry\)")],
)  # fmt: skip
def test_what_waits_for_its_hour_says_when_it_leaves(page: Page, house, dispatch, words):
    site = house.bridge.site
    site.partners["pantry"] = replace(site.partners["pantry"], dispatch=dispatch)
    house.arrives("mercy", "one.csv", referral("R-1"))
    page.goto(house.url)
    state = page.locator("td[data-label='State']").inner_text()
    assert re.fullmatch(r"On its way\. Not sent yet\s+" + words, state)
    page.get_by_role("link", name="Lena Moreno").click()
    assert re.search(words, page.locator(".lead").inner_text())
    assert re.search(words, page.get_by_role("article").last.inner_text())
    house.bridge.lanes.dispatch_now(site.partners["pantry"])
    page.reload()
    expect(page.locator(".lead")).to_contain_text("Sent. No answer yet")
    assert "Leaves" not in page.get_by_role("main").inner_text()


def test_what_is_tried_again_names_no_hour(page: Page, lived_in):
    page.goto(f"{lived_in.url}/referral/{lived_in.referral('R-3')}")
    assert "Leaves" not in page.get_by_role("main").inner_text()


# --- what never went -----------------------------------------------------------------------------------------


def test_a_partner_that_takes_nothing_of_this_kind_got_nothing(page: Page, house):
    """The county's HMIS knows no food: it was only to be told also."""
    _hmis_takes_shelter_only(house)
    _lena_is_enrolled(house)
    house.arrives("mercy", "one.csv", referral("R-1"))
    page.goto(f"{house.url}/referral/{house.referral('R-1')}")
    article = page.get_by_role("article").filter(has_text="A referral to Harbor Agency")
    expect(article).to_contain_text("Harbor Agency takes nothing of this kind; nothing was sent.")
    for words in ("Delivered", "not yet", "Allowed", "not delivered", "Prepared"):
        assert words not in article.inner_text()
    article.get_by_text("Where it was made").click()
    expect(article.get_by_role("link", name="CB-205")).to_be_visible()
    call = page.get_by_role("region", name="Who to call")
    expect(call).to_contain_text("Elm Street Pantry")
    assert "Harbor Agency" not in call.inner_text()


def test_a_partner_that_could_not_take_it_says_why(page: Page, house):
    _hmis_takes_shelter_only(house)
    house.arrives("mercy", "one.csv", referral("R-1"))
    page.goto(f"{house.url}/referral/{house.referral('R-1')}")
    expect(page.get_by_text("Nothing was sent to Harbor Agency: HMIS has no open enrollment")).to_be_visible()


def test_a_partner_that_was_told_also_is_named(page: Page, house):
    _hmis_takes_shelter_only(house, ", [food-insecurity, food]")
    _lena_is_enrolled(house)
    house.arrives("mercy", "one.csv", referral("R-1"))
    page.goto(f"{house.url}/referral/{house.referral('R-1')}")
    call = page.get_by_role("region", name="Who to call")
    assert re.search(r"Also told\s+Harbor Agency", call.inner_text())


def _hmis_takes_shelter_only(house, more: str = "") -> None:
    """The agency keeps an HMIS here, under an agreement; its map has no word for other needs."""
    site, maps = house.bridge.site, house.folder / "mappings" / "narrow"
    maps.mkdir()
    text = (Path(__file__).parent / "desk-map.yaml").read_text(encoding="utf-8")
    text = text.replace("referral.domain: need", "referral.domain: {at: need, codes: needs}")
    text += f"codes:\n  needs: {{rows: [[homelessness, shelter]{more}], otherwise: refuse}}\n"
    (maps / "referral.yaml").write_text(text, encoding="utf-8")
    kept = {"role": "hmis_lead", "agreements": ({"kind": "HMIS"},), "maps": load_set("narrow", [maps.parent])}
    site.partners["agency"] = replace(site.partners["agency"], format=site.partners["mercy"].format, **kept)
    site.routes = (Route("referral", ("pantry",), also=("agency",), domain="food-insecurity"),)


def _lena_is_enrolled(house) -> None:
    """Known by her number from an earlier referral, and head of household at the HMIS."""
    house.arrives("mercy", "before.csv", referral("R-0", need="material-hardship"))
    site = house.bridge.site
    with site.store.write() as c:
        client = referrals.get(c, house.referral("R-0")).client
        links.add_link(c, site.now(), client, links.PersonKey("agency", "K-9"), "auto", {"systems": []})
        records.assert_record(
            c, site.now(), kind="participation", source="agency", external_id="E-9", subject="K-9", message="",
            payload=None, map_digest="", document={"status": "enrolled", "relationship": "self"})  # fmt: skip


# --- partners that cannot be reached, pages that were opened -------------------------------------------------


def test_a_partner_out_of_reach_says_since_when_and_whom_to_call(page: Page, house):
    site = house.bridge.site
    site.partners["county"] = replace(site.partners["county"], contact="Pat Lindqvist, 555-0188")
    house.bridge.lanes.drain()
    house.bridge.lanes.drain()
    page.goto(house.url)
    line = page.get_by_role("region", name=NEEDS).get_by_role("listitem")
    with site.store.read() as c:
        first = ledger.events(c, name="not-received", partner="county")[0]["at"]
    assert line.locator("time").get_attribute("datetime") == f"{first[:19]}Z"
    expect(line).to_contain_text("It first failed")
    expect(line).to_contain_text("Pat Lindqvist, 555-0188")
    line.get_by_role("link", name="CB-370").click()
    expect(page.locator("h1 .code")).to_have_text("CB-370")


def test_since_when_counts_from_the_last_file_that_came(house):
    site = house.bridge.site
    house.bridge.lanes.drain()
    (house.folder / "not-mounted/in").mkdir(parents=True)
    house.arrives("not-mounted", "clients.csv", b"x\n")
    assert "county" not in house.bridge.lanes.problems
    with site.store.write() as c:
        now = site.now()
        ledger.note(c, now, "not-received", partner="county", stop="accept", code="CB-370")
    (found,) = views.needs(site, {"county": "the folder is not there (CB-370)"}).unreachable
    assert (found.problem, found.code, found.since) == ("the folder is not there", "CB-370", now)


def test_a_page_opened_again_and_again_is_one_line(page: Page, house):
    house.arrives("mercy", "one.csv", referral("R-1", need="material-hardship"))
    site, id_ = house.bridge.site, house.referral("R-1")
    with site.store.write() as c:
        message = ledger.listed(c, partner="food-bank", direction="out")[0]
        token = tokens.mint(c, "food-bank", id_, message.id, "9999")
    for _ in range(3):
        assert httpx2.get(f"{house.listeners.partners_url}/web-form/{token}").status_code == 200
    page.goto(f"{house.url}/referral/{id_}")
    page.get_by_role("link", name="Who got this client's data").click()
    opened = page.get_by_role("row").filter(has_text="Page opened")
    expect(opened).to_have_count(1)
    assert re.search(r"Page opened 3 times, last \d{1,2} \w{3}, \d\d:\d\d", opened.inner_text())
    expect(page.get_by_role("row").filter(has_text="Not delivered")).to_have_count(1)  # the mail is a line of its own
