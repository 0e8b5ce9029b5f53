"""``casebridge ledger verify``: what is printed, and the exit code by kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import command_line
from sites import TestSite, food_referral

from casebridge.engine import sealing

KEYED = '\n[ledger]\nkey = "env:LEDGER_KEY"\n'


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    monkeypatch.setenv("LEDGER_KEY", "k" * 32)
    return command_line(monkeypatch, capsys, tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestSite]:
    made = TestSite(tmp_path)
    yield made
    made.bridge.close()


@pytest.fixture
def sealed(run: Any, tmp_path: Path) -> Iterator[TestSite]:
    site = TestSite(tmp_path, more=KEYED)
    a_referral_and_its_answer(site)
    yield site
    site.bridge.close()


def a_referral_and_its_answer(site: TestSite) -> None:
    """It went to the agency and the answer came back; all of it is sealed."""
    site.drop("hospital", "one.json", food_referral())
    site.answer(site.referral().id, "accept")
    sealing.seal(site.bridge.site)


def tamper(site: TestSite, statement: str) -> None:
    with site.bridge.site.store.engine.begin() as c:
        c.exec_driver_sql(statement)


def test_a_whole_flow_holds(run: Any, make_site: Any) -> None:
    a_referral_and_its_answer(make_site(more=KEYED))
    code, said = run("ledger", "verify")
    assert (code, "they are as they were sealed" in said) == (0, True)
    assert "key" not in said


def test_every_release_of_the_flow_is_in_the_ledger(sealed: TestSite, run: Any) -> None:
    named = {id_ for event in sealed.noted("disclosed") for id_ in event["facts"]["disclosures"]}
    assert named == {d["id"] for d in sealed.disclosures()}
    assert len(named) >= 2
    tamper(sealed, "UPDATE disclosure SET recipient = 'nobody' WHERE recipient = 'agency'")
    code, said = run("ledger", "verify")
    assert (code, "was changed" in said, "CB-521" in said) == (7, True, True)


def test_what_was_done_is_named_in_words_and_as_json(sealed: TestSite, run: Any) -> None:
    tamper(sealed, "DELETE FROM event WHERE seq = 3")
    code, said = run("ledger", "verify")
    assert (code, "Event 3 was removed." in said) == (7, True)
    code, said = run("ledger", "verify", "--json")
    told, _ = json.JSONDecoder().raw_decode(said)
    assert (code, told["holds"], told["counts"]) == (7, False, {"removed": 1})
    assert told["findings"] == [{"kind": "removed", "row": 3, "words": "Event 3 was removed."}]


def test_a_cut_tail_is_found_with_the_log(sealed: TestSite, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "casebridge.ledger")
    sealed.answer(sealed.referral().id, "complete", outcome="Food box")
    sealing.seal(sealed.bridge.site)
    log = sealed.folder / "gateway.log"
    log.write_text("started\n" + "".join(json.dumps({"event": r.getMessage()}) + "\n" for r in caplog.records))
    assert run("ledger", "verify", "--heads", str(log))[0] == 0
    tamper(sealed, "DELETE FROM event WHERE seq > (SELECT last FROM seal WHERE number = 1)")
    tamper(sealed, "DELETE FROM seal WHERE number > 1")
    code, said = run("ledger", "verify", "--heads", str(log))
    assert (code, "The end was cut: the log knows seal 2" in said) == (7, True)


def test_a_key_that_is_not_at_hand_is_the_set_ups(sealed: TestSite, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_KEY", "n" * 32)
    code, said = run("ledger", "verify")
    assert (code, "not all could be compared" in said, "CB-132" in said) == (3, True, True)


@pytest.mark.parametrize(("key", "code"), [("short", "CB-131"), ("", "CB-104")])
def test_a_key_that_can_be_guessed_does_not_start(
    sealed: TestSite, run: Any, key: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_KEY", key)
    ended, said = run("ledger", "verify")
    assert (ended, code in said) == (3, True)


def test_a_log_that_is_not_there(sealed: TestSite, run: Any) -> None:
    code, said = run("ledger", "verify", "--heads", "nowhere.log")
    assert (code, "nowhere.log cannot be read" in said) == (3, True)


def test_without_a_key_the_command_and_the_check_say_so(site: TestSite, run: Any) -> None:
    site.drop("hospital", "one.json", food_referral())
    assert "not sealed yet" in run("ledger", "verify")[1]
    sealing.seal(site.bridge.site)
    code, said = run("ledger", "verify")
    assert (code, "sealed without a key" in said, "not sealed yet" in said) == (0, True, False)
    code, said = run("check")
    assert (code, "sealed without a key" in said) == (0, True)


def test_a_key_in_the_file_itself_is_refused(run: Any, site: TestSite) -> None:
    config = site.folder / "casebridge.toml"
    config.write_text(config.read_text() + f'\n[ledger]\nkey = "{"k" * 32}"\n')
    code, said = run("check")
    assert (code, "a key never stands in this file" in said, "kkk" in said) == (3, True, False)


def test_a_new_site_has_a_key_that_nobody_else_can_read(run: Any, tmp_path: Path) -> None:
    assert run("init", "new")[0] == 0
    key = tmp_path / "new" / "ledger.key"
    assert (len(key.read_text().strip()), key.stat().st_mode & 0o777) == (64, 0o600)
    code, said = run("check", "--config", "new/casebridge.toml")
    assert (code, "without a key" in said) == (0, False)
