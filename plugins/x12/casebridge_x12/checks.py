"""Is a segment what the guide says? Problems either hold the member or are warnings beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from casebridge.core.errors import Position, RecordError
from casebridge_x12.delimiters import Delimiters
from casebridge_x12.guide import Element, SegmentRule
from casebridge_x12.segments import KEYS, repetitions


@dataclass(frozen=True, slots=True)
class Problem:
    """``segment`` is the segment number, ``field`` like ``2000 INS03``. ``found`` is masked before anyone sees it."""

    segment: int
    loop: str
    field: str
    message: str
    expected: str
    found: str | None
    hold: bool
    missing: bool = False


@lru_cache(maxsize=1 << 16)
def is_date(text: str) -> bool:
    """CCYYMMDD and a day of the calendar (X12 date format D8)."""
    if len(text) != 8 or not text.isdecimal() or not text.isascii():
        return False
    try:
        return bool(date(int(text[:4]), int(text[4:6]), int(text[6:])))
    except ValueError:
        return False


def is_range(text: str) -> bool:
    """CCYYMMDD-CCYYMMDD, not backwards (X12 date format RD8)."""
    start, dash, end = text.partition("-")
    return bool(dash) and is_date(start) and is_date(end) and start <= end


_Form = tuple[Callable[[str], bool], str]
PERIODS: dict[str, _Form] = {"D8": (is_date, "a date CCYYMMDD"), "RD8": (is_range, "two dates CCYYMMDD-CCYYMMDD")}
_NO_FORM: _Form = (lambda text: False, "a date in the format D8 or RD8")


def clean(rule: SegmentRule, elements: list[str]) -> bool:
    """A quick yes for the ordinary segment; after a no, :func:`problems` looks closer and may find nothing."""
    count = len(elements)
    for element in rule.checked:
        if element.index >= count or not elements[element.index]:
            if element.required:
                return False
        elif element.codes:
            if elements[element.index] not in element.codes:
                return False
        elif element.components or (element.check and not _plain_date(element, elements)):
            return False
    return True


def _plain_date(element: Element, elements: list[str]) -> bool:
    return is_date(elements[element.index]) and (not element.form or elements[element.form] == "D8")


def problems(
    rule: SegmentRule, number: int, loop: str, elements: list[str], delimiters: Delimiters
) -> Iterator[Problem]:
    """What is wrong with the segment, in the order of its elements."""
    count = len(elements)
    for element in rule.checked:
        value = elements[element.index] if element.index < count else ""
        if not value:
            if element.required:
                yield _problem(element, rule, number, loop, "a required value is missing", element.name, None)
        elif element.components:
            yield from _component_problems(element, rule, number, loop, value, delimiters)
        elif element.codes:
            values = repetitions(value, delimiters) if element.repeats else [value]
            for unknown in (each for each in values if each not in element.codes):
                yield _problem(element, rule, number, loop, "the code is not in the guide", _listed(element), unknown)
        elif element.check:
            yield from _date_problems(element, rule, number, loop, elements)


def _component_problems(
    element: Element, rule: SegmentRule, number: int, loop: str, value: str, delimiters: Delimiters
) -> Iterator[Problem]:
    for part in repetitions(value, delimiters) if element.repeats else [value]:
        values = part.split(delimiters.component.decode("ascii"))
        for component, text in zip(element.components, values, strict=False):
            if text and component.codes and text not in component.codes:
                yield Problem(
                    number, loop, f"{loop} {rule.tag}{KEYS[element.index]}-{KEYS[component.index]}",
                    "the code is not in the guide", _listed(component), text, hold=False,
                )  # fmt: skip


def _date_problems(
    element: Element, rule: SegmentRule, number: int, loop: str, elements: list[str]
) -> Iterator[Problem]:
    form = elements[element.form] if element.form else "D8"
    holds, expected = PERIODS.get(form, _NO_FORM)
    value = elements[element.index]
    if not holds(value):
        yield _problem(element, rule, number, loop, "this is not such a date", expected, value)


def _listed(element: Element) -> str:
    codes = sorted(element.codes)
    return " ".join(codes) if len(codes) <= 12 else f"one of the {len(codes)} codes of {element.name}"


def _problem(
    element: Element, rule: SegmentRule, number: int, loop: str, message: str, expected: str, found: str | None
) -> Problem:
    missing = found is None
    hold = element.on_error == "hold" or (element.on_error == "wrong" and not missing)
    return Problem(number, loop, f"{loop} {rule.tag}{KEYS[element.index]}", message, expected, found, hold, missing)


def said(problem: Problem) -> str:
    """The problem as a warning beside the record; never with the value."""
    expected = f"; expected {problem.expected}" if problem.expected else ""
    return f"segment {problem.segment}: {problem.message} [{problem.field}]{expected}"


def refusal(held: list[Problem], external_id: str) -> RecordError:
    """The error that stands for a record with problems that hold it."""
    first = held[0]
    others = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
    return RecordError(
        "CB-302" if first.missing else "CB-301", first.message + others, external_id=external_id, field=first.field,
        position=Position(segment=first.segment, loop=first.loop), expected=first.expected, found=first.found,
    )  # fmt: skip
