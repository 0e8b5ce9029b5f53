"""``casebridge keys``: from no key to a changed one, at a real token endpoint that fetches them from our door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from commands import command_line
from doors import doors_of
from smart_hospital import EVERYTHING, SEKMET, smart_sekmet

from casebridge.app import link_of, open_bridge
from casebridge.config import read_config
from casebridge.core.signing_keys import SigningKeys

CONFIG = """
[site]
name = "County"
timezone = "America/New_York"
[web]
partners_url = "{doors}"
[partner.mercy]
role = "covered_entity"
environment = "test"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ base_url = "{base}", client_id = "us", pause = 0 }}
"""
LONG_AGO = datetime.now(UTC) - timedelta(days=3)
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes casebridge.toml."""

    def made(base: str = "https://mercy.example/fhir", doors: str = "https://county.example") -> Path:
        file = tmp_path / "casebridge.toml"
        file.write_text(CONFIG.format(base=base, doors=doors))
        return file

    return made


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, write: Write) -> Any:
    write()
    return command_line(monkeypatch, capsys, tmp_path)


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys.of(tmp_path, "mercy", "test")


@pytest.fixture
def doors(write: Write) -> Iterator[str]:
    """The partners' listener of the site."""
    bridge = open_bridge(write())
    with doors_of(bridge) as address:
        yield address
    bridge.close()


# --- the words ---------------------------------------------------------------------------------------------------


def test_the_first_key_and_what_to_tell_the_hospital(run: Any, keys: SigningKeys, tmp_path: Path) -> None:
    code, said = run("keys", "new", "mercy")
    (key,) = keys.listed()
    assert code == 0
    assert (key.alg, key.state) == ("RS384", "current")
    assert "https://county.example/jwks/mercy/test.json" in said
    assert "map the client id in that environment" in said
    secret = next(tmp_path.rglob("*.pem")).read_text().splitlines()
    assert not any(line in said for line in secret)
    assert "PRIVATE" not in said


def test_one_key_is_made_once_and_another_environment_has_its_own(run: Any, tmp_path: Path) -> None:
    assert run("keys", "new", "mercy", "--alg", "ES384")[0] == 0
    code, said = run("keys", "new", "mercy")
    assert code == 3
    assert "has a key already" in said
    assert "keys rotate mercy" in said
    assert run("keys", "new", "mercy", "--environment", "prod")[0] == 0
    assert len(SigningKeys.of(tmp_path, "mercy", "prod").listed()) == 1


def test_an_address_no_partner_can_reach_is_said(run: Any, write: Write) -> None:
    write(doors="http://127.0.0.1:8420")
    assert "cannot fetch http://127.0.0.1:8420/jwks/mercy/test.json" in run("keys", "new", "mercy")[1]


@pytest.mark.parametrize("command", ["new", "rotate", "show"])
def test_a_partner_that_does_not_exist(run: Any, command: str) -> None:
    code, said = run("keys", command, "nobody")
    assert code == 3
    assert "there is no partner nobody" in said


@pytest.mark.parametrize("command", ["rotate", "show"])
def test_nothing_to_change_or_show_yet(run: Any, command: str) -> None:
    code, said = run("keys", command, "mercy")
    assert code == 3
    assert "casebridge keys new mercy" in said


def test_the_list_says_what_each_key_is_for_and_which_step_is_due(run: Any, keys: SigningKeys) -> None:
    assert "No keys were made" in run("keys", "list")[1]
    keys.make("ES384", datetime(2026, 3, 2, 12, tzinfo=UTC))
    keys.make("ES384", datetime(2026, 3, 3, 12, tzinfo=UTC))
    said = run("keys", "list")[1]
    assert "mercy (test): public keys at https://county.example/jwks/mercy/test.json" in said
    assert "in use since 2 Mar 2026, 07:00 EST" in said
    assert "published, not used yet, since 3 Mar 2026, 07:00 EST; the next step is due from 4 Mar 2026" in said
    rows = json.loads(run("keys", "list", "--json")[1])
    assert [(row["state"], row["due"]) for row in rows] == [("next", "2026-03-04T12:00:00+00:00"), ("current", None)]


def test_what_is_shown_is_what_is_published(run: Any, keys: SigningKeys) -> None:
    keys.make("ES384", LONG_AGO)
    assert json.loads(run("keys", "show", "mercy")[1]) == keys.published()


def test_a_step_waits_until_it_is_due_unless_a_key_was_lost(run: Any, keys: SigningKeys) -> None:
    first = keys.make("ES384", LONG_AGO)
    code, said = run("keys", "rotate", "mercy")
    assert (code, "Step 1 of 3" in said) == (0, True)
    code, said = run("keys", "rotate", "mercy")
    assert (code, "is due from" in said) == (1, True)
    assert (code, "Step 2 of 3" in run("keys", "rotate", "mercy", "--now")[1]) == (1, True)
    code, said = run("keys", "rotate", "mercy")
    assert (code, "withdrawing the old key" in said) == (1, True)
    assert "Step 3 of 3" in run("keys", "rotate", "mercy", "--now")[1]
    (left,) = keys.listed()
    assert left.kid != first.kid
    assert left.alg == "ES384"


# --- at a hospital -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)")
def test_a_key_is_changed_while_the_hospital_serves_us(
    run: Any, keys: SigningKeys, write: Write, doors: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The hospital keeps what it read for minutes: a key it does not know yet is not used, and nothing stops."""
    client = {"client_id": "us", "jwks_url": f"{doors}/jwks/mercy/test.json", "scopes": EVERYTHING}
    late = {"client_id": "late", "jwks_url": f"{doors}/jwks/mercy/test.json?late", "scopes": EVERYTHING}
    with smart_sekmet(tmp_path_factory.mktemp("sekmet"), [client, late]) as base:
        config = write(base, doors)
        keys.make("ES384", LONG_AGO)
        assert signs_in(config)
        keys.make("ES384", LONG_AGO)  # step 1, three days ago; but this hospital read our keys just now
        code, said = run("keys", "rotate", "mercy")
        assert code == 1
        assert "is not used yet, and the old one goes on working" in said
        assert signs_in(config)
        config.write_text(config.read_text().replace('client_id = "us"', 'client_id = "late"'))  # reads them anew
        code, said = run("keys", "rotate", "mercy")
        assert (code, "Step 2 of 3" in said) == (0, True)
        assert signs_in(config)
        assert [key.state for key in keys.listed()] == ["current", "old"]


def signs_in(config: Path) -> bool:
    link = link_of("mercy", read_config(config), config.parent)
    try:
        return link.probe().ok
    finally:
        link.close()


# --- the door ----------------------------------------------------------------------------------------------------


def test_the_door_gives_public_keys_and_says_how_long_they_may_be_kept(doors: str, keys: SigningKeys) -> None:
    keys.make("RS384", LONG_AGO)
    keys.make("ES384", LONG_AGO)
    with httpx2.Client(base_url=f"{doors}/jwks", trust_env=False) as client:
        answer = client.get("/mercy/test.json")
        assert answer.json() == keys.published()
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert answer.headers["content-type"] == "application/json"
        again = client.get("/mercy/test.json", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        keys.use(LONG_AGO)
        changed = client.get("/mercy/test.json", headers={"If-None-Match": answer.headers["etag"]})
        assert changed.status_code == 304  # the same keys are published, whichever is used
        gone = keys.one("old")
        assert gone is not None
        keys.withdraw(gone)
        fewer = client.get("/mercy/test.json", headers={"If-None-Match": answer.headers["etag"]})
        assert fewer.json() == keys.published()
        assert (client.head("/mercy/test.json").status_code, client.post("/mercy/test.json").status_code) == (200, 405)


ELSEWHERE = (
    "", "/", "/mercy", "/mercy/", "/mercy/prod.json", "/mercy/other.json", "/nobody/test.json", "/mercy/test",
    "/..%2F..%2Fetc/test.json", "/mercy/..%2Fring.json", "/mercy.test/ring.json", "/mercy.test.json",
)  # fmt: skip


def test_everything_else_is_not_there(doors: str, keys: SigningKeys) -> None:
    keys.make("ES384", LONG_AGO)
    answers = {path: httpx2.get(f"{doors}/jwks{path}", trust_env=False) for path in ELSEWHERE}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(ELSEWHERE, 404)
    assert not any("mercy" in answer.text for answer in answers.values())


def test_a_list_that_cannot_be_read_is_not_taken_for_no_keys(doors: str, keys: SigningKeys, tmp_path: Path) -> None:
    keys.make("ES384", LONG_AGO)
    next(tmp_path.rglob("ring.json")).write_text("")
    assert httpx2.get(f"{doors}/jwks/mercy/test.json", trust_env=False).status_code == 503
