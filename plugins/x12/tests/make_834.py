"""Makes 834 files: made-up members with subscribers, dependents and terminations, from a seed.

``python make_834.py 1000 > out.834`` writes a file of 1,000 members.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator

FAMILIES = ("ALVAREZ", "BROWN", "CHEN", "DIALLO", "EVANS", "FOX", "GARCIA", "HAN", "ISAACSON", "JONES", "KAUR", "LOPEZ")
GIVEN = ("ADA", "BEN", "CHLOE", "DAN", "ELI", "FAY", "GUS", "HOPE", "IDA", "JAE", "KAI", "LEO", "MAE", "NOAH", "ISA")


def envelope(
    body: Iterable[list[str]], *, element: str = "*", terminator: str = "~", component: str = ":", repetition: str = "^",
    line: str = "\n", control: str = "000000001", usage: str = "T", sender: str = "STATEMEDICAID", declared: int | None = None,
) -> Iterator[str]:  # fmt: skip
    """The text of one interchange around the segments of table 1 and 2, piece by piece; counts and numbers are right."""
    isa = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{sender:<15}", "ZZ", f"{'CASEBRIDGE':<15}", "261101", "0600",
           repetition, "00501", control, "0", usage, component]  # fmt: skip
    end = terminator + line

    def text(*elements: str) -> str:
        return element.join(elements) + end

    yield element.join(isa) + end
    yield text("GS", "BE", sender, "CASEBRIDGE", "20261101", "0600", "1", "X", "005010X220A1")
    yield text("ST", "834", "0001", "005010X220A1")
    count = 2
    for segment in body:
        count += 1
        yield text(*segment)
    yield text("SE", str(declared or count), "0001")
    yield text("GE", "1", "1")
    yield text("IEA", "1", control)


def table_1(total: int) -> list[list[str]]:
    """The header of a transaction that declares ``total`` members."""
    return [
        ["BGN", "00", "0001", "20261101", "060000", "", "", "", "2"],
        ["DTP", "007", "D8", "20261101"],
        ["QTY", "TO", str(total)],
        ["N1", "P5", "STATE MEDICAID AGENCY", "FI", "123456789"],
        ["N1", "IN", "EXAMPLE HEALTH PLAN", "FI", "987654321"],
    ]


def members(total: int, seed: int = 834) -> Iterator[list[list[str]]]:
    """``total`` members: every third or fourth a subscriber, the others its dependents; one in ten is terminated."""
    chance = random.Random(seed)
    left, household = total, 0
    while left:
        household += 1
        size = min(left, chance.randint(1, 4))
        family = chance.choice(FAMILIES)
        for position in range(size):
            yield member(chance, household, position, family)
        left -= size


def member(chance: random.Random, household: int, position: int, family: str) -> list[list[str]]:
    """One 2000 loop; ``position`` 0 is the subscriber, 1 the spouse, the others children."""
    ended = chance.random() < 0.1
    maintenance, relationship = ("024" if ended else "021"), ("18", "01", "19", "19")[position]
    given = GIVEN[(household + position) % len(GIVEN)]
    born = f"{chance.randint(1940, 1999) + (20 if position > 1 else 0)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    loop = [
        ["INS", "N" if position else "Y", relationship, maintenance, "AI", "A", "", "", "AC"],
        ["REF", "0F", f"MD{household:08}"],
        ["REF", "1L", "GRP001"],
        ["NM1", "IL", "1", family, given, chance.choice(("", "M")), "", "", "34", f"{200000000 + household * 10 + position}"],
        ["PER", "IP", "", "TE", f"555{household % 10**7:07}"],
        ["N3", f"{chance.randint(1, 9999)} MAIN ST"],
        ["N4", "ALBANY", "NY", "12207"],
        ["DMG", "D8", born, chance.choice("FMU")],
        ["HD", maintenance, "", "HMO", "PLAN01", "IND"],
        ["DTP", "348", "D8", "20260101"],
    ]  # fmt: skip
    return [*loop, ["DTP", "349", "D8", "20261031"]] if ended else loop


def file_834(total: int, seed: int = 834, **options: str) -> Iterator[str]:
    """The text of a whole file of ``total`` members, in pieces."""

    def body() -> Iterator[list[str]]:
        yield from table_1(total)
        for loop in members(total, seed):
            yield from loop

    return envelope(body(), **options)  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.stdout.writelines(file_834(int(sys.argv[1])))
