"""What a server says of its sign-in: ``.well-known/smart-configuration`` (SMART App Launch 2.2, "Conformance")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from casebridge.core.errors import SetupError
from casebridge.core.jsontext import loads
from casebridge_fhir.server import Server
from casebridge_fhir.sign_in_settings import is_loopback, plain_address

WELL_KNOWN = ".well-known/smart-configuration"


@dataclass(frozen=True, slots=True)
class Published:
    """Where tokens are given, and what the server says that it takes; empty where it says nothing."""

    token_endpoint: str
    capabilities: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ()
    algorithms: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()


def discover(server: Server, token_url: str = "") -> Published:
    """Read it from ``server`` (one that sends nothing of us). ``token_url`` stands in for what is not published.

    Raises SetupError CB-110 when there is no token endpoint we may use, TryAgain when the server does not answer.
    """
    try:
        found = _read(server)
    except SetupError:
        if not token_url:
            raise
        return Published(token_url)
    endpoint = token_url or _text(found.get("token_endpoint"))
    _refuse_unsafe(endpoint, server.base)
    return Published(
        endpoint, frozenset(_texts(found.get("capabilities"))), tuple(_texts(found.get("scopes_supported"))),
        frozenset(_texts(found.get("token_endpoint_auth_signing_alg_values_supported"))),
        frozenset(_texts(found.get("token_endpoint_auth_methods_supported"))),
    )  # fmt: skip


def _read(server: Server) -> dict[str, Any]:
    where = f"{server.base}/{WELL_KNOWN}"
    try:
        answer = server.get(WELL_KNOWN)
    except SetupError as e:
        raise SetupError("CB-110", f"{where} cannot be read: {e.message}") from None
    if not answer.ok:
        raise SetupError("CB-110", f"{where} answers {answer.status}")
    try:
        found = loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SetupError("CB-110", f"{where} is not the JSON document it should be")
    return found


def _refuse_unsafe(endpoint: str, base_url: str) -> None:
    """The endpoint may be anywhere the server says, but our assertion never travels in clear text, and a server
    elsewhere never points us at a port of this machine."""
    if not endpoint:
        raise SetupError("CB-110", f"{base_url}/{WELL_KNOWN} names no token_endpoint")
    try:
        plain_address(endpoint, query=True)
        inside = is_loopback(urlsplit(endpoint).hostname or "")
    except ValueError as e:
        raise SetupError("CB-110", f"the server's token_endpoint cannot be used: {e}") from None
    if inside and not is_loopback(urlsplit(base_url).hostname or ""):
        raise SetupError("CB-110", "the server's token_endpoint cannot be used: it is on this machine, not theirs")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
