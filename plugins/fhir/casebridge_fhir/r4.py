"""The elements of FHIR R4 as ``data/r4_elements.csv`` has them: order, types, cardinalities, codes and choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from casebridge.core import facts

ANY_RESOURCE = "Resource"


@dataclass(frozen=True, slots=True)
class ElementRow:
    """One element of a type.

    ``of`` is a primitive in lower case (``dateTime``), another type of the table, or ``Resource``. ``choice`` is the
    name without its type where only one of several may stand (``value`` of ``valueString``); ``one_required`` says
    that one of these must. ``codes``: all that a required binding allows, None where it is open.
    """

    name: str
    of: str
    required: bool
    many: bool
    codes: frozenset[str] | None
    choice: str
    one_required: bool

    @property
    def primitive(self) -> bool:
        """Whether it holds a plain value, which JSON splits into ``birthDate`` and ``_birthDate``."""
        return self.of[0].islower()


@cache
def table() -> Mapping[str, Mapping[str, ElementRow]]:
    """The elements of every type by name, in the order of the specification."""
    found: dict[str, dict[str, ElementRow]] = {}
    for row in facts.rows("casebridge_fhir", "r4_elements.csv"):
        found.setdefault(row["type"], {})[row["element"]] = ElementRow(
            row["element"], row["of"], row["min"] == "1", row["max"] == "*", frozenset(row["codes"].split()) or None,
            row["choice"], row["choice_min"] == "1",
        )  # fmt: skip
    return found


@cache
def resource_types() -> frozenset[str]:
    """The resources among the types: only they have ``implicitRules``."""
    return frozenset(name for name, elements in table().items() if "implicitRules" in elements)
