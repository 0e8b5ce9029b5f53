"""A payer's 834 becomes FHIR R4 Coverages, judged by somebody else's models (fhir.resources, R4B)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Command, command_line
from fhir.resources.R4B import get_fhir_model_class
from members import Segment, file_834, member
from pydantic import ValidationError


@pytest.fixture
def casebridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line(monkeypatch, capsys, tmp_path)


def without_coverage() -> list[Segment]:
    """A member whose eligibility itself ends (DTP*357), with no 2300 loop."""
    loop = [s for s in member("OKAFOR", "TOBI", "899611003", maintenance="024") if s[0] not in ("HD", "DTP")]
    return [*loop[:2], ("DTP", "357", "D8", "20261031"), *loop[2:]]


@pytest.fixture
def written(casebridge: Command, tmp_path: Path) -> list[dict[str, Any]]:
    child = member("MORENO", "BO", "899611002", relation="19")
    (tmp_path / "members.834").write_bytes(file_834(member("MORENO", "ADA", "899611001"), child, without_coverage()))
    ended, said = casebridge("translate", "members.834", "out.json", "--from", "x12", "--to", "sdohcc")
    assert ended == 0, said
    return [entry["resource"] for entry in json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["entry"]]


def test_every_resource_is_valid(written: list[dict[str, Any]]) -> None:
    assert [r["resourceType"] for r in written].count("Coverage") == 3
    for resource in written:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_the_payer_is_the_one_of_the_files_envelope(written: list[dict[str, Any]]) -> None:
    """X12 005010X220A1 1000B N1; FHIR R4 Coverage.payor is 1..*."""
    payers = [r["payor"] for r in written if r["resourceType"] == "Coverage"]
    payer = {"identifier": {"system": "urn:oid:2.16.840.1.113883.4.4", "value": "900000002"},
             "display": "RIVERSIDE CARE NETWORK"}  # fmt: skip
    assert payers == [[payer]] * 3


def test_the_judge_can_say_no(written: list[dict[str, Any]]) -> None:
    coverage = next(r for r in written if r["resourceType"] == "Coverage")
    with pytest.raises(ValidationError):
        get_fhir_model_class("Coverage").model_validate({k: v for k, v in coverage.items() if k != "payor"})
