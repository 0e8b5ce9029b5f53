"""The floor of the mapping benchmark: patient40.yaml written by hand, as a careful programmer would for one format.

``read`` imports, ``write`` exports onto nothing. They do what the map does on regular records
(``tests/unit/test_benchmark_floors.py`` holds them equal): empty values are nothing, an unknown code is an error.
They lack what the map also does: reports, explanations, hostile input.
"""

from __future__ import annotations

from typing import Any

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
BIRTHSEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
LANGUAGE = "urn:ietf:bcp:47"
MARITAL = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
ROLE = "http://terminology.hl7.org/CodeSystem/v2-0131"
SEX = {"male": "male", "female": "female", "other": "other", "unknown": {"absent": "asked-unknown"}}
GENDER = {"male": "male", "female": "female", "other": "other"}
KIND = {"home": "home", "work": "work", "temp": "temporary", "old": "old", "billing": "billing"}
USE = {kind: use for use, kind in KIND.items()}
STATUS = {True: "active", False: "inactive"}
ACTIVE = {"active": True, "inactive": False}

Record = dict[str, Any]


def read(patient: Record) -> Record:
    """The person of a Patient."""
    person: Record = {}
    if value := patient.get("id"):
        person["external_id"] = value
    if (active := patient.get("active")) is not None:
        person["status"] = STATUS[active]
    if value := patient.get("birthDate"):
        person["birth"] = value
    if value := patient.get("deceasedDateTime"):
        person["deceased"] = value
    if value := patient.get("gender"):
        person["sexes"] = [{"kind": "administrative", "value": SEX[value]}]
    if (items := patient.get("identifier")) and (
        found := [item for each in items if (item := _read_identifier(each))]
    ):
        person["identifiers"] = found
    if (items := patient.get("name")) and (found := [item for each in items if (item := _read_name(each))]):
        person["names"] = found
    if (items := patient.get("telecom")) and (found := [item for each in items if (item := _read_telecom(each))]):
        person["telecoms"] = found
    if (items := patient.get("address")) and (found := [item for each in items if (item := _read_address(each))]):
        person["addresses"] = found
    if (items := patient.get("communication")) and (
        found := [item for each in items if (item := _read_language(each))]
    ):
        person["languages"] = found
    if traits := _read_characteristics(patient):
        person["characteristics"] = traits
    if (items := patient.get("contact")) and (found := [item for each in items if (item := _read_contact(each))]):
        person["relations"] = found
    return person


def _read_period(theirs: Record, ours: Record) -> None:
    if period := theirs.get("period"):
        found = {}
        if value := period.get("start"):
            found["start"] = value
        if value := period.get("end"):
            found["end"] = value
        if found:
            ours["period"] = found


def _read_identifier(theirs: Record) -> Record:
    ours: Record = {}
    if value := theirs.get("system"):
        ours["system"] = value
    if value := theirs.get("value"):
        ours["value"] = value
    if value := theirs.get("use"):
        ours["use"] = value
    if (kind := theirs.get("type")) and (value := kind.get("text")):
        ours["kind"] = value
    _read_period(theirs, ours)
    return ours


def _read_name(theirs: Record) -> Record:
    ours: Record = {}
    if value := theirs.get("use"):
        ours["use"] = value
    if value := theirs.get("family"):
        ours["family"] = value
    if value := theirs.get("given"):
        ours["given"] = list(value)
    if value := theirs.get("prefix"):
        ours["prefix"] = list(value)
    if value := theirs.get("suffix"):
        ours["suffix"] = list(value)
    _read_period(theirs, ours)
    return ours


def _read_telecom(theirs: Record) -> Record:
    ours: Record = {}
    if value := theirs.get("system"):
        ours["system"] = value
    if value := theirs.get("use"):
        ours["use"] = value
    if value := theirs.get("value"):
        ours["value"] = value
    return ours


def _read_address(theirs: Record) -> Record:
    ours: Record = {}
    if value := theirs.get("use"):
        ours["kind"] = KIND[value]
    if value := theirs.get("line"):
        ours["line"] = list(value)
    if value := theirs.get("city"):
        ours["city"] = value
    if value := theirs.get("state"):
        ours["state"] = value
    if value := theirs.get("postalCode"):
        ours["zip"] = value
    if value := theirs.get("country"):
        ours["country"] = value
    _read_period(theirs, ours)
    return ours


def code_in(concept: Record | None, system: str) -> Any:
    """The code of a concept in one system."""
    if concept:
        for coding in concept.get("coding", ()):
            if coding.get("system") == system:
                return coding.get("code")
    return None


def _read_language(theirs: Record) -> Record:
    ours: Record = {}
    if value := code_in(theirs.get("language"), LANGUAGE):
        ours["code"] = value
    if (preferred := theirs.get("preferred")) is not None:
        ours["preferred"] = preferred
    return ours


def _read_contact(theirs: Record) -> Record:
    ours: Record = {}
    if (roles := theirs.get("relationship")) and (value := code_in(roles[0], ROLE)):
        ours["role"] = value
    if name := theirs.get("name"):
        found: Record = {}
        if value := name.get("family"):
            found["family"] = value
        if value := name.get("given"):
            found["given"] = list(value)
        if found:
            ours["name"] = found
    return ours


def _read_characteristics(patient: Record) -> list[Record]:
    found: list[Record] = []
    race = ethnicity = birthsex = None
    for extension in patient.get("extension", ()):
        url = extension.get("url")
        if url == RACE and race is None:
            race = extension
        elif url == ETHNICITY and ethnicity is None:
            ethnicity = extension
        elif url == BIRTHSEX and birthsex is None:
            birthsex = extension
    if race and (trait := _read_category("race", race)):
        found.append(trait)
    if ethnicity and (trait := _read_category("ethnicity", ethnicity)):
        found.append(trait)
    if birthsex and (value := birthsex.get("valueCode")):
        found.append({"code": "birthsex", "value": value})
    if value := code_in(patient.get("maritalStatus"), MARITAL):
        found.append({"code": "marital", "value": value})
    return found


def _read_category(code: str, extension: Record) -> Record | None:
    value = text = None
    for part in extension.get("extension", ()):
        url = part.get("url")
        if url == "ombCategory" and value is None:
            value = (part.get("valueCoding") or {}).get("code")
        elif url == "text" and text is None:
            text = part.get("valueString")
    if not value and not text:
        return None
    trait: Record = {"code": code}
    if value:
        trait["value"] = value
    if text:
        trait["text"] = text
    return trait


# --- the way back ----------------------------------------------------------------------------------------------


def write(person: Record) -> Record:
    """A new Patient of a person."""
    patient: Record = {"resourceType": "Patient"}
    if value := person.get("external_id"):
        patient["id"] = value
    if value := person.get("status"):
        patient["active"] = ACTIVE[value]
    if value := person.get("birth"):
        patient["birthDate"] = value
    if value := person.get("deceased"):
        patient["deceasedDateTime"] = value
    for sex in person.get("sexes", ()):
        if sex.get("kind") == "administrative":
            value = sex["value"]
            patient["gender"] = GENDER[value] if type(value) is str else "unknown"
            break
    if items := person.get("identifiers"):
        patient["identifier"] = [write_identifier(item) for item in items]
    if items := person.get("names"):
        patient["name"] = [write_name(item) for item in items]
    if items := person.get("telecoms"):
        patient["telecom"] = [write_telecom(item) for item in items]
    if items := person.get("addresses"):
        patient["address"] = [write_address(item) for item in items]
    if items := person.get("languages"):
        patient["communication"] = [write_language(item) for item in items]
    if traits := person.get("characteristics"):
        write_characteristics(traits, patient)
    if items := person.get("relations"):
        patient["contact"] = [write_contact(item) for item in items]
    return patient


def _write_period(ours: Record, theirs: Record) -> None:
    if period := ours.get("period"):
        found = {}
        if value := period.get("start"):
            found["start"] = value
        if value := period.get("end"):
            found["end"] = value
        if found:
            theirs["period"] = found


def write_identifier(ours: Record) -> Record:
    theirs: Record = {}
    if value := ours.get("system"):
        theirs["system"] = value
    if value := ours.get("value"):
        theirs["value"] = value
    if value := ours.get("use"):
        theirs["use"] = value
    if value := ours.get("kind"):
        theirs["type"] = {"text": value}
    _write_period(ours, theirs)
    return theirs


def write_name(ours: Record) -> Record:
    theirs: Record = {}
    if value := ours.get("use"):
        theirs["use"] = value
    if value := ours.get("family"):
        theirs["family"] = value
    if value := ours.get("given"):
        theirs["given"] = list(value)
    if value := ours.get("prefix"):
        theirs["prefix"] = list(value)
    if value := ours.get("suffix"):
        theirs["suffix"] = list(value)
    _write_period(ours, theirs)
    return theirs


def write_telecom(ours: Record) -> Record:
    theirs: Record = {}
    if value := ours.get("system"):
        theirs["system"] = value
    if value := ours.get("use"):
        theirs["use"] = value
    if value := ours.get("value"):
        theirs["value"] = value
    return theirs


def write_address(ours: Record) -> Record:
    theirs: Record = {}
    if value := ours.get("kind"):
        theirs["use"] = USE[value]
    if value := ours.get("line"):
        theirs["line"] = list(value)
    if value := ours.get("city"):
        theirs["city"] = value
    if value := ours.get("state"):
        theirs["state"] = value
    if value := ours.get("zip"):
        theirs["postalCode"] = value
    if value := ours.get("country"):
        theirs["country"] = value
    _write_period(ours, theirs)
    return theirs


def write_language(ours: Record) -> Record:
    theirs: Record = {}
    if value := ours.get("code"):
        theirs["language"] = {"coding": [{"system": LANGUAGE, "code": value}]}
    if (preferred := ours.get("preferred")) is not None:
        theirs["preferred"] = preferred
    return theirs


def write_contact(ours: Record) -> Record:
    theirs: Record = {}
    if value := ours.get("role"):
        theirs["relationship"] = [{"coding": [{"system": ROLE, "code": value}]}]
    if name := ours.get("name"):
        found: Record = {}
        if value := name.get("family"):
            found["family"] = value
        if value := name.get("given"):
            found["given"] = list(value)
        if found:
            theirs["name"] = found
    return theirs


def write_characteristics(traits: list[Record], patient: Record) -> None:
    extensions: list[Record] = []
    by_code = {trait["code"]: trait for trait in reversed(traits)}  # the first of each code
    if trait := by_code.get("race"):
        extensions += _written_category(RACE, trait)
    if trait := by_code.get("ethnicity"):
        extensions += _written_category(ETHNICITY, trait)
    if (trait := by_code.get("birthsex")) and (value := trait.get("value")):
        extensions.append({"url": BIRTHSEX, "valueCode": value})
    if extensions:
        patient["extension"] = extensions
    if (trait := by_code.get("marital")) and (value := trait.get("value")):
        patient["maritalStatus"] = {"coding": [{"system": MARITAL, "code": value}]}


def _written_category(url: str, trait: Record) -> list[Record]:
    parts = []
    if value := trait.get("value"):
        parts.append({"url": "ombCategory", "valueCoding": {"code": value}})
    if value := trait.get("text"):
        parts.append({"url": "text", "valueString": value})
    return [{"url": url, "extension": parts}] if parts else []
