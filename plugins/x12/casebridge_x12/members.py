"""834: one native record per 2000 loop, with the envelope round it."""

from __future__ import annotations

from typing import Any

from casebridge import Native
from casebridge.core.errors import Position, RecordError
from casebridge_x12.checks import refusal
from casebridge_x12.guide import ENROLLMENT, guide
from casebridge_x12.identity import identify, is_subscriber, likeness, reference
from casebridge_x12.reader import Segment
from casebridge_x12.records import Found, worded
from casebridge_x12.sightings import Sightings
from casebridge_x12.spans import name_coverages, split_ranges
from casebridge_x12.walker import Walk

TYPE = "x12/834-member"
CHANGES = ("001", "024", "025")  # INS03 of a row that says only what changed; 021 and 030 say all
TABLE_1 = ("ISA", "GS", "ST", "BGN", "1000A", "1000B", "1000C")  # what else stands in table 1 is ``HEADER``


class Members:
    """Reads the members of 834 transactions."""

    starts, guide = "INS", ENROLLMENT

    def __init__(self, member_ref: str, id_key: bytes) -> None:
        self._member_ref, self._id_key = member_ref, id_key
        self._around: dict[str, Any] = {}
        self._pending: list[str] = []  # warnings of the transaction, for its first member
        self._sightings = Sightings()

    def begin(self, around: dict[str, Any], warnings: list[str]) -> None:
        """Table 1 goes with every member."""
        own = {key: around.pop(key) for key in TABLE_1 if key in around}
        self._around, self._pending = {**own, "HEADER": around}, warnings

    def record(self, block: list[Segment]) -> Found:
        """One member, or why it is held."""
        walk = Walk(guide(ENROLLMENT)["2000"], block)
        member = walk.data
        member_id = identify(member, self._member_ref, self._id_key)
        held = [p for p in walk.problems if p.hold]
        if held:
            yield refusal(held, member_id if reference(member, "0F") else "")
            return
        repeated = self._sightings.repeated(member_id, block[0].number, likeness(member["2100A"]))
        if isinstance(repeated, RecordError):
            yield repeated
            return
        role = "subscriber" if is_subscriber(member) else "dependent"
        data = {**self._around, "member_id": member_id, "member": role, **member}
        _add_keys(data, member_id)
        worded(data, block, self._pending + repeated, walk.problems)
        self._pending = []
        yield Native(
            TYPE, data, Position(segment=block[0].number, loop="2000"), member_id, order_key=member_id,
            change=member["INS"].get("03") in CHANGES, coverage=True,
        )  # fmt: skip

    def end(self) -> Found:
        """Nothing is left to say."""
        yield from ()


def _add_keys(data: dict[str, Any], member_id: str) -> None:
    """What no single element says and maps need: ``eligibility_id`` and, in each 2300, ``coverage_id``.

    ``eligibility_id`` stands where the loop itself states eligibility: see :func:`_states_eligibility`.
    """
    split_ranges(data)
    if _states_eligibility(data):
        data["eligibility_id"] = f"{member_id}/eligibility"
    name_coverages(data.get("2300", ()), member_id)


def _states_eligibility(data: dict[str, Any]) -> bool:
    """An end (DTP*357), or a begin (DTP*356) that is not the begin of what a 024 ends.

    Without any coverage also each row but a change (INS03 = 001), which may be one of name or address.

    A termination whose coverages say their own end would otherwise end twice.
    """
    dates, maintenance = {dtp.get("01") for dtp in data.get("DTP", ())}, data["INS"].get("03")
    if "357" in dates:
        return True
    if "2300" in data:
        return "356" in dates and maintenance != "024"
    return "356" in dates or maintenance != "001"
