"""Two CaseBridges: a county's, to whose FHIR door a hospital comes, and an agency's, which signs in there by SMART and
polls, and lets a pantry without any system answer. One referral goes all the way, and its answer all the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import maps_once
import pytest
from databases import copy_of_migrated
from doors import TOKEN, doors_of, free_port
from indirect import hospitals
from sites import TestSite

from casebridge.app import Bridge, open_bridge
from casebridge.core.errors import SetupError
from casebridge.core.signing_keys import SigningKeys

maps_once.install()
COUNTY = """
[site]
name = "County"
treatment = "consent"

[store]
url = "sqlite:///casebridge.db"

[partner.hospital]
role = "covered_entity"
carrier = "fhir"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ token = "file:token", may_write = ["*"] }}
door_settings = {{ base_url = "{base}" }}

[partner.harbor]
role = "cbo"
title = "Harbor House"
carrier = "fhir"
format = "fhir-r4"
maps = "sdohcc-recipient"
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]

[partner.harbor.settings]
recipient = "Organization/harbor"
requester = "Organization/county"
smart = {{ client_id = "harbor", jwks_file = "harbor.jwks.json", scopes = "{scopes}" }}

[[route]]
when = {{ kind = "referral", domain = "food-insecurity" }}
to = "harbor"
"""
SCOPES = "system/*.rs system/Task.u system/Procedure.cu"


@pytest.fixture
def base() -> str:
    return f"http://127.0.0.1:{free_port()}/fhir"


def county(folder: Path, base: str, keys: dict[str, Any], scopes: str = SCOPES) -> Bridge:
    folder.mkdir(exist_ok=True)
    (folder / "token").write_text(TOKEN)
    (folder / "harbor.jwks.json").write_text(json.dumps(keys))
    (folder / "casebridge.toml").write_text(COUNTY.format(base=base, scopes=scopes))
    if not (folder / "casebridge.db").exists():
        copy_of_migrated(folder / "casebridge.db")
    return open_bridge(folder / "casebridge.toml")


@pytest.fixture
def agency(tmp_path: Path, base: str) -> Iterator[TestSite]:
    """Harbor House's own bridge: the county is to it what a hospital is."""
    folder = tmp_path / "harbor"
    folder.mkdir()
    keys = SigningKeys.of(folder, "hospital", "prod")
    made = TestSite(folder, hospital_carrier="fhir-rest", treatment="treatment",
                    hospital_settings=f'{{ base_url = "{base}", client_id = "harbor", pause = 0, attempts = 1 }}')
    keys.make("ES384", made.bridge.site.clock())
    yield made
    made.bridge.close()


def published(agency: TestSite) -> dict[str, Any]:
    return SigningKeys.of(agency.folder, "hospital", "prod").published()


@pytest.fixture
def bridge(tmp_path: Path, base: str, agency: TestSite) -> Iterator[Bridge]:
    made = county(tmp_path / "county", base, published(agency))
    with doors_of(made, int(base.rpartition(":")[2].partition("/")[0])):
        yield made
    made.close()


@pytest.fixture
def hospital(bridge: Bridge, base: str) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(base_url=f"{base}/", headers=headers, timeout=30) as client:
        entries = [{"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
                   for r in hospitals()]  # fmt: skip
        answer = client.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert answer.status_code == 200, answer.text
        bridge.lanes.drain()
        yield client


def test_all_the_way_and_all_the_way_back(bridge: Bridge, agency: TestSite, hospital: httpx2.Client) -> None:
    agency.work()
    there = agency.referral()
    assert (there.status, there.domain) == ("requested", "food-insecurity")
    agency.answer(there.id, "accept")
    bridge.lanes.drain()
    assert hospital.get("Task/ref").json()["status"] == "accepted"
    agency.answer(there.id, "complete", outcome="Two bags of food")
    bridge.lanes.drain()
    done = hospital.get("Task/ref").json()
    assert done["status"] == "completed"
    assert agency.held() == []
    result = hospital.get(done["output"][0]["valueReference"]["reference"]).json()
    assert result["resourceType"] == "Procedure"


def test_the_hospital_takes_it_back_and_the_pantry_hears(
    bridge: Bridge, agency: TestSite, hospital: httpx2.Client
) -> None:
    agency.work()
    assert hospital.delete("Task/ref").status_code == 204
    bridge.lanes.drain()
    later = agency.bridge.site.clock() + timedelta(minutes=16)
    agency.bridge.site.clock = lambda: later
    agency.work()
    assert agency.referral().status == "cancelled"


def test_without_an_address_smart_cannot_be_offered(tmp_path: Path, agency: TestSite) -> None:
    with pytest.raises(SetupError, match="does not know its address"):
        county(tmp_path / "nowhere", "", published(agency))
