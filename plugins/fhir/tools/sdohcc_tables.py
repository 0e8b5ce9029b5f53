"""Writes three tables of ``casebridge_fhir/data``: what the profiles of SDOH Clinical Care 3.0.0 demand of a record.

Run once, beside the guide's own definitions: ``python plugins/fhir/tools/sdohcc_tables.py PROFILES VALUESETS``, two
folders of StructureDefinition and ValueSet files in JSON (HL7, hl7.fhir.us.sdoh-clinicalcare 3.0.0, CC0 1.0; the value
sets of US Core 7.0.0 and FHIR R4 that it names are written out below).

- ``sdohcc_elements.csv``  a line for each element that a profile demands, forbids, allows once or binds to codes
- ``sdohcc_codes.csv``     the value sets and patterns those lines name
- ``sdohcc_bindings.csv``  which value set of VSAC goes with which category: profile, element, category, value set
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "casebridge_fhir" / "data"
BASE = "http://hl7.org/fhir/us/sdoh-clinicalcare/StructureDefinition/"
NOTICE = "# HL7 FHIR SDOH Clinical Care 3.0.0 (hl7.fhir.us.sdoh-clinicalcare, CC0 1.0), by tools/sdohcc_tables.py\n"
ADDITIONAL = "http://hl7.org/fhir/tools/StructureDefinition/additional-binding"
US_CORE = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
TASK_STATUS = ("draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
               "entered-in-error")  # fmt: skip
KNOWN = {  # value sets of FHIR R4 (4.0.1) and US Core 7.0.0: name, system, codes; * is every code of the system
    "http://hl7.org/fhir/ValueSet/condition-clinical":
        ("condition-clinical", "http://terminology.hl7.org/CodeSystem/condition-clinical",
         "active recurrence relapse inactive remission resolved"),
    "http://hl7.org/fhir/ValueSet/condition-ver-status":
        ("condition-ver-status", "http://terminology.hl7.org/CodeSystem/condition-ver-status",
         "unconfirmed provisional differential confirmed refuted entered-in-error"),
    "http://hl7.org/fhir/us/core/ValueSet/us-core-screening-assessment-condition-category":
        ("us-core-category", US_CORE, "*"),
    "http://hl7.org/fhir/us/core/ValueSet/us-core-screening-assessment-observation-category":
        ("us-core-category", US_CORE, "*"),
    "http://hl7.org/fhir/us/core/ValueSet/us-core-simple-observation-category":
        ("us-core-category", US_CORE, "*"),
}  # fmt: skip
SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
SDC = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp"
CONDITION = "http://terminology.hl7.org/CodeSystem/condition-category"
EXTRA = (  # sets that sdohcc_rules.csv and sdohcc_profiles.csv name: set, system, codes; an address stands without one
    ("condition-category", CONDITION, "encounter-diagnosis problem-list-item"),
    ("condition-category", "http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern"),
    ("sdoh", US_CORE, "sdoh"),
    ("loinc", "http://loinc.org", "*"),
    ("patient-task", SDC, "complete-questionnaire"),
    ("patient-task", SDOHCC, "general-information make-contact review-material"),
    ("complete-questionnaire", SDC, "complete-questionnaire"),
    *((name, SDOHCC, name) for name in (
        "general-information", "make-contact", "questionnaire-category", "questionnaire-pdf-completed",
        "general-information-response", "chosen-contact", "contact-entity", "resulting-activity")),
    ("questionnaire-response", SDC, "questionnaire-response"),
    ("questionnaire", SDC, "questionnaire"),
    ("questionnaire-pdf", SDOHCC, "questionnaire-pdf"),
    ("any-questionnaire", SDC, "questionnaire"),
    ("any-questionnaire", SDOHCC, "questionnaire-pdf questionnaire-url"),
    ("condition-asserter", "", f"{BASE}SDOHCC-ExtensionConditionAsserter"),
    ("capacity-status", "", f"{BASE}SDOHCC-ExtensionHealthcareServiceCapacityStatus"),
    ("capacityStatus", "", "capacityStatus"),
    ("telecom-appointment", "", f"{BASE}SDOHCC-ExtensionHealthcareServiceTelecomAppointment"),
    ("alternate-reference", "", "http://hl7.org/fhir/StructureDefinition/alternate-reference"),
)
# Slices of one code that differ by the type of their value are told apart by no table: rules of their own look at them.
TOO_FINE = (".component:", ".output:", ".input:", "value[x]:", "value[x].extension", "extension:asserterDevice",
            "extension:pertainsToGoal", "SubjectContactDetail", "derivedFrom.", "telecom:")  # fmt: skip
KEYS = {  # the requirements of the narrative about categories and codes
    "SDOHCC-Condition": "cond", "SDOHCC-Goal": "goal", "SDOHCC-ObservationScreeningResponse": "obsscreen",
    "SDOHCC-Procedure": "proc", "SDOHCC-ServiceRequest": "serv",
}  # fmt: skip
Row = tuple[str, ...]


def read(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """The resources of a folder, by the name of their file."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern))]


class Codes:
    """Sets of codes by name, filled as lines come to name them."""

    def __init__(self, value_sets: Iterable[dict[str, Any]]) -> None:
        self._by_url = {one["url"]: one for one in value_sets}
        self.rows: dict[Row, None] = {}

    def named(self, url: str) -> str:
        """The name of a value set; its address where only the site can have its codes."""
        address = url.partition("|")[0]
        if address in KNOWN:
            name, system, codes = KNOWN[address]
            self.rows.update({(name, system, code): None for code in codes.split()})
            return name
        if address in self._by_url and (found := list(_included(self._by_url[address]))):
            name = str(self._by_url[address]["id"])
            self.rows.update({(name, *pair): None for pair in found})
            return name
        return address

    def pattern(self, concept: Mapping[str, Any]) -> str:
        """The name of a set of one code."""
        coding = concept["coding"][0]
        self.rows[(str(coding["code"]), str(coding["system"]), str(coding["code"]))] = None
        return str(coding["code"])


def _included(value_set: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    out = {c["code"] for part in value_set["compose"].get("exclude", ()) for c in part.get("concept", ())}
    for part in value_set["compose"]["include"]:
        listed = [c["code"] for c in part.get("concept", ())]
        if not listed and "task-status" in str(part):
            listed = TASK_STATUS.split()
        system = part.get("system", "http://hl7.org/fhir/task-status")
        yield from ((system, code) for code in listed if code not in out)


def elements(profile: Mapping[str, Any], codes: Codes) -> Iterator[Row]:
    """The lines of one profile: profile, path, demand, value."""
    snapshot = profile["snapshot"]["element"]
    changed = {one["id"] for one in profile["differential"]["element"]}
    for one in snapshot:
        fine = any(part in one["id"] for part in TOO_FINE)
        if one["path"].count(".") == 0 or fine or ".extension:" in one["id"]:
            continue
        path = _path(one["id"], snapshot, codes)
        if path is not None:
            yield from ((profile["id"], path, *said) for said in _demands(one, codes, one["id"] in changed))


def without_weaker(rows: Iterable[Row]) -> list[Row]:
    """``category`` need not be demanded where ``category(:survey)`` is."""
    found = list(dict.fromkeys(rows))
    stronger = {(profile, path.partition("(")[0]) for profile, path, demand, _ in found
                if demand == "required" and path.endswith(")")}  # fmt: skip
    return [row for row in found if row[2] != "required" or (row[0], row[1]) not in stronger]


def _path(id_: str, snapshot: list[dict[str, Any]], codes: Codes) -> str | None:
    """``category(:survey)``: the items of a slice are told by a code; None where nothing here tells them."""
    steps = []
    parts = id_.split(".")[1:]
    for number, part in enumerate(parts):
        name, sliced, _ = part.partition(":")
        if not sliced:
            steps.append(name)
            continue
        root = ".".join([id_.split(".")[0], *parts[: number + 1]])
        told = _told_by(root, snapshot, codes)
        if told is None:
            return None
        steps.append(f"{name}({told})")
    return ".".join(steps)


def _told_by(root: str, snapshot: list[dict[str, Any]], codes: Codes) -> str | None:
    by_id = {one["id"]: one for one in snapshot}
    own = by_id[root]
    if "patternCodeableConcept" in own:
        return ":" + codes.pattern(own["patternCodeableConcept"])
    if own.get("binding", {}).get("strength") == "required":
        name = codes.named(own["binding"]["valueSet"])
        return None if name.startswith("http") else f":{name}"
    for sub in ("code", "type"):
        if "patternCodeableConcept" in by_id.get(f"{root}.{sub}", {}):
            return f"{sub}:" + codes.pattern(by_id[f"{root}.{sub}"]["patternCodeableConcept"])
    return None


def _demands(one: Mapping[str, Any], codes: Codes, changed: bool) -> Iterator[tuple[str, str]]:
    base, sliced = one.get("base", {}), ":" in one["id"].rpartition(".")[2]
    if one.get("max") == "0":
        if base.get("max") != "0":
            yield "absent", ""
        return
    if one.get("min", 0) >= 1 and (sliced or base.get("min", 0) == 0):
        masked = any(said["key"] == "SDOH-Obs-1" for said in one.get("constraint", ()))
        yield "required", "or extension" if masked else ""
    if one.get("max") == "1" and base.get("max") == "*":
        yield "single", ""
    fixed = next((one[name] for name in ("fixedBoolean", "fixedCode") if name in one), None)
    if fixed is not None:
        yield "in", "=" + (str(fixed).lower() if isinstance(fixed, bool) else str(fixed))
    if "patternCodeableConcept" in one and ":" not in one["id"]:
        yield "in", codes.pattern(one["patternCodeableConcept"])
    if one.get("binding", {}).get("strength") == "required" and not sliced:
        coded = {t["code"] for t in one["type"]} & {"CodeableConcept", "Coding"}
        if coded or (changed and not one["binding"]["valueSet"].startswith("http://hl7.org/fhir/ValueSet/")):
            yield "in", codes.named(one["binding"]["valueSet"])


def bindings(profile: Mapping[str, Any]) -> Iterator[Row]:
    """Each additional binding: profile, element, category, value set, requirement for one category and for several."""
    key = KEYS.get(profile["id"], "")
    for one in profile["differential"]["element"]:
        for extension in one.get("binding", {}).get("extension", ()):
            said = {part["url"]: part for part in extension.get("extension", ())}
            usage = said.get("usage", {}).get("valueUsageContext")
            if extension["url"] == ADDITIONAL and usage:
                category = usage["valueCodeableConcept"]["coding"][0]["code"]
                element = one["path"].partition(".")[2]
                one_key = "cond-5" if category == "protective-factor" else f"{key}-1"
                address = said["valueSet"]["valueCanonical"].partition("|")[0]
                yield profile["id"], element, category, address, one_key, f"{key}-2"


def write(name: str, head: Row, rows: Iterable[Row]) -> None:
    """A table with the notice of its source."""
    with (DATA / name).open("w", encoding="utf-8", newline="") as out:
        out.write(NOTICE)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def main(profiles: Path, value_sets: Path) -> None:
    """Write the three tables."""
    found = [one for one in read(profiles, "StructureDefinition-SDOHCC-*.json") if one["type"] != "Extension"]
    codes = Codes(read(value_sets, "ValueSet-*.json"))
    for one in read(value_sets, "ValueSet-*.json"):
        codes.named(one["url"])
    rows = without_weaker(row for profile in found for row in elements(profile, codes))
    codes.rows.update({(name, system, code): None for name, system, said in EXTRA for code in said.split()})
    write("sdohcc_elements.csv", ("profile", "path", "demand", "value"), rows)
    write("sdohcc_codes.csv", ("set", "system", "code"), sorted(codes.rows))
    write("sdohcc_bindings.csv", ("profile", "path", "category", "value_set", "rule", "rule_of_several"),
          sorted({row for profile in found for row in bindings(profile)}))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
