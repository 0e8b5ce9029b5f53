"""A replay in a test: tried out, or done to its end with all that follows."""

from __future__ import annotations

import shutil
from pathlib import Path

from sites import TestSite

from casebridge.engine import replay
from casebridge.engine.again import Wish
from casebridge.engine.replay import Result
from casebridge.engine.trial import Trial
from casebridge.store.replays import Selection

SHIPPED = Path(__file__).parents[2] / "mappings" / "sdohcc"
PATIENT = """\
map: sdohcc/patient
case: person
other: fhir-r4/Patient
match: {resourceType: Patient}
fields:
  birth: birthDate
"""
WITH_NAMES = PATIENT + "  names:\n    each: name\n    key: family\n    fields: {family: family}\n"


def write_map(folder: Path, text: str) -> None:
    """The site's own map of the hospital's patients, beside the shipped ones of a referral."""
    own = folder / "mappings" / "sdohcc"
    shutil.copytree(SHIPPED / "codes", own / "codes", dirs_exist_ok=True)
    for name in ("task.yaml", "service-request.yaml"):
        shutil.copy(SHIPPED / name, own)
    (own / "patient.yaml").write_text(text, encoding="utf-8")


def tried(site: TestSite, start: str, *, again: bool = True, **chosen: object) -> list[Trial]:
    """What a replay would send."""
    selection = Selection(**{"done": True, **chosen})  # type: ignore[arg-type]
    found = replay.tried(site.bridge.site, selection, Wish(start=start, again=again))
    return [one for trials in found for one in trials]


def replayed(site: TestSite, start: str, *, again: bool = True, **chosen: object) -> Result:
    """Replay, and let the bridge do everything that is due."""
    selection = Selection(**{"done": True, **chosen})  # type: ignore[arg-type]
    wish = Wish(by="Kim", why="the map was mended", start=start, again=again)
    result = replay.go(site.bridge.site, replay.begin(site.bridge.site, selection, wish, None))
    site.work()
    return result
