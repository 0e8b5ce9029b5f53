"""Replay from *prepare*: what was delivered is not doubled, and what changed goes onto what is there."""

from __future__ import annotations

import json
from pathlib import Path

from posting import LINK, agency
from replaying import replayed, tried
from sites import TestSite, food_referral

from casebridge.store import ledger

KEYED = LINK.replace("class Post:", "class Post:\n    keyed = True")


def test_without_a_change_nothing_is_sent_and_the_message_is_as_it_was(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    (before,) = site.messages(direction="out")
    assert [(t.partner, t.verdict) for t in tried(site, "prepare")] == [("agency", "unchanged")]
    assert replayed(site, "prepare").going == 1
    (after,) = site.messages(direction="out")
    assert (after.stop, after.state, after.about, after.dispatch) == ("deliver", "done", before.about, before.dispatch)
    assert len(site.out("agency")) == 1
    assert len(site.disclosures()) == 1
    assert [e["message"] for e in site.noted("unchanged")] == [after.id]


def test_what_changed_is_sent_under_the_same_message_and_the_dry_run_says_where(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.answer(site.referral().id, "accept")
    (one,) = tried(site, "prepare", partner="agency")
    assert (one.verdict, [(p.what, p.where, p.before, p.after) for p in one.places]) == (
        "changed", [("changed", "status", "waiting", "accepted")])  # fmt: skip
    assert [s["status"] for s in site.out("agency")] == ["waiting"]
    replayed(site, "prepare", partner="agency")
    assert [s["status"] for s in site.out("agency")] == ["waiting", "accepted"]
    assert [m.state for m in site.messages(partner="agency", direction="out")] == ["done"]
    assert len(site.noted("sent-again")) == 1  # a folder cannot tell a second from the first


def test_a_link_that_can_neither_find_nor_honour_keys_is_refused_without_again(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    refused = [(t.verdict, t.error and t.error.code) for t in tried(site, "prepare", again=False)]
    assert refused == [("refused", "CB-531")]
    assert replayed(site, "prepare", again=False).refused == {"CB-531": 1}
    assert site.noted("replayed") == []


def test_a_partner_that_honours_keys_gets_the_same_key_again(tmp_path: Path) -> None:
    with agency() as to:
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "post_link.py").write_text(KEYED)
        site = TestSite(tmp_path, agency_carrier="post", agency_settings=f'{{ url = "{to.url}" }}')
        site.drop("hospital", "t1.json", food_referral())
        config = tmp_path / "casebridge.toml"
        config.write_text(config.read_text().replace("[partner.hospital]", '[partner.hospital]\ncontact = "555-0100"'))
        site.reopen_with_same_settings()
        replayed(site, "prepare", again=False, partner="agency")
        (message,) = site.messages(partner="agency", direction="out")
        site.bridge.close()
    assert to.keys == {message.id: 2}


def test_of_what_was_told_twice_only_the_last_goes_again(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.drop("hospital", "t2.json", food_referral("2", status="cancelled", statusReason={"text": "went home"}))
    verdicts = [(t.verdict, t.error and t.error.code) for t in tried(site, "prepare", partner="agency")]
    assert verdicts == [("refused", "CB-532"), ("unchanged", None)]


def test_what_is_sent_again_goes_onto_the_partners_own_latest_original(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral(description="as it was"))
    site.answer(site.referral().id, "accept")
    site.drop("hospital", "t2.json", food_referral("2", description="theirs now"))
    replayed(site, "prepare", partner="hospital")
    last = site.out("hospital")[-1]
    assert (last["description"], last["status"]) == ("theirs now", "accepted")


def test_when_what_was_sent_is_no_longer_kept_the_dry_run_says_so(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    with site.bridge.site.store.write() as c:
        c.raw.exec_driver_sql("DELETE FROM dispatch_file")
    assert [t.verdict for t in tried(site, "prepare")] == ["gone"]


def test_one_that_may_not_go_any_more_stays_delivered_and_holds_nobody_back(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    store = site.store
    site.reopen(store=store, agreement='{ kind = "BAA", until = 2001-01-01 }')
    replayed(site, "prepare")
    (message,) = site.messages(direction="out")
    assert (message.state, site.held()) == ("done", [])
    assert [e["code"] for e in site.noted("not-replayed")] == ["CB-505"]


def test_one_of_a_file_of_many_is_compared_with_its_part_and_goes_alone(site: TestSite) -> None:
    config = site.folder / "casebridge.toml"
    config.write_text(config.read_text().replace("[partner.agency]", '[partner.agency]\ndispatch = "on-demand"'))
    site.reopen_with_same_settings()
    for number in (1, 2):
        text = json.dumps(food_referral()).replace("t1", f"t{number}").replace("s1", f"s{number}")
        site.drop("hospital", f"t{number}.json", text)
    with site.bridge.site.store.write() as c:
        ledger.bring_forward(c, "agency", site.bridge.site.now())
    site.work()
    first, second = site.messages(partner="agency", direction="out")
    assert [t.verdict for t in tried(site, "prepare", partner="agency")] == ["unchanged"] * 2
    replayed(site, "prepare", partner="agency")
    assert len(site.out("agency")) == 2
    site.answer(second.correlation or "", "accept")
    (one,) = tried(site, "prepare", ids=(second.id,))
    assert [(p.what, p.where) for p in one.places] == [("changed", "status")]
    replayed(site, "prepare", ids=(second.id,))
    assert len(site.out("agency")) == 3
    assert [t.verdict for t in tried(site, "prepare", ids=(first.id,))] == ["gone"]  # it cannot be told any more
