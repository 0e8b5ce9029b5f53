"""Labels that a map does not read: what the partner marks as protected would look like any other record here."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.core.native import Element
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.checking.survey import Survey

MARKS = ("meta", "security")  # FHIR R4 Resource.meta.security


def check(found: Survey, element: Element | None) -> Iterator[Finding]:
    """A note where the other side has a place for security labels and no line always reads it."""
    meta = element.fields.get(MARKS[0]) if element is not None else None
    if found.definition.only == "export" or meta is None or MARKS[1] not in meta.fields:
        return
    lines = [s for s in found.stands if "import" in s.ways and any(at.key == "labels" for at in s.case)]
    if not any(not stand.when for stand in lines):
        always = "not always reads" if lines else "does not read"
        yield Finding(
            "CB-235", found.definition.place, f"this map {always} the partner's security labels (`meta.security`)",
            "A record under 42 CFR Part 2 would be taken for an ordinary one and could go to anyone.",
            "Show this to your privacy officer, or read them: `labels: {each: meta.security, key: [system, code], "
            "fields: {system: system, code: code, display: display}}`.",
        )  # fmt: skip
