"""How a finding about a resource is made: the place in words that show nothing of a person."""

from __future__ import annotations

from typing import Any

from casebridge import Finding
from casebridge.core.errors import Position, error_codes, mask, quiet_place
from casebridge_fhir.checking.places import Place
from casebridge_fhir.checking.tables import Level

LISTED = 12  # more codes than these are told by the name of their set


def finding(
    level: Level, rule: str, code: str, says: str, place: Place, *, expected: str = "", found: Any = None, do: str = ""
) -> Finding:
    """A finding at ``place``; of ``found`` only the shape is kept, and of names that a partner chose."""
    return Finding(
        level, rule, code, says, Position(pointer=quiet_pointer(place.pointer)), field=quiet_place(place.field),
        expected=expected, found="" if found is None else mask(found), do=do or error_codes()[code].remedy,
    )  # fmt: skip


def quiet_pointer(pointer: str) -> str:
    """A JSON pointer whose members are names of elements; what does not look like one is masked."""
    return "/".join(quiet_place(part) for part in pointer.split("/")) or "/"
