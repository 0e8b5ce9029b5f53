"""The console as a planner sees it, in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from casebridge.engine import held, timeline, views
from casebridge.engine.site import Route
from casebridge.web import pages

CLIENTS = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On"

CHECKS = """() => {
  const wrong = [];
  const say = (what, e) => wrong.push(what + ': ' + (e.outerHTML || '').slice(0, 120));
  if (document.documentElement.lang !== 'en') wrong.push('no language');
  if (!document.title.trim()) wrong.push('no title');
  if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
  if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
  let level = 0;
  for (const h of document.querySelectorAll('h1,h2,h3,h4')) {
    const now = Number(h.tagName[1]);
    if (now > level + 1) say('a heading skips a level', h);
    if (!h.textContent.trim()) say('an empty heading', h);
    level = now;
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) wrong.push('an id twice');
  for (const e of document.querySelectorAll('[aria-labelledby]'))
    if (!document.getElementById(e.getAttribute('aria-labelledby'))) say('labelled by nothing', e);
  for (const e of document.querySelectorAll('input:not([type=hidden]),select,textarea'))
    if (!e.labels.length) say('a field without a label', e);
  for (const e of document.querySelectorAll('a,button'))
    if (!(e.textContent.trim() || e.getAttribute('aria-label'))) say('a control without words', e);
  for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) say('an image without words', e);
  for (const e of document.querySelectorAll('svg'))
    if (e.getAttribute('aria-hidden') !== 'true') say('a drawing read aloud', e);
  for (const t of document.querySelectorAll('table')) {
    if (!t.caption) say('a table without a caption', t);
    for (const h of t.querySelectorAll('th')) if (!h.scope) say('a heading cell without scope', h);
  }
  for (const e of document.querySelectorAll('[style],script')) say('inline style or script', e);
  for (const e of document.querySelectorAll('*')) for (const a of e.attributes)
    if (a.name.startsWith('on')) say('an inline handler', e);
  return wrong;
}"""

CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const seen = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    seen.push([(a + .05) / (b + .05), e.outerHTML.slice(0, 120)]);
  }
  return seen;
}"""


@pytest.fixture(scope="session")
def addresses(lived_in) -> dict[str, str]:
    """Every kind of page."""
    site, one = lived_in.bridge.site, lived_in.referral("R-1")
    found = timeline.referral_page(site, one)
    stopped = held.listed(site)
    return {
        "first": "/", "filtered": "/?status=accepted", "second page": "/?page=2", "held": "/held",
        "held for IT": "/held?who=it", "partners": "/partners", "files": "/files",
        "held of a file": f"/held?file={next(m.parent for m in stopped if m.code == 'CB-301')}",
        "referral": f"/referral/{one}",
        "mail waits": f"/referral/{lived_in.referral('R-3')}", "no route": f"/referral/{lived_in.referral('T-1')}",
        "bad row": f"/held/{next(m.id for m in stopped if m.code == 'CB-301')}",
        "unrouted": f"/held/{stopped[0].id}", "who got it": f"/client/{found.client}/disclosures",
        "help": "/help/CB-504", "files of one": "/files?partner=agency", "nothing": "/nothing/here",
    }  # fmt: skip


PAGES = ["files", "files of one", "held of a file", "first", "filtered", "second page", "held", "held for IT",
         "partners", "referral", "mail waits", "no route",
         "bad row", "unrouted", "who got it", "help"]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_built_for_everybody(page: Page, lived_in, addresses, name):
    """Language, one h1, heading levels, labels, captions and scopes, nothing inline, contrast of all text >= 4.5."""
    answer = page.goto(lived_in.url + addresses[name])
    assert answer.status == 200
    assert page.evaluate(CHECKS) == []
    seen = page.evaluate(CONTRAST)
    assert len(seen) > 10
    assert [found for found in seen if found[0] < 4.5] == []


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, lived_in, addresses, name):
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(lived_in.url + addresses[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 361).length"
    assert page.evaluate(wide) == 0
    context.close()


def test_a_page_that_is_not_there_says_so(browser: Browser, lived_in, addresses):
    page = browser.new_page()
    assert page.goto(lived_in.url + addresses["nothing"]).status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    for wrong in ("/referral/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/held/x", "/client/x/disclosures", "/help/CB-999"):
        assert page.goto(lived_in.url + wrong).status == 404
    page.close()


def test_the_first_page_says_what_needs_whom(page: Page, lived_in):
    page.goto(lived_in.url)
    needs = page.get_by_role("region", name="What needs you")
    expect(needs.get_by_role("heading", name="IT staff must act 28 held")).to_be_visible()
    expect(needs.get_by_role("link", name="All 28 that wait for: IT staff")).to_be_visible()
    expect(needs).to_contain_text("no route takes a referral for transportation-insecurity CB-504, and 27 more like it")
    expect(needs.get_by_role("heading", name="The partner must act 1 held")).to_be_visible()
    expect(needs).to_contain_text("1 in conflict")
    expect(needs).to_contain_text("County Office: the folder")
    expect(needs).to_contain_text("1 to look at")


def test_a_quiet_house_says_that_nothing_needs_you(page: Page, house):
    (house.folder / "not-mounted").mkdir()
    house.bridge.lanes.drain()
    page.goto(house.url)
    expect(page.get_by_role("region", name="What needs you")).to_contain_text("Nothing needs you now.")
    expect(page.get_by_text("No referral has come yet.")).to_be_visible()


def test_referrals_in_words_with_an_icon_and_whom_to_call(page: Page, lived_in):
    page.goto(lived_in.url + "/?status=accepted")
    row = page.get_by_role("row").filter(has_text="Rosa Delgado")
    expect(row.get_by_role("rowheader").get_by_role("link", name="Rosa Delgado")).to_be_visible()
    cells = [text.strip() for text in row.get_by_role("cell").all_inner_texts()]
    assert (cells[0], *cells[2:6]) == (
        "Food box", "Accepted", "Front desk, 555-0133", "Mercy Hospital", "Elm Street Pantry")
    assert cells[-1] == "…" + lived_in.referral("R-1")[-6:]
    expect(row).to_contain_text("Front desk, 555-0133")
    expect(row.locator(".state svg")).to_have_count(1)
    assert re.search(r"\d{1,2} \w{3} 20\d\d, \d\d:\d\d E[SD]T", row.inner_text())
    assert page.get_by_role("row").count() == 3  # the headings and the two


@pytest.mark.parametrize(
    ("number", "words", "icon"),
    [("T-1", "Stopped here. Not sent yet", "error"), ("R-3", "On its way. Not sent yet", "schedule"),
     ("R-1", "Accepted", "thumb_up_alt")],
)  # fmt: skip
def test_what_is_asked_for_is_not_yet_sent(page: Page, lived_in, number, words, icon):
    """A planner must never believe that an agency has what still lies here."""
    page.goto(f"{lived_in.url}/referral/{lived_in.referral(number)}")
    state = page.locator(".lead .state")
    expect(state).to_have_text(words)
    assert state.locator("path").get_attribute("d") == re.search(r'd="([^"]+)"', str(pages.icon(icon)))[1]


def test_a_referral_that_was_delivered_waits_for_its_answer(page: Page, house):
    house.arrives("mercy", "one.csv", (
        b"number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn\n"
        b"R-9,requested,,,food-insecurity,Food box,,,,Lena,Moreno,\n"))
    page.goto(house.url)
    expect(page.get_by_role("row").last).to_contain_text("Sent. No answer yet")


def test_what_a_partner_writes_is_shown_as_text(page: Page, lived_in):
    page.goto(lived_in.url + "/?status=accepted")
    expect(page.get_by_text("Ada <b>O'Neil</b>", exact=True)).to_be_visible()


def test_many_referrals_come_page_by_page(page: Page, lived_in):
    page.goto(lived_in.url)
    assert page.locator("tbody tr").count() == 25
    page.get_by_role("link", name="Next page").click()
    assert page.locator("tbody tr").count() == 6
    page.get_by_role("link", name="Page before").click()
    expect(page.get_by_text("Page 1")).to_be_visible()


def test_the_filter_is_a_plain_form(browser: Browser, lived_in):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(lived_in.url)
    page.get_by_label("Show", exact=True).select_option("accepted")
    page.get_by_role("button", name="Show these").click()
    assert page.url.endswith("/?status=accepted")
    assert page.locator("tbody tr").count() == 2
    context.close()


def test_a_referral_tells_its_story(page: Page, lived_in):
    """Who to call, needed by, what was said, each message at its stops, what went, what stayed, where it came from."""
    page.goto(f"{lived_in.url}/referral/{lived_in.referral('R-1')}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Food box for Rosa Delgado")
    expect(page.get_by_role("region", name="What was asked")).to_contain_text("23 Nov 2026")
    call = page.get_by_role("region", name="Who to call")
    expect(call).to_contain_text("Dana Okafor, discharge planning, 555-0101")
    expect(call).to_contain_text("Front desk, 555-0133")
    said = page.get_by_role("region", name="What was said about it").get_by_role("listitem")
    assert [text.split("\n")[0].split(" · ")[0] for text in said.all_inner_texts()] == [
        "Asked for", "Accepted", "Completed", "Declined"]  # fmt: skip
    expect(page.get_by_role("alert").first).to_contain_text("needs at least one output")

    came = page.get_by_role("article").first
    stops = came.get_by_role("list", name="Stops").get_by_role("listitem")
    assert [s.split("\n")[0].strip() for s in stops.all_inner_texts()] == ["Received", "Understood", "Recorded"]
    came.get_by_text("Where it came from").click()
    expect(came).to_contain_text("morning.csv, row 2")
    expect(came).to_contain_text("desk/referral")
    expect(came).to_contain_text("casebridge explain")

    went = page.get_by_role("article").filter(has_text="A referral to Elm Street Pantry")
    stops = went.get_by_role("list", name="Stops").get_by_role("listitem")
    assert [s.split("\n")[0].strip() for s in stops.all_inner_texts()] == ["Prepared", "Delivered"]
    went.get_by_text("What went").click()
    expect(went.get_by_text("Client: names")).to_be_visible()
    went.get_by_text("What was not needed, and stayed here").click()
    expect(went.get_by_text("identifiers")).to_be_visible()


def test_a_message_that_is_tried_again_says_why(page: Page, lived_in):
    page.goto(f"{lived_in.url}/referral/{lived_in.referral('R-3')}")
    sent = page.get_by_role("article").filter(has_text="A referral to Riverside Food Bank")
    expect(sent.get_by_role("list", name="Stops")).to_contain_text("Delivered waiting")
    expect(sent.get_by_role("link", name="CB-401")).to_be_visible()
    expect(sent).to_contain_text("it is tried again by itself")
    expect(sent).to_contain_text("Allowed, not delivered to carry out the referral")


def test_a_held_record_says_where_and_what_to_do(page: Page, lived_in, addresses):
    page.goto(lived_in.url + addresses["bad row"])
    facts = page.get_by_role("region", name="What is known")
    for words in ("clients.csv", "row 2", "birth_date", "found 9999-99-99", "Have the sender correct", "The partner"):
        expect(facts).to_contain_text(words)
    assert "1987-13-99" not in page.content()
    facts.get_by_role("link", name="CB-301").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("A value is not of the expected form")


def test_the_partners_page_names_problem_and_contact(page: Page, lived_in):
    page.goto(lived_in.url + "/partners")
    county = page.get_by_role("row").filter(has_text="County Office")
    expect(county).to_contain_text("CB-370")
    expect(page.get_by_role("row").filter(has_text="Mercy Hospital")).to_contain_text("Dana Okafor")


def test_who_got_my_data(page: Page, lived_in, addresses):
    page.goto(lived_in.url + addresses["who got it"])
    row = page.get_by_role("row").filter(has_text="Elm Street Pantry").first
    expect(row).to_contain_text("Client: names")
    expect(row).to_contain_text("Released to carry out the referral")


def test_the_wall_stands_at_the_desk_too(page: Page, house):
    """A victim service provider's referral is listed, and nothing of whom or what it is about."""
    site = house.bridge.site
    site.partners["mercy"] = replace(site.partners["mercy"], vsp=True)
    house.arrives("mercy", "one.csv", (
        b"number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn\n"
        b"R-9,requested,,,transportation-insecurity,Safe ride,,Calls at night,,Lena,Moreno,900114444\n"))
    for path in ("/", f"/referral/{house.referral('R-9')}", "/held", f"/held/{held.listed(site)[0].id}"):
        page.goto(house.url + path)
        for word in ("Lena", "Moreno", "Safe ride", "Calls at night", "900114444"):
            assert word not in page.content()
    page.goto(house.url)
    expect(page.get_by_role("row").last).to_contain_text("(not shown)")


def test_by_keyboard_to_a_held_referral_and_on(page: Page, house):
    """Skip link, then Tab to the row, Enter, Tab to Replay, Enter: the route was mended, so it goes on its way."""
    house.arrives("mercy", "one.csv", _unrouted())
    _mend_the_route(house)
    page.goto(house.url + "/held")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the page")
    assert page.locator(":focus").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    _tab_to(page, "A referral")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/held/*")
    _tab_to(page, "Replay")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is on its way again.")
    house.bridge.lanes.drain()
    assert len(list((house.folder / "pantry/out").iterdir())) == 1
    assert held.listed(house.bridge.site) == []


def test_without_scripts_a_message_is_dropped_with_a_reason(browser: Browser, house):
    house.arrives("mercy", "one.csv", _unrouted())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(house.url)
    page.get_by_role("link", name="A referral without a route").click()
    page.get_by_label("Why is it given up?").fill("Sent again on paper")
    page.get_by_role("button", name="Drop").click()
    expect(page.get_by_role("status")).to_contain_text("It was given up.")
    expect(page.get_by_role("button", name="Replay")).to_have_count(0)
    assert "Sent again" not in page.url
    found = views.held_one(house.bridge.site, page.url.split("/")[-1].split("?")[0])
    assert (found.state, found.reason) == ("dropped", "Sent again on paper")
    context.close()


def test_a_replay_that_stops_again_says_why(browser: Browser, house):
    house.arrives("agency", "clients.csv", f"{CLIENTS}\nK-1,,,1987-13-99,,,,,,,,,\n".encode())
    stopped = held.listed(house.bridge.site)[0]
    page = browser.new_page()
    page.goto(f"{house.url}/held/{stopped.id}")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("alert")).to_contain_text("Not done.")
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    page.close()


def _unrouted() -> bytes:
    columns = "number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn"
    return f"{columns}\nR-9,requested,,,transportation-insecurity,,,,,Lena,Moreno,\n".encode()


def _mend_the_route(house) -> None:
    house.bridge.site.routes += (Route("referral", ("pantry",), domain="transportation-insecurity"),)


def _tab_to(page: Page, words: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text().startswith(words):
            return
    pytest.fail(f"Tab never reaches {words}")
