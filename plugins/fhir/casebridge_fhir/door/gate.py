"""Who asks, and what for: a partner by its token, and what it may do with which types."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from casebridge import Link, Shelf
from casebridge.core.errors import SetupError
from casebridge_fhir import smart_server
from casebridge_fhir.door.link import FhirDoorLink
from casebridge_fhir.door.parameters import types
from casebridge_fhir.door.refusals import Refusal
from casebridge_fhir.smart_server import Grant, NotSignedIn, allows, token_secret

READS = ("read", "search-type")
WRITES = ("create", "update", "delete")
SUBSCRIPTION = "Subscription"
SECRET = Path(".casebridge") / "fhir-door.secret"  # beside casebridge.toml


@dataclass(frozen=True, slots=True)
class Asker:
    """A partner that has signed in; ``may``: by interaction (``read``, ``search-type``, ``create`` ...) the types."""

    partner: str
    may: Mapping[str, frozenset[str]]


class Gate:
    """Knows partners by what they bring. SetupError CB-101 when two bring the same, or when SMART is set up and the
    server has no address."""

    def __init__(self, shelf: Shelf, base_url: str, base_dir: str) -> None:
        self._shelf = shelf
        self._at_most: dict[str, Mapping[str, frozenset[str]]] = {}  # what each may do, made once
        _each_its_own(shelf.partners)
        clients = [link.client for link in map(_ours, shelf.partners.values()) if link.client is not None]
        if clients and not base_url:
            remedy = 'Set door_settings = { base_url = "https://..." } of the first of them.'
            raise SetupError("CB-101", "partners sign in at the FHIR door by SMART, and it does not know its address",
                             remedy=remedy)  # fmt: skip
        self.smart: smart_server.Gate | None = None
        if clients:
            file = Path(base_dir) / SECRET
            file.parent.mkdir(exist_ok=True)
            self.smart = smart_server.Gate(clients, base_url, token_secret(file), shelf, shelf.now)

    def asker(self, authorization: str) -> Asker:
        """Who it is. Refusal 401 for nobody we know."""
        scheme, _, token = authorization.partition(" ")
        for name, link in self._shelf.partners.items() if scheme.lower() == "bearer" else ():
            known = _ours(link).settings.token
            if known is not None and hmac.compare_digest(known.get_secret_value().encode(), token.strip().encode()):
                return Asker(name, self._may(name))
        return self._by_smart(authorization)

    def written(self) -> frozenset[str]:
        """Types that some partner may write."""
        return frozenset().union(*(self._writable(name) for name in self._shelf.partners))

    def _by_smart(self, authorization: str) -> Asker:
        challenge = "Bearer"
        try:
            grant = self.smart.grant(authorization) if self.smart else None
        except NotSignedIn as error:
            grant, challenge = None, error.challenge
        if grant is None or grant.partner not in self._shelf.partners:
            raise Refusal(401, "Sign in first: the request needs a bearer token that is good now.",
                          headers={"WWW-Authenticate": challenge})  # fmt: skip
        of = self._may(grant.partner)
        return Asker(grant.partner, {what: _granted(grant, what, some) for what, some in of.items()})

    def _may(self, partner: str) -> Mapping[str, frozenset[str]]:
        """What the partner may do at most; subscriptions are its own, whatever else it may write."""
        if partner not in self._at_most:
            reads, writes = frozenset(types()) | {SUBSCRIPTION}, self._writable(partner) | {SUBSCRIPTION}
            self._at_most[partner] = dict.fromkeys(READS, reads) | dict.fromkeys(WRITES, writes)
        return self._at_most[partner]

    def _writable(self, partner: str) -> frozenset[str]:
        named = frozenset(link_of(self._shelf, partner).settings.may_write)
        return frozenset(types()) if "*" in named else named & frozenset(types())


def _each_its_own(partners: Mapping[str, Link]) -> None:
    """One of two with the same token would read and write as the other."""
    found: dict[str, str] = {}
    for name, link in partners.items():
        token = _ours(link).settings.token
        if token and (other := found.setdefault(token.get_secret_value(), name)) != name:
            said = f"{' and '.join(sorted((name, other)))} have the same token at the FHIR door"
            raise SetupError("CB-101", said, remedy="Give each partner a token of its own.")


def _granted(grant: Grant, what: str, of: frozenset[str]) -> frozenset[str]:
    return frozenset(type_ for type_ in of if allows(grant, type_, what))


def link_of(shelf: Shelf, partner: str) -> FhirDoorLink:
    """The link of a partner of this door."""
    return _ours(shelf.partners[partner])


def _ours(link: Link) -> FhirDoorLink:
    assert isinstance(link, FhirDoorLink)  # noqa: S101  (the shelf gives this door's own links)
    return link
