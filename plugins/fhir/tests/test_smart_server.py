"""Partners sign in at our FHIR door: what a client assertion must be, what a token is good for, and what is refused."""

from __future__ import annotations

import hmac
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.smart_server import AccessTokens, Gate, Grant, NotSignedIn, allows, token_secret
from casebridge_fhir.smart_server.gate import FORM, MAX_BYTES, Answer
from casebridge_fhir.smart_server.grants import narrowed, rights
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from smart_partner import ADDRESS, BASE, START, Clock, OnceInSqlite, Partner, key

from casebridge.core.errors import SetupError, TryAgain

HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}
EXPIRES = int(START.timestamp())


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    yield made
    made.once.close()


def refused(answer: Answer) -> tuple[int, str]:
    assert set(answer.body) == {"error", "error_description"}
    assert HEADERS.items() <= answer.headers.items()
    return answer.status, answer.body["error"]


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_a_good_assertion_is_exchanged_for_a_token_of_five_minutes(alg: str) -> None:
    partner = Partner(keys=(key("k1", alg),))
    gate = partner.gate()
    answer = partner.ask(gate, scope="system/Task.rs system/Task.u")
    assert (answer.status, answer.headers) == (200, HEADERS)
    token = answer.body["access_token"]
    assert dict(answer.body) == {"access_token": token, "token_type": "bearer", "expires_in": 300,
                                 "scope": "system/Task.rs system/Task.u"}  # fmt: skip
    assert gate.grant(f"Bearer {token}") == Grant("mercy", "mercy-1", ("system/Task.rs", "system/Task.u"))
    partner.clock.move(minutes=4, seconds=59)
    assert gate.grant(f"bearer  {token} ").partner == "mercy"
    partner.clock.move(seconds=1)
    with pytest.raises(NotSignedIn) as ended:
        gate.grant(f"Bearer {token}")
    assert ended.value.challenge == 'Bearer error="invalid_token"'
    partner.once.close()


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "https://other.example/token"}, "aud is not our token endpoint"),
        ({"aud": BASE}, "aud is not our token endpoint"),
        ({"aud": None}, "aud is not our token endpoint"),
        ({"aud": ["https://other.example/token", 5]}, "aud is not our token endpoint"),
        ({"exp": EXPIRES + 331}, "exp is more than five minutes ahead"),
        ({"exp": EXPIRES - 30}, "exp is missing, or past"),
        ({"exp": None}, "exp is missing, or past"),
        ({"exp": str(EXPIRES + 60)}, "exp is missing, or past"),
        ({"exp": True}, "exp is missing, or past"),
        ({"exp": 10**17}, "exp is missing, or past"),
        ({"iat": EXPIRES + 31}, "iat is ahead of us"),
        ({"nbf": EXPIRES + 31}, "nbf is ahead of us"),
        ({"sub": "other"}, "iss and sub are not both the client id"),
        ({"sub": None}, "iss and sub are not both the client id"),
        ({"iss": "nobody", "sub": "nobody"}, "there is no such client"),
        ({"iss": None}, "iss is missing"),
        ({"iss": ["mercy-1"]}, "iss is missing"),
        ({"jti": None}, "jti is missing, or too long"),
        ({"jti": ""}, "jti is missing, or too long"),
        ({"jti": 5}, "jti is missing, or too long"),
        ({"jti": "x" * 513}, "jti is missing, or too long"),
    ],
)
def test_an_assertion_with_wrong_claims_is_refused_and_only_our_log_says_why(
    claims: dict[str, Any], why: str, partner: Partner, caplog: pytest.LogCaptureFixture
) -> None:
    answer = partner.ask(partner.gate(), partner.assertion(claims))
    assert refused(answer) == (401, "invalid_client")
    assert answer.body["error_description"] == "The client assertion is not accepted."
    assert why in caplog.text


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": EXPIRES + 330}, {"exp": EXPIRES - 29}, {"exp": EXPIRES + 60.5},
        {"iat": EXPIRES + 30, "nbf": EXPIRES + 30},
        {"iat": EXPIRES - 3600}, {"aud": ["https://other.example/token", f"{BASE}/token"]}, {"jti": "x" * 512},
    ],
)  # fmt: skip
def test_clocks_may_differ_by_half_a_minute(claims: dict[str, Any], partner: Partner) -> None:
    assert partner.ask(partner.gate(), partner.assertion(claims)).status == 200


@pytest.mark.parametrize("header", [{"typ": None}, {"typ": "jwt"}, {"typ": "client-authentication+jwt"}, {"x5t": "a"}])
def test_what_a_header_may_say_besides(header: dict[str, Any], partner: Partner) -> None:
    assert partner.ask(partner.gate(), partner.assertion(header=header)).status == 200


def unsigned(header: dict[str, Any], partner: Partner) -> str:
    claims = partner.assertion().split(".")[1]
    top = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{top}.{claims}."


def by_our_public_key(partner: Partner) -> str:
    """The old trick: what everybody may read of a key, as the secret of a signature."""
    signed = unsigned({"alg": "HS256", "kid": "k1"}, partner).rstrip(".")
    made = hmac.digest(partner.keys[0].as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(made).rstrip(b'=').decode()}"


def other_curve(partner: Partner) -> str:
    signer = ECKey.generate_key("P-256", {"kid": "k1"})
    return partner.assertion(header={"alg": "ES256"}, signer=signer)


def changed(partner: Partner) -> str:
    top, _, signature = partner.assertion().split(".")
    return f"{top}.{partner.assertion({'jti': 'other'}).split('.')[1]}.{signature}"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda p: unsigned({"alg": "none", "kid": "k1"}, p), "alg is none of"),
        (lambda p: unsigned({"alg": "ES384", "kid": "k1"}, p), "the signature is wrong"),
        (lambda p: unsigned({"kid": "k1"}, p), "it is no JWT"),
        (by_our_public_key, "alg is none of"),
        (other_curve, "alg is none of"),
        (changed, "the signature is wrong"),
        (lambda p: p.assertion(signer=key("other"), header={"kid": "k1"}), "the signature is wrong"),
        (lambda p: p.assertion(signer=key("other")), "no such kid"),
        (lambda p: p.assertion(signer=key("k1", "RS384")), "no such kid for this alg"),
        (lambda p: p.assertion(header={"kid": None}), "kid is missing"),
        (lambda p: p.assertion(header={"typ": "at+jwt"}), "not that of a client assertion"),
        (lambda p: p.assertion(header={"jku": "https://other.example/jwks.json"}), "jku is not where"),
        (lambda p: p.assertion(header={"jwk": key("other").as_dict(private=False)}, signer=key("other")), "header"),
        (lambda p: "a.b.c", "it is no JWT"),
        (lambda p: "..", "it is no JWT"),
        (lambda p: "é.é.é", "too long, or no JWT"),
        (lambda p: "a" * 8193, "too long, or no JWT"),
        (lambda p: p.assertion() + ".x.y", "it is no JWT"),
    ],
)
def test_an_assertion_that_the_client_did_not_sign_is_refused(
    make: Callable[[Partner], str], why: str, partner: Partner, caplog: pytest.LogCaptureFixture
) -> None:
    assert refused(partner.ask(partner.gate(), make(partner))) == (401, "invalid_client")
    assert why in caplog.text


def test_an_assertion_is_good_once_even_after_a_restart_and_at_another_process(tmp_path: Path) -> None:
    path, assertion = tmp_path / "used.db", Partner().assertion({"jti": "the same"})
    for number, expected in enumerate((200, 401, 401)):
        again = Partner(once=OnceInSqlite(path))
        answer = again.ask(again.gate(), assertion)
        assert (number, answer.status) == (number, expected)
        again.once.close()


def test_of_two_at_the_same_moment_one_is_first(partner: Partner) -> None:
    gate, assertion = partner.gate(), partner.assertion()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: partner.ask(gate, assertion).status, range(8)))
    assert sorted(answers) == [200] + [401] * 7


def test_the_same_jti_of_two_clients_are_two(partner: Partner) -> None:
    gate = partner.gate(partner.client(), partner.client("bridge", "bridge-1"))
    for name in ("mercy-1", "bridge-1"):
        said = partner.assertion({"iss": name, "sub": name, "jti": "the same"})
        assert partner.ask(gate, said).status == 200


def test_a_wrong_signature_does_not_use_up_the_jti_of_the_client(partner: Partner) -> None:
    gate = partner.gate()
    assert partner.ask(gate, partner.assertion({"jti": "a"}, {"kid": "k1"}, key("other"))).status == 401
    assert partner.ask(gate, partner.assertion({"jti": "a"})).status == 200


def test_a_used_one_is_remembered_until_it_can_be_used_no_more(partner: Partner) -> None:
    kept: list[Any] = []

    class Remembering(OnceInSqlite):
        def first_time(self, name: str, until: Any) -> bool:
            kept.append((name, until))
            return True

    gate = Partner(once=Remembering(), clock=partner.clock).gate()
    partner.ask(gate, partner.assertion({"exp": EXPIRES + 300, "jti": "Jane Doe"}))
    ((name, until),) = kept
    assert name.startswith("smart-jti/")
    assert "Jane" not in name
    assert until == START + timedelta(seconds=330)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"grant_type": "authorization_code"}, (400, "unsupported_grant_type")),
        ({"grant_type": None}, (400, "invalid_request")),
        ({"client_assertion_type": "urn:other"}, (400, "invalid_request")),
        ({"client_assertion": ""}, (400, "invalid_request")),
        ({"client_id": "other"}, (401, "invalid_client")),
        ({"scope": None}, (400, "invalid_scope")),
        ({"scope": "launch openid user/Patient.read"}, (400, "invalid_scope")),
        ({"scope": "system/Patient.u"}, (400, "invalid_scope")),
        ({"scope": "system/Task.rs?owner=x"}, (400, "invalid_scope")),
    ],
)
def test_a_wrong_request_is_told_as_oauth_has_it(
    form: dict[str, str | None], expected: tuple[int, str], partner: Partner
) -> None:
    assert refused(partner.ask(partner.gate(), **form)) == expected


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 400), ("", b"grant_type=client_credentials", 400), (FORM, b"", 400),
        (FORM, b"\xff", 400), (FORM, b"grant_type", 400), (FORM, b"a=1&a=2", 400), (FORM, b"a=%ff", 400),
        (FORM, b"&".join(b"a%d=1" % i for i in range(50)), 400), (FORM, b"a=" + b"b" * MAX_BYTES, 413),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(content_type: str, body: bytes, status: int, partner: Partner) -> None:
    assert refused(partner.gate().token(content_type, body, ADDRESS)) == (status, "invalid_request")


def test_the_register_decides_at_each_request_what_a_token_is_good_for(partner: Partner) -> None:
    token = f"Bearer {partner.ask(partner.gate(), scope='system/*.rs system/Task.cu').body['access_token']}"
    less = Partner(scopes="system/Task.r", clock=partner.clock)
    assert less.gate().grant(token).scopes == ("system/Task.r",)
    assert less.gate(less.client("mercy")).grant(token).partner == "mercy"
    for gone in (less.gate(less.client("mercy", "another")), less.gate(less.client("bridge", "mercy-1"))):
        with pytest.raises(NotSignedIn):
            gone.grant(token)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic bWVyY3k6eA==", "Bearer a.b.c", "Bearer é", "Bearer \udcff", "Token x"],
)
def test_whoever_brings_no_token_of_ours_is_not_signed_in(authorization: str, partner: Partner) -> None:
    with pytest.raises(NotSignedIn) as nobody:
        partner.gate().grant(authorization)
    assert nobody.value.challenge.startswith("Bearer")


def test_a_token_is_nobody_else_s(partner: Partner) -> None:
    """Another secret, another server, another kind of JWT, an assertion: none is an access token here."""
    grant, gate = Grant("mercy", "mercy-1", ("system/*.rs",)), partner.gate()
    elsewhere = AccessTokens(partner.secret, "https://other.example/fhir")
    for stranger in (AccessTokens(b"o" * 32, BASE), elsewhere):
        with pytest.raises(NotSignedIn):
            gate.grant(f"Bearer {stranger.made(grant, START)}")
    with pytest.raises(NotSignedIn):
        gate.grant(f"Bearer {partner.assertion()}")
    assert gate.grant(f"Bearer {AccessTokens(partner.secret, BASE).made(grant, START)}") == grant
    with pytest.raises(ValueError, match="32 bytes"):
        AccessTokens(b"short", BASE)


def test_a_store_that_does_not_answer_gives_no_token(partner: Partner) -> None:
    class Away(OnceInSqlite):
        def first_time(self, name: str, until: Any) -> bool:
            raise TryAgain("CB-401", "the store is away")

    away = Partner(once=Away())
    answer = away.ask(away.gate())
    assert refused(answer) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"] == "5"
    away.once.close()


def test_wrong_attempts_are_slowed_down_by_client_and_address(partner: Partner) -> None:
    gate = partner.gate()
    wrong = [partner.ask(gate, partner.assertion({"aud": "x"})).status for _ in range(11)]
    assert wrong == [401] * 10 + [429]
    waiting = partner.ask(gate)
    assert refused(waiting) == (429, "temporarily_unavailable")
    assert 0 < int(waiting.headers["Retry-After"]) <= 61
    assert partner.ask(gate, address="192.0.2.8").status == 200, "a stranger locks nobody out from elsewhere"
    partner.clock.move(seconds=61)
    assert partner.ask(gate).status == 200


def test_an_address_that_guesses_clients_is_slowed_down_for_all_of_them(partner: Partner) -> None:
    gate = partner.gate()
    wrong = [partner.ask(gate, partner.assertion({"iss": f"c{n}", "sub": f"c{n}"})).status for n in range(31)]
    assert wrong == [401] * 30 + [429]
    assert partner.ask(gate).status == 429
    assert partner.ask(gate, address="192.0.2.8").status == 200


def test_good_attempts_are_never_slowed_down(partner: Partner) -> None:
    gate = partner.gate()
    assert {partner.ask(gate).status for _ in range(40)} == {200}


def test_two_partners_cannot_have_one_client_id(partner: Partner) -> None:
    with pytest.raises(SetupError, match="the same client_id"):
        partner.gate(partner.client("mercy"), partner.client("bridge"))


def test_neither_log_nor_answer_shows_a_token_or_a_claim(partner: Partner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = partner.ask(partner.gate(), partner.assertion({"jti": "Jane Doe", "aud": "Jane Doe", "sub": "Jane Doe"}))
    assert "Jane" not in caplog.text + str(answer)
    assert "mercy" in caplog.text


@pytest.mark.parametrize(
    ("asked", "allowed", "granted"),
    [
        ("system/Task.rs", "system/*.rs", "system/Task.rs"),
        ("system/*.read", "system/*.cruds", "system/*.read"),
        ("system/*.*", "system/*.rs system/Task.cu", "system/*.rs system/Task.cu"),
        ("system/*.read system/*.write", "system/*.rs system/Task.cu", "system/*.read system/Task.cu"),
        ("system/Task.cruds", "system/Task.read", "system/Task.rs"),
        ("system/Task.write", "system/Task.u", "system/Task.u"),
        ("system/*.rs", "system/Task.rs system/Patient.r", "system/Task.rs system/Patient.r"),
        ("system/Patient.rs", "system/Task.rs", ""),
        ("patient/Task.rs openid system/Task.rs?a=b system/Task.xyz system/Task.sr", "system/*.cruds", ""),
    ],
)
def test_what_is_granted_is_never_more_than_is_allowed(asked: str, allowed: str, granted: str) -> None:
    assert " ".join(narrowed(asked.split(), rights(allowed.split()))) == granted


SCOPE = st.builds(
    lambda type_, letters: f"system/{type_}.{letters}",
    st.sampled_from(["*", "Task", "Patient"]), st.sampled_from(["read", "write", "*", "r", "rs", "cu", "cruds", "d"]),
)  # fmt: skip
INTERACTIONS = ["read", "vread", "create", "update", "patch", "delete", "search-type", "history-instance"]


@given(st.lists(SCOPE, max_size=4), st.lists(SCOPE, max_size=4))
def test_a_grant_allows_what_was_both_asked_and_allowed(asked: list[str], allowed: list[str]) -> None:
    granted = Grant("p", "c", narrowed(asked, rights(allowed)))
    for type_ in ("Task", "Patient", "Goal"):
        for interaction in INTERACTIONS:
            both = all(allows(Grant("p", "c", tuple(said)), type_, interaction) for said in (asked, allowed))
            assert allows(granted, type_, interaction) == both, (type_, interaction)


def test_an_interaction_nobody_has_heard_of_is_not_allowed() -> None:
    assert not allows(Grant("p", "c", ("system/*.cruds",)), "Task", "operation")


def test_the_secret_for_tokens_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "token-secret"
    with ThreadPoolExecutor(8) as threads:
        secrets = set(threads.map(lambda _: token_secret(path), range(16)))
    assert len(secrets) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["token-secret"]
    path.chmod(0o640)
    with pytest.raises(SetupError, match="CB-145"):
        token_secret(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(SetupError, match="CB-104"):
        token_secret(path)
    with pytest.raises(SetupError, match="CB-104"):
        token_secret(tmp_path / "not there" / "token-secret")


def test_a_token_survives_a_restart_with_the_same_secret_and_ends_with_another(tmp_path: Path) -> None:
    clock = Clock()
    before = Partner(secret=token_secret(tmp_path / "s"), clock=clock)
    token = f"Bearer {before.ask(before.gate()).body['access_token']}"
    after: Gate = Partner(secret=token_secret(tmp_path / "s"), clock=clock).gate()
    assert after.grant(token).client == "mercy-1"
    (tmp_path / "s").unlink()
    with pytest.raises(NotSignedIn):
        Partner(secret=token_secret(tmp_path / "s"), clock=clock).gate().grant(token)
