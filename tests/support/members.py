"""834 files of made-up members, whole or spoiled."""

from __future__ import annotations

from collections.abc import Sequence

Segment = tuple[str, ...]


def member(
    family: str, given: str, ssn: str, *, number: str = "", relation: str = "18", maintenance: str = "021",
    sex: str = "F", born: str = "19870220", ends: str = "",
) -> list[Segment]:  # fmt: skip
    """One 2000 loop. ``number`` is REF*0F, the subscriber's: dependents carry the same."""
    loop: list[Segment] = [
        ("INS", "Y" if relation == "18" else "N", relation, maintenance, "AI", "A", "", "", "AC"),
        ("REF", "0F", number or f"MCD{ssn}"),
        ("NM1", "IL", "1", family, given, "", "", "", "34", ssn),
        ("DMG", "D8", born, sex),
        ("HD", maintenance, "", "HLT", "MEDICAID"),
        ("DTP", "348", "D8", "20250101"),
    ]
    return [*loop, ("DTP", "349", "D8", ends)] if ends else loop


def file_834(
    *members: Sequence[Segment], control: str = "000000417", segments: str = "", end: bool = True,
    encoding: str = "utf-8",
) -> bytes:  # fmt: skip
    """A whole file. ``segments`` is what SE01 says instead of the truth; without ``end`` it is cut off before SE."""
    body: list[Segment] = [
        ("ST", "834", "0001", "005010X220A1"),
        ("BGN", "00", "417", "20261121", "0600", "", "", "", "2"),
        ("N1", "P5", "STATE MEDICAID", "FI", "900000001"),
        ("N1", "IN", "RIVERSIDE CARE NETWORK", "FI", "900000002"),
        *(segment for loop in members for segment in loop),
    ]
    isa = ("ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{'STATEMMIS':<15}", "ZZ", f"{'RIVERSIDE':<15}", "261121",
           "0600", "^", "00501", control, "0", "P", ":")  # fmt: skip
    head: list[Segment] = [isa, ("GS", "BE", "STATEMMIS", "RIVERSIDE", "20261121", "0600", "417", "X", "005010X220A1")]
    tail: list[Segment] = [("SE", segments or str(len(body) + 1), "0001"), ("GE", "1", "417"), ("IEA", "1", control)]
    return "".join("*".join(s) + "~\n" for s in [*head, *body, *(tail if end else [])]).encode(encoding)
