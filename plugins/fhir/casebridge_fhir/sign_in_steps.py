"""How far signing in gets at a FHIR server: certificate, key, discovery, token, scopes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from casebridge.core.errors import CaseBridgeError, SetupError
from casebridge.core.signing_keys import SigningKey
from casebridge.core.steps import Step
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.smart_client import SmartClient, Token
from casebridge_fhir.smart_discovery import Published
from casebridge_fhir.smart_scopes import missing

METHOD = "private_key_jwt"
_THEIRS = frozenset({"CB-110", "CB-111", "CB-112", "CB-402"})
_FIXED = {
    "none": "nothing is sent that says who we are; the server must know us by our certificate or address",
    "token": "a fixed token goes with each request; the first one tells whether it holds",
    "basic": "user and password go with each request; the first one tells whether they hold",
}  # fmt: skip


def sign_in_steps(
    settings: RestSettings, trouble: SetupError | None, client: SmartClient | None, key: SigningKey | None = None
) -> Iterator[Step]:
    """Each step until one fails. ``trouble``: why nothing can be sent at all."""
    if trouble:
        yield _failed("sign-in", trouble)
    elif client is None:
        yield Step("sign-in", True, _FIXED[settings.auth])
    else:
        yield from _smart(client, key)


def _smart(client: SmartClient, key: SigningKey | None) -> Iterator[Step]:
    name = "key"
    try:
        key = key or client.key()
        yield Step(name, True, f"we sign with the {key.alg} key {key.kid}, which is {key.state}")
        name = "discovery"
        published = client.published()
        yield _discovered(published, key)
        name = "token"
        token = client.ask(key)
        yield _given(token, client)
    except CaseBridgeError as error:
        yield _failed(name, error)
        return
    yield _granted(token, client)


def _discovered(published: Published, key: SigningKey) -> Step:
    """What a server does not name it may take all the same: the next step tells."""
    found = f"tokens are given at {published.token_endpoint}"
    if published.methods and METHOD not in published.methods:
        remedy = "If no token is given: ask the partner whether it offers SMART Backend Services, or another way."
        return Step("discovery", True, f"{found}; the server does not name {METHOD}", remedy, "partner")
    if published.algorithms and key.alg not in published.algorithms:
        taken = " and ".join(sorted(published.algorithms))
        remedy = "If no token is given: make a key of another kind (casebridge keys rotate --alg)."
        return Step("discovery", True, f"{found}; the server names {taken} and not our {key.alg}", remedy, "it")
    return Step("discovery", True, found)


def _given(token: Token, client: SmartClient) -> Step:
    seconds = max(0, round(token.until - time.monotonic()))
    off = round(client.skew.total_seconds())
    late = f"; its clock is {abs(off)} seconds {'ahead of' if off > 0 else 'behind'} ours" if off else ""
    return Step("token", True, f"a token was given; we ask for the next in {seconds} seconds{late}")


def _granted(token: Token, client: SmartClient) -> Step:
    lacking = missing(token.scopes)
    if not lacking:
        return Step("scopes", True, f"granted: {' '.join(token.scopes)}")
    error = SetupError("CB-112", f"the token lacks what no referral is served without: {', '.join(lacking)}")
    return _failed("scopes", error)


def _failed(name: str, error: CaseBridgeError) -> Step:
    return Step(name, False, f"{error.message} ({error.code})", error.remedy,
                "partner" if error.code in _THEIRS else "it", error.code)  # fmt: skip
