"""Replay of what was delivered: nothing is doubled, what changed goes onto what is there, and the dry run says it."""

from __future__ import annotations

from sites import TestSite, food_referral

from casebridge.engine import replay
from casebridge.engine.again import Wish
from casebridge.engine.trial import Trial
from casebridge.store.replays import Selection

DONE = Selection(done=True)


def tried(site: TestSite, selection: Selection = DONE, wish: Wish = Wish(start="prepare", again=True)) -> list[Trial]:
    return [one for trials in replay.tried(site.bridge.site, selection, wish) for one in trials]


def replayed(site: TestSite, selection: Selection = DONE, wish: Wish = Wish(start="prepare")) -> replay.Result:
    result = replay.go(site.bridge.site, replay.begin(site.bridge.site, selection, wish, None))
    site.work()
    return result


def test_without_a_change_nothing_is_sent_and_the_message_is_as_it_was(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    assert [(t.partner, t.verdict) for t in tried(site)] == [("agency", "unchanged")]
    (before,) = site.messages(direction="out")
    assert replayed(site, wish=Wish(start="prepare", again=True)).going == 1
    (after,) = site.messages(direction="out")
    assert (after.stop, after.state, after.about, after.dispatch) == ("deliver", "done", before.about, before.dispatch)
    assert len(site.out("agency")) == 1
    assert [e["message"] for e in site.noted("unchanged")] == [after.id]


def test_a_link_that_can_neither_find_nor_honour_keys_is_refused_without_again(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    assert [(t.verdict, t.error.code) for t in tried(site, wish=Wish(start="prepare")) if t.error] == [
        ("refused", "CB-531")]
    assert replayed(site).refused == {"CB-531": 1}
    assert site.noted("replayed") == []
