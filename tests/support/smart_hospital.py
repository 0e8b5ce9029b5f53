"""A hospital whose FHIR server asks for SMART Backend Services: sekmet-fhir, and what is spoken with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
from fhir_servers import running_sekmet

from casebridge.core.signing_keys import SigningKeys

SEKMET = Path(sys.executable).with_name("sekmet")
EVERYTHING = "system/*.cruds"


def key_set(base: Path, partner: str, alg: str = "ES384") -> SigningKeys:
    """A partner's keys in the environment ``test``, the first one made."""
    keys = SigningKeys.of(base, partner, "test")
    keys.make(alg, datetime.now(UTC))
    return keys


@contextmanager
def smart_sekmet(folder: Path, clients: list[dict[str, Any]]) -> Iterator[str]:
    """A server that gives tokens to ``clients`` (sekmet's own words: client_id, jwks or jwks_url, scopes)."""
    with running_sekmet(SEKMET, folder, {"types": ["smart"], "token_lifetime": 300, "smart_clients": clients}) as base:
        yield base


class Between(httpx2.HTTPTransport):
    """The way to the server, watched. A token that was forgotten reaches the server as one it does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[httpx2.Request] = []
        self.forgotten: set[str] = set()
        self.forgets_all = False
        self.forgets_after = 0  # so many searches for Tasks

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """As HTTPTransport does."""
        seen = dict(request.headers)  # a copy: the same request may be sent again with another token
        self.asked.append(httpx2.Request(request.method, request.url, headers=seen, content=request.read()))
        token = request.headers.get("authorization", "")
        if self.forgets_after and len(self.to("/fhir/Task")) > self.forgets_after:
            self.forgets_after = 0
            self.forget()
        if token and (self.forgets_all or token in self.forgotten):
            request = httpx2.Request(request.method, request.url, stream=request.stream, headers={
                **request.headers, "authorization": "Bearer forgotten"})  # fmt: skip
        return super().handle_request(request)

    def forget(self) -> None:
        """From now on the server knows none of the tokens used so far."""
        self.forgotten |= {r.headers["authorization"] for r in self.asked if "authorization" in r.headers}

    def to(self, path: str) -> list[httpx2.Request]:
        """What was asked of an address that ends so."""
        return [request for request in self.asked if request.url.path.endswith(path)]

    def assertions(self) -> list[str]:
        """Each assertion that a token was asked for with."""
        return [parse_qs(r.content.decode())["client_assertion"][0] for r in self.to("/auth/token")]
