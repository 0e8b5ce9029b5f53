"""Makes T-MSIS eligible files: made-up people with their segments, from a seed; segment by segment.

``python make_tmsis.py 1000 > out.txt`` writes a file of 1,000 people.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

FAMILIES = ("ALVAREZ", "BROWN", "CHEN", "DIALLO", "EVANS", "FOX", "GARCIA", "HAN")
GIVEN = ("ADA", "BEN", "CHLOE", "DAN", "ELI", "FAY", "GUS", "HOPE")
WIDTH = {"ELG00002": 12, "ELG00003": 24, "ELG00004": 16, "ELG00005": 22, "ELG00014": 8, "ELG00021": 7}
OPEN = "99991231"


def header(
    usage: str = "T", ssn_indicator: str = "0", sequence: str = "0001", kind: str = "C", total: int | str = 100
) -> str:
    """ELG00001 of a file with ``total`` other rows."""
    cells = ["ELG00001", "V3.28", kind, "PSV", "1", "ELIGIBLE", "36", "20261105", "20261001", "20261031", usage,
             ssn_indicator, str(total), sequence, ""]  # fmt: skip
    return "|".join(cells) + "\r\n"


def whole(*rows: str, **said: str) -> str:
    """A file of these rows, with a header that counts them."""
    return "".join([header(**said, total=len(rows)), *rows])


def row(code: str, number: int, person: str, *values: str) -> str:
    """A segment of a person; what is not given is empty."""
    cells = [code, "36", str(number), person, *values]
    return "|".join(cells + [""] * (WIDTH[code] + 1 - len(cells))) + "\r\n"


def primary(number: int, person: str, family: str = "BROWN", given: str = "JANE", since: str = "20250101") -> str:
    """ELG00002."""
    return row("ELG00002", number, person, given, family, "", "F", "20030212", "", since, OPEN)


def variable(number: int, person: str, ssn: str = "900190001") -> str:
    """ELG00003."""
    return row("ELG00003", number, person, "", "", ssn, *[""] * 15, "20250101", OPEN)


def contact(number: int, person: str, kind: str = "01", phone: str = "5555550100") -> str:
    """ELG00004."""
    return row("ELG00004", number, person, kind, "1 MAIN ST", "", "", "ALBANY", "36", "12207", "001", phone, "",
               "20250101", OPEN)  # fmt: skip


def determinants(
    number: int, person: str, scope: str = "1", end: str = OPEN, since: str = "20250101", ind: str = "1"
) -> str:
    """ELG00005."""
    return row("ELG00005", number, person, "C-1", "", "", ind, *[""] * 10, scope, "", since, end)


def enrollment(number: int, person: str, begin: str = "20250101", end: str = OPEN, kind: str = "1") -> str:
    """ELG00021."""
    return row("ELG00021", number, person, kind, begin, end)


def file_tmsis(total: int, seed: int = 21) -> Iterator[str]:
    """A whole file: all people of one segment, then all of the next."""
    chance = random.Random(seed)
    names = [(f"MS{n:09}", chance.choice(FAMILIES), chance.choice(GIVEN)) for n in range(total)]
    ends = [chance.choice((OPEN, OPEN, "20261031")) for _ in names]
    yield header(total=5 * total)
    for n, (person, family, given) in enumerate(names):
        yield primary(n, person, family, given)
    for n, (person, _, _) in enumerate(names):
        yield variable(n, person, f"{200000000 + n}")
    for n, (person, _, _) in enumerate(names):
        yield contact(n, person, phone=f"555{n:07}")
    for n, (person, _, _) in enumerate(names):
        yield determinants(n, person, chance.choice("1126"), ends[n])
    for n, (person, _, _) in enumerate(names):
        yield enrollment(n, person, end=ends[n])


if __name__ == "__main__":
    sys.stdout.writelines(file_tmsis(int(sys.argv[1])))
