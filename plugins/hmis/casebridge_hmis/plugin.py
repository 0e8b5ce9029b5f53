"""The hooks of the hmis adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Format, hookimpl
from casebridge_hmis.codec import HmisCsv


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """HMIS CSV FY2026."""
    register(HmisCsv)
