"""Ids of assessments: seven files number their rows alike, so the file is part of the id (``Disabilities/7``)."""

from __future__ import annotations

import re
from typing import Any

from casebridge import Converter
from casebridge_hmis.spec import ASSESSMENTS


def converter_of(file: str) -> Converter:
    """``hud-income-benefits-id`` and the like: the key of a row <-> the id of its record."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError("no key")
        return f"{file}/{value}"

    def write(value: Any) -> str:
        name, _, key = value.partition("/") if isinstance(value, str) else ("", "", "")
        if name != file or not key:
            raise ValueError("the id of another record")
        return key

    return Converter(f"hud-{_dashed(file)}-id", read, write, "exact", (("7", f"{file}/7"), ("a/b", f"{file}/a/b")),
                     f"the key of a row of {file}.csv; its id is {file}/ and the key")  # fmt: skip


def _dashed(file: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "-", file).lower()


ROW_IDS = tuple(converter_of(file) for file in ASSESSMENTS)
