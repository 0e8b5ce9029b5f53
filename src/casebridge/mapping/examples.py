"""A map's own examples, run as tests: import gives the case side, export of it gives the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from casebridge.core.case import KINDS, PLURALS, records_of, validate_record
from casebridge.core.errors import CaseBridgeError
from casebridge.mapping import interpreter
from casebridge.mapping.model import Definition, Example
from casebridge.mapping.notation import Place
from casebridge.mapping.translate import OwnIds
from casebridge.mapping.walk import leaves, spelled, text_of


def run(definition: Definition) -> list[str]:
    """One message for each way of each example that does not hold, with its place."""
    return [str(place.error("CB-206", said)) for place, said in failures(definition)]


def failures(definition: Definition) -> list[tuple[Place, str]]:
    """(place of the example, what does not hold) for each way of each example that does not hold."""
    return [(example.place, said) for example in definition.examples for said in _run(definition, example)]


def _run(definition: Definition, example: Example) -> Iterator[str]:
    case = _sliced(definition, example.case)
    if example.way != "export":
        yield from _tried(example, "import", case, lambda: _imported(definition, example.other))
    if example.way != "import":
        yield from _tried(
            example, "export", example.other, lambda: interpreter.write(definition, case, OwnIds(), None).data
        )


def _imported(definition: Definition, other: dict[str, Any]) -> dict[str, Any]:
    found = interpreter.read(definition, other).slice
    for kind, _, record in records_of(found):
        validate_record(kind, record)
    return {slot: value for slot, value in found.items() if slot != "complete"}


def _sliced(definition: Definition, case: dict[str, Any]) -> dict[str, Any]:
    """The example's case side as a slice; with one slot it may be written without naming it."""
    slot = definition.case[0]
    if len(definition.case) > 1 or (slot in case and (slot in PLURALS or slot in KINDS) and len(case) == 1):
        return case
    return {slot: [case] if slot in PLURALS else case}


def _tried(example: Example, way: str, expected: Any, run_: Callable[[], Any]) -> Iterator[str]:
    title = f"example `{example.about or 'without a title'}`, {way}"
    try:
        said = differences(expected, run_())
    except CaseBridgeError as e:
        said = [str(e)]
    for difference in said:
        yield f"{title}: {difference}"


def differences(expected: Any, found: Any) -> list[str]:
    """What differs leaf by leaf. Scalars are compared as text, as a map's are; true and false are no texts."""
    wanted, got = _flat(expected), _flat(found)
    said = [f"{path} is missing, expected {value!r}" for path, value in wanted.items() if path not in got]
    said += [f"{path} is {got[path]!r}, expected {value!r}" for path, value in wanted.items()
             if path in got and got[path] != value]  # fmt: skip
    return said + [f"{path} is {value!r}, expected nothing" for path, value in got.items() if path not in wanted]


def _flat(node: Any) -> dict[str, str | bool]:
    found: dict[str, str | bool] = {}
    for where in leaves(node):
        value = node
        for part in where:
            value = value[part]
        found[spelled(where)] = _comparable(value)
    return found


def _comparable(value: Any) -> str | bool:
    if isinstance(value, dict):
        return f"absent:{value['absent']}"
    return value if isinstance(value, bool) else text_of(value)
