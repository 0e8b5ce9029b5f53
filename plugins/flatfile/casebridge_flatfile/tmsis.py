"""The format ``tmsis``: a state's T-MSIS eligible file (CMS), pipe-delimited, one record for each person.

All segments of a person are joined by the MSIS identification number, in whatever order the file has them.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from casebridge import Context, Settings
from casebridge.core.errors import RecordError
from casebridge_flatfile.format import FlatfileFormat, FlatfileSettings
from casebridge_flatfile.rows import Row

LAYOUT = "tmsis-eligible"


class TmsisSettings(FlatfileSettings):
    """Which layout, when the state's differs."""

    layout: str = Field(LAYOUT, description="A layout file (relative to casebridge.toml), or the name of a shipped one")


class TmsisFormat(FlatfileFormat):
    """Native type ``tmsis/eligibility``. Reads; states write these files, we do not."""

    name: ClassVar[str] = "tmsis"
    capabilities: ClassVar[frozenset[str]] = frozenset({"identity", "parse"})
    Settings: ClassVar[type[Settings]] = TmsisSettings

    def __init__(self, settings: TmsisSettings, context: Context) -> None:
        super().__init__(settings, context)

    def _is_for_us(self, header: Row) -> bool:
        """As for any file; raises RecordError CB-303 where the state uses social security numbers as its ids.

        T-MSIS ELG.001.012 SSN-INDICATOR = 1: the ids of all records would be social security numbers, and an id is
        shown where a social security number must not be.
        """
        if header.values.get("ssn_indicator") == "1":
            raise RecordError(
                "CB-303", "the ids of this file are social security numbers (SSN-INDICATOR is 1)",
                field="ssn_indicator", expected="a file with ids of its own (SSN-INDICATOR 0)",
            )  # fmt: skip
        return super()._is_for_us(header)
