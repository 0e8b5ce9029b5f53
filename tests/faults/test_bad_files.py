"""Files that come half, twice, again, changed or contradicted: each once, in order, and none overwritten."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from books import accounts, assert_helpful, only_held
from members import file_834, member
from pantry import HEADER, pantry_table
from sites import TestSite, patient

from casebridge.store import payloads, records

NAMES = ("Moreno", "Haddad", "MORENO", "899611001")


def clients(*families: str, born: str = "02/20/1987") -> str:
    return HEADER + "".join(f"K{n},Ada,{family},{born},,,,,,,,,\n" for n, family in enumerate(families))


@pytest.fixture
def pantry(tmp_path: Path, make_site: Callable[..., TestSite]) -> TestSite:
    """A site with an agency that sends its list of clients."""
    (tmp_path / "site0" / "pantry" / "in").mkdir(parents=True)
    return make_site(more=pantry_table(max_bytes=4000))


def family(site: TestSite, number: int = 0) -> str | None:
    with site.bridge.site.store.read() as c:
        found = records.find(c, "pantry", "person", f"K{number}")
    return found.document["names"][0]["family"] if found else None


def repeats(site: TestSite, partner: str) -> int:
    with site.bridge.site.store.read() as c:
        return payloads.duplicates(c, partner)


def test_a_file_still_being_written_waits_until_it_is_whole(tmp_path: Path, make_site: Callable[..., TestSite]) -> None:
    (tmp_path / "site0" / "pantry" / "in").mkdir(parents=True)
    site = make_site(more=pantry_table(quiet_seconds=60, max_bytes=4000))
    whole = clients("Moreno", "Haddad")
    site.drop("pantry", "list.csv", whole[:-30])
    assert accounts(site, "pantry")["in"] == 0
    path = site.folder / "pantry" / "in" / "list.csv"
    path.write_text(whole)
    before = path.stat().st_mtime - 120
    os.utime(path, (before, before))
    site.work()
    assert accounts(site, "pantry") == {"in": 2, "done": 2}
    assert site.held() == []


def test_a_file_cut_in_the_middle_of_a_row_holds_that_row(pantry: TestSite) -> None:
    pantry.drop("pantry", "list.csv", clients("Moreno", "Haddad")[:-9])
    assert_helpful(only_held(pantry), "CB-301", "partner", "row 3", hides=NAMES)
    assert (family(pantry), accounts(pantry, "pantry")) == ("Moreno", {"in": 2, "done": 1, "held": 1})


def test_the_same_file_twice_is_counted_and_the_same_name_with_new_content_is_new(pantry: TestSite) -> None:
    pantry.drop("pantry", "list.csv", clients("Moreno"))
    pantry.drop("pantry", "list.csv", clients("Moreno"))
    assert (accounts(pantry, "pantry")["in"], repeats(pantry, "pantry")) == (1, 1)
    pantry.drop("pantry", "list.csv", clients("Haddad"))
    assert (accounts(pantry, "pantry")["in"], family(pantry)) == (2, "Haddad")
    done = sorted(f.name for f in (pantry.folder / "pantry" / "done").iterdir())
    assert len(done) == 3, "no earlier file is written over"


def test_a_then_b_then_a_again_ends_with_a(pantry: TestSite) -> None:
    for name in ("Moreno", "Haddad", "Moreno"):
        pantry.drop("pantry", "list.csv", clients(name))
    assert (family(pantry), accounts(pantry, "pantry")["in"], repeats(pantry, "pantry")) == ("Moreno", 3, 0)


def test_a_file_larger_than_allowed_stays_where_it_is_and_the_others_are_read(pantry: TestSite) -> None:
    (pantry.folder / "pantry" / "in" / "large.csv").write_text(clients(*["Moreno"] * 200))
    pantry.drop("pantry", "list.csv", clients("Haddad"))
    assert family(pantry) == "Haddad"
    assert [f.name for f in (pantry.folder / "pantry" / "in").iterdir()] == ["large.csv"]
    problem = pantry.bridge.lanes.problems["pantry"]
    assert "large.csv" in problem
    assert "CB-304" in problem


def test_a_column_that_is_missing_is_named_and_the_next_file_is_read(pantry: TestSite) -> None:
    pantry.drop("pantry", "list.csv", clients("Moreno").replace("Client ID,", "", 1))
    assert_helpful(only_held(pantry), "CB-381", "partner", "row 1", "Client ID", hides=NAMES)
    pantry.drop("pantry", "list.csv", clients("Haddad"))
    assert family(pantry) == "Haddad"


def test_the_same_control_number_with_other_content_is_held_and_can_be_taken_after_all(site: TestSite) -> None:
    site.drop("hospital", "ada.json", patient())
    first = file_834(member("MORENO", "ADA", "899611001", born="19870220"))
    second = file_834(member("MORENO", "ADA", "899611001", born="19870221"))
    site.drop("state", "834.txt", first)
    site.drop("state", "834.txt", second)
    held = only_held(site)
    assert_helpful(held, "CB-501", "partner", "STATEMMIS:000000417", hides=NAMES)
    assert accounts(site, "state")["in"] == 1
    assert [f.name for f in (site.folder / "state" / "held").iterdir()] == ["834.txt"]
    site.replay(held.id)
    assert (site.held(), accounts(site, "state")) == ([], {"in": 2, "done": 2})
    site.drop("state", "834.txt", first)
    assert (accounts(site, "state")["in"], repeats(site, "state")) == (2, 1)


def test_a_folder_that_is_not_there_is_named_and_the_other_partners_go_on(
    tmp_path: Path, make_site: Callable[..., TestSite]
) -> None:
    site = make_site(more=pantry_table(max_bytes=4000))
    site.drop("hospital", "ada.json", patient())
    assert "CB-370" in site.bridge.lanes.problems["pantry"]
    assert accounts(site, "hospital") == {"in": 1, "done": 1}
    (site.folder / "pantry").mkdir()
    site.drop("pantry", "list.csv", clients("Moreno"))
    assert (family(site), "pantry" in site.bridge.lanes.problems) == ("Moreno", False)
