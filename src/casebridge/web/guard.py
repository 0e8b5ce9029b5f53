"""What every request passes first: is it meant for this listener; and what every answer carries."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from casebridge.core.errors import place_of

log = logging.getLogger(__name__)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Set on every answer that does not set them itself."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """Refuses a request for another host's name (a page elsewhere whose name was pointed at us: DNS rebinding)."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app, self.hosts = app, LOOPBACK_NAMES | {h.lower() for h in hosts if h}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if host_name(Headers(scope=scope).get("host", "")) not in self.hosts:
            refusal = PlainTextResponse("This address is not served under that name.\n", 421, headers=HEADERS)
            await refusal(scope, receive, send)
            return
        try:
            await self.app(scope, receive, _with_headers(send))
        except Exception as error:  # noqa: BLE001 - answered already; its text may quote a record and is not logged
            log.error("unexpected %s at %s", type(error).__name__, place_of(error))


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets: ``[::1]:8421`` is ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


_RAW = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            named = {name.lower() for name, _ in given}
            message = {**message, "headers": given + [pair for pair in _RAW.items() if pair[0] not in named]}
        await send(message)

    return sending
