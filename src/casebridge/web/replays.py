"""The console's replay of a selection: what would happen is shown before the button that does it."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from casebridge.app import Bridge
from casebridge.core.errors import CaseBridgeError, Held, quiet_place
from casebridge.engine import replay
from casebridge.engine.again import Wish
from casebridge.engine.replay import Result, Selection
from casebridge.engine.trial import Trial
from casebridge.web.pages import Pages

TRIED = 25
"""Messages of which the page shows what would happen; the rest of the selection is counted."""
WISH = Wish(by="console")
Word = Annotated[str, Query(max_length=40)]


def add_replays(app: FastAPI, pages: Pages, bridge: Bridge) -> None:
    """Replay of the held messages that the list shows; added before the page of one held message."""
    site = bridge.site

    def page(request: Request, who: str, file: str, problem: str = "", result: Result | None = None) -> Response:
        chosen = Selection(who=who, file=file)
        trials = [] if result else list(islice(replay.tried(site, chosen, WISH), TRIED))
        return pages.show(
            request, "held_replay.html", 409 if problem else 200, who=who, file=file, problem=problem, result=result,
            count=replay.counted(site, chosen, WISH), trials=[_row(t) for some in trials for t in some],
            tried=len(trials))  # fmt: skip

    @app.get("/held/replay")
    def dry_run(request: Request, who: Word = "", file: Word = "") -> Response:
        return page(request, who, file)

    @app.post("/held/replay")
    async def confirmed(request: Request) -> Response:
        given = await pages.forms.read(request)
        if given is None:
            return pages.refused(request)
        return await run_in_threadpool(work, request, given)

    def work(request: Request, given: dict[str, str]) -> Response:
        who, file = given.get("who", ""), given.get("file", "")
        try:
            result = _replayed(bridge, Selection(who=who, file=file), given.get("count", ""))
        except CaseBridgeError as error:
            return page(request, who, file, f"{error.message}. {error.remedy}")
        bridge.lanes.wake()
        return page(request, who, file, result=result)


def _replayed(bridge: Bridge, chosen: Selection, count: str) -> Result:
    if not count.isdecimal() or len(count) > 9:
        raise Held("CB-533", "the page did not say how many messages were shown", who="it")
    return replay.go(bridge.site, replay.begin(bridge.site, chosen, WISH, int(count)))


def _row(one: Trial) -> dict[str, object]:
    """Places only: values are for the operator's own terminal."""
    places = [(p.what, quiet_place(p.where)) for p in one.places]
    return {"message": one.message, "partner": one.partner, "verdict": one.verdict, "records": one.records,
            "places": places, "error": one.error}  # fmt: skip
