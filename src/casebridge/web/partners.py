"""The partners' listener: the doors, and whether we are alive. It knows nothing of the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from casebridge.web.guard import Guard


def partners_app(doors: Mapping[str, APIRouter], hosts: Iterable[str], is_well: Callable[[], bool]) -> ASGIApp:
    """Each door under its own name (``/web-form/...``) and ``/healthz``: 200, or 503 when work does not go on."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    for name, router in doors.items():
        app.include_router(router, prefix=f"/{name}")

    @app.get("/healthz")
    def healthz() -> Response:
        return PlainTextResponse("well\n") if is_well() else PlainTextResponse("not well\n", 503)

    return Guard(app, hosts)
