"""The one row of Export.csv that we write: who exported, when, and what the export reaches over.

An export made of another one says of itself what that one did: its days, its period, whether it is all there is or what
changed. To call it a delta of today would make its receiver keep rows that it was to replace.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from casebridge_hmis.checking import is_right
from casebridge_hmis.settings import HmisSettings
from casebridge_hmis.spec import Spec

REACH = ("ExportStartDate", "ExportEndDate", "ExportPeriodType", "ExportDirective")  # they mean something together only
SET = {
    "SourceType": "source_type", "SourceID": "source_id", "SourceName": "source_name",
    "SourceContactFirst": "contact_first", "SourceContactLast": "contact_last", "SourceContactPhone": "contact_phone",
    "SourceContactExtension": "contact_extension", "SourceContactEmail": "contact_email",
    "ImplementationID": "implementation_id",
}  # fmt: skip
"""Columns that say who made the export, and the setting of each."""
PARTS = ({"SourceType", "SourceID"}, {name for name in SET if name.startswith("SourceContact")})
"""Columns that are one thing: whoever sets one of them has set them all."""


def own_row(spec: Spec, settings: HmisSettings, now: datetime) -> dict[str, str]:
    """An export that is made of nothing but what changed today."""
    said = {name: str(getattr(settings, setting)) for name, setting in SET.items()}
    day = now.strftime("%Y-%m-%d")
    return {
        **said, "SourceID": settings.source, "ExportDate": now.strftime("%Y-%m-%d %H:%M:%S"), "ExportStartDate": day,
        "ExportEndDate": day, "SoftwareName": settings.software_name, "CSVVersion": spec.version,
        "ExportPeriodType": "1", "ExportDirective": "1", "HashStatus": "1",
    }  # fmt: skip


def said_by(spec: Spec, settings: HmisSettings, row: Mapping[str, str]) -> dict[str, str]:
    """What an export made of the one with this row of Export.csv says too; what a setting says goes before it.

    ``HashStatus`` stays 1 (nothing is hashed): hashed names are refused, or left empty, when an export is read.
    """
    right = {c.name: value for c in spec.columns("Export") if (value := str(row.get(c.name) or "").strip())
             and is_right(spec, "Export", c, {**row, c.name: value})}  # fmt: skip
    reach = [name for name in REACH if all(one in right for one in REACH)]
    who = [name for name in SET if name in right and name not in _set(settings)]
    hashed = [name for name in ("HashStatus",) if right.get(name) == "1"]
    return {name: right[name] for name in (*reach, *who, *hashed)}


def _set(settings: HmisSettings) -> set[str]:
    given = settings.model_fields_set | ({"source_id"} if settings.coc else set())
    names = {name for name, setting in SET.items() if setting in given}
    return names.union(*(part for part in PARTS if not names.isdisjoint(part)))
