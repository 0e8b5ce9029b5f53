"""What a site may set for an HMIS partner."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from casebridge import Settings

COC = r"^[A-Za-z]{2}-\d{3}$"
GIB = 1 << 30


class HmisSettings(Settings):
    """``format_settings`` of a partner with ``format = "hmis-csv"``. Names are those of Export.csv."""

    source_type: Literal["1", "2", "3", "4"] = Field("4", description="1 HMIS, 2 one agency, 3 warehouse, 4 other")
    source_id: str = Field("", max_length=350, description="For source_type 1 the CoC codes, separated by ;")
    source_name: str = Field("CaseBridge", min_length=1, max_length=50, description="Who sends the export")
    coc: str = Field("", pattern=rf"{COC}|^$", description="CoC code; stands in SourceID when source_id is not set")
    software_name: str = Field("CaseBridge", min_length=1, max_length=50, description="SoftwareName of our exports")
    implementation_id: str = Field(
        "casebridge", min_length=1, max_length=200, description="ImplementationID agreed with the HMIS lead"
    )
    contact_first: str = Field("", max_length=50, description="First name of whom to ask about an export")
    contact_last: str = Field("", max_length=50, description="Last name of whom to ask")
    contact_phone: str = Field("", pattern=r"^([2-9]\d{2}[2-9]\d{6})?$", description="Ten digits, nothing between")
    contact_extension: str = Field("", pattern=r"^\d{0,5}$", description="Up to five digits")
    contact_email: str = Field("", max_length=320, description="Where to write to about an export")
    user_id: str = Field("casebridge", min_length=1, max_length=32, description="UserID of the rows CaseBridge makes")
    hashed: Literal["refuse", "blank"] = Field("refuse", description="An export with hashed names: refuse, or no names")
    strict: bool = Field(False, description="Refuse an export with a missing column or of another year")
    max_bytes: int = Field(4 * GIB, gt=0, description="Largest size of all files of an export together, unpacked")

    @model_validator(mode="after")
    def _source_id_of_an_hmis(self) -> HmisSettings:
        if self.source_type == "1" and not self.source:
            raise ValueError("source_type 1 (an HMIS) needs source_id or coc: the CoC code, such as XX-501")
        return self

    @property
    def source(self) -> str:
        """What stands in ``Export.SourceID``."""
        return self.source_id or self.coc
