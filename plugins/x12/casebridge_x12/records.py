"""The second pass: the segments of a file as blocks, one for each record, given to who reads such a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from casebridge import Native
from casebridge.core.errors import Position, RecordError
from casebridge_x12.checks import Problem, said
from casebridge_x12.guide import guide
from casebridge_x12.reader import Segment
from casebridge_x12.segments import ELEMENT_LIMIT, plain
from casebridge_x12.walker import Walk

WARNINGS = 50  # kept on one record; the rest is counted
Found = Iterator[Native | RecordError]


class Reading(Protocol):
    """How one kind of transaction set is read. ``starts`` is the segment that begins a record's block."""

    starts: str
    guide: str

    def begin(self, around: dict[str, Any], warnings: list[str]) -> None:
        """A transaction begins: what stands round its records, and what is to be said once."""

    def record(self, block: list[Segment]) -> Found:
        """The record of one block, or its error."""

    def end(self) -> Found:
        """The transaction is over."""


class Records:
    """Iterates natives and, for records that cannot be read, record errors. Never more than one block in memory."""

    def __init__(
        self, segments: Iterable[Segment], warnings: Mapping[int, list[str]], readings: Mapping[str, Reading], *,
        limit: int, size: int,
    ) -> None:  # fmt: skip
        self._segments, self._file_warnings, self._readings = segments, warnings, readings
        self._limit, self._size = limit, size
        self._around: dict[str, Any] = {}
        self._reading: Reading | None = None

    def __iter__(self) -> Found:
        block: list[Segment] = []
        size = 0
        for segment in self._segments:
            tag = segment.elements[0]
            starts = self._reading is not None and tag == self._reading.starts
            if starts or tag in _BOUNDARIES:
                yield from self._finish(block)
                yield from self._pass(segment)
                block, size = [segment] if starts or tag == "ST" else [], segment.size
            elif block and len(block) <= self._limit and size <= self._size:  # one more tells that it was too much
                block.append(segment)
                size += segment.size

    def _pass(self, segment: Segment) -> Found:
        """Take note of what opens or closes."""
        tag = segment.elements[0]
        if tag in ("ISA", "GS"):
            self._around[tag] = _header_fields(segment.elements)
        elif tag == "ST":
            self._reading = self._readings[segment.elements[1].strip()]
        elif tag == "SE" and self._reading:
            yield from self._reading.end()

    def _finish(self, block: list[Segment]) -> Found:
        if not block or self._reading is None:
            return
        if block[0].elements[0] == "ST":
            self._begin(block, self._reading)
        elif self._too_large(block):
            yield RecordError(
                "CB-304", "this record is larger than allowed", position=Position(segment=block[0].number, loop="2000"),
                expected=f"at most {self._limit} segments of {ELEMENT_LIMIT} elements, {self._size} bytes in all",
            )  # fmt: skip
        else:
            yield from self._reading.record(block)

    def _too_large(self, block: list[Segment]) -> bool:
        size = sum(segment.size for segment in block)
        return len(block) > self._limit or size > self._size or any(len(s.elements) > ELEMENT_LIMIT for s in block)

    def _begin(self, block: list[Segment], reading: Reading) -> None:
        st, *rest = block
        walk = Walk(guide(reading.guide)["HEADER"], rest) if rest else None
        around: dict[str, Any] = {key: self._around[key] for key in ("ISA", "GS") if key in self._around}
        around |= {"ST": plain(st.elements), **(walk.data if walk else {})}
        problems = walk.problems if walk else []
        reading.begin(around, [*self._file_warnings.get(st.number, []), *map(said, problems)])


_BOUNDARIES = frozenset({"ISA", "GS", "ST", "SE", "GE", "IEA", "TA1"})


def worded(data: dict[str, Any], block: list[Segment], warnings: list[str], problems: list[Problem]) -> dict[str, Any]:
    """``data`` with what reading it showed: the encoding, and the warnings if there are any."""
    data["encoding"] = next((s.encoding for s in block if s.encoding != "utf-8"), "utf-8")
    warnings = [*warnings, *map(said, problems)]
    if warnings:
        more = [f"and {len(warnings) - WARNINGS} more"] if len(warnings) > WARNINGS else []
        data["warnings"] = warnings[:WARNINGS] + more
    return data


def _header_fields(elements: list[str]) -> dict[str, Any]:
    """ISA02 and ISA04 (authorization, security information) may be the sender's passwords: they stay in the payload."""
    left_out = ("02", "04") if elements[0] == "ISA" else ()
    fields = plain([element.strip() for element in elements])
    return {key: value for key, value in fields.items() if key not in left_out}
