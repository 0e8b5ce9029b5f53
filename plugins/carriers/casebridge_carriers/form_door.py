"""The door ``web-form``: one page a referral, opened by an unguessable token; no script, works on a phone."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, ClassVar
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import Field

from casebridge import Context, Doorway, Released, Settings
from casebridge.core.errors import CaseBridgeError
from casebridge_carriers.form_along import about_sent
from casebridge_carriers.form_answers import ANSWERS, MAX_BYTES, MAX_TEXT, REASONS, offered, write_answer
from casebridge_carriers.form_page import about_person, about_request, is_offer, status_words
from casebridge_carriers.form_tries import WrongTokens

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
BODY_SECONDS = 15  # an answer is short: whoever takes longer only holds the door
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")
_PAGE = re.compile(r"[0-9a-f]{32}")
_NO_TOKEN = "0" * 43  # looked up in place of a malformed one, so that both take as long

THANKS = {
    "accept": "Thank you. The sender will see that you accepted. Come back to this page when you have helped.",
    "decline": "Thank you for telling us. The sender will look for other help. You need do nothing more.",
    "complete": "Thank you. The sender will see that you helped. You need do nothing more.",
    "unable": "Thank you for telling us. The sender will look for other help. You need do nothing more.",
}
OFFERED = """Thank you, your answer has arrived. Several agencies were asked, and the first who accepts has it: load
this page again in a moment to see whether that is you."""


class DoorSettings(Settings):
    """Limits."""

    wrong_links_per_minute: int = Field(30, gt=0, description="From one address; more must wait a minute")
    max_bytes: int = Field(MAX_BYTES, gt=0, description="The largest answer taken")


@dataclass(frozen=True, slots=True)
class _Said:
    """What the person sent: trimmed, with line ends as \\n."""

    page: str
    answer: str
    fields: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)


class WebFormDoor:
    """Shows what is released for a token and takes the answer."""

    name: ClassVar[str] = "web-form"
    Settings: ClassVar[type[Settings]] = DoorSettings

    def __init__(self, settings: DoorSettings, context: Context) -> None:
        self.settings, self.context = settings, context
        self.wrong = WrongTokens(settings.wrong_links_per_minute)
        self._templates = Environment(
            loader=PackageLoader("casebridge_carriers"), autoescape=True, undefined=StrictUndefined
        )

    def router(self, doorway: Doorway) -> APIRouter:
        """Routes: the style sheet, a thank-you page for each last answer, and the referral's page."""
        router = APIRouter()

        @router.get("/static/form.css", include_in_schema=False)
        def style() -> Response:
            css = files("casebridge_carriers").joinpath("static/form.css").read_bytes()
            return Response(css, media_type="text/css", headers={**HEADERS, "Cache-Control": "max-age=3600"})

        @router.get("/thanks/{answer}", include_in_schema=False)
        def thanks(answer: str) -> Response:
            return self._thanks(answer)

        @router.get("/{token}", include_in_schema=False)
        async def show(token: str, request: Request) -> Response:
            try:
                released = await self._look(doorway, token, request)
            except CaseBridgeError:
                return self._later({})
            return released if isinstance(released, Response) else self._page(released, request)

        @router.post("/{token}", include_in_schema=False)
        async def take(token: str, request: Request) -> Response:
            body = await _body(request, self.settings.max_bytes)
            try:
                released = await self._look(doorway, token, request)
            except CaseBridgeError:
                return self._later(_decoded(body or b""))
            if isinstance(released, Response):
                return released
            return await self._take(doorway, token, released, request, body)

        return router

    async def _look(self, doorway: Doorway, token: str, request: Request) -> Released | Response:
        """What the token opens; a good link opens however many wrong ones came from the same address."""
        address = request.client.host if request.client else ""
        released = await run_in_threadpool(doorway.released, token if _TOKEN.fullmatch(token) else _NO_TOKEN)
        if released is not None:
            return released
        if self.wrong.must_wait(address):
            return self._nothing(429, {"Retry-After": "60"})
        self.wrong.count(address)
        return self._nothing(404)

    async def _take(
        self, doorway: Doorway, token: str, released: Released, request: Request, body: bytes | None
    ) -> Response:
        if body is None:
            return self._page(released, request, problem="That was too long. Please shorten your text.", status=413)
        said = _said(body)
        if said.answer not in offered(str(released.document.get("status"))):
            return _redirect(token)  # answered meanwhile, perhaps by a colleague: the page says so
        if said.errors:
            return self._page(released, request, said=said, status=422)
        data = write_answer(token, said.page, str(released.document["referral"]), said.fields)
        try:
            submitted = await run_in_threadpool(doorway.submit, token, data, "application/json")
        except CaseBridgeError:
            problem = "Your answer could not be saved. Please try again in a few minutes, or call the sender."
            return self._page(released, request, said=said, problem=problem, status=503)
        if submitted.state == "refused":
            problem = submitted.message or "Your answer was not taken. Please call the sender."
            return self._page(released, request, said=said, problem=problem, status=409)
        return _redirect(f"{token}?sent=accept" if said.answer == "accept" else f"thanks/{said.answer}")

    def _page(
        self, released: Released, request: Request, *, said: _Said | None = None, problem: str = "", status: int = 200
    ) -> Response:
        document = released.document
        sent = request.query_params.get("sent") == "accept" and document.get("status") == "waiting"
        text = self._templates.get_template("referral.html").render(
            status_words=status_words(document, sent=sent),
            request_facts=about_request(document, self.context.timezone),
            person_facts=about_person(document),
            sent_facts=about_sent(document, self.context.timezone),
            notices=released.notices,
            answers=[] if sent else offered(str(document.get("status"))),
            thanks=(OFFERED if is_offer(document) else THANKS["accept"]) if sent else "",
            page=secrets.token_hex(16), reasons=REASONS, max_text=MAX_TEXT, problem=problem,
            said=said or _Said("", "", {}), root="",
        )  # fmt: skip
        return Response(text, status, media_type="text/html", headers=HEADERS)

    def _later(self, form: Mapping[str, str]) -> Response:
        """While the books cannot be asked what the link opens; an answer in ``form`` is kept, to be sent again."""
        kept = form if form.get("answer") in ANSWERS else {}
        page = self._templates.get_template("later.html").render(kept=kept, max_text=MAX_TEXT, root="")
        return Response(page, 503, media_type="text/html", headers={**HEADERS, "Retry-After": "60"})

    def _thanks(self, answer: str) -> Response:
        text = THANKS.get(answer)
        return self._message("Thank you", text, 200, root="../") if text else self._nothing(404, root="../")

    def _nothing(self, status: int, headers: Mapping[str, str] | None = None, *, root: str = "") -> Response:
        text = "This link does not work (any more). If you need it, please call the organization that sent it."
        return self._message("Nothing to see here", text, status, headers, root=root)

    def _message(
        self, title: str, text: str, status: int, headers: Mapping[str, str] | None = None, *, root: str = ""
    ) -> Response:
        page = self._templates.get_template("message.html").render(title=title, text=text, root=root)
        return Response(page, status, media_type="text/html", headers={**HEADERS, **(headers or {})})


def _redirect(to: str) -> Response:
    return Response(status_code=303, headers={**HEADERS, "Location": to})


async def _body(request: Request, limit: int) -> bytes | None:
    """The request's body, or None when it is longer than ``limit`` or does not end in time (no more is read)."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    return None
    except TimeoutError:
        return None
    return bytes(body)


def _said(body: bytes) -> _Said:
    """What the form holds, with what is wrong with it by field."""
    form = _decoded(body)
    answer, tick, text = form.get("answer", ""), form.get("detail", ""), form.get("text", "")
    fields: dict[str, Any] = {"answer": answer}
    needs = ANSWERS[answer].needs if answer in ANSWERS else ""
    errors: dict[str, str] = {}
    if needs == "reason":
        fields |= {"detail": tick, "reason": text or REASONS.get(tick, "")}
        if tick not in REASONS or (tick == "declined-by-provider" and not text):
            errors["detail"] = "Choose a reason, or choose “Another reason” and write it."
    if needs == "outcome":
        fields["outcome"] = text
        if not text:
            errors["text"] = "Write what was done."
    if len(text) > MAX_TEXT:
        errors["text"] = f"Use at most {MAX_TEXT} characters."
    if not _PAGE.fullmatch(form.get("page", "")):
        errors["page"] = "Please press the button again."
    return _Said(form.get("page", ""), answer, fields, errors)


def _decoded(body: bytes) -> dict[str, str]:
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=20, encoding="utf-8", errors="replace")
    except ValueError:
        return {}
    return {name: values[0].replace("\r\n", "\n").strip() for name, values in form.items()}
