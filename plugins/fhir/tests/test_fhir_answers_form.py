"""Filled-in forms: QuestionnaireResponse.item <-> a list of answers (the converter ``fhir-answers``)."""

from __future__ import annotations

from typing import Any

import pytest
from casebridge_fhir.answers import ANSWERS
from hypothesis import given, settings
from hypothesis import strategies as st

from casebridge.core.case import validate_record
from casebridge.core.jsontext import Number
from casebridge.testing.converters import check_converter

VALUES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"valueBoolean": False}, {"value_type": "flag", "value": False}),
    ({"valueInteger": 3}, {"value_type": "number", "value": "3"}),
    ({"valueDecimal": Number("72.50")}, {"value_type": "number", "value": "72.50"}),
    ({"valueString": "No"}, {"value_type": "text", "value": "No"}),
    ({"valueDate": "2026-11"}, {"value_type": "time", "value": "2026-11"}),
    ({"valueTime": "08:00:00"}, {"value_type": "time", "value": "08:00:00"}),
    ({"valueDateTime": "2026-11-20T08:00:00Z"}, {"value_type": "time", "value": "2026-11-20T08:00:00Z"}),
    ({"valueQuantity": {"value": Number("1.50"), "unit": "kg", "code": "kg"}},
     {"value_type": "quantity", "amount": "1.50", "unit": "kg", "unit_code": "kg"}),
    ({"valueCoding": {"system": "urn:x", "code": "1", "display": "One"}},
     {"value_type": "coded", "value_system": "urn:x", "value": "1", "value_display": "One"}),
)  # fmt: skip


@pytest.mark.parametrize(("answer", "row"), VALUES)
def test_an_answer_and_back(answer: dict[str, Any], row: dict[str, Any]) -> None:
    items = [{"linkId": "q", "text": "Q?", "answer": [answer]}]
    rows = [{"code": "q", "code_display": "Q?", **row}]
    assert (ANSWERS.read(items), ANSWERS.write(rows)) == (rows, items)


@pytest.mark.parametrize(
    ("answer", "row"),
    [
        ({"valueUri": "urn:x"}, {"value_type": "text", "value": "urn:x"}),
        ({"valueCoding": {"display": "Other"}}, {"value_type": "text", "value": "Other"}),
        ({"valueReference": {"reference": "Practitioner/jan", "display": "Dr. Water"}},
         {"value_type": "text", "value": "Dr. Water"}),
        ({"valueAttachment": {"url": "https://hospital.example/x", "title": "A lease"}},
         {"value_type": "text", "value": "A lease"}),
        ({"valueReference": {"reference": "Practitioner/jan"}}, {}),
        ({"extension": []}, {}),
    ],
)  # fmt: skip
def test_of_what_lies_elsewhere_only_its_name_is_taken(answer: dict[str, Any], row: dict[str, Any]) -> None:
    assert ANSWERS.read([{"linkId": "q", "answer": [answer]}]) == [{"code": "q", **row}]


@pytest.mark.parametrize("items", [
    None, {}, [{}], [{"linkId": ""}], [{"linkId": 1}], ["q"], [{"linkId": "q", "answer": {}}],
    [{"linkId": "q", "answer": ["yes"]}], [{"linkId": "q", "answer": [{"valueCoding": "yes"}]}],
    [{"linkId": "q", "answer": [{"valueBoolean": "yes"}]}], [{"linkId": "q", "item": "q"}],
])  # fmt: skip
def test_what_is_no_form_is_refused(items: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ANSWERS.read(items)


def test_a_form_without_end_is_refused() -> None:
    item: dict[str, Any] = {"linkId": "q"}
    for _ in range(60):
        item = {"linkId": "q", "item": [item]}
    with pytest.raises(ValueError, match="too deep"):
        ANSWERS.read([item])


def test_a_group_that_repeats_stays_two() -> None:
    child = {"linkId": "child", "item": [{"linkId": "age", "answer": [{"valueInteger": 2}]}]}
    assert ANSWERS.write(ANSWERS.read([child, child])) == [child, child]


def test_the_law_it_declares() -> None:
    check_converter(ANSWERS)


NAMES = st.sampled_from(["a", "b", "c"])
ANSWER = st.sampled_from([answer for answer, _ in VALUES])


def forms(depth: int, name: str = "") -> st.SearchStrategy[list[dict[str, Any]]]:
    """Forms as FHIR has them: below a question with answers stand questions of the answer, else of the item."""
    links = NAMES.map(lambda each: f"{name}{each}")
    if depth == 0:
        return st.lists(st.builds(lambda link: {"linkId": link}, links), max_size=2, unique_by=lambda i: i["linkId"])

    def item(link: str) -> st.SearchStrategy[dict[str, Any]]:
        below = forms(depth - 1, f"{link}.")
        inner = below.map(lambda items: {"item": items} if items else {})
        answer = st.builds(lambda value, more: {**value, **more}, ANSWER, inner)
        asked = st.lists(answer, min_size=1, max_size=3).map(lambda given: {"answer": given})
        return st.one_of(inner, asked).map(lambda more: {"linkId": link, **more})

    return st.lists(links.flatmap(item), max_size=3, unique_by=lambda i: i["linkId"])


@settings(max_examples=30)
@given(forms(2))
def test_every_form_comes_back_as_it_was(items: list[dict[str, Any]]) -> None:
    rows = ANSWERS.read(items)
    assert ANSWERS.write(rows) == items
    validate_record("assessment", {"form": "questionnaire", "items": rows})
