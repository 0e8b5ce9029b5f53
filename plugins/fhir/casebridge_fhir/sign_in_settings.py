"""The settings that say who we are at a partner's FHIR server."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from casebridge import Settings

WAYS = {"token": "token", "basic": "user", "smart": "client_id"}
"""The setting that each way of signing in cannot do without; where it alone is given, it names the way."""
_BELONG = {"token": "token", "user": "basic", "password": "basic", "client_id": "smart", "token_url": "smart",
           "scopes": "smart"}  # fmt: skip


class SignInSettings(Settings):
    """How we sign in: not at all, with a fixed token, with a password, or by SMART Backend Services."""

    auth: Literal["none", "token", "basic", "smart"] = Field(
        default="none", description="How we sign in; told from token, user or client_id where it is not given"
    )
    token: SecretStr | None = Field(default=None, description="token: a fixed bearer token, env:NAME or file:/path")
    user: str = Field(default="", description="basic: our account there")
    password: SecretStr | None = Field(default=None, description="basic: its password, env:NAME or file:/path")
    client_id: str = Field(default="", description="smart: the id the partner gave us, one for each environment")
    token_url: str = Field(default="", description="smart: the token endpoint, if the server does not publish it")
    scopes: str = Field(default="", description="smart: what we ask for, separated by blanks; chosen if not given")
    ca_file: str = Field(default="", description="Certificates to trust, if not the system's")
    client_cert_file: str = Field(default="", description="Our certificate for mutual TLS, with its chain (PEM)")
    client_key_file: str = Field(default="", description="The private key of it (PEM), if not in the same file")
    client_key_password: SecretStr | None = Field(default=None, description="Of that key, env:NAME or file:/path")

    @model_validator(mode="before")
    @classmethod
    def _told_from_what_is_given(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("auth"):
            return given
        ways = [way for way, setting in WAYS.items() if given.get(setting)]
        if len(ways) > 1:
            raise ValueError("say how we sign in: auth = " + " or ".join(f'"{way}"' for way in ways))
        return {**given, "auth": ways[0]} if ways else given

    @model_validator(mode="after")
    def _complete(self) -> SignInSettings:
        needed = {"token": ["token"], "basic": ["user", "password"], "smart": ["client_id"], "none": []}[self.auth]
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f'auth = "{self.auth}" needs {" and ".join(missing)}')
        idle = [name for name, way in _BELONG.items() if getattr(self, name) and way != self.auth]
        if idle:
            raise ValueError(f'{" and ".join(idle)}: not used with auth = "{self.auth}"; take it away')
        if self.client_key_file and not self.client_cert_file:
            raise ValueError("client_key_file needs client_cert_file beside it")
        return self

    @field_validator("token_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return plain_address(value, query=True) if value else value


def plain_address(value: str, *, query: bool = False) -> str:
    """An https address (http on this machine only) without credentials, and without a query unless it may have one;
    ValueError says what is wrong."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or (parts.query and not query):
        raise ValueError("expected an address such as https://hospital.example/fhir")
    if parts.username or parts.password:
        raise ValueError("put the credential into a setting of its own, not into the address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is allowed on this machine only; use https")
    return value


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
