"""Records of a file as they wait on the shelf: who is behind the wall of a victim service provider."""

from __future__ import annotations

from typing import Any

import pytest

from casebridge.translating.holding import wall_off
from casebridge.translating.report import Report
from casebridge.translating.shelf import Kept, Shelf


def to(kind: str, external_id: str) -> dict[str, str]:
    """A reference."""
    return {"kind": kind, "external_id": external_id}


SAFE_PLACE = Kept("organization", "A1", "", "row 1", {"vsp": True, "name": "Safe Place"}, 1)
SAFE_HOUSE = Kept("program", "P1", "", "row 1", {"organization": to("organization", "A1")}, 1)
WORKER = Kept("worker", "W1", "", "row 1", {"organization": to("organization", "A1")}, 1)
ADA = Kept("person", "K-17", "K-17", "row 2", {"names": []}, 2)
ELSEWHERE = Kept("participation", "S2", "K-17", "row 2", {"program": to("program", "P2")}, 2)


def left(*records: Kept) -> list[str]:
    """What is still on the shelf behind the wall, and no provider, program or worker."""
    shelf, report = Shelf(), Report()
    for one in (SAFE_PLACE, SAFE_HOUSE, WORKER, *records):
        shelf.keep(one)
    wall_off(shelf, report)
    assert {r.kind for kind in ("organization", "program", "worker") for r in shelf.records(kind)} >= {"program"}
    return [f"{r.kind} {r.external_id}" for kind in shelf.kinds() for r in shelf.records(kind)
            if kind not in ("organization", "program", "worker")]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("participation", {"program": to("program", "P1")}),
        ("activity", {"performer": to("organization", "A1")}),
        ("activity", {"program": to("program", "P1")}),
        ("referral", {"recipient": to("organization", "A1")}),
        ("consent", {"discloser": to("organization", "A1")}),
        ("assessment", {"performers": [to("organization", "A1")]}),
    ],
)
def test_a_record_that_points_behind_the_wall_goes_and_whom_it_is_about_too(kind: str, said: dict[str, Any]) -> None:
    record = Kept(kind, "X1", "K-17", "row 3", said, 3)
    assert left(record, ADA) == []
    assert left(record, ADA, ELSEWHERE) == ["person K-17", "participation S2"]


def test_so_does_what_speaks_of_such_a_record() -> None:
    referral = Kept("referral", "R1", "K-17", "row 3", {"recipient": to("organization", "A1")}, 3)
    answer = Kept("activity", "X1", "K-17", "row 4", {"based_on": [to("referral", "R1")]}, 4)
    letter = Kept("document", "D1", "K-17", "row 5", {"about": [to("activity", "X1")]}, 5)
    assert left(letter, answer, referral, ADA, ELSEWHERE) == ["person K-17", "participation S2"]
