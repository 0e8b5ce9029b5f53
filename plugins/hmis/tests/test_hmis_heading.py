"""What an export made of another one says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from casebridge import Native
from casebridge.core.errors import Position

ROW = {
    "ExportID": "EX-1", "SourceType": "1", "SourceID": "XX-501", "SourceName": "Square", "ImplementationID": "made-up",
    "ExportStartDate": "2025-10-01", "ExportEndDate": "2026-03-01", "ExportPeriodType": "3", "ExportDirective": "2",
    "HashStatus": "1", "CSVVersion": "2024 v1.7", "SoftwareName": "theirs", "SourceContactEmail": "a@b.test",
}  # fmt: skip
REACH = {name: ROW[name] for name in ("ExportStartDate", "ExportEndDate", "ExportPeriodType", "ExportDirective")}
ALL = {name: ROW[name] for name in ROW if name not in ("ExportID", "CSVVersion", "SoftwareName")}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in ALL.items() if name not in names}


def headed(codec: Any, type_: str = "hmis-csv-2024/Export", **values: str) -> dict[str, str]:
    return dict(codec.headed(Native(type_, {**ROW, **values}, Position(), "EX-1")))


def test_all_but_what_made_it(codec):
    assert headed(codec()) == ALL


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"ExportEndDate": "01.03.2026"}, without(*REACH)),  # the four say one thing together, or nothing
        ({"ExportDirective": ""}, without(*REACH)),
        ({"ExportPeriodType": "9"}, without(*REACH)),
        ({"SourceContactEmail": "<a@b.test>"}, without("SourceContactEmail")),
        ({"HashStatus": "2"}, without("HashStatus")),  # names that were hashed are refused or left empty: none is
        ({"SourceName": "Square\nPeg"}, {**ALL, "SourceName": "Square\nPeg"}),
    ],
)
def test_what_the_specification_would_refuse_is_not_said(codec, wrong, expected):
    assert headed(codec(), **wrong) == expected


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        ({"source_name": "Riverside"}, without("SourceName")),
        ({"coc": "YY-502"}, without("SourceType", "SourceID")),
        ({"contact_last": "Quick"}, without("SourceContactEmail")),  # nobody is given another one's address
    ],
)
def test_what_is_set_goes_before_it(codec, settings, theirs):
    assert headed(codec(**settings)) == theirs


def test_other_files_say_nothing_an_export_could_repeat(codec):
    assert headed(codec(), "fhir-r4/Bundle") == {}
