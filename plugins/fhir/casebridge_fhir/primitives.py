"""The primitive types of FHIR R4: which JSON value each one is and how it is spelled (datatypes.html)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from casebridge_fhir.xhtml import normal

_BEYOND_SPACE = "\x21-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"
UNWRITABLE = re.compile(f"[^\t\n\r {_BEYOND_SPACE}]")
"""What no text of FHIR may hold, because XML cannot (XML 1.0, 2.2)."""
_LEAST, _MOST = -(2**31), 2**31 - 1
_DAY = r"(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_DATE = rf"(?!0000)\d{{4}}(-(0[1-9]|1[0-2]))?|{_DAY}"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_WORD = rf"(?:(?!\s)[{_BEYOND_SPACE}])+"
_TEXT = f"[\t\n\r {_BEYOND_SPACE}]+"
_ZONE = r"(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)"
_FULL_DATE = 10
Check = Callable[[Any], bool]


def _spelled(pattern: str, flags: re.RegexFlag = re.ASCII) -> Check:
    matches = re.compile(pattern, flags).fullmatch
    return lambda value: isinstance(value, str) and matches(value) is not None


def _dated(pattern: str) -> Check:
    """Spelled so, and a day that is in the calendar."""
    spelled = _spelled(pattern)

    def check(value: Any) -> bool:
        if not spelled(value):
            return False
        try:
            return len(value) < _FULL_DATE or bool(date.fromisoformat(value[:_FULL_DATE]))
        except ValueError:
            return False

    return check


def _whole(least: int) -> Check:
    return lambda value: type(value) is int and least <= value <= _MOST


def _narrative(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(normal(value))
    except ValueError:
        return False


CHECKS: Mapping[str, tuple[Check, str]] = {
    "boolean": (lambda value: value is True or value is False, "true or false"),
    "integer": (_whole(_LEAST), "a whole number of 32 bits, without quotes"),
    "unsignedInt": (_whole(0), "a whole number from 0 on, without quotes"),
    "positiveInt": (_whole(1), "a whole number from 1 on, without quotes"),
    "decimal": (lambda value: type(value) is int or isinstance(value, Decimal), "a number, without quotes"),
    "date": (_dated(_DATE), "a date: YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": (_dated(f"{_DATE}|{_DAY}T{_TIME}{_ZONE}"),
                 "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with Z or +hh:mm"),
    "instant": (_dated(f"{_DAY}T{_TIME}{_ZONE}"), "YYYY-MM-DDThh:mm:ss with Z or +hh:mm"),
    "time": (_spelled(_TIME), "a time: hh:mm:ss"),
    "id": (_spelled(r"[A-Za-z0-9\-.]{1,64}"), "1 to 64 letters, digits, - or ."),
    "code": (_spelled(rf"{_WORD}(?:\s{_WORD})*", re.UNICODE),
             "a code: text without spaces at its ends, and single ones inside"),
    "uri": (_spelled(_WORD, re.UNICODE), "an address without spaces"),
    "url": (_spelled(_WORD, re.UNICODE), "an address without spaces"),
    "canonical": (_spelled(_WORD, re.UNICODE), "an address without spaces"),
    "oid": (_spelled(r"urn:oid:[0-2](\.(0|[1-9]\d*))+"), "urn:oid: and an OID"),
    "uuid": (_spelled(r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "urn:uuid: and a UUID"),
    "base64Binary": (_spelled(r"[0-9A-Za-z+/=\s]+"), "base64"),
    "string": (_spelled(_TEXT, re.UNICODE), "text that is not empty, without control characters"),
    "markdown": (_spelled(_TEXT, re.UNICODE), "text that is not empty, without control characters"),
    "xhtml": (_narrative, "a div of well-formed XHTML"),
}  # fmt: skip
