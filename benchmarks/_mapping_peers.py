"""Other mapping libraries on the benchmark's map, import only: none of them derives the way back.

Each function builds what can be built once and gives a function from a Patient to a person. Where a library cannot say
a part of the map, it does less work than ours, and ``SHORT_OF`` says so.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._patient40_by_hand import BIRTHSEX, ETHNICITY, LANGUAGE, MARITAL, RACE, ROLE

DATA = Path(__file__).parent / "data"
Run = Callable[[dict[str, Any]], Any]
SHORT_OF = {
    "linkml-map": "no selectors: 31 of the 40 fields",
    "python-liquid": "text out, then parsed; missing values come as null",
    "fhirpathpy": "one expression a field, lists flattened; no objects built",
}
PERIOD = ("start", "end")


def jsonata_python() -> Run:
    """The reference implementation's port, interpreted."""
    import jsonata

    return jsonata.Jsonata((DATA / "patient40.jsonata").read_text()).evaluate


def jsonata2py() -> Run:
    """JSONata compiled to Python."""
    import jsonata2py

    return jsonata2py.compile((DATA / "patient40.jsonata").read_text()).evaluate


def python_liquid() -> Run:
    """A template that writes JSON, as HL7 converters built on Liquid do."""
    from liquid import Environment

    environment = Environment()
    environment.add_filter("json", lambda value: json.dumps(None if _undefined(value) else value))
    template = environment.from_string((DATA / "patient40.liquid").read_text())
    return lambda patient: json.loads(template.render(patient=patient))


def _undefined(value: Any) -> bool:
    return type(value).__name__ == "Undefined"


def glom() -> Run:
    """A specification of paths; missing values are skipped."""
    import glom as g

    def one(path: str) -> Any:
        return g.Coalesce(path, default=g.SKIP)

    def below(path: str, fields: Any) -> Any:
        return g.Coalesce((path, fields), default=g.SKIP)

    def items(path: str, fields: Any) -> Any:
        return below(path, [fields])

    def first(key: str, constant: str) -> Any:
        return g.Iter().first(key=lambda item: item.get(key) == constant)

    def pick(path: str, key: str, constant: str, field: str) -> Any:
        return g.Coalesce((path, first(key, constant), field), default=g.SKIP)

    period = {name: one(name) for name in PERIOD}
    sex = {"male": "male", "female": "female", "other": "other", "unknown": {"absent": "asked-unknown"}}
    kind = {"home": "home", "work": "work", "temp": "temporary", "old": "old", "billing": "billing"}

    def category(code: str, url: str) -> Any:
        omb = pick("extension", "url", "ombCategory", "valueCoding.code")
        text = pick("extension", "url", "text", "valueString")
        trait = {"code": g.Val(code), "value": omb, "text": text}
        return g.Coalesce(("extension", first("url", url), trait), default=None)

    spec = {
        "external_id": one("id"), "birth": one("birthDate"), "deceased": one("deceasedDateTime"),
        "status": g.Coalesce(("active", lambda value: "active" if value else "inactive"), default=g.SKIP),
        "sexes": g.Coalesce(
            ("gender", lambda value: [{"kind": "administrative", "value": sex[value]}]), default=g.SKIP),
        "identifiers": items("identifier", {
            "system": one("system"), "value": one("value"), "use": one("use"), "kind": one("type.text"),
            "period": below("period", period)}),
        "names": items("name", {
            "use": one("use"), "family": one("family"), "given": one("given"), "prefix": one("prefix"),
            "suffix": one("suffix"), "period": below("period", period)}),
        "telecoms": items("telecom", {name: one(name) for name in ("system", "use", "value")}),
        "addresses": items("address", {
            "kind": below("use", kind.get), "line": one("line"), "city": one("city"), "state": one("state"),
            "zip": one("postalCode"), "country": one("country"), "period": below("period", period)}),
        "languages": items("communication", {
            "code": pick("language.coding", "system", LANGUAGE, "code"), "preferred": one("preferred")}),
        "characteristics": (
            {"race": category("race", RACE), "ethnicity": category("ethnicity", ETHNICITY),
             "birthsex": {"code": g.Val("birthsex"), "value": pick("extension", "url", BIRTHSEX, "valueCode")},
             "marital": {"code": g.Val("marital"), "value": pick("maritalStatus.coding", "system", MARITAL, "code")}},
            lambda found: list(found.values())),
        "relations": items("contact", {
            "role": pick("relationship.0.coding", "system", ROLE, "code"),
            "name": below("name", {"family": one("family"), "given": one("given")})}),
    }  # fmt: skip
    return lambda patient: g.glom(patient, spec)


def fhirpathpy() -> Run:
    """FHIRPath, one expression a field, each compiled once."""
    import fhirpathpy as fhirpath

    compiled = [fhirpath.compile(expression) for expression in _fhirpaths()]
    return lambda patient: [evaluate(patient) for evaluate in compiled]


def _fhirpaths() -> Iterator[str]:
    yield from ("id", "active", "birthDate", "deceased", "gender")
    for name, fields in (
        ("identifier", "system value use type.text period.start period.end"),
        ("name", "use family given prefix suffix period.start period.end"),
        ("telecom", "system use value"),
        ("address", "use line city state postalCode country period.start period.end"),
    ):
        yield from (f"{name}.{field}" for field in fields.split())
    yield f"communication.language.coding.where(system='{LANGUAGE}').code"
    yield "communication.preferred"
    for url in (RACE, ETHNICITY):
        yield f"extension.where(url='{url}').extension.where(url='ombCategory').value.code"
        yield f"extension.where(url='{url}').extension.where(url='text').value"
    yield f"extension.where(url='{BIRTHSEX}').value"
    yield f"maritalStatus.coding.where(system='{MARITAL}').code"
    yield f"contact.relationship.coding.where(system='{ROLE}').code"
    yield from ("contact.name.family", "contact.name.given")


def linkml_map() -> Run:
    """Classes derived from classes, with the fields that need no selector."""
    from linkml_map.session import Session
    from linkml_runtime import SchemaView

    session = Session()
    session.set_source_schema(SchemaView(json.dumps(_linkml_schema())))
    session.set_object_transformer(_linkml_specification())
    logging.getLogger("linkml_map").setLevel(logging.ERROR)  # else it warns for every field, at half the time
    return partial(session.transform, source_type="Patient")


_LINKML: dict[str, tuple[str, dict[str, str]]] = {
    "Period": ("OurPeriod", {"start": "start", "end": "end"}),
    "Identifier": ("OurIdentifier", {"system": "system", "value": "value", "use": "use", "period": "period=Period"}),
    "HumanName": ("OurName", {"use": "use", "family": "family", "given": "given*", "prefix": "prefix*",
                              "suffix": "suffix*", "period": "period=Period"}),
    "ContactPoint": ("OurTelecom", {"system": "system", "use": "use", "value": "value"}),
    "Address": ("OurAddress", {"kind": "use", "line": "line*", "city": "city", "state": "state", "zip": "postalCode",
                               "country": "country", "period": "period=Period"}),
    "Communication": ("OurLanguage", {"preferred": "preferred"}),
    "Patient": ("Person", {
        "external_id": "id", "status": "active", "birth": "birthDate", "deceased": "deceasedDateTime",
        "sexes": "gender", "identifiers": "identifier*=Identifier", "names": "name*=HumanName",
        "telecoms": "telecom*=ContactPoint",
        "addresses": "address*=Address", "languages": "communication*=Communication"}),
}  # fmt: skip


def _linkml_schema() -> dict[str, Any]:
    classes = {name: {"attributes": dict(_slots(fields))} for name, (_, fields) in _LINKML.items()}
    classes["Patient"]["tree_root"] = True
    return {"name": "bench", "id": "urn:bench", "imports": ["linkml:types"], "prefixes": {"linkml": "https://w3id.org/linkml/"},
            "default_range": "string", "classes": classes}  # fmt: skip


def _slots(fields: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for theirs in fields.values():
        name, _, range_ = theirs.partition("=")
        many = name.endswith("*")
        yield name.rstrip("*"), {"multivalued": many, "inlined_as_list": bool(many and range_), "inlined": bool(range_),
                                 "range": range_ or "string"}  # fmt: skip


def _linkml_specification() -> dict[str, Any]:
    derivations = {}
    for name, (target, fields) in _LINKML.items():
        slots = {}
        for ours, theirs in fields.items():
            path, _, range_ = theirs.partition("=")
            slots[ours] = {"populated_from": path.rstrip("*")} | ({"range": _LINKML[range_][0]} if range_ else {})
        derivations[target] = {"populated_from": name, "slot_derivations": slots}
    return {"class_derivations": derivations}


PEERS: dict[str, Callable[[], Run]] = {
    "jsonata2py": jsonata2py, "jsonata-python": jsonata_python, "glom": glom, "python-liquid": python_liquid,
    "linkml-map": linkml_map, "fhirpathpy": fhirpathpy,
}  # fmt: skip
