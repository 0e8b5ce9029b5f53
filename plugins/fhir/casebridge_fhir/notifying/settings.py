"""Whom we may notify, and how."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from casebridge import Settings
from casebridge_fhir.sign_in_settings import is_loopback

MAILTO = "mailto:"


class MailSettings(Settings):
    """The mail server that notifications by e-mail leave by."""

    host: str = Field(description="The mail server")
    port: int = Field(default=587, gt=0, lt=65536, description="Its port")
    security: Literal["starttls", "tls", "plain"] = Field(
        default="starttls", description="plain is taken only for a server on this machine")
    user: str = Field(default="", description="Our account there, if it asks for one")
    password: SecretStr = Field(default=SecretStr(""), description="Of that account")
    sender: str = Field(pattern=r"^[^\s@<>,;:\"()\\]{1,64}@[A-Za-z0-9.-]{1,255}$", description="Whom the mail is from")

    @field_validator("security")
    @classmethod
    def _no_clear_text(cls, value: str, info: object) -> str:
        host = getattr(info, "data", {}).get("host", "")
        if value == "plain" and not is_loopback(host):
            raise ValueError("plain is for a mail server on this machine only")
        return value


class NotifyingSettings(Settings):
    """Where a partner's subscriptions may lead."""

    notify_at: tuple[str, ...] = Field(
        default=(), description="Where the partner may be notified: https://ehr.example/hooks, mailto:a@b.example")
    notify_networks: tuple[str, ...] = Field(
        default=(), description="Private networks in which these may be, 10.20.0.0/16")
    notify_ca_file: str = Field(default="", description="Certificates to trust there, if not the system's")
    notify_mail: MailSettings | None = Field(default=None, description="For mailto: the mail server, its own table")

    @field_validator("notify_at")
    @classmethod
    def _plain_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            parts = urlsplit(address)
            plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
            if address.startswith(MAILTO) and "@" in address:
                continue
            if not (parts.scheme == "https" or plain) or not parts.hostname or parts.query or parts.fragment or "@" in (
                    parts.netloc):  # fmt: skip
                raise ValueError(f"{address}: expected https://host/path or mailto:someone@host")
        return value

    @field_validator("notify_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value
