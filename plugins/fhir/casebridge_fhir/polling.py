"""Tasks that changed on the server since last time, each with what it refers to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from casebridge.core.errors import SetupError
from casebridge_fhir.bundle import entries
from casebridge_fhir.outcomes import codes
from casebridge_fhir.references import Entry, base_of, local_reference, localise
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
TASK_CODES = "http://hl7.org/fhir/CodeSystem/task-code"
UNKNOWN = datetime.min.replace(tzinfo=UTC)  # the stamp of what has none
_INCLUDE = ("Task:focus", "Task:patient", "Task:requester", "Task:owner")


class EndlessList(SetupError):
    """More pages than allowed; what was read so far is good."""


class TaskPoll:
    """One search for referral Tasks (``code=fulfill``), read page by page."""

    def __init__(self, server: Server, settings: RestSettings, cursor: str | None) -> None:
        self._server, self._settings = server, settings
        self.since = _since(cursor, settings)
        self.known: dict[str, dict[str, Any]] = {}  # what the searches brought along, by Type/id
        self._newest = UNKNOWN
        self.dropped: set[str] = set()  # parameters the server left out of its ``self`` link

    def tasks(self) -> Iterator[dict[str, Any]]:
        """Referral Tasks, oldest change first; those with equal stamps all come.

        A server that does not sort is read to its end before the first Task is given, so that the cursor
        can never pass something unread. SetupError CB-109 when ``max_pages`` would cut such a reading short.
        """
        found = self._found()
        first = next(found, None)
        if first is None:
            return
        if "_sort" in self.dropped:
            yield from sorted([*first, *(task for page in found for task in page)], key=stamp)
            return
        try:
            yield from self._in_order(first)
            for page in found:
                yield from self._in_order(page)
        except EndlessList:
            if self.since is not None and self._newest - self.since <= timedelta(seconds=self._settings.overlap):
                raise
            log.info("max_pages read; the next poll goes on from here")

    def _in_order(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._newest = max([self._newest, *map(stamp, page)])
        return sorted(page, key=stamp)

    def _found(self) -> Iterator[list[dict[str, Any]]]:
        for bundle in pages(self._server, "Task", self._query(), self._settings.max_pages, self.dropped):
            if self.dropped:
                log.warning("the FHIR server ignores %s; filtering here", ", ".join(sorted(self.dropped)))
            yield [task for task in self._resources(bundle) if self._wanted(task)]

    def _query(self) -> list[tuple[str, str]]:
        query = [("code", f"{TASK_CODES}|fulfill"), ("_sort", "_lastUpdated")]
        query.append(("_count", str(self._settings.page_size)))
        if self.since is not None:
            query.append(("_lastUpdated", f"ge{_instant(self.since)}"))
        if self._settings.owner:
            query.append(("owner", self._settings.owner))
        return query + [("_include", included) for included in _INCLUDE]

    def _resources(self, bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for entry in matches(bundle, self._server.base):
            if entry.type == "Task":
                yield entry.resource
            else:
                self.known[entry.external_id] = entry.resource

    def _wanted(self, task: dict[str, Any]) -> bool:
        """What the search asked for, checked again: servers drop parameters they do not know in silence."""
        code = task.get("code")
        codings = code.get("coding", []) if isinstance(code, dict) else []
        fulfil = any(c.get("system") == TASK_CODES and c.get("code") == "fulfill" for c in codings)
        owner = task.get("owner")
        mine = isinstance(owner, dict) and local_reference(str(owner.get("reference"))) == self._settings.owner
        changed = stamp(task)
        recent = self.since is None or changed == UNKNOWN or changed >= self.since
        return fulfil and recent and (mine or not self._settings.owner)


def pages(
    server: Server, path: str, query: list[tuple[str, str]], limit: int, dropped: set[str]
) -> Iterator[dict[str, Any]]:
    """The searchset's pages along its opaque ``next`` links; parameters the server dropped go to ``dropped``.

    Raises SetupError CB-109 on a refused search, a ``next`` link to another server or in a circle, too many pages.
    """
    seen: set[str] = set()
    url, params = path, query
    for _ in range(limit):
        bundle = _page(server, url, params)
        dropped |= _missing(bundle, params)
        yield bundle
        following = _link(bundle, "next")
        if not following:
            return
        url, params = server.absolute(following), []
        if not server.same_origin(url) or url in seen:
            raise SetupError("CB-109", "the FHIR server's next page is on another server or one we have read already")
        seen.add(url)
    raise EndlessList("CB-109", f"the FHIR server's list has more than {limit} pages; raise max_pages or set since")


def _page(server: Server, url: str, params: list[tuple[str, str]]) -> dict[str, Any]:
    answer = server.get(url, params or None)
    bundle = answer.resource()
    if not answer.ok or bundle is None or bundle.get("resourceType") != "Bundle":
        said = codes(bundle) or "no searchset"
        raise SetupError("CB-109", f"the FHIR server answers {answer.status} to our search ({said})")
    return bundle


def matches(bundle: dict[str, Any], base: str) -> Iterator[Entry]:
    """The resources of a searchset page with local references; remarks of the server are logged by their codes."""
    for entry in entries(bundle):
        if isinstance(entry, Entry):
            address = entry if base_of(entry.full_url) else Entry(f"{base}/{entry.external_id}", "", entry.resource)
            localise(address)
            yield entry
        else:
            log.warning("skipped in a search result: %s", entry.message)


def stamp(resource: dict[str, Any]) -> datetime:
    """``meta.lastUpdated`` as an aware moment; the beginning of time when it is missing or unreadable."""
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return moment(text) if isinstance(text, str) else UNKNOWN


def moment(text: str) -> datetime:
    """An instant or a date as an aware moment, in UTC when it names no zone."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return UNKNOWN
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _since(cursor: str | None, settings: RestSettings) -> datetime | None:
    if cursor:
        return moment(cursor) - timedelta(seconds=settings.overlap)
    return moment(settings.since) if settings.since else None


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _link(bundle: dict[str, Any], relation: str) -> str:
    for link in bundle.get("link", []):
        if isinstance(link, dict) and link.get("relation") == relation and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""


def _missing(bundle: dict[str, Any], asked: list[tuple[str, str]]) -> set[str]:
    """Names of what we asked for that the ``self`` link lacks; a server without a ``self`` link tells nothing."""
    own = _link(bundle, "self")
    told = {name.split(":")[0] for name, _ in parse_qsl(urlsplit(own).query, keep_blank_values=True)}
    return {name for name, _ in asked} - told - {"_count"} if own else set()
