"""The console: server-rendered pages for the site's own staff. Every page works without a script and by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from casebridge.app import Bridge
from casebridge.core.errors import CaseBridgeError, error_codes
from casebridge.core.words import referral_words
from casebridge.engine import alarms, held, timeline, views
from casebridge.engine.views import DisclosureRow
from casebridge.web.guard import Guard
from casebridge.web.operations import add_operations, answers_of
from casebridge.web.pages import Pages
from casebridge.web.replays import WISH, add_replays

ON_A_PAGE = 25
ALARMS = 20
"""On the first page; the first that rang come first."""
MAX_REASON = 500
PageNumber = Annotated[int, Query(ge=1, le=100_000)]
STATIC = {"console.css": "text/css", "icon.svg": "image/svg+xml"}
DONE = {
    "replayed": "It is on its way again.",
    "dropped": "It was given up. Who did it and why stays on the books.",
}


def console_app(bridge: Bridge, hosts: Iterable[str], trouble: Callable[[], str] = lambda: "") -> ASGIApp:
    """The console of a site; it answers only to these host names and the loopback ones."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    pages = Pages(bridge.site, trouble)
    _add_lists(app, pages, bridge)
    add_replays(app, pages, bridge)  # before the page of one held message: its address is like theirs
    _add_details(app, pages, bridge)
    _add_buttons(app, pages, bridge)
    add_operations(app, pages, bridge, answers_of(bridge, trouble))
    _add_refusals(app, pages)
    return Guard(app, hosts)


def _add_lists(app: FastAPI, pages: Pages, bridge: Bridge) -> None:
    site = bridge.site

    @app.get("/")
    def first(request: Request, status: str = "", page: PageNumber = 1) -> Response:
        counts = views.referral_counts(site)
        status = status if status in counts else ""
        rows = views.referral_rows(site, status=status, limit=ON_A_PAGE + 1, offset=(page - 1) * ON_A_PAGE)
        return pages.show(
            request, "first.html", needs=views.needs(site, dict(bridge.lanes.problems)),
            maps=bridge.lanes.map_problems, alarms=alarms.rows(site, ALARMS), listed=rows[:ON_A_PAGE],
            counts=counts, statuses=_statuses(counts),
            status=status, page=page, more=len(rows) > ON_A_PAGE)  # fmt: skip

    @app.get("/held")
    def held_list(request: Request, who: str = "", file: str = "", page: PageNumber = 1) -> Response:
        counts = views.held_counts(site, file=file)
        who = who if who in counts else ""
        rows = views.held_rows(site, who=who, file=file, limit=ON_A_PAGE + 1, offset=(page - 1) * ON_A_PAGE)
        return pages.show(request, "held_list.html", rows=rows[:ON_A_PAGE], counts=counts, who=who, file=file,
                          page=page, more=len(rows) > ON_A_PAGE)  # fmt: skip

    @app.get("/files")
    def files_(request: Request, partner: str = "", page: PageNumber = 1) -> Response:
        partner = partner if partner in site.partners else ""
        rows = views.file_rows(site, partner=partner, limit=ON_A_PAGE + 1, offset=(page - 1) * ON_A_PAGE)
        return pages.show(request, "files.html", rows=rows[:ON_A_PAGE], partner=partner, partners=site.partners,
                          page=page, more=len(rows) > ON_A_PAGE)  # fmt: skip

    @app.get("/partners")
    def partners(request: Request) -> Response:
        return pages.show(request, "partners.html", rows=views.partner_rows(site, dict(bridge.lanes.problems)))

    @app.get("/static/{name}")
    def static(request: Request, name: str) -> Response:
        if name not in STATIC:
            return pages.nothing(request)
        data = files("casebridge.web").joinpath("static", name).read_bytes()
        return Response(data, media_type=STATIC[name], headers={"Cache-Control": "max-age=3600"})


def _add_details(app: FastAPI, pages: Pages, bridge: Bridge) -> None:
    site = bridge.site

    @app.get("/referral/{id_}")
    def referral(request: Request, id_: str) -> Response:
        found = timeline.referral_page(site, id_)
        return pages.show(request, "referral.html", page=found) if found else pages.nothing(request)

    @app.get("/held/{id_}")
    def held_one(request: Request, id_: str, done: str = "") -> Response:
        return _held_page(request, id_, done=DONE.get(done, ""))

    @app.get("/client/{id_}/disclosures")
    def client(request: Request, id_: str) -> Response:
        name = views.client_name(site, id_)
        if name is None:
            return pages.nothing(request)
        rows = _folded(views.disclosures_of(site, id_))
        return pages.show(request, "disclosures.html", name=name, client=id_, rows=rows)

    @app.get("/help/{code}")
    def help_(request: Request, code: str) -> Response:
        entry = error_codes().get(code)
        return pages.show(request, "help.html", entry=entry) if entry else pages.nothing(request)

    def _held_page(request: Request, id_: str, *, done: str) -> Response:
        row = views.held_one(site, id_)
        return pages.show(request, "held.html", row=row, done=done, problem="") if row else pages.nothing(request)


def _statuses(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """The states there are now, each with its words as the list shows them."""
    return [(code, said.text) for (sort, code), said in referral_words().items()
            if sort in ("status", "way") and code in counts]  # fmt: skip


def _folded(rows: Iterable[DisclosureRow]) -> list[tuple[DisclosureRow, int, str]]:
    """The same page opened again and again, or the same decision made again, as one: the first, how many, the last's
    time. A page that was opened belongs to no message."""
    runs: dict[DisclosureRow, list[DisclosureRow]] = {}
    for row in rows:
        runs.setdefault(replace(row, at="", delivered_at=row.delivered_at if row.message else ""), []).append(row)
    return [(run[0], len(run), run[-1].at) for run in runs.values()]


def _add_buttons(app: FastAPI, pages: Pages, bridge: Bridge) -> None:
    site = bridge.site

    @app.post("/held/{id_}/replay")
    async def replay(request: Request, id_: str) -> Response:
        return await _do(request, id_, "replayed", lambda fields: held.replay(site, id_, WISH))

    @app.post("/held/{id_}/drop")
    async def drop(request: Request, id_: str) -> Response:
        def work(fields: dict[str, str]) -> None:
            held.drop(site, id_, fields["reason"], by="console")

        return await _do(request, id_, "dropped", work)

    async def _do(request: Request, id_: str, done: str, work: Callable[[dict[str, str]], object]) -> Response:
        fields = await pages.forms.read(request)
        if fields is None:
            return pages.refused(request)
        if done == "dropped" and not 0 < len(fields.get("reason", "")) <= MAX_REASON:
            return await run_in_threadpool(_again, request, id_, "Write why it is given up, in 500 characters or less.")
        try:
            await run_in_threadpool(work, fields)
        except CaseBridgeError as error:
            return await run_in_threadpool(_again, request, id_, f"{error.message}. {error.remedy}")
        bridge.lanes.wake()
        return RedirectResponse(f"/held/{id_}?done={done}", 303)

    def _again(request: Request, id_: str, problem: str) -> Response:
        row = views.held_one(site, id_)
        if row is None:
            return pages.nothing(request)
        return pages.show(request, "held.html", 409, row=row, done="", problem=problem)


def _add_refusals(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(HTTPException)
    async def nothing(request: Request, error: Exception) -> Response:
        return pages.nothing(request, getattr(error, "status_code", 404))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return pages.unexpected(request)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        return pages.nothing(request)
