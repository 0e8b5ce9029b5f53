"""Which timers a referral has, by how it stands; what ends on a day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from casebridge.core.errors import SetupError
from casebridge.engine.calendar import Calendar
from casebridge.engine.deadlines import Standing, of_last_day, of_referral, rules_of, span, standard_rules

NEW_YORK = ZoneInfo("America/New_York")
OFFICE = Calendar(NEW_YORK)  # Monday to Friday, 8 to 17


def at(text: str) -> str:
    """A moment in New York as it is stored."""
    local = datetime.fromisoformat(f"2026-{text}").replace(tzinfo=NEW_YORK)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def due(status: str, **more: Any) -> dict[str, str]:
    """kind: when it is due, in New York."""
    standing = Standing(status, at("11-02 09:00"), **more)  # asked for on a Monday
    found = of_referral(standing, standard_rules(), OFFICE)
    return {k: datetime.fromisoformat(d.due).astimezone(NEW_YORK).strftime("%m-%d %H:%M") for k, d in found.items()}


RECEIVED = {"received": at("11-02 10:00")}
TABLE = [  # status, how it stands, what is due when
    ("draft", {}, {}),
    ("requested", {}, {"not-received": "11-02 13:00"}),
    ("requested", {"urgent": True}, {"not-received": "11-02 10:00"}),
    ("requested", RECEIVED, {"not-answered": "11-04 10:00"}),
    ("requested", {**RECEIVED, "urgent": True}, {"not-answered": "11-02 14:00"}),
    ("requested", {**RECEIVED, "on_form": True}, {"not-seen": "11-03 10:00", "not-answered": "11-04 10:00"}),
    ("requested", {**RECEIVED, "on_form": True, "seen": at("11-02 11:00")}, {"not-answered": "11-04 10:00"}),
    ("requested", {**RECEIVED, "due_by": "2026-11-06"}, {"not-answered": "11-09 08:00"}),
    ("requested", {**RECEIVED, "due_by": "2026-11-03T12:00:00-05:00"}, {"not-answered": "11-03 12:00"}),
    ("requested", {**RECEIVED, "due_by": "2026-11-03T12:00:00"}, {"not-answered": "11-03 12:00"}),
    ("requested", {**RECEIVED, "role": "hmis_lead"}, {}),
    ("requested", {"role": "hmis_lead"}, {"not-received": "11-02 13:00"}),
    ("requested", {"quiet": True, "needed_by": "2026-11-03"}, {}),
    ("requested", {"needed_by": "2026-11-03"}, {"not-received": "11-02 13:00", "past-due": "11-04 08:00"}),
    ("requested", {**RECEIVED, "second": True}, {"possibly-same": "11-02 09:00", "not-answered": "11-04 10:00"}),
    ("completed", {"second": True}, {}),
    ("requested", {**RECEIVED, "sort": "part"}, {"not-answered": "11-04 10:00"}),
    ("requested", {**RECEIVED, "sort": "try", "needed_by": "2026-11-03"}, {"not-answered": "11-04 10:00"}),
    ("requested", {"sort": "offer"}, {"not-received": "11-02 13:00"}),
    ("requested", {**RECEIVED, "sort": "offer", "on_form": True}, {}),
    ("requested", {"sort": "open"}, {"not-claimed": "11-02 13:00"}),
    ("requested", {"sort": "open", "urgent": True}, {"not-claimed": "11-02 10:00"}),
    ("requested", {"sort": "open", "due_by": "2026-11-03T12:00:00-05:00"}, {"not-claimed": "11-03 12:00"}),
    ("accepted", {"sort": "open", "needed_by": "2026-11-03"}, {"past-due": "11-04 08:00"}),
    ("requested", {"sort": "whole", "needed_by": "2026-11-03"}, {"past-due": "11-04 08:00"}),
    ("accepted", RECEIVED, {}),
    ("accepted", {**RECEIVED, "needed_by": "2026-11-07"}, {"past-due": "11-09 08:00"}),  # a Saturday
    ("accepted", {"needed_by": "2026-11"}, {}),  # no full date presses nobody
    ("accepted", {"needed_by": "soon"}, {}),
    ("in-progress", {"needed_by": "2026-11-03"}, {"past-due": "11-04 08:00"}),
    ("on-hold", {"needed_by": "2026-11-03"}, {"past-due": "11-04 08:00"}),
    *((ended, {**RECEIVED, "needed_by": "2026-11-03"}, {}) for ended in (
        "rejected", "completed", "cancelled", "failed", "entered-in-error")),
]  # fmt: skip


@pytest.mark.parametrize(("status", "stands", "said"), TABLE)
def test_what_a_referral_waits_for(status: str, stands: dict[str, Any], said: dict[str, str]) -> None:
    assert due(status, **stands) == said


AGREEMENT = [  # today, which of 60, 30 and 7 days are set, which are late
    ("2026-06-01", {"60": "11-02 08:00", "30": "12-02 08:00", "7": "12-28 08:00"}, set()),
    ("2026-11-20", {"60": "11-02 08:00", "30": "12-02 08:00", "7": "12-28 08:00"}, set()),
    ("2026-12-10", {"60": "11-02 08:00", "30": "12-02 08:00", "7": "12-28 08:00"}, {"60"}),
    ("2027-01-20", {"60": "11-02 08:00", "30": "12-02 08:00", "7": "12-28 08:00"}, {"60", "30"}),
]


@pytest.mark.parametrize(("today", "dues", "late"), AGREEMENT)
def test_an_agreement_until_new_years_eve(today: str, dues: dict[str, str], late: set[str]) -> None:
    now = datetime.fromisoformat(today).replace(tzinfo=UTC)
    found = of_last_day("agreement", "2026-12-31", standard_rules(), OFFICE, now)
    shown = {kind.removeprefix("agreement-"): d for kind, d in found.items()}
    local = {k: datetime.fromisoformat(d.due).astimezone(NEW_YORK).strftime("%m-%d %H:%M") for k, d in shown.items()}
    assert (local, {k for k, d in shown.items() if d.late}) == (dues, late)


def test_what_is_no_date_ends_never() -> None:
    today = datetime(2026, 1, 1, tzinfo=UTC)
    assert of_last_day("agreement", "until further notice", standard_rules(), OFFICE, today) == {}


def test_a_site_may_give_an_alarm_more_time_or_switch_it_off() -> None:
    rules = rules_of({"not-answered": "3 business days", "not-seen": "off"})
    assert rules["not-answered"].after == span("3 business days")
    assert "not-seen" not in rules
    assert rules["past-due"] == standard_rules()["past-due"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"not-anwsered": "off"}, "no such alarm; there are not-received"), ({"not-seen": "soon"}, "no span of time")],
)
def test_what_a_site_cannot_write(changes: dict[str, str], said: str) -> None:
    with pytest.raises(SetupError, match=said) as error:
        rules_of(changes)
    assert error.value.code == "CB-101"


def test_the_guide_lists_every_alarm_with_its_times() -> None:
    guide = (Path(__file__).parents[2] / "docs/guides/alarms.md").read_text(encoding="utf-8")
    for kind, rule in standard_rules().items():
        stem, _, days = kind.rpartition("-") if kind[-1].isdigit() else (kind, "", "")
        (line,) = [li for li in guide.splitlines() if li.startswith((f"| `{stem}`", f"| `{stem}-"))]
        assert (f"`-{days}`" in line or f"-{days}`" in line) if days else True
        if rule.after.number > 0:
            for time in (rule.after, rule.urgent):
                assert f"{time.number} {time.unit}".removesuffix("s") in line


def test_no_mail_says_anything_of_a_client() -> None:
    """It may be read on any telephone: neither a need, nor coverage, nor a service (45 CFR 164.502(b))."""
    told = " ".join(rule.mail.lower() for rule in standard_rules().values())
    assert not {"coverage", "medicaid", "shelter", "food", "health", "name"} & set(told.replace(".", "").split())
