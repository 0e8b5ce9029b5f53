"""The CapabilityStatement (FHIR R4, http.html#capabilities), made from what the door really does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from casebridge_fhir.door.parameters import Parameter, parameters
from casebridge_fhir.notifying.watching import described

READS = ("read", "vread", "history-instance", "search-type")
GUIDE = "http://hl7.org/fhir/us/sdoh-clinicalcare/CapabilityStatement/SDOHCC-CoordinationPlatform"
SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def statement(base: str, types: Iterable[str], written: Iterable[str], made_on: str) -> dict[str, Any]:
    """``types`` can be read and searched; ``written`` by some partner created, updated and withdrawn."""
    writes = frozenset(written)
    return {
        "resourceType": "CapabilityStatement", "status": "active", "date": made_on, "kind": "instance",
        "software": {"name": "CaseBridge"}, "implementation": {"description": "CaseBridge", "url": base},
        "fhirVersion": "4.0.1", "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        "instantiates": [GUIDE],
        "rest": [{
            "mode": "server",
            "security": {"service": [{"coding": [{"system": SECURITY, "code": "SMART-on-FHIR"}]}],
                         "description": "SMART Backend Services; each partner sees its own and what is released to it"},
            "resource": [*(_resource(type_, type_ in writes) for type_ in sorted(types)), described()],
            "interaction": [{"code": "transaction"}, {"code": "batch"}],
        }],
    }  # fmt: skip


def _resource(type_: str, is_written: bool) -> dict[str, Any]:
    codes = (*READS, "create", "update", "delete") if is_written else READS
    known = list(parameters(type_).values())
    includes = [f"{type_}:{p.name}" for p in known if p.kind == "reference"]
    return {
        "type": type_, "interaction": [{"code": code} for code in codes], "versioning": "versioned-update",
        "readHistory": True, "updateCreate": is_written, "conditionalCreate": is_written,
        "conditionalRead": "not-match", "conditionalUpdate": False, "conditionalDelete": "not-supported",
        "referencePolicy": ["local", "literal", "logical"],
        **({"searchInclude": includes} if includes else {}),
        "searchParam": [{"name": "_id", "type": "token"}, {"name": "_lastUpdated", "type": "date"},
                        *map(_parameter, known)],
    }  # fmt: skip


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {"name": parameter.name, "type": parameter.kind}
