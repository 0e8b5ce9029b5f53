"""Social security numbers that can be somebody's. The rest is filler, and filler would make one person of many."""

from __future__ import annotations

import re
from typing import Any

_WRITTEN = re.compile(r"([0-9]{3})[- ]?([0-9]{2})[- ]?([0-9]{4})")
_NO_AREA = ("000", "666")
_FILLER = frozenset({"123456789", "987654321", "078051120", "219099999"})  # the last two were printed in advertisements


def usable_ssn(value: Any) -> str:
    """Nine digits, or "" for what tells nobody from anybody: masked, cut short, made up to fill the field.

    No number has the area 000 or 666, the group 00 or the serial 0000 (SSA, POMS RM 10201.035). Areas from 900 are not
    SSA's either, but stand for one person all the same (the tax office's ITIN, numbers that states give): they stay.
    """
    found = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return ""
    area, group, serial = found.groups()
    digits = area + group + serial
    never = area in _NO_AREA or group == "00" or serial == "0000"
    return "" if never or digits in _FILLER or len(set(digits)) == 1 else digits
