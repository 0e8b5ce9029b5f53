"""When a benefit of a 271 begins and ends: worked out, because many dates may say it, at two levels.

The benefit's own dates (2110 DTP) count before the person's (2100 DTP). Dates of service and of the inquiry say nothing
about a span, nor does an eligibility date (307) of a single day, which is the day that was asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

BEGINS = ("356", "348", "346")  # eligibility, benefit, plan begin (DTP01)
ENDS = ("357", "349", "347")
SPANS = ("307", "292", "291")  # eligibility, benefit, plan: two dates (RD8), or the day it began (D8)
OF_BENEFIT, OF_PERSON = SPANS, ("291",)
Dtp = Mapping[str, Any]


def period(benefit: Iterable[Dtp], person: Iterable[Dtp]) -> tuple[str, str]:
    """Begin and end as CCYYMMDD, empty where nothing says them."""
    found = _said(benefit, OF_BENEFIT)
    return found if any(found) else _said(person, OF_PERSON)


def _said(dates: Iterable[Dtp], spans: tuple[str, ...]) -> tuple[str, str]:
    by_kind = {dtp.get("01", ""): (dtp.get("02", ""), dtp.get("03", "")) for dtp in dates}
    begin = next((by_kind[kind][1] for kind in BEGINS if by_kind.get(kind, ("",))[0] == "D8"), "")
    end = next((by_kind[kind][1] for kind in ENDS if by_kind.get(kind, ("",))[0] == "D8"), "")
    for kind in spans:
        first, last = _span(kind, *by_kind.get(kind, ("", "")))
        begin, end = begin or first, end or last
    return begin, end


def _span(kind: str, form: str, value: str) -> tuple[str, str]:
    first, _, last = value.partition("-")
    if form == "RD8":
        return ("", "") if kind == "307" and first == last else (first, last)
    return (value, "") if form == "D8" and kind != "307" else ("", "")
