"""One referral, several agencies: parts of it, offers that one claims, and the next try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agencies import NEXT, OFFER, SPLIT, child, on_sqlite, parent, reasons, say, states, with_agencies
from sites import TestSite, bundle, order, patient, task

from casebridge.engine.doorway import _only_the_state
from casebridge.engine.release import Outgoing

Make = Callable[..., TestSite]
ASKED = bundle(task(), order("employment-status"), patient())
CANCELLED = bundle(task("2", "cancelled", statusReason={"text": "went home"}), order("employment-status"), patient())


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Make]:
    yield from on_sqlite(tmp_path)


def sent(make_site: Make, folder: Path, to: str, **more: str) -> TestSite:
    """A site that has just got the referral."""
    site = with_agencies(make_site, folder, to, **more)
    site.drop("hospital", "t1.json", ASKED)
    return site


# --- split ---------------------------------------------------------------------------------------------------


def test_each_agency_gets_a_part_of_a_split_referral(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, SPLIT)
    assert states(site) == {"all": "requested", "north": "requested", "south": "requested"}
    for name in ("north", "south"):
        (got,) = site.out(name)
        assert got["referral"] == child(site, name).id
        assert got["names"] == [{"use": "official", "family": "Moreno", "given": ["Ada"]}]
    assert site.out("hospital") == []


def test_the_whole_waits_for_both_and_brings_back_what_each_did(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, SPLIT)
    say(site, "north", "accept")
    assert states(site)["all"] == "accepted"
    say(site, "north", "complete", outcome="A resume")
    assert states(site)["all"] == "in-progress"
    say(site, "south", "accept")
    say(site, "south", "complete", outcome="A suit")
    assert states(site) == {"all": "completed", "north": "completed", "south": "completed"}
    tasks = [d for d in site.out("hospital") if d["resourceType"] == "Task"]
    assert [t["status"] for t in tasks] == ["accepted", "in-progress", "completed"]
    assert len(tasks[-1]["output"]) == 2
    done = [d for d in site.out("hospital") if d["resourceType"] == "Procedure"]
    assert sorted(d["note"][0]["text"] if "note" in d else str(d) for d in done) is not None
    assert {o["valueReference"]["display"] for o in tasks[-1]["output"]} == {"A resume", "A suit"}
    assert site.held() == []


def test_one_part_that_came_about_completes_the_whole(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, SPLIT)
    say(site, "north", "decline", detail="ineligible", reason="not from here")
    say(site, "south", "accept")
    say(site, "south", "complete", outcome="A suit")
    assert states(site)["all"] == "completed"


def test_when_all_decline_the_whole_is_declined_with_their_reasons(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, SPLIT)
    say(site, "north", "decline", detail="ineligible", reason="not from here")
    say(site, "south", "decline", detail="at-capacity", reason="full")
    (told,) = site.out("hospital")
    assert told["status"] == "rejected"
    assert told["statusReason"]["text"] == "not from here; full"


def test_a_cancellation_reaches_every_agency(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, SPLIT)
    say(site, "north", "accept")
    say(site, "north", "complete", outcome="A resume")
    site.drop("hospital", "t2.json", CANCELLED)
    assert states(site) == {"all": "cancelled", "north": "completed", "south": "cancelled"}
    assert [d["status"] for d in site.out("south")] == ["waiting", "cancelled"]
    say(site, "south", "accept")
    assert states(site)["south"] == "cancelled"
    assert site.events(child(site, "south").id)[-1] == ("south", "accepted", "conflict")


# --- offer ---------------------------------------------------------------------------------------------------


def test_an_offer_tells_what_is_asked_for_and_not_whom_it_is_about(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, OFFER)
    for name in ("north", "south", "west"):
        (got,) = site.out(name)
        assert got["service"] == "A service"
        assert "Moreno" not in str(got)
        assert "555-0142" not in str(got)


def test_the_first_who_accepts_has_it_and_the_others_are_withdrawn(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, OFFER)
    say(site, "south", "accept")
    assert states(site) == {"all": "accepted", "north": "cancelled", "south": "accepted", "west": "cancelled"}
    assert "Moreno" in str(site.out("south")[-1])
    assert "Moreno" not in str(site.out("north") + site.out("west"))
    assert (site.out("west")[-1]["status"], site.out("west")[-1]["detail"]) == ("cancelled", "taken")
    (why,) = reasons(site, child(site, "north").id)
    assert "south" not in why
    assert "Another agency has taken" in why
    assert [t["status"] for t in site.out("hospital")] == ["accepted"]


def test_whoever_accepts_what_is_taken_is_told_so_once(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, OFFER)
    say(site, "south", "accept")
    count = len(site.out("north"))
    say(site, "north", "accept")
    assert len(site.out("north")) == count + 1
    assert site.out("north")[-1]["status"] == "cancelled"
    say(site, "north", "accept", at="2026-01-02T03:04:05Z")
    assert len(site.out("north")) == count + 1


def test_a_link_to_an_offer_that_is_taken_says_so_and_nothing_more() -> None:
    said = {"correlation": "01J", "status": "cancelled", "detail": "taken", "reason": "x", "note": "y"}
    shown = _only_the_state(Outgoing({"referral": said}, {}, "referral", "recipient")).slice["referral"]
    assert shown == {"correlation": "01J", "status": "cancelled", "detail": "taken"}
    other = _only_the_state(Outgoing({"referral": {**said, "detail": "no-show"}}, {}, "referral", "recipient"))
    assert "detail" not in other.slice["referral"]


def test_the_source_hears_of_an_offer_only_when_all_have_declined(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, OFFER)
    for name in ("north", "south"):
        say(site, name, "decline", detail="at-capacity", reason="full")
    assert site.out("hospital") == []
    say(site, "west", "decline", detail="at-capacity", reason="full")
    assert [t["status"] for t in site.out("hospital")] == ["rejected"]


# --- the next try --------------------------------------------------------------------------------------------


def test_a_referral_that_is_declined_goes_to_the_next_by_itself(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, NEXT)
    assert site.out("south") == []
    say(site, "north", "decline", detail="at-capacity", reason="full")
    assert states(site) == {"all": "requested", "north": "rejected", "south": "requested"}
    say(site, "south", "accept")
    say(site, "south", "complete", outcome="A suit")
    assert [t["status"] for t in site.out("hospital") if t["resourceType"] == "Task"] == ["accepted", "completed"]


def test_the_bed_is_gone_between_acceptance_and_arrival(make_site: Make, tmp_path: Path) -> None:
    """Failed with its reason at the first site; a child referral goes to the second."""
    site = sent(make_site, tmp_path, NEXT)
    say(site, "north", "accept")
    say(site, "north", "unable", detail="at-capacity", reason="the bed is gone")
    assert states(site) == {"all": "in-progress", "north": "failed", "south": "requested"}
    assert reasons(site, child(site, "north").id) == ["the bed is gone"]
    assert len(site.out("south")) == 1
    say(site, "south", "accept")
    say(site, "south", "complete", outcome="A bed")
    assert states(site)["all"] == "completed"
    assert [t["status"] for t in site.out("hospital") if t["resourceType"] == "Task"][-1] == "completed"


def test_when_nobody_is_left_it_goes_back_to_the_planner(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, NEXT)
    for name in ("north", "south", "west"):
        say(site, name, "decline", detail="at-capacity", reason=f"{name} is full")
    assert states(site)["all"] == "rejected"
    assert site.out("hospital")[-1]["statusReason"]["text"] == "north is full; south is full; west is full"


def test_what_the_client_does_not_want_is_offered_to_nobody_else(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, NEXT)
    say(site, "north", "decline", detail="declined-by-client", reason="she has found work")
    assert states(site) == {"all": "rejected", "north": "rejected"}


def test_an_offer_that_all_decline_goes_to_the_next(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, 'to = ["north", "south"]\nmode = "offer"\nthen = ["west"]')
    say(site, "north", "decline", detail="at-capacity", reason="full")
    assert site.out("west") == []
    say(site, "south", "decline", detail="at-capacity", reason="full")
    assert states(site)["west"] == "requested"
    assert "Moreno" in str(site.out("west"))


# --- one order, two Tasks of the hospital's own --------------------------------------------------------------


def test_two_tasks_of_one_order_are_two_referrals_each_its_own(site: TestSite) -> None:
    """One is declined, the other accepted; neither moves the other."""
    food = order()
    site.drop("hospital", "t1.json", bundle(task(), food, patient()))
    site.drop("hospital", "t2.json", bundle(task(id_="t2"), food, patient()))
    first, second = site.referrals()
    site.answer(first.id, "decline", detail="at-capacity", reason="full")
    site.answer(second.id, "accept")
    assert [r.status for r in site.referrals()] == ["rejected", "accepted"]
    assert {(t["id"], t["status"]) for t in site.out("hospital")} == {("t1", "rejected"), ("t2", "accepted")}


WRONG = [
    ('to = ["north", "south"]', "mode"),
    ('to = ["north", "north"]\nmode = "split"', "once"),
    ('to = "north"\nthen = ["nobody"]', "nobody"),
    ('to = "north"\nmode = "race"', "mode"),
]


@pytest.mark.parametrize(("to", "said"), WRONG)
def test_a_route_that_cannot_be_is_refused(make_site: Make, tmp_path: Path, to: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        with_agencies(make_site, tmp_path, to)


def test_the_parent_keeps_the_name_its_source_gave_it(make_site: Make, tmp_path: Path) -> None:
    site = sent(make_site, tmp_path, SPLIT)
    assert parent(site).external_id == "Task/t1"
    assert {r.parent for r in site.referrals() if r.sort} == {parent(site).id}
