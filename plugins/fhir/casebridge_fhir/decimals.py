"""The converter ``fhir-decimal``: a JSON number and the case model's amount, which is text and keeps its zeros."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from casebridge import Converter
from casebridge.core.jsontext import Number

_LONGEST = 40  # digits; an exponent of millions would be written out as millions of zeros
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _read(value: Any) -> str:
    """``72.50`` as it is written; an exponent is written out. ValueError when it is no number.

    A float has lost its zeros already. Some systems send a number as text.
    """
    if isinstance(value, bool | float) or not isinstance(value, int | Decimal | str):
        raise ValueError("not a number")
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    if isinstance(value, Decimal) and abs(value.adjusted()) < _LONGEST:
        return format(value, "f")
    raise ValueError("not an amount")


def _write(value: Any) -> int | Number:
    """The number an amount is, with its own text."""
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise ValueError("not an amount")
    return Number(value) if "." in value or str(int(value)) != value else int(value)


DECIMAL = Converter(
    "fhir-decimal", _read, _write, "canonical",
    ((7, "7"), (Number("72.50"), "72.50"), (-3, "-3"), (Number("1E+2"), "100")),
    "a JSON number, kept with its zeros as FHIR asks",
)  # fmt: skip
