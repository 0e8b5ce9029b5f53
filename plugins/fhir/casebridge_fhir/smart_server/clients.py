"""The register of clients: what casebridge.toml says of a partner's system that signs in at our door."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from pydantic import Field, field_validator, model_validator

from casebridge import Context, Settings
from casebridge.core.errors import SetupError
from casebridge.core.jsontext import loads
from casebridge_fhir.sign_in_settings import plain_address
from casebridge_fhir.smart_scopes import understood
from casebridge_fhir.smart_server.grants import Rights, rights
from casebridge_fhir.smart_server.keys import FixedKeys, Keys, PublishedKeys, usable

_WAYS = ("jwks_uri", "jwks_file", "jwks")


class SmartClientSettings(Settings):
    """A partner's client for SMART Backend Services: its name, its public keys, and what it may do."""

    client_id: str = Field(min_length=1, max_length=200, description="The id we gave the partner's system")
    jwks_uri: str = Field(
        default="", description="Where it publishes its public keys: the best way, it can change them"
    )
    ca_file: str = Field(default="", description="Certificates to trust there beside the system's")
    jwks_file: str = Field(default="", description="Else a file with its public keys (a JWK Set)")
    jwks: dict[str, Any] | None = Field(default=None, description="Else the JWK Set itself")
    scopes: str = Field(description="What it may do at most, separated by blanks: system/*.rs system/Task.cu")

    @field_validator("jwks_uri")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return plain_address(value, query=True) if value else value

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, value: str) -> str:
        if not value.split() or any(understood(scope) is None for scope in value.split()):
            raise ValueError("expected scopes such as system/*.rs or system/Task.read, separated by blanks")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> SmartClientSettings:
        if self.ca_file and not self.jwks_uri:
            raise ValueError("ca_file is for jwks_uri")
        if sum(bool(getattr(self, way)) for way in _WAYS) != 1:
            raise ValueError(f"say where its public keys are: one of {', '.join(_WAYS)}")
        return self


@dataclass(frozen=True, slots=True)
class Client:
    """A client that is known here."""

    partner: str
    id: str
    keys: Keys
    allowed: Rights


def client(settings: SmartClientSettings, context: Context) -> Client:
    """The client of ``context.partner``. SetupError CB-101 when its keys cannot be used, CB-114 for its ca_file."""
    allowed, base = rights(settings.scopes.split()), Path(context.base_dir)
    if settings.jwks_uri:
        keys = PublishedKeys(settings.jwks_uri, _trust(base, settings.ca_file))
        return Client(context.partner, settings.client_id, keys, allowed)
    where = f"partner.{context.partner}: the keys of client {settings.client_id}"
    try:
        given = settings.jwks or loads((base / settings.jwks_file).read_bytes())
        found = tuple(usable(given))
    except (OSError, ValueError) as e:
        said = e.strerror if isinstance(e, OSError) else e
        raise SetupError("CB-101", f"{where} cannot be read ({said})") from None
    if not found:
        remedy = "Ask the partner for its public keys: RSA of 2048 bits and more, or P-384, each with a kid."
        raise SetupError("CB-101", f"{where}: there is none among them that can be used", remedy=remedy)
    return Client(context.partner, settings.client_id, FixedKeys(found), allowed)


def _trust(base: Path, ca_file: str) -> ssl.SSLContext | None:
    if not ca_file:
        return None
    trust = httpx2.create_ssl_context()
    try:
        trust.load_verify_locations(base / ca_file)
    except OSError as e:
        said = e.strerror or type(e).__name__
        raise SetupError("CB-114", f"ca_file: {ca_file} cannot be used ({said})") from None
    return trust
