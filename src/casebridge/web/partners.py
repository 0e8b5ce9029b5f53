"""The partners' listener: the doors, and whether we are alive. It knows nothing of the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from casebridge.app import Bridge
from casebridge.web.guard import Guard
from casebridge.web.operations import Answers, add_watch, answers_of


def partners_app_of(bridge: Bridge, host: str, trouble: Callable[[], str]) -> ASGIApp:
    """The doors of a bridge, for requests to ``host`` and to the name by which partners know us."""
    outside = urlsplit(bridge.config.web.partners_url).hostname or ""
    return partners_app(bridge.doors, [host, outside], lambda: not trouble(), answers_of(bridge, trouble))


def partners_app(
    doors: Mapping[str, APIRouter], hosts: Iterable[str], is_well: Callable[[], bool],
    answers: Answers = lambda: (),
) -> ASGIApp:  # fmt: skip
    """Each door under its own name (``/web-form/...``), ``/health``, ``/ready`` without a word of what is behind it,
    and ``/healthz``: 200, or 503 when work does not go on."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    for name, router in doors.items():
        app.include_router(router, prefix=f"/{name}")

    add_watch(app, answers, details=False)

    @app.get("/healthz")
    def healthz() -> Response:
        return PlainTextResponse("well\n") if is_well() else PlainTextResponse("not well\n", 503)

    return Guard(app, hosts)
