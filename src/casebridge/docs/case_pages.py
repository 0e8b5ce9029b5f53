"""The pages about the case model: its kinds and fields, the 54 concepts, and the JSON Schemas."""

from __future__ import annotations

import json
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from casebridge.core import values
from casebridge.core.case import KINDS, PLURALS, Record
from casebridge.core.schema import concepts, usual_codes
from casebridge.docs.markdown import code, codes, table

_PATTERNS = {values.DATE_PATTERN: "partial date", values.MOMENT_PATTERN: "moment", values.MONEY_PATTERN: "amount"}
_PLAIN = {str: "text", int: "whole number", bool: "true or false"}


def schemas() -> dict[str, str]:
    """``schemas/<kind>.json`` for every kind, and ``schemas/slice.json`` for a whole slice."""
    kinds = {f"schemas/{kind}.json": _json(_schema(model)) for kind, model in KINDS.items()}
    return kinds | {"schemas/slice.json": _json(_slice_schema())}


def case_model_page() -> str:
    """Every kind with its fields, and the value types they are made of."""
    made_of = (model for model in vars(values).values() if _is_value(model))
    parts = [
        "# The case model\n",
        "What one source asserted is a *record* of one of 14 kinds. A *slice* holds the records of one native record: "
        "one under its kind's name, several in a list under the plural, and `complete` names the lists in which what "
        "is missing has ended. A missing value with a reason is "
        + codes(f'{{"absent": "{reason}"}}' for reason in get_args(values.AbsentReason)) + ".\n",
        "A *partial date* is a year, a month or a day as written; a *moment* is that or a date and time; an *amount* "
        "is a decimal number as text.\n",
        "## Every record\n", _doc(Record) + "\n", _fields(Record, ()), "\n# Kinds\n",
        *(_kind(kind, model) for kind, model in KINDS.items()),
        "\n# Values\n", *(f"## {model.__name__}\n\n{_doc(model)}\n\n{_fields(model, ())}" for model in made_of),
        "\n# Usual codes of open fields\n\nOther codes are allowed there; these are the ones CaseBridge knows.\n",
        table(["field", "code", "meaning", "source"], [(code(v.field), code(v.code), v.words, v.source)
                                                       for v in usual_codes()]),
    ]  # fmt: skip
    return "\n".join(parts)


def concepts_page() -> str:
    """Where each concept has its place, here and elsewhere."""
    rows = [
        (str(c.number), c.concept, codes(c.core_places), c.fhir, c.hmis, c.x12, c.hsds) for c in concepts()
    ]  # fmt: skip
    lacking = {s: sum(s in c.no_room for c in concepts()) for s in ("fhir", "hmis", "x12", "hsds")}
    return (
        "# The 54 concepts of case management\n\n"
        "Where each has its place in the case model, and where other notations have room for it. Without room: "
        f"FHIR R4 {lacking['fhir']}, HMIS CSV FY2026 {lacking['hmis']}, X12 {lacking['x12']}, HSDS 3 "
        f"{lacking['hsds']}. What has no room stays in the core, and the export says so.\n\n"
        + table(["#", "concept", "case model", "FHIR R4", "HMIS CSV FY2026", "X12", "HSDS 3"], rows)
    )


def _kind(kind: str, model: type[BaseModel]) -> str:
    plural = next(name for name, one in PLURALS.items() if one == kind)
    own = tuple(Record.model_fields.keys() - model.__annotations__.keys())
    return f"## {kind}\n\n{_doc(model)} In lists: `{plural}`.\n\n{_fields(model, own)}"


def _fields(model: type[BaseModel], leave_out: tuple[str, ...]) -> str:
    rows = [
        (code(name), words(_annotation(field)), "yes" if field.is_required() else "")
        for name, field in model.model_fields.items() if name not in leave_out
    ]  # fmt: skip
    return table(["field", "takes", "required"], rows)


def words(annotation: Any) -> str:
    """What a field takes, in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _PATTERNS[parts[1].pattern]
    if origin is Literal:
        return codes(parts)
    if origin is list:
        return f"list of {words(parts[0])}"
    if origin is dict:
        return "fields of any name"
    if parts:
        return ", or ".join(words(part) for part in parts if part is not NoneType)
    if _is_value(annotation):
        return "absent" if annotation is values.Absent else f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _PLAIN.get(annotation, "anything")


def _annotation(field: FieldInfo) -> Any:
    """Pydantic keeps the constraints of a bare Annotated apart from its type."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _is_value(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, values.Value) and model is not values.Value


def _doc(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").replace("``", "`").split())


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


def _slice_schema() -> dict[str, Any]:
    single = {kind: {"$ref": f"{kind}.json"} for kind in KINDS}
    lists = {slot: {"type": "array", "items": {"$ref": f"{kind}.json"}} for slot, kind in PLURALS.items()}
    complete = {"complete": {"type": "array", "items": {"enum": sorted(PLURALS)}, "uniqueItems": True}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Slice",
        "description": "The case side of one native record.",
        "type": "object",
        "properties": single | lists | complete,
        "additionalProperties": False,
    }


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
