"""Form tokens: unguessable, expiring, for one referral. Only their digests are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import select

from casebridge.store.connection import Connection
from casebridge.store.tables import form_token


@dataclass(frozen=True, slots=True)
class Grant:
    """What a live token stands for."""

    partner: str
    referral: str
    message: str
    expires_at: str


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def mint(c: Connection, partner: str, referral: str, message: str, expires_at: str) -> str:
    """A new token (256 random bits, URL-safe)."""
    token = secrets.token_urlsafe(32)
    c.add(form_token, {"digest": _digest(token), "partner": partner, "referral": referral, "message": message,
                       "expires_at": expires_at})  # fmt: skip
    return token


def grant(c: Connection, token: str, now: str) -> Grant | None:
    """What the token stands for, or None: unknown, expired or revoked, and nobody learns which."""
    query = select(form_token).where(
        form_token.c.digest == _digest(token), form_token.c.expires_at > now, form_token.c.revoked_at.is_(None)
    )
    row = c.execute(query).first()
    return Grant(row.partner, row.referral, row.message, row.expires_at) if row else None
