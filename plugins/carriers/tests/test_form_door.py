"""The door ``web-form`` on a real server: what the page shows, and what the buttons do."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import httpx2
import pytest
from casebridge_carriers.form_answers import read_answer
from casebridge_carriers.form_door import WebFormDoor
from fastapi import FastAPI

from casebridge import Submitted
from casebridge.core.errors import TryAgain

TOKEN = "a-token-that-nobody-can-guess-0123456789ab"
DOCUMENT = {
    "referral": "01JREFERRAL00000000000000A", "status": "waiting", "service": "Food pantry",
    "domain": "food-insecurity", "priority": "urgent", "needed_by": "2026-11-23T22:00:00Z",
    "note": "Has a <b>small</b> child",
    "contact": "Mercy, Ms Ortiz, 555-0100", "names": [
        {"given": ["Colin", "V."], "family": "Abbas"}, {"given": ["Colin"], "family": "Baxter", "ended": "2020-07-22"},
    ],
    "telecoms": [
        {"system": "phone", "value": "555-0111", "safe_to_contact": True, "best_time": "evenings"},
        {"system": "phone", "value": "555-0666", "safe_to_contact": False},
        {"system": "phone", "value": "555-0777", "use": "old"},
    ],
    "languages": [{"code": "es", "interpreter": True}], "birth": {"absent": "withheld"},
    "needs": [
        {"domain": "food-insecurity", "codes": [{"text": "No food at home"}]}, {"domain": {"absent": "withheld"}},
    ],
}  # fmt: skip


class OneReferral:
    """A doorway with one referral; ``answers`` is what was put on the first stop."""

    def __init__(self, release) -> None:
        self.release, self.document, self.answers = release, dict(DOCUMENT), []
        self.notices: tuple[str, ...] = ()
        self.failure: Exception | None = None
        self.away: Exception | None = None
        self.verdict = Submitted("accepted")

    def released(self, token: str):
        if self.away:
            raise self.away
        return self.release(self.document, notices=self.notices) if token == TOKEN else None

    def submit(self, token: str, data: bytes, media_type: str) -> Submitted:
        if self.failure:
            raise self.failure
        assert (token, media_type) == (TOKEN, "application/json")
        self.answers.append(data)
        return self.verdict


@pytest.fixture
def doorway(release) -> OneReferral:
    return OneReferral(release)


@pytest.fixture
def client(doorway, context, serve):
    door = WebFormDoor(WebFormDoor.Settings(wrong_links_per_minute=3), context)
    app = FastAPI()
    app.include_router(door.router(doorway), prefix="/web-form")
    with httpx2.Client(base_url=serve(app) + "/web-form/") as client:
        yield client


def page_of(text: str) -> str:
    return re.search(r'name="page" value="([0-9a-f]{32})"', text)[1]


def press(client, answer: str, page: str | None = None, **fields: str):
    page = page or page_of(client.get(TOKEN).text)
    return client.post(TOKEN, data={"answer": answer, "page": page, **fields})


def buttons(text: str) -> list[str]:
    return re.findall(r"<button[^>]*>([^<]+)<", text)


def test_the_page_shows_what_is_released_in_plain_words(client):
    text = client.get(TOKEN).text
    for shown in (
        "Waiting for your answer", "Food pantry", "Food insecurity", "Urgent", "Monday, 23 November 2026, 17:00 EST",
        "Mercy, Ms Ortiz, 555-0100", "Colin V. Abbas", "555-0111 (safe to use, best time: evenings)",
        "Spanish, needs an interpreter", "Food insecurity: No food at home", "Has a &lt;b&gt;small&lt;/b&gt; child",
    ):  # fmt: skip
        assert shown in text
    assert buttons(text) == ["Accept", "Decline"]


def test_the_number_can_be_tapped(client):
    assert '<a href="tel:5550111">555-0111 (safe to use, best time: evenings)</a>' in client.get(TOKEN).text


def test_what_is_withheld_unsafe_or_past_leaves_no_trace(client):
    text = client.get(TOKEN).text.lower()
    for hidden in ("withheld", "absent", "birth", "555-0666", "555-0777", "baxter"):
        assert hidden not in text


def test_notices_travel_with_what_they_are_about(client, doorway):
    doorway.notices = ("42 CFR part 2 prohibits unauthorized use or disclosure of these records.",)
    assert doorway.notices[0] in client.get(TOKEN).text


@pytest.mark.parametrize("path", ["wrong-token-wrong-token-wrong-token", "short", "x" * 300, "thanks/nothing"])
def test_a_link_that_does_not_work_says_no_more_than_that(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "This link does not work" in answer.text
    assert client.post(path if "/" not in path else "short", data={"answer": "accept"}).status_code == 404


def test_every_link_that_does_not_work_has_the_same_page(client):
    pages = {client.get(path).content for path in ("wrong-token-wrong-token-wrong-token", "short")}
    assert len(pages) == 1


def test_guessing_is_slowed_down(client):
    codes = [client.get(f"wrong-token-wrong-token-wrong-{n}").status_code for n in range(4)]
    assert codes == [404, 404, 404, 429]
    assert client.get("wrong-token-wrong-token-wrong-5").headers["Retry-After"] == "60"
    assert client.get(TOKEN).status_code == 200, "a good link opens, whoever guesses behind the same address"


@pytest.mark.parametrize("path", [TOKEN, "thanks/decline", "not-a-token"])
def test_nothing_is_kept_framed_scripted_or_indexed(client, path):
    headers = client.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self';")


def test_whoever_accepts_an_offer_is_not_told_that_it_is_theirs_before_it_is(client, doorway):
    doorway.document["names"] = [{"use": "anonymous", "text": "The name is told to the agency that accepts"}]
    press(client, "accept")
    after = client.get(f"{TOKEN}?sent=accept").text
    assert "Your answer has arrived" in after
    assert "load\nthis page again" in after
    assert "you accepted" not in after
    doorway.document |= {"status": "cancelled", "detail": "taken", "names": []}
    again = client.get(f"{TOKEN}?sent=accept").text
    assert "Another agency has taken it. Please do nothing more" in again
    assert buttons(again) == []


def test_accepting_leads_back_to_the_page(client, doorway):
    answer = press(client, "accept")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{TOKEN}?sent=accept")
    (sent,) = map(json.loads, doorway.answers)
    assert (sent["referral"], sent["answer"]) == (DOCUMENT["referral"], "accept")
    after = client.get(answer.headers["Location"]).text
    assert "The sender will see that you accepted" in after
    assert buttons(after) == []
    doorway.document["status"] = "accepted"
    assert buttons(client.get(f"{TOKEN}?sent=accept").text) == ["Complete", "Unable to help any more"]


def test_declining_needs_a_reason_and_ends_with_thanks(client, doorway):
    refused = press(client, "decline")
    assert refused.status_code == 422
    assert "Choose a reason" in refused.text
    assert "<details open>" in refused.text
    assert doorway.answers == []
    answer = press(client, "decline", page_of(refused.text), detail="at-capacity")
    assert (answer.status_code, answer.headers["Location"]) == (303, "thanks/decline")
    sent = json.loads(doorway.answers[0])
    assert (sent["detail"], sent["reason"]) == ("at-capacity", "We are full right now")
    thanks = client.get("thanks/decline")
    assert "The sender will look for other help" in thanks.text
    assert client.get("static/form.css").headers["Content-Type"].startswith("text/css")
    assert 'href="../static/form.css"' in thanks.text


def test_another_reason_must_be_written(client, doorway):
    assert press(client, "decline", detail="declined-by-provider").status_code == 422
    press(client, "decline", detail="declined-by-provider", text="Our van\r\nbroke down")
    assert json.loads(doorway.answers[0])["reason"] == "Our van\nbroke down"


def test_completing_needs_what_was_done(client, doorway):
    doorway.document["status"] = "accepted"
    refused = press(client, "complete", text="   ")
    assert (refused.status_code, "Write what was done." in refused.text) == (422, True)
    assert press(client, "complete", text="Two bags of food").headers["Location"] == "thanks/complete"
    sent = json.loads(doorway.answers[0])
    assert (sent["answer"], sent["outcome"]) == ("complete", "Two bags of food")


def test_text_is_kept_when_something_is_wrong(client, doorway):
    doorway.document["status"] = "accepted"
    long = "Two bags & more " * 200
    refused = press(client, "complete", text=long)
    assert refused.status_code == 422
    assert "Use at most 2000 characters." in refused.text
    assert "Two bags &amp; more" in refused.text


def test_a_double_click_sends_the_very_same_bytes(client, doorway):
    page = page_of(client.get(TOKEN).text)
    assert [press(client, "accept", page).status_code for _ in range(2)] == [303, 303]
    first, second = doorway.answers
    assert first == second


def test_every_answer_can_be_read_by_the_format(client, doorway):
    import io

    press(client, "accept")
    press(client, "decline", detail="ineligible")
    doorway.document["status"] = "in-progress"
    press(client, "complete", text="Done")
    press(client, "unable", detail="no-show")
    assert [read_answer(io.BytesIO(data))["answer"] for data in doorway.answers] == [
        "accept", "decline", "complete", "unable",
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["completed", "rejected", "failed", "cancelled", "entered-in-error", "accepted"])
def test_what_a_colleague_already_answered_is_shown_and_not_sent(client, doorway, status):
    page = page_of(client.get(TOKEN).text)
    doorway.document["status"] = status
    answer = press(client, "accept", page)
    assert (answer.status_code, answer.headers["Location"]) == (303, TOKEN)
    assert doorway.answers == []


def test_a_form_from_elsewhere_is_asked_to_be_pressed_again(client, doorway):
    answer = press(client, "accept", page="made-up")
    assert (answer.status_code, "Please press the button again." in answer.text) == (422, True)
    assert doorway.answers == []


@pytest.mark.parametrize("body", [b"\xff\xfe", b"answer=accept&" * 30, b"", b"{}"])
def test_a_body_that_is_no_form_sends_nothing(client, doorway, body):
    assert client.post(TOKEN, content=body).status_code == 303
    assert doorway.answers == []


def test_a_body_too_long_is_not_read(client, doorway):
    answer = client.post(TOKEN, content=b"text=" + b"x" * 70_000)
    assert (answer.status_code, "too long" in answer.text) == (413, True)
    assert doorway.answers == []


def test_an_answer_that_could_not_be_saved_is_never_thanked_for(client, doorway):
    doorway.failure = TryAgain("CB-401", "the store is busy")
    answer = press(client, "accept")
    assert (answer.status_code, "could not be saved" in answer.text) == (503, True)
    doorway.failure, doorway.verdict = None, Submitted("refused", "This referral was cancelled.")
    answer = press(client, "accept")
    assert (answer.status_code, "This referral was cancelled." in answer.text) == (409, True)


def test_a_page_that_cannot_be_shown_now_says_so(client, doorway):
    doorway.away = TryAgain("CB-404", "the store is busy")
    answer = client.get(TOKEN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "Please come back in a few minutes" in answer.text


def test_an_answer_given_while_the_books_are_away_is_kept_to_be_sent_again(client, doorway):
    doorway.document["status"] = "accepted"
    page = page_of(client.get(TOKEN).text)
    doorway.away = TryAgain("CB-404", "the store is busy")
    refused = press(client, "complete", page, text="Paid the deposit & gave <keys>")
    assert (refused.status_code, "could not be saved" in refused.text) == (503, True)
    assert "Paid the deposit &amp; gave &lt;keys&gt;" in refused.text
    assert buttons(refused.text) == ["Send it again"]
    doorway.away = None
    kept = {f["name"]: f["value"] for f in Outline(refused.text).found["input"]}
    assert kept == {"answer": "complete", "page": page, "detail": ""}
    assert client.post(TOKEN, data={**kept, "text": "Paid the deposit"}).headers["Location"] == "thanks/complete"
    assert json.loads(doorway.answers[0])["outcome"] == "Paid the deposit"


@pytest.mark.parametrize("body", [b"", b"answer=nothing&text=x", b"text=" + b"x" * 70_000])
def test_what_is_no_answer_is_not_kept_while_the_books_are_away(client, doorway, body):
    doorway.away = TryAgain("CB-404", "the store is busy")
    answer = client.post(TOKEN, content=body)
    assert (answer.status_code, buttons(answer.text)) == (503, [])


@pytest.mark.parametrize("character", ["我", "ሰ", "a", "\U0001f34e"])
def test_a_text_of_the_full_length_is_taken_in_every_script(client, doorway, character):
    import io

    doorway.document["status"] = "accepted"
    assert press(client, "complete", text=character * 2000).headers["Location"] == "thanks/complete"
    assert read_answer(io.BytesIO(doorway.answers[0]))["outcome"] == character * 2000
    escaped = json.dumps(json.loads(doorway.answers[0])).encode()  # as another program may write it
    assert read_answer(io.BytesIO(escaped))["outcome"] == character * 2000


class Outline(HTMLParser):
    """What a screen reader goes by: labels, their fields, headings, language, scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str | None]]] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.found.setdefault(tag, []).append(dict(attrs))


@pytest.mark.parametrize("status", ["waiting", "accepted"])
def test_the_page_can_be_used_without_eyes_or_script(client, doorway, status):
    doorway.document["status"] = status
    found = Outline(client.get(TOKEN).text).found
    assert found["html"][0]["lang"] == "en"
    assert len(found["h1"]) == len(found["main"]) == 1
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in found["meta"]
    labelled = {label.get("for") for label in found["label"]}
    assert {area["id"] for area in found["textarea"]} <= labelled
    assert len(found["legend"]) == len(found["fieldset"])
    assert all("required" in tick for tick in found["input"] if tick["type"] == "radio")
    assert "script" not in found
    assert not any("style" in attrs for tags in found.values() for attrs in tags)
