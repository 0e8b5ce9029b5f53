"""The converter ``fhir-answers``: what stands on a filled-in form (QuestionnaireResponse.item), as a list of answers.

A form nests: groups in groups, questions below an answer. Here each group, question and answer is one row in the order
of the form; ``group`` is the linkId of what it stands below (FHIR R4, QuestionnaireResponse.item.linkId). Several
answers to one question are several rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from casebridge import Converter
from casebridge_fhir.decimals import DECIMAL

Answers = list[dict[str, Any]]
_DEEPEST = 40  # groups in groups; no form has so many
_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d+)?")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_PLAIN = {"valueString": "text", "valueUri": "text", "valueDate": "time", "valueDateTime": "time", "valueTime": "time"}
_NUMBERS = ("valueDecimal", "valueInteger")
_QUANTITY = (("unit", "unit"), ("unit_code", "code"), ("value_system", "system"))
_CODING = (("value_system", "system"), ("value", "code"), ("value_display", "display"))
_NAMED = {"valueReference": "display", "valueAttachment": "title"}  # of what lies elsewhere its name alone


def _read(items: Any) -> Answers:
    """The rows of a form. ValueError where an item has no linkId, or a value is none of FHIR R4."""
    return list(_rows(_listed(items), "", 0))


def _rows(items: list[Any], group: str, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _DEEPEST:
        raise ValueError("groups are nested too deep")
    for item in items:
        link = item.get("linkId") if isinstance(item, dict) else None
        if not isinstance(link, str) or not link:
            raise ValueError("a question without linkId")
        head = {"group": group, "code": link, "code_display": item.get("text")}
        for answer in _listed(item.get("answer", [])) or [{}]:
            if not isinstance(answer, dict):
                raise ValueError("an answer that is none")
            yield {name: value for name, value in (head | _value(answer)).items() if value not in (None, "")}
            yield from _rows(_listed(answer.get("item", [])), link, depth + 1)
        yield from _rows(_listed(item.get("item", [])), link, depth + 1)


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def _value(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What was answered; nothing of an answer that is only extensions."""
    name, value = next(((n, v) for n, v in answer.items() if n.startswith("value")), ("", None))
    if name in _PLAIN and isinstance(value, str):
        return {"value": value, "value_type": _PLAIN[name]}
    if name == "valueBoolean" and isinstance(value, bool):
        return {"value": value, "value_type": "flag"}
    if name in _NUMBERS:
        return {"value": DECIMAL.read(value), "value_type": "number"}
    if name and not isinstance(value, dict):
        raise ValueError(f"{name[:40]} is no answer")
    return _of_parts(name, value) if value else {}


def _of_parts(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    if name == "valueQuantity" and "value" in value:
        said = {ours: value.get(theirs) for ours, theirs in _QUANTITY}
        return {**said, "amount": DECIMAL.read(value["value"]), "value_type": "quantity"}
    if name == "valueCoding" and value.get("code"):
        return {**{ours: value.get(theirs) for ours, theirs in _CODING}, "value_type": "coded"}
    words = value.get(_NAMED.get(name, "display"))
    return {"value": words, "value_type": "text"} if isinstance(words, str) and words else {}


def _write(rows: Any) -> list[dict[str, Any]]:
    """The form of such rows. One whose group is not there stands at the top. ValueError for what is no answer."""
    form: list[dict[str, Any]] = []
    above: list[tuple[str, list[dict[str, Any]]]] = [("", form)]  # where rows of each group go, outermost first
    for row in _listed(rows):
        group, link = str(row.get("group") or ""), _link(row)
        while len(above) > 1 and above[-1][0] != group:
            above.pop()
        place = above[-1][1]
        answer = _answer(row)
        if answer is not None and place and place[-1]["linkId"] == link and "answer" in place[-1]:
            place[-1]["answer"].append(answer)  # one more answer to the same question
        else:
            text = {"text": row["code_display"]} if row.get("code_display") else {}
            place.append({"linkId": link, **text, **({} if answer is None else {"answer": [answer]})})
        above.append((link, _below(place[-1] if answer is None else answer)))
    _without_empty(form)
    return form


def _link(row: Mapping[str, Any]) -> str:
    code = row.get("code")
    link = code.get("code") or code.get("display") if isinstance(code, Mapping) else code
    if not isinstance(link, str) or not link:
        raise ValueError("an answer to no question")
    return link


def _below(place: dict[str, Any]) -> list[dict[str, Any]]:
    inner: list[dict[str, Any]] = place.setdefault("item", [])
    return inner


def _answer(row: Mapping[str, Any]) -> dict[str, Any] | None:
    kind, value = row.get("value_type"), row.get("value")
    if kind == "quantity" and row.get("amount") is not None:
        parts = {theirs: row[ours] for ours, theirs in _QUANTITY if row.get(ours)}
        return {"valueQuantity": {"value": DECIMAL.write(row["amount"]), **parts}}
    if value is None:
        return None
    if kind == "flag" and isinstance(value, bool):
        return {"valueBoolean": value}
    if kind == "number":
        number = DECIMAL.write(value)
        return {"valueInteger" if isinstance(number, int) else "valueDecimal": number}
    if not isinstance(value, str):
        raise ValueError("an answer that is none")
    if kind == "coded":
        return {"valueCoding": {theirs: row[ours] for ours, theirs in _CODING if row.get(ours)}}
    if kind == "time":
        return {"valueTime" if _TIME.fullmatch(value) else "valueDate" if _DATE.fullmatch(value)
                else "valueDateTime": value}  # fmt: skip
    return {"valueString": value}


def _without_empty(items: list[dict[str, Any]]) -> None:
    for item in items:
        for place in (item, *item.get("answer", ())):
            inner = place.get("item", ())
            _without_empty(inner)
            if not inner:
                place.pop("item", None)


_FORM = [
    {"linkId": "/93043-8", "text": "Money and resources", "item": [
        {"linkId": "/71802-3", "text": "Housing", "answer": [
            {"valueCoding": {"system": "http://loinc.org", "code": "LA30189-7", "display": "I have housing"},
             "item": [{"linkId": "since", "answer": [{"valueDate": "2026-05"}]}]}]},
        {"linkId": "children", "answer": [{"valueInteger": 2}]}]},
    {"linkId": "needs", "answer": [{"valueString": "Food"}, {"valueString": "Clothing"}]},
    {"linkId": "smokes", "answer": [{"valueBoolean": False}]},
]  # fmt: skip
ANSWERS = Converter(
    "fhir-answers", _read, _write, "lossy",
    ((_FORM, [
        {"code": "/93043-8", "code_display": "Money and resources"},
        {"group": "/93043-8", "code": "/71802-3", "code_display": "Housing", "value_type": "coded",
         "value_system": "http://loinc.org", "value": "LA30189-7", "value_display": "I have housing"},
        {"group": "/71802-3", "code": "since", "value_type": "time", "value": "2026-05"},
        {"group": "/93043-8", "code": "children", "value_type": "number", "value": "2"},
        {"code": "needs", "value_type": "text", "value": "Food"},
        {"code": "needs", "value_type": "text", "value": "Clothing"},
        {"code": "smokes", "value_type": "flag", "value": False}]),),
    "the items of a filled-in form, each answer a row", whole=True,
)  # fmt: skip
