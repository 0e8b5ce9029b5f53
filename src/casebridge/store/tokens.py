"""Form tokens: unguessable, expiring, revocable, for one referral. Only their digests are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update

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
    row = c.execute(select(form_token).where(form_token.c.digest == _digest(token), *_live(now))).first()
    return Grant(row.partner, row.referral, row.message, row.expires_at) if row else None


def revoke(c: Connection, now: str, *, partner: str = "", referral: str = "") -> int:
    """Take back all that live of a partner or of a referral; how many."""
    of = form_token.c.partner == partner if partner else form_token.c.referral == referral
    return c.execute(update(form_token).where(of, *_live(now)).values(revoked_at=now)).rowcount


def _live(now: str) -> tuple[ColumnElement[bool], ...]:
    return (form_token.c.expires_at > now, form_token.c.revoked_at.is_(None))
