"""The first pass: is the file whole? ISA/IEA, GS/GE, ST/SE, their counts and control numbers, before anything is read.

X12.5 (ISA, GS, GE, IEA), X12.6 (ST, SE), 005010X220A1 and 005010X279A1. What does not hold raises RecordError and
nothing of the file is read: CB-311 (no transaction of a guide we read), CB-312 (cut off), CB-313 (counts), CB-314
(control numbers), CB-315 (twice).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from casebridge.core.errors import Position, RecordError, mask
from casebridge_x12.reader import RawSegment, decode

READ = {"BE": ("834", "005010X220"), "HB": ("271", "005010X279")}  # GS01: ST01, and GS08 without the addenda letters
TOTALS = {"TO": "members", "ET": "subscribers", "DT": "dependents"}  # QTY01 of the header


@dataclass(frozen=True, slots=True)
class Interchange:
    """One ISA..IEA. ``usage`` is ISA15: P (production) or T (test)."""

    segment: int
    sender: str
    control: str
    usage: str


@dataclass(slots=True)
class Envelope:
    """What the first pass learned. ``warnings`` are by the segment number of the ST they belong to."""

    interchanges: list[Interchange] = field(default_factory=list)
    warnings: dict[int, list[str]] = field(default_factory=dict)


def check_envelope(segments: Iterable[RawSegment]) -> Envelope:
    """Reads to the end of the stream; raises on the first thing that makes the file untrustworthy."""
    return _Check().run(segments)


@dataclass(slots=True)
class _Level:
    """An open ISA, GS or ST: where it stands, its control number and what has been counted in it."""

    tag: str
    segment: int
    control: str
    count: int = 0
    controls: set[str] = field(default_factory=set)


class _Check:
    def __init__(self) -> None:
        self.found = Envelope()
        self._interchanges: dict[tuple[str, str], int] = {}  # sender and control number: segment
        self._open: list[_Level] = []  # at most ISA, GS, ST
        self._version = self._transaction = ""
        self._declared: list[tuple[str, str]] = []
        self._counted = {"Y": 0, "N": 0}
        self._tags: set[bytes] = set()
        self._number = 0
        self._steps: dict[bytes, tuple[int, Callable[[list[str]], None]]] = {
            b"ISA": (0, self._isa), b"GS": (1, self._gs), b"ST": (2, self._st), b"SE": (3, self._se),
            b"GE": (2, self._ge), b"IEA": (1, self._iea), b"INS": (3, self._ins), b"QTY": (3, self._qty),
        }  # fmt: skip

    def run(self, segments: Iterable[RawSegment]) -> Envelope:
        for number, delimiters, raw in segments:
            self._number = number
            tag = raw.split(delimiters.element, 1)[0]
            if len(self._open) == 3:
                self._open[2].count += 1
            step = self._steps.get(tag)
            if step is None:
                self._other(tag)
            else:
                if len(self._open) != step[0]:
                    self._misplaced(tag.decode("ascii"))
                step[1](decode(raw)[0].split(delimiters.element.decode("ascii")))
        if self._open:
            self._cut_off("the file ends")
        if not self.found.interchanges:
            self._fail("CB-303", "the file is empty", expected="an X12 interchange")
        return self.found

    # --- what opens ------------------------------------------------------------------------------------------

    def _isa(self, elements: list[str]) -> None:
        sender, control = elements[6].strip(), elements[13].strip()
        before = self._interchanges.setdefault((sender, control), self._number)
        if before != self._number:
            self._fail("CB-315", f"the interchange {_public(control)} of segment {before} stands in this file "
                       "a second time", "ISA13", "another control number")  # fmt: skip
        self.found.interchanges.append(Interchange(self._number, sender, control, elements[15].strip()))
        self._open.append(_Level("ISA", self._number, control))

    def _gs(self, elements: list[str]) -> None:
        self._version = _at(elements, 8)
        self._transaction, guide = READ.get(_at(elements, 1), ("", "-"))
        if not self._version.startswith(guide):
            kind, version = _public(_at(elements, 1)), _public(self._version)
            expected = "BE 005010X220A1 or HB 005010X279A1"
            self._fail("CB-311", f"the functional group is {kind} {version}", "GS01, GS08", expected)
        self._begin("GS", _at(elements, 6), "GS06")

    def _st(self, elements: list[str]) -> None:
        if _at(elements, 1) != self._transaction or (_at(elements, 3) or self._version) != self._version:
            kind, version = _public(_at(elements, 1)), _public(_at(elements, 3))
            expected = f"{self._transaction} {self._version}"
            self._fail("CB-311", f"the transaction set is {kind} {version}", "ST01, ST03", expected)
        self._begin("ST", _at(elements, 2), "ST02")
        self._open[-1].count = 1
        self._declared, self._counted = [], {"Y": 0, "N": 0}

    def _begin(self, tag: str, control: str, name: str) -> None:
        outer = self._open[-1]
        if control in outer.controls:
            self._fail("CB-315", f"the {tag} {_public(control)} stands in one {outer.tag} a second time", name,
                       "another control number")  # fmt: skip
        outer.controls.add(control)
        outer.count += 1
        self._open.append(_Level(tag, self._number, control))

    # --- what closes -----------------------------------------------------------------------------------------

    def _se(self, elements: list[str]) -> None:
        level = self._end(elements, "SE", "segments from ST to SE")
        self._compare_totals(level.segment)

    def _ge(self, elements: list[str]) -> None:
        self._end(elements, "GE", "transaction sets")

    def _iea(self, elements: list[str]) -> None:
        self._end(elements, "IEA", "functional groups")

    def _end(self, elements: list[str], tag: str, counted: str) -> _Level:
        level = self._open.pop()
        declared, control = _at(elements, 1), _at(elements, 2)
        if not _same(declared, str(level.count)):
            self._fail("CB-313", f"the {tag} declares {_public(declared)} {counted}, there are {level.count}",
                       f"{tag}01", str(level.count))  # fmt: skip
        if not _same(control, level.control):
            self._fail("CB-314", f"the {tag} carries the control number {_public(control)}, its {level.tag} (segment "
                       f"{level.segment}) {_public(level.control)}", f"{tag}02", "the same number")  # fmt: skip
        return level

    # --- what stands inside ----------------------------------------------------------------------------------

    def _ins(self, elements: list[str]) -> None:
        self._counted["Y" if _at(elements, 1) == "Y" else "N"] += 1

    def _qty(self, elements: list[str]) -> None:
        if not any(self._counted.values()):
            self._declared.append((_at(elements, 1), _at(elements, 2)))

    def _compare_totals(self, st: int) -> None:
        subscribers, dependents = self._counted["Y"], self._counted["N"]
        counted = {"TO": subscribers + dependents, "ET": subscribers, "DT": dependents}
        self.found.warnings[st] = [
            f"QTY {kind} declares {total} {TOTALS[kind]}, the transaction has {counted[kind]}"
            for kind, total in self._declared
            if kind in TOTALS and total.isdecimal() and int(total) != counted[kind]
        ]

    def _other(self, tag: bytes) -> None:
        if len(self._open) == 3 and tag != b"TA1":
            if tag not in self._tags:
                self._check_tag(tag)
        elif tag != b"TA1" or len(self._open) != 1:
            self._check_tag(tag)
            self._misplaced(tag.decode("ascii"))

    def _check_tag(self, tag: bytes) -> None:
        if not (2 <= len(tag) <= 3 and tag.isalnum() and tag.isascii() and tag.isupper()):
            self._fail("CB-310", "this is no segment name: the file does not use the separators its ISA declares",
                       expected="two or three letters and digits, then the element separator",
                       found=tag[:20].decode("latin-1"))  # fmt: skip
        self._tags.add(tag)

    def _misplaced(self, tag: str) -> NoReturn:
        self._cut_off(f"{tag} stands here")

    def _cut_off(self, what: str) -> NoReturn:
        inner = self._open[-1] if self._open else None
        expected = {"ISA": "GS or IEA", "GS": "ST or GE", "ST": "SE"}[inner.tag] if inner else "ISA"
        opened = f"while the {inner.tag} of segment {inner.segment} is open" if inner else "outside any interchange"
        self._fail("CB-312", f"{what} {opened}", expected=expected)

    def _fail(
        self, code: str, message: str, field: str = "", expected: str = "", found: str | None = None
    ) -> NoReturn:
        position = Position(segment=self._number or None)
        raise RecordError(code, message, position=position, field=field, expected=expected, found=found)


def _public(text: str) -> str:
    """Counts, control numbers and versions are shown as they are; anything that is none of these only by its form."""
    return text if len(text) <= 15 and text.isalnum() and text.isascii() else mask(text) or "(empty)"


def _at(elements: list[str], index: int) -> str:
    return elements[index].strip() if index < len(elements) else ""


def _same(one: str, other: str) -> bool:
    """Equal as numbers where both are numbers: 0001 and 1 are the same control number."""
    return one == other or (one.isdecimal() and other.isdecimal() and int(one) == int(other))
