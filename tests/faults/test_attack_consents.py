"""Who can open what: a permission counts for what its own source holds, a refusal for everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sites import TestSite, bundle, food_referral, order, patient, task

OTHERS = """
[partner.clinic]
role = "covered_entity"
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
settings = { folder = "clinic", quiet_seconds = 0 }
"""


def consent(decision: str, recipient: str = "Organization/agency", person: str = "p1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent", "id": "c1", "meta": {"versionId": "1"}, "status": "active",
        "patient": {"reference": f"Patient/{person}"}, "performer": [{"reference": f"Patient/{person}"}],
        "sourceAttachment": {"title": "signed"},
        "provision": {"type": decision, "period": {"start": "2026-01-01", "end": "2099-01-01"},
                      "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": recipient}}],
                      "purpose": [{"code": "COC"}], **more},
    }  # fmt: skip


@pytest.fixture
def with_clinic(make_site: Callable[..., TestSite], tmp_path: Any) -> Callable[..., TestSite]:
    def make(**settings: str) -> TestSite:
        (tmp_path / "site0" / "clinic").mkdir(parents=True)
        return make_site(more=OTHERS, **settings)

    return make


def test_a_permission_taken_by_another_partner_opens_nothing_of_the_hospitals(
    with_clinic: Callable[..., TestSite],
) -> None:
    site = with_clinic(agreement="")
    site.drop("clinic", "c.json", bundle(consent("permit", person="x"), patient("x")))
    site.drop("hospital", "t.json", food_referral())
    assert site.out("agency") == []
    assert [h.code for h in site.held()] == ["CB-505"]


def test_nor_does_it_name_a_label_of_the_hospitals(with_clinic: Callable[..., TestSite]) -> None:
    site = with_clinic()
    labelled = {"versionId": "1", "security": [{"code": "HIV"}]}
    site.drop("clinic", "c.json", bundle(consent("permit", person="x", securityLabel=[{"code": "HIV"}]), patient("x")))
    site.drop("hospital", "t.json", bundle(task(), order(meta=labelled, note=[{"text": "tells of HIV"}]), patient()))
    assert site.out("agency") == []


def test_the_hospitals_own_permission_opens_its_referral(with_clinic: Callable[..., TestSite]) -> None:
    site = with_clinic(agreement="")
    site.drop("hospital", "t.json", bundle(task(), order(), patient(), consent("permit")))
    assert len(site.out("agency")) == 1


@pytest.mark.parametrize("recipient", ["Organization/agency", "Organization/4711", "https://x.example/Organization/agency"])
def test_a_refusal_given_elsewhere_stands_also_when_nobody_knows_whom_it_names(
    with_clinic: Callable[..., TestSite], recipient: str
) -> None:
    site = with_clinic()
    site.drop("clinic", "c.json", bundle(consent("deny", recipient, "x"), patient("x")))
    site.drop("hospital", "t.json", food_referral())
    assert site.out("agency") == []
    assert [(h.code, h.who) for h in site.held()] == [("CB-505", "privacy")]


def test_a_refusal_of_another_partner_stops_nobody_else(with_clinic: Callable[..., TestSite]) -> None:
    site = with_clinic()
    site.drop("hospital", "t.json", bundle(task(), order(), patient(), consent("deny", "Organization/hospital")))
    assert len(site.out("agency")) == 1
