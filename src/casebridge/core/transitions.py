"""Which moves of a referral are legal, and whose: a table, so that a partner may bring its own."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Move:
    """One row: from one state to another, by whom, and what must come with it."""

    start: str
    goal: str
    who: frozenset[str]
    reason_required: bool
    output_required: bool


@dataclass(frozen=True, slots=True)
class Transitions:
    """A transition table. The state before the first event is the empty string."""

    moves: tuple[Move, ...]

    @classmethod
    def from_csv(cls, text: str) -> Transitions:
        """From columns ``from, to, who, reason_required, output_required``; raises ValueError on anything else."""
        reader = csv.DictReader(text.splitlines())
        if reader.fieldnames != ["from", "to", "who", "reason_required", "output_required"]:
            raise ValueError("a transition table has the columns from, to, who, reason_required, output_required")
        return cls(tuple(_move(row, line) for line, row in enumerate(reader, 2)))

    def find(self, start: str, goal: str) -> Move | None:
        """The row of this move."""
        return next((m for m in self.moves if m.start == start and m.goal == goal), None)

    def after(self, status: str, side: str) -> tuple[str, ...]:
        """Where this side may go from here."""
        return tuple(m.goal for m in self.moves if m.start == status and side in m.who)

    def may_enter(self, goal: str, side: str) -> bool:
        """Is it ever this side's part to move a referral to ``goal``?"""
        return any(m.goal == goal and m.start and side in m.who for m in self.moves)

    def ended(self, status: str) -> bool:
        """Terminal: nothing follows but the word that it was a mistake."""
        return {m.goal for m in self.moves if m.start == status} <= {"entered-in-error"}

    def refusal(self, start: str, goal: str, side: str, reason: bool, output: bool) -> str:
        """Why this move may not be made, in plain words; empty when it may."""
        move = self.find(start, goal)
        if move is None or (not start and side not in move.who):
            return _illegal(start, goal)
        if side not in move.who:
            return f"it is not for the {side} to move a referral to '{goal}'"
        if move.reason_required and not reason:
            return f"'{goal}' needs a reason in words"
        if move.output_required and not output:
            return f"'{goal}' needs at least one output: what was done"
        return ""

    def hops(self, start: str, goal: str) -> tuple[str, ...]:
        """The shortest legal way to ``goal``, without ``start``: what a partner that refuses leaps must be sent.

        Empty when there is no way.
        """
        ways: deque[tuple[str, tuple[str, ...]]] = deque([(start, ())])
        seen = {start}
        while ways:
            here, way = ways.popleft()
            for move in self.moves:
                if move.start == here and move.goal == goal:
                    return (*way, goal)
                if move.start == here and move.goal not in seen:
                    seen.add(move.goal)
                    ways.append((move.goal, (*way, move.goal)))
        return ()


    def with_leaps(self) -> Transitions:
        """The same, and whatever one side could do step by step in one move: of a partner that is looked at now and
        then only the last step is seen. What that step demands, the leap demands."""
        sides = frozenset(side for move in self.moves for side in move.who)
        found = [leap for side in sorted(sides) for leap in self._leaps(side)]
        merged: dict[tuple[str, str], Move] = {}
        for leap in found:
            known = merged.get((leap.start, leap.goal), leap)
            merged[leap.start, leap.goal] = replace(leap, who=leap.who | known.who)
        return Transitions((*self.moves, *merged.values()))

    def _leaps(self, side: str) -> Iterator[Move]:
        alone = Transitions(tuple(m for m in self.moves if side in m.who and m.start))
        for start in dict.fromkeys(m.start for m in alone.moves):
            for goal in dict.fromkeys(m.goal for m in alone.moves):
                way = alone.hops(start, goal)
                if len(way) > 1 and goal != start and self.find(start, goal) is None:
                    last = alone.find(way[-2], goal)
                    assert last is not None  # noqa: S101  (the way has it)
                    yield replace(last, start=start, who=frozenset({side}))


@cache
def shipped(name: str) -> Transitions:
    """A table of ``core/data``: ``referral_transitions`` or ``referral_transitions_result_only``.

    The second is for partners that tell only how it ended (HMIS CSV FY2026, Event.ReferralResult).
    """
    return Transitions.from_csv(files("casebridge.core").joinpath(f"data/{name}.csv").read_text(encoding="utf-8"))


def _illegal(start: str, goal: str) -> str:
    if not start:
        return f"the referral is not known yet, so it cannot become '{goal}'"
    return f"a referral does not go from '{start}' to '{goal}'"


def _move(row: dict[str, str], line: int) -> Move:
    who = frozenset(row["who"].split())
    if not who or not who <= {"source", "target", "bridge"}:
        raise ValueError(f"line {line}: who is made of source, target and bridge")
    for column in ("reason_required", "output_required"):
        if row[column] not in ("yes", "no"):
            raise ValueError(f"line {line}: {column} is yes or no")
    return Move(row["from"], row["to"], who, row["reason_required"] == "yes", row["output_required"] == "yes")


STANDARD = shipped("referral_transitions")
RESULT_ONLY = shipped("referral_transitions_result_only")
LATEST_ONLY = STANDARD.with_leaps()
