"""What is wrong with a ledger, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from casebridge.core import facts

MOST = 1000
"""Findings that are named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was sealed: its kind (``data/ledger_findings.csv``), and the event's number, the
    seal's or the disclosure's id it is about. ``was`` is the number under which the same row was sealed."""

    kind: str
    row: int | None = None
    seal: int | None = None
    disclosure: str = ""
    was: int | None = None
    until: int | None = None

    @property
    def words(self) -> str:
        """For people: what, and which."""
        return words()[self.kind].format(
            row=self.row, seal=self.seal, disclosure=self.disclosure, was=self.was, until=self.until)  # fmt: skip


@dataclass(slots=True)
class Findings:
    """The first of them, and how many there are of each kind."""

    named: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, **about: int | str) -> None:
        """One more."""
        self.counts[kind] += 1
        if len(self.named) < MOST:
            self.named.append(Finding(kind, **about))  # type: ignore[arg-type]


@cache
def words() -> Mapping[str, str]:
    """What each kind means."""
    return {row["kind"]: row["words"] for row in facts.rows("casebridge.engine", "ledger_findings.csv")}
