"""The token endpoint and the gate behind it, on plain values (RFC 6749, RFC 6750, SMART Backend Services)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

from casebridge.core.errors import SetupError, TryAgain
from casebridge_fhir.smart_assertion import ASSERTION_TYPE
from casebridge_fhir.smart_server.assertions import NotAccepted, issuer, verified
from casebridge_fhir.smart_server.clients import Client
from casebridge_fhir.smart_server.grants import Grant, narrowed
from casebridge_fhir.smart_server.tokens import LIFETIME, AccessTokens
from casebridge_fhir.smart_server.tries import WrongTries

log = logging.getLogger("casebridge.fhir")
MAX_BYTES = 32 * 1024
"""The largest form that is read."""
FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_MOST_FIELDS = 20


class Once(Protocol):
    """Remembers what was used, for every process of the site and over a restart."""

    def first_time(self, name: str, until: datetime) -> bool:
        """Whether ``name`` is used for the first time; it is remembered until then (aware) at least."""


class NotSignedIn(Exception):
    """No good access token. ``challenge`` is the WWW-Authenticate of the 401 (RFC 6750 3)."""

    def __init__(self, challenge: str) -> None:
        super().__init__("no good access token was brought")
        self.challenge = challenge


@dataclass(frozen=True, slots=True)
class Answer:
    """What the token endpoint answers: JSON, never to be stored on the way."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_STORE)


class _Refused(Exception):
    """An error of RFC 6749 5.2 in words that are the same for everybody."""

    def __init__(self, error: str, say: str, status: int = 400, **headers: str) -> None:
        super().__init__(say)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = Answer(status, {"error": error, "error_description": say}, {**_NO_STORE, **named})


class Gate:
    """Gives access tokens to the clients it knows, and says whose a token is.

    ``base_url`` is the FHIR server's address as partners know it; the token endpoint is ``base_url/token``, and only an
    assertion made for it counts. It is never taken from a request: whoever got hold of an assertion made for another
    server could name that one.
    """

    def __init__(
        self, clients: Iterable[Client], base_url: str, secret: bytes, once: Once,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), tries: WrongTries | None = None,
    ) -> None:  # fmt: skip
        self.base_url = base_url.rstrip("/")
        self.token_url = f"{self.base_url}/token"
        self._clients, self._tokens = _register(clients), AccessTokens(secret, self.base_url)
        self._once, self._clock, self._tries = once, clock, tries or WrongTries()

    def token(self, content_type: str, body: bytes, address: str) -> Answer:
        """The answer to a POST to the token endpoint from ``address`` (an IP address)."""
        try:
            return self._granted(_form(content_type, body), address)
        except _Refused as refused:
            return refused.answer
        except TryAgain as error:
            log.warning("no token could be given: %s", error.message)
            return _Refused("temporarily_unavailable", "Try again in a moment.", 503, Retry_After="5").answer

    def grant(self, authorization: str) -> Grant:
        """Whose access token stands in an Authorization header, and what it is good for now. NotSignedIn otherwise.

        A client that was taken out of the configuration, or may do less than before, has no more at once.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotSignedIn("Bearer")
        found = self._tokens.read(token.strip(), self._clock())
        client = self._clients.get(found.client) if found else None
        if found is None or client is None or client.partner != found.partner:
            raise NotSignedIn('Bearer error="invalid_token"')
        return Grant(found.partner, found.client, narrowed(found.scopes, client.allowed))

    def _granted(self, form: Mapping[str, str], address: str) -> Answer:
        if not form.get("grant_type"):
            raise _Refused("invalid_request", "grant_type is needed.")
        if form["grant_type"] != "client_credentials":
            raise _Refused("unsupported_grant_type", "grant_type must be client_credentials.")
        if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
            raise _Refused(
                "invalid_request", f"client_assertion and client_assertion_type={ASSERTION_TYPE} are needed."
            )
        client = self._known(form, address)
        scopes = narrowed(form.get("scope", "").split(), client.allowed)
        if not scopes:
            raise _Refused(
                "invalid_scope", "None of these scopes can be granted. Ask for scopes such as system/Task.rs."
            )
        grant = Grant(client.partner, client.id, scopes)
        return Answer(200, {
            "access_token": self._tokens.made(grant, self._clock()), "token_type": "bearer",
            "expires_in": int(LIFETIME.total_seconds()), "scope": " ".join(scopes),
        })  # fmt: skip

    def _known(self, form: Mapping[str, str], address: str) -> Client:
        """The client whose assertion it is, which is used up by this. Why it is not accepted is for our log."""
        client: Client | None = None
        self._brake(address)
        try:
            client = self._clients.get(issuer(form["client_assertion"]))
            if client is None:
                raise NotAccepted("there is no such client")
            self._brake(address, client.id)
            if form.get("client_id", client.id) != client.id:
                raise NotAccepted("client_id is not that of the assertion")
            good = verified(form["client_assertion"], client, {self.token_url}, self._clock())
            if not self._once.first_time(good.once, good.until):
                raise NotAccepted("it was used before")
        except NotAccepted as why:
            self._tries.count(address, client.id if client else "")
            log.warning("a client assertion (%s) is not accepted: %s", client.partner if client else "nobody's", why)
            raise _Refused("invalid_client", "The client assertion is not accepted.", 401) from None
        return client

    def _brake(self, address: str, client: str = "") -> None:
        if seconds := self._tries.wait(address, client):
            say = "Too many attempts that were not accepted. Wait."
            raise _Refused("temporarily_unavailable", say, 429, Retry_After=str(seconds))


def _register(clients: Iterable[Client]) -> Mapping[str, Client]:
    found: dict[str, Client] = {}
    for client in clients:
        if (other := found.setdefault(client.id, client)) is not client:
            said = f"partner.{client.partner} and partner.{other.partner} have the same client_id"
            raise SetupError("CB-101", said, remedy="Give each partner's system an id of its own.")
    return found


def _form(content_type: str, body: bytes) -> Mapping[str, str]:
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise _Refused("invalid_request", f"Send {FORM}.")
    if len(body) > MAX_BYTES:
        raise _Refused("invalid_request", f"Send at most {MAX_BYTES} bytes.", 413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True,
                          max_num_fields=_MOST_FIELDS, errors="strict")  # fmt: skip
    except ValueError:
        raise _Refused("invalid_request", f"The body is not {FORM}.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _Refused("invalid_request", "A parameter is given twice.")
    return form
