"""What came: every file with what became of its records."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import Browser, Page, expect

from casebridge.engine import held, views

CLIENTS = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On"
GOOD = "K-1,Lena,Moreno,02/20/1987,,,,,,,,,"
BAD = "K-2,Tobi,Okafor,1987-13-99,,,,,,,,,"


def clients(*lines: str) -> bytes:
    return "\n".join([CLIENTS, *lines, ""]).encode()


def test_a_file_s_records_are_all_accounted_for(house):
    house.arrives("agency", "clients.csv", clients(GOOD, BAD))
    (row,) = views.file_rows(house.bridge.site)
    assert (row.partner, row.name, row.state, row.repeats) == ("Harbor Agency", "clients.csv", "Some are held", 0)
    assert (row.records, row.applied, row.held, row.not_ours, row.waiting, row.dropped) == (2, 1, 1, 0, 0, 0)


def test_a_record_given_up_leaves_the_file_done(house):
    house.arrives("agency", "clients.csv", clients(GOOD, BAD))
    held.drop(house.bridge.site, held.listed(house.bridge.site)[0].id, "sent on paper", by="test")
    (row,) = views.file_rows(house.bridge.site)
    assert (row.state, row.applied, row.held, row.dropped) == ("All done", 1, 0, 1)


def test_the_newest_file_comes_first_and_a_repeat_is_counted_on_the_first(house):
    for name, lines in (("one.csv", (GOOD,)), ("two.csv", (GOOD, BAD)), ("two.csv", (GOOD, BAD))):
        house.arrives("agency", name, clients(*lines))
    found = views.file_rows(house.bridge.site)
    assert [(row.name, row.repeats) for row in found] == [("two.csv", 1), ("one.csv", 0)]
    assert views.file_rows(house.bridge.site, limit=1, offset=1) == found[1:]
    assert views.file_rows(house.bridge.site, partner="mercy") == []


def test_a_file_that_cannot_be_read_is_held_whole(house):
    house.arrives("agency", "clients.csv", b"nothing,of,ours\n1,2,3\n")
    (row,) = views.file_rows(house.bridge.site)
    assert (row.name, row.state, row.held_whole, row.records) == ("clients.csv", "Stopped whole", True, 0)


def test_the_page_of_files_leads_to_what_is_held_of_one(page: Page, lived_in):
    page.goto(lived_in.url)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Files").click()
    rows = page.locator("tbody tr")
    assert rows.count() == 5
    first = rows.first
    expect(first.get_by_role("rowheader")).to_have_text("clients.csv")
    expect(first.get_by_role("cell").nth(2)).to_have_text("Some are held")
    first.get_by_role("link", name="1 held").click()
    expect(page.get_by_role("main")).to_contain_text("These are of one file, clients.csv")
    assert page.locator("tbody tr").count() == 1
    expect(page.locator("tbody tr")).to_contain_text("CB-301")
    page.get_by_role("button", name="Show these").click()  # the filter stays inside the file
    assert page.locator("tbody tr").count() == 1


def test_the_files_of_one_partner(browser: Browser, lived_in):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{lived_in.url}/partners")
    page.get_by_role("row").filter(has_text="Elm Street Pantry").get_by_role("link", name="3", exact=True).click()
    assert page.locator("tbody th").all_inner_texts() == ["late.csv", "evening.csv", "noon.csv"]
    page.get_by_label("From", exact=True).select_option("mercy")
    page.get_by_role("button", name="Show these").click()
    assert page.locator("tbody th").all_inner_texts() == ["morning.csv"]
    context.close()


def test_many_files_come_page_by_page(page: Page, house):
    for number in range(26):
        house.arrives("agency", f"{number}.csv", clients(f"K-{number},Lena,Moreno,02/20/1987,,,,,,,,,"))
    page.goto(f"{house.url}/files")
    assert page.locator("tbody tr").count() == 25
    page.get_by_role("link", name="Next page").click()
    assert page.locator("tbody th").all_inner_texts() == ["0.csv"]


def test_a_file_held_whole_waits_for_a_new_one(page: Page, house):
    """What a replay cannot mend is not led by Replay; whom to ask for a new file stands there."""
    site = house.bridge.site
    site.partners["agency"] = replace(site.partners["agency"], contact="Kim Reyes, 555-0177")
    house.arrives("agency", "clients.csv", b"nothing,of,ours\n1,2,3\n")
    page.goto(f"{house.url}/files")
    page.get_by_role("link", name="Stopped whole").click()
    headings = page.get_by_role("heading", level=2).all_inner_texts()
    assert headings == ["Drop this one when the new file has come"]
    expect(page.get_by_role("region", name="What is known")).to_contain_text("Harbor Agency: Kim Reyes, 555-0177")
    replay = page.get_by_role("button", name="Replay")
    expect(replay).not_to_be_visible()
    page.get_by_text("Or read this very one again").click()
    expect(replay).to_be_visible()


def test_a_held_record_is_still_led_by_replay(page: Page, house):
    house.arrives("agency", "clients.csv", clients(BAD))
    page.goto(f"{house.url}/held/{held.listed(house.bridge.site)[0].id}")
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["Send it on", "Give it up"]
