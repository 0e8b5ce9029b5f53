"""The hooks of the hmis adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Converter, Format, hookimpl
from casebridge_hmis.codec import HmisCsv
from casebridge_hmis.ssn import HUD_SSN


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """HMIS CSV FY2026."""
    register(HmisCsv)


@hookimpl
def register_converters(register: Callable[[Converter], None]) -> None:
    """Social security numbers that can be somebody's."""
    register(HUD_SSN)
