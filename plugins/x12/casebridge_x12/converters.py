"""The converter ``x12-ssn``: a social security number only where it tells people apart."""

from __future__ import annotations

from typing import Any

from casebridge import Converter
from casebridge_x12.identity import telling


def _read(value: Any) -> str | None:
    return telling(str(value)) or None


def _write(value: Any) -> str:
    found = telling(str(value))
    if not found:
        raise ValueError("a filler is no social security number")
    return found


X12_SSN = Converter(
    name="x12-ssn", read=_read, write=_write, law="canonical",
    samples=(("219099999", "219099999"), ("219-09-9998", "219099998")),
    about="nine digits that tell people apart: a filler such as 999999999 is no number",
)  # fmt: skip
