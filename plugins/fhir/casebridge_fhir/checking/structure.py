"""The structure of a resource: elements, types and cardinalities by fhir.resources, codes and emptiness by us.

fhir.resources (its R4B models; the resources of this guide are the same in R4) is an extra, ``casebridge[validate]``.
It accepts any text as a code, so required codes are looked up in our own table; what it says may quote the record, so
only the place and the kind of an error are taken from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from casebridge import Finding
from casebridge.core.native import Element
from casebridge_fhir.checking.findings import LISTED, finding
from casebridge_fhir.checking.places import Place
from casebridge_fhir.natives import NATIVES, fields_of

INSTALL = "Install the models of FHIR: pip install 'casebridge[validate]'."
_MISSING, _UNKNOWN = "model_field_validation.missing", "extra_forbidden"
Model = Callable[[str], Any]


def check(root: Place) -> Iterator[Finding]:
    """What is wrong with the resource as FHIR R4."""
    yield from _empty(root)
    if root.value["resourceType"] in NATIVES.records:
        yield from _codes(root, fields_of(root.value["resourceType"]))
    yield from _modelled(root)


def models() -> Model | None:
    """Gives the model of a resource by its type; None where fhir.resources is not installed."""
    try:
        from fhir.resources.R4B import get_fhir_model_class  # an extra, and slow to import
    except ImportError:
        return None
    found: Model = get_fhir_model_class
    return found


def not_installed(root: Place) -> Finding:
    """Said once a payload."""
    return finding("not-checked", "structure", "CB-352", "the structure was not looked at", root, do=INSTALL)


def _modelled(root: Place) -> Iterator[Finding]:
    model = models()
    if model is None:
        return
    from pydantic import ValidationError

    try:
        known = model(root.value["resourceType"])
    except ValueError:
        yield finding("wrong", "structure", "CB-301", "FHIR R4 has no resource of this type", root,
                      expected="a type such as Task", do="Correct resourceType.")  # fmt: skip
        return
    try:
        known.model_validate(root.value)
    except ValidationError as error:
        yield from _told(root, error.errors(include_url=False, include_context=False, include_input=False))
    except (TypeError, ValueError, AttributeError, KeyError):  # models that trip over what stands there
        yield finding("wrong", "structure", "CB-301", "an element is not of the form that FHIR R4 gives it", root)


def _told(root: Place, errors: list[Any]) -> Iterator[Finding]:
    for one in errors:
        place = _at(root, one["loc"])
        if one["type"] == _MISSING:
            yield finding("wrong", "structure", "CB-302", "FHIR R4 demands this element", place, expected="a value")
        elif one["type"] == _UNKNOWN:
            yield finding("wrong", "structure", "CB-301", "FHIR R4 has no such element here", place,
                          expected="nothing here", do="Correct the name of the element, or leave it out.")  # fmt: skip
        else:
            yield finding("wrong", "structure", "CB-301", "this is not of the form that FHIR R4 gives it", place,
                          expected=_form(root, one["loc"]),
                          found=place.value if isinstance(place.value, str) else None)  # fmt: skip


def _form(root: Place, loc: tuple[str | int, ...]) -> str:
    """What FHIR R4 calls the type of the element: ``date``, ``Reference``."""
    elements = fields_of(root.value["resourceType"]) if root.value["resourceType"] in NATIVES.records else {}
    about = ""
    for name in (part for part in loc if isinstance(part, str)):
        known = elements.get(name)
        if known is None:
            return ""
        about, elements = known.about, known.children() if known.type == "group" else {}
    return f"what FHIR R4 calls {about}" if about else ""


def _at(root: Place, loc: tuple[str | int, ...]) -> Place:
    pointer, field, value = root.pointer, root.field, root.value
    for part in loc:
        pointer += f"/{part}"
        field += f"[{part}]" if isinstance(part, int) else f".{part}"
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
    return Place(pointer, field, value)


def _empty(place: Place) -> Iterator[Finding]:
    """SDOHCC conf-4: an element that is not there is left out. Primitives pair with their extensions by nulls."""
    value = place.value
    if value in ("", {}, []) or value is None:
        yield finding("wrong", "conf-4", "CB-301", "an element that holds nothing is left out", place,
                      expected="a value, or no such element", do="Leave the element out.")  # fmt: skip
    elif isinstance(value, Mapping):
        for name in value:
            inner = Place(f"{place.pointer}/{name}", f"{place.field}.{name}", value[name])
            yield from _empty_list(inner, value, str(name)) if isinstance(value[name], list) else _empty(inner)


def _empty_list(place: Place, parent: Mapping[str, Any], name: str) -> Iterator[Finding]:
    if not place.value:
        yield from _empty(place)
    paired = name.startswith("_") or f"_{name}" in parent
    for number, item in enumerate(place.value):
        if not (item is None and paired):
            yield from _empty(Place(f"{place.pointer}/{number}", f"{place.field}[{number}]", item))


def _codes(place: Place, elements: Mapping[str, Element]) -> Iterator[Finding]:
    """Codes of required bindings, at every depth."""
    for name, element in elements.items():
        if element.codes is None and element.type != "group":
            continue
        for found in place.member(name):
            if element.type == "group" and isinstance(found.value, Mapping):
                yield from _codes(found, element.children())
            elif element.codes is not None and isinstance(found.value, str) and found.value not in element.codes:
                yield finding("wrong", "structure", "CB-301", "FHIR R4 does not have this code", found,
                              expected=_listed(element.codes), found=found.value)  # fmt: skip


@cache
def _listed(codes: frozenset[str]) -> str:
    return f"one of {', '.join(sorted(codes))}" if len(codes) <= LISTED else "a code of the required list"
