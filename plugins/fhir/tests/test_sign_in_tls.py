"""Mutual TLS, over real connections with certificates made for the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from certificates import Authority, tls_server
from smart_hospital import key_set

from casebridge import Context
from casebridge.adapter import Expiring
from casebridge.core.errors import CaseBridgeError, SetupError

TOKEN = json.dumps({"access_token": "t", "token_type": "bearer", "expires_in": 60}).encode()
EMPTY = json.dumps({"resourceType": "Bundle", "type": "searchset"}).encode()
Link = Callable[..., FhirRest]


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """The authority that the hospital lets in."""
    return Authority(tmp_path)


@pytest.fixture
def seen() -> list[str]:
    """Whose certificate came with each request."""
    return []


@pytest.fixture
def base(ours: Authority, seen: list[str]) -> Iterator[str]:
    """A hospital that wants a certificate."""
    with tls_server(*ours.sign("server"), ours.file, EMPTY, seen) as address:
        yield address


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    """Makes a link; files are named beside casebridge.toml."""
    made: list[FhirRest] = []

    def make(base: str, **settings: Any) -> FhirRest:
        chosen = {"base_url": base, "ca_file": "ca.pem", "pause": 0, **settings}
        made.append(FhirRest(FhirRest.Settings(**chosen), Context("hospital", "test", base_dir=str(tmp_path))))
        return made[-1]

    yield make
    for each in made:
        each.close()


def error_of(link: FhirRest) -> CaseBridgeError:
    with pytest.raises(CaseBridgeError) as caught:
        list(link.receive(None))
    return caught.value


def test_the_hospital_sees_our_certificate(ours: Authority, base: str, link: Link, seen: list[str]) -> None:
    ours.sign("us")
    assert list(link(base, client_cert_file="us.crt", client_key_file="us.key").receive(None)) == []
    assert seen == ["us"]


def test_certificate_and_key_in_one_file_and_the_key_locked(
    ours: Authority, base: str, link: Link, seen: list[str], tmp_path: Path
) -> None:
    cert, key = ours.sign("us", password=b"pw")
    key.write_bytes(cert.read_bytes() + key.read_bytes())
    assert list(link(base, client_cert_file="us.key", client_key_password="pw").receive(None)) == []
    assert error_of(link(base, client_cert_file="us.key", client_key_password="no")).code == "CB-114"
    assert error_of(link(base, client_cert_file="us.key")).code == "CB-114"  # and nobody is asked at a terminal
    assert seen == ["us"]


def test_without_a_certificate_it_is_said_that_one_is_wanted(base: str, link: Link, seen: list[str]) -> None:
    error = error_of(link(base))
    assert isinstance(error, SetupError)
    assert error.code == "CB-114"
    assert seen == []


@pytest.mark.parametrize("made", ["ended", "of another authority"])
def test_a_certificate_that_is_refused_there(
    ours: Authority, base: str, link: Link, seen: list[str], tmp_path: Path, made: str
) -> None:
    signer = ours if made == "ended" else Authority(tmp_path, "other")
    signer.sign("us", timedelta(days=-1) if made == "ended" else timedelta(days=10))
    error = error_of(link(base, client_cert_file="us.crt", client_key_file="us.key"))
    assert error.code == "CB-114"
    assert "client_cert_file" in error.remedy
    assert seen == []


def test_a_server_that_cannot_be_trusted(ours: Authority, link: Link, seen: list[str], tmp_path: Path) -> None:
    Authority(tmp_path, "other")
    with tls_server(*ours.sign("server"), None, EMPTY, seen) as address:
        error = error_of(link(address, ca_file="other.pem"))
    assert error.code == "CB-109"
    assert "certificate is not trusted" in error.message
    with tls_server(*ours.sign("server", timedelta(days=-1)), None, EMPTY, seen) as address:
        error = error_of(link(address))
    assert "certificate has expired" in error.message
    assert seen == []


def test_a_token_endpoint_elsewhere_is_trusted_as_the_system_does_and_the_hospital_by_its_own(
    ours: Authority, base: str, link: Link, seen: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = Authority(tmp_path, "public")
    monkeypatch.setenv("SSL_CERT_FILE", str(public.file))
    ours.sign("us")
    key_set(tmp_path, "hospital")
    cert = {"client_cert_file": "us.crt", "client_key_file": "us.key"}
    asked: list[str] = []
    with tls_server(*public.sign("login"), None, TOKEN, asked) as login:
        smart = {"client_id": "us", "token_url": login, "scopes": "system/*.cruds", **cert}
        assert list(link(base, **smart).receive(None)) == []
        assert "not trusted" in error_of(link(login)).message  # ca_file alone says who the hospital is
        monkeypatch.delenv("SSL_CERT_FILE")
        said = error_of(link(base, **smart)).message
        assert said.startswith(f"no token from {login}: the server's certificate is not trusted")
    assert asked == [""]  # the one token
    assert set(seen) == {"us"}


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"client_cert_file": "nowhere.crt", "client_key_file": "us.key"}, "CB-114", "nowhere.crt"),
        ({"client_cert_file": "us.crt", "client_key_file": "nowhere.key"}, "CB-114", "nowhere.key"),
        ({"client_cert_file": "us.crt", "client_key_file": "them.key"}, "CB-114", "KEY_VALUES_MISMATCH"),
        ({"client_cert_file": "us.crt", "client_key_file": "open.key"}, "CB-145", "others may use it: chmod g-w,o-rwx"),
        ({"ca_file": "nowhere.pem"}, "CB-114", "ca_file: nowhere.pem"),
        ({"ca_file": "us.key"}, "CB-114", "ca_file: us.key"),
    ],
)
def test_files_that_are_not_in_order_stop_this_partner_and_not_the_site(
    ours: Authority, base: str, link: Link, seen: list[str], tmp_path: Path, settings: Any, code: str, said: str
) -> None:
    for name in ("us", "them", "open"):
        ours.sign(name)
    (tmp_path / "open.key").chmod(0o644)
    made = link(base, **settings)  # no error yet: the other partners' links are made, too
    error = error_of(made)
    assert (error.code, said in error.message) == (code, True), error.message
    assert [step.ok for step in made.sign_in_steps()] == [False]
    assert not made.probe().ok
    assert seen == []


def test_the_ends_of_the_certificates_are_told_before(ours: Authority, link: Link) -> None:
    ours.sign("us", timedelta(days=5))
    made = link("https://hospital.example/fhir", client_cert_file="us.crt", client_key_file="us.key")
    today = datetime.now(UTC).date()
    assert isinstance(made, Expiring)
    assert {name: (last - today).days for name, last in made.expiries().items()} == {
        "client_cert_file": 5, "ca_file": 30,
    }  # fmt: skip
    assert link("https://hospital.example/fhir", ca_file="nowhere.pem").expiries() == {}
    assert link("https://hospital.example/fhir", ca_file="").expiries() == {}
