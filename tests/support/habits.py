"""What real FHIR servers do, each as a change of one exchange: of what reaches the server, or of what it answers.

Every habit is named after a server's behaviour that others have met (see docs/adapters/fhir.md) and changes nothing
else, so a test names just those that it is about.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

FHIR = "application/fhir+json"
NEW_YORK, GUAM = timezone(timedelta(hours=-5)), timezone(timedelta(hours=10))  # where naive times may be written


@dataclass(slots=True)
class Asked:
    """A request on its way to the server: the path below its base, with the query."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def address(self) -> str:
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def is_search(self) -> bool:
        return self.method == "GET" and self.path.isalpha() and self.path != "metadata"

    @property
    def is_create(self) -> bool:
        return self.method == "POST" and self.path.isalpha()


@dataclass(slots=True)
class Said:
    """The server's answer; ``resource`` is its body where that is JSON, and stands for it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    resource: Any = None

    def to_bytes(self) -> bytes:
        return b"" if self.resource is None else json.dumps(self.resource).encode()


class Habits:
    """The habits of one server, by name; ``ignores:NAME`` for a search parameter it does not heed.

    ``opaque-pages``: a page's link is a long token; ``forgets-pages``: and every other one has expired when it is used.
    """

    def __init__(self, *names: str, skew: timedelta = timedelta()) -> None:
        self.names, self.skew = names, skew
        self.pages: dict[str, list[tuple[str, str]]] = {}  # opaque page token -> the query it stands for
        self._followed = 0
        known = {*_BEFORE, *_AFTER, "opaque-pages", "forgets-pages"}
        unknown = [name for name in names if name not in known and not name.startswith("ignores:")]
        assert not unknown, f"no such habits: {unknown}"

    def before(self, asked: Asked) -> Said | None:
        """Change what is asked; or answer in the server's place."""
        if token := dict(asked.query).get("_getpages"):
            self._followed += 1
            if "forgets-pages" in self.names and self._followed % 2:
                return outcome(410, "expired")
            asked.query = self.pages[token]
        asked.query = [(n, self._as_there(v) if n == "_lastUpdated" else v) for n, v in asked.query]
        ignored = {name.partition(":")[2] for name in self.names if name.startswith("ignores:")}
        asked.query = [(n, v) for n, v in asked.query if n.split(":")[0] not in ignored]
        for name in self.names:
            if name in _BEFORE and (said := _BEFORE[name](asked)) is not None:
                return said
        return None

    def after(self, asked: Asked, said: Said) -> None:
        """Change what is answered."""
        if self.skew:
            _stamped(said.resource, lambda moment: _instant(moment + self.skew))
        for name in self.names:
            if name in _AFTER:
                _AFTER[name](asked, said)
        if {"opaque-pages", "forgets-pages"} & set(self.names):
            for link in _links(said, "next"):
                token = secrets.token_hex(100)
                self.pages[token] = parse_qsl(urlsplit(link["url"]).query)
                link["url"] = f"{link['url'].partition('?')[0]}?_getpages={token}"

    def _as_there(self, value: str) -> str:
        """A moment of this server's clock as the server behind understands it."""
        prefix, moment = value[:2], datetime.fromisoformat(value[2:])
        return f"{prefix}{_instant(moment - self.skew)}"


def outcome(status: int, code: str, **headers: str) -> Said:
    """An answer that says no, as FHIR has it."""
    issue = [{"severity": "error", "code": code, "diagnostics": "Ada Moreno"}]  # what a message may quote
    return Said(status, {"Content-Type": FHIR, **headers}, {"resourceType": "OperationOutcome", "issue": issue})


# --- before the server hears it --------------------------------------------------------------------------------------


def _without_condition(asked: Asked) -> None:
    asked.headers.pop("if-none-exist", None)


def _needs_if_match(asked: Asked) -> Said | None:
    return outcome(412, "required") if asked.method == "PUT" and "if-match" not in asked.headers else None


def _one_page(asked: Asked) -> None:
    if asked.is_search:
        asked.query = [(n, v) for n, v in asked.query if n != "_count"] + [("_count", "1000")]


def _sorted_by_id(asked: Asked) -> None:
    asked.query = [(n, "_id" if n == "_sort" else v) for n, v in asked.query]


def _no_strict(asked: Asked) -> Said | None:
    strict = "handling=strict" in asked.headers.get("prefer", "")
    return outcome(400, "not-supported") if strict and asked.is_search else None


def _no_batch(asked: Asked) -> Said | None:
    return outcome(405, "not-supported") if asked.method == "POST" and not asked.path else None


def _no_metadata(asked: Asked) -> Said | None:
    return outcome(404, "not-found") if asked.path == "metadata" else None


_BEFORE: dict[str, Callable[[Asked], Said | None]] = {
    "ignores-if-none-exist": lambda asked: _without_condition(asked), "needs-if-match": _needs_if_match,
    "claims-to-sort": lambda asked: _sorted_by_id(asked), "one-page": lambda asked: _one_page(asked),
    "no-strict": _no_strict, "no-batch": _no_batch, "no-metadata": _no_metadata,
}  # fmt: skip


# --- after it answered -----------------------------------------------------------------------------------------------


def _is_searchset(said: Said) -> bool:
    return isinstance(said.resource, dict) and said.resource.get("type") == "searchset"


def _links(said: Said, relation: str) -> Iterator[dict[str, str]]:
    if _is_searchset(said):
        yield from (link for link in said.resource.get("link", []) if link["relation"] == relation)


def _wrong_total(asked: Asked, said: Said) -> None:
    if _is_searchset(said):
        said.resource["total"] = 0 if said.resource.get("entry") else 7


def _claims_to_sort(asked: Asked, said: Said) -> None:
    """The first page as asked, in the order of ids; the self link tells of an order nobody made."""
    if _is_searchset(said) and asked.path == "Task":
        for link in _links(said, "self"):
            link["url"] += "&_sort=_lastUpdated"


def _no_self(asked: Asked, said: Said) -> None:
    if _is_searchset(said):
        said.resource["link"] = [link for link in said.resource.get("link", []) if link["relation"] != "self"]


def _remarks(asked: Asked, said: Said) -> None:
    """A warning of the server among the matches, without a search mode."""
    if _is_searchset(said):
        issue = [{"severity": "warning", "code": "informational", "diagnostics": "Ada Moreno"}]
        remark = {"resource": {"resourceType": "OperationOutcome", "issue": issue}}
        said.resource["entry"] = [remark, *said.resource.get("entry", [])]


def _location_only(asked: Asked, said: Said) -> None:
    if asked.is_create and said.status in (200, 201):
        said.resource = None


def _no_location(asked: Asked, said: Said) -> None:
    if asked.is_create:
        said.headers = {n: v for n, v in said.headers.items() if n.lower() not in ("location", "content-location")}


def _conflict(status: int) -> Callable[[Asked, Said], None]:
    def change(asked: Asked, said: Said) -> None:
        if asked.method == "PUT" and said.status == 412:
            said.status = status

    return change


def _naive(zone: timezone) -> Callable[[Asked, Said], None]:
    def change(asked: Asked, said: Said) -> None:
        _stamped(said.resource, lambda moment: moment.astimezone(zone).replace(tzinfo=None).isoformat())

    return change


def _days(asked: Asked, said: Said) -> None:
    _stamped(said.resource, lambda moment: moment.date().isoformat())


def _seconds(asked: Asked, said: Said) -> None:
    _stamped(said.resource, lambda moment: moment.isoformat(timespec="seconds"))


_AFTER: dict[str, Callable[[Asked, Said], None]] = {
    "claims-to-sort": _claims_to_sort, "wrong-total": _wrong_total, "no-self": _no_self, "remarks": _remarks,
    "location-only": _location_only,
    "no-location": _no_location, "conflict-409": _conflict(409), "conflict-500": _conflict(500),
    "naive-times-west": _naive(NEW_YORK), "naive-times-east": _naive(GUAM), "days-only": _days,
    "whole-seconds": _seconds,
}  # fmt: skip


def _stamped(value: Any, change: Callable[[datetime], str]) -> None:
    """Change every ``meta.lastUpdated`` within."""
    if isinstance(value, dict):
        meta = value.get("meta")
        if isinstance(meta, dict) and isinstance(meta.get("lastUpdated"), str):
            meta["lastUpdated"] = change(datetime.fromisoformat(meta["lastUpdated"]))
        for inner in value.values():
            _stamped(inner, change)
    elif isinstance(value, list):
        for inner in value:
            _stamped(inner, change)


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

