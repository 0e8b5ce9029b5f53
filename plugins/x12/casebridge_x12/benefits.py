"""What no single element of a 271 says and maps need: which benefits are coverage, since when, and the rejects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from casebridge_x12.periods import period
from casebridge_x12.segments import BETWEEN

COVERED_OR_NOT = frozenset("12345678")  # EB01 that says whether there is coverage; the others describe it


def add_keys(data: dict[str, Any], member_id: str) -> None:
    """``coverage_id``, ``begin`` and ``end`` in each 2110 about coverage; ``rejects`` at the person."""
    loop = data["2100"]
    benefits = loop.get("2110", ())
    _name_coverages(benefits, loop.get("DTP", ()), member_id)
    if rejects := list(_rejects(data, [loop, *benefits], member_id)):
        data["rejects"] = rejects


def _name_coverages(benefits: Iterable[dict[str, Any]], dates: Iterable[dict[str, Any]], member_id: str) -> None:
    """``coverage_id``: member, insurance type (EB04), service types (EB03), plan (EB05); numbered when two are equal.

    Without the status (EB01), so that an inactive answer ends what an active one began.
    """
    seen: dict[str, int] = {}
    for benefit in benefits:
        head = benefit["EB"]
        if head.get("01") not in COVERED_OR_NOT:
            continue
        types = BETWEEN.join(sorted(head.get("03", "").split(BETWEEN)))
        name = "/".join((member_id, "271", head.get("04", ""), types, head.get("05", "")))
        seen[name] = seen.get(name, 0) + 1
        benefit["coverage_id"] = name if seen[name] == 1 else f"{name}/{seen[name]}"
        begin, end = period(benefit.get("DTP", ()), dates)
        benefit.update({key: day for key, day in (("begin", begin), ("end", end)) if day})


def _rejects(data: dict[str, Any], loops: Iterable[dict[str, Any]], member_id: str) -> Iterable[dict[str, Any]]:
    """Why the payer did not answer (AAA), each once. It says nothing about whether there is coverage."""
    asked = next((trace.get("02", "") for trace in data.get("TRN", ())), "") or data.get("BHT", {}).get("03", "")
    reasons = {aaa.get("03", ""): aaa.get("04", "") for loop in loops for aaa in loop.get("AAA", ()) if aaa.get("03")}
    for reason, action in reasons.items():
        said = {"id": f"{member_id}/reject/{asked}/{reason}", "reason": reason, "action": action}
        yield {key: value for key, value in said.items() if value}
