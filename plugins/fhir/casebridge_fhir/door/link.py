"""The link ``fhir``: for a partner that comes to our own FHIR server. What is sent to it lies on its shelf there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from casebridge import Context, Dispatch, Outcome, OutFile, Payload, Probe, Receipt, Settings, Thing
from casebridge.core.jsontext import loads
from casebridge.core.signing_keys import SigningKey
from casebridge.core.steps import Step
from casebridge.core.subscriptions import Notification, Subscription
from casebridge_fhir.door.theirs import Theirs
from casebridge_fhir.gathering import NAMES
from casebridge_fhir.notifying.notifier import Notifier
from casebridge_fhir.notifying.settings import NotifyingSettings
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.smart_server import SmartClientSettings, client


class FhirDoorSettings(NotifyingSettings):
    """Who the partner is at our FHIR server, and what it may write there."""

    token: SecretStr | None = Field(
        default=None, min_length=16, description="Its bearer token, env:NAME or file:/path; at least 16 characters")
    smart: SmartClientSettings | None = Field(
        default=None, description="The partner's system that signs in by SMART Backend Services: a table of its own")
    may_write: tuple[str, ...] = Field(
        default=("Task", "Procedure"), description='Resource types it may write, or ["*"] for all')
    server: RestSettings | None = Field(
        default=None, description="Its own FHIR server, where what its Tasks refer to is read: a table of its own")
    recipient: str = Field(default="", description="Owner of the Tasks we put there: the partner, Organization/1")
    requester: str = Field(default="", description="Who asks in them: us, Organization/2")


class FhirDoorLink:
    """Lays what is sent on the partner's shelf at the door ``fhir``."""

    name: ClassVar[str] = "fhir"
    default_format: ClassVar[str] = "fhir-r4"
    window: ClassVar[int] = 100
    finds: ClassVar[bool] = True
    shelves: ClassVar[bool] = True
    doors: ClassVar[tuple[str, ...]] = ("jwks",)  # our keys, for its own server
    Settings: ClassVar[type[Settings]] = FhirDoorSettings

    def __init__(self, settings: FhirDoorSettings, context: Context) -> None:
        self.settings = settings
        self.client = client(settings.smart, context) if settings.smart else None
        self.theirs = Theirs(settings.server, context) if settings.server else None
        self._notes, self._notifier = context.notes, Notifier(settings, Path(context.base_dir))

    @property
    def remark(self) -> str:
        """Why the partner is not told of news, though it wants to be."""
        return self._notes.get("not-notified")

    def notify(self, subscription: Subscription, notification: Notification) -> None:
        """Tell the partner of changes on its shelf."""
        self._notifier.notify(subscription, notification)

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """Nothing: the partner writes at the door."""
        return iter(())

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        """Nothing to tell: whoever wrote has the answer."""

    def send(self, dispatch: Dispatch, key: str) -> Receipt:
        """Each resource as its next version. That it still is the next one is seen when it is written down."""
        made = (self._thing(file, f"{key}.{number}") for number, file in enumerate(dispatch.files))
        return Receipt(dispatch.id, tuple(made))

    def find(self, dispatch: Dispatch, key: str) -> None:
        """Never there after a crash: what lies on the shelf was written down in the same commit."""

    def probe(self) -> Probe:
        """The partner comes to us: only its own server, if we read there, is to be reached."""
        if self.settings.token is None and self.client is None:
            return Probe(False, "neither token nor smart is set, so this partner cannot sign in at our FHIR server")
        if self.theirs and (why := self.theirs.probe()):
            return Probe(False, f"what its Tasks refer to cannot be read: {why}")
        return Probe(True, "the partner can sign in at our FHIR server")

    def sign_in_steps(self, key: SigningKey | None = None) -> Iterator[Step]:
        """How far signing in at its own server gets, if we read there."""
        return self.theirs.sign_in_steps(key) if self.theirs else iter(())

    def expiries(self) -> Mapping[str, date]:
        """Until when our client certificate for its own server is good, and those that we trust."""
        return self.theirs.expiries() if self.theirs else {}

    def close(self) -> None:
        """Let go of connections to its own server."""
        if self.theirs:
            self.theirs.close()

    def _thing(self, file: OutFile, key: str) -> Thing:
        resource: dict[str, Any] = loads(file.data)
        is_new = "id" not in resource
        version = int(resource.get("meta", {}).get("versionId") or 0) + 1
        resource = {**resource, "id": resource.get("id", str(uuid.uuid5(NAMES, key)))}
        resource["meta"] = {**resource.get("meta", {}), "versionId": str(version)}
        if resource["resourceType"] == "Task":
            resource["lastModified"] = datetime.now(UTC).isoformat(timespec="seconds")
            resource |= self._parties() if is_new else {}
        return Thing(file.records[0], f"{resource['resourceType']}/{resource['id']}", str(version), resource)

    def _parties(self) -> dict[str, Any]:
        said = {"owner": self.settings.recipient, "requester": self.settings.requester}
        return {name: {"reference": reference} for name, reference in said.items() if reference}
