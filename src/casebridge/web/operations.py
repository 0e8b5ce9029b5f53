"""For those who keep the site running, and for what watches it: is it alive, is it ready, how does it stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import FastAPI
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from casebridge.app import Bridge
from casebridge.engine import readiness, upkeep
from casebridge.engine.readiness import Answer
from casebridge.engine.standing import seen
from casebridge.web import metrics
from casebridge.web.pages import Pages

Answers = Callable[[], Sequence[Answer]]


def answers_of(bridge: Bridge, trouble: Callable[[], str]) -> Answers:
    """What ``/ready`` asks, for one process."""
    jobs = [(name, seconds) for name, seconds, _ in upkeep.JOBS]
    return lambda: readiness.answers(bridge.site, bridge.pulse.name, jobs, bridge.lanes.worker.due, trouble())


def add_watch(app: FastAPI, answers: Answers, *, details: bool) -> None:
    """``/health``: this process answers. ``/ready``: 200 or 503, and with ``details`` what is wrong and what to do."""

    @app.get("/health")
    def health() -> Response:
        return PlainTextResponse("alive\n")

    @app.get("/ready")
    def ready(request: Request) -> Response:
        found = answers()
        well = readiness.ready(found)
        if not details:
            return PlainTextResponse("ready\n" if well else "not ready\n", 200 if well else 503)
        said = [{"part": a.name, "well": a.well, "said": a.said, "remedy": a.remedy} for a in found]
        return JSONResponse({"ready": well, "parts": said}, 200 if well else 503)


def add_operations(app: FastAPI, pages: Pages, bridge: Bridge, answers: Answers) -> None:
    """On the console's listener only: the page of the figures, and the figures for Prometheus."""
    add_watch(app, answers, details=True)

    @app.get("/metrics")
    def metrics_() -> Response:
        said = metrics.text(lambda: seen(bridge.site), answers, bridge.site.walled)
        return Response(said, media_type=CONTENT_TYPE_LATEST)

    @app.get("/status")
    def status(request: Request) -> Response:
        found, parts = seen(bridge.site), answers()
        if found is None:
            said = " ".join(f"{part.said} {part.remedy}" for part in parts if not part.well)
            return pages.show(request, "message.html", 503, title="Not ready", text=said)
        return pages.show(request, "status.html", found=found, answers=parts)
