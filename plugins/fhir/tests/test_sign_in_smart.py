"""SMART Backend Services against a real token endpoint: sekmet-fhir refuses a replayed jti, a wrong audience, an
assertion good for more than five minutes, an unknown key, and a token it does not know."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.link import FhirRest
from casebridge_fhir.server import Server
from casebridge_fhir.smart_client import SmartClient
from smart_hospital import EVERYTHING, SEKMET, Between, key_set, smart_sekmet

from casebridge import Context
from casebridge.core.errors import SetupError
from casebridge.core.signing_keys import SigningKeys

pytestmark = pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)")
CLIENTS = {"rsa": EVERYTHING, "curve": EVERYTHING, "narrow": "system/Task.rs system/Patient.r system/ServiceRequest.r"}
ALGORITHM = {"rsa": "RS384", "curve": "ES384", "narrow": "ES384", "stranger": "ES384"}
FULFILL = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}
Link = Callable[..., tuple[FhirRest, Between]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of casebridge.toml, with a key for each partner."""
    folder = tmp_path_factory.mktemp("site")
    for partner, alg in ALGORITHM.items():
        key_set(folder, partner, alg)
    return folder


@pytest.fixture(scope="module")
def base(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address; it knows every partner's client but the stranger's."""
    clients = [{"client_id": f"client-{name}", "scopes": scopes, "jwks": SigningKeys.of(site, name, "test").published()}
               for name, scopes in CLIENTS.items()]  # fmt: skip
    with smart_sekmet(tmp_path_factory.mktemp("sekmet"), clients) as address:
        yield address


@pytest.fixture
def signed_in(base: str, site: Path) -> Iterator[Link]:
    """Makes a link of a partner, and what lies between it and the server."""
    made: list[FhirRest] = []

    def make(partner: str = "curve", **settings: Any) -> tuple[FhirRest, Between]:
        between = Between()
        chosen = {"base_url": base, "client_id": f"client-{partner}", "pause": 0, **settings}
        context = Context(partner, environment="test", base_dir=str(site))
        made.append(FhirRest(FhirRest.Settings(**chosen), context, between))
        return made[-1], between

    yield make
    for each in made:
        each.close()


def put_tasks(base: str, link: FhirRest, number: int, owner: str) -> None:
    """The hospital's own people write Tasks for ``owner``."""
    for n in range(number):
        task = {"resourceType": "Task", "id": f"{owner}-{n}", "status": "requested", "intent": "order", "code": FULFILL,
                "owner": {"reference": f"Organization/{owner}"}}  # fmt: skip
        link._server.put(f"Task/{owner}-{n}", json.dumps(task).encode(), "")


def claims(assertion: str) -> dict[str, Any]:
    part = assertion.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.mark.parametrize("partner", ["rsa", "curve"])
def test_one_token_serves_many_requests(signed_in: Link, partner: str) -> None:
    link, between = signed_in(partner)
    for _ in range(3):
        assert list(link.receive(None)) == []
    assert link.probe().ok
    assert len(between.to("/auth/token")) == 1


def test_each_assertion_is_for_this_endpoint_is_short_and_is_good_once(base: str, signed_in: Link) -> None:
    link, between = signed_in()
    for _ in range(3):
        list(link.sign_in_steps())
    found = [claims(assertion) for assertion in between.assertions()]
    now = datetime.now(UTC).timestamp()
    assert len({one["jti"] for one in found}) == 3
    assert {(one["iss"], one["sub"]) for one in found} == {("client-curve", "client-curve")}
    assert {one["aud"] for one in found} == {base.replace("/fhir", "/auth/token")}
    assert all(one["exp"] - one["iat"] <= 300 and one["iat"] < now < one["exp"] < now + 300 for one in found)
    again = httpx2.post(found[0]["aud"], data=_form(between.assertions()[0]), trust_env=False)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")  # the server does look at the jti


def _form(assertion: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_assertion": assertion, "scope": EVERYTHING,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}  # fmt: skip


def test_a_token_that_ends_between_two_pages_costs_one_page_asked_twice(base: str, signed_in: Link) -> None:
    link, between = signed_in("curve", page_size=1, owner="Organization/pages")
    put_tasks(base, link, 4, "pages")
    between.forgets_after = 2
    names = [payload.name.split("/")[1] for payload in link.receive(None)]
    assert sorted(names) == [f"pages-{n}" for n in range(4)]
    assert len(between.to("/auth/token")) == 2
    searches = between.to("/fhir/Task")
    tokens = [request.headers["authorization"] for request in searches]
    anew = tokens.index(tokens[-1])
    assert anew == 3  # the third search was refused, and the same is asked again
    assert searches[anew].url == searches[anew - 1].url


def test_a_write_whose_token_was_refused_is_written_once(base: str, signed_in: Link) -> None:
    link, between = signed_in()
    put_tasks(base, link, 1, "once")
    between.forget()
    put_tasks(base, link, 1, "once")
    stored = link._server.get("Task/once-0").resource()
    assert stored is not None
    assert stored["meta"]["versionId"] == "2"


def test_a_server_that_refuses_every_token_is_asked_for_two_and_no_more(signed_in: Link) -> None:
    link, between = signed_in()
    between.forgets_all = True
    with pytest.raises(SetupError) as caught:
        list(link.receive(None))
    assert caught.value.code == "CB-106"
    assert (len(between.to("/auth/token")), len(between.to("/fhir/Task"))) == (2, 2)


def test_threads_that_start_together_ask_for_one_token(signed_in: Link) -> None:
    link, between = signed_in()
    together = threading.Barrier(8)
    seen: list[int] = []

    def work() -> None:
        together.wait()
        seen.append(link._server.get("Task", [("_count", "1")]).status)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 8
    assert len(between.to("/auth/token")) == 1


@pytest.mark.parametrize(("partner", "settings"), [("stranger", {}), ("stranger", {"client_id": "client-curve"})])
def test_a_client_or_key_that_is_not_mapped_there_says_what_the_hospital_must_do(
    signed_in: Link, site: Path, partner: str, settings: dict[str, str]
) -> None:
    link, between = signed_in(partner, **settings)
    with pytest.raises(SetupError) as caught:
        list(link.receive(None))
    key = SigningKeys.of(site, "stranger", "test").listed()[0]
    assert caught.value.code == "CB-111"
    assert key.kid in caught.value.message
    assert settings.get("client_id", "client-stranger") in caught.value.message
    assert "registered in the environment" in caught.value.remedy
    assert between.to("/fhir/Task") == []


def test_rights_the_hospital_does_not_allow_are_named(signed_in: Link) -> None:
    link, _ = signed_in("narrow", scopes="system/Coverage.cruds")
    with pytest.raises(SetupError) as caught:
        list(link.receive(None))
    assert caught.value.code == "CB-112"
    assert "system/Coverage.cruds" in caught.value.message


def test_the_steps_of_a_sign_in_that_is_well(base: str, signed_in: Link) -> None:
    link, _ = signed_in()
    steps = list(link.sign_in_steps())
    assert [(step.name, step.ok) for step in steps] == [
        ("key", True), ("discovery", True), ("token", True), ("scopes", True),
    ]  # fmt: skip
    assert base.replace("/fhir", "/auth/token") in steps[1].message
    assert "system/Task.crus" in steps[3].message


def test_a_right_that_is_lacking_is_a_step_of_its_own(signed_in: Link) -> None:
    link, _ = signed_in("narrow", scopes=CLIENTS["narrow"])
    last = list(link.sign_in_steps())[-1]
    assert (last.name, last.ok, last.who) == ("scopes", False, "partner")
    assert "Task: update" in last.message


@pytest.mark.parametrize("off", [timedelta(minutes=-20), timedelta(minutes=20)])
def test_a_clock_that_is_wrong_is_found_by_theirs(base: str, site: Path, off: timedelta) -> None:
    settings = FhirRest.Settings(base_url=base, client_id="client-curve", pause=0)
    server = Server(settings, between := Between())
    client = SmartClient(settings, SigningKeys.of(site, "curve", "test"), server, lambda: datetime.now(UTC) + off)
    assert client.ask().text
    assert abs(client.skew + off) < timedelta(minutes=1)
    assert len(between.to("/auth/token")) == 2
    assert client.ask().text
    assert len(between.to("/auth/token")) == 3
    server.close()
