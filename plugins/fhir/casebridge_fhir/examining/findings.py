"""What a step can find, in words: the rows of ``data/examination.csv``, filled in for one server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from casebridge import Step
from casebridge.core import facts

LONGEST = 120  # characters of what a server says of itself


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what is said of the ``step`` when it finds this, and who then does what."""

    step: str
    finding: str
    state: str  # ok, attention, failed
    who: str  # it, partner
    says: str
    remedy: str


@cache
def findings() -> dict[tuple[str, str], Finding]:
    """Every row, by step and finding."""
    return {(row["step"], row["finding"]): Finding(**row) for row in _rows("examination.csv")}


def team_of(software: str) -> str:
    """Whom to ask at the partner: the row of ``data/vendors.csv`` whose mark stands in what the server calls itself."""
    named = (row["team"] for row in _rows("vendors.csv") if row["mark"].lower() in software.lower())
    return next(named, "FHIR server team")


def quoted(text: object) -> str:
    """What a server says of itself, as it may be shown: one short line that no terminal obeys."""
    shown = "".join(c for c in str(text) if c.isprintable())
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "..."


class Words:
    """Makes steps. ``facts`` are what the rows may speak of, such as ``host``; more are given with each finding."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts

    def step(self, step: str, finding: str, *, name: str = "", code: str = "", **facts: Any) -> Step:
        """The row of this finding; the step is called ``name``, if that says more."""
        row = findings()[step, finding]
        known = {**self.facts, **facts}
        return Step(
            name or step, row.state != "failed", row.says.format_map(known), row.remedy.format_map(known), row.who, code
        )


def _rows(name: str) -> list[dict[str, str]]:
    return facts.rows("casebridge_fhir", f"{name}")
