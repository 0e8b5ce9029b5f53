"""The converter ``ssn-usable``: social security numbers as hospitals write them."""

from __future__ import annotations

import re
from typing import Any

from casebridge import Converter

_WRITTEN = re.compile(r"(\d{3})[- ]?(\d{2})[- ]?(\d{4})")


def _read(value: Any) -> str:
    """Nine digits, or nothing: a number cut short, masked (xxx-xx-1234) or standing for "unknown" links nobody.

    No number has area 000, group 00 or serial 0000 (SSA, POMS RM 10201.035); one digit nine times is a filler.
    """
    found = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or any(set(part) == {"0"} for part in found.groups()):
        return ""
    digits = "".join(found.groups())
    return "" if len(set(digits)) == 1 else digits


def _write(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d{9}", value):
        raise ValueError("nine digits are expected")
    return value


SSN_USABLE = Converter(
    name="ssn-usable", read=_read, write=_write, law="canonical",
    samples=(("123456780", "123456780"), ("999-01-0001", "999010001")),
    about="a social security number as nine digits; masked, cut short or made up, it is left where it is",
)  # fmt: skip
