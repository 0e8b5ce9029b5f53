"""The hooks of the flatfile adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Converter, Format, hookimpl
from casebridge_flatfile.dates import DATE_US
from casebridge_flatfile.format import FlatfileFormat


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """``flatfile``."""
    register(FlatfileFormat)


@hookimpl
def register_converters(register: Callable[[Converter], None]) -> None:
    """``date-us``."""
    register(DATE_US)
