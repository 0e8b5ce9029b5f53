"""The hooks of the hmis adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Converter, Format, Natives, hookimpl
from casebridge_hmis.codec import HmisCsv, HmisCsv2024
from casebridge_hmis.natives import natives_of
from casebridge_hmis.row_ids import ROW_IDS
from casebridge_hmis.spec import FY2024, FY2026


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """HMIS CSV FY2026 and FY2024."""
    register(HmisCsv)
    register(HmisCsv2024)


@hookimpl
def register_converters(register: Callable[[Converter], None]) -> None:
    """The ids of assessments."""
    for converter in ROW_IDS:
        register(converter)


@hookimpl
def register_natives(register: Callable[[Natives], None]) -> None:
    """The records of both years."""
    register(natives_of(FY2026))
    register(natives_of(FY2024))
