"""What a sender puts along with a referral, as an agency without FHIR sees it."""

from __future__ import annotations

from typing import Any

from sites import TestSite, bundle, order, patient, task

PERSON = {"subject": {"reference": "Patient/p1"}, "status": "current"}
SUD = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUD"}], "versionId": "1"}
LETTER = {"resourceType": "DocumentReference", "id": "letter", **PERSON,
          "content": [{"attachment": {"title": "Letter to the pantry", "data": "QWRh"}}]}  # fmt: skip
DETOX = {**LETTER, "id": "detox", "meta": SUD, "content": [{"attachment": {"title": "Detox plan"}}]}
FORM = {"resourceType": "QuestionnaireResponse", "id": "form", **PERSON, "status": "completed",
        "authored": "2026-11-19",
        "_questionnaire": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/display",
                                          "valueString": "Hunger Vital Sign"}]},
        "item": [{"linkId": "1", "text": "Did food run out?", "answer": [
            {"valueCoding": {"code": "LA28397-0", "display": "Often true"}}]}]}  # fmt: skip
HEIGHT = {"resourceType": "Observation", "id": "height", **PERSON, "status": "final",
          "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "Body height"}]},
          "valueQuantity": {"value": 80, "unit": "cm"}}  # fmt: skip

WEIGHT = {**HEIGHT, "id": "weight", "valueQuantity": {"value": 12, "unit": "kg"}}


def referral(*along: dict[str, Any]) -> dict[str, Any]:
    refs = [{"reference": f"{one['resourceType']}/{one['id']}"} for one in along]
    inputs = [{"type": {"text": "Sent along"}, "valueReference": ref} for ref in refs[:1]]
    return bundle(task(input=inputs), order(supportingInfo=refs[1:]), patient(), *along)


def test_an_agency_without_fhir_sees_the_titles_and_the_answers(site: TestSite) -> None:
    site.drop("hospital", "t1.json", referral(LETTER, FORM, HEIGHT, WEIGHT, DETOX))
    assert site.held() == []
    (sent,) = site.out("agency")
    assert [one["title"] for one in sent["documents"] if "title" in one] == ["Letter to the pantry"]
    form, height, weight = sent["assessments"]
    assert (form["title"], form["date"]) == ("Hunger Vital Sign", "2026-11-19")
    assert form["answers"][0]["value_display"] == "Often true"
    assert (height["answers"][0]["amount"], weight["answers"][0]["amount"]) == ("80", "12")
    for word in ("Detox", "QWRh"):
        assert word not in str(sent)
    (row,) = site.disclosures(recipient="agency")
    assert {"assessments[0].items[0].value_display", "documents[0].title"} <= set(row["permitted"])


def test_without_anything_sent_along_nothing_is_said_of_it(site: TestSite) -> None:
    site.drop("hospital", "t1.json", referral())
    (sent,) = site.out("agency")
    assert not {"documents", "assessments"} & set(sent)
