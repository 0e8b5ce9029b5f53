"""The converter ``x12-service-types``."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import Any

from casebridge import Converter
from casebridge_x12.segments import BETWEEN

AND = ", "
_CODE = re.compile(r"[A-Z0-9]{1,2}")


@cache
def service_types() -> dict[str, str]:
    """Words by code (EB03), from ``data/service_types.csv``."""
    text = files("casebridge_x12").joinpath("data/service_types.csv").read_text(encoding="utf-8")
    return dict(list(csv.reader(text.splitlines()))[1:])


@cache
def _codes() -> dict[str, str]:
    return {words: code for code, words in service_types().items()}


def _read_types(value: Any) -> str:
    """The words of each code; a code without words stays a code."""
    return AND.join(service_types().get(code, code) for code in str(value).split(BETWEEN))


def _write_types(value: Any) -> str:
    return BETWEEN.join(_code(words) for words in str(value).split(AND))


def _code(words: str) -> str:
    code = _codes().get(words) or words
    if not _CODE.fullmatch(code) or (code == words and code in service_types()):
        raise ValueError("not a service type")
    return code


SERVICE_TYPES = Converter(
    name="x12-service-types", read=_read_types, write=_write_types, law="exact",
    samples=(("30", "health-benefit-plan-coverage"), ("82", "family-planning"), ("1^33", "medical-care, chiropractic")),
    about="service types of a 271 (EB03) in words, with a comma between several",
)  # fmt: skip
