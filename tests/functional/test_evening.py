"""What happens in the evening happened that day, though in UTC it is tomorrow."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from exports import export, required
from sites import TestSite, bundle, order, patient, task

EVENING = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)  # half past nine of the 22nd in New York


@pytest.mark.parametrize(("ordered", "day"), [
    ({}, "2026-11-22"),  # the day on which the referral came
    ({"occurrenceDateTime": "2026-11-23T02:10:00Z"}, "2026-11-22"),
    ({"occurrenceDateTime": "2026-11-24"}, "2026-11-24"),
])  # fmt: skip
def test_an_event_has_the_day_on_the_clocks_of_the_site(tmp_path: Path, ordered, day):
    site = TestSite(tmp_path)
    site.bridge.site.clock = lambda: EVENING
    site.drop("hospital", "p.json", bundle(patient()))
    site.drop("hmis", "export.zip", export(required))
    site.drop("hospital", "t.json", bundle(task(), order("homelessness", "emergency-shelter", **ordered), patient()))
    assert site.held() == []
    (sent,) = (site.folder / "hmis").rglob("casebridge-*.zip")
    with zipfile.ZipFile(sent) as found:
        (event,) = csv.DictReader(io.StringIO(found.read("Event.csv").decode()))
    assert event["EventDate"] == day
    site.bridge.close()
