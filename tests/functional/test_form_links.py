"""A link to a referral's page: whom it opens to, for how long, and how it is taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import Command, command_line
from sites import TestSite, food_referral

from casebridge.core.errors import TryAgain
from casebridge.engine.doorway import SiteDoorway
from casebridge.store import tokens
from casebridge.store.database import Store, StoreTrouble

UNTIL = "2099-01-01T00:00:00.000000Z"
SAID = {"answer": "accept", "nonce": "0" * 32}


def link(site: TestSite) -> str:
    """The token of a link to the agency's referral."""
    (sent,) = site.messages(partner="agency", direction="out")
    with site.bridge.site.store.write() as c:
        return tokens.mint(c, "agency", site.referral().id, sent.id, UNTIL)


def opens(site: TestSite, token: str) -> tuple[bool, str]:
    """Does the page open; and what becomes of an answer?"""
    door = SiteDoorway(site.bridge.site, "folder")
    data = json.dumps({"referral": site.referral().id, **SAID}).encode()
    return door.released(token) is not None, door.submit(token, data, "application/json").state


@pytest.fixture
def sent(site: TestSite) -> TestSite:
    """A site with one referral, which its agency has."""
    site.drop("hospital", "one.json", food_referral())
    return site


@pytest.mark.parametrize(
    ("mode", "said"), [("live", (True, "accepted")), ("dry-run", (True, "accepted")), ("off", (False, "refused"))]
)
def test_a_partner_that_is_off_has_no_door(sent: TestSite, mode: str, said: tuple[bool, str]) -> None:
    token = link(sent)
    sent.reopen(agency_mode=mode)
    assert opens(sent, token) == said


def test_a_partner_that_is_there_no_more_has_no_door(sent: TestSite) -> None:
    token = link(sent)
    del sent.bridge.site.partners["agency"]  # type: ignore[attr-defined]
    assert opens(sent, token) == (False, "refused")


def test_a_partner_of_another_carrier_has_no_door(sent: TestSite) -> None:
    token = link(sent)
    assert SiteDoorway(sent.bridge.site, "web-form").released(token) is None


@contextmanager
def broken(*_: object, **__: object) -> Iterator[None]:
    raise StoreTrouble("OperationalError")
    yield


def test_while_the_database_does_not_answer_the_door_says_try_again(
    sent: TestSite, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    token, door = link(sent), SiteDoorway(sent.bridge.site, "folder")
    data = json.dumps({"referral": sent.referral().id, **SAID}).encode()
    asks: list[Callable[[], object]] = [
        lambda: door.released(token), lambda: door.submit(token, data, "application/json"), lambda: door.ask("agency")]
    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", broken)
        for ask in asks:
            with pytest.raises(TryAgain, match="database") as failed:
                ask()
            assert failed.value.code == "CB-404"
    assert opens(sent, token) == (True, "accepted")


# --- casebridge links revoke ---------------------------------------------------------------------------------


@pytest.fixture
def casebridge(
    sent: TestSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:  # fmt: skip
    return command_line(monkeypatch, capsys, tmp_path)


@pytest.mark.parametrize("of", ["--partner", "--referral"])
def test_links_are_taken_back(sent: TestSite, casebridge: Command, of: str) -> None:
    token, other = link(sent), link(sent)
    name = "agency" if of == "--partner" else sent.referral().id
    ended, said = casebridge("links", "revoke", of, name)
    assert (ended, said.split(" ")[:2]) == (0, ["2", "links"])
    assert opens(sent, token) == opens(sent, other) == (False, "refused")
    (event,) = sent.noted("links-revoked")
    assert (event["partner"], event["correlation"]) == (("agency", None) if of == "--partner" else (None, name))
    assert event["facts"] == {"links": 2}


def test_a_new_link_works_after_the_old_were_taken_back(sent: TestSite, casebridge: Command) -> None:
    link(sent)
    casebridge("links", "revoke", "--partner", "agency")
    assert opens(sent, link(sent)) == (True, "accepted")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("--partner", "agenzy"), 1, "No link that works was found"),
        (("--referral", "01JNOBODY"), 1, "No link that works was found"),
        ((), 2, "--partner or --referral"),
        (("--partner", "agency", "--referral", "01JNOBODY"), 2, "--partner or --referral"),
    ],
)
def test_a_name_that_takes_nothing_back_says_so(
    sent: TestSite, casebridge: Command, arguments: tuple[str, ...], exit_code: int, words: str
) -> None:  # fmt: skip
    token = link(sent)
    ended, said = casebridge("links", "revoke", *arguments)
    assert (ended, words in said) == (exit_code, True), said
    assert opens(sent, token) == (True, "accepted")
    assert sent.noted("links-revoked") == []
