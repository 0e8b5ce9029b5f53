"""The format ``tmsis``: a state's T-MSIS eligible file (CMS), pipe-delimited, one record for each person.

All segments of a person are joined by the MSIS identification number, in whatever order the file has them.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from casebridge import Context, Settings
from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.format import FlatfileFormat, FlatfileSettings
from casebridge_flatfile.rows import Row

LAYOUT = "tmsis-eligible"
WHOLE = ("C", "R")  # ELG.001.003 SUBMISSION-TRANSACTION-TYPE: Create, Replacement; U is Update


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
        """As for any file; raises RecordError CB-303 for an update, and where social security numbers are the ids.

        T-MSIS ELG.001.003 SUBMISSION-TRANSACTION-TYPE = U: it holds the corrected rows only, and a person of whom some
        rows came would lose what the others say. ELG.001.012 SSN-INDICATOR = 1: the ids of all records would be social
        security numbers, and an id is shown where a social security number must not be.
        """
        kind = header.values.get("submission_transaction_type")
        if kind not in WHOLE:
            raise RecordError(
                "CB-303", f"the file may hold some rows of a person only: SUBMISSION-TRANSACTION-TYPE is "
                f"{'U (update)' if kind == 'U' else 'not C or R'}", position=Position(row=header.number),
                field="submission_transaction_type", expected="a whole file (C or R)",
            )  # fmt: skip
        if header.values.get("ssn_indicator") == "1":
            raise RecordError(
                "CB-303", "the ids of this file are social security numbers (SSN-INDICATOR is 1)",
                position=Position(row=header.number), field="ssn_indicator",
                expected="a file with ids of its own (SSN-INDICATOR 0)",
            )  # fmt: skip
        return super()._is_for_us(header)
