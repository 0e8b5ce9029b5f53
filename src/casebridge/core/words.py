"""Plain words and an icon for every state and detail of a referral (``data/referral_words.csv``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from casebridge.core import facts


@dataclass(frozen=True, slots=True)
class Words:
    """What a planner reads, and the name of the USWDS icon beside it."""

    text: str
    icon: str


@cache
def referral_words() -> dict[tuple[str, str], Words]:
    """All rows, by (``status``, ``detail`` or ``way``, code)."""
    rows = facts.rows("casebridge.core", "referral_words.csv")
    return {(r["sort"], r["code"]): Words(r["words"], r["icon"]) for r in rows}


def words(status: str) -> Words:
    """The words of a status; raises KeyError when there is no such status."""
    return referral_words()["status", status]


def way_words(way: str) -> Words:
    """What holds a requested referral back before its recipient has it: ``held``, ``waiting`` or ``shown``."""
    return referral_words()["way", way]


def detail_words(detail: str) -> Words:
    """The words of a detail; one that is not in the list is shown as the partner wrote it."""
    return referral_words().get(("detail", detail), Words(detail, "info"))
