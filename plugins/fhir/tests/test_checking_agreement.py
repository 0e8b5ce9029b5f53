"""Category and code: checked where the site has loaded the value sets, and said to be unchecked where it has not."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.checking import tables
from casebridge_fhir.format import FhirR4

from casebridge import Context, Finding
from casebridge.core.errors import SetupError

SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
SNOMED = "http://snomed.info/sct"
CODES = {"food-insecurity": "1", "homelessness": "2"}  # what each category's own value set holds, in these tests
GENERAL = "http://hl7.org/fhir/us/core/ValueSet/us-core-procedure-code"


def address(profile: str, path: str, category: str) -> str:
    (found,) = (b.value_set for b in tables.bindings()[profile] if str(b.path) == path and b.category == category)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Value sets as a terminology server expands them: with a version, and codes below codes."""
    for category, code in CODES.items():
        url = address("SDOHCC-ServiceRequest", "code", category)
        save(tmp_path / f"{category}.json", url, [{"system": SNOMED, "abstract": True, "code": "0",
                                                   "contains": [{"system": SNOMED, "code": code}]}])  # fmt: skip
    save(tmp_path / "procedures.json", GENERAL + "|7.0.0", [{"system": SNOMED, "code": c} for c in "0123"])
    return tmp_path


def save(path: Path, url: str, contains: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"resourceType": "ValueSet", "url": url, "expansion": {"contains": contains}}))


def found(folder: Path | None, code: str, *categories: str) -> list[Finding]:
    order = {
        "resourceType": "ServiceRequest", "id": "s1", "status": "active", "intent": "order",
        "category": [{"coding": [{"system": SDOHCC, "code": one}]} for one in categories],
        "code": {"coding": [{"system": SNOMED, "code": code}]}, "subject": {"reference": "Patient/p1"},
    }  # fmt: skip
    format_ = FhirR4(FhirR4.Settings(expansions=str(folder or "")), Context("hospital"))
    return list(format_.check(io.BytesIO(json.dumps(order).encode())))


@pytest.mark.parametrize(
    ("code", "categories", "rule"),
    [
        ("1", ["food-insecurity"], ""),
        ("2", ["food-insecurity"], "serv-1"),
        ("2", ["food-insecurity", "homelessness"], ""),
        ("3", ["food-insecurity", "homelessness"], "serv-2"),
        ("0", ["food-insecurity"], "serv-1"),  # a heading of the value set and not one of its codes
        ("9", ["food-insecurity"], "serv-1"),
    ],
)
def test_a_code_is_of_the_value_set_of_its_category(folder: Path, code: str, categories: list[str], rule: str) -> None:
    said = {one.rule: one for one in found(folder, code, *categories)}
    assert (rule in said) == bool(rule)
    if rule:
        assert (said[rule].level, said[rule].code, said[rule].field) == ("wrong", "CB-351", "ServiceRequest.code")
    assert ("SDOHCC-ServiceRequest" in said) == (code == "9")  # of no procedure at all


def test_without_the_value_sets_it_is_said_that_nobody_looked() -> None:
    said = found(None, "1", "food-insecurity")
    assert {(one.level, one.rule, one.code) for one in said} == {
        ("not-checked", "SDOHCC-ServiceRequest", "CB-352"), ("not-checked", "serv-1", "CB-352"),
    }  # fmt: skip
    assert all("--expansions" in one.do for one in said)


def test_a_value_set_that_is_missing_makes_no_code_wrong(folder: Path) -> None:
    (folder / "homelessness.json").unlink()
    assert [one.level for one in found(folder, "3", "food-insecurity", "homelessness")] == ["not-checked"]
    assert found(folder, "1", "food-insecurity", "homelessness") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ('{"resourceType": "ValueSet", "url": "urn:x"}', "no ValueSet with its address and its expansion"),
        ('{"resourceType": "Patient"}', "no ValueSet"),
        ("[" * 5000, "nested deeper"),
    ],
)
def test_a_file_that_is_no_value_set_is_named(folder: Path, text: str, says: str) -> None:
    (folder / "odd.json").write_text(text)
    with pytest.raises(SetupError, match=says) as caught:
        found(folder, "1", "food-insecurity")
    assert "odd.json" in caught.value.message


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no folder"):
        found(tmp_path / "none", "1", "food-insecurity")


def test_every_domain_has_its_value_sets() -> None:
    domains = {code for _, code in tables.code_sets()["SDOHCC-ValueSetSDOHCategory"].pairs}
    for profile, bound in tables.bindings().items():
        lacking = domains - {one.category for one in bound}
        assert lacking <= {"sdoh-category-unspecified", "protective-factor"}, profile


def of_profile(profile: str, element: str, *categories: str) -> dict[str, Any]:
    """A record of the profile with one code in ``element``; what else is wrong with it does not matter here."""
    coded: Any = {"coding": [{"system": SNOMED, "code": "9"}]}
    concepts = [{"coding": [{"system": SDOHCC, "code": one}]} for one in categories]
    kind = next(p.type for p in tables.profiles() if p.name == profile)
    category: Any = {"coding": [c["coding"][0] for c in concepts]} if kind == "Procedure" else concepts
    return {"resourceType": kind, "id": "r1", "meta": {"profile": [tables.PROFILES + profile]}, "category": category,
            element: coded}  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "element", "path", "categories", "rule"),
    [
        ("SDOHCC-Condition", "code", "code", ["food-insecurity"], "cond-1"),
        ("SDOHCC-Condition", "code", "code", ["food-insecurity", "homelessness"], "cond-2"),
        ("SDOHCC-Condition", "code", "code", ["protective-factor"], "cond-5"),
        ("SDOHCC-Goal", "description", "description", ["food-insecurity"], "goal-1"),
        ("SDOHCC-Goal", "description", "description", ["food-insecurity", "homelessness"], "goal-2"),
        ("SDOHCC-ObservationScreeningResponse", "code", "code", ["food-insecurity"], "obsscreen-1"),
        ("SDOHCC-ObservationScreeningResponse", "valueCodeableConcept", "value[x]", ["food-insecurity"], "obsscreen-1"),
        ("SDOHCC-ObservationScreeningResponse", "code", "code", ["food-insecurity", "homelessness"], "obsscreen-2"),
        ("SDOHCC-Procedure", "code", "code", ["food-insecurity"], "proc-1"),
        ("SDOHCC-Procedure", "code", "code", ["food-insecurity", "homelessness"], "proc-2"),
        ("SDOHCC-ServiceRequest", "code", "code", ["food-insecurity"], "serv-1"),
        ("SDOHCC-ServiceRequest", "code", "code", ["food-insecurity", "homelessness"], "serv-2"),
    ],
)
def test_each_profile_has_its_own_requirement_and_value_sets(
    tmp_path: Path, profile: str, element: str, path: str, categories: list[str], rule: str
) -> None:
    record = of_profile(profile, element, *categories)
    format_ = FhirR4(FhirR4.Settings(expansions=str(tmp_path)), Context("hospital"))

    def levels() -> list[str]:
        return [one.level for one in format_.check(io.BytesIO(json.dumps(record).encode())) if one.rule == rule]

    assert levels() == ["not-checked"]
    for number, category in enumerate(categories):
        save(tmp_path / f"{number}.json", address(profile, path, category), [{"system": SNOMED, "code": "1"}])
    assert levels() == ["wrong"]
    save(tmp_path / "9.json", address(profile, path, categories[-1]), [{"system": SNOMED, "code": "9"}])
    assert levels() == []
