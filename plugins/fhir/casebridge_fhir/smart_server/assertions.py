"""The signed assertion of a client (SMART App Launch 2.2, client-confidential-asymmetric; RFC 7523)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from casebridge.core.jsontext import loads
from casebridge.core.signing_keys import ALGORITHMS
from casebridge_fhir.smart_server.clients import Client

LONGEST = timedelta(minutes=5)
SKEW = timedelta(seconds=30)
MOST_CHARACTERS = 8192
_MOST_JTI = 512
_TYPES = frozenset({"jwt", "client-authentication+jwt"})
_HEADERS = frozenset({"alg", "kid", "typ", "jku", "x5t", "x5t#S256", "x5u", "x5c"})


class NotAccepted(Exception):
    """Why an assertion is not accepted, for our log alone: it never holds anything that the assertion says."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One that is good. ``once``: its name among those used, the same for the same jti of the same client."""

    once: str
    until: datetime


def issuer(assertion: str) -> str:
    """Who says that it made it; nothing is proved yet. NotAccepted when it is no JWT."""
    _, claims = _parts(assertion)
    name = claims.get("iss")
    if not isinstance(name, str) or not name:
        raise NotAccepted("iss is missing")
    return name


def verified(assertion: str, client: Client, audiences: Collection[str], now: datetime) -> Assertion:
    """The assertion, once signature and claims are good at ``now`` (aware). NotAccepted otherwise.

    Whether it was used before is for the caller to see.
    """
    header, _ = _parts(assertion)
    alg, kid = header.get("alg"), header.get("kid")
    if alg not in ALGORITHMS:
        raise NotAccepted(f"alg is none of {', '.join(ALGORITHMS)}")
    if header.keys() - _HEADERS or str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise NotAccepted("the header is not that of a client assertion")
    if not isinstance(kid, str) or not kid:
        raise NotAccepted("kid is missing")
    if header.get("jku", client.keys.uri) != client.keys.uri:
        raise NotAccepted("jku is not where its keys are published")
    return _checked(_signed_claims(assertion, client, kid, alg), client, audiences, now)


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    from joserfc import jws
    from joserfc.errors import JoseError

    if len(assertion) > MOST_CHARACTERS or not assertion.isascii():
        raise NotAccepted("it is too long, or no JWT")
    try:
        found = jws.extract_compact(assertion.encode())
        header, claims = found.headers(), loads(found.payload)
    except (JoseError, ValueError, TypeError):
        raise NotAccepted("it is no JWT") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise NotAccepted("it is no JWT")
    return header, claims


def _signed_claims(assertion: str, client: Client, kid: str, alg: str) -> dict[str, Any]:
    from joserfc import jws
    from joserfc.errors import JoseError

    keys = client.keys.named(kid, alg)
    if not keys:
        raise NotAccepted("there is no such kid for this alg among its keys")
    for one in keys:
        try:
            found = loads(jws.deserialize_compact(assertion.encode(), one.key, algorithms=[alg]).payload)
        except (JoseError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    raise NotAccepted("the signature is wrong")


def _checked(claims: dict[str, Any], client: Client, audiences: Collection[str], now: datetime) -> Assertion:
    if claims.get("iss") != client.id or claims.get("sub") != client.id:
        raise NotAccepted("iss and sub are not both the client id")
    aud = claims.get("aud")
    named = [aud] if isinstance(aud, str) else aud if isinstance(aud, list) else []
    if not any(one in audiences for one in named if isinstance(one, str)):
        raise NotAccepted("aud is not our token endpoint")
    expires = _moment(claims.get("exp"))
    if expires is None or expires <= now - SKEW:
        raise NotAccepted("exp is missing, or past")
    if expires > now + LONGEST + SKEW:
        raise NotAccepted("exp is more than five minutes ahead")
    for name in ("nbf", "iat"):
        begins = _moment(claims.get(name, 0))
        if begins is None or begins > now + SKEW:
            raise NotAccepted(f"{name} is ahead of us")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MOST_JTI:
        raise NotAccepted("jti is missing, or too long")
    return Assertion("smart-jti/" + _digest(client.id, jti), expires + SKEW)


def _moment(value: object) -> datetime | None:
    """A NumericDate (RFC 7519) of our age; jsontext gives an int, or a Number with a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _digest(client_id: str, jti: str) -> str:
    return hashlib.sha256(f"{len(client_id)}:{client_id}{jti}".encode()).hexdigest()
