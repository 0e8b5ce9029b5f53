"""The settings of the link ``fhir-rest``."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from casebridge_fhir.references import RELATIVE
from casebridge_fhir.sign_in_settings import SignInSettings, is_loopback, plain_address
from casebridge_fhir.subscribing.mailbox import MailboxSettings


class RestSettings(SignInSettings):
    """Where the partner's FHIR R4 server is and how to behave towards it."""

    base_url: str = Field(description="The server's FHIR base address, https://hospital.example/fhir")
    owner: str = Field(default="", description="Only Tasks with this owner, Organization/123")
    open_tasks: bool = Field(default=False, description="Also Tasks that nobody owns; what we accept becomes ours")
    recipient: str = Field(default="", description="Owner of the Tasks we put there: the partner itself")
    requester: str = Field(default="", description="Who asks in them: us. Set, only Tasks with this requester are read")
    since: str = Field(default="", description="On the first poll, only Tasks changed since then, 2026-11-01")
    connect_timeout: float = Field(default=10.0, gt=0, le=300, description="Seconds to wait for a connection")
    timeout: float = Field(default=30.0, gt=0, le=300, description="Seconds of silence after which we stop waiting")
    total_timeout: float = Field(default=120.0, gt=0, le=3600, description="Seconds for a request and all its answer")
    poll_minutes: float = Field(default=15.0, gt=0, le=1440, description="Minutes between two polls")
    urgent_poll_minutes: float = Field(default=1.0, gt=0, le=1440, description="The same while an urgent one is open")
    subscribe: Literal["no", "classic", "backport"] = Field(
        default="no", description="Have the server tell us when there is something new; we poll all the same")
    notify_key: SecretStr | None = Field(
        default=None, description="subscribe: a secret of ours, 32 characters or more, env:NAME or file:/path")
    notify_mailbox: MailboxSettings | None = Field(
        default=None, description="subscribe: be told by e-mail into this mailbox, its own table; needs no notify_key")
    topic: str = Field(
        default="http://hl7.org/fhir/us/sdoh-clinicalcare/SubscriptionTopic/Task", description="backport: the topic")
    page_size: int = Field(default=50, ge=1, le=1000, description="Tasks asked for at a time")
    max_pages: int = Field(default=200, ge=1, description="Most pages read in one poll")
    max_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, description="Largest answer accepted, in bytes")
    overlap: float = Field(default=60.0, ge=0, description="Seconds each poll looks back, for late commits there")
    attempts: int = Field(default=3, ge=1, le=10, description="Tries per request before the message waits")
    pause: float = Field(default=0.5, ge=0, le=60, description="Seconds before the second try; doubled for each more")
    verify_tls: bool = Field(default=True, description="Check the server's certificate")
    batch: bool | None = Field(default=None, description="Many reads in one request; unset: as the server says")
    conditional_create: bool = Field(default=True, description="Send If-None-Exist; off for a server that refuses it")
    load_parallel: int = Field(default=4, ge=1, le=32, description="load: files of an export fetched at once")
    load_max_bytes: int = Field(default=2 * 1024**3, ge=1024, description="load: largest file of an export, in bytes")
    load_seconds: float = Field(default=3600.0, gt=0, description="load: seconds for one file")
    load_hours: float = Field(default=24.0, gt=0, description="load: hours we wait for an export to be made")
    ignored_parameters: tuple[str, ...] = Field(default=(), description="Search parameters it knows not: never sent")

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        return plain_address(value).rstrip("/")

    @field_validator("owner", "recipient", "requester")
    @classmethod
    def _reference(cls, value: str) -> str:
        if value and not RELATIVE.match(value):
            raise ValueError("expected a reference such as Organization/123")
        return value

    @field_validator("since")
    @classmethod
    def _moment(cls, value: str) -> str:
        if value:
            datetime.fromisoformat(value)
        return value

    @model_validator(mode="after")
    def _a_secret_to_subscribe(self) -> RestSettings:
        by_hook = self.subscribe != "no" and self.notify_mailbox is None
        if by_hook and (self.notify_key is None or len(self.notify_key.get_secret_value()) < 32):
            raise ValueError("subscribe needs notify_key: 32 characters or more that nobody can guess")
        return self

    @model_validator(mode="after")
    def _an_owner_to_be(self) -> RestSettings:
        if self.open_tasks and not self.owner:
            raise ValueError("open_tasks needs owner: who we are there, to be written into what we accept")
        return self

    @model_validator(mode="after")
    def _checked_tls(self) -> RestSettings:
        if not self.verify_tls and not is_loopback(urlsplit(self.base_url).hostname or ""):
            raise ValueError("verify_tls may be off on this machine only")
        return self
