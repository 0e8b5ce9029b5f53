"""The hooks of the x12 adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Format, hookimpl
from casebridge_x12.format import X12


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """834 files."""
    register(X12)
