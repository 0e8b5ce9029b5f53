"""What a token is good for at the FHIR door: the scopes it was given, within what the site lets its partner write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.door.gate import Gate
from casebridge_fhir.smart_server import Grant
from databases import NewStore
from doors import doors_of, free_port
from sites import TestSite

from casebridge.core.signing_keys import SigningKeys
from casebridge.engine.shelving import SiteShelf

PATIENT = {"resourceType": "Patient", "name": [{"family": "Moreno"}]}


@pytest.fixture
def door(tmp_path: Path, some_store: NewStore) -> Iterator[tuple[TestSite, str]]:
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    keys = SigningKeys.of(tmp_path, "hospital", "prod")
    keys.make("ES384", datetime.now(UTC))
    (tmp_path / "keys.json").write_text(json.dumps(keys.published()))
    smart = 'smart = { client_id = "h", jwks_file = "keys.json", scopes = "system/*.cruds" }, may_write = ["Patient"]'
    site = TestSite(tmp_path, store=some_store(), hospital_carrier="fhir",
                    hospital_settings=f'{{ {smart} }}\ndoor_settings = {{ base_url = "{base}" }}')  # fmt: skip
    with doors_of(site.bridge, port):
        yield site, base
    site.bridge.close()


def client(site: TestSite, base: str, *scopes: str) -> httpx2.Client:
    """A client with a token of these scopes."""
    smart = Gate(SiteShelf(site.bridge.site, "fhir"), base, str(site.folder)).smart
    assert smart is not None
    token = smart._tokens.made(Grant("hospital", "h", scopes), site.bridge.site.clock())
    return httpx2.Client(base_url=f"{base}/", headers={"Authorization": f"Bearer {token}"}, timeout=30)


@pytest.mark.parametrize(("scopes", "read", "search", "create", "other"), [
    (["system/*.cruds"], 404, 200, 201, 403),
    (["system/*.rs"], 404, 200, 403, 403),
    (["system/*.read"], 404, 200, 403, 403),
    (["system/Patient.c"], 403, 403, 201, 403),
    (["system/Task.cruds"], 403, 403, 403, 403),
    (["system/Patient.r"], 404, 403, 403, 403),
])  # fmt: skip
def test_scopes(
    door: tuple[TestSite, str], scopes: list[str], read: int, search: int, create: int, other: int
) -> None:
    with client(*door, *scopes) as asker:
        assert asker.get("Patient/none").status_code == read
        assert asker.get("Patient").status_code == search
        assert asker.post("Patient", json=PATIENT).status_code == create
        group: dict[str, Any] = {"resourceType": "Group", "type": "person", "actual": True}
        assert asker.post("Group", json=group).status_code == other  # not in may_write, whatever the scope


def test_what_a_token_may_not_search_is_not_found_by_a_chain_or_an_include(door: tuple[TestSite, str]) -> None:
    with client(*door, "system/*.cruds") as whole:
        made = whole.post("Patient", json=PATIENT).json()["id"]
    with client(*door, "system/Task.rs") as only_tasks:
        answer = only_tasks.get("Task?patient.name=Moreno&_include=Task:patient")
        assert answer.status_code == 200
        assert made not in answer.text


def test_a_token_of_another_server_or_none_of_ours_is_refused(door: tuple[TestSite, str]) -> None:
    with client(door[0], door[1]) as nothing:
        assert nothing.get("Patient").status_code == 403
    for token in ("a.b.c", "", "x" * 5000):
        answer = httpx2.get(f"{door[1]}/Patient", headers={"Authorization": f"Bearer {token}x"})
        assert answer.status_code == 401


@pytest.mark.parametrize(("scopes", "create", "search"), [
    (["system/*.cruds"], 403, 200),  # the scope would do: where it may be notified is not agreed
    (["system/Subscription.cruds"], 403, 200),
    (["system/*.rs"], "scope", 200),
    (["system/Task.rs"], "scope", 403),
    (["system/Subscription.c", "system/Task.rs"], 403, 403),
])  # fmt: skip
def test_a_subscription_needs_scopes_of_its_own(
    door: tuple[TestSite, str], scopes: list[str], create: int | str, search: int
) -> None:
    with client(*door, *scopes) as asker:
        answer = asker.post("Subscription", json={"resourceType": "Subscription"})
        assert answer.status_code == 403
        assert ("system/Subscription.cruds" in answer.text) is (create == "scope")
        assert asker.get("Subscription").status_code == search
        assert asker.get("Subscription/$status").status_code == search


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_subscription_is_no_part_of_a_bundle(door: tuple[TestSite, str], kind: str) -> None:
    asked = {"resource": {"resourceType": "Subscription"}, "request": {"method": "POST", "url": "Subscription"}}
    with client(*door, "system/*.cruds") as asker:
        answer = asker.post("", json={"resourceType": "Bundle", "type": kind, "entry": [asked]})
        said = answer.json()["entry"][0]["response"] if kind == "batch" else {"status": str(answer.status_code)}
        assert said["status"].startswith("422")
        assert "/Subscription" in answer.text
