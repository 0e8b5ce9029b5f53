"""The signed assertion by which a token endpoint knows us (SMART App Launch 2.2, client-confidential-asymmetric)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from casebridge.core.signing_keys import SigningKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BEFORE = timedelta(minutes=1)
AFTER = timedelta(minutes=3)
"""An assertion may live for five minutes. Ours is dated back a little and ends early, so that a server whose clock is
up to a minute behind ours, or up to three before it, still takes it."""


def signed(client_id: str, token_endpoint: str, key: SigningKey, pem: bytes, now: datetime) -> str:
    """A JWT of ``client_id`` for ``token_endpoint``, good once, around ``now`` (aware) by the endpoint's clock."""
    from joserfc import jwt  # only who signs pays for loading it
    from joserfc.jwk import ECKey, RSAKey

    claims = {
        "iss": client_id, "sub": client_id, "aud": token_endpoint, "jti": secrets.token_urlsafe(24),
        "iat": int((now - BEFORE).timestamp()), "exp": int((now + AFTER).timestamp()),
    }  # fmt: skip
    kind = RSAKey if key.alg == "RS384" else ECKey
    header = {"alg": key.alg, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, claims, kind.import_key(pem), algorithms=[key.alg])
