"""Public keys of clients: from their JWK Set (RFC 7517) in the configuration, or where they publish it."""

from __future__ import annotations

import logging
import re
import ssl
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import httpx2

from casebridge.core.jsontext import loads
from casebridge.core.within import within
from casebridge_fhir.sign_in_settings import is_loopback

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

log = logging.getLogger("casebridge.fhir")
MOST_KEYS = 20
RSA_BITS, EXPONENT_BITS = range(2048, 8193), 32
MAX_BYTES = 64 * 1024
TIMEOUT = 10.0
BETWEEN = 60.0
"""Seconds between two fetches at least, whatever unknown keys are named to us."""
KEPT = 300.0
LONGEST = 3600.0
"""Seconds a fetched set counts when its server does not say, and at most: a key taken from it must end soon."""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})")


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A public key and the one algorithm it is for."""

    kid: str
    alg: str
    key: RSAKey | ECKey


class Keys(Protocol):
    """Where the keys of a client are. ``uri``: where it publishes them, else empty."""

    uri: str

    def named(self, kid: str, alg: str) -> list[ClientKey]:
        """Its keys of this name for this algorithm; none when there are none, or none that can be had now."""


class FixedKeys:
    """Keys that stand in the configuration."""

    uri = ""

    def __init__(self, keys: Iterable[ClientKey]) -> None:
        self._keys = tuple(keys)

    def named(self, kid: str, alg: str) -> list[ClientKey]:
        """Those of this name for this algorithm."""
        return [key for key in self._keys if (key.kid, key.alg) == (kid, alg)]


class PublishedKeys:
    """Keys that the client publishes. Fetched when one is asked for: none is used longer than its set may be kept."""

    def __init__(
        self, uri: str, trust: ssl.SSLContext | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.uri, self._trust, self._clock, self._lock = uri, trust, clock, Lock()
        self._keys, self._until, self._next = tuple[ClientKey, ...](), 0.0, 0.0

    def named(self, kid: str, alg: str) -> list[ClientKey]:
        """Those of this name for this algorithm, in the set as it was fetched last or, if it is not there, is now."""
        with self._lock:
            if self._clock() >= self._until:
                self._keys = ()
            if not self._found(kid, alg) and self._clock() >= self._next:
                self._fetch()
            return self._found(kid, alg)

    def _found(self, kid: str, alg: str) -> list[ClientKey]:
        return [key for key in self._keys if (key.kid, key.alg) == (kid, alg)]

    def _fetch(self) -> None:
        self._next = self._clock() + BETWEEN
        try:
            headers, body = within(TIMEOUT, self._read)
            self._keys = tuple(usable(loads(body)))
        except (httpx2.HTTPError, ValueError, TimeoutError) as e:
            log.warning("the keys at %s cannot be read (%s); nobody can sign in with a new one", self.uri, e)
            return
        self._until = self._clock() + _lifetime(headers.get("cache-control", ""))

    def _read(self, until: float) -> tuple[Mapping[str, str], bytes]:
        """One request, never redirected: what the configuration names is all that we ask."""
        with (
            httpx2.Client(
                timeout=TIMEOUT,
                follow_redirects=False,
                verify=self._trust or True,
                trust_env=not is_loopback(urlsplit(self.uri).hostname or ""),
            ) as client,
            client.stream("GET", self.uri, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES or time.monotonic() > until:
                    raise ValueError(f"more than {MAX_BYTES} bytes, or too slow")
            return dict(answer.headers), bytes(body)


def usable(jwks: Any) -> Iterator[ClientKey]:
    """The keys of a JWK Set that can be used here; ValueError for what is no JWK Set.

    Left out is what SMART does not take: other types, curves and uses, RSA below 2048 bits, keys without a kid - and
    one that was published with its private half, which is nobody's secret any more.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError("it is not a JWK Set")
    for jwk in listed[:MOST_KEYS]:
        if isinstance(jwk, Mapping) and (found := _usable(jwk)) is not None:
            yield found


def _usable(jwk: Mapping[str, Any]) -> ClientKey | None:
    from joserfc.errors import JoseError  # only who has such clients pays for loading it
    from joserfc.jwk import ECKey, RSAKey

    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str) or not kid or "d" in jwk or jwk.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        if jwk.get("kty") == "RSA" and jwk.get("alg", "RS384") == "RS384":
            sizes = _bits(jwk.get("n")) in RSA_BITS and _bits(jwk.get("e")) <= EXPONENT_BITS
            return ClientKey(kid, "RS384", RSAKey.import_key(dict(jwk))) if sizes else None
        if (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-384") and jwk.get("alg", "ES384") == "ES384":
            return ClientKey(kid, "ES384", ECKey.import_key(dict(jwk)))
    except (JoseError, ValueError, TypeError):
        log.warning("a key of a JWK Set cannot be read and is left out")
    return None


def _bits(number: object) -> int:
    """The length of a number of a JWK (Base64urlUInt); ValueError when it is none."""
    return int.from_bytes(urlsafe_b64decode(f"{number}==")).bit_length()


def _lifetime(cache_control: str) -> float:
    """Seconds a set may be kept (RFC 9111): as its server says, an hour at most."""
    said = cache_control.lower()
    if "no-store" in said or "no-cache" in said:
        return BETWEEN
    found = _MAX_AGE.search(said)
    return min(max(float(found.group(1)), BETWEEN), LONGEST) if found else KEPT
