"""What the checker found in a map: errors, notes, and a verdict for each line and direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from casebridge.core.errors import MapError
from casebridge.mapping.notation import Place

Way = Literal["import", "export"]
Judgement = Literal["lossless", "canonical", "lossy", "one-way"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``message`` says what is wrong, ``example`` what would go wrong because of it, ``remedy`` what to write."""

    code: str
    place: Place
    message: str
    example: str = ""
    remedy: str = ""

    @property
    def error(self) -> MapError:
        """The finding as the error that refuses the map."""
        said = f"{self.message}. {self.example}" if self.example else self.message
        return self.place.error(self.code, said.rstrip("."), remedy=self.remedy)

    def __str__(self) -> str:
        said = [f"{self.place}: {self.message} ({self.code})", self.example, self.remedy]
        return " ".join(part if part.endswith((".", "?")) else part + "." for part in said if part)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to the values of one line in one direction.

    ``witness`` is a value that shows it (``accepted -> active -> requested``); ``signed`` is the map's ``loss:``.
    """

    case: str
    other: str
    way: Way
    verdict: Judgement
    why: str
    witness: str
    place: Place
    signed: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings on one map, sorted by place. A map with ``errors`` does not load."""

    map: str
    errors: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def ok(self) -> bool:
        """May the map be loaded?"""
        return not self.errors

    def raise_first(self) -> None:
        """Raise the first error as a MapError; nothing happens when there is none."""
        if self.errors:
            raise self.errors[0].error


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By place, each said once."""
    known = {(f.code, str(f.place), f.message): f for f in findings}
    return tuple(sorted(known.values(), key=lambda f: (f.place.file, f.place.line, f.place.column, f.code)))
