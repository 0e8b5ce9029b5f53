"""What we write at a hospital is FHIR R4, judged by somebody else's models (fhir.resources, R4B)."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError
from sites import TestSite, food_referral

ANSWERS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("accepted", [{"answer": "accept"}], ["Task"]),
    ("declined, with its reason", [{"answer": "decline", "reason": "We are full", "detail": "at-capacity"}], ["Task"]),
    ("completed, with what was done", [{"answer": "accept"}, {"answer": "complete", "outcome": "Two bags of food"}],
     ["Task", "Procedure", "Task"]),
    ("given up", [{"answer": "accept"}, {"answer": "unable", "reason": "Nobody came", "detail": "no-show"}],
     ["Task", "Task"]),
]  # fmt: skip


@pytest.mark.parametrize(("about", "answers", "kinds"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_every_resource_we_write_is_valid(
    site: TestSite, about: str, answers: list[dict[str, Any]], kinds: list[str]
) -> None:
    site.drop("hospital", "t1.json", food_referral(priority="urgent", authoredOn="2026-11-20T21:40:00.671Z"))
    for answer in answers:
        site.answer(site.referral().id, **answer)
    written = site.out("hospital")
    assert [r["resourceType"] for r in written] == kinds
    for resource in written:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_the_judge_can_say_no(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.answer(site.referral().id, "accept")
    (task,) = site.out("hospital")
    with pytest.raises(ValidationError):
        get_fhir_model_class("Task").model_validate({**task, "statusReson": {"text": "a typo"}})
