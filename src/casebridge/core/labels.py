"""Sensitivity labels: HL7 codings that say who must not see a record (FHIR R4 ``Resource.meta.security``).

A label is kept as its source wrote it, system and all, so that it can be written again wherever the record goes. The
rules of disclosure know labels by one word each, which :func:`names` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from casebridge.core import facts

HARMLESS = frozenset({"N", "L", "M", "U"})
"""HL7 Confidentiality codes of ordinary records. Every other label, also an unknown one, is sensitive."""


def names(labels: object) -> frozenset[str]:
    """What the rules know the labels of a record by: the code, or the words of a label that has none.

    Only where it stands in HL7's Confidentiality does ``N`` mean normal: in another system it is a code nobody knows.
    """
    return frozenset(_name(label) for label in labels) if isinstance(labels, list) else frozenset()


def _name(label: object) -> str:
    if isinstance(label, str):
        return label
    said = {k: v for k, v in label.items() if isinstance(v, str) and v} if isinstance(label, Mapping) else {}
    system, name = said.get("system", ""), said.get("code") or said.get("display") or said.get("system") or "?"
    known = "code" in said and system in ("", *_spellings()["HL7 v3 Confidentiality"])
    return f"{system}|{name}" if name in HARMLESS and not known else name


def coding(label: object) -> object:
    """A label that was kept as its code alone, with the system the code is known in; others as they are."""
    if not isinstance(label, str):
        return label
    system = systems().get(label)
    return {"system": system, "code": label} if system else {"code": label}


def in_full(record: dict[str, Any]) -> dict[str, Any]:
    """A stored record with every label as a coding."""
    labels = record.get("labels")
    return {**record, "labels": [coding(label) for label in labels]} if isinstance(labels, list) else record


@cache
def systems() -> dict[str, str]:
    """The system of each usual label's code (``data/values.csv``)."""
    spelled = _spellings()
    return {row["code"]: spelled[row["source"]][0] for row in _rows("values") if row["field"] == "labels.code"}


@cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """The addresses of each system of labels, today's first (``data/label_systems.csv``)."""
    found: dict[str, tuple[str, ...]] = {}
    for row in _rows("label_systems"):
        found[row["source"]] = (*found.get(row["source"], ()), row["system"])
    return found


def _rows(name: str) -> Iterator[dict[str, str]]:
    return iter(facts.rows("casebridge.core", f"{name}.csv"))
