"""Makes 834 files: made-up members with subscribers, dependents and terminations, from a seed.

``python make_834.py 1000 > out.834`` writes a file of 1,000 members.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

FAMILIES = ("ALVAREZ", "BROWN", "CHEN", "DIALLO", "EVANS", "FOX", "GARCIA", "HAN", "ISAACSON", "JONES", "KAUR", "LOPEZ")
GIVEN = ("ADA", "BEN", "CHLOE", "DAN", "ELI", "FAY", "GUS", "HOPE", "IDA", "JAE", "KAI", "LEO", "MAE", "NOAH", "ISA")
Segment = list[str]


@dataclass(frozen=True)
class Interchange:
    """How an interchange is written. ``line`` follows each terminator; the ``declared_*`` override what is true."""

    element: str = "*"
    terminator: str = "~"
    component: str = ":"
    repetition: str = "^"
    line: str = "\n"
    control: str = "000000001"
    usage: str = "T"
    sender: str = "STATEMEDICAID"
    version: str = "005010X220A1"
    declared_segments: str = ""
    declared_sets: str = "1"
    declared_groups: str = "1"
    closing_set: str = "0001"
    closing_group: str = "1"
    closing_control: str = ""

    def text(self, *elements: str) -> str:
        return self.element.join(elements) + self.terminator + self.line

    def write(self, body: Iterable[Segment]) -> Iterator[str]:
        """The interchange around the segments of tables 1 and 2, piece by piece."""
        isa = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{self.sender:<15}", "ZZ", f"{'CASEBRIDGE':<15}", "261101",
               "0600", self.repetition, "00501", self.control, "0", self.usage, self.component]  # fmt: skip
        yield self.text(*isa)
        yield self.text("GS", "BE", self.sender, "CASEBRIDGE", "20261101", "0600", "1", "X", self.version)
        yield self.text("ST", "834", "0001", self.version)
        count = 2
        for segment in body:
            count += 1
            yield self.text(*segment)
        yield self.text("SE", self.declared_segments or str(count), self.closing_set)
        yield self.text("GE", self.declared_sets, self.closing_group)
        yield self.text("IEA", self.declared_groups, self.closing_control or self.control)


def table_1(total: int) -> list[Segment]:
    """The header of a transaction that declares ``total`` members."""
    return [
        ["BGN", "00", "0001", "20261101", "060000", "", "", "", "2"],
        ["DTP", "007", "D8", "20261101"],
        ["QTY", "TO", str(total)],
        ["N1", "P5", "STATE MEDICAID AGENCY", "FI", "123456789"],
        ["N1", "IN", "EXAMPLE HEALTH PLAN", "FI", "987654321"],
    ]


def members(total: int, seed: int = 834) -> Iterator[list[Segment]]:
    """``total`` members in families of one to four; one in ten is terminated."""
    chance = random.Random(seed)
    left, household = total, 0
    while left:
        household += 1
        size = min(left, chance.randint(1, 4))
        family = chance.choice(FAMILIES)
        for position in range(size):
            yield member(chance, household, position, family)
        left -= size


def member(chance: random.Random, household: int, position: int, family: str) -> list[Segment]:
    """One 2000 loop; ``position`` 0 is the subscriber, 1 the spouse, the others children."""
    ended = chance.random() < 0.1
    maintenance, relationship = ("024" if ended else "021"), ("18", "01", "19", "19")[position]
    given = GIVEN[(household + position) % len(GIVEN)]
    year = chance.randint(1940, 1999) + (20 if position > 1 else 0)
    born = f"{year}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    number = f"{200000000 + household * 10 + position}"
    loop = [
        ["INS", "N" if position else "Y", relationship, maintenance, "AI", "A", "", "", "AC"],
        ["REF", "0F", f"MD{household:08}"],
        ["REF", "1L", "GRP001"],
        ["NM1", "IL", "1", family, given, chance.choice(("", "M")), "", "", "34", number],
        ["PER", "IP", "", "TE", f"555{household % 10**7:07}"],
        ["N3", f"{chance.randint(1, 9999)} MAIN ST"],
        ["N4", "ALBANY", "NY", "12207"],
        ["DMG", "D8", born, chance.choice("FMU")],
        ["HD", maintenance, "", "HMO", "PLAN01", "IND"],
        ["DTP", "348", "D8", "20260101"],
    ]
    return [*loop, ["DTP", "349", "D8", "20261031"]] if ended else loop


def file_834(total: int, seed: int = 834, style: Interchange | None = None, **how: str) -> Iterator[str]:
    """The text of a whole file of ``total`` members, in pieces."""

    def body() -> Iterator[Segment]:
        yield from table_1(total)
        for loop in members(total, seed):
            yield from loop

    return replace(style or Interchange(), **how).write(body())  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.stdout.writelines(file_834(int(sys.argv[1])))
