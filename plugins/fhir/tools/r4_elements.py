"""Writes ``casebridge_fhir/data/r4_elements.csv``: what may stand where in the FHIR R4 resources we use.

Run once, in a checkout with the development dependencies: ``python plugins/fhir/tools/r4_elements.py``. The elements
come from HL7's R4 definitions (CC0) as fhir.resources 8 (BSD) models them for R4B. R4B changed medications, evidence
and subscriptions only: for the resources listed here its elements are those of R4. The package cuts long code lists
off (``+``); those are completed here from the R4 specification.
"""

from __future__ import annotations

import csv
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

RESOURCES = (
    "Patient", "Task", "ServiceRequest", "Condition", "Goal", "Procedure", "Consent", "Observation", "Organization",
    "Location", "HealthcareService", "Practitioner", "PractitionerRole", "RelatedPerson", "Group", "Device", "Coverage",
    "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DocumentReference", "QuestionnaireResponse",
)  # fmt: skip
COMPLETED = {  # FHIR R4 (4.0.1), the code systems of the required bindings
    ("Task", "status"): "draft requested received accepted rejected ready cancelled in-progress on-hold failed "
    "completed entered-in-error",
    ("Observation", "status"): "registered preliminary final amended corrected cancelled entered-in-error unknown",
    ("ServiceRequest", "intent"): "proposal plan directive order original-order reflex-order filler-order "
    "instance-order option",
    ("Procedure", "status"): "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
    ("Goal", "lifecycleStatus"): "proposed planned accepted active on-hold completed cancelled entered-in-error "
    "rejected",
    ("ConsentProvisionData", "meaning"): "instance related dependents authoredby",
    ("Group", "type"): "person animal practitioner device medication substance",
    ("Identifier", "use"): "usual official temp secondary old",
    ("HumanName", "use"): "usual official temp nickname anonymous old maiden",
    ("DeviceUdiCarrier", "entryType"): "barcode rfid manual card self-reported unknown",
    ("Expression", "language"): "",  # open: any media type
    **{(name, "comparator"): "< <= >= >" for name in ("Age", "Count", "Distance", "Duration", "Quantity")},
}
TARGET = Path(__file__).resolve().parents[1] / "casebridge_fhir" / "data" / "r4_elements.csv"
NOTICE = """\
# Elements of HL7 FHIR R4 (4.0.1, hl7.org/fhir/R4; the definitions are CC0 1.0), written by tools/r4_elements.py.
# type: the resource, data type or backbone element; of: a FHIR primitive (lower case) or another type of this file.
"""
_ABSTRACT = re.compile(r"abc\.([A-Za-z0-9]+)Type")


def elements(name: str) -> Iterator[tuple[str, str, bool, bool, str]]:
    """Each element of a type: its name, what it holds, whether a list, whether demanded, its codes."""
    for field in get_fhir_model_class(name).model_fields.values():
        extra = field.json_schema_extra
        about: dict[str, Any] = dict(extra) if isinstance(extra, dict) else {}
        if not about.get("element_property") or field.alias in ("contained", "div"):
            continue
        holds, many = _holds(field.annotation)
        wanted = bool(about.get("element_required")) or field.is_required()
        yield str(field.alias), holds, many, wanted, _codes(name, str(field.alias), holds, about)


def _codes(name: str, element: str, holds: str, about: dict[str, Any]) -> str:
    if holds != "code":
        return ""
    said = COMPLETED.get((name, element), " ".join(about.get("enum_values", ())))
    if "+" in said.split():
        raise SystemExit(f"{name}.{element}: the codes are cut off ({said}); complete them in COMPLETED")
    return said


def _holds(annotation: Any) -> tuple[str, bool]:
    """The name of what a field holds, and whether it is a list of it."""
    text = str(annotation)
    if found := _ABSTRACT.search(text):
        return found.group(1), "List[" in text
    return _primitive(annotation), "List[" in text


def _primitive(annotation: Any) -> str:
    for part in typing.get_args(annotation):
        if type(part).__module__.endswith("types") and hasattr(part, "__visit_name__"):
            return str(part.__visit_name__)
        if (found := _primitive(part)) != "string":
            return found
    return "boolean" if annotation is bool else "string"


def main() -> None:
    """Write the table for the resources and every type they are made of."""
    waiting, rows, seen = list(RESOURCES), list[tuple[str, ...]](), set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in seen or name == "Resource":
            continue
        seen.add(name)
        for element, holds, many, wanted, codes in elements(name):
            rows.append((name, element, holds, "1" if wanted else "0", "*" if many else "1", codes))
            if holds[0].isupper():
                waiting.append(holds)
    with TARGET.open("w", encoding="utf-8", newline="") as out:
        out.write(NOTICE)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("type", "element", "of", "min", "max", "codes"))
        writer.writerows(sorted(rows))


if __name__ == "__main__":
    main()
