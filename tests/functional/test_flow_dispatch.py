"""When things leave: at a time of day in the site's zone, on demand, and again decided when they waited too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sites import TestSite, bundle, food_referral, order, patient, task

from casebridge.app import open_bridge
from casebridge.core.errors import RecordError
from casebridge.engine import circuit

NOON = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)  # in New York

TIMES = [  # dispatch, now in UTC, when a message made now leaves
    ("06:00", NOON, "2026-11-22T11:00:00.000000Z"),
    ("12:30", NOON, "2026-11-21T17:30:00.000000Z"),
    ("each", NOON, "2026-11-21T17:00:00.000000Z"),
    ("on-demand", NOON, "9999"),
    ("06:00", datetime(2026, 3, 7, 23, 0, tzinfo=UTC), "2026-03-08T10:00:00.000000Z"),  # summer time begins that night
]


@pytest.mark.parametrize(("dispatch", "now", "leaves"), TIMES)
def test_a_message_leaves_at_the_partners_time(make_site: Any, dispatch: str, now: datetime, leaves: str) -> None:
    site = make_site(hmis_dispatch=dispatch)
    site.bridge.site.clock = lambda: now
    assert site.bridge.site.due(site.bridge.site.partners["hmis"]) == leaves


@pytest.mark.parametrize(("dispatch", "parts"), [("each", {0, 1, 2, 3}), ("06:00", {0}), ("on-demand", {0})])
def test_files_of_many_leave_in_one_queue(make_site: Any, dispatch: str, parts: set[int]) -> None:
    """Yesterday's and today's have other keys at their heads, and today's may not be there before yesterday's."""
    partner = make_site(hmis_dispatch=dispatch).bridge.site.partners["hmis"]
    partner = replace(partner, delivery=replace(partner.delivery, parallel=4))
    assert {circuit.part_of(partner, f"key-{n}") for n in range(50)} == parts


def test_on_demand_leaves_when_told(make_site: Any) -> None:
    site = make_site(hmis_dispatch="on-demand")
    site.drop("hospital", "t1.json", bundle(task(), order("homelessness", "emergency-shelter"), patient()))
    assert [m.state for m in site.messages(partner="hmis")] == ["waiting"]
    site.bridge.lanes.dispatch_now(site.bridge.site.partners["hmis"])
    assert [m.code for m in site.messages(partner="hmis")] == ["CB-502"], "it was looked at, and HMIS must enrol first"


def test_what_waited_too_long_is_decided_again(site: TestSite) -> None:
    """The agreement ends while the agency's folder is away: what was prepared under it does not leave."""
    folder, away = site.folder / "agency", site.folder / "away"
    folder.rename(away)
    site.drop("hospital", "t1.json", food_referral())
    assert [m.stop for m in site.messages(partner="agency")] == ["deliver"]
    away.rename(folder)
    later = site.bridge.site.clock() + timedelta(days=40_000)  # after 2099
    site.bridge.site.clock = lambda: later
    site.work()
    assert site.out("agency") == []
    assert [h.code for h in site.held()] == ["CB-505"]


@pytest.mark.parametrize("settings", [{"agency_mode": "off"}, {"agency_mode": "dry-run"}])
def test_what_was_prepared_waits_when_its_partner_is_switched_off(site: TestSite, settings: dict[str, str]) -> None:
    folder, away = site.folder / "agency", site.folder / "away"
    folder.rename(away)
    site.drop("hospital", "t1.json", food_referral())
    away.rename(folder)
    site.reopen(**settings)
    site.bridge.site.clock = lambda: datetime.now(UTC) + timedelta(minutes=1)
    site.work()
    assert site.out("agency") == []
    site.reopen()
    site.bridge.site.clock = lambda: datetime.now(UTC) + timedelta(minutes=1)
    site.work()
    assert len(site.out("agency")) == 1


def test_messages_of_a_partner_that_is_gone_wait_and_stop_nobody(site: TestSite) -> None:
    folder, away = site.folder / "agency", site.folder / "away"
    folder.rename(away)
    site.drop("hospital", "t1.json", food_referral())
    config = site.folder / "casebridge.toml"
    text = config.read_text()
    start, end = text.index("[partner.agency]"), text.index("[partner.hmis]")
    without = text[:start] + text[end:]
    start, end = without.index("[[route]]"), without.index("[[route]]", without.index("[[route]]") + 1)
    config.write_text(without[:start] + without[end:])
    site.bridge.close()
    site.bridge = open_bridge(config)
    site.drop("hospital", "p.json", patient("p2", ssn=None))
    assert [m.state for m in site.messages(kind="fhir-r4/Patient", external_id="Patient/p2")] == ["done"]


def test_a_record_that_cannot_be_rendered_is_held_and_the_others_are_decided_once(make_site: Any) -> None:
    site = make_site(agency_mode="off")
    for n in ("1", "2"):
        site.drop("hospital", f"{n}.json", bundle(task(id_=f"t{n}"), order(), patient()))
    site.reopen()
    agency = site.bridge.site.partners["agency"]
    bad = site.referrals()[0].id
    render = agency.format.render

    def fails_for_one(records: Any, context: Any) -> Any:
        if any(r.document["referral"] == bad for r in records):
            raise RecordError("CB-302", "a column is missing")
        return render(records, context)

    agency.format.render = fails_for_one  # type: ignore[method-assign]
    site.work()
    assert [m.correlation for m in site.held()] == [bad]
    assert len(site.out("agency")) == 1
    assert len(site.disclosures(recipient="agency")) == 2
