"""A changed map is taken up between messages, without a restart; a bad one never replaces a good one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sites import TestSite, patient

from casebridge.store import maptexts, records
from casebridge.web.console import console_app

MAP = """\
map: sdohcc/patient
case: person
other: fhir-r4/Patient
match: {resourceType: Patient}
fields:
  birth: birthDate
"""
WITH_NAMES = MAP + "  names:\n    each: name\n    key: family\n    fields: {family: family}\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestSite]:
    write(tmp_path, MAP)
    made = TestSite(tmp_path)
    yield made
    made.bridge.close()


def write(folder: Path, text: str) -> None:
    """The site's own map for the hospital's patients."""
    file = folder / "mappings" / "sdohcc" / "patient.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def hear(site: TestSite, id_: str) -> dict[str, Any]:
    """A patient comes from the hospital; what is on the books of them."""
    site.drop("hospital", f"{id_}.json", patient(id_))
    with site.bridge.site.store.read() as c:
        found = records.find(c, "hospital", "person", f"Patient/{id_}")
    assert found is not None
    return found.document


def test_the_next_message_is_read_with_the_changed_map(site):
    assert set(hear(site, "p1")) == {"birth"}
    write(site.folder, WITH_NAMES)
    assert set(hear(site, "p2")) == {"birth", "names"}
    (told,) = site.noted("maps-changed")
    assert (told["partner"], told["facts"]) == ("hospital", {"maps": "sdohcc/patient"})


def test_every_message_keeps_its_maps_digest_and_text(site):
    hear(site, "p1")
    write(site.folder, WITH_NAMES)
    hear(site, "p2")
    first, second = (m.map_digest for m in site.messages(kind="fhir-r4/Patient"))
    with site.bridge.site.store.read() as c:
        assert (maptexts.get(c, first), maptexts.get(c, second)) == (MAP, WITH_NAMES)


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        (MAP.replace("birth:", "brith:"), "patient.yaml:6:3"),
        (MAP.replace("birthDate", "birthdate"), "patient.yaml:6:3"),
        (MAP + "  names: {each: name, fields: {family: family}}\n", "patient.yaml:7:3"),
        (MAP[:60], "patient.yaml:5:1"),
    ],
    ids=["a case path", "the other path", "a list without a key", "half a file"],
)
def test_a_bad_map_never_replaces_the_good_one(site, caplog, bad, where):
    write(site.folder, bad)
    with caplog.at_level(logging.WARNING, "casebridge.maps"):
        assert set(hear(site, "p1")) == {"birth"}
    assert site.held() == []
    assert where in site.bridge.lanes.map_problems["hospital"]
    assert where in caplog.text
    (told,) = site.noted("maps-refused")
    assert told["facts"]["maps"].endswith(where)


def test_a_mended_map_is_used_and_the_warning_goes(site):
    write(site.folder, MAP.replace("birth:", "brith:"))
    hear(site, "p1")
    write(site.folder, WITH_NAMES)
    assert set(hear(site, "p2")) == {"birth", "names"}
    assert site.bridge.lanes.map_problems == {}


def test_a_bad_map_is_told_once(site):
    write(site.folder, MAP.replace("birth:", "brith:"))
    for number in range(3):
        hear(site, f"p{number}")
    assert len(site.noted("maps-refused")) == 1


def test_the_console_says_which_map_is_not_used_and_where_to_mend_it(site):
    write(site.folder, MAP.replace("birth:", "brith:"))
    site.work()
    page = TestClient(console_app(site.bridge, ["testserver"])).get("/").text
    assert "Changed maps that are not used" in page
    assert "patient.yaml:6:3" in page
