"""The door ``fhir-notify``: a partner's server says that there is something new.

Nothing of what it says is believed: whoever has the token can at most have us ask that partner's server, as often as
the site allows.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from casebridge import Context, Doorway, Settings
from casebridge.core.errors import TryAgain
from casebridge_fhir.subscribing.address import DOOR
from casebridge_fhir.subscribing.heard import heard
from casebridge_fhir.subscribing.subscriber import Subscriber

log = logging.getLogger("casebridge.fhir")
READ = 256 * 1024  # bytes of a notification that are looked at: one with ids only is small
MOST = 16 * 1024 * 1024  # bytes that are let pass: a classic one may carry its resource
SECONDS = 30


class NotifySettings(Settings):
    """Nothing to set: what there is belongs to the link ``fhir-rest``."""


class NotifyDoor:
    """Takes notifications under ``/fhir-notify/KEY``, and ``/fhir-notify/KEY/Task/1`` as classic ones may come."""

    name: ClassVar[str] = DOOR
    Settings: ClassVar[type[Settings]] = NotifySettings

    def __init__(self, settings: NotifySettings, context: Context) -> None:
        pass

    def router(self, doorway: Doorway) -> APIRouter:
        """Whoever knows no key learns nothing."""
        router = APIRouter()

        async def notified(key: str, request: Request) -> Response:
            found = _whose(doorway, key)
            if found is None:
                return Response(status_code=404)
            partner, subscriber = found
            if not _shows(request.headers.get("authorization", ""), subscriber):
                return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
            body = await _body(request)
            if body is None:
                return Response(status_code=413)
            return await run_in_threadpool(_taken, doorway, partner, subscriber, body)

        for path in ("/{key}", "/{key}/{type}/{id}"):
            router.add_api_route(path, notified, methods=["POST", "PUT"], include_in_schema=False)
        return router


def _whose(doorway: Doorway, key: str) -> tuple[str, Subscriber] | None:
    found = None
    for name, link in doorway.partners.items():
        subscriber = getattr(link, "subscriber", None)
        if not isinstance(subscriber, Subscriber) or not subscriber.address.key:
            continue
        if hmac.compare_digest(subscriber.address.key.encode(), key.encode()):
            found = name, subscriber
    return found


def _shows(authorization: str, subscriber: Subscriber) -> bool:
    scheme, _, token = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(subscriber.address.token.encode(), token.strip().encode())


async def _body(request: Request) -> bytes | None:
    """What is looked at of the body: all of it or nothing; None for one without end."""
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST:
                    return None
                body += part if size <= READ else b""
    except TimeoutError:
        return None
    return bytes(body) if size <= READ else b""


def _taken(doorway: Doorway, partner: str, subscriber: Subscriber, body: bytes) -> Response:
    try:
        news = subscriber.take(heard(body))
        if news.ask:
            doorway.ask(partner, news.missed)
    except TryAgain:
        return Response(status_code=503, headers={"Retry-After": "5"})
    return Response(status_code=200)
