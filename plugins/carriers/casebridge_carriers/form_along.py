"""What the page says of what the sender put along: titles of documents, questions and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebridge_carriers.form_page import Fact, listed, moment_words, said

YES_NO = {True: "Yes", False: "No"}
UNNAMED = "Finding"


def about_sent(document: Mapping[str, Any], zone: str) -> list[Fact]:
    """Each form and finding with its answers in their order, and the names of documents; the sender has the rest."""
    forms = (Fact(_dated(one, zone) or UNNAMED, _answers(one)) for one in listed(document, "assessments"))
    found = [fact for fact in forms if fact.lines]
    names = tuple(filter(None, (_dated(one, zone) for one in listed(document, "documents"))))
    return [*found, Fact("Documents at the sender", names)] if names else found


def _dated(one: Mapping[str, Any], zone: str) -> str:
    name = said(one, "title") or said(one, "type")
    return ", ".join(filter(None, [name, moment_words(said(one, "date"), zone)]))


def _answers(form: Mapping[str, Any]) -> tuple[str, ...]:
    """A heading or a question without an answer is a line of its own."""
    lines = (": ".join(filter(None, [_question(row), _answer(row)])) for row in listed(form, "answers"))
    return tuple(filter(None, lines))


def _question(row: Mapping[str, Any]) -> str:
    code = row.get("code")
    return said(row, "code_display") or (said(code, "display") if isinstance(code, Mapping) else "")


def _answer(row: Mapping[str, Any]) -> str:
    value = row.get("value")
    if isinstance(value, bool):
        return YES_NO[value]
    return said(row, "value_display") or said(row, "value") or f"{said(row, 'amount')} {said(row, 'unit')}".strip()
