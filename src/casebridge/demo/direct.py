"""Direct: Mercy's own system signs in at the FHIR door of an agency's own CaseBridge (SMART Backend Services)."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from casebridge.demo import fhir
from casebridge.demo.site import MERCY_SCOPES, DemoSite, write_once

TASK = "sam-heating"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def make_key(site: DemoSite) -> None:
    """Mercy's key pair: the private half stays with Mercy, the agency is given the public one. A lost one is made
    anew, both halves."""
    private, public = _private(site), site.energy.with_name("mercy.jwks.json")
    if public.exists():
        return
    private.unlink(missing_ok=True)
    key = ECKey.generate_key("P-384", {"kid": "mercy-1", "alg": "ES384", "use": "sig"})
    write_once(private, json.dumps(key.as_dict(private=True)))
    write_once(public, json.dumps({"keys": [key.as_dict(private=False)]}))


@contextlib.contextmanager
def signed_in(site: DemoSite) -> Iterator[fhir.Server]:
    """The agency's door, as Mercy's system sees it with a token."""
    door, key = site.fhir("energy"), ECKey.import_key(json.loads(_private(site).read_text()))
    with httpx2.Client(timeout=30) as http:
        endpoint = http.get(f"{door}/.well-known/smart-configuration").raise_for_status().json()["token_endpoint"]
        form = {"grant_type": "client_credentials", "scope": MERCY_SCOPES, "client_assertion_type": _ASSERTION,
                "client_assertion": _assertion(key, endpoint)}  # fmt: skip
        token = http.post(endpoint, data=form).raise_for_status().json()["access_token"]
    with fhir.at(door, headers={"Authorization": f"Bearer {token}"}) as server:
        yield server


def send(door: fhir.Server) -> None:
    """Sam, the order and the Task in one transaction, once."""
    if not door.status(TASK):
        door.send(json.loads(files("casebridge.demo").joinpath("data/sam.json").read_text(encoding="utf-8")))


def _private(site: DemoSite) -> Path:
    return site.folder / "hospital" / "signing-key.json"


def _assertion(key: ECKey, endpoint: str) -> str:
    """A note good once and for four minutes, for this endpoint alone (SMART App Launch 2.2, client authentication)."""
    claims: dict[str, Any] = {"iss": "mercy", "sub": "mercy", "aud": endpoint, "jti": secrets.token_urlsafe(16),
                              "exp": int(time.time()) + 240}  # fmt: skip
    return jwt.encode({"alg": "ES384", "kid": "mercy-1", "typ": "JWT"}, claims, key, algorithms=["ES384"])
