"""A FHIR referral that is right in every way, and what the checks find in a changed one."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

from casebridge_fhir.checking import tables
from casebridge_fhir.format import FhirR4

from casebridge import Context, Finding

SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
US_CORE = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
CONDITION = "http://terminology.hl7.org/CodeSystem/condition-category"
Resource = dict[str, Any]


def concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def profiled(name: str, /, **more: Any) -> Resource:
    kind = next(p.type for p in tables.profiles() if p.name == name)
    return {"resourceType": kind, "id": name[-20:].lower(), "meta": {"profile": [tables.PROFILES + name]}, **more}


def referral(**changes: Any) -> list[Resource]:
    """A referral that is right: its Task, order, need, result, patient and roles, all in one file."""
    task = profiled(
        "SDOHCC-TaskForReferralManagement", status="completed", intent="order", authoredOn="2026-11-20T08:00:00Z",
        code=concept("http://hl7.org/fhir/CodeSystem/task-code", "fulfill"), focus={"reference": "ServiceRequest/s1"},
        requester={"reference": "Organization/o1"}, owner={"reference": "Organization/o1"},
        output=[{"type": concept(SDOHCC, "resulting-activity"), "valueReference": {"reference": "Procedure/x1"}}],
        **{"for": {"reference": "Patient/p1"}},
    )  # fmt: skip
    order = profiled(
        "SDOHCC-ServiceRequest", status="active", intent="filler-order", basedOn=[{"reference": "ServiceRequest/s0"}],
        category=[concept(SDOHCC, "food-insecurity")], code=concept("http://snomed.info/sct", "467771000124109"),
        subject={"reference": "Patient/p1"}, reasonReference=[{"reference": "Condition/c1"}],
    )  # fmt: skip
    first = {**copy.deepcopy(order), "id": "s0", "intent": "order"}
    del first["basedOn"]
    need = profiled(
        "SDOHCC-Condition", subject={"reference": "Patient/p1"}, code=concept("http://snomed.info/sct", "733423003"),
        clinicalStatus=concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        category=[concept(CONDITION, "problem-list-item"), concept(US_CORE, "sdoh"),
                  concept(SDOHCC, "food-insecurity")],
    )  # fmt: skip
    done = profiled(
        "SDOHCC-Procedure", status="completed", subject={"reference": "Patient/p1"}, performedDateTime="2026-11-20",
        category=concept(SDOHCC, "food-insecurity"), code=concept("http://snomed.info/sct", "713109004"),
    )  # fmt: skip
    person: Resource = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1987-02"}
    asks: Resource = {"resourceType": "Organization", "id": "o1", "name": "Food Pantry"}
    task["id"], order["id"], need["id"], done["id"] = "t1", "s1", "c1", "x1"
    return [task, order, first, need, done, person, asks]


def found(resources: list[Resource], **settings: Any) -> list[Finding]:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    format_ = FhirR4(FhirR4.Settings(**settings), Context("hospital"))
    return [one for one in format_.check(io.BytesIO(json.dumps(bundle).encode())) if one.level != "not-checked"]
