"""What the books write in codes, in words; moments in the site's zone."""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from casebridge.core.words import referral_words
from casebridge.web.pages import icon
from casebridge.web.wording import brief, contact, kind_words, machine, moment, said_paths, say, short

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-03-02T15:04:05.000000Z", "2 Mar 2026, 10:04 EST"),
        ("2026-07-02T15:04:05+02:00", "2 Jul 2026, 09:04 EDT"),
        ("2026-11-01T05:30:00Z", "1 Nov 2026, 01:30 EDT"),  # the hour that comes twice
        ("2026-11-01T06:30:00Z", "1 Nov 2026, 01:30 EST"),
        ("2026-03-02T15:04:05", "2 Mar 2026, 15:04 (zone not given)"),
        ("2026-03-02", "2 Mar 2026"),  # a day stays that day in every zone
        ("2026-03", "2026-03"),
        ("2026", "2026"),
        ("as soon as possible", "as soon as possible"),
        ("", ""),
    ],
)  # fmt: skip
def test_moments(written, shown):
    assert moment(written, NEW_YORK) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-03-02T15:04:05.000000Z", "2 Mar, 10:04"),
        ("2027-01-01T04:59:00Z", "31 Dec, 23:59"),  # still this year in the site's zone
        ("2027-01-01T05:00:00Z", "1 Jan 2027, 00:00"),
        ("2026-03-02", "2 Mar"),
        ("2027-03-02", "2 Mar 2027"),
        ("in MAY 2026", "in MAY 2026"),
    ],
)  # fmt: skip
def test_moments_in_brief(written, shown):
    assert brief(written, NEW_YORK, "2026") == shown


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("Front desk, 555-0133", ["5550133"]),
        ("555-0133", ["5550133"]),
        ("Ana (212) 555-0133 or +1 212-555-0134, weekdays 9 to 5", ["2125550133", "+12125550134"]),
        ("Case 2026-555-0133-7, room 12-3456", []),
        ("intake@foodbank.example", []),
    ],
)
def test_telephone_numbers_are_links_and_the_rest_is_as_written(text, dialled):
    shown = str(contact(text))
    assert re.findall(r'href="tel:([^"]*)"', shown) == dialled
    assert re.sub(r"<[^>]*>", "", shown) == text


def test_whom_to_call_is_text_and_no_markup():
    shown = "&lt;b&gt;Ana&lt;/b&gt;, <a class=\"phone\" href=\"tel:5550133\">555-0133</a>"
    assert str(contact("<b>Ana</b>, 555-0133")) == shown


@pytest.mark.parametrize(
    ("written", "read"),
    [("2026-07-02T15:04:05+02:00", "2026-07-02T13:04:05Z"), ("2026-03-02", "2026-03-02"), ("soon", "")],
)
def test_moments_for_machines(written, read):
    assert machine(written) == read


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["person.names[0].family", "person.names[0].given", "person.birth"], [("Client", "names, date of birth")]),
        (["needs[0].domain", "needs[1].note"], [("Need 1", "kind of need"), ("Need 2", "note")]),
        (["referral"], [("Referral", "")]),
        ([], []),
    ],
)
def test_case_paths(paths, said):
    assert said_paths(paths) == said


def test_parts_of_a_field_where_they_matter():
    paths = ["referral.service.code", "person.names(use=official).text", "person.names[0].family"]
    assert said_paths(paths, exact=True) == [("Referral", "service (code)"), ("Client", "names (text), names (family)")]


def test_codes_without_words_are_shown_as_they_are():
    assert say("held", "state") == "held"
    assert say("a-new_thing", "state") == "a new thing"
    assert kind_words("referral", "referral-status") == "The answer"
    assert kind_words("referral", "referral") == "A referral"
    assert kind_words("flatfile/client") == "A record (flatfile/client)"
    assert short("01ARZ3NDEKTSV4RRFFQ69G5FAV") == "9G5FAV"


def test_every_state_has_a_drawing():
    """A state is told by words and drawing, never by colour alone."""
    text = files("casebridge.web").joinpath("data/icons.csv").read_text(encoding="utf-8")
    drawn = {row["name"] for row in csv.DictReader(text.splitlines())}
    assert {words.icon for words in referral_words().values()} <= drawn
    assert 'aria-hidden="true"' in icon("check_circle")
