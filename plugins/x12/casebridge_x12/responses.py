"""271: one native record for each person who was asked about, with the payer, the asker and the subscriber round it.

The levels are a tree of HL segments (005010X279A1): information source (HL03 = 20), receiver (21), subscriber (22),
dependent (23). Loops of subscribers (2100C, 2110C) and of dependents (2100D, 2110D) have one name: ``2100``, ``2110``.
"""

from __future__ import annotations

from typing import Any

from casebridge import Native
from casebridge.core.errors import Position, RecordError
from casebridge_x12.benefits import add_keys, asked_in, speaks
from casebridge_x12.checks import Problem, refusal
from casebridge_x12.guide import RESPONSE, guide
from casebridge_x12.identity import identify_answered, likeness
from casebridge_x12.reader import Segment
from casebridge_x12.records import Found, worded
from casebridge_x12.sightings import Sightings
from casebridge_x12.walker import Walk

TYPE = "x12/271-eligibility"
LEVELS = ("20", "21", "22", "23")  # HL03, outermost first
LOOPS = {"20": "2000A", "21": "2000B", "22": "2000", "23": "2000"}
ROLES = {"22": "subscriber", "23": "dependent"}


class Responses:
    """Reads the answers of 271 transactions."""

    starts, guide = "HL", RESPONSE

    def __init__(self, member_ref: str, id_key: bytes) -> None:
        self._ids = member_ref, id_key
        self._around: dict[str, Any] = {}
        self._pending: list[str] = []
        self._open: dict[str, Walk] = {}  # the levels above, by HL03
        self._numbers: dict[str, str] = {}  # their HL01
        self._waiting: tuple[list[Segment], Walk] | None = None  # a subscriber who may be there for dependents only
        self._rejected: list[tuple[int, Walk, dict[str, Any]]] = []
        self._sightings = Sightings()

    def begin(self, around: dict[str, Any], warnings: list[str]) -> None:
        """Table 1 (BHT) goes with every answer."""
        self._around, self._pending = around, warnings
        self._open, self._numbers, self._rejected = {}, {}, []

    def record(self, block: list[Segment]) -> Found:
        """One level. A subscriber whose HL04 announces dependents, and about whom nothing is said, is only theirs."""
        level = _element(block[0], 3)
        if level != "23":
            yield from self._no_dependents()
        problem = self._misplaced(block[0], level)
        if problem:
            yield refusal([problem], "")
            return
        walk = Walk(guide(RESPONSE)[LOOPS[level]], block)
        self._enter(level, _element(block[0], 1), walk)
        if level in ("20", "21"):
            self._note(block, walk)
        elif level == "22" and _element(block[0], 4) == "1" and not speaks(walk.data):
            self._waiting = block, walk
        else:
            self._waiting = None if level == "23" else self._waiting
            yield self._person(block, walk, level)

    def end(self) -> Found:
        """A reject under which nobody is named is an error of its own (CB-317)."""
        yield from self._no_dependents()
        for number, _, reject in self._rejected:
            yield RecordError(
                "CB-317", f"the payer answered no inquiry: reject reason {reject.get('03', 'not given')}",
                position=Position(segment=number, loop="2000"), field="AAA03",
            )  # fmt: skip

    def _no_dependents(self) -> Found:
        if self._waiting:
            block, walk = self._waiting
            self._waiting = None
            yield self._person(block, walk, "22")

    def _misplaced(self, head: Segment, level: str) -> Problem | None:
        """An HL of an unknown level, or one that does not stand under the level before it."""
        if level not in LEVELS:
            return Problem(head.number, "2000", "HL03", "this level is not in the guide", " ".join(LEVELS), level, True)
        above = LEVELS[LEVELS.index(level) - 1] if level != "20" else ""
        if above and (above not in self._numbers or self._numbers[above] != _element(head, 2)):
            found = _element(head, 2) or None
            return Problem(head.number, "2000", "HL02", "the level does not stand under the one above it",
                           "the HL01 of the level above", found, True)  # fmt: skip
        return None

    def _enter(self, level: str, number: str, walk: Walk) -> None:
        kept = LEVELS[: LEVELS.index(level)]
        self._open = {each: self._open[each] for each in kept if each in self._open} | {level: walk}
        self._numbers = {each: self._numbers[each] for each in kept if each in self._numbers} | {level: number}

    def _note(self, block: list[Segment], walk: Walk) -> None:
        """What the payer rejects here holds for everybody below."""
        self._rejected += [(block[0].number, walk, reject) for loop in _loops(walk) for reject in loop.get("AAA", ())]

    def _person(self, block: list[Segment], walk: Walk, level: str) -> Native | RecordError:
        levels = list(self._open.values())
        self._rejected = [each for each in self._rejected if not any(each[1] is walk for walk in levels)]
        number, holder = block[0].number, self._open["22"] if level == "23" else None
        held = [p for p in [*(holder.problems if holder else ()), *walk.problems] if p.hold]
        if held:
            return refusal(held, "")
        loop, subscriber = walk.data["2100"], holder.data if holder else None
        asked = asked_in({**self._around, **walk.data})
        member_id = identify_answered(loop, subscriber["2100"] if subscriber else None, asked, *self._ids)
        repeated = self._sightings.repeated(member_id, number, likeness(loop))
        if isinstance(repeated, RecordError):
            return repeated
        data = {**self._around, **self._above(subscriber), "member_id": member_id, "member": ROLES[level], **walk.data}
        add_keys(data, member_id, [loop for above in levels if above is not walk for loop in _loops(above)])
        worded(data, block, self._pending + repeated, walk.problems)
        self._pending = []
        position = Position(segment=number, loop="2000")
        return Native(TYPE, data, position, member_id, order_key=member_id, change=True, coverage=True)

    def _above(self, subscriber: dict[str, Any] | None) -> dict[str, Any]:
        above = {LOOPS[level]: self._open[level].data for level in ("20", "21") if level in self._open}
        return above | ({"subscriber": subscriber} if subscriber else {})


def _element(segment: Segment, index: int) -> str:
    return segment.elements[index] if index < len(segment.elements) else ""


def _loops(walk: Walk) -> list[dict[str, Any]]:
    """The loops of a level in which the payer may reject."""
    return [walk.data, *(walk.data[name] for name in ("2100A", "2100B", "2100") if name in walk.data)]
