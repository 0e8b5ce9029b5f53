"""The door ``fhir``: a FHIR R4 server on which each partner has a shelf of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar
from urllib.parse import parse_qsl

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import Field

from casebridge import Context, Doorway, Settings
from casebridge_fhir.door.answers import Speaking, speaking
from casebridge_fhir.door.gate import Gate
from casebridge_fhir.door.parameters import types
from casebridge_fhir.door.refusals import Refusal, refused
from casebridge_fhir.door.requests import Asked, Server
from casebridge_fhir.door.statement import statement
from casebridge_fhir.notifying.serving import routes
from casebridge_fhir.smart_server import router as smart_router

BODY_SECONDS = 60
AT_ONCE = 16
"""Requests of one partner that are read or answered at a time; its next ones wait, and nobody else's."""
WITH_BODY = ("POST", "PUT")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class DoorSettings(Settings):
    """Address and limits."""

    base_url: str = Field(default="", description="The server's address as partners know it; without it, as they ask")
    max_bytes: int = Field(default=16 * 1024 * 1024, gt=0, description="The largest request taken, in bytes")


class FhirDoor:
    """Reads, searches and writes of partners, as FHIR R4 over HTTP."""

    name: ClassVar[str] = "fhir"
    Settings: ClassVar[type[Settings]] = DoorSettings

    def __init__(self, settings: DoorSettings, context: Context) -> None:
        self.settings, self._base_dir = settings, context.base_dir

    def router(self, doorway: Doorway) -> APIRouter:
        """The interactions of FHIR R4 http.html: each request is read here, and answered in a thread."""
        router, places, limits = APIRouter(), dict[str, asyncio.Semaphore](), dict[str, CapacityLimiter]()
        gate = Gate(doorway.shelf, self.settings.base_url, self._base_dir)
        if gate.smart is not None:
            router.include_router(smart_router(gate.smart))

        def answer(do: Callable[[Server, Asked], Response]) -> Callable[[Request], object]:
            async def endpoint(request: Request) -> Response:
                speaks = Speaking()
                try:
                    headers, params = request.headers, request.query_params
                    speaks = speaking(headers.get("accept", ""), params.get("_format", ""), headers.get("prefer", ""))
                    asker = gate.asker(headers.get("authorization", ""))  # before the body; it waits for nothing
                    if any("\0" in part for part in request.path_params.values()):  # PostgreSQL takes no such text
                        raise Refusal(404, "There is nothing under this address.")
                    async with places.setdefault(asker.partner, asyncio.Semaphore(AT_ONCE)):
                        body = await _body(request, self.settings.max_bytes) if request.method in WITH_BODY else b""
                        asked = Asked(speaks, dict(request.path_params), parse_qsl(
                            request.url.query, keep_blank_values=True), dict(headers), body)  # fmt: skip
                        server = Server(doorway.shelf, asker, self._base(request))
                        threads = limits.setdefault(asker.partner, CapacityLimiter(AT_ONCE))  # of its own, too
                        return await to_thread.run_sync(do, server, asked, limiter=threads)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is answered in FHIR, without its text
                    return speaks.refuse(refused(error))

            return endpoint

        @router.get("/metadata", include_in_schema=False)
        async def metadata(request: Request) -> Response:
            try:
                speaks = speaking(request.headers.get("accept", ""), request.query_params.get("_format", ""), "")
            except Refusal as refusal:
                return Speaking().refuse(refusal)
            made_on = doorway.shelf.now().date().isoformat()
            return speaks.answer(statement(self._base(request), types(), gate.written(), made_on))

        for method, path, do in (
            *routes(doorway), ("GET", "/{type}", Server.search), ("POST", "/{type}/_search", Server.search_by_form),
            ("POST", "/{type}", Server.create), ("GET", "/{type}/{id}", Server.read),
            ("PUT", "/{type}/{id}", Server.update), ("DELETE", "/{type}/{id}", Server.withdraw),
            ("GET", "/{type}/{id}/_history", Server.history), ("GET", "/{type}/{id}/_history/{version}", Server.vread),
            ("POST", "", Server.bundle), ("POST", "/", Server.bundle),
        ):  # fmt: skip
            router.add_api_route(path, answer(do), methods=[method], include_in_schema=False)
        for path in ("", "/{rest:path}"):  # last: what none of them takes
            router.add_api_route(path, _not_here, methods=METHODS, include_in_schema=False)
        return router

    def _base(self, request: Request) -> str:
        asked_as = f"{request.scope['scheme']}://{request.headers.get('host', '')}{request.scope.get('root_path', '')}"
        return self.settings.base_url.rstrip("/") or f"{asked_as}/{self.name}"


async def _not_here(request: Request) -> Response:
    """In FHIR, too. The interactions are those of /metadata."""
    known = request.method in ("GET", "POST", "PUT", "DELETE")
    said = "There is nothing under this address" if known else f"{request.method} is not done here"
    return Speaking().refuse(Refusal(404 if known else 405, f"{said}; /metadata says what there is."))


async def _body(request: Request, limit: int) -> bytes:
    """The request's body. Refusal 413 beyond ``limit`` bytes, 408 when it does not end in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise Refusal(413, f"A request may have at most {limit} bytes.")
    except TimeoutError:
        raise Refusal(408, "The request did not end in time.") from None
    return bytes(body)
