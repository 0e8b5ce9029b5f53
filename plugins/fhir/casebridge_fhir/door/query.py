"""A query as it was asked: which parameters count, how many a page, where it goes on (FHIR R4, search 3.1.1)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from casebridge import Sought
from casebridge.core.jsontext import loads
from casebridge_fhir.door.criteria import Criterion, bounds, criterion, wrong
from casebridge_fhir.door.parameters import parameters

COUNT, MOST = 50, 500
"""Resources a page: when nothing is said, and at most."""
MOST_LINKED = 1000  # resources that a chained parameter may go through
MOST_LINKS = 5  # of a chain
MOST_VALUES = 5000  # of one parameter
_DIGITS = 9
Pairs = list[tuple[str, str]]
Place = tuple[str, str]
Chained = Callable[[str, Pairs], frozenset[str]]
"""Ids of a type that a query finds: for ``subject:Patient.family``."""


@dataclass(slots=True)
class Query:
    """A search of one type. ``used``: the parameters that count, for the ``self`` link."""

    type: str
    criteria: list[Criterion] = field(default_factory=list)
    ids: frozenset[str] | None = None
    since: str = ""
    until: str = ""
    newest_first: bool = False
    count: int = COUNT
    only_count: bool = False
    total: bool = False
    includes: Pairs = field(default_factory=list)  # parameter ("*" for all), type that is meant ("" for any)
    reverse: Pairs = field(default_factory=list)  # type that refers, parameter
    after: Place | None = None
    used: Pairs = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def sought(self) -> Sought:
        """What the shelf narrows it to."""
        keys = tuple((c.name, c.keys) for c in self.criteria if c.keys is not None)
        return Sought(keys, self.ids, self.since, self.until, self.newest_first)

    def fits(self, resource: Mapping[str, Any]) -> bool:
        """Do the criteria hold that keys cannot decide?"""
        return all(c.test is None or c.test(resource) for c in self.criteria)


def parsed(type_: str, pairs: Iterable[tuple[str, str]], base: str, chained: Chained, *, strict: bool) -> Query:
    """The query; RecordError CB-348 for what is wrong in it, and with ``strict`` for what is not known."""
    query = Query(type_)
    for name, value in pairs:
        if "\0" in value or value.count(",") >= MOST_VALUES:  # PostgreSQL takes neither
            raise wrong(name, "this cannot be looked for", f"at most {MOST_VALUES} values, without the character 0")
        if not _taken(query, name, value, base, chained):
            query.unknown.append(name)
            if strict:
                known = ", ".join([*parameters(type_), "_id", "_lastUpdated"])
                raise wrong(name, f"{type_} is not searched by this", f"one of: {known}")
        elif name != "_page":
            query.used.append((name, value))
    return query


def _taken(query: Query, name: str, value: str, base: str, chained: Chained) -> bool:
    special = _SPECIAL.get(name.partition(":")[0])
    if special is not None:
        return special(query, value) is not False
    plain, _, rest = name.partition(":")
    if "." in name:
        return _chain(query, name, value, chained)
    if plain not in parameters(query.type):
        return False
    query.criteria.append(criterion(query.type, plain, rest, value, base))
    return True


def _chain(query: Query, name: str, value: str, chained: Chained) -> bool:
    """``subject:Patient.family=x``, ``patient.identifier=x``: references to what the rest of it finds."""
    if name.count(".") > MOST_LINKS:
        raise wrong(name.partition(".")[0], "this chain is too long", f"at most {MOST_LINKS} links")
    head, _, rest = name.partition(".")
    plain, _, target = head.partition(":")
    parameter = parameters(query.type).get(plain)
    if parameter is None or parameter.kind != "reference" or (target and target not in parameter.targets):
        return False
    targets = [type_ for type_ in ([target] if target else parameter.targets)
               if rest.partition(":")[0].partition(".")[0] in parameters(type_)]  # fmt: skip
    if not targets:
        return False
    found = {f"{type_}/{id_}" for type_ in targets for id_ in chained(type_, [(rest, value)])}
    query.criteria.append(Criterion(plain, frozenset(found)))
    return True


def _ids(query: Query, value: str) -> None:
    ids = frozenset(id_.rpartition("/")[2] for id_ in value.split(","))
    query.ids = ids if query.ids is None else query.ids & ids


def _changed(query: Query, value: str) -> None:
    """Moments are kept in UTC with six digits: a bound is written alike."""
    prefix, (first, after) = bounds("_lastUpdated", value)
    if prefix == "ne":
        raise wrong("_lastUpdated", "this prefix is not supported here", "one of: eq, ge, gt, le, lt")
    try:
        last = after - timedelta(microseconds=1)
        low = {"eq": first, "ge": first, "gt": after}.get(prefix)
        high = {"eq": last, "le": last, "lt": first - timedelta(microseconds=1)}.get(prefix)
        query.since = max(query.since, _stored(low)) if low else query.since
        query.until = min(query.until or "9", _stored(high)) if high else query.until
    except OverflowError:
        raise wrong("_lastUpdated", "there is nothing before or after this date", "a date of our age") from None


def _stored(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def _count(query: Query, value: str) -> None:
    if not value.isdecimal():
        raise wrong("_count", "this is no number", f"a number from 0 to {MOST}")
    query.count = min(int(value), MOST) if len(value) <= _DIGITS else MOST
    query.only_count = query.only_count or query.count == 0


def _sort(query: Query, value: str) -> bool:
    query.newest_first = value == "-_lastUpdated"
    return value in ("_lastUpdated", "-_lastUpdated")


def _summary(query: Query, value: str) -> bool:
    query.only_count = query.only_count or value == "count"
    return value in ("count", "false")


def _total(query: Query, value: str) -> None:
    query.total = value == "accurate"


def _include(query: Query, value: str) -> bool:
    type_, _, rest = value.partition(":")
    name, _, target = rest.partition(":")
    known = name == "*" or (name in parameters(query.type) and parameters(query.type)[name].kind == "reference")
    if type_.lower() != query.type.lower() or not known:  # the guide itself writes HealthCareService
        return False
    query.includes.append((name, target))
    return True


def _revinclude(query: Query, value: str) -> bool:
    type_, _, name = value.partition(":")
    parameter = parameters(type_).get(name.partition(":")[0])
    if parameter is None or parameter.kind != "reference" or query.type not in (parameter.targets or (query.type,)):
        return False
    query.reverse.append((type_, parameter.name))
    return True


def _page(query: Query, value: str) -> None:
    query.after = place(value)


def _format(query: Query, value: str) -> None:
    """How the answer is written was looked at before."""


_SPECIAL: dict[str, Callable[[Query, str], bool | None]] = {
    "_id": _ids, "_lastUpdated": _changed, "_count": _count, "_sort": _sort, "_summary": _summary, "_total": _total,
    "_include": _include, "_revinclude": _revinclude, "_page": _page, "_format": _format, "_pretty": _format,
}  # fmt: skip


def token(place_: Place) -> str:
    """Where the next page begins, as it stands in its address."""
    return base64.urlsafe_b64encode(json.dumps(place_).encode()).decode().rstrip("=")


def place(text: str) -> Place:
    """The place that a ``_page`` names; RecordError CB-348 for one that we did not make."""
    try:
        found = loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        found = None
    match found:
        case [str(at), str(id_)] if "\0" not in at + id_:
            return at, id_
    raise wrong("_page", "this page is not known", "the address of a next link, as it was given")
