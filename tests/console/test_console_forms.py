"""Buttons are pressed only from our own pages: cookie, hidden field and origin must all fit."""

from __future__ import annotations

import re
from contextlib import closing

import httpx2
import pytest

from casebridge.engine import held

UNROUTED = b"""number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn
R-9,requested,,,transportation-insecurity,,,,,,,
"""


@pytest.fixture
def stopped(house) -> str:
    """One held message."""
    house.arrives("mercy", "one.csv", UNROUTED)
    return held.listed(house.bridge.site)[0].id


def page_of(house, stopped: str) -> tuple[httpx2.Client, str]:
    """A browser that has the page, and the page's hidden field."""
    client = httpx2.Client(base_url=house.url)
    page = client.get(f"/held/{stopped}")
    return client, re.search(r'name="token" value="([0-9a-f]{64})"', page.text)[1]


def still_held(house) -> bool:
    return len(held.listed(house.bridge.site)) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "OWN"}, 303),
        ({"Origin": "OWN", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "null"}, 403),
        ({}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "OWN", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, 403),  # a page of the partners' doors, beside us
        ({"Origin": "http://127.0.0.1:1"}, 403),
    ],
)  # fmt: skip
def test_the_request_comes_from_our_own_page(house, stopped, headers, status):
    client, token = page_of(house, stopped)
    headers = {name: house.url if value == "OWN" else value for name, value in headers.items()}
    with closing(client):
        answer = client.post(f"/held/{stopped}/drop", data={"token": token, "reason": "on paper"}, headers=headers)
    assert answer.status_code == status
    assert still_held(house) is (status == 403)


def test_the_hidden_field_belongs_to_this_browser(house, stopped):
    first, token = page_of(house, stopped)
    second, _ = page_of(house, stopped)
    mine = {"Origin": house.url}
    with closing(first), closing(second):
        for client, data in ((second, {"token": token}), (first, {"token": "0" * 64}), (first, {})):
            assert client.post(f"/held/{stopped}/replay", data=data, headers=mine).status_code == 403
        first.cookies.clear()
        assert first.post(f"/held/{stopped}/replay", data={"token": token}, headers=mine).status_code == 403
    assert still_held(house)


def test_the_cookie_stays_with_our_pages(house):
    cookie = httpx2.get(house.url).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_nothing_is_dropped_without_a_reason_of_decent_length(house, stopped, reason):
    client, token = page_of(house, stopped)
    with closing(client):
        data = {"token": token, "reason": reason}
        answer = client.post(f"/held/{stopped}/drop", data=data, headers={"Origin": house.url})
    assert answer.status_code == 409
    assert "Write why it is given up" in answer.text
    assert still_held(house)


def test_a_form_too_long_is_refused(house, stopped):
    client, token = page_of(house, stopped)
    with closing(client):
        data = {"token": token, "reason": "x" * 9000}
        answer = client.post(f"/held/{stopped}/drop", data=data, headers={"Origin": house.url})
    assert answer.status_code == 403
    assert still_held(house)


def test_what_is_not_held_any_more_is_said(house, stopped):
    client, token = page_of(house, stopped)
    held.drop(house.bridge.site, stopped, "on paper", by="somebody else")
    with closing(client):
        answer = client.post(f"/held/{stopped}/replay", data={"token": token}, headers={"Origin": house.url})
    assert answer.status_code == 409
    assert "there is no held message" in answer.text


def test_buttons_are_not_links(house, stopped):
    assert httpx2.get(f"{house.url}/held/{stopped}/replay").status_code == 405
    assert still_held(house)
