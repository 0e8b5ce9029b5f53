"""The converter ``date-us``: dates as American spreadsheets write them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from casebridge import Converter

_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def _read(value: Any) -> str:
    found = _US.fullmatch(str(value))
    if not found:
        raise ValueError("not a date written as month/day/year")
    month, day, year = map(int, found.groups())
    return date(year, month, day).isoformat()


def _write(value: Any) -> str:
    day = date.fromisoformat(str(value))
    return f"{day.month:02}/{day.day:02}/{day.year:04}"


DATE_US = Converter(
    name="date-us", read=_read, write=_write, law="canonical",
    samples=(("02/20/1987", "1987-02-20"), ("12/31/2026", "2026-12-31")),
    about="A date as month/day/year with four digits of the year: 02/20/1987",
)  # fmt: skip
