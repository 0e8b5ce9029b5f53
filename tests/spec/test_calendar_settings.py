"""``[calendar]`` and ``[alarms]`` in casebridge.toml."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from casebridge.app import open_bridge
from casebridge.core.errors import SetupError
from casebridge.engine.deadlines import span

SITE = '[site]\nname = "Test"\ntimezone = "America/New_York"\n'


def written(folder: Path, more: str) -> Path:
    path = folder / "casebridge.toml"
    path.write_text(SITE + more)
    return path


def test_what_a_site_says_is_used(tmp_path: Path) -> None:
    bridge = open_bridge(written(tmp_path, """
[calendar]
days = ["sun", "mon"]
hours = "22:30-24:00"
holidays = "none"
closed = [2026-11-27]
[alarms]
not-answered = "3 business days"
not-seen = "off"
"""))
    calendar, rules = bridge.site.calendar, bridge.site.alarm_rules
    assert (calendar.zone.key, calendar.weekdays, calendar.opens, calendar.closes) == (
        "America/New_York", {6, 0}, 1350, 1440)  # fmt: skip
    assert (calendar.federal, calendar.closed) == (False, {date(2026, 11, 27)})
    assert (rules["not-answered"].after, "not-seen" in rules) == (span("3 business days"), False)
    bridge.close()


WRONG = {
    'hours = "8-17"': "expected hours such as",
    'hours = "17:00-08:00"': "hours begin before they end",
    'hours = "08:00-24:30"': "expected hours such as",
    "days = []": "calendar.days",
    'days = ["monday"]': "calendar.days",
    'holidays = "bank"': "calendar.holidays",
    'closed = ["Thanksgiving"]': "calendar.closed",
    '[alarms]\nnot-anwsered = "off"': "alarms.not-anwsered: there is no such alarm",
    '[alarms]\nnot-seen = "at once"': "no span of time",
}  # fmt: skip


@pytest.mark.parametrize("entry", WRONG)
def test_what_is_wrong_is_said_with_its_entry(tmp_path: Path, entry: str) -> None:
    with pytest.raises(SetupError, match=WRONG[entry]) as error:
        open_bridge(written(tmp_path, f"[calendar]\n{entry}\n"))
    assert error.value.code == "CB-101"
