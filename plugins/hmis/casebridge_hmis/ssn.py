"""Social security numbers as they stand in HMIS: many are filler, and filler would make one person of many."""

from __future__ import annotations

import re
from typing import Any

from casebridge import Converter

FILLER = frozenset({"123456789", "987654321", "078051120", "219099999"})  # the last two were printed in advertisements
NEVER_ISSUED = re.compile(r"000\d{6}|666\d{6}|\d{3}00\d{4}|\d{5}0000|(\d)\1{8}")  # SSA: area, group and serial


def read_ssn(value: Any) -> str:
    """Nine digits, or "" for a number that identifies nobody: it stays with its sender and links no one."""
    digits = re.sub(r"[\s-]", "", value if isinstance(value, str) else "")
    usable = re.fullmatch(r"[0-9]{9}", digits) and not NEVER_ISSUED.fullmatch(digits) and digits not in FILLER
    return digits if usable else ""


def write_ssn(value: Any) -> str:
    """The nine digits (HMIS CSV FY2026, Client.SSN)."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{9}", value):
        raise ValueError("not nine digits")
    return value


HUD_SSN = Converter(
    "hud-ssn", read_ssn, write_ssn, "canonical", (("900120001", "900120001"), ("900-12-0001", "900120001")),
    "nine digits that can be somebody's number; 000000000 and other filler is left with the sender",
)  # fmt: skip
