"""The hooks of the flatfile adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Converter, Format, Natives, hookimpl
from casebridge_flatfile.dates import DATE_US
from casebridge_flatfile.format import FlatfileFormat
from casebridge_flatfile.natives import NATIVES
from casebridge_flatfile.tmsis import TmsisFormat


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """``flatfile`` and ``tmsis``."""
    register(FlatfileFormat)
    register(TmsisFormat)


@hookimpl
def register_converters(register: Callable[[Converter], None]) -> None:
    """``date-us``."""
    register(DATE_US)


@hookimpl
def register_natives(register: Callable[[Natives], None]) -> None:
    """``flatfile/<record>`` of the layout that a map names, and ``tmsis/eligibility``."""
    for natives in NATIVES:
        register(natives)
