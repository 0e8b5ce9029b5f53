"""Subscriptions at the FHIR door: create, read, search, update, delete, ``$status`` and ``$events``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlencode

from fastapi import Response

from casebridge import Doorway, MovedOn
from casebridge.core.subscriptions import Subscription
from casebridge_fhir.door.refusals import Refusal, absent
from casebridge_fhir.door.requests import Asked, Server
from casebridge_fhir.door.transactions import version_of
from casebridge_fhir.notifying import bundles
from casebridge_fhir.notifying.accepting import accepted
from casebridge_fhir.notifying.settings import NotifyingSettings

MOST, MOST_EVENTS = 20, 500
"""Subscriptions of one partner; events in one answer."""
FAR = 10**15
Answering = Callable[[Server, Asked], Response]


def routes(doorway: Doorway) -> Iterator[tuple[str, str, Answering]]:
    """Method, path, and who answers; to be looked at before those of the other types."""
    desk = _Desk(doorway)
    one = "/Subscription/{id}"
    yield from (
        ("GET", "/Subscription", desk.search), ("POST", "/Subscription", desk.create),
        ("GET", "/Subscription/$status", desk.statuses), ("POST", "/Subscription/$status", desk.statuses),
        ("GET", one, desk.read), ("PUT", one, desk.update), ("DELETE", one, desk.end),
        ("GET", f"{one}/$status", desk.status), ("POST", f"{one}/$status", desk.status),
        ("GET", f"{one}/$events", desk.events),
    )  # fmt: skip


class _Desk:
    def __init__(self, doorway: Doorway) -> None:
        self._doorway = doorway

    def create(self, server: Server, asked: Asked) -> Response:
        """201, as ``requested``; with If-None-Exist 200 for one that notifies the same address."""
        _check(server, "create")
        condition = parse_qs(asked.headers.get("if-none-exist", "").rpartition("?")[2]).get("url", [])
        with server.shelf.turn(server.asker.partner):
            for there in self._listed(server) if condition else ():
                if there.said["endpoint"] in condition:
                    return _answer(asked, there)
            return _answer(asked, self._kept(server, asked, str(uuid.uuid4())), 201, server.base)

    def update(self, server: Server, asked: Asked) -> Response:
        """The same id, and a new beginning."""
        _check(server, "update")
        there, expected = self._one(server, asked), version_of(asked.headers.get("if-match", ""))
        if expected is not None and expected != there.version:
            raise MovedOn("Subscription", there.id, there.version)
        return _answer(asked, self._kept(server, asked, there.id))

    def read(self, server: Server, asked: Asked) -> Response:
        """As it stands now."""
        _check(server, "read")
        return _answer(asked, self._one(server, asked))

    def search(self, server: Server, asked: Asked) -> Response:
        """By ``_id``, ``status`` and ``url``; others are left out of the ``self`` link."""
        _check(server, "search-type")
        wanted = [(n, v) for n, v in asked.query if n.partition(":")[0] in ("_id", "status", "url")]
        if asked.strict and len(wanted) < len([n for n, _ in asked.query if n not in ("_format", "_count", "_page")]):
            raise Refusal(400, "Subscriptions are searched by _id, status and url.")
        found = [bundles.shown(one) for one in self._listed(server) if all(_fits(one, n, v) for n, v in wanted)]
        query = f"?{urlencode(wanted)}" if wanted else ""
        return asked.speaks.answer(bundles.searchset(found, server.base, query))

    def end(self, server: Server, asked: Asked) -> Response:
        """204: nothing more is told."""
        _check(server, "delete")
        if not self._doorway.subscriptions.end(server.asker.partner, asked.path["id"]):
            raise absent("Subscription", asked.path["id"])
        return asked.speaks.answer(None, 204)

    def status(self, server: Server, asked: Asked) -> Response:
        """How one stands."""
        _check(server, "read")
        one = self._one(server, asked)
        found = [bundles.status(one, "query-status", one.number)]
        return asked.speaks.answer(bundles.searchset(found, server.base, f"/{one.id}/$status"))

    def statuses(self, server: Server, asked: Asked) -> Response:
        """How all stand, or those with the ids and states that are asked for."""
        _check(server, "search-type")
        ids, states = ({v for n, v in asked.query if n == name} for name in ("id", "status"))
        found = [bundles.status(one, "query-status", one.number) for one in self._listed(server)
                 if (not ids or one.id in ids) and (not states or one.status in states)]  # fmt: skip
        return asked.speaks.answer(bundles.searchset(found, server.base, "/$status"))

    def events(self, server: Server, asked: Asked) -> Response:
        """What happened, from one number to another, as far as it is kept and may be seen."""
        _check(server, "read")
        one, query = self._one(server, asked), dict(asked.query)
        first, last = (_number(query.get(n, ""), d) for n, d in (("eventsSinceNumber", 1), ("eventsUntilNumber", FAR)))
        found = self._doorway.subscriptions.happened(server.asker.partner, one.id, first, last, MOST_EVENTS)
        return asked.speaks.answer(bundles.notification(one, "query-event", found, server.shelf.now()))

    def _listed(self, server: Server) -> list[Subscription]:
        return self._doorway.subscriptions.listed(server.asker.partner)

    def _one(self, server: Server, asked: Asked) -> Subscription:
        found = self._doorway.subscriptions.get(server.asker.partner, asked.path["id"])
        if found is None:
            raise absent("Subscription", asked.path["id"])
        return found

    def _kept(self, server: Server, asked: Asked, id_: str) -> Subscription:
        settings = getattr(server.shelf.partners[server.asker.partner], "settings", None)
        if not isinstance(settings, NotifyingSettings) or not settings.notify_at:
            raise Refusal(403, "You may not subscribe here; ask us where you may be notified.")
        resource = asked.resource()
        if resource["resourceType"] != "Subscription":
            raise Refusal(400, "The resource is of another type than the address.", field="resourceType")
        one = accepted({**resource, "id": id_}, id_, server.base, settings, server.shelf.now())
        if one.watch.type not in server.asker.may["read"]:
            raise Refusal(403, f"You may not read {one.watch.type}, so you are not told of it.")
        kept = self._doorway.subscriptions.keep(server.asker.partner, one, MOST)
        if kept is None:
            raise Refusal(422, f"You have {MOST} subscriptions; end one that you need no more.")
        return kept


def _check(server: Server, what: str) -> None:
    if "Subscription" not in server.asker.may[what]:
        raise Refusal(403, "Your token is not good for this with a Subscription; ask for system/Subscription.cruds.")


def _answer(asked: Asked, one: Subscription, status: int = 200, base: str = "") -> Response:
    headers = {"ETag": f'W/"{one.version}"'} | ({"Location": f"{base}/Subscription/{one.id}"} if base else {})
    return asked.speaks.answer(bundles.shown(one), status, **headers)


def _fits(one: Subscription, name: str, value: str) -> bool:
    if name.endswith(":missing"):
        return value != "true"
    has = {"_id": one.id, "status": one.status, "url": one.said["endpoint"]}[name.partition(":")[0]]
    return has in value.split(",")


def _number(text: str, default: int) -> int:
    if not text:
        return default
    if not text.isdecimal() or len(text) > 15:
        raise Refusal(400, "The number of an event is expected here.")
    return int(text)
