"""The second pass: one native record per 2000 loop, with the envelope around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casebridge import Native
from casebridge.core.errors import Position, RecordError
from casebridge_x12.checks import Problem
from casebridge_x12.guide import guide
from casebridge_x12.identity import identify, is_subscriber, likeness, reference
from casebridge_x12.reader import Segment
from casebridge_x12.segments import ELEMENT_LIMIT, plain
from casebridge_x12.sightings import Sightings
from casebridge_x12.walker import Walk

TYPE = "x12/834-member"
WARNINGS = 50  # kept on one record; the rest is counted


class Members:
    """Iterates natives and, for members that cannot be read, record errors."""

    def __init__(
        self, segments: Iterable[Segment], warnings: dict[int, list[str]], *,
        member_ref: str = "", id_key: bytes = b"", limit: int = 5000,
    ) -> None:  # fmt: skip
        self._segments, self._file_warnings, self._limit = segments, warnings, limit
        self._member_ref, self._id_key = member_ref, id_key
        self._envelope: dict[str, Any] = {}
        self._pending: list[str] = []  # warnings of the transaction, for its first member
        self._sightings = Sightings()

    def __iter__(self) -> Iterator[Native | RecordError]:
        block: list[Segment] = []
        for segment in self._segments:
            tag = segment.elements[0]
            if tag in _BOUNDARIES:
                yield from self._finish(block)
                block = [segment] if tag in ("INS", "ST") else []
                if tag in ("ISA", "GS"):
                    self._envelope[tag] = _header_fields(segment.elements)
            elif block and len(block) <= self._limit:  # one more than allowed tells that there were too many
                block.append(segment)

    def _finish(self, block: list[Segment]) -> Iterator[Native | RecordError]:
        if not block:
            return
        if block[0].elements[0] == "ST":
            self._header(block)
        elif len(block) > self._limit or any(len(s.elements) > ELEMENT_LIMIT for s in block):
            yield RecordError(
                "CB-304", "this member is larger than allowed", position=Position(segment=block[0].number, loop="2000"),
                expected=f"at most {self._limit} segments of {ELEMENT_LIMIT} elements",
            )  # fmt: skip
        else:
            yield self._member(block)

    def _header(self, block: list[Segment]) -> None:
        st, *rest = block
        walk = Walk(guide()["HEADER"], rest) if rest else None
        data = dict(walk.data) if walk else {}
        own: dict[str, Any] = {key: data.pop(key) for key in ("BGN", "1000A", "1000B", "1000C") if key in data}
        outer: dict[str, Any] = {key: self._envelope[key] for key in ("ISA", "GS") if key in self._envelope}
        self._envelope = {**outer, "ST": plain(st.elements), **own, "HEADER": data}
        self._pending = self._file_warnings.get(st.number, []) + [_said(p) for p in (walk.problems if walk else [])]

    def _member(self, block: list[Segment]) -> Native | RecordError:
        walk = Walk(guide()["2000"], block)
        number, member = block[0].number, walk.data
        member_id = identify(member, self._member_ref, self._id_key)
        held = [p for p in walk.problems if p.hold]
        if held:
            return _error(held, member_id if reference(member, "0F") else "")
        repeated = self._repeated(member_id, member, number)
        if isinstance(repeated, RecordError):
            return repeated
        role = "subscriber" if is_subscriber(member) else "dependent"
        data = {**self._envelope, "member_id": member_id, "member": role, **member, "encoding": _encoding(block)}
        _add_keys(data, member_id)
        warnings = self._pending + [_said(p) for p in walk.problems] + repeated
        self._pending = []
        if warnings:
            more = [f"and {len(warnings) - WARNINGS} more"] if len(warnings) > WARNINGS else []
            data["warnings"] = warnings[:WARNINGS] + more
        return Native(TYPE, data, Position(segment=number, loop="2000"), member_id, order_key=member_id)

    def _repeated(self, member_id: str, member: dict[str, Any], number: int) -> list[str] | RecordError:
        """A second loop of the same member: said, and held when name *and* birth date are another person's."""
        before, other = self._sightings.notice(member_id, number, likeness(member))
        if other:
            return RecordError(
                "CB-316", f"another person under the member id of segment {before}", external_id=member_id,
                position=Position(segment=number, loop="2000"), field="2000 REF02",
                expected="one person for each member id",
            )  # fmt: skip
        said = f"segment {number}: the same member also stands at segment {before}; they are applied in this order"
        return [said] if before else []


_BOUNDARIES = frozenset({"ISA", "GS", "ST", "INS", "SE", "GE", "IEA", "TA1"})


def _add_keys(data: dict[str, Any], member_id: str) -> None:
    """What no single element says and maps need: ``eligibility_id`` and, in each 2300, ``coverage_id``.

    ``eligibility_id`` stands where the loop itself states eligibility: see :func:`_states_eligibility`.
    """
    if _states_eligibility(data):
        data["eligibility_id"] = f"{member_id}/eligibility"
    _name_coverages(data.get("2300", ()), member_id)


def _states_eligibility(data: dict[str, Any]) -> bool:
    """No coverage at all, an end (DTP*357), or a begin (DTP*356) that is not the begin of what a 024 ends.

    A termination whose coverages say their own end would otherwise end twice.
    """
    dates = {dtp.get("01") for dtp in data.get("DTP", ())}
    return "2300" not in data or "357" in dates or ("356" in dates and data["INS"].get("03") != "024")


def _name_coverages(coverages: Iterable[dict[str, Any]], member_id: str) -> None:
    """``coverage_id`` of each 2300: member, line (HD03), plan (HD04), begin (DTP*348); numbered when two are equal.

    ``same_day`` is Y where begin and end (DTP*349) are one day, which some payers mean as "never covered".
    """
    seen: dict[str, int] = {}
    for coverage in coverages:
        dates = {dtp.get("01"): dtp.get("03", "") for dtp in coverage.get("DTP", ())}
        head = coverage["HD"]
        name = "/".join((member_id, head.get("03", ""), head.get("04", ""), dates.get("348", "")))
        seen[name] = seen.get(name, 0) + 1
        coverage["coverage_id"] = name if seen[name] == 1 else f"{name}/{seen[name]}"
        if dates.get("348") and dates.get("348") == dates.get("349"):
            coverage["same_day"] = "Y"


def _header_fields(elements: list[str]) -> dict[str, Any]:
    """ISA02 and ISA04 (authorization, security information) may be the sender's passwords: they stay in the payload."""
    left_out = ("02", "04") if elements[0] == "ISA" else ()
    fields = plain([element.strip() for element in elements])
    return {key: value for key, value in fields.items() if key not in left_out}


def _encoding(block: list[Segment]) -> str:
    return next((s.encoding for s in block if s.encoding != "utf-8"), "utf-8")


def _said(problem: Problem) -> str:
    expected = f"; expected {problem.expected}" if problem.expected else ""
    return f"segment {problem.segment}: {problem.message} [{problem.field}]{expected}"


def _error(held: list[Problem], external_id: str) -> RecordError:
    first = held[0]
    others = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
    return RecordError(
        "CB-302" if first.missing else "CB-301", first.message + others, external_id=external_id, field=first.field,
        position=Position(segment=first.segment, loop=first.loop), expected=first.expected, found=first.found,
    )  # fmt: skip
