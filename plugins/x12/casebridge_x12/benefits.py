"""What no single element of a 271 says and maps need: which benefits are coverage, since when, and the rejects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from casebridge_x12.periods import period
from casebridge_x12.segments import BETWEEN

ACTIVE = frozenset("12345")
COVERED_OR_NOT = frozenset("12345678")  # EB01 that says whether there is coverage; the others describe it


def add_keys(data: dict[str, Any], member_id: str, above: Iterable[dict[str, Any]]) -> None:
    """``coverage_id``, ``begin`` and ``end`` in each 2110 about coverage; ``rejects`` at the person.

    What the payer rejects in a loop ``above`` holds for who is named below and of whom nothing else is said.
    """
    loop = data["2100"]
    benefits = loop.get("2110", ())
    _name_coverages(benefits, loop.get("DTP", ()), member_id)
    if rejects := list(_rejects(data, [loop, *benefits] if speaks(data) else above, member_id)):
        data["rejects"] = rejects


def speaks(data: dict[str, Any]) -> bool:
    """Is there an answer about the person: a benefit, or a reject?"""
    loop = data.get("2100", {})
    return bool(loop.get("2110") or loop.get("AAA"))


def asked_in(data: dict[str, Any]) -> str:
    """The number of the question that is answered (TRN02, else BHT03)."""
    return next((trace.get("02", "") for trace in data.get("TRN", ())), "") or data.get("BHT", {}).get("03", "")


def _name_coverages(benefits: Iterable[dict[str, Any]], dates: Iterable[dict[str, Any]], member_id: str) -> None:
    """``coverage_id``: member, insurance type (EB04), service types (EB03), plan (EB05).

    Without the status (EB01), so that an inactive answer ends what an active one began. Of several that are equal in
    this the one in effect, else the latest, has the id alone and the others their begin behind it, in whatever order
    the payer gives them; what nothing tells apart is numbered.
    """
    alike: dict[str, list[dict[str, Any]]] = {}
    for benefit in benefits:
        if benefit["EB"].get("01") in COVERED_OR_NOT:
            begin, end = period(benefit.get("DTP", ()), dates)
            benefit.update({key: day for key, day in (("begin", begin), ("end", end)) if day})
            alike.setdefault(_name(benefit["EB"], member_id), []).append(benefit)
    for name, same in alike.items():
        seen: dict[str, int] = {}
        for benefit in sorted(same, key=_standing, reverse=True):
            own = f"{name}/{benefit['begin']}" if seen and "begin" in benefit else name
            seen[own] = seen.get(own, 0) + 1
            benefit["coverage_id"] = own if seen[own] == 1 else f"{own}/{seen[own]}"


def _name(head: dict[str, Any], member_id: str) -> str:
    types = BETWEEN.join(sorted(head.get("03", "").split(BETWEEN)))
    return "/".join((member_id, "271", head.get("04", ""), types, head.get("05", "")))


def _standing(benefit: dict[str, Any]) -> tuple[bool, str, str, str]:
    """In effect before not; then by begin, end and status."""
    status = benefit["EB"].get("01", "")
    return status in ACTIVE, benefit.get("begin", ""), benefit.get("end", ""), status


def _rejects(data: dict[str, Any], loops: Iterable[dict[str, Any]], member_id: str) -> Iterable[dict[str, Any]]:
    """Why the payer did not answer (AAA), each once. It says nothing about whether there is coverage."""
    asked = asked_in(data)
    reasons = {aaa.get("03", ""): aaa.get("04", "") for loop in loops for aaa in loop.get("AAA", ()) if aaa.get("03")}
    for reason, action in reasons.items():
        said = {"id": f"{member_id}/reject/{asked}/{reason}", "reason": reason, "action": action}
        yield {key: value for key, value in said.items() if value}
