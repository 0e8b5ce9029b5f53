"""A payer's rows: only for the roster, and the others leave nothing but their count, also when they are held."""

from __future__ import annotations

from members import file_834, member
from sites import TestSite, patient

from casebridge.engine import held as holding

STRANGER = member("LINDQVIST", "PER", "899617001", sex="Q", number="MCD7001X")
ADA = member("MORENO", "ADA", "899611001", maintenance="024", ends="20261130")


def test_a_held_row_does_not_name_whom_it_is_about(site: TestSite) -> None:
    site.drop("hospital", "ada.json", patient())
    site.drop("state", "834.txt", file_834(STRANGER, ADA))
    (held,) = site.held()
    assert (held.code, held.position["segment"] > 0) == ("CB-205", True)
    assert "MCD7001X" not in f"{held.external_id} {held.order_key} {held.reason}"
    assert len(site.messages(kind="x12/834-member", state="done")) == 1


def test_later_rows_of_the_same_person_wait_behind_a_held_one_and_replay_knows_it_again(site: TestSite) -> None:
    site.drop("hospital", "ada.json", patient())
    spoiled = member("MORENO", "ADA", "899611001", sex="Q")
    site.drop("state", "a.txt", file_834(spoiled))
    site.drop("state", "b.txt", file_834(ADA, control="000000418"))
    assert [m.state for m in site.messages(kind="x12/834-member")] == ["held", "waiting"]
    (held,) = site.held()
    holding.drop(site.bridge.site, held.id, "the sender mended it", "test")
    site.work()
    assert [m.state for m in site.messages(kind="x12/834-member")] == ["dropped", "done"]
