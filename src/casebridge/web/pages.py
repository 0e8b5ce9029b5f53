"""Pages from templates: escaped by default, in the site's zone, in plain words, with the form's cookie."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from casebridge.core import facts
from casebridge.core.policy import NOT_NEEDED
from casebridge.core.words import way_words, words
from casebridge.engine.site import Site
from casebridge.engine.views import HeldRow
from casebridge.web import wording
from casebridge.web.forms import Forms

_SVG = Markup('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="{}"/></svg>')


class Pages:
    """Renders the console's templates for one site."""

    def __init__(self, site: Site, trouble: Callable[[], str]) -> None:
        self.site, self.trouble, self.forms = site, trouble, Forms()
        self._templates = Environment(
            loader=PackageLoader("casebridge.web"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True)  # fmt: skip
        self._templates.filters |= {
            "say": wording.say, "short": wording.short, "said_paths": wording.said_paths, "kind": _kind,
            "moment": partial(_time, zone=site.timezone), "brief": self._brief, "contact": wording.contact,
            "icon": icon, "age": wording.age, "amount": wording.amount, "size": wording.size,
            "status_icon": lambda s: words(s).icon,
            "way_icon": lambda s: way_words(s).icon,
            "status_words": lambda s: words(s).text,
        }  # fmt: skip
        self._templates.globals["not_needed"] = NOT_NEEDED.why

    def show(self, request: Request, template: str, http_status: int = 200, **given: Any) -> Response:
        """One page. The browser's cookie and the hidden field of its forms belong together."""
        visitor = self.forms.visitor(request)
        text = self._templates.get_template(template).render(
            site=self.site.name, zone=str(self.site.timezone), now=self.site.now(), path=request.url.path,
            token=self.forms.token(visitor), trouble=self.trouble(), **given)  # fmt: skip
        response = Response(text, http_status, media_type="text/html")
        self.forms.remember(response, visitor)
        return response

    def _brief(self, text: str) -> Markup:
        """A moment without zone and this year's number, where the line says little else."""
        shown = wording.brief(text, self.site.timezone, self.site.today()[:4])
        return Markup('<time datetime="{}">{}</time>').format(wording.machine(text), shown)

    def nothing(self, request: Request, status: int = 404) -> Response:
        """There is no such page, or it takes nothing of this kind."""
        return self.show(request, "message.html", status, title="There is no such page",
                         text="It may have been removed, or the address is not complete.")  # fmt: skip

    def refused(self, request: Request) -> Response:
        """The form did not come from one of our own pages, or the page was too old."""
        return self.show(request, "message.html", 403, title="Nothing was done",
                         text="This page was too old, or the request came from somewhere else. Go back, load the page "
                              "again, and press the button once more.")  # fmt: skip

    def unexpected(self, request: Request) -> Response:
        """Something we did not think of: what it was stands in the log, without its text."""
        return self.show(request, "message.html", 500, title="Something unexpected happened",
                         text="Nothing is lost. Load the page again; if it stays like this, tell your IT staff the "
                              "time and the code CB-901. The log says where it happened.")  # fmt: skip


@cache
def _icons() -> dict[str, str]:
    return {row["name"]: row["path"] for row in facts.rows("casebridge.web", "icons.csv")}


def icon(name: str) -> Markup:
    """A small drawing beside words that say the same (so screen readers skip it)."""
    path = _icons().get(name) or _icons()["info"]
    return _SVG.format(path)


def _kind(row: HeldRow) -> str:
    return wording.kind_words(row.kind, row.purpose)


def _time(text: str, *, zone: Any) -> Markup:
    if not text:
        return Markup("")
    shown = escape(wording.moment(text, zone))
    return Markup('<time datetime="{}">{}</time>').format(wording.machine(text), shown)
