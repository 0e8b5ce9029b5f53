"""A partner's system that signs in at our FHIR door: its keys, its assertions, and what was used before (SQLite)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from casebridge_fhir.smart_assertion import ASSERTION_TYPE
from casebridge_fhir.smart_server import Client, Gate, SmartClientSettings, client
from casebridge_fhir.smart_server.gate import FORM, Answer
from casebridge_fhir.smart_server.tries import WrongTries
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from casebridge import Context

BASE = "https://casebridge.example/fhir"
ADDRESS = "192.0.2.7"
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NUMBERS = count(1)


@cache
def key(kid: str, alg: str = "ES384") -> ECKey | RSAKey:
    """A key pair of this name, the same for all of a run."""
    more = {"kid": kid, "alg": alg, "use": "sig"}
    return RSAKey.generate_key(2048, more) if alg == "RS384" else ECKey.generate_key("P-384", more)


def jwks(*keys: ECKey | RSAKey) -> dict[str, Any]:
    """Their public set."""
    return {"keys": [one.as_dict(private=False) for one in keys]}


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class OnceInSqlite:
    """Names used, in a table: whoever inserts the row was first."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._rows = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._mutex = threading.Lock()
        self._rows.execute("CREATE TABLE IF NOT EXISTS used (name TEXT PRIMARY KEY, until TEXT NOT NULL)")

    def first_time(self, name: str, until: datetime) -> bool:
        with self._mutex:  # how many rows changed is asked of the connection, and they share one
            found = self._rows.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (name, until.isoformat()))
            return found.rowcount == 1

    def close(self) -> None:
        self._rows.close()


@dataclass
class Partner:
    """One client and the gate it comes to. ``claims`` and ``header`` of an assertion are as SMART wants them, but for
    what a test changes; None takes a claim away."""

    scopes: str = "system/*.rs system/Task.cu"
    keys: tuple[ECKey | RSAKey, ...] = field(default_factory=lambda: (key("k1"),))
    clock: Clock = field(default_factory=Clock)
    once: OnceInSqlite = field(default_factory=OnceInSqlite)
    secret: bytes = b"s" * 32
    settings: Mapping[str, Any] = field(default_factory=dict)

    def client(self, partner: str = "mercy", client_id: str = "mercy-1") -> Client:
        given = {"client_id": client_id, "scopes": self.scopes, "jwks": jwks(*self.keys), **self.settings}
        return client(SmartClientSettings(**given), Context(partner))

    def gate(self, *clients: Client) -> Gate:
        tries = WrongTries(self.clock.seconds)
        return Gate(clients or (self.client(),), BASE, self.secret, self.once, self.clock, tries)

    def assertion(
        self, claims: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None,
        signer: ECKey | RSAKey | None = None,
    ) -> str:  # fmt: skip
        signer = signer or self.keys[0]
        said = {"iss": "mercy-1", "sub": "mercy-1", "aud": f"{BASE}/token", "jti": f"jti-{next(NUMBERS)}",
                "exp": int((self.clock.now + timedelta(minutes=5)).timestamp()), **(claims or {})}  # fmt: skip
        alg = "RS384" if isinstance(signer, RSAKey) else "ES384"
        top = {"alg": alg, "kid": signer.kid, "typ": "JWT", **(header or {})}
        return jwt.encode(
            {name: value for name, value in top.items() if value is not None},
            {name: value for name, value in said.items() if value is not None}, signer, algorithms=[top["alg"]],
        )  # fmt: skip

    def form(self, assertion: str, **more: str | None) -> dict[str, str]:
        """What is posted to the token endpoint."""
        said = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "scope": "system/Task.rs",
                "client_assertion": assertion, **more}  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def ask(self, gate: Gate, assertion: str | None = None, address: str = ADDRESS, **form: str | None) -> Answer:
        return gate.token(FORM, urlencode(self.form(assertion or self.assertion(), **form)).encode(), address)
