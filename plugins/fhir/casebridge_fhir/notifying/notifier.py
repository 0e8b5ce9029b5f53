"""Tells one partner what is to be told, by the channel that its Subscription names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from casebridge.core.errors import SetupError
from casebridge.core.jsontext import dumps
from casebridge.core.subscriptions import Notification, Subscription
from casebridge_fhir.notifying import bundles, hook, mail
from casebridge_fhir.notifying.endpoints import is_allowed
from casebridge_fhir.notifying.settings import NotifyingSettings
from casebridge_fhir.xml import to_xml


@dataclass(frozen=True, slots=True)
class Notifier:
    """``folder``: where relative paths in the settings start."""

    settings: NotifyingSettings
    folder: Path

    def notify(self, one: Subscription, what: Notification) -> None:
        """See ``casebridge.core.subscriptions.Notifying``."""
        if one.said["type"] == "email":
            self._mail(one, what)
        elif one.said["topic"] or what.kind == "event-notification":  # a classic one knows no handshake
            hook.post(one.said["endpoint"], [(n, v) for n, v in one.said["headers"]], _body(one, what),
                      one.said["media"], self.settings, self.folder)  # fmt: skip

    def _mail(self, one: Subscription, what: Notification) -> None:
        server = self.settings.notify_mail
        if server is None or not is_allowed(one.said["endpoint"], self.settings):
            raise SetupError("CB-101", "the subscriber's address is none of notify_at any more")
        number = what.events[-1].number if what.events else one.number
        key = hashlib.sha256(f"{one.id} {one.version} {what.kind} {number}".encode()).hexdigest()[:32]
        mail.send(one.said["endpoint"], what.kind, one.id, key, server)


def _body(one: Subscription, what: Notification) -> bytes:
    if not one.said["topic"]:
        return b""
    bundle = bundles.notification(one, what.kind, what.events, datetime.now(UTC))
    return to_xml(bundle) if one.said["media"].endswith("xml") else dumps(bundle)
