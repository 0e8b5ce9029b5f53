"""Tasks that changed on the server since last time, each with what it refers to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, urlsplit

from casebridge.core.errors import SetupError
from casebridge_fhir.bundle import entries
from casebridge_fhir.outcomes import codes
from casebridge_fhir.references import RELATIVE, Entry, base_of, local_reference, localise
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
TASK_CODES = "http://hl7.org/fhir/CodeSystem/task-code"
UNKNOWN = datetime.min.replace(tzinfo=UTC)  # the stamp of what has none
_STEPS = frozenset({"_sort", "_lastUpdated"})  # what reading by stamps needs
_INCLUDE = ("Task:focus", "Task:patient", "Task:requester", "Task:owner")


class EndlessList(SetupError):
    """More pages than allowed; what was read so far is good."""


class TaskPoll:
    """One search for referral Tasks (``code=fulfill``), read page by page."""

    def __init__(self, server: Server, settings: RestSettings, cursor: str | None) -> None:
        self._server, self._settings = server, settings
        self.since = _since(cursor, settings)
        self.known: dict[str, dict[str, Any]] = {}  # what the searches brought along, by Type/id
        self.dropped: set[str] = set()  # parameters the server does not heed
        self._parties = {"owner": settings.owner, "requester": settings.requester}
        self._newest = UNKNOWN
        self._seen: set[tuple[str, str]] = set()

    def tasks(self) -> Iterator[dict[str, Any]]:
        """Referral Tasks, each version once, oldest change first; those with equal stamps all come.

        A server that does not sort is read to its end before the first Task is given, so that the cursor
        can never pass something unread. SetupError CB-109 when ``max_pages`` would cut such a reading short.
        """
        found = self._found()
        first = next(found, [])
        if "_sort" in self.dropped:
            yield from sorted([*first, *(task for page in found for task in page)], key=stamp)
            return
        try:
            yield from sorted(first, key=stamp)
            for page in found:
                yield from sorted(page, key=stamp)
        except EndlessList:
            if self.since is not None and self._newest - self.since <= timedelta(seconds=self._settings.overlap):
                raise
            log.info("max_pages read; the next poll goes on from here")

    def _found(self) -> Iterator[list[dict[str, Any]]]:
        told: set[str] = set()
        for bundle in self._bundles():
            if ignored := self.dropped - told - {"_include"}:
                log.warning("the FHIR server ignores %s; filtering here", ", ".join(sorted(ignored)))
                told |= ignored
            found = [task for task in self._resources(bundle) if self._wanted(task)]
            self._newest = max([self._newest, *map(stamp, found)])
            yield [task for task in found if self._is_new(task)]

    def _bundles(self) -> Iterator[dict[str, Any]]:
        """The search's pages: where we can, each by a search of its own that begins at the last stamp seen.

        A ``next`` link counts positions on some servers; a Task changed meanwhile moves to the end of the list, and
        the first Task of the next page would be skipped. Such links are followed only where stamps do not grow.
        """
        since, seen = self.since, set[str]()
        url, query = "Task", self._query(since)
        for _ in range(self._settings.max_pages):
            bundle = search_page(self._server, url, query, self.dropped)
            newest = self._look(bundle, since if query else None)
            yield bundle
            following = following_page(self._server, bundle, seen)
            if not following:
                return
            if newest != UNKNOWN and (since is None or newest > since) and not self.dropped & _STEPS:
                since = newest
                url, query = "Task", self._query(since)
                seen.clear()
            else:
                url, query = following, []
        raise EndlessList("CB-109", f"the list has more than {self._settings.max_pages} pages; raise max_pages")

    def _look(self, bundle: dict[str, Any], since: datetime | None) -> datetime:
        """The newest stamp of a page; notes when the server gives older ones than it was asked for."""
        stamps = [stamp(entry.resource) for entry in entries(bundle) if is_task(entry)]
        if since is not None and any(UNKNOWN < each < _floor(since) for each in stamps):
            self.dropped.add("_lastUpdated")
        return max(stamps, default=UNKNOWN)

    def _query(self, since: datetime | None) -> list[tuple[str, str]]:
        query = [("code", f"{TASK_CODES}|fulfill"), ("_sort", "_lastUpdated")]
        query.append(("_count", str(self._settings.page_size)))
        if since is not None:
            query.append(("_lastUpdated", f"ge{_instant(since)}"))
        query += [(name, known) for name, known in self._parties.items() if known]
        return query + [("_include", included) for included in _INCLUDE if "_include" not in self.dropped]

    def _resources(self, bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for entry in matches(bundle, self._server.base):
            if is_task(entry):
                yield entry.resource
            else:
                self.known[entry.external_id] = entry.resource

    def _wanted(self, task: dict[str, Any]) -> bool:
        """What the search asked for, checked again: servers drop parameters they do not know in silence."""
        mine = all(_refers(task.get(name), known) for name, known in self._parties.items() if known)
        changed = stamp(task)
        recent = self.since is None or changed == UNKNOWN or changed >= _floor(self.since)
        return _is_referral(task) and recent and mine

    def _is_new(self, task: dict[str, Any]) -> bool:
        version = (str(task["id"]), str(task.get("meta")))
        known = version in self._seen
        self._seen.add(version)
        return not known


def _refers(element: object, known: str) -> bool:
    return isinstance(element, dict) and local_reference(str(element.get("reference"))) == known


def is_task(entry: object) -> TypeGuard[Entry]:
    """A Task with a proper id."""
    return isinstance(entry, Entry) and entry.type == "Task" and bool(RELATIVE.fullmatch(entry.external_id))


def _is_referral(task: dict[str, Any]) -> bool:
    code = task.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    wanted = (TASK_CODES, "fulfill")
    found = codings if isinstance(codings, list) else []
    return any(isinstance(c, dict) and (c.get("system"), c.get("code")) == wanted for c in found)


def pages(
    server: Server, path: str, query: list[tuple[str, str]], limit: int, dropped: set[str]
) -> Iterator[dict[str, Any]]:
    """The searchset's pages along its opaque ``next`` links; parameters the server dropped go to ``dropped``.

    Raises SetupError CB-109 on a refused search, a ``next`` link to another server or in a circle, too many pages.
    """
    seen: set[str] = set()
    for _ in range(limit):
        bundle = search_page(server, path, query, dropped)
        yield bundle
        path, query = following_page(server, bundle, seen), []
        if not path:
            return
    raise EndlessList("CB-109", f"the FHIR server's list has more than {limit} pages")


def search_page(server: Server, url: str, query: list[tuple[str, str]], dropped: set[str]) -> dict[str, Any]:
    """One page of a search; SetupError CB-109 when it is refused.

    A server that refuses ``_include`` is asked without it: what a Task refers to can be read one by one.
    """
    answer = server.get(url, query or None)
    plain = [(name, value) for name, value in query if name != "_include"]
    if answer.status in (400, 422) and plain != query:
        dropped.add("_include")
        answer = server.get(url, plain)
    bundle = answer.resource()
    if not answer.ok or bundle is None or bundle.get("resourceType") != "Bundle":
        said = codes(bundle) or "no searchset"
        raise SetupError("CB-109", f"the FHIR server answers {answer.status} to our search ({said})")
    dropped |= _missing(bundle, query)
    return bundle


def following_page(server: Server, bundle: dict[str, Any], seen: set[str]) -> str:
    """The whole address of the next page, or nothing; SetupError CB-109 when it leads elsewhere or in a circle."""
    following = _link(bundle, "next")
    if not following:
        return ""
    url = server.absolute(following)
    if not server.same_origin(url) or url in seen:
        raise SetupError("CB-109", "the FHIR server's next page is on another server or one we have read already")
    seen.add(url)
    return url


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


def _floor(value: datetime) -> datetime:
    """The moment as we can ask for it: a search knows milliseconds, a stamp may be finer."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def _link(bundle: dict[str, Any], relation: str) -> str:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("relation") == relation and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""


def _missing(bundle: dict[str, Any], asked: list[tuple[str, str]]) -> set[str]:
    """Names of what we asked for that the ``self`` link lacks; a server without a ``self`` link tells nothing."""
    own = _link(bundle, "self")
    told = {name.split(":")[0] for name, _ in parse_qsl(urlsplit(own).query, keep_blank_values=True)}
    return {name for name, _ in asked} - told - {"_count", "_include"} if own else set()
