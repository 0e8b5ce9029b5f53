"""Forms of the console: read within limits, and taken only from our own pages (CSRF)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "casebridge-form"
MAX_BYTES = 8 * 1024
_VISITOR = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Forms:
    """Ties a form to the browser that got the page: a random cookie, and its HMAC in a hidden field.

    The secret lives as long as the process: after a restart an open page must be loaded again.
    """

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def visitor(self, request: Request) -> str:
        """This browser's random cookie, or a new one."""
        known = request.cookies.get(COOKIE, "")
        return known if _VISITOR.fullmatch(known) else secrets.token_urlsafe(16)

    def token(self, visitor: str) -> str:
        """The hidden field for a browser."""
        return hmac.new(self.secret, visitor.encode(), hashlib.sha256).hexdigest()

    def remember(self, response: Response, visitor: str) -> None:
        """Give the browser its cookie: sent to us only by our own pages, unreadable by scripts."""
        response.set_cookie(COOKIE, visitor, httponly=True, samesite="strict", path="/")

    async def read(self, request: Request) -> dict[str, str] | None:
        """The fields of a form that one of our own pages sent; None for any other request."""
        visitor, body = request.cookies.get(COOKIE), await _body(request)
        if body is None or not visitor or not is_ours(request):
            return None
        try:
            parsed = parse_qs(body.decode("ascii"), max_num_fields=20, keep_blank_values=True)
        except ValueError:
            return None
        fields = {name: values[0].replace("\r\n", "\n").strip() for name, values in parsed.items()}
        matches = hmac.compare_digest(fields.get("token", "").encode(), self.token(visitor).encode())
        return fields if matches else None


def is_ours(request: Request) -> bool:
    """Did a page of this very origin send it?

    Under ``Referrer-Policy: no-referrer`` a browser writes ``Origin: null`` (Fetch standard, 3.2): then only its
    ``Sec-Fetch-Site`` can tell.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    if origin in (None, "null"):
        return site == "same-origin"
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            return None
    return bytes(body)
