"""Writes ``casebridge_fhir/data/r4_elements.csv``: what may stand where in the FHIR R4 resources we use.

Run once, in a checkout with the development dependencies: ``python plugins/fhir/tools/r4_elements.py``. The elements
come from HL7's R4 definitions (CC0) as fhir.resources 8 (BSD) models them for R4B. R4B changed medications, evidence
and subscription topics only: for the resources listed here its elements are those of R4, once the two data types that
R4B added are left out. The package cuts long code lists off (``+``); those are completed here from R4's own.
"""

from __future__ import annotations

import csv
import re
import typing
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fhir.resources.R4B import get_fhir_model_class

RESOURCES = (
    "Patient", "Task", "ServiceRequest", "Condition", "Goal", "Procedure", "Consent", "Observation", "Organization",
    "Location", "HealthcareService", "Practitioner", "PractitionerRole", "RelatedPerson", "Group", "Device", "Coverage",
    "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DocumentReference", "QuestionnaireResponse",
    "Bundle", "CapabilityStatement", "CareTeam", "OperationOutcome", "Parameters", "Questionnaire", "Subscription",
    "Element",
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
    ("QuestionnaireItem", "type"): "group display boolean decimal integer date dateTime time string text url choice "
    "open-choice attachment reference quantity",
    ("OperationOutcomeIssue", "code"): "invalid structure required value invariant security login unknown expired "
    "forbidden suppressed processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid "
    "extension too-costly business-rule conflict transient lock-error no-store exception timeout incomplete throttled "
    "informational",
    ("TimingRepeat", "when"): "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS "
    "HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV",
    ("CapabilityStatement", "format"): "",  # open: any media type
    ("Expression", "language"): "",  # open: any media type
    **{(name, "comparator"): "< <= >= >" for name in ("Age", "Count", "Distance", "Duration", "Quantity")},
}
TARGET = Path(__file__).resolve().parents[1] / "casebridge_fhir" / "data" / "r4_elements.csv"
NOTICE = """\
# Elements of HL7 FHIR R4 (4.0.1, hl7.org/fhir/R4; the definitions are CC0 1.0), written by tools/r4_elements.py.
# type: the resource, data type or backbone element; its rows stand in the order of the specification, which XML keeps.
# of: a FHIR primitive (lower case), another type of this file, or Resource (any resource at all).
# choice: the [x] of which only one may stand there; choice_min: 1 where one of them must.
"""
NOT_R4 = frozenset({"CodeableReference", "RatioRange"})  # data types that R4B added
_ABSTRACT = re.compile(r"abc\.([A-Za-z0-9]+)Type")


class Element(NamedTuple):
    """One row of the table."""

    name: str
    holds: str
    wanted: bool
    many: bool
    codes: str
    choice: str
    choice_wanted: bool

    def row(self, type_: str) -> tuple[str, ...]:
        """As the table has it."""
        least, most = "01"[self.wanted], "*" if self.many else "1"
        return (type_, self.name, self.holds, least, most, self.codes, self.choice, "01"[self.choice_wanted])


def elements(name: str) -> Iterator[Element]:
    """The elements of a type, in the order of the specification."""
    model = get_fhir_model_class(name)
    fields = {str(field.alias): field for field in model.model_fields.values()}
    for alias in model.elements_sequence():
        field, extra = fields[alias], fields[alias].json_schema_extra
        about: dict[str, Any] = dict(extra) if isinstance(extra, dict) else {}
        holds, many = _holds(field.annotation)
        if holds in NOT_R4:
            continue
        wanted = bool(about.get("element_required")) or field.is_required() or alias == "div"
        choice, choice_wanted = str(about.get("one_of_many", "")), bool(about.get("one_of_many_required"))
        yield Element(alias, holds, wanted, many, _codes(name, alias, holds, about), choice, choice_wanted)
    if name == "Extension":  # the package forgot this one of its choices
        yield Element("valueMeta", "Meta", False, False, "", "value", False)


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
        if part is uuid.UUID:
            return "uuid"
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
        for element in elements(name):
            rows.append(element.row(name))
            if element.holds[0].isupper():
                waiting.append(element.holds)
    rows.sort(key=lambda row: row[0])  # stable: the elements of a type keep their order
    with TARGET.open("w", encoding="utf-8", newline="") as out:
        out.write(NOTICE)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("type", "element", "of", "min", "max", "codes", "choice", "choice_min"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
