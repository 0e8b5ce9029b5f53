"""What the page makes of values, and how guessing is slowed down."""

from __future__ import annotations

import pytest
from casebridge_carriers import form_tries
from casebridge_carriers.form_along import about_sent
from casebridge_carriers.form_page import about_person, about_request, language_names, moment_words, status_words
from casebridge_carriers.form_tries import WrongTokens


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-11-23T22:00:00Z", "Monday, 23 November 2026, 17:00 EST"),
        ("2026-07-01T09:30:00-04:00", "Wednesday, 01 July 2026, 09:30 EDT"),
        ("2026-11-23", "2026-11-23"),
        ("2026-11", "2026-11"),
        ("2026-11-23T22:00:00", "2026-11-23T22:00:00"),  # no zone: nobody knows which moment
        ("Thursday", "Thursday"),
        ("9999-12-31T23:59:59-05:00", "Friday, 31 December 9999, 23:59 UTC-05:00"),  # beyond New York's last day
    ],
)
def test_moments_are_in_the_sites_zone_and_the_rest_as_written(written, shown):
    assert moment_words(written, "America/New_York") == shown


@pytest.mark.parametrize("odd", [None, 7, [], {"absent": "withheld"}, [None], ["a"], [{"absent": "withheld"}], "", " "])
def test_a_value_of_no_use_is_not_shown(odd):
    names = ("service", "domain", "needed_by", "note", "contact", "names", "telecoms", "languages", "needs", "status",
             "documents", "assessments")  # fmt: skip
    document = dict.fromkeys(names, odd)
    assert about_request(document, "UTC") == about_person(document) == about_sent(document, "UTC") == []
    assert status_words(document) == "Sent to you"


def test_a_language_without_a_name_here_keeps_its_code():
    document = {"languages": [{"code": "es-MX"}, {"code": "qu"}]}
    assert about_person(document)[0].lines == ("Spanish", "qu")
    assert len(language_names()) > 30


@pytest.mark.parametrize(
    ("system", "value", "href"),
    [
        ("phone", "(555) 010-0111", "tel:5550100111"),
        ("sms", "+1 555 010 0111", "tel:+15550100111"),
        ("email", "colin@example.org", "mailto:colin@example.org"),
        ("phone", "ask at the desk", ""),
        ("email", "a@b.example?bcc=x", ""),
        ("url", "javascript:alert(1)", ""),
    ],
)
def test_a_number_can_be_tapped_and_nothing_else_becomes_a_link(system, value, href):
    (fact,) = about_person({"telecoms": [{"system": system, "value": value}]})
    assert (fact.lines, fact.hrefs) == ((value,), (href,))


def test_what_the_sender_put_along_is_told_in_its_order():
    form = {"title": "Hunger Vital Sign", "date": "2026-11-19", "answers": [
        {"code": "food", "code_display": "Food"},
        {"code": "1", "code_display": "Did it run out?", "value": "LA28397-0", "value_display": "Often true"},
        {"code": "2", "code_display": "Do you smoke?", "value": False},
        {"code": "3", "code_display": "Why?", "value": {"absent": "withheld"}},
    ]}  # fmt: skip
    height = {"answers": [{"code": {"display": "Body height"}, "amount": "80", "unit": "cm"}]}
    letter = {"title": "Letter to the pantry", "type": "Referral note", "date": "2026-11-20T08:00:00Z"}
    facts = about_sent({"assessments": [form, height, {"title": "Empty"}], "documents": [letter, {}]}, "UTC")
    assert [(fact.label, fact.lines) for fact in facts] == [
        ("Hunger Vital Sign, 2026-11-19",
         ("Food", "Did it run out?: Often true", "Do you smoke?: No", "Why?")),
        ("Finding", ("Body height: 80 cm",)),
        ("Documents at the sender", ("Letter to the pantry, Friday, 20 November 2026, 08:00 UTC",)),
    ]  # fmt: skip


def test_an_address_waits_a_minute_after_too_many_wrong_links(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(form_tries.time, "monotonic", lambda: now[0])
    tries = WrongTokens(2)
    tries.count("a")
    assert not tries.must_wait("a")
    tries.count("a")
    assert (tries.must_wait("a"), tries.must_wait("b")) == (True, False)
    now[0] += 61
    assert not tries.must_wait("a")


def test_addresses_are_forgotten_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr(form_tries, "MOST_ADDRESSES", 3)
    tries = WrongTokens(1)
    for address in "abcd":
        tries.count(address)
    assert [tries.must_wait(address) for address in "abcd"] == [False, True, True, True]
