"""Access tokens: signed by us, good for five minutes at our door, and never longer than their client is known."""

from __future__ import annotations

import os
import secrets
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from casebridge.core.errors import SetupError
from casebridge.core.jsontext import loads
from casebridge_fhir.smart_server.grants import Grant

LIFETIME = timedelta(minutes=5)
_ALG = "HS256"
_TYPE = "at+jwt"  # RFC 9068: so that nothing else signed with this secret is one
_BYTES = 32


class AccessTokens:
    """Makes and reads them. Whoever has ``secret`` (32 bytes) can: every process of the site, also after a restart."""

    def __init__(self, secret: bytes, audience: str) -> None:
        from joserfc.jwk import OctKey  # only who gives tokens pays for loading it

        if len(secret) < _BYTES:
            raise ValueError(f"a secret has {_BYTES} bytes at least")
        self._key, self._audience = OctKey.import_key(secret), audience

    def made(self, grant: Grant, now: datetime) -> str:
        """A token for ``grant``, good from ``now`` (aware) for LIFETIME."""
        from joserfc import jwt

        claims = {
            "iss": self._audience, "aud": self._audience, "sub": grant.partner, "client_id": grant.client,
            "scope": " ".join(grant.scopes), "jti": secrets.token_urlsafe(12),
            "iat": int(now.timestamp()), "exp": int((now + LIFETIME).timestamp()),
        }  # fmt: skip
        return jwt.encode({"alg": _ALG, "typ": _TYPE}, claims, self._key, algorithms=[_ALG])

    def read(self, token: str, now: datetime) -> Grant | None:
        """What a token of ours is good for at ``now``; None for any other, and for one that has ended."""
        from joserfc import jws
        from joserfc.errors import JoseError

        try:
            found = jws.deserialize_compact(token.encode(), self._key, algorithms=[_ALG])
            claims = loads(found.payload)
        except (JoseError, ValueError):
            return None
        ours = found.headers().get("typ") == _TYPE and claims["aud"] == self._audience
        if not ours or datetime.fromtimestamp(claims["exp"], UTC) <= now:
            return None
        return Grant(claims["sub"], claims["client_id"], tuple(claims["scope"].split()))


def token_secret(path: Path) -> bytes:
    """The secret in ``path``, made when it is not there. SetupError CB-104 when it cannot be, CB-145 when others can
    read it. Delete the file and every token ends at once."""
    try:
        return _kept(path)
    except FileNotFoundError:
        _make(path)
        return token_secret(path)
    except OSError as e:
        raise SetupError("CB-104", f"the secret for access tokens in {path} cannot be read ({e.strerror})") from None


def _kept(path: Path) -> bytes:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SetupError("CB-145", f"{path} signs access tokens and others may read it: chmod 600 {path}")
    secret = path.read_bytes()
    if len(secret) != _BYTES:
        raise SetupError("CB-104", f"{path} does not hold {_BYTES} bytes", remedy="Delete it; a new one is made.")
    return secret


def _make(path: Path) -> None:
    """Whole or not at all; of two processes at once the first one counts."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            return
        finally:
            beside.unlink()
    except OSError as e:
        raise SetupError("CB-104", f"the secret for access tokens cannot be made in {path} ({e.strerror})") from None
