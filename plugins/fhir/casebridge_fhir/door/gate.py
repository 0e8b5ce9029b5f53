"""Who asks, and what for: a partner by its token, and which types it may read and write."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from casebridge import Link, Shelf
from casebridge_fhir.door.link import FhirDoorSettings
from casebridge_fhir.door.parameters import types
from casebridge_fhir.door.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Asker:
    """A partner that has signed in."""

    partner: str
    readable: frozenset[str]
    writable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Gate:
    """Knows partners by what they bring."""

    shelf: Shelf

    def asker(self, authorization: str) -> Asker:
        """Who it is. Refusal 401 for nobody we know."""
        scheme, _, token = authorization.partition(" ")
        found = None
        for name, link in self.shelf.partners.items() if scheme.lower() == "bearer" and token else ():
            known = _settings(link).token
            if known is not None and hmac.compare_digest(known.get_secret_value().encode(), token.strip().encode()):
                found = Asker(name, frozenset(types()), self._writable(name))
        if found is None:
            raise Refusal(401, "Sign in first: the request needs a bearer token that is good now.",
                          headers={"WWW-Authenticate": "Bearer"})  # fmt: skip
        return found

    def written(self) -> frozenset[str]:
        """Types that some partner may write."""
        return frozenset().union(*(self._writable(name) for name in self.shelf.partners))

    def _writable(self, partner: str) -> frozenset[str]:
        named = frozenset(_settings(self.shelf.partners[partner]).may_write)
        return frozenset(types()) if "*" in named else named & frozenset(types())


def _settings(link: Link) -> FhirDoorSettings:
    settings = getattr(link, "settings", None)
    assert isinstance(settings, FhirDoorSettings)  # noqa: S101  (the shelf gives this door's own links)
    return settings


