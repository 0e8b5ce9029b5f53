"""The JSON Schema of map files: editors complete case paths, words and converters as you type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from casebridge.adapter import Converter
from casebridge.core.case import KINDS, PLURALS, Record
from casebridge.core.schema import codes_of, members
from casebridge.core.values import Absent, Ref
from casebridge.mapping.codes import REASONS
from casebridge.mapping.header import RESTS
from casebridge.mapping.model import Choose, Definition, Line

DEPTH = 3
OF_THE_STORE = frozenset({"id", "kind", "version", "source", "asserted_by", "recorded_at", "disputes"})
TELLING = ("use", "kind", "system", "code", "scope")  # what tells one item of a list from another, the likeliest first
_TEXT: dict[str, Any] = {"type": "string"}
_PATH: dict[str, Any] = {"type": ["string", "number"]}
_CONDITIONS: dict[str, Any] = {"type": "object"}
_LINES: dict[str, Any] = {"type": "object", "additionalProperties": {"$ref": "#/$defs/line"}}
_WORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "at": ("The partner's field; a list of fields holds the items of one list in order.", {}),
    "in": ("A group on the partner's side; the lines are under `fields`.", _PATH),
    "each": ("A list on the partner's side; needs `key` and `fields`.", _PATH),
    "key": ("How an item of the list is recognised when it changes.", {}),
    "fields": ("The lines below.", _LINES),
    "split": ("What stands between the parts of one text.", _TEXT),
    "flags": ("One yes-or-no field for each word.", {"type": "object"}),
    "none": ("Why there are none of the flags.", {"$ref": "#/$defs/line"}),
    "choose": ("Branches; the first that fits.", {"type": "array", "items": {"$ref": "#/$defs/branch"}}),
    "codes": ("A code table, by its name or written here.", {"anyOf": [_TEXT, {"$ref": "#/$defs/table"}]}),
    "link": ("A reference to another record.", {"anyOf": [{"enum": sorted(KINDS)}, {"type": "object"}]}),
    "with": ("A constant beside the field: read only if it stands there, and written together.", _CONDITIONS),
    "when": ("The line counts only if a case field has a value.", _CONDITIONS),
    "also_read": ("Further places to read from; export writes the first.", {}),
    "only": ("One way only.", {"enum": ["import", "export"]}),
    "required": ("A record without it is held.", {"enum": ["import", "export", "both"]}),
    "if_missing": ("What stands for nothing, in the partner's spelling.", {}),
    "loss": ("Why something may be lost here.", _TEXT),
    "about": ("What people should know.", _TEXT),
}


def map_schema(converters: Mapping[str, Converter], maps: Iterable[Definition] = ()) -> dict[str, Any]:
    """The schema (draft 2020-12) of a map file, with these converters. Case paths that ``maps`` use are offered too:
    a list with open codes, such as names by use, is told apart there as people do."""
    used: dict[str, set[str]] = {}
    for one in maps:
        used.setdefault(one.case[0] if len(one.case) == 1 else "", set()).update(_written(one.fields))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CaseBridge map",
        "type": "object",
        "required": ["map"],
        "properties": _head(),
        "additionalProperties": False,
        "allOf": [*(_of_kind(slot, used.get(slot, ())) for slot in (*KINDS, *PLURALS)),
                  _of_several(used.get("", ()))],
        "$defs": {"line": _line(converters), "branch": _branch(), "table": _table()},
    }  # fmt: skip


def _head() -> dict[str, Any]:
    slots = {"enum": [*KINDS, *PLURALS]}
    return {
        "map": {**_TEXT, "description": "The map's name, such as county/client."},
        "version": _PATH, "about": _TEXT,
        "base": {**_TEXT, "description": "The map this one lies over; a line `drop` takes one of its lines away."},
        "case": {"anyOf": [slots, {"type": "array", "items": slots}], "description": "What it fills."},
        "other": {**_TEXT, "description": "The partner's record, such as fhir-r4/Patient."},
        "match": {**_CONDITIONS, "description": "The partner's records it is for."},
        "when": {**_CONDITIONS, "description": "The case records it writes."},
        "rest": {"enum": list(RESTS), "description": "What becomes of what no line claims."},
        "shape": {"type": "object", "description": "How the format joins the record; see the adapter's page."},
        "names": {"type": "object", "description": "Short names for long addresses: $name in paths."},
        "fields": {"type": "object", "description": "Left: the case model. Right: the partner."},
        "ignore": {"description": "Fields nobody needs."},
        "codes": {"type": "object", "additionalProperties": {"$ref": "#/$defs/table"}},
        "defaults": {"type": "object", "description": "Constants for what no line gave, by way."},
        "complete": {"description": "The lists in which what is missing has ended."},
        "only": {"enum": ["import", "export"]},
        "loss": _TEXT,
        "examples": {"type": "array", "items": _example()},
    }  # fmt: skip


def _example() -> dict[str, Any]:
    way = {"enum": ["both", "import", "export"]}
    words = {"about": _TEXT, "way": way, "case": {"type": "object"}, "other": {"type": "object"}}
    return {"type": "object", "properties": words, "required": ["case", "other"], "additionalProperties": False}


def _line(converters: Mapping[str, Converter]) -> dict[str, Any]:
    words = {word: {"description": about, **schema} for word, (about, schema) in _WORDS.items()}
    words["as"] = {"description": "A converter.", "enum": sorted(converters)}
    line = {"type": "object", "properties": words, "additionalProperties": False}
    return {"anyOf": [_PATH, {"type": "array"}, line]}


def _branch() -> dict[str, Any]:
    words = {"case": _CONDITIONS, "other": _CONDITIONS, "fields": _LINES}
    return {"type": "object", "properties": words, "required": list(words), "additionalProperties": False}


def _table() -> dict[str, Any]:
    reasons = ", ".join(f"absent:{reason}" for reason in REASONS)
    rows = {"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 3},
            "description": f"[case model, partner], perhaps a way. Missing for a reason: {reasons}."}  # fmt: skip
    words = {"rows": rows, "file": _TEXT, "loss": _TEXT, "about": _TEXT,
             "otherwise": {"enum": ["refuse", "keep", "report"], "description": "What has no row."}}  # fmt: skip
    return {"type": "object", "properties": words, "additionalProperties": False}


def _written(lines: Iterable[Line]) -> Iterator[str]:
    """The case paths of a map's own lines, those in branches too."""
    for line in lines:
        if isinstance(line, Choose):
            for branch in line.branches:
                yield from _written(branch.fields)
        elif line.case.steps and not line.case.up:
            yield line.case.text


def _of_kind(slot: str, used: Iterable[str]) -> dict[str, Any]:
    """A map that fills one slot: its case paths begin with the fields of the kind."""
    kind = PLURALS.get(slot, slot)
    return {"if": {"properties": {"case": {"const": slot}}, "required": ["case"]},
            "then": {"properties": {"fields": _fields(_paths(KINDS[kind], kind, "", DEPTH), used)}}}  # fmt: skip


def _of_several(used: Iterable[str]) -> dict[str, Any]:
    """A map that fills several slots: case paths begin with the slot."""
    paths = [(f"{kind}.{path}", annotation) for kind, model in KINDS.items()
             for path, annotation in _paths(model, kind, "", 2)]  # fmt: skip
    lists = [(slot, list[KINDS[kind]]) for slot, kind in PLURALS.items()]  # type: ignore[valid-type]
    return {"if": {"properties": {"case": {"type": "array"}}},
            "then": {"properties": {"fields": _fields([*paths, *lists], used)}}}  # fmt: skip


def _fields(paths: Iterable[tuple[str, Any]], used: Iterable[str]) -> dict[str, Any]:
    line = {"$ref": "#/$defs/line"}
    known: dict[str, Any] = dict.fromkeys(sorted(used), line)
    known |= {path: {"description": _about(annotation), **line, **_inside(annotation)} for path, annotation in paths}
    return {"type": "object", "additionalProperties": line, "properties": known}


def _inside(annotation: Any) -> dict[str, Any]:
    """Under the ``fields`` of a list or a group: the fields of what is in it."""
    names = [name for model in _models(annotation) for name in model.model_fields]
    if not names:
        return {}
    line = {"$ref": "#/$defs/line"}
    return {"properties": {"fields": {"type": "object", "properties": dict.fromkeys(names, line)}}}


def _paths(model: type[BaseModel], place: str, above: str, depth: int) -> Iterator[tuple[str, Any]]:
    """(case path, its type) of every field but the store's own, lists with what tells their items apart."""
    for name, field in model.model_fields.items():
        if issubclass(model, Record) and name in OF_THE_STORE:
            continue
        yield f"{above}{name}", field.annotation
        for item in _models(field.annotation) if depth > 1 else ():
            for start in _starts(f"{above}{name}", f"{place}.{name}", field.annotation, item):
                yield from _paths(item, f"{place}.{name}", f"{start}.", depth - 1)


def _starts(path: str, place: str, annotation: Any, item: type[BaseModel]) -> list[str]:
    if not _is_list(annotation):
        return [path]
    for name in (n for n in TELLING if n in item.model_fields):
        if codes := sorted(codes_of(f"{place}.{name}")):
            return [f"{path}({name}={code})" for code in codes]
    return [f"{path}()"]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for part in members(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel) and part not in (Absent, Ref):
            yield part


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(get_origin(part) is list for part in get_args(annotation))


def _about(annotation: Any) -> str:
    codes = [str(c) for part in members(annotation) if get_origin(part) is Literal for c in get_args(part)]
    return "; ".join([*(["a list"] if _is_list(annotation) else []), *([", ".join(codes)] if codes else [])])
