"""The way out: deny by default, minimum, Part 2 and victim services, modes, the book of disclosures."""

from __future__ import annotations

from typing import Any

import pytest
from sites import TestSite, bundle, food_referral, order, patient, task

PART2 = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}],
         "versionId": "1"}  # fmt: skip


def condition(id_: str, domain: str, **more: Any) -> dict[str, Any]:
    from sites import SDOH

    return {"resourceType": "Condition", "id": id_, "meta": {"versionId": "1"},
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                                           "code": "active"}]},
            "category": [{"coding": [{"system": SDOH, "code": domain}]}],
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": more.pop("says")}]},
            "subject": {"reference": "Patient/p1"}, **more}  # fmt: skip


def with_substance_use() -> dict[str, Any]:
    refs = [{"reference": "Condition/food"}, {"reference": "Condition/use"}]
    return bundle(
        task(), order(reasonReference=refs), patient(),
        condition("food", "food-insecurity", says="Food insecurity"),
        condition("use", "food-insecurity", says="Opioid use", meta=PART2),
    )  # fmt: skip


def test_part_2_stays_and_the_books_say_why(site: TestSite) -> None:
    site.drop("hospital", "t1.json", with_substance_use())
    (sent,) = site.out("agency")
    assert [n["codes"][0]["text"] for n in sent["needs"] if "codes" in n] == ["Food insecurity"]
    assert "Opioid" not in str(sent)
    (row,) = site.disclosures(recipient="agency")
    assert "part2" in {r for w in row["withheld"] if w["path"] == "needs[1].codes[0].display" for r in w["rules"]}
    assert row["delivered_at"]
    assert row["client"] == site.referral().client


def test_without_agreement_or_consent_nothing_goes_and_the_refusal_is_on_the_books(make_site: Any) -> None:
    site = make_site(agreement="")
    site.drop("hospital", "t1.json", food_referral())
    (held,) = site.held()
    assert (held.code, held.who) == ("CB-505", "privacy")
    assert site.out("agency") == []
    assert [d["effect"] for d in site.disclosures(recipient="agency")] == ["refused"]


def test_an_expired_agreement_is_none(make_site: Any) -> None:
    site = make_site(agreement='{ kind = "BAA", until = 2020-12-31 }')
    site.drop("hospital", "t1.json", food_referral())
    assert [h.code for h in site.held()] == ["CB-505"]


def test_a_consent_opens_the_way_and_its_refusal_closes_it(make_site: Any) -> None:
    site = make_site(agreement="")
    consent = {
        "resourceType": "Consent", "id": "c1", "meta": {"versionId": "1"}, "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"coding": [{"code": "IDSCL"}]}],
        "patient": {"reference": "Patient/p1"}, "performer": [{"reference": "Patient/p1"}], "dateTime": "2026-11-20",
        "provision": {"type": "permit", "actor": [{"role": {"coding": [{"code": "IRCP"}]},
                                                   "reference": {"reference": "Organization/agency"}}],
                      "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "COC"}]},
    }  # fmt: skip
    site.drop("hospital", "t1.json", bundle(task(), order(), patient(), consent))
    assert len(site.out("agency")) == 1
    denied = {**consent, "meta": {"versionId": "2"}, "provision": {**consent["provision"], "type": "deny"}}
    site.drop("hospital", "t2.json", bundle(task(id_="t2"), order(), patient(), denied))
    assert len(site.out("agency")) == 1
    assert [h.code for h in site.held()] == ["CB-505"]


def test_the_hospitals_fields_that_are_not_ours_to_answer_stay_theirs(site: TestSite) -> None:
    until = {"period": {"end": "2026-12-24"}}
    more = {"note": [{"text": "for our own eyes"}], "priority": "urgent", "restriction": until}
    site.drop("hospital", "t1.json", food_referral(**more))
    site.answer(site.referral().id, "decline", reason="We are full", detail="at-capacity")
    (written,) = site.out("hospital")
    assert {name: written[name] for name in more} == more
    assert written["statusReason"]["text"] == "We are full"
    assert written["status"] == "rejected"


def test_off_sends_nothing_and_keeps_everything(make_site: Any) -> None:
    site = make_site(agency_mode="off")
    site.drop("hospital", "t1.json", food_referral())
    assert site.out("agency") == []
    assert [m.state for m in site.messages(partner="agency")] == ["waiting"]
    site.reopen()
    site.work()
    assert len(site.out("agency")) == 1


def test_dry_run_shows_what_would_be_sent_and_sends_nothing(make_site: Any) -> None:
    site = make_site(agency_mode="dry-run")
    site.drop("hospital", "t1.json", food_referral())
    assert site.out("agency") == []
    (message,) = site.messages(partner="agency")
    assert message.state == "shown"
    assert message.document["document"]["referral"] == site.referral().id
    assert [d["delivered_at"] for d in site.disclosures(recipient="agency")] == [None]


def test_two_hospitals_rows_of_one_person_are_one_client_and_a_conflict_is_a_veto(site: TestSite) -> None:
    same = patient("p9", ssn="899-61-1001")
    other = patient("p8", ssn="899-61-1001")
    other["identifier"].append({"system": "urn:casebridge:medicaid-id", "value": "M1"})
    third = patient("p7", ssn="899-61-1001")
    third["identifier"].append({"system": "urn:casebridge:medicaid-id", "value": "M2"})
    site.drop("hospital", "a.json", bundle(task(), order(), patient(), same, other, third))
    with site.bridge.site.store.read() as c:
        from casebridge.store import links
        from casebridge.store.links import PersonKey

        clients = {p: links.client_of(c, PersonKey("hospital", f"Patient/{p}")) for p in ("p1", "p9", "p8", "p7")}
    assert clients["p1"] == clients["p9"] == clients["p8"]
    assert clients["p7"] != clients["p1"], "another Medicaid id: not the same person, whatever the SSN says"


def test_a_released_cannot_be_made_by_hand() -> None:
    from casebridge import Released

    with pytest.raises(TypeError, match="never by hand"):
        Released(document={}, recipient="x", purpose="referral", policy="")


def test_what_is_withheld_now_does_not_come_out_of_our_own_earlier_letter(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    restricted = patient(meta={"versionId": "2", "security": [{"code": "R"}]})
    cancelled = task("2", status="cancelled", statusReason={"text": "went home"})
    site.drop("hospital", "t2.json", bundle(cancelled, order(), restricted))
    first, second = site.out("agency")
    assert "Moreno" in str(first)
    assert second["status"] == "cancelled"
    assert "Moreno" not in str(second)


def test_a_source_that_contradicts_its_own_link_undoes_it(site: TestSite) -> None:
    from members import file_834, member

    site.drop("hospital", "t1.json", food_referral())
    ends = {"maintenance": "024", "ends": "20261130", "number": "MCD1"}
    site.drop("state", "a.txt", file_834(member("MORENO", "ADA", "899611001", number="MCD1")))
    site.drop("state", "b.txt", file_834(member("OTHER", "PERSON", "899617777", **ends), control="000000418"))
    with site.bridge.site.store.read() as c:
        from casebridge.store import links
        from casebridge.store.links import PersonKey

        hospital = links.client_of(c, PersonKey("hospital", "Patient/p1"))
        assert links.client_of(c, PersonKey("state", "MCD1")) != hospital
