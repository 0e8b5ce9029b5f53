"""What a recipient of a role would not get of a slice, by the rules of disclosure alone: no consent, no agreement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from casebridge.core import labels
from casebridge.core.case import records_of
from casebridge.core.policy import Request, decide
from casebridge.core.released import Withheld
from casebridge.core.slices import Leaf, withhold

RELATIONS = {"referral": "recipient", "referral-status": "source", "coverage-change": "source"}
PURPOSES = {"hmis_lead": "hmis", "individual": "individual", "site": "operations"}


def usual_purpose(role: str) -> str:
    """What a recipient of a role usually gets records for."""
    return PURPOSES.get(role, "referral")


def not_for(
    slice_: Mapping[str, Any], role: str, purpose: str, *, domain: str = "", agreements: frozenset[str] = frozenset()
) -> tuple[list[str], list[Withheld]]:
    """(the case paths that would go, the leaves that would not, each with the rules and why)."""
    content = {slot: value for slot, value in slice_.items() if slot != "complete"}
    asked = {
        path: Request(
            kind=kind, field="", recipient_role=role, purpose=purpose, relation=RELATIONS.get(purpose, "none"),
            labels=labels.names(record.get("labels")), domain=domain or _domain(slice_), agreements=agreements,
            record_domain=str(record.get("domain") or ""))
        for kind, path, record in records_of(content)
    }  # fmt: skip

    def decided(leaf: Leaf) -> Any:
        return decide(replace(asked[leaf.record], field=leaf.field))

    _, decisions = withhold(content, decided)
    return (
        [leaf.path for leaf, d in decisions if d.leaves],
        [Withheld(leaf.path, d.rules, d.why) for leaf, d in decisions if not d.leaves],
    )


def _domain(slice_: Mapping[str, Any]) -> str:
    """The domain of the referral in the slice, if there is one."""
    said = slice_.get("referral", {}).get("domain")
    return said if isinstance(said, str) else ""
