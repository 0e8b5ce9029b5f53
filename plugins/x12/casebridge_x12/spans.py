"""The spans of an 834: the begin and end of eligibility and coverage, and the id of each coverage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

DELETED = "002"  # HD01 of coverage that never was in effect
ENDS = {"356": "357", "348": "349"}  # DTP01 of a begin: of its end
BEGINS = {end: begin for begin, end in ENDS.items()}


def split_ranges(data: dict[str, Any]) -> None:
    """Two dates in one DTP (DTP02 = RD8) of a begin or an end become both; a day that is stated alone counts before."""
    for loop in (data, *data.get("2300", ())):
        dates = loop.get("DTP", ())
        if any(_is_range(dtp) for dtp in dates):
            alone = {dtp.get("01") for dtp in dates if not _is_range(dtp)}
            loop["DTP"] = [one for dtp in dates for one in (_both(dtp, alone) if _is_range(dtp) else [dtp])]


def _is_range(dtp: dict[str, Any]) -> bool:
    return dtp.get("02") == "RD8" and (dtp.get("01") in ENDS or dtp.get("01") in BEGINS)


def _both(dtp: dict[str, Any], alone: set[str | None]) -> list[dict[str, Any]]:
    begin = BEGINS.get(dtp["01"], dtp["01"])
    days = zip((begin, ENDS[begin]), dtp["03"].split("-"), strict=True)
    return [{"01": kind, "02": "D8", "03": day} for kind, day in days if kind not in alone]


def name_coverages(coverages: Iterable[dict[str, Any]], member_id: str) -> None:
    """``coverage_id`` of each 2300: member, line (HD03), plan (HD04), begin (DTP*348); numbered when two are equal.

    What is deleted and said anew in one loop (HD01 = 002 beside another) leaves its id to what is said anew.
    ``same_day`` is Y where begin and end (DTP*349) are one day, which some payers mean as "never covered".
    """
    named = [(coverage, _name(coverage, member_id)) for coverage in coverages]
    stays = {name for coverage, name in named if coverage["HD"].get("01") != DELETED}
    seen: dict[str, int] = {}
    for coverage, name in named:
        if coverage["HD"].get("01") == DELETED and name in stays:
            name = f"{name}/{DELETED}"
        seen[name] = seen.get(name, 0) + 1
        coverage["coverage_id"] = name if seen[name] == 1 else f"{name}/{seen[name]}"
        begin, end = _days(coverage, "348", "349")
        if begin and begin == end:
            coverage["same_day"] = "Y"


def _name(coverage: dict[str, Any], member_id: str) -> str:
    head = coverage["HD"]
    return "/".join((member_id, head.get("03", ""), head.get("04", ""), *_days(coverage, "348")))


def _days(coverage: dict[str, Any], *kinds: str) -> list[str]:
    dates = {dtp.get("01"): dtp.get("03", "") for dtp in coverage.get("DTP", ())}
    return [dates.get(kind, "") for kind in kinds]
