"""Replay of a selection on the console: what would happen first, then the button, then what came of it."""

from __future__ import annotations

import re
from contextlib import closing

import httpx2
import pytest

from casebridge.engine import held
from casebridge.store import ledger

UNROUTED = """number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn
R-{0},requested,,,transportation-insecurity,,,,,,,
"""


@pytest.fixture
def stopped(house) -> str:
    """Two held messages; the address of the page."""
    for number in (1, 2):
        house.arrives("mercy", f"{number}.csv", UNROUTED.format(number).encode())
    return f"{house.url}/held/replay?who=it"


def press(house, client: httpx2.Client, page: str, **changed: str) -> httpx2.Response:
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)) | changed
    return client.post(f"{house.url}/held/replay", data=fields, headers={"Origin": house.url})


def test_the_page_says_what_would_happen_and_changes_nothing(house, stopped):
    page = httpx2.get(stopped).text
    assert "2 held, to be mended by" in page
    assert page.count('data-label="What would happen"') == 2
    assert len(held.listed(house.bridge.site)) == 2


def test_the_button_replays_what_was_shown(house, stopped):
    with closing(httpx2.Client()) as client:
        answer = press(house, client, client.get(stopped).text)
    assert (answer.status_code, "2 on their way again" in answer.text) == (200, True)
    with house.bridge.site.store.read() as c:
        (asked,) = ledger.events(c, name="replay")
    assert (asked["facts"]["by"], asked["facts"]["messages"]) == ("console", 2)


@pytest.mark.parametrize("count", ["1", "3", "", "x"])
def test_another_number_than_was_shown_replays_nothing(house, stopped, count):
    with closing(httpx2.Client()) as client:
        answer = press(house, client, client.get(stopped).text, count=count)
    assert (answer.status_code, "CB-533" in answer.text or "Not done" in answer.text) == (409, True)
    with house.bridge.site.store.read() as c:
        assert ledger.events(c, name="replayed") == []


def test_a_page_of_somebody_else_replays_nothing(house, stopped):
    with closing(httpx2.Client()) as client:
        answer = press(house, client, client.get(stopped).text, token="0" * 64)
    assert (answer.status_code, len(held.listed(house.bridge.site))) == (403, 2)
