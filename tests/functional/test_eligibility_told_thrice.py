"""One cover, told by a state's 834, a payer's 271 and a FHIR CoverageEligibilityResponse: the same facts, side by side.

No source overwrites another, and the question itself (CoverageEligibilityRequest) says nothing of cover.
"""

from __future__ import annotations

from typing import Any

import pytest
from members import file_834, member
from sites import TestSite, bundle, patient
from states import State

from casebridge.store import links, records
from casebridge.store.links import PersonKey

PAYERS = """
[partner.clearing-house]
role = "payer"
carrier = "folder"
format = "x12"
maps = "x12"
applies_to = "roster"
settings = { folder = "clearing-house", quiet_seconds = 0 }

[partner.plan]
role = "payer"
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
settings = { folder = "plan", quiet_seconds = 0 }
"""
NUMBER = "MCD899611001"
FACTS = ("participation_kind", "status", "plan", "entry", "end")
MEDICAID = {"system": "urn:casebridge:medicaid-id", "value": NUMBER}


def answer_271(code: str, *dates: str, said: str = "HM*MEDICAID", control: str = "901") -> bytes:
    """What a clearing house answers for Ada: EB01 and the dates of the plan; ``said`` is EB04 and EB05."""
    body = ["ST*271*0001*005010X279A1", "BHT*0022*11*10001*20261121*0600", "HL*1**20*1",
            "NM1*PR*2*STATE MEDICAID*****PI*MCD", "HL*2*1*21*1", "NM1*1P*2*CLINIC*****XX*1999999984", "HL*3*2*22*0",
            "TRN*2*Q-1*9CLINIC", f"NM1*IL*1*MORENO*ADA****MI*{NUMBER}", "DMG*D8*19870220*F",
            f"EB*{code}**30*{said}".rstrip("*"), *dates]  # fmt: skip
    parties = f"ZZ*{'CLEARING':<15}*ZZ*{'RIVERSIDE':<15}"
    isa = f"ISA*00*{' ' * 10}*00*{' ' * 10}*{parties}*261121*0600*^*00501*000000{control}*0*P*:"
    head = [isa, "GS*HB*CLEARING*RIVERSIDE*20261121*0600*901*X*005010X279A1"]
    tail = [f"SE*{len(body) + 1}*0001", "GE*1*901", f"IEA*1*000000{control}"]
    return "".join(f"{segment}~\n" for segment in [*head, *body, *tail]).encode()


def eligibility(inforce: bool, **period: str) -> dict[str, Any]:
    """A plan's answer in FHIR, with its question and the cover it is about."""
    ada = patient("m1", ssn=None, identifier=[MEDICAID])
    cover = {
        "resourceType": "Coverage", "id": "c1", "status": "active" if inforce else "cancelled",
        "beneficiary": {"reference": "Patient/m1"}, "payor": [{"display": "The plan"}],
        "class": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class",
                                        "code": "plan"}]}, "value": "MEDICAID"}],
    }  # fmt: skip
    about = {"status": "active", "purpose": ["validation"], "patient": {"reference": "Patient/m1"},
             "insurer": {"display": "The plan"}}  # fmt: skip
    asked = {"resourceType": "CoverageEligibilityRequest", "id": "q1", "created": "2026-11-21T06:00:00Z",
             "insurance": [{"coverage": {"reference": "Coverage/c1"}}], **about}  # fmt: skip
    told = {"resourceType": "CoverageEligibilityResponse", "id": "a1", "created": "2026-11-21T06:00:05Z",
            "outcome": "complete", "request": {"reference": "CoverageEligibilityRequest/q1"},
            "insurance": [{"coverage": {"reference": "Coverage/c1"}, "inforce": inforce, "benefitPeriod": period}],
            **about}  # fmt: skip
    return bundle(ada, cover, asked, told)


@pytest.fixture
def told(tmp_path: Any) -> TestSite:
    """A site that knows Ada from a hospital."""
    for name in ("clearing-house", "plan"):
        (tmp_path / name).mkdir()
    made = TestSite(tmp_path, more=PAYERS)
    numbers = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "899611001"}, MEDICAID]
    made.drop("hospital", "ada.json", patient(identifier=numbers))
    return made


def covers(site: TestSite, source: str, person: str) -> dict[str, dict[str, Any]]:
    """The participations of one source, by its own ids."""
    with site.bridge.site.store.read() as c:
        return {r.external_id: r.document for r in records.about(c, source, person, "participation")}


def facts(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document.get(name) for name in FACTS}


def test_three_sources_tell_the_same_end_and_each_keeps_its_own_record(told: TestSite) -> None:
    told.drop("state", "834.txt", file_834(member("MORENO", "ADA", "899611001", maintenance="024", ends="20261031")))
    told.drop("clearing-house", "271.txt", answer_271("6", "DTP*356*D8*20250101", "DTP*357*D8*20261031"))
    told.drop("plan", "answer.json", eligibility(False, start="2025-01-01", end="2026-10-31"))
    assert told.held() == []
    by_834 = covers(told, "state", NUMBER)
    by_271 = covers(told, "clearing-house", NUMBER)
    by_fhir = covers(told, "plan", "Patient/m1")
    answer = by_fhir["CoverageEligibilityResponse/a1"]
    (listed,), (asked,) = by_834.values(), by_271.values()
    assert facts(listed) == facts(asked) == facts(answer) == {
        "participation_kind": "coverage", "status": "ended", "plan": "MEDICAID", "entry": "2025-01-01",
        "end": "2026-10-31",
    }  # fmt: skip
    with told.bridge.site.store.read() as c:  # one client, three persons as three sources know them
        sources = (("state", NUMBER), ("clearing-house", NUMBER), ("plan", "Patient/m1"), ("hospital", "Patient/p1"))
        assert len({links.client_of(c, PersonKey(*one)) for one in sources}) == 1


def test_sources_that_disagree_stand_side_by_side(told: TestSite) -> None:
    told.drop("state", "834.txt", file_834(member("MORENO", "ADA", "899611001", maintenance="024", ends="20261031")))
    told.drop("clearing-house", "271.txt", answer_271("1", "DTP*356*D8*20250101"))
    told.drop("plan", "answer.json", eligibility(True, start="2025-01-01"))
    (listed,), (asked,) = covers(told, "state", NUMBER).values(), covers(told, "clearing-house", NUMBER).values()
    answer = covers(told, "plan", "Patient/m1")["CoverageEligibilityResponse/a1"]
    assert [one["status"] for one in (listed, asked, answer)] == ["ended", "eligible", "eligible"]
    assert facts(asked) == facts(answer)


def test_the_question_and_the_cover_itself_are_records_of_their_own(told: TestSite) -> None:
    told.drop("plan", "answer.json", eligibility(False, start="2025-01-01", end="2026-10-31"))
    found = covers(told, "plan", "Patient/m1")
    assert {id_: (one["status"], one.get("role")) for id_, one in found.items()} == {
        "Coverage/c1": ("ended", None),
        "CoverageEligibilityRequest/q1": ("pending", "eligibility-inquiry"),
        "CoverageEligibilityResponse/a1": ("ended", "eligibility-answer"),
    }
    answer = found["CoverageEligibilityResponse/a1"]
    assert [one["external_id"] for one in answer["evidence"]] == ["CoverageEligibilityRequest/q1", "Coverage/c1"]
    assert (answer["as_of"], answer["payer_name"]) == ("2026-11-21T06:00:05Z", "The plan")


def test_an_inactive_answer_that_says_less_ends_the_active_one(told: TestSite) -> None:
    told.drop("clearing-house", "1.txt", answer_271("1", "DTP*356*D8*20250101"))
    told.drop("clearing-house", "2.txt", answer_271("6", said="", control="902"))
    (answered,) = covers(told, "clearing-house", NUMBER).values()
    assert (answered["status"], answered["entry"], answered["plan"]) == ("ended", "2025-01-01", "MEDICAID")
    told.drop("clearing-house", "3.txt", answer_271("1", "DTP*356*D8*20260301", control="903"))
    (answered,) = covers(told, "clearing-house", NUMBER).values()
    assert (answered["status"], answered["entry"]) == ("eligible", "2026-03-01")


def test_an_inactive_answer_about_another_plan_ends_nothing(told: TestSite) -> None:
    told.drop("clearing-house", "1.txt", answer_271("1", "DTP*356*D8*20250101"))
    told.drop("clearing-house", "2.txt", answer_271("6", said="HM*OTHER", control="902"))
    assert sorted(d["status"] for d in covers(told, "clearing-house", NUMBER).values()) == ["eligible", "ended"]


def test_an_answer_takes_nothing_away_of_what_the_same_partner_said_in_its_834(told: TestSite) -> None:
    """A 271 answers what was asked: it says nothing of the address, nor of INS13."""
    state = State(told, known=True)
    state.row("021", "NM1*IL*1*MORENO*ADA", "N3*1 SAFE ST", "N4*ALBANY*NY*12207", secrecy="R")
    told.drop("state", "271.txt", answer_271("1", "DTP*356*D8*20250101"))
    assert state.person["addresses"] == [
        {"kind": "home", "line": ["1 SAFE ST"], "city": "ALBANY", "state": "NY", "zip": "12207"}
    ]
    assert set(map(tuple, state.labels().values())) == {("R",)}
    assert len(state.labels()) == 3
