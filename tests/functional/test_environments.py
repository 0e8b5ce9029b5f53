"""Trying before it is real: test and production never mix, and what a dry run showed goes when a person says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import command_line
from sites import TestSite, food_referral


def site_of(folder: Path, **environments: str) -> TestSite:
    """A site whose partners are of these environments (production, if nothing is said)."""
    made = TestSite(folder)
    config = folder / "casebridge.toml"
    text = config.read_text()
    for partner, environment in environments.items():
        text = text.replace(f"[partner.{partner}]", f'[partner.{partner}]\nenvironment = "{environment}"')
    config.write_text(text)
    made.reopen_with_same_settings()
    return made


@pytest.mark.parametrize("environments", [{"hospital": "test"}, {"agency": "test"}])
def test_a_referral_does_not_leave_its_environment(tmp_path: Path, environments: dict[str, str]) -> None:
    site = site_of(tmp_path, **environments)
    site.drop("hospital", "t1.json", food_referral())
    (held,) = site.held()
    assert (held.code, held.partner, held.who) == ("CB-508", "agency", "it")
    assert "test" in (held.reason or "")
    assert site.out("agency") == []
    assert site.disclosures(recipient="agency") == [], "nothing was even decided on"
    site.bridge.close()


def test_within_one_environment_it_goes_and_its_answer_comes_back(tmp_path: Path) -> None:
    site = site_of(tmp_path, hospital="test", agency="test")
    site.drop("hospital", "t1.json", food_referral())
    site.answer(site.referral().id, "accept")
    assert [sent["status"] for sent in site.out("hospital") if sent["resourceType"] == "Task"] == ["accepted"]
    assert site.held() == []
    site.bridge.close()


def test_who_is_only_also_told_is_kept_out_too(tmp_path: Path) -> None:
    site = site_of(tmp_path, hospital="test", agency="test")
    config = tmp_path / "casebridge.toml"
    config.write_text(config.read_text().replace('to = "agency"', 'to = "agency"\nalso = ["hmis"]'))
    site.reopen_with_same_settings()
    site.drop("hospital", "t1.json", food_referral())
    assert len(site.out("agency")) == 1
    assert {(m.code, m.partner) for m in site.held()} == {("CB-508", "hmis")}
    site.bridge.close()


def test_set_right_it_goes_on_by_a_replay(tmp_path: Path) -> None:
    site = site_of(tmp_path, hospital="test")
    site.drop("hospital", "t1.json", food_referral())
    config = tmp_path / "casebridge.toml"
    config.write_text(config.read_text().replace("[partner.agency]", '[partner.agency]\nenvironment = "test"'))
    site.reopen_with_same_settings()
    site.replay(site.held()[0].id)
    assert (len(site.out("agency")), site.held()) == (1, [])
    site.bridge.close()


def test_what_a_dry_run_showed_goes_by_a_replay_once_it_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As docs/guides/hospital.md says it: by itself it never does, for somebody has seen to it in another way."""
    site = TestSite(tmp_path, agency_mode="dry-run")
    site.drop("hospital", "t1.json", food_referral())
    site.reopen(agency_mode="live")
    site.work()
    assert site.out("agency") == []
    site.bridge.close()
    run = command_line(monkeypatch, capsys, tmp_path)
    ended, said = run("held", "replay", "--partner", "agency", "--done", "--dry-run")
    assert (ended, "1 would be sent for the first time" in said) == (0, True)
    ended, said = run("held", "replay", "--partner", "agency", "--done", "--yes", "1", "--why", "we go live")
    assert (ended, ": waiting" in said) == (0, True)
    assert run("run")[0] == 0
    assert len(list((tmp_path / "agency" / "out").iterdir())) == 1
