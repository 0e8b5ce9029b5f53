"""What the door does for one request of one partner (FHIR R4, http.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Response

from casebridge import MovedOn, Shelf
from casebridge.core.errors import RecordError
from casebridge.core.jsontext import loads
from casebridge_fhir.door import answers, transactions
from casebridge_fhir.door.answers import Speaking, searchset, tag
from casebridge_fhir.door.gate import Asker, link_of
from casebridge_fhir.door.parameters import types
from casebridge_fhir.door.query import Pairs
from casebridge_fhir.door.refusals import Refusal, absent, refused
from casebridge_fhir.door.search import Searching
from casebridge_fhir.door.transactions import Rights, version_of
from casebridge_fhir.door.writes import TRIES, Document, Writing
from casebridge_fhir.structure import problems
from casebridge_fhir.xml import from_xml

MOST_VERSIONS = 200
MOST_DIGITS = 9
_WORDS = {"read": "reading", "search-type": "searching"}
_INTERACTIONS = {"POST": "create", "PUT": "update", "DELETE": "delete"}
MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read: how it is to be answered, its path, query, headers (names in lower case) and body."""

    speaks: Speaking
    path: Mapping[str, str]
    query: Pairs
    headers: Mapping[str, str]
    body: bytes

    @property
    def strict(self) -> bool:
        """Prefer: handling=strict."""
        return "handling=strict" in self.headers.get("prefer", "").replace(" ", "")

    def resource(self) -> Document:
        """The resource in the body. Refusal 415, RecordError CB-303 for what is none."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("application/fhir+xml", "application/xml", "text/xml"):
            return from_xml(self.body)
        if kind not in ("application/fhir+json", "application/json", "text/json", ""):
            raise Refusal(415, "Send application/fhir+json or application/fhir+xml.")
        try:
            found = loads(self.body)
        except ValueError as error:
            raise RecordError("CB-303", str(error), expected="one FHIR resource as JSON in UTF-8") from None
        if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
            raise RecordError("CB-303", "this is not a FHIR resource", expected="an object with resourceType")
        return found


@dataclass(frozen=True, slots=True)
class Server:
    """The server as one partner sees it."""

    shelf: Shelf
    asker: Asker
    base: str

    @property
    def searching(self) -> Searching:
        """Its searches."""
        return Searching(self.shelf, self.asker.partner, self.base, self.asker.may["search-type"])

    def search(self, asked: Asked) -> Response:
        """GET Type?..."""
        return self._searched(asked, asked.query)

    def search_by_form(self, asked: Asked) -> Response:
        """POST Type/_search: the same, with nothing of it in an address."""
        form = parse_qsl(asked.body.decode("utf-8", "replace"), keep_blank_values=True)
        return self._searched(asked, [*asked.query, *form])

    def read(self, asked: Asked) -> Response:
        """GET Type/id; 304 when it is the version that the partner has."""
        shelved = self._there(asked.path["type"], asked.path["id"])
        if asked.headers.get("if-none-match", "") == tag(shelved):
            return Response(status_code=304, headers={"ETag": tag(shelved)})
        return asked.speaks.one(shelved)

    def vread(self, asked: Asked) -> Response:
        """GET Type/id/_history/version."""
        number = asked.path["version"]
        if not number.isdecimal() or len(number) > MOST_DIGITS:
            raise absent(self._readable(asked.path["type"]), asked.path["id"])
        return asked.speaks.one(self._there(asked.path["type"], asked.path["id"], int(number)))

    def history(self, asked: Asked) -> Response:
        """GET Type/id/_history."""
        type_, id_ = self._readable(asked.path["type"]), asked.path["id"]
        found = self.shelf.versions(self.asker.partner, type_, id_, MOST_VERSIONS)
        if not found:
            raise absent(type_, id_)
        return asked.speaks.answer(answers.history(found, self.base, f"{type_}/{id_}/_history"))

    def create(self, asked: Asked) -> Response:
        """POST Type: 201 when it is applied; with If-None-Exist 200 for what is there, 412 for more than one."""
        resource, condition = self._given(asked, "POST"), asked.headers.get("if-none-exist", "")
        with self.shelf.turn(self.asker.partner) if condition else nullcontext():
            there = self._found(resource["resourceType"], condition) if condition else frozenset()
            if len(there) > 1:
                raise Refusal(412, "If-None-Exist matches more than one resource.")
            if there:
                return asked.speaks.one(self._there(resource["resourceType"], next(iter(there))))
            writing = self._writing()
            made = writing.create(resource)
            shelved = writing.commit()[made]
        return asked.speaks.one(shelved, 201, Location=f"{self.base}/{'/'.join(made)}/_history/1")

    def update(self, asked: Asked) -> Response:
        """PUT Type/id: 200, or 201 when it was not there; 412 when If-Match is not where it stands."""
        resource, id_ = self._given(asked, "PUT"), asked.path["id"]
        if resource.get("id") != id_:
            raise Refusal(400, "The id in the resource is not the one in the address.", field="id")
        expected = version_of(asked.headers.get("if-match", ""))
        shelved = self._tried(lambda writing: writing.update(resource, id_, expected), final=expected is not None)
        location = f"{self.base}/{shelved.type}/{id_}/_history/{shelved.version}"
        return asked.speaks.one(shelved, 201 if shelved.version == 1 else 200, Location=location)

    def withdraw(self, asked: Asked) -> Response:
        """DELETE Type/id: it counts no more, and reading it is 410 from now on."""
        type_, id_ = asked.path["type"], asked.path["id"]
        self._check("DELETE", type_, None)
        expected = version_of(asked.headers.get("if-match", ""))
        self._tried(lambda writing: writing.withdraw(type_, id_, expected), final=expected is not None)
        return asked.speaks.answer(None, 204)

    def bundle(self, asked: Asked) -> Response:
        """POST a Bundle: transaction or batch."""
        bundle = asked.resource()
        if bundle["resourceType"] != "Bundle" or bundle.get("type") not in ("transaction", "batch"):
            raise Refusal(400, "Send a Bundle of type transaction or batch here; a resource goes to its type.")
        steps = transactions.steps(bundle)
        rights = Rights(self._check, self._found, self._answer, self._writing)
        run = transactions.transaction if bundle["type"] == "transaction" else transactions.batch
        conditional = any(step.condition for step in steps)
        with self.shelf.turn(self.asker.partner) if conditional else nullcontext():
            return asked.speaks.answer(run(steps, rights))

    def _searched(self, asked: Asked, pairs: Pairs) -> Response:
        query = self.searching.query(self._readable(asked.path["type"], "search-type"), pairs, strict=asked.strict)
        return asked.speaks.answer(searchset(self.searching.page(query), query, self.base))

    def _answer(self, url: str) -> tuple[int, Document]:
        """To a GET inside a Bundle."""
        path, _, query = url.partition("?")
        type_, _, id_ = path.partition("/")
        try:
            if id_:
                return 200, answers.shown(self._there(type_, id_))
            found = self.searching.query(self._readable(type_, "search-type"), parse_qsl(query, keep_blank_values=True))
            return 200, searchset(self.searching.page(found), found, self.base)
        except Exception as error:  # noqa: BLE001 - told in the entry
            refusal = refused(error)
            return refusal.status, refusal.outcome()

    def _found(self, type_: str, condition: str | Pairs) -> frozenset[str]:
        pairs = parse_qsl(condition.rpartition("?")[2]) if isinstance(condition, str) else condition
        if not pairs:
            raise Refusal(400, "If-None-Exist says nothing to look for; expected a search such as identifier=...")
        return self.searching.ids(self._readable(type_, "search-type"), pairs)

    def _there(self, type_: str, id_: str, version: int | None = None) -> Any:
        shelved = self.shelf.read(self.asker.partner, self._readable(type_), id_, version)
        if shelved is None:
            raise absent(type_, id_)
        if shelved.released is None:
            raise Refusal(410, f"{type_}/{id_} was withdrawn.")
        return shelved

    def _readable(self, type_: str, how: str = "read") -> str:
        _known(type_)
        if type_ not in self.asker.may[how]:
            raise Refusal(403, f"Your token is not good for {_WORDS[how]} {type_}; ask for that scope.")
        return type_

    def _given(self, asked: Asked, method: str) -> Document:
        resource = asked.resource()
        if resource["resourceType"] != asked.path["type"]:
            raise Refusal(400, "The resource is of another type than the address.", field="resourceType")
        self._check(method, asked.path["type"], resource)
        return resource

    def _check(self, method: str, type_: str, resource: Mapping[str, Any] | None) -> None:
        """May the partner do this, and is the resource one? Refusal 403, 404 or 422."""
        _known(type_)
        what = _INTERACTIONS[method]
        if type_ not in self.asker.may[what]:
            raise Refusal(403, f"You may not {what} a {type_} here; ask us to add it to what you may write.")
        if resource is None:
            return
        if resource.get("resourceType") != type_:
            raise Refusal(400, "The resource is of another type than the address.", field="resourceType")
        found = problems(resource)
        if found:
            said = "; ".join(f"{p.path}: {p.text}" for p in found[:MOST_PROBLEMS])
            raise Refusal(422, f"This is no FHIR R4 {type_}: {said}", field=found[0].path)

    def _writing(self) -> Writing:
        return Writing(self.shelf, self.asker.partner, self.base, link_of(self.shelf, self.asker.partner).theirs)

    def _tried(self, do: Callable[[Writing], tuple[str, str]], *, final: bool) -> Any:
        """Written upon the version that is there; tried again when it moved on meanwhile, unless one was named."""
        for number in range(1, TRIES + 1):
            writing = self._writing()
            try:
                done = do(writing)
                kept = writing.commit()
                return kept.get(done)
            except MovedOn:
                if final or number == TRIES:
                    raise
        raise AssertionError("the loop returns or raises")


def _known(type_: str) -> None:
    """Refusal for a type that is not kept on shelves; a Subscription has a place of its own (``notifying/serving``)."""
    if type_ == "Subscription":
        raise Refusal(422, "A Subscription is no part of a Bundle: make, read and end it by itself, at /Subscription.")
    if type_ not in types():
        raise Refusal(404, "There is nothing of this type here; /metadata names the types.")
