"""Searches as a stranger's server answers them: refused, heeded in part, in pages that may be gone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from casebridge.core.errors import SetupError, TryAgain
from casebridge_fhir.bundle import entries
from casebridge_fhir.capability import Capability
from casebridge_fhir.outcomes import codes
from casebridge_fhir.references import Entry, base_of, localise
from casebridge_fhir.server import Answer, Server

log = logging.getLogger("casebridge.fhir")
Query = list[tuple[str, str]]
STRICT = {"Prefer": "handling=strict"}  # FHIR R4, search 3.1.1.3.1: rather an error than a parameter nobody heeds
_NO = frozenset({400, 403, 422, 501})
_GONE = frozenset({400, 404, 410})  # what servers answer for a page that they have no more
MOST_RESTARTS = 5


class EndlessList(SetupError):
    """More pages than allowed; what was read so far is good."""


class PageGone(Exception):
    """The server has forgotten the page that its own ``next`` link led to."""


class Search:
    """One search on one server, page by page; ``dropped`` are the parameters it does not heed."""

    def __init__(self, server: Server, capability: Capability, kind: str) -> None:
        self._server, self._capability, self._kind = server, capability, kind
        self.dropped: set[str] = set()
        self._read: set[str] = set()  # pages that were read, by address

    def first(self, query: Query) -> dict[str, Any]:
        """The first page. Raises SetupError CB-109 when the server refuses the search."""
        self._read.clear()
        answer = self._asked(query)
        bundle = _searchset(answer)
        self.dropped |= _unheeded(bundle, query)
        return bundle

    def page(self, url: str) -> dict[str, Any]:
        """The page that a ``next`` link leads to. Raises PageGone, or SetupError CB-109."""
        answer = self._server.get(url)
        if answer.status in _GONE:
            raise PageGone
        return _searchset(answer)

    def following(self, bundle: dict[str, Any]) -> str:
        """The next page's whole address, or nothing; SetupError CB-109 when it leads elsewhere or in a circle."""
        following = _link(bundle, "next")
        if not following:
            return ""
        url = self._server.absolute(following)
        if not self._server.same_origin(url) or url in self._read:
            raise SetupError("CB-109", "the FHIR server's next page is on another server or one we have read already")
        self._read.add(url)
        return url

    def pages(self, query: Query, limit: int) -> Iterator[dict[str, Any]]:
        """All pages; from the beginning again when one is gone, so a resource may come twice.

        Raises SetupError CB-109 (refused, elsewhere, in a circle), EndlessList, TryAgain when pages go faster than
        they are read.
        """
        url, restarts = "", 0
        for _ in range(limit):
            try:
                bundle = self.page(url) if url else self.first(query)
            except PageGone:
                url, restarts = "", again(restarts)
                continue
            yield bundle
            url = self.following(bundle)
            if not url:
                return
        raise EndlessList("CB-109", f"the FHIR server's list has more than {limit} pages")

    def _asked(self, query: Query) -> Answer:
        """Strictly first. A server that says no is asked as it likes to be, and then may have ignored anything."""
        refused, strictly = self._capability.refused, f"strict:{self._kind}"
        if "_include" in refused:
            query = _without_includes(query)
        if strictly not in refused:
            answer = self._server.get(self._kind, query, STRICT)
            if answer.status not in _NO:
                return answer
            refused.add(strictly)
        answer = self._server.get(self._kind, query)
        if answer.status in _NO and _without_includes(query) != query:
            refused.add("_include")
            answer = self._server.get(self._kind, _without_includes(query))
        return answer


def again(restarts: int) -> int:
    """One more new beginning; TryAgain CB-401 when there were too many."""
    if restarts == MOST_RESTARTS:
        raise TryAgain("CB-401", "the FHIR server forgets its list's pages before we have read them")
    log.info("the FHIR server has forgotten the list's next page; reading on from what we have seen")
    return restarts + 1


def matches(bundle: dict[str, Any], base: str) -> Iterator[Entry]:
    """The resources of a searchset page with local references; remarks of the server are logged by their codes."""
    for entry in entries(bundle):
        if isinstance(entry, Entry):
            address = entry if base_of(entry.full_url) else Entry(f"{base}/{entry.external_id}", "", entry.resource)
            localise(address)
            yield entry
        else:
            log.warning("skipped in a search result: %s", entry.message)


def has_more(bundle: dict[str, Any]) -> bool:
    """Is there a page after this one?"""
    return bool(_link(bundle, "next"))


def _without_includes(query: Query) -> Query:
    return [(name, value) for name, value in query if name != "_include"]


def _searchset(answer: Answer) -> dict[str, Any]:
    bundle = answer.resource()
    if not answer.ok or bundle is None or bundle.get("resourceType") != "Bundle":
        said = codes(bundle) or "no searchset"
        raise SetupError("CB-109", f"the FHIR server answers {answer.status} to our search ({said})")
    return bundle


def _link(bundle: dict[str, Any], relation: str) -> str:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("relation") == relation and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""


def _unheeded(bundle: dict[str, Any], asked: Query) -> set[str]:
    """Names of what we asked for that the ``self`` link lacks. Without one, nobody knows whether the list is sorted."""
    own = _link(bundle, "self")
    told = {name.split(":")[0] for name, _ in parse_qsl(urlsplit(own).query, keep_blank_values=True)}
    names = {name for name, _ in asked}
    return names - told - {"_count", "_include"} if own else names & {"_sort"}
