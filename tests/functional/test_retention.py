"""What is over with and old enough is erased; what waits, is held or may be asked for by a court never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import Command, command_line
from sites import TestSite, food_referral
from sqlalchemy import Table, func, select

from casebridge.config import RetentionTable, StoreTable
from casebridge.core.errors import Held
from casebridge.engine import held, retaining, sealing
from casebridge.engine.verifying import verify
from casebridge.store import holds, payloads, retention, sizes
from casebridge.store.retention import Policy
from casebridge.store.tables import disclosure, dispatch, dispatch_file, event, message, payload, payload_part

SHORT = Policy(payloads=90, messages=400)
LONG = Policy(payloads=90, messages=400, events=2196, disclosures=2196)


@pytest.fixture
def site(tmp_path: Path, store_url: str):
    made = TestSite(tmp_path, store=store_url)
    yield made
    made.bridge.close()


def finished(site: TestSite) -> str:
    """A referral that went out, was answered and is over; its id."""
    site.drop("hospital", "in.json", food_referral())
    id_ = site.referral().id
    site.answer(id_, "accept")
    site.answer(id_, "complete", outcome="food box")
    assert site.referral().status == "completed"
    sealing.seal(site.bridge.site)
    return id_


def later(site: TestSite, days: int, policy: Policy = SHORT) -> retaining.Erased:
    """So many days later the policy is applied."""
    site.bridge.site.retention = policy
    site.bridge.site.clock = lambda: datetime.now(UTC) + timedelta(days=days)
    sealing.seal(site.bridge.site)
    return retaining.tend(site.bridge.site)


def count(site: TestSite, *tables: Table) -> list[int]:
    with site.bridge.site.store.read() as c:
        return [c.execute(select(func.count()).select_from(t)).scalar_one() for t in tables]


def test_the_bytes_of_payloads_go_and_the_file_is_still_known(site: TestSite) -> None:
    finished(site)
    before = count(site, payload)
    assert later(site, 89) == retaining.Erased()
    done = later(site, 91)
    assert (done.payloads, done.bytes > 100, done.files > 0) == (before[0], True, True)
    assert count(site, payload, payload_part, dispatch_file) == [*before, 0, 0]
    site.drop("hospital", "in2.json", food_referral())  # the same again is counted, not read
    assert count(site, payload_part) == [0]


def test_an_erased_payload_says_so(site: TestSite) -> None:
    finished(site)
    later(site, 91)
    (id_, *_) = [m.payload for m in site.messages(kind="payload")]
    with pytest.raises(Held, match=r"CB-523"):
        payloads.open_payload(site.bridge.site.store, id_ or "")


def test_messages_go_when_all_of_their_family_is_over(site: TestSite) -> None:
    finished(site)
    done = later(site, 401)
    assert done.messages > 5
    assert count(site, message, dispatch) == [0, 0]
    assert site.referral().status == "completed"
    assert len(site.disclosures()) > 0


def test_nothing_of_a_referral_that_waits_is_erased(site: TestSite) -> None:
    site.bridge.site.partners["agency"] = replace(site.bridge.site.partners["agency"], mode="off")
    site.drop("hospital", "in.json", food_referral())
    before = count(site, payload_part, message)
    assert later(site, 5000) == retaining.Erased()
    assert count(site, payload_part, message) == before


def test_nothing_of_a_held_record_is_erased(site: TestSite) -> None:
    site.drop("hospital", "in.json", '{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {}}]}')
    assert len(site.held()) > 0
    assert later(site, 5000) == retaining.Erased()


def test_messages_of_an_open_referral_stay(site: TestSite) -> None:
    """The agency has it and has not answered: what was sent, and that it was, is still needed."""
    site.drop("hospital", "in.json", food_referral())
    later(site, 5000)
    assert [m.kind for m in site.messages(direction="out", state="done")] != []


@pytest.mark.parametrize("kind", holds.KINDS)
def test_what_is_under_a_legal_hold_stays_until_it_ends(site: TestSite, kind: str) -> None:
    id_ = finished(site)
    subject = {"client": site.referral().client or "", "partner": "hospital", "referral": id_}[kind]
    with site.bridge.site.store.write() as c:
        hold = holds.add(c, "2026", kind, subject, "docket 1", "counsel")
    of_hospital = [m.payload for m in site.messages(kind="payload", partner="hospital")]
    later(site, 5000, LONG)
    with site.bridge.site.store.read() as c:
        assert set(c.execute(select(payload_part.c.payload)).scalars()) >= set(of_hospital)
    assert count(site, event)[0] > 10
    with site.bridge.site.store.write() as c:
        assert holds.end(c, "2026", hold)
    later(site, 5000, LONG)
    assert count(site, payload_part, message) == [0, 0]


def test_old_events_and_disclosures_go_through_the_seals_and_the_ledger_still_holds(site: TestSite) -> None:
    finished(site)
    there = count(site, event, disclosure)
    done = later(site, 2000, LONG)
    assert (done.events, done.disclosures) == (0, 0)
    sealing.seal(site.bridge.site)
    done = later(site, 4500, LONG)
    assert done.events > there[0] // 2
    assert done.disclosures == there[1]
    sealing.seal(site.bridge.site)
    verify(site.bridge.site).demand_whole()


def test_disclosures_outlive_the_events_that_told_of_them(site: TestSite) -> None:
    finished(site)
    there = count(site, disclosure)
    policy = Policy(payloads=90, messages=400, events=400, disclosures=2196)
    later(site, 800, policy)
    assert later(site, 801, policy).events > 0  # what was erased yesterday is sealed now, so an older seal may go
    assert count(site, disclosure) == there
    sealing.seal(site.bridge.site)
    verify(site.bridge.site).demand_whole()


def test_every_erasure_is_on_the_books_as_counts(site: TestSite) -> None:
    finished(site)
    done = later(site, 401)
    told = [e["facts"] for e in site.noted("erased")]
    assert sum(f.get("messages", 0) for f in told) == done.messages
    assert all(isinstance(count, int) for f in told for count in f.values())


def test_it_goes_in_small_steps(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(site)
    monkeypatch.setattr(retention, "ROWS", 10)
    monkeypatch.setattr(retention, "PARTS", 1)
    later(site, 401)
    assert all(count <= 10 for e in site.noted("erased") for name, count in e["facts"].items() if name != "bytes")
    assert count(site, payload_part, message) == [0, 0]


def test_a_run_that_was_broken_off_is_finished_by_the_next(site: TestSite) -> None:
    finished(site)
    with site.bridge.site.store.write() as c:
        retention.mark_erased(c, [m.payload or "" for m in site.messages(kind="payload")], "2026")
    later(site, 1)
    assert count(site, payload_part) == [0]


def test_how_much_room_each_table_takes(site: TestSite) -> None:
    finished(site)
    with site.bridge.site.store.read() as c:
        tables, total = sizes.by_table(c), sizes.total(c)
        assert sizes.oldest_payload(c)
    assert set(tables) >= {"payload_part", "message", "record", "event"}
    assert 0 < sum(tables.values()) <= total


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ({"payloads": "soon"}, 'expected a time such as "90d"'),
        ({"payloads": "0d"}, 'expected a time such as "90d"'),
        ({"disclosures": "5y", "events": "5y"}, "six years"),
        ({"disclosures": "2190d", "events": "5y"}, "six years"),
        ({"payloads": "90d", "messages": "30d"}, "may not be kept longer"),
        ({"messages": "400d"}, "may not be kept longer"),  # payloads for ever
        ({"disclosures": "6y", "payloads": "1d", "messages": "1y"}, "name events, too"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(entries: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        RetentionTable(**entries)


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match='such as "500MB"'):
        StoreTable(max_size="big")


def test_the_commands(site: TestSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command: Command = command_line(monkeypatch, capsys, site.folder)
    id_ = finished(site)
    case = ("--reason", "docket 7", "--by", "counsel")
    assert command("legal-hold", "add", "partner", "nobody", *case)[0] == 3
    assert command("legal-hold", "add", "building", "x", *case)[0] == 3
    code, said = command("legal-hold", "add", "referral", id_, *case)
    hold = said.split()[2]
    assert (code, "docket 7" in command("legal-hold", "list")[1]) == (0, True)
    assert command("legal-hold", "end", hold)[0] == 0
    assert command("legal-hold", "end", hold)[0] == 3
    assert [e["facts"]["begins"] for e in site.noted("legal hold")] == [True, False]
    assert "payload_part" in command("store", "size")[1]


def test_a_payload_that_contradicted_another_goes_too_once_a_person_has_dropped_it(site: TestSite) -> None:
    site.drop("hospital", "one.json", food_referral())
    site.drop("hospital", "two.json", food_referral(description="another content under the same version"))
    (conflict,) = site.held()
    held.drop(site.bridge.site, conflict.id, "asked the hospital: the first one counts", by="it")
    site.answer(site.referral().id, "accept")
    site.answer(site.referral().id, "complete", outcome="food box")
    sealing.seal(site.bridge.site)
    later(site, 91)
    assert count(site, payload_part) == [0]
