"""The hooks of the x12 adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Converter, Format, Natives, hookimpl
from casebridge_x12.converters import SERVICE_TYPES
from casebridge_x12.format import X12
from casebridge_x12.natives import NATIVES


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """834 and 271 files."""
    register(X12)


@hookimpl
def register_converters(register: Callable[[Converter], None]) -> None:
    """``x12-service-types``."""
    register(SERVICE_TYPES)


@hookimpl
def register_natives(register: Callable[[Natives], None]) -> None:
    """``x12/834-member`` and ``x12/271-eligibility``."""
    register(NATIVES)
