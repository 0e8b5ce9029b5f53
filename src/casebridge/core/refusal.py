"""A refused record in plain words: which field, what was expected, how many more. Values are never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from casebridge.core.values import DATE_PATTERN, MOMENT_PATTERN, MONEY_PATTERN

_EXPECTED = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a group of fields",
    "model_type": "a group of fields",
    "model_attributes_type": "a group of fields",
    "missing": "this field, which is required",
}
_PATTERNS = {
    DATE_PATTERN: "a date as 1974, 1974-12 or 1974-12-25",
    MOMENT_PATTERN: "a date, or a date and time such as 2026-03-01T08:30:00Z",
    MONEY_PATTERN: "an amount such as 12.50, as text",
}
_ABSENT = "a reason why it is absent"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first field that was refused, what belongs there, the value found, and how many other fields are wrong."""

    field: str
    expected: str
    found: object
    others: int


def refusal(error: ValidationError, record: object, model: type[BaseModel]) -> Refusal:
    """What a person can act on, from pydantic's list of everything it tried."""
    groups: dict[str, list[Any]] = {}
    for detail in error.errors(include_url=False):
        groups.setdefault(_path(record, detail["loc"], detail["type"]), []).append(detail)
    for path in [p for p in groups if any(other.startswith(p + ".") for other in groups)]:
        del groups[path]  # a union was tried both as a plain value and as a group: the deeper word is the useful one
    field, details = next(iter(groups.items()))
    words = dict.fromkeys(_words(detail, model) for detail in details)
    return Refusal(field, " or ".join(words), details[0].get("input"), len(groups) - 1)


def _path(record: object, loc: tuple[Any, ...], kind: str) -> str:
    """The case path of an error: pydantic's location without the names of the union's members."""
    path, here = "", record
    for depth, part in enumerate(loc):
        last = depth == len(loc) - 1
        if isinstance(here, list) and isinstance(part, int) and part < len(here):
            path, here = f"{path}[{part}]", here[part]
        elif isinstance(here, Mapping) and (part in here or (last and kind == "missing")):
            path, here = f"{path}.{part}", here.get(part)
    return path.lstrip(".")


def _words(detail: Any, model: type[BaseModel]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if "Absent" in detail["loc"] and kind in ("model_type", "dict_type"):
        return _ABSENT
    if kind == "extra_forbidden":
        return _known_field(str(detail["loc"][-1]), model if len(detail["loc"]) == 1 else None)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], str(detail["msg"]))
    if kind == "literal_error":
        return f"one of {context['expected'].replace(' or ', ', ')}"
    return _EXPECTED.get(kind, str(detail["msg"]))


def _known_field(name: str, model: type[BaseModel] | None) -> str:
    near = get_close_matches(name, list(model.model_fields), 1) if model else []
    return f"a field of the case model, such as '{near[0]}'" if near else "a field of the case model"
