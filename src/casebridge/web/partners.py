"""The partners' listener: the doors, and whether we are alive. It knows nothing of the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from casebridge.web.guard import Guard
from casebridge.web.operations import Answers, add_watch


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
