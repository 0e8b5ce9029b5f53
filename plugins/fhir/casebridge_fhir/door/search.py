"""A search on a partner's shelf: a page of matches, what they refer to, and how many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from casebridge import Shelf, Shelved, Sought
from casebridge_fhir.door.criteria import wrong
from casebridge_fhir.door.parameters import parameters
from casebridge_fhir.door.query import MOST, MOST_LINKED, Pairs, Place, Query, parsed
from casebridge_fhir.references import RELATIVE, local_reference

MOST_INCLUDED = 1000
MOST_LOOKED_AT = 20_000
"""Resources that one request may look at: a search that nothing narrows would keep the door from others."""


@dataclass(slots=True)
class Page:
    """``total`` None: not counted. ``after``: where the next page begins."""

    matches: list[Shelved] = field(default_factory=list)
    included: list[Shelved] = field(default_factory=list)
    total: int | None = None
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Searching:
    """The searches of one partner, of the types it may read."""

    shelf: Shelf
    partner: str
    base: str
    types: frozenset[str]

    def query(self, type_: str, pairs: Pairs, *, strict: bool = False) -> Query:
        """The query that ``pairs`` ask for. RecordError CB-348."""
        return parsed(type_, pairs, self.base, self.ids, strict=strict)

    def page(self, query: Query) -> Page:
        """The page that a query asks for."""
        page = Page()
        if query.only_count:
            page.total = sum(1 for _ in self._all(query, None))
            return page
        for one in self._all(query, query.after):
            if len(page.matches) == query.count:
                page.after = (page.matches[-1].at, page.matches[-1].id)
                break
            page.matches.append(one)
        if page.after is None and query.after is None:
            page.total = len(page.matches)
        elif query.total:
            page.total = sum(1 for _ in self._all(query, None))
        page.included = self._around(query, page.matches)
        return page

    def ids(self, type_: str, pairs: Pairs) -> frozenset[str]:
        """What a query finds, by id; RecordError CB-348 beyond a thousand."""
        if type_ not in self.types:
            return frozenset()
        query = parsed(type_, pairs, self.base, self.ids, strict=True)
        found: set[str] = set()
        for one in self._all(query, None):
            found.add(one.id)
            if len(found) > MOST_LINKED:
                raise wrong(type_, f"more than {MOST_LINKED} resources are meant", "a narrower search")
        return frozenset(found)

    def _all(self, query: Query, after: Place | None) -> Iterator[Shelved]:
        """Every match from a place on, as many at a time as a page has, and one more."""
        if query.type not in self.types:
            return
        looks = any(criterion.test is not None for criterion in query.criteria)
        step = MOST if query.only_count or looks else query.count + 1
        for _ in range(0, MOST_LOOKED_AT, step):
            found, after = self.shelf.listed(self.partner, query.type, query.sought, after, step)
            yield from (one for one in found if one.released is not None and query.fits(one.released.document))
            if after is None:
                return
        raise wrong(query.type, f"more than {MOST_LOOKED_AT} resources would have to be looked at", "a narrower search")

    def _around(self, query: Query, matches: list[Shelved]) -> list[Shelved]:
        seen = {(one.type, one.id) for one in matches}
        wanted: dict[str, set[str]] = {}
        for address in (a for one in matches for a in self._referred(query, one)):
            type_, _, id_ = address.partition("/")
            if (type_, id_) not in seen and type_ in self.types:
                wanted.setdefault(type_, set()).add(id_)
        found = [one for type_, ids in wanted.items() for one in self._some(type_, Sought(ids=frozenset(ids)))]
        addresses = frozenset(f"{query.type}/{one.id}" for one in matches)
        for type_, name in query.reverse if matches else ():
            if type_ in self.types:
                found += self._some(type_, Sought(keys=((name, addresses),)))
        unique = {(one.type, one.id): one for one in found if (one.type, one.id) not in seen}
        return list(unique.values())[:MOST_INCLUDED]

    def _some(self, type_: str, sought: Sought) -> list[Shelved]:
        found, _ = self.shelf.listed(self.partner, type_, sought, None, MOST_INCLUDED)
        return [one for one in found if one.released is not None]

    def _referred(self, query: Query, one: Shelved) -> Iterator[str]:
        document: Mapping[str, Any] = one.released.document if one.released else {}
        for name, target in query.includes:
            for parameter in parameters(query.type).values():
                if parameter.kind == "reference" and name in ("*", parameter.name):
                    yield from _addresses(parameter.values(document), target, self.base)


def _addresses(values: Iterator[Any], target: str, base: str) -> Iterator[str]:
    for value in values:
        text = value.get("reference") if isinstance(value, Mapping) else None
        match = RELATIVE.match(local_reference(text, base)) if isinstance(text, str) else None
        if match and target in ("", match["type"]):
            yield match.group()
