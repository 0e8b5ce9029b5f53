"""casebridge doctor where signing in fails: at a real SMART server, and at endpoints that answer as others do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from certificates import Authority, tls_server
from examined import is_row
from smart_hospital import SEKMET, key_set, smart_sekmet
from told_server import Told, told_server

from casebridge import Context, Step
from casebridge.core.signing_keys import SigningKeys

needs_sekmet = pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)")
NARROW = "system/Task.rs system/Patient.rs system/ServiceRequest.rs"
STATEMENT = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "software": {"name": "Epic"}}
Look = Callable[..., list[Step]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    key_set(folder, "mercy")
    return folder


@pytest.fixture(scope="module")
def base(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    jwks = SigningKeys.of(site, "mercy", "test").published()
    client = {"client_id": "narrow", "scopes": NARROW, "jwks": jwks}
    with smart_sekmet(tmp_path_factory.mktemp("sekmet"), [client]) as address:
        yield address


@pytest.fixture
def told() -> Iterator[Told]:
    """A hospital with Epic whose token endpoint is at /fhir/token."""
    with told_server() as server:
        server.tell("GET metadata", resource=STATEMENT)
        server.tell("GET .well-known/smart-configuration", resource={"token_endpoint": f"{server.base}/token"})
        yield server


@pytest.fixture
def look(site: Path) -> Iterator[Look]:
    made: list[FhirRest] = []

    def examine(base: str, partner: str = "mercy", **settings: Any) -> list[Step]:
        chosen = {"base_url": base, "client_id": "narrow", "pause": 0, "timeout": 5, **settings}
        made.append(FhirRest(FhirRest.Settings(**chosen), Context(partner, "test", base_dir=str(site))))
        return list(made[-1].examine())

    yield examine
    for each in made:
        each.close()


def failed(steps: list[Step]) -> Step:
    return next(step for step in steps if step.state == "failed")


@needs_sekmet
def test_a_client_id_that_is_not_active_in_this_environment(base: str, look: Look, site: Path) -> None:
    steps = look(base, client_id="stranger")
    found = failed(steps)
    assert is_row(found, "token", "CB-111")
    assert found.remedy.startswith(
        "Ask mercy's FHIR server team to activate client id stranger for the test (non-production) environment")
    assert SigningKeys.of(site, "mercy", "test").listed()[0].kid in found.remedy
    assert {step.name: step.message for step in steps if not step.tried} == dict.fromkeys(
        ["scopes", "rights", "search"], "not tried because token failed")  # fmt: skip


@needs_sekmet
def test_rights_that_were_not_granted_and_that_are_missed(base: str, look: Look) -> None:
    steps = look(base, scopes=NARROW)
    scopes, *rights = [step for step in steps if step.state == "failed"]
    assert is_row(scopes, "scopes", "CB-112")
    assert "Task: update" in scopes.message
    assert [(is_row(step, "rights", "refused"), "system/Task.u" in step.remedy) for step in rights] == [(True, True)]


@needs_sekmet
def test_scopes_that_the_server_refuses(base: str, look: Look) -> None:
    found = failed(look(base, scopes="system/Coverage.cruds"))
    assert is_row(found, "token", "CB-112")
    assert "system/Coverage.cruds" in found.message


@needs_sekmet
def test_no_key_was_made(base: str, look: Look) -> None:
    found = failed(look(base, partner="county"))
    assert is_row(found, "key", "CB-113")
    assert "casebridge keys new county" in found.remedy


def test_a_server_that_publishes_no_token_endpoint(told: Told, look: Look) -> None:
    told.tell("GET .well-known/smart-configuration", 404)
    found = failed(look(told.base))
    assert is_row(found, "discovery", "CB-110")
    assert "Ask mercy's Epic team for the token endpoint of their test (non-production) environment" in found.remedy


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"resource": {"hello": "there"}}, "CB-110"), ({"status": 503}, "CB-401"),
        ({"status": 429, "Retry_After": "600"}, "CB-402"),
    ],
)  # fmt: skip
def test_a_token_endpoint_that_gives_no_token(told: Told, look: Look, answer: dict[str, Any], code: str) -> None:
    told.tell("POST token", **answer)
    found = failed(look(told.base))
    assert is_row(found, "token", code)
    assert "Epic team" in found.remedy


@pytest.mark.parametrize(("wants", "code"), [(True, "CB-114"), (False, "CB-109")])
def test_a_token_endpoint_whose_tls_is_not_in_order(
    told: Told, look: Look, tmp_path: Path, wants: bool, code: str
) -> None:
    theirs = Authority(tmp_path, "theirs")
    with tls_server(*theirs.sign("login"), theirs.file if wants else None, b"{}", []) as login:
        found = failed(look(told.base, token_url=login, ca_file=str(theirs.file) if wants else ""))
    assert is_row(found, "token", code)
    assert "IT desk" in found.remedy
