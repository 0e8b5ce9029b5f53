"""The structure of a resource, told as findings.

The resources this adapter works with are held against its own table of FHIR R4 (``casebridge_fhir.structure``); others
by fhir.resources, whose R4B models (R4's but for medications, evidence and subscriptions) are an extra,
``casebridge[validate]``. What its errors say may quote the record: only their place and kind are taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from casebridge import Finding
from casebridge_fhir.checking.findings import finding
from casebridge_fhir.checking.places import Place
from casebridge_fhir.r4 import resource_types
from casebridge_fhir.structure import Problem, problems

INSTALL = "Install the models of FHIR: pip install 'casebridge[validate]'."
RULE = "structure"
_MISSING, _UNKNOWN = "model_field_validation.missing", "extra_forbidden"
_STEP = re.compile(r"(?P<name>[^\[]+)(?:\[(?P<index>\d+)\])?$")
Model = Callable[[str], Any]


def check(root: Place) -> Iterator[Finding]:
    """What is wrong with the resource as FHIR R4."""
    if root.value["resourceType"] in resource_types():
        for problem in problems(root.value):
            yield _of_problem(problem, root)
    else:
        yield from _modelled(root)


def check_bundle(bundle: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the Bundle itself; its resources have checks of their own."""
    listed = bundle.get("entry")
    entries = [_shell(entry) for entry in listed] if isinstance(listed, list) else listed
    shell = {**bundle, **({"entry": entries} if "entry" in bundle else {})}
    for problem in problems(shell):
        yield _of_problem(problem, Place("", "Bundle", shell))


def _shell(entry: Any) -> Any:
    inside = isinstance(entry, Mapping) and isinstance(entry.get("resource"), Mapping)
    return {**entry, "resource": {"resourceType": "Basic"}} if inside else entry


def _of_problem(problem: Problem, root: Place) -> Finding:
    place = _at(problem.path, root)
    if problem.code == "required":
        return finding("wrong", RULE, "CB-302", "FHIR R4 demands this element", place, expected="a value")
    if problem.code == "structure":
        empty = problem.text.endswith("leave it out")  # SDOHCC conf-4
        do = "Leave the element out." if empty else "Correct the element, or leave it out."
        return finding("wrong", "conf-4" if empty else RULE, "CB-301", problem.text, place, do=do)
    says = "FHIR R4 does not have this code" if problem.code == "code-invalid" else "FHIR R4 has another form for this"
    expected = problem.text.removeprefix("this must be ").replace("one of: ", "one of ", 1)
    found = place.value if isinstance(place.value, str) else None
    return finding("wrong", RULE, "CB-301", says, place, expected=expected, found=found)


def _at(path: str, root: Place) -> Place:
    """Where a FHIRPath leads: ``value`` of a choice is ``valueString`` in JSON."""
    pointer, value = root.pointer, root.value
    for step in path.split(".")[1:]:
        match = _STEP.match(step)
        name, index = (match["name"], match["index"]) if match else (step, None)
        known = _member(value, name)
        value = value.get(known) if isinstance(value, Mapping) else None
        pointer += f"/{known}"
        if index is not None:
            pointer += f"/{index}"
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return Place(pointer, path, value)


def _member(value: Any, name: str) -> str:
    if not isinstance(value, Mapping) or name in value:
        return name
    return next((n for n in value if n.startswith(name) and n[len(name) : len(name) + 1].isupper()), name)


def _models() -> Model | None:
    try:
        from fhir.resources.R4B import get_fhir_model_class  # an extra, and slow to import
    except ImportError:
        return None
    found: Model = get_fhir_model_class
    return found


def _modelled(root: Place) -> Iterator[Finding]:
    model = _models()
    if model is None:
        says = "the structure of this type of resource was not looked at"
        yield finding("not-checked", RULE, "CB-352", says, root, do=INSTALL)
        return
    from pydantic import ValidationError

    try:
        known = model(root.value["resourceType"])
    except ValueError:
        yield finding("wrong", RULE, "CB-301", "FHIR R4 has no resource of this type", root,
                      expected="a type such as Task", do="Correct resourceType.")  # fmt: skip
        return
    try:
        known.model_validate(root.value)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            yield _of_error(one["type"], one["loc"], root)
    except (TypeError, ValueError, AttributeError, KeyError):  # models that trip over what stands there
        yield finding("wrong", RULE, "CB-301", "an element is not of the form that FHIR R4 gives it", root)


def _of_error(kind: str, loc: tuple[str | int, ...], root: Place) -> Finding:
    pointer = root.pointer + "".join(f"/{part}" for part in loc)
    field = root.field + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    place = Place(pointer, field, None)
    if kind == _MISSING:
        return finding("wrong", RULE, "CB-302", "FHIR R4 demands this element", place, expected="a value")
    says = "FHIR R4 has no such element here" if kind == _UNKNOWN else "FHIR R4 has another form for this"
    return finding("wrong", RULE, "CB-301", says, place, do="Correct the element, or leave it out.")
